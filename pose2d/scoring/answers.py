"""What a detector says of annotated people, beside the annotations."""

from dataclasses import dataclass, replace

import numpy as np

from evoskeleton.pose2d.samples.names import matching
from evoskeleton.pose2d.samples.samples import Samples


@dataclass(frozen=True)
class Answers:
    """Keypoints of people, in the order of their samples.

    Attributes:
        names: of the keypoints.
        keypoints: (people, keypoints, 2) px of the picture; NaN where nothing is said.
        confidence: (people, keypoints) in [0, 1].
    """

    names: tuple[str, ...]
    keypoints: np.ndarray
    confidence: np.ndarray

    def for_names(self, names: tuple[str, ...], where: str) -> "Answers":
        """The same answers in other keypoints; NaN and 0 for those that are not among these.

        Raises:
            BadInput: hardly any of the keypoints are among these.
        """
        if names == self.names:
            return self
        places = matching(self.names, names, where)
        known = places >= 0
        points = np.where(known[:, None], self.keypoints[:, places], np.nan)
        return Answers(names, points, np.where(known, self.confidence[:, places], 0.0))

    def at(self, rows: np.ndarray) -> "Answers":
        """Some of the people."""
        return replace(self, keypoints=self.keypoints[rows], confidence=self.confidence[rows])


def errors_px(samples: Samples, answers: Answers) -> np.ndarray:
    """(people, keypoints) px between answer and annotation: NaN where a point is not labelled, and
    infinite where a labelled one has no answer."""
    apart = np.linalg.norm(answers.keypoints - samples.keypoints, axis=2)
    missing = ~np.isfinite(answers.keypoints).all(axis=2)
    return np.where(samples.labelled, np.where(missing, np.inf, apart), np.nan)


def mean_pose(samples: Samples) -> Answers:
    """The mean place of every keypoint in the boxes, said of everybody: what a detector has to be
    better than. It has seen the answers."""
    corner = samples.boxes[:, None, :2]
    size = samples.boxes[:, None, 2:] - corner
    shares = np.where(samples.labelled[..., None], (samples.keypoints - corner) / size, 0.0)
    counts = samples.labelled.sum(axis=0)[:, None]
    means = np.where(counts, shares.sum(axis=0) / np.maximum(counts, 1), 0.5)
    points = corner + means * size
    return Answers(samples.names, points, np.ones(points.shape[:2]))
