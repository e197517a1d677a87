"""The federation's authority: off line, on a machine of its own; no process of the coordinator imports it."""
