"""One person over the frames of a video, as arrays without gaps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evoskeleton.pose2d.detector import KNOWN, Person
from evoskeleton.pose2d.people.sides import READINGS

_FILLED_SIGHT = 0.3


@dataclass
class Track:
    """A person from the first frame to the last in which they were found.

    Attributes:
        first: number of the first frame.
        people: who was found in each frame; None where nobody was.
        keypoints: (frames, 17, 2) px, no gaps.
        known: (frames, 17) bool.
        sight: (frames, 17) in [0, 1], visibility of what is known, 0 of what is not.
        own: (frames, 17, 3) mm, the detector's own 3D; NaN where there is none.
    """

    first: int
    people: list[Person | None]
    keypoints: np.ndarray
    known: np.ndarray
    sight: np.ndarray
    own: np.ndarray

    @classmethod
    def of(cls, found: Mapping[int, Person], gap: int) -> "Track":
        """A track out of people by frame; gaps of up to `gap` frames are filled evenly."""
        first, last = min(found), max(found)
        people = [found.get(frame) for frame in range(first, last + 1)]
        seen = np.array([person is not None for person in people])
        there = [person for person in people if person is not None]
        own = [
            np.full((17, 3), np.nan) if one.own_joints is None else one.own_joints for one in there
        ]
        known = np.array([one.known for one in there])
        sight = np.where(known, np.array([one.visibility for one in there]), 0.0)
        keypoints = np.array([one.keypoints for one in there], np.float64)
        track = cls(
            first,
            people,
            _spread(keypoints, seen, np.nan),
            _spread(known, seen).astype(bool),
            _spread(sight, seen),
            _spread(np.array(own), seen, np.nan),
        )
        track._fill(gap)
        return track

    def __len__(self) -> int:
        return len(self.people)

    def holds(self, row: int) -> bool:
        """Whether the person is in a frame, counted from the first: found, or filled in."""
        within = 0 <= row < len(self)
        return within and (self.people[row] is not None or bool(self.known[row].any()))

    def read(self, readings: np.ndarray) -> None:
        """Take left for right where (frames,) indices into `READINGS` say so."""
        orders = READINGS[readings]
        for name in ("keypoints", "known", "sight", "own"):
            array = getattr(self, name)
            index = orders.reshape(*orders.shape, *(1,) * (array.ndim - 2))
            setattr(self, name, np.take_along_axis(array, index, axis=1))

    def _fill(self, gap: int) -> None:
        """Joints that were lost for up to `gap` frames are known again, evenly between."""
        for joint in range(self.known.shape[1]):
            rows = np.flatnonzero(self.known[:, joint])
            for before, after in zip(rows[:-1], rows[1:], strict=True):
                if 1 < after - before <= gap + 1:
                    self.known[before + 1 : after, joint] = True
                    self.sight[before + 1 : after, joint] = _FILLED_SIGHT
                    self.keypoints[before + 1 : after, joint] = np.nan
            self.keypoints[:, joint] = _evenly(self.keypoints[:, joint])

    def person(self, row: int, keypoints: np.ndarray) -> Person:
        """Whom the answer shows in a frame; made up where the detector found nobody.

        Args:
            row: the frame, counted from the first.
            keypoints: (17, 2) px.
        """
        found, known = self.people[row], self.known[row]
        near = found or self._nearest(row)
        shift = 0.0 if found else np.tile(_middle(keypoints, known) - _middle_of(near), 2)
        own = self.own[row].astype(np.float32)
        confidence = np.where(known, np.maximum(self._confidence(row), KNOWN), 0.0)
        return Person(
            box=(near.box + shift).astype(np.float32),
            score=near.score,
            keypoints=keypoints.astype(np.float32),
            confidence=confidence.astype(np.float32),
            visibility=np.minimum(self.sight[row], confidence).astype(np.float32),
            approximated=near.approximated,
            own_joints=own if np.isfinite(own).all() else None,
        )

    def _confidence(self, row: int) -> np.ndarray:
        found = self.people[row]
        return np.full(17, KNOWN) if found is None else found.confidence

    def _nearest(self, row: int) -> Person:
        near = min(
            (abs(other - row), other) for other, one in enumerate(self.people) if one is not None
        )
        person = self.people[near[1]]
        assert person is not None
        return person


def _evenly(points: np.ndarray) -> np.ndarray:
    """(frames, 2) points with those that are NaN evenly between the others; 0 where all are."""
    there = np.isfinite(points).all(axis=1)
    if not there.any():
        return np.zeros_like(points)
    frames = np.arange(len(points))
    columns = [np.interp(frames, frames[there], points[there, axis]) for axis in range(2)]
    return np.stack(columns, axis=1)


def _middle(points: np.ndarray, known: np.ndarray) -> np.ndarray:
    rows = points[known] if known.any() else points
    middle: np.ndarray = rows.mean(axis=0)
    return middle


def _middle_of(person: Person) -> np.ndarray:
    return _middle(np.nan_to_num(person.keypoints), person.known)


def _spread(rows: np.ndarray, seen: np.ndarray, empty: float = 0.0) -> np.ndarray:
    """Rows of the frames that were seen among all frames, `empty` in the others."""
    spread = np.full((len(seen), *rows.shape[1:]), empty, np.float64)
    spread[seen] = rows
    return spread


def as_people(tracks: Mapping[int, Track], frame: int) -> Sequence[tuple[int, Track, int]]:
    """(id, track, row in it) of everybody in a frame, by id."""
    return [
        (number, track, frame - track.first)
        for number, track in sorted(tracks.items())
        if track.holds(frame - track.first)
    ]
