"""HTTP to use cases and back; routes translate, nothing else."""
