"""evoskeleton: evolves 3D human poses at cluster scale and trains 2D-to-3D lifters on them."""
