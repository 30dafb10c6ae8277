"""Sources of real poses, as settings name them."""
