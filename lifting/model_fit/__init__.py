"""A body of plausible bone lengths within the joint limits, fitted to the keypoints of a person."""
