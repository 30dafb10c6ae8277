"""What a project looks like from afar: lists of images, and counts."""
