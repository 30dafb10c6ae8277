"""Readers of keypoint files, one a kind; each gives `FoundKeypoints`."""
