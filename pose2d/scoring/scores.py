"""The field's measures of keypoints: PCK of the box, PCKh, pixels, similarity, precision.

PCK@a of the box: the share of labelled points within a times the longer edge of the person's box.
PCKh@0.5: within half a head, of people whose head is annotated (Andriluka 2014). Pixels are of the
picture, as Human3.6M's 4.4 px are. Sizes are COCO's: small below 32^2 px^2, large from 96^2 on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evoskeleton.pose2d.samples.samples import Samples
from evoskeleton.pose2d.scoring.answers import Answers, errors_px
from evoskeleton.pose2d.scoring.oks import average_precision, similarities

SIZES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "small": lambda area: area < 32.0**2,
    "medium": lambda area: (area >= 32.0**2) & (area < 96.0**2),
    "large": lambda area: area >= 96.0**2,
}


@dataclass(frozen=True)
class PointScores:
    """Measures over some points of some people; NaN where there are none.

    Attributes:
        points: how many are labelled.
        pck_box_01, pck_box_02: shares within 0.1 and 0.2 of the box's longer edge.
        pckh_05: share within half a head.
        error_px, median_px: px of the picture.
    """

    points: int
    pck_box_01: float
    pck_box_02: float
    pckh_05: float
    error_px: float
    median_px: float

    @classmethod
    def of(cls, apart: np.ndarray, boxes: np.ndarray, heads: np.ndarray) -> "PointScores":
        """Of (people, keypoints) px, and the (people,) px of boxes and heads."""
        known = ~np.isnan(apart)
        headed = known & np.isfinite(heads)[:, None]
        return cls(
            int(known.sum()),
            _share(apart <= 0.1 * boxes[:, None], known),
            _share(apart <= 0.2 * boxes[:, None], known),
            _share(apart <= 0.5 * heads[:, None], headed),
            float(apart[known].mean()) if known.any() else np.nan,
            float(np.median(apart[known])) if known.any() else np.nan,
        )


@dataclass(frozen=True)
class Scores:
    """How right a detector is.

    Attributes:
        people: how many were measured.
        overall: over all labelled points.
        oks: mean similarity.
        precision: COCO's numbers by name; empty where they were not asked for.
        by_keypoint, by_size, by_sight: over the points of one name, of people of one size, and
            over points in sight and hidden ones.
    """

    people: int
    overall: PointScores
    oks: float
    precision: dict[str, float]
    by_keypoint: dict[str, PointScores]
    by_size: dict[str, PointScores]
    by_sight: dict[str, PointScores]

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain data; numbers that there are none of are absent."""
        groups = ("by_keypoint", "by_size", "by_sight")
        told = {
            group: {name: _plain(each) for name, each in getattr(self, group).items()}
            for group in groups
        }
        return {"people": self.people, "overall": self.headline()} | told

    def headline(self) -> dict[str, float]:
        """The numbers over everybody."""
        return _plain(self.overall) | _present({"oks": self.oks} | self.precision)


def score(samples: Samples, answers: Answers, where: str = "", precision: bool = True) -> Scores:
    """Measure answers by the annotations.

    Args:
        samples: the people.
        answers: in the same order; keypoints of other names are matched by name.
        where: names the detector, for the sentence where hardly any keypoints are the same.
        precision: COCO's average precision as well, which takes a second per thousand people.

    Raises:
        BadInput: hardly any of the keypoints are the same, or pycocotools is not installed.
    """
    said = answers.for_names(samples.names, where)
    samples = _asked(samples, said)
    apart = errors_px(samples, said)
    boxes = (samples.boxes[:, 2:] - samples.boxes[:, :2]).max(axis=1)
    heads = samples.heads_px

    def of(mask: np.ndarray) -> PointScores:
        return PointScores.of(np.where(mask, apart, np.nan), boxes, heads)

    everywhere = np.ones(apart.shape, bool)
    columns = np.arange(len(samples.names))
    sizes = {name: inside(samples.areas)[:, None] & everywhere for name, inside in SIZES.items()}
    return Scores(
        people=len(samples),
        overall=of(everywhere),
        oks=_mean(similarities(samples, said)),
        precision=average_precision(samples, said) if precision else {},
        by_keypoint={name: of(columns == at) for at, name in enumerate(samples.names)},
        by_size={name: of(mask) for name, mask in sizes.items() if mask.any()},
        by_sight={"in sight": of(samples.visible), "hidden": of(~samples.visible)},
    )


def _asked(samples: Samples, said: Answers) -> Samples:
    """The people with those keypoints alone that the detector knows at all."""
    known = np.isfinite(said.keypoints).all(axis=2).any(axis=0)
    return samples.labelled_only(known)


def _share(right: np.ndarray, counted: np.ndarray) -> float:
    return float((right & counted).sum() / counted.sum()) if counted.any() else np.nan


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def _plain(scores: PointScores) -> dict[str, float]:
    return _present(vars(scores))


def _present(numbers: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in numbers.items() if np.isfinite(value)}
