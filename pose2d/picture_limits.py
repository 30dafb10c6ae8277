"""How large pictures may be, for everybody who takes them in."""

MOST_PIXELS = 80_000_000
"""Width times height of a picture that is decoded."""
