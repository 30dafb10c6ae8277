"""What a 2D detector is: a picture in, people out, each with 17 keypoints.

A picture is (height, width, 3) uint8, red green blue, as it should be seen. Keypoints are px in
Human3.6M order: x right, y down, (0, 0) the outer corner of the first pixel.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.plausible_keypoints import MOST_PX
from evoskeleton.shapes import expect_shape

if TYPE_CHECKING:
    from evoskeleton.pose2d.crops import Region

KNOWN = 0.5
"""A keypoint with at least this confidence counts as known to a lifter."""

MOST_STRETCHED = 10
"""The longer side of a picture may be this many times the shorter: a detector that looks at square
tiles has ever more of them."""


@dataclass(frozen=True)
class Person:
    """One person in one picture.

    Attributes:
        box: (4,) float32 px, x0 y0 x1 y1, around the body as far as the picture shows it.
        score: in [0, 1]: that this is a person.
        keypoints: (17, 2) float32 px; may lie outside the picture.
        confidence: (17,) float32 in [0, 1]: that the point is in the picture, about where it is
            said to be. 0 where a detector does not know the joint, whose keypoint may then be NaN.
        visibility: (17,) float32 in [0, 1]: that nothing hides the point.
        approximated: names of the joints that the detector does not know itself and that are a
            mixture of their neighbours.
        own_joints: (17, 3) float32 mm, camera frame, hip at 0: the detector's own 3D, to compare a
            lifter with; none where it gives none. Nobody else looks at it.
        region: where the same person is to be looked for in the next frame of a video; none: they
            have to be searched again.
    """

    box: np.ndarray
    score: float
    keypoints: np.ndarray
    confidence: np.ndarray
    visibility: np.ndarray
    approximated: tuple[str, ...]
    own_joints: np.ndarray | None = None
    region: "Region | None" = None

    @property
    def known(self) -> np.ndarray:
        """(17,) bool: keypoints that a lifter should look at."""
        known: np.ndarray = (self.confidence >= KNOWN) & np.isfinite(self.keypoints).all(axis=1)
        return known


@dataclass
class Stopwatch:
    """Seconds by stage, added up; one for every picture."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time of the block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


class Detector(Protocol):
    """Finds people and their keypoints.

    The same picture gives the same people, whatever was asked before, and calls from several
    threads at once are allowed.
    """

    def detect(
        self,
        image: np.ndarray,
        boxes: np.ndarray | None = None,
        watch: Stopwatch | None = None,
    ) -> list[Person]:
        """People in a picture.

        Args:
            image: (height, width, 3) uint8.
            boxes: (people, 4) px, x0 y0 x1 y1: look here and nowhere else. One person comes back
                for each box, in their order, however unsure.
            watch: takes the time of the stages "find" and "locate".

        Returns:
            Without boxes, the surest first.

        Raises:
            BadInput: the picture or the boxes have another shape or type, or a box is empty or
                wholly outside the picture.
        """
        ...


@runtime_checkable
class Following(Protocol):
    """A detector that may look where people were a moment ago, which is quicker than a search."""

    def follow(
        self, image: np.ndarray, before: Sequence[Person], watch: Stopwatch | None = None
    ) -> list[Person | None]:
        """People who were seen a moment ago, in another frame of the same video.

        Args:
            image: (height, width, 3) uint8.
            before: who was found a moment ago, each as last seen.
            watch: takes the time of the stages "find" and "locate".

        Returns:
            As many as before, in their order; None for whoever is lost.
        """
        ...


@runtime_checkable
class Shareable(Protocol):
    """A detector that can be made ready for several callers at once."""

    def for_callers(self, callers: int) -> Detector:
        """The same detector, which answers so many callers side by side, and the same to each."""
        ...


def check_image(image: np.ndarray) -> None:
    """A picture is what every detector takes.

    Raises:
        BadInput: the shape or the type is another, or it is a strip: tiles of its width are legion.
    """
    expect_shape("image", image, ("height", "width", 3))
    if image.dtype != np.uint8:
        raise BadInput(f"image should be of type uint8, got {image.dtype}")
    if not image.size:
        raise BadInput(f"image should have pixels, got shape {image.shape}")
    height, width = image.shape[:2]
    if max(width, height) > MOST_STRETCHED * min(width, height):
        raise BadInput(
            f"the picture should be at most {MOST_STRETCHED} times as long as wide, "
            f"got {width} x {height}"
        )


def check_boxes(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Boxes of a caller as (people, 4) float64.

    Raises:
        BadInput: the shape is another, a number is not finite, or a box is empty, wholly outside
            the picture, or larger than any picture.
    """
    expect_shape("boxes", boxes, ("people", 4))
    boxes = np.asarray(boxes, np.float64)
    for row, box in enumerate(boxes):
        x0, y0, x1, y1 = box
        if not (np.isfinite(box).all() and x0 < x1 and y0 < y1):
            raise BadInput(f"box {row} should be x0 < x1, y0 < y1, got {_numbers(box)}")
        if np.abs(box).max() > MOST_PX:
            raise BadInput(f"box {row} should lie within {MOST_PX} px, got {_numbers(box)}")
        if x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
            size = f"{width} x {height}"
            raise BadInput(f"box {row} should touch the {size} picture, got {_numbers(box)}")
    return boxes


def _numbers(box: np.ndarray) -> str:
    return " ".join(f"{value:g}" for value in box)
