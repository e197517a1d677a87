"""Which facts may become a feature, in which order, under which hash."""
