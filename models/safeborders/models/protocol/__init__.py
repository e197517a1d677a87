"""What travels between a country and the coordinator: versioned, frozen, signed."""
