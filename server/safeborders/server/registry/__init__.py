"""Model versions, runs and rounds: what was made of what."""
