"""Rounds of a run at the node: policy, ledger, training, release, and what stays home."""
