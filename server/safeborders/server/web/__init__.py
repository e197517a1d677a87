"""Templates and styles of the coordinator's page."""
