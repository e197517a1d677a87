"""Definitions that every country and the coordinator must agree on. No I/O."""
