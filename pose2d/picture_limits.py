"""How large pictures and coordinates may be, for everybody who takes them in."""

MOST_PX = 1_000_000
"""Keypoints, boxes and sizes of pictures reach so far at most, px."""

MOST_PIXELS = 80_000_000
"""Width times height of a picture that is decoded."""
