"""Motion in, poses out: sources, and the versioned pose table."""
