"""What a campaign bred, as a small picture of a few of its poses."""

import io

import numpy as np

from evoskeleton.platform.record.run_page.gallery_strip import spread_by_error, strip
from evoskeleton.platform.search.campaign.closing.facts import Facts

SHOWN = 8


def bred_picture(facts: Facts) -> bytes | None:
    """A PNG of bred poses of the table, from the easiest to the hardest; none where none is there.

    Errors are those of the lifter of the day.
    """
    rows = facts.table.chosen(["id", "generation", "error"], campaign=facts.name)
    errors = np.asarray(rows["error"].fill_null(np.nan), float)
    bred = np.flatnonzero((np.asarray(rows["generation"]) > 0) & np.isfinite(errors))
    if len(bred) == 0:
        return None
    shown = bred[spread_by_error(errors[bred], SHOWN)]
    poses = facts.table.poses_of(np.asarray(rows["id"])[shown], facts.name)
    picture = io.BytesIO()
    strip(poses, [f"{error:.0f} mm" for error in errors[shown]]).save(picture, "PNG")
    return picture.getvalue()
