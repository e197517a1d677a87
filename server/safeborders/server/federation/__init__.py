"""SuperLink, public edge, strategy and rounds."""
