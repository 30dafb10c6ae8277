"""The joints of a file as a tree, with what can be measured on it: lengths, angles, chains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evoskeleton.platform.data.mocap.places import Place

_FRAMES_LOOKED_AT = 200


@dataclass(frozen=True)
class Rig:
    """What is known of the joints of a file.

    Attributes:
        joints: names as the file has them.
        parents: place of each joint's parent, -1 for a root; None where the format has no tree.
        positions: (frames, joints, 3) file units; None where only names are known.
        at_ends: whether joints are the ends of the bones of that name, as in ASF files.
    """

    joints: tuple[str, ...]
    parents: tuple[int, ...] | None = None
    positions: np.ndarray | None = None
    at_ends: bool = False

    def points(self, place: Place) -> np.ndarray | None:
        """(frames, 3) of a place in some of the frames; None without positions."""
        if self.positions is None or not set(place.weights) <= set(self.joints):
            return None
        step = max(1, len(self.positions) // _FRAMES_LOOKED_AT)
        columns = [self.joints.index(name) for name in place.weights]
        weights = np.array(list(place.weights.values()))
        points: np.ndarray = np.einsum("fjc,j->fc", self.positions[::step][:, columns], weights)
        return points

    def length(self, start: Place, end: Place) -> float:
        """Median distance of two places, file units; NaN where it cannot be told."""
        first, last = self.points(start), self.points(end)
        if first is None or last is None:
            return np.nan
        with np.errstate(over="ignore", invalid="ignore"):
            return _median(np.linalg.norm(last - first, axis=1))

    def angle_deg(self, start: Place, middle: Place, end: Place) -> float:
        """Median angle by which the way from `middle` to `end` turns off that before it."""
        places = [self.points(place) for place in (start, middle, end)]
        if any(place is None for place in places):
            return np.nan
        before, after = places[1] - places[0], places[2] - places[1]  # type: ignore[operator]
        sine = np.linalg.norm(np.cross(before, after), axis=1)
        return _median(np.degrees(np.arctan2(sine, (before * after).sum(axis=1))))

    def chain(self, name: str) -> list[str]:
        """A joint and all it hangs on, the root last."""
        if self.parents is None or name not in self.joints:
            return []
        at = self.joints.index(name)
        names: list[str] = []
        while at >= 0 and len(names) <= len(self.joints):
            names.append(self.joints[at])
            at = self.parents[at]
        return names

    def below(self, name: str) -> list[str]:
        """All joints that hang on one, directly or not."""
        if self.parents is None:
            return []
        return [other for other in self.joints if other != name and name in self.chain(other)]


def _median(values: np.ndarray) -> float:
    """Of those that are known; NaN where none is."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else np.nan


def limbs_first(joints: Sequence[str]) -> list[str]:
    """Names with those that speak of limbs first and fingers last, else in the file's order."""
    return sorted(joints, key=_rank)


_LIMBS = (
    *("hip", "thigh", "leg", "knee", "shin", "calf", "foot", "ankle"),
    *("shoulder", "arm", "elbow", "hand", "wrist"),
)
MADE = "joint "
"""Before the name of a joint that a reader made, and the file has not."""

_FINGERS = ("finger", "thumb", "index", "middle", "ring", "pinky", "toe", " end")


def _rank(name: str) -> int:
    low = name.lower()
    if any(word in low for word in _FINGERS) or low.startswith(MADE):
        return 2
    return 0 if any(word in low for word in _LIMBS) else 1
