"""The poses of a table that the lifter of their generation got most wrong."""

import numpy as np
import pyarrow.compute as pc

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.annotated import ANNOTATED
from evoskeleton.platform.data.pose_table import PoseTable, as_poses


def hardest_poses(uri: str, count: int) -> np.ndarray:
    """The poses of the largest errors that were not replaced.

    Args:
        uri: of a pose table.
        count: how many; fewer where the table has fewer.

    Returns:
        (poses, 17, 3) float32 world mm, the hardest first, equal ones by id.

    Raises:
        BadInput: there is no such table, or no lifter scored its poses.
    """
    rows = PoseTable.open(uri).chosen(["pose", "error", "operator"])
    rows = rows.filter(
        pc.and_(pc.is_valid(rows["error"]), pc.not_equal(rows["operator"], ANNOTATED))
    )
    if len(rows) == 0:
        raise BadInput(f"pose table {uri} should hold errors of a lifter, no pose of it has one")
    order = np.argsort(-rows["error"].to_numpy(), kind="stable")
    return np.asarray(as_poses(rows["pose"])[order[:count]])
