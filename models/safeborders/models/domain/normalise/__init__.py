"""One spelling for what countries spell differently: names by sound, numbers by their standards."""
