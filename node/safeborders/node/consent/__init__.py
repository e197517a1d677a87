"""What people at this node allowed, refused and withdrew, and by which rules it counts."""
