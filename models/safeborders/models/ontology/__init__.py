"""The agreed vocabulary as text, with its reasons."""
