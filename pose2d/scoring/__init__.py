"""How right keypoints in pictures are, by the measures of the field."""
