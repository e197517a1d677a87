"""What the coordinator's pages say, computed from the registry and the roster; no HTTP, no SQL."""
