"""Files from outside become canonical rows, or a reason why not."""
