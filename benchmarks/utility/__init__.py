"""Parts of the benchmark of private accuracy: the graph file, our stages, the methods that others publish."""
