"""Markers of a take as a file has them, parted into people, without those that nobody named."""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput

LEAST_MARKERS = 8
"""Markers that are a person; fewer of one prefix are a thing that was recorded as well."""

MOST_GAP_S = 0.25
"""Gaps of up to so many seconds are filled along straight lines."""

_NAMELESS = re.compile(r"\*\d*|(un(labell?ed|known|named)|u|marker|ghost)?[ _]?\d+|", re.I)


@dataclass(frozen=True)
class Recorded:
    """One person's markers.

    Attributes:
        source: the file.
        person: what the file calls the person; empty where it holds one.
        names: of the markers, without the person's.
        points: (frames, markers, 3) file units and axes; NaN where a marker was not seen.
        rate: frames a second, or None.
        first_frame: number of the first row.
        unit_mm: millimetres in a file unit, or None.
        up: axis that points up, or None.
        notes: sentences about what was changed while reading.
    """

    source: Path
    person: str
    names: tuple[str, ...]
    points: np.ndarray
    rate: float | None
    first_frame: int
    unit_mm: float | None
    up: str | None = None
    notes: tuple[str, ...] = ()


def people_of(take: Recorded) -> list[Recorded]:
    """A take parted by the prefixes of its names, such as Anna:LASI and Ben:LASI.

    What was never seen, or has no name, is left out. Gaps are filled as far as `MOST_GAP_S`.

    Raises:
        BadInput: no marker is left.
    """
    points = np.array(take.points, np.float64)
    lost = np.asarray(~np.isfinite(points).all(axis=2) | (points == 0.0).all(axis=2))
    points[lost] = np.nan
    groups: dict[str, dict[str, int]] = defaultdict(dict)
    seen = np.asarray((~lost).any(axis=0))
    for column, label in enumerate(take.names):
        person, _, name = label.strip().rpartition(":")
        if seen[column] and not _NAMELESS.fullmatch(name.strip()):
            groups[person].setdefault(name.strip(), column)
    if not groups:
        raise BadInput(f"{take.source} holds no named marker that was ever seen")
    chosen = _people(groups)
    return [_person(take, person, groups[person], points, len(chosen) > 1) for person in chosen]


def _people(groups: dict[str, dict[str, int]]) -> list[str]:
    """The prefixes that are people; the one with most markers where none has enough."""
    large = [person for person, names in groups.items() if len(names) >= LEAST_MARKERS]
    return large or [max(groups, key=lambda person: len(groups[person]))]


def _person(
    take: Recorded, person: str, columns: dict[str, int], points: np.ndarray, several: bool
) -> Recorded:
    own = points[:, list(columns.values())]
    most = max(1, round(MOST_GAP_S * take.rate)) if take.rate else 1
    filled = fill_gaps(own, most)
    return Recorded(
        source=take.source,
        person=person if several else "",
        names=tuple(columns),
        points=own,
        rate=take.rate,
        first_frame=take.first_frame,
        unit_mm=take.unit_mm,
        up=take.up,
        notes=(*take.notes, *_gap_notes(filled, own, most)),
    )


def _gap_notes(filled: int, points: np.ndarray, most: int) -> list[str]:
    if not filled:
        return []
    share = filled / max(points.shape[0] * points.shape[1], 1)
    return [
        f"{filled:,} missing places of markers ({share:.1%}) are filled along straight lines, "
        f"gaps of up to {most} frames"
    ]


def fill_gaps(points: np.ndarray, most: int) -> int:
    """Fill gaps of up to `most` frames within (frames, markers, 3), in place; how many places."""
    count = 0
    for marker in range(points.shape[1]):
        known = np.flatnonzero(np.isfinite(points[:, marker, 0]))
        gaps = np.flatnonzero((np.diff(known) > 1) & (np.diff(known) <= most + 1))
        for gap in gaps:
            start, end = known[gap], known[gap + 1]
            share = (np.arange(start + 1, end) - start)[:, None] / (end - start)
            first, last = points[start, marker], points[end, marker]
            points[start + 1 : end, marker] = (1 - share) * first + share * last
            count += end - start - 1
    return count
