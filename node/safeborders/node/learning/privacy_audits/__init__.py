"""Attacks on a node's own release, run by the node itself; what they found in records stays home."""
