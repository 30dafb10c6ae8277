"""People of a video, frame after frame: found people in, moving bodies out, a little later.

What comes in is who was found in each frame. What goes out, when enough of what follows is known:
everybody once, under an id that holds; left and right as they were before; short gaps filled;
keypoints and joints that move evenly; bones of one length. A video is worked on in segments, each
with some frames of what comes before and after, so that memory does not grow with its length.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.pose2d.detector import Person
from evoskeleton.pose2d.people.bones import lengths, with_lengths
from evoskeleton.pose2d.people.duplicates import distinct
from evoskeleton.pose2d.people.misfits import Misfits
from evoskeleton.pose2d.people.settings import FilmSettings
from evoskeleton.pose2d.people.sides import evidence, readings
from evoskeleton.pose2d.people.smoothing import smooth
from evoskeleton.pose2d.people.tracks import Track, as_people
from evoskeleton.pose2d.tracking import PeopleTracker, PeopleTrackingSettings

Lift = Callable[[Sequence[Person]], list[np.ndarray | None]]

_LEAST_FOR_BONES = 5
_UNKNOWN_WEIGHT = 0.03


@dataclass(frozen=True)
class Moving:
    """One person in one frame of a video.

    Attributes:
        identity: the person's number in this video.
        person: keypoints and what is known of them.
        joints: (17, 3) float32 mm, camera frame, hip at 0; None where too little is known.
        filled: whether nobody was found here, and the person is known from before and after.
    """

    identity: int
    person: Person
    joints: np.ndarray | None
    filled: bool


@dataclass
class _Seen:
    """Who was found in a frame, by id, and whether that was worked on before."""

    people: dict[int, Person]
    seconds: float
    readings: dict[int, int] = field(default_factory=dict)


class Film:
    """The people of one video."""

    def __init__(
        self,
        lift: Lift,
        settings: FilmSettings | None = None,
        tracking: PeopleTrackingSettings | None = None,
        misfits: Misfits | None = None,
    ) -> None:
        """An empty film.

        Args:
            lift: gives people of one picture their joints.
            settings: the defaults where none are given.
            tracking: how people are followed.
            misfits: how badly a lifter explains keypoints, to tell sides by; none: motion alone
                tells them.
        """
        self.settings = settings or FilmSettings.parse({})
        self._lift = lift
        self._misfits = misfits
        self._tracker = PeopleTracker(tracking)
        self._frames: list[_Seen] = []
        self._given = 0
        self._bones: dict[int, np.ndarray] = {}

    def add(
        self, people: Sequence[Person], seconds: float, as_asked: bool = False
    ) -> Iterator[tuple[list[Moving], float]]:
        """The next frame's people; gives the frames that are done by now, in their order.

        With each come the seconds that it took, beside the detector's.

        Args:
            people: who was found.
            seconds: time of the frame.
            as_asked: everybody counts, for somebody drew boxes around them.
        """
        kept = list(people) if as_asked else [people[row] for row in distinct(people)]
        ids = self._tracker.update(kept)
        self._frames.append(_Seen(dict(zip(ids, kept, strict=True)), seconds))
        ready = len(self._frames) - self._given - self.settings.context
        if ready >= self.settings.segment:
            yield from self._give(ready)

    def end(self) -> Iterator[tuple[list[Moving], float]]:
        """The frames that are left."""
        yield from self._give(len(self._frames) - self._given)

    def _give(self, count: int) -> Iterator[tuple[list[Moving], float]]:
        began = time.perf_counter()
        tracks = self._tracks()
        bodies = {number: self._body(number, track) for number, track in tracks.items()}
        each = (time.perf_counter() - began) / max(count, 1)
        for frame in range(self._given, self._given + count):
            people = as_people(tracks, frame)
            yield (
                [_moving(number, track, row, bodies[number]) for number, track, row in people],
                each,
            )
        self._forget(self._given + count)

    def _forget(self, given: int) -> None:
        """Keep the frames that what follows is seen beside."""
        first = max(given - self.settings.context, 0)
        self._frames = self._frames[first:]
        self._given = given - first

    def _tracks(self) -> dict[int, Track]:
        numbers = sorted({number for frame in self._frames for number in frame.people})
        tracks = {}
        for number in numbers:
            found = {
                at: frame.people[number]
                for at, frame in enumerate(self._frames)
                if number in frame.people
            }
            if len(found) < min(self.settings.least_frames, len(self._frames) / 4):
                continue
            tracks[number] = Track.of(found, self.settings.gap)
            self._set_right(number, tracks[number])
        return tracks

    def _set_right(self, number: int, track: Track) -> None:
        """Exchange left and right where the track says so, as before where that was said before."""
        frames = self._frames[track.first : track.first + len(track)]
        before = [frame.readings.get(number) for frame in frames[:2]]
        start = (before[0], before[1]) if len(before) == 2 else (None, None)
        known = None if start[0] is None or start[1] is None else (start[0], start[1])
        weights = np.where(track.known, 0.1 + 0.9 * track.sight, 0.0)
        read = readings(track.keypoints, weights, self._evidence(track), known)
        track.read(read)
        for frame, reading in zip(frames, read, strict=True):
            frame.readings[number] = int(reading)

    def _evidence(self, track: Track) -> np.ndarray | None:
        if self._misfits is None:
            return None
        return evidence(track.keypoints, track.known, track.sight, self._misfits)

    def _body(self, number: int, track: Track) -> tuple[np.ndarray, np.ndarray]:
        """Keypoints (frames, 17, 2) px and joints (frames, 17, 3) mm; NaN where none are."""
        rate = self._rate()
        sight = np.where(track.known, 0.1 + 0.9 * track.sight, _UNKNOWN_WEIGHT)
        keypoints = track.keypoints
        if self.settings.smooth:
            keypoints = smooth(keypoints, sight, self.settings.keypoints_hz, rate)
        people = [track.person(row, points) for row, points in enumerate(keypoints)]
        joints = np.full((len(track), len(JOINT_NAMES), 3), np.nan)
        for row, found in enumerate(self._lift(people)):
            if found is not None:
                joints[row] = found
        return keypoints, self._moved_evenly(number, joints, sight, rate)

    def _moved_evenly(
        self, number: int, joints: np.ndarray, sight: np.ndarray, rate: float
    ) -> np.ndarray:
        """Joints that do not tremble, on bones that keep their lengths."""
        there = np.isfinite(joints).all(axis=(1, 2))
        if not there.any():
            return joints
        weights = np.where(there[:, None], sight, 0.0)
        even = np.where(there[:, None, None], joints, 0.0)
        if self.settings.smooth:
            even = smooth(even, weights, self.settings.joints_hz, rate)
        if number not in self._bones and there.sum() >= _LEAST_FOR_BONES:
            self._bones[number] = lengths(even[there], weights[there])
        if number in self._bones:
            even = with_lengths(even, self._bones[number])
        return np.where(there[:, None, None], even - even[:, :1], np.nan)

    def _rate(self) -> float:
        """Frames a second, by the middling distance of their times; 30 where none are known."""
        steps = np.diff([frame.seconds for frame in self._frames])
        steps = steps[steps > 0]
        return float(1.0 / np.median(steps)) if len(steps) else 30.0


def _moving(number: int, track: Track, row: int, body: tuple[np.ndarray, np.ndarray]) -> Moving:
    keypoints, joints = body[0][row], body[1][row]
    there = bool(np.isfinite(joints).all())
    return Moving(
        number,
        track.person(row, keypoints),
        joints.astype(np.float32) if there else None,
        track.people[row] is None,
    )
