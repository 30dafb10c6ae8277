"""Frames of a video to the people in them: searched now and then, followed in between.

A search looks at the whole picture. In between a detector that can (`Following`) looks where
people were in the frame before. Where it loses somebody the picture is searched at once, and while
that brings nobody, ever more seldom; the place where they were is looked at in every frame. The
frames from one search to the next are a block. Blocks know nothing of each other, so that several
are looked at side by side, and how many are changes no answer.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from evoskeleton.pose2d.detector import Detector, Following, Person, Stopwatch
from evoskeleton.pose2d.videos import Frame

MOST_FRAMES = 16
"""Of a block, so that videos of high or unknown rates are searched, and few frames are kept."""

Timed = tuple[Frame, Stopwatch]
BoxesOf = Callable[[Frame], np.ndarray | None]


class Looked(NamedTuple):
    """A frame, who is in it, and whether somebody drew boxes around them."""

    frame: Frame
    watch: Stopwatch
    people: list[Person]
    as_asked: bool


def looked_at(
    frames: Iterator[Timed], detector: Detector, boxes: BoxesOf, seconds: float, workers: int
) -> Iterator[Looked]:
    """The people of each frame, in the order of the frames.

    Args:
        frames: each with the stopwatch of its stages.
        detector: finds people, for so many callers at once as there are workers.
        boxes: those of a frame, of whom to look at; none: the detector searches.
        seconds: from one search to the next; 0: every frame is searched.
        workers: blocks that are looked at side by side.
    """
    look = partial(_look, detector, boxes)
    waiting: deque[Future[list[Looked]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="looking") as pool:
        try:
            for block in blocks(frames, seconds):
                waiting.append(pool.submit(look, block))
                if len(waiting) > workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def blocks(frames: Iterator[Timed], seconds: float) -> Iterator[list[Timed]]:
    """Frames in rows that begin `seconds` after each other, by the times of the frames alone."""
    block: list[Timed] = []
    for frame, watch in frames:
        if block and (frame.seconds - block[0][0].seconds >= seconds or len(block) >= MOST_FRAMES):
            yield block
            block = []
        block.append((frame, watch))
    if block:
        yield block


def _look(detector: Detector, boxes: BoxesOf, block: Sequence[Timed]) -> list[Looked]:
    if not isinstance(detector, Following):
        return [_searched(detector, boxes(frame), frame, watch) for frame, watch in block]
    looked: list[Looked] = []
    followed = _Followed(detector)
    for frame, watch in block:
        asked = boxes(frame)
        if asked is None:
            looked.append(Looked(frame, watch, followed.into(frame.image, watch), False))
        else:
            looked.append(_searched(detector, asked, frame, watch))
            followed = _Followed(detector, looked[-1].people)
    return looked


def _searched(
    detector: Detector, asked: np.ndarray | None, frame: Frame, watch: Stopwatch
) -> Looked:
    return Looked(frame, watch, detector.detect(frame.image, asked, watch), asked is not None)


class _FollowingDetector(Detector, Following, Protocol):
    pass


class _Followed:
    """People of a block as they were last seen, and when to search for whom is missing."""

    def __init__(self, detector: _FollowingDetector, people: Sequence[Person] = ()) -> None:
        self._detector = detector
        self._last = list(people)
        self._pause, self._wait = 1, 0

    def into(self, image: np.ndarray, watch: Stopwatch) -> list[Person]:
        """Who is in the next frame."""
        now = self._detector.follow(image, self._last, watch) if self._last else []
        there = [person for person in now if person is not None]
        self._last = [new or old for new, old in zip(now, self._last, strict=True)]
        if self._last and len(there) == len(self._last):
            return there
        if self._wait:
            self._wait -= 1
            return there
        return self._search(image, there, watch)

    def _search(self, image: np.ndarray, there: list[Person], watch: Stopwatch) -> list[Person]:
        """Everybody in the picture, where that brings more people than those still followed."""
        people = self._detector.detect(image, None, watch)
        if len(people) <= len(there):
            self._pause *= 2
            self._wait = self._pause - 1
            return there
        self._last, self._pause = people, 1
        return people
