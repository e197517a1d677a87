"""The synthetic world: nine countries' import files, and apart from them what is true."""
