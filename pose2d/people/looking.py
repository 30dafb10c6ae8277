"""Frames of a video to the people in them: searched now and then, followed in between.

A search looks at the whole picture. In between a detector that can (`Following`) looks where
people were in the frame before, and searches where it loses somebody. The frames from one search
to the next are a block. Blocks know nothing of each other, so that several are looked at side by
side, and how many are changes no answer.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

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
    looked: list[Looked] = []
    for frame, watch in block:
        asked = boxes(frame)
        before = looked[-1].people if looked and asked is None else []
        people = _followed(detector, frame, before, watch)
        if people is None:
            people = detector.detect(frame.image, asked, watch)
        looked.append(Looked(frame, watch, people, asked is not None))
    return looked


def _followed(
    detector: Detector, frame: Frame, before: Sequence[Person], watch: Stopwatch
) -> list[Person] | None:
    if not before or not isinstance(detector, Following):
        return None
    return detector.follow(frame.image, before, watch)
