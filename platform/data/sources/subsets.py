"""Seed subsets in the notation of Li et al. 2020: "0.01S1", "S15678", for any subjects' names.

A share, if there is one, comes first; what follows names the subjects: one by its whole name,
several joined by "+", or, as published, S and a digit for each of S1 to S9. The share is drawn
from every clip alike, by a seed of its own, so that every run of that seed sees the same poses.
"""

import re
from typing import NamedTuple

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.poses import PoseSet

_SHARE = re.compile(r"(?P<share>0?\.\d+)?\s*(?P<names>.+)")


class Subset(NamedTuple):
    """What a subset's text means."""

    share: float
    subjects: tuple[str, ...]


def parse_subset(text: str, known: list[str]) -> Subset:
    """The meaning of a text such as "0.01S1", given the subjects that there are.

    Raises:
        BadInput: it has another form, or names a subject that is not there.
    """
    match = _SHARE.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"subset should look like 0.01S1, S156 or anna+ben, got {text!r}")
    share = float(match["share"] or 1.0)
    if share == 0.0:
        raise BadInput(f"subset {text} draws nothing: its share is zero")
    return Subset(share, _subjects(text, match["names"], known))


def _subjects(text: str, names: str, known: list[str]) -> tuple[str, ...]:
    asked = names.split("+")
    if names not in known and re.fullmatch(r"S[1-9]{2,}", names):
        asked = [f"S{digit}" for digit in names[1:]]
    absent = [name for name in asked if name not in known]
    if absent:
        there = ", ".join(known)
        raise BadInput(f"subset {text}: there is no subject {absent[0]}; there are {there}")
    return tuple(dict.fromkeys(asked))


def draw_subset(poses: PoseSet, text: str, seed: int) -> PoseSet:
    """The rows of a subset, in the order in which they were.

    Of n rows in all, `round(share * n)` are drawn, but at least one: from every clip its share, and
    what rounding leaves over from the clips that lost most by it.

    Raises:
        BadInput: see `parse_subset`.
    """
    subset = parse_subset(text, sorted({str(name) for name in poses.subject}))
    poses = poses.take(np.flatnonzero(np.isin(poses.subject, subset.subjects)))
    if subset.share == 1.0:
        return poses
    random = np.random.Generator(np.random.Philox(seed))
    clip = poses.clip_number()
    counts = _apportioned(np.bincount(clip), subset.share)
    drawn = [
        random.permutation(np.flatnonzero(clip == number))[:count]
        for number, count in enumerate(counts)
    ]
    return poses.take(np.sort(np.concatenate(drawn)))


def _apportioned(sizes: np.ndarray, share: float) -> np.ndarray:
    """Whole numbers near `share * sizes` with the right sum (largest remainders first)."""
    exact = share * sizes
    counts = np.floor(exact).astype(np.int64)
    missing = max(1, round(share * int(sizes.sum()))) - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    return counts
