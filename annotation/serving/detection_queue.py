"""Pictures of all clients through the detector: few at a time, and a bounded queue before them.

Decoding and detecting run in threads of their own. Only as many pictures as there are threads are
decoded at any moment; the others wait as the bytes that came.
"""

import hashlib
import inspect
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evoskeleton.annotation.domain.rpc_errors import busy
from evoskeleton.annotation.serving.thread_pools import Threads
from evoskeleton.extras import require
from evoskeleton.pose2d.detector import Detector, Person, check_image
from evoskeleton.pose2d.images import decode_image

_FIRST_GUESS_S = 0.3
_SMOOTHING = 0.8


class ServedDetector(NamedTuple):
    """A detector, and by which weights its answers are known; see `Model` of the contract.

    `newer` gives another one that should take its place, or None; it may raise BadInput.
    """

    detector: Detector
    name: str
    version: str
    weight_hash: str
    newer: "Callable[[], ServedDetector | None] | None" = None


class Seen(NamedTuple):
    """People of one picture, its size in px as it should be seen, and who saw them."""

    people: list[Person]
    width: int
    height: int
    detector: ServedDetector


class DetectionQueue:
    """A detector and its queue.

    Attributes:
        detector: that looks at the pictures whose turn comes; another may take its place.
    """

    def __init__(
        self, detector: ServedDetector, most_pixels: int, most_queued: int, threads: int
    ) -> None:
        self.detector = detector
        self._most_pixels, self._most_queued, self._workers = most_pixels, most_queued, threads
        self._threads = Threads(threads, "detector")
        self._seconds = _FIRST_GUESS_S

    async def look(self, data: bytes, boxes: np.ndarray | None) -> Seen:
        """People in a picture; a caller that is cancelled before its turn costs nothing.

        Args:
            data: content of a picture file.
            boxes: (people, 4) px where the caller knows the people.

        Raises:
            BadInput: the picture or a box cannot be used.
            RpcError: RESOURCE_EXHAUSTED, the queue is full.
        """
        if self.queued >= self._most_queued:
            raise busy("pictures", self.queued * self._seconds / self._workers)
        return await self._threads.run(self._detect, data, boxes)

    @property
    def queued(self) -> int:
        """Pictures that wait or are being looked at."""
        return self._threads.held

    async def stop(self) -> None:
        """Wait for the pictures in work; those that wait are cancelled."""
        await self._threads.stop()

    def _detect(self, data: bytes, boxes: np.ndarray | None) -> Seen:
        started = time.perf_counter()
        image = decode_image(data, most_pixels=self._most_pixels)
        height, width = image.shape[:2]
        check_image(image)
        detector = self.detector
        people = detector.detector.detect(image, boxes)
        seconds = time.perf_counter() - started
        self._seconds = _SMOOTHING * self._seconds + (1.0 - _SMOOTHING) * seconds
        return Seen(people, width, height, detector)


def own_detector(name: str) -> ServedDetector:
    """A detector by module:Name; it is known by the hash of its class's source file, and by its
    attributes `version` and `weight_hash` where it has them.

    Raises:
        BadInput: see `pose2d.detectors.load_detector`.
    """
    from evoskeleton.pose2d.detectors import load_detector

    detector = load_detector(name)
    known = getattr(detector, "weight_hash", None) or _source_hash(type(detector))
    return ServedDetector(detector, name, str(getattr(detector, "version", "")), str(known))


def _source_hash(kind: type) -> str:
    try:
        return hashlib.sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest()
    except (OSError, TypeError):
        return ""


def blazepose(threads: int = 2) -> ServedDetector:
    """The embedded detector.

    Raises:
        BadInput: it is not installed, or its weights cannot be had.
    """
    require(
        "PIL",
        "the detector needs Pillow, which is not installed; try pip install 'evoskeleton[detect]'",
    )
    from evoskeleton.pose2d.blazepose import WEIGHTS, BlazePose, BlazePoseSettings

    detector = BlazePose(BlazePoseSettings.parse({"threads": threads}))
    return ServedDetector(detector, "blazepose", WEIGHTS.version, WEIGHTS.digest)
