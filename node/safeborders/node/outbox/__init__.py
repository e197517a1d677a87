"""What leaves this node, byte for byte, before it does."""
