"""Settings of the node and of the coordinator: typed, strict, loaded once."""
