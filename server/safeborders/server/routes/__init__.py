"""HTTP of the coordinator's page."""
