"""Where a joint is: a weighted mean of the joints of a file, by name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evoskeleton.evolution.skeleton import JOINT_NAMES


@dataclass(frozen=True)
class Place:
    """Where one of the 17 joints is: a weighted mean of file joints.

    Attributes:
        weights: by file joint; they add up to one.
        note: why that is not the joint itself; empty where it is.
    """

    weights: Mapping[str, float]
    note: str = ""

    @staticmethod
    def mean(*names: str, note: str = "") -> "Place":
        """The mean of file joints."""
        return Place({name: 1.0 / len(names) for name in names}, note)

    def __str__(self) -> str:
        parts = sorted(self.weights)
        if len(parts) == 1:
            return parts[0]
        if len(set(self.weights.values())) == 1:
            return f"the mean of {', '.join(parts)}"
        return " + ".join(f"{self.weights[name]:.3g} {name}" for name in parts)


@dataclass(frozen=True)
class JointMap:
    """A place for each of the 17 joints, by its name in `skeleton.JOINT_NAMES`.

    Attributes:
        name: of the naming.
        places: by joint.
    """

    name: str
    places: Mapping[str, Place]

    def missing(self, joints: Iterable[str]) -> list[str]:
        """The joints of the 17 that have no place among those of a file."""
        there = set(joints)
        return [
            name
            for name in JOINT_NAMES
            if name not in self.places or not there.issuperset(self.places[name].weights)
        ]

    def weights(self, joints: Sequence[str]) -> np.ndarray:
        """(17, joints): what each file joint adds to each of the 17."""
        table = np.zeros((len(JOINT_NAMES), len(joints)))
        at = {name: number for number, name in enumerate(joints)}
        for row, name in enumerate(JOINT_NAMES):
            for joint, weight in self.places[name].weights.items():
                table[row, at[joint]] = weight
        return table

    def approximations(self) -> list[str]:
        """A sentence for each joint that is not the file's own."""
        return [
            f"{name} is approximated by {place}: {place.note}"
            for name, place in self.places.items()
            if place.note
        ]
