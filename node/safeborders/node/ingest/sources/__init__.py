"""Formats that countries deliver in, one module each: bytes become rows of the import format, or a reason why not."""
