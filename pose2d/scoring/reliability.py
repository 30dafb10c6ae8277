"""How far confidences are from the share of keypoints that is right.

Points are put into bins by their confidence. In each, the mean confidence is compared with the
share that lies within `TOLERANCE` of the longer edge of the box (Guo 2017,
https://arxiv.org/abs/1706.04599).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from evoskeleton.pose2d.heatmap.calibration import TOLERANCE
from evoskeleton.pose2d.samples.samples import Samples
from evoskeleton.pose2d.scoring.answers import Answers, errors_px

BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Bins of confidence that hold points, from the least sure on.

    Attributes:
        points: how many labelled keypoints are in each.
        said: their mean confidence.
        right: the share of them that is right.
    """

    points: tuple[int, ...]
    said: tuple[float, ...]
    right: tuple[float, ...]

    @property
    def error(self) -> float:
        """Mean distance of said and right over all points; NaN where there are none."""
        apart = np.abs(np.subtract(self.said, self.right))
        return float(np.average(apart, weights=self.points)) if self.points else np.nan

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        lists = {name: list(getattr(self, name)) for name in ("points", "said", "right")}
        return lists | ({"error": self.error} if self.points else {})


def is_right(samples: Samples, answers: Answers) -> np.ndarray:
    """(people, keypoints) bool: the answer lies within `TOLERANCE` of the box's longer edge."""
    edges = (samples.boxes[:, 2:] - samples.boxes[:, :2]).max(axis=1)
    near: np.ndarray = errors_px(samples, answers) <= TOLERANCE * edges[:, None]
    return near


def reliability(samples: Samples, answers: Answers) -> Reliability:
    """Of answers about people, over the labelled keypoints that the detector knows.

    Args:
        samples: the people.
        answers: in the same order and keypoints, with confidences.
    """
    asked = samples.labelled & np.isfinite(answers.keypoints).all(axis=2)
    sure, right = answers.confidence[asked], is_right(samples, answers)[asked]
    bins = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    there = [bins == number for number in range(BINS) if (bins == number).any()]
    return Reliability(
        tuple(int(mask.sum()) for mask in there),
        tuple(float(sure[mask].mean()) for mask in there),
        tuple(float(right[mask].mean()) for mask in there),
    )
