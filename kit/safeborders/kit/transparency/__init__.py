"""A log whose history cannot be rewritten unseen: Merkle tree, signed checkpoints, witnesses that co-sign them."""
