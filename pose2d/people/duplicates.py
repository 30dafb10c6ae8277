"""One person never twice: detections of the same body in one picture.

A detector may answer twice for one person: from two crops, or with left and right exchanged. Two
detections are one person where the joints that both know lie nearly at the same places, either way
round.
"""

from collections.abc import Sequence

import numpy as np

from evoskeleton.evolution.skeleton import MIRROR
from evoskeleton.pose2d.detector import Person

SAME = 0.5
"""Similarity from which two detections are one person."""

MIXED = 0.2
"""Share from which a person who is made of others is nobody."""

_TOLERANCE = 0.08
_LEAST_SHARED = 4


def distinct(people: Sequence[Person]) -> list[int]:
    """Places of the people that stay, in their order: of those who are one, the surest, the first
    of equals."""
    order = sorted(range(len(people)), key=lambda row: (-_evidence(people[row]), row))
    kept: list[int] = []
    for row in order:
        if all(not are_one(people[row], people[other]) for other in kept):
            kept.append(row)
    return sorted(kept)


def are_one(one: Person, other: Person) -> bool:
    """Whether two detections are of one person."""
    return max(similarity(one, other, False), similarity(one, other, True)) >= SAME


def similarity(one: Person, other: Person, mirrored: bool = False) -> float:
    """Object keypoint similarity in [0, 1], over the joints that both know.

    One tolerance for all joints: 8 % of the size of the smaller body. 0 where fewer than four are
    known to both.

    Args:
        one, other: detections in one picture.
        mirrored: whether left and right of the other are exchanged first.
    """
    order = np.array(MIRROR) if mirrored else np.arange(len(MIRROR))
    both = one.known & other.known[order]
    if both.sum() < _LEAST_SHARED:
        return 0.0
    points, others = one.keypoints[both], other.keypoints[order][both]
    size = min(_size(one), _size(other))
    distance = np.linalg.norm(points - others, axis=1)
    return float(np.exp(-0.5 * (distance / (_TOLERANCE * size)) ** 2).mean())


def explained(person: Person, others: Sequence[Person]) -> float:
    """How far a person is made of others, in [0, 1]: of each known joint, how near somebody has
    the same. Detectors of one person in one crop make such mixtures of people who touch."""
    if not person.known.any():
        return 1.0
    near = np.zeros(len(person.known))
    for other in others:
        distance = np.linalg.norm(person.keypoints - other.keypoints, axis=1)
        alike = np.exp(-0.5 * (distance / (_TOLERANCE * min(_size(person), _size(other)))) ** 2)
        near = np.maximum(near, np.where(other.known, np.nan_to_num(alike), 0.0))
    return float(near[person.known].mean())


def moved_by(one: Person, other: Person) -> float:
    """How far a person went from one frame to another: of the joints that both know the median
    distance, in sizes of the body; infinite where fewer than four are known to both."""
    both = one.known & other.known
    if both.sum() < _LEAST_SHARED:
        return float("inf")
    distance = np.linalg.norm(one.keypoints[both] - other.keypoints[both], axis=1)
    return float(np.median(distance)) / max(_size(one), _size(other))


def _evidence(person: Person) -> float:
    return person.score * float((person.confidence * person.known).sum())


def _size(person: Person) -> float:
    """Longer side of the box around the known keypoints, px."""
    points = person.keypoints[person.known]
    return max(float(np.ptp(points, axis=0).max()), 1.0) if len(points) else 1.0
