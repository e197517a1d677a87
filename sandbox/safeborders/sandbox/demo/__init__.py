"""The demonstration: nine nodes and a coordinator as real processes on this machine, on the synthetic world."""
