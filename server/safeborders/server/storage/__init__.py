"""The coordinator's own tables; none can hold a person."""
