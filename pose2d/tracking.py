"""Who is who in the next frame: ids of people over the frames of a video.

Every person who was seen is expected where their last speed takes them; people of the new frame are
assigned to the expectations so that the sum of the keypoint similarities is greatest (Kuhn 1955,
the Hungarian method, as in Bewley 2016, https://arxiv.org/abs/1602.00763).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy.optimize import linear_sum_assignment

from evoskeleton.evolution.skeleton import MIRROR
from evoskeleton.pose2d.detector import Person
from evoskeleton.settings import Settings


class PeopleTrackingSettings(Settings):
    """How long a person is remembered and how far one may move."""

    reach: float = Field(
        0.15, gt=0, lt=1,
        description="distance from where a person is expected that halves the similarity, in sizes "
        "of the body"
    )  # fmt: skip
    least_similarity: float = Field(
        0.1, gt=0, lt=1, description="least similarity at which a person is the one seen before"
    )
    patience: int = Field(15, ge=0, description="frames for which a lost person is remembered")
    steadiness: float = Field(
        0.5, ge=0, lt=1, description="share of the old speed that is kept when a person is seen"
    )


@dataclass
class _Track:
    """One remembered person: px and px a frame."""

    number: int
    keypoints: np.ndarray
    speed: np.ndarray
    size: float
    unseen: int = 0

    def expected(self) -> np.ndarray:
        """(17, 2) px in the frame that comes: everybody moves as one piece."""
        expected: np.ndarray = self.keypoints + self.speed * (self.unseen + 1)
        return expected


class PeopleTracker:
    """Gives ids to the people of one video, frame after frame, from 0 in the order of sight."""

    def __init__(self, settings: PeopleTrackingSettings | None = None) -> None:
        self.settings = settings or PeopleTrackingSettings.parse({})
        self._tracks: list[_Track] = []
        self._next = 0

    def update(self, people: Sequence[Person]) -> list[int]:
        """Ids of the people of the next frame, in their order."""
        ids = [-1] * len(people)
        for track, row in self._assignment(people):
            self._see(track, people[row])
            ids[row] = track.number
        seen = set(ids)
        for track in self._tracks:
            track.unseen = 0 if track.number in seen else track.unseen + 1
        for row, person in enumerate(people):
            if ids[row] < 0:
                ids[row] = self._begin(person)
        self._tracks = [t for t in self._tracks if t.unseen <= self.settings.patience]
        return ids

    def _assignment(self, people: Sequence[Person]) -> list[tuple[_Track, int]]:
        if not people or not self._tracks:
            return []
        alike = np.array(
            [[self._similarity(track, person) for person in people] for track in self._tracks]
        )
        alike = np.where(alike >= self.settings.least_similarity, alike, 0.0)
        rows, columns = linear_sum_assignment(alike, maximize=True)
        return [
            (self._tracks[row], int(column))
            for row, column in zip(rows, columns, strict=True)
            if alike[row, column] > 0.0
        ]

    def _similarity(self, track: _Track, person: Person) -> float:
        """In [0, 1]; 0.5 where the middling joint is `reach` body sizes from its expectation.

        A body whose left was taken for its right is the same person.
        """
        size = max(track.size, _size(person))
        expected = track.expected()
        both = (_middling(person.keypoints[order], expected) for order in _EITHER_WAY)
        return float(0.5 ** (min(both) / (self.settings.reach * size)))

    def _see(self, track: _Track, person: Person) -> None:
        keep = self.settings.steadiness
        step = np.nanmedian(person.keypoints - track.keypoints, axis=0) / (track.unseen + 1)
        track.speed = keep * track.speed + (1.0 - keep) * np.nan_to_num(step)
        track.keypoints = person.keypoints
        track.size = _size(person)

    def _begin(self, person: Person) -> int:
        self._tracks.append(_Track(self._next, person.keypoints, np.zeros(2), _size(person)))
        self._next += 1
        return self._next - 1


_EITHER_WAY = (np.arange(len(MIRROR)), np.array(MIRROR))


def _middling(points: np.ndarray, expected: np.ndarray) -> float:
    """Median distance of (17, 2) points that are known, px; infinite where none is."""
    distance = np.linalg.norm(points - expected, axis=1)
    distance = distance[np.isfinite(distance)]
    return float(np.median(distance)) if len(distance) else float("inf")


def _size(person: Person) -> float:
    """Longer edge of the box around all keypoints, px."""
    points = person.keypoints[np.isfinite(person.keypoints).all(axis=1)]
    return max(float(np.ptp(points, axis=0).max()), 1.0) if len(points) else 1.0
