"""Shared tools that know nothing of the business: errors, files, keys, databases, processes."""
