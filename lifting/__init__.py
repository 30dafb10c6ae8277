"""Between 2D and 3D: cameras, the lifter, its training and its evaluation. No Ray."""
