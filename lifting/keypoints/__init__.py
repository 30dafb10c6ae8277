"""Files and layouts of 2D keypoints."""
