"""The coordinator: it aggregates what countries release and never sees a record."""
