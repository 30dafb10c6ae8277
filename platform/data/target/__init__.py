"""Keypoints of the people that a lifter will be used on: what a search may be sent towards."""
