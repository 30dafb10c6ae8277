"""Why an annotated person cannot be used, in words that are counted and told."""

from collections.abc import Mapping

CROWD = "a crowd"
OTHER_CATEGORY = "of another category"
NO_POINT = "no point labelled"
PICTURE_MISSING = "picture missing"
PICTURE_BROKEN = "picture broken"
PICTURE_SIZE = "picture of another size than its annotations say"
BOX_OUTSIDE = "box outside the picture"
BOX_EMPTY = "box empty"
POINTS_OUTSIDE = "all points outside the picture"


def counted(left_out: Mapping[str, int]) -> str:
    """`12 (picture missing), 3 (box outside the picture)`; empty where nobody is left out."""
    return ", ".join(f"{count:,} ({why})" for why, count in sorted(left_out.items()) if count)
