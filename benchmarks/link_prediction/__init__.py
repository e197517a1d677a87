"""Parts of the benchmark of link prediction: networks with hidden links, the published stack, ours."""
