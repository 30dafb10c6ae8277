"""Who descends from whom, out of the pose table."""

from collections.abc import Sequence

import numpy as np

from evoskeleton.platform.data.pose_table import PoseTable


class Ancestors:
    """Who descends from whom, among all rows that a campaign ever had."""

    def __init__(self, table: PoseTable, campaign: str) -> None:
        rows = table.read(["id", "mother", "operator"], campaign=campaign).sort_by("id")
        self._ids = np.asarray(rows["id"])
        self._mothers = np.asarray(rows["mother"].fill_null(-1))
        self._operators = rows["operator"]

    def seeds_of(self, ids: np.ndarray) -> np.ndarray:
        """The first ancestors of bodies, mother by mother; all by id."""
        while True:
            mothers = self._mothers[np.searchsorted(self._ids, ids)]
            if (mothers < 0).all():
                return ids
            ids = np.where(mothers >= 0, mothers, ids)

    def line_of(self, name: int) -> list[int]:
        """Ids of a body's mother, of hers, and so on; the last is a seed, or was never bred."""
        line = []
        while (mother := int(self._mothers[np.searchsorted(self._ids, name)])) >= 0:
            line.append(mother)
            name = mother
        return line

    def operators_of(self, names: Sequence[int]) -> list[str]:
        """What made each of some bodies, names joined by +."""
        return [self._operators[int(place)].as_py() for place in np.searchsorted(self._ids, names)]
