"""Who descends from whom, out of the pose table."""

import numpy as np

from evoskeleton.platform.data.pose_table import PoseTable


class Ancestors:
    """Who descends from whom, among all rows that a campaign ever had."""

    def __init__(self, table: PoseTable, campaign: str) -> None:
        rows = table.read(["id", "mother"], campaign=campaign).sort_by("id")
        self._ids = np.asarray(rows["id"])
        self._mothers = np.asarray(rows["mother"].fill_null(-1))

    def seeds_of(self, ids: np.ndarray) -> np.ndarray:
        """The first ancestors of bodies, mother by mother; all by id."""
        while True:
            mothers = self._mothers[np.searchsorted(self._ids, ids)]
            if (mothers < 0).all():
                return ids
            ids = np.where(mothers >= 0, mothers, ids)
