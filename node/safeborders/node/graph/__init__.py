"""The database becomes a typed graph, and the graph curated training examples."""
