"""A detector asked about annotated people, picture by picture, in their annotated boxes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.pose2d.detector import Detector
from evoskeleton.pose2d.heatmap.heatmap_detector import HeatmapDetector
from evoskeleton.pose2d.images import read_image
from evoskeleton.pose2d.samples.left_out import PICTURE_BROKEN
from evoskeleton.pose2d.samples.samples import Samples
from evoskeleton.pose2d.scoring.answers import Answers

Progress = Callable[[int, int], None]


class Asked(Protocol):
    """Whoever says keypoints of people in given boxes.

    Attributes:
        names: of the keypoints.
    """

    @property
    def names(self) -> tuple[str, ...]: ...

    def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(people, keypoints, 2) px and (people, keypoints) confidences in (people, 4) boxes."""
        ...


class OwnPoints:
    """A heat-map detector in its own keypoints."""

    def __init__(self, detector: HeatmapDetector) -> None:
        self._detector, self.names = detector, detector.card.network.keypoints

    def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = [self._detector.locate(image, box) for box in boxes]
        peaks = np.concatenate([one.peaks for one in found])
        points = np.concatenate([one.keypoints for one in found])
        return points, self._detector.confidence(peaks)


class OurJoints:
    """Any detector in the joints that it knows itself; those that it mixes are not asked."""

    def __init__(self, detector: Detector) -> None:
        self._detector, self.names = detector, JOINT_NAMES

    def __call__(self, image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        people = self._detector.detect(image, boxes)
        points = np.stack([person.keypoints for person in people]).astype(np.float64)
        mixed = [[name in person.approximated for name in JOINT_NAMES] for person in people]
        sure = np.stack([person.confidence for person in people])
        return np.where(np.array(mixed)[..., None], np.nan, points), np.where(mixed, 0.0, sure)


def ask(
    asked: Asked, samples: Samples, progress: Progress = lambda done, total: None
) -> tuple[Answers, Samples]:
    """What is said of everybody; people whose picture breaks off are left out and counted."""
    count, points = len(samples), len(asked.names)
    keypoints, confidence = np.full((count, points, 2), np.nan), np.zeros((count, points))
    broken = np.zeros(count, bool)
    for done, rows in enumerate(_by_picture(samples), 1):
        picture = samples.pictures[int(samples.of_picture[rows[0]])]
        try:
            image = read_image(picture.path)
        except BadInput:
            broken[rows] = True
            continue
        keypoints[rows], confidence[rows] = asked(image, samples.boxes[rows])
        progress(done, len(samples.pictures))
    answers = Answers(asked.names, keypoints, confidence).at(~broken)
    return answers, samples.without(broken, PICTURE_BROKEN)


def _by_picture(samples: Samples) -> Iterator[np.ndarray]:
    """Rows of the people of one picture after the other."""
    order = np.argsort(samples.of_picture, kind="stable")
    ends = np.flatnonzero(np.diff(samples.of_picture[order])) + 1
    return iter(np.split(order, ends) if len(order) else [])


def some(samples: Samples, most: int) -> Samples:
    """At most so many people, evenly over the set."""
    if len(samples) <= most:
        return samples
    rows = np.linspace(0, len(samples) - 1, most).round().astype(np.int64)
    return replace(samples.at(rows), left_out={})
