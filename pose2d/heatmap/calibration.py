"""How sure a keypoint is: the height of its peak as the share of such peaks that are right.

A logistic curve for every keypoint (Platt 1999), fitted to held-out people: right is a keypoint
that lies within `TOLERANCE` of the longer edge of the box from where it is. Few examples of a
keypoint pull it little from the curve of all of them.
"""

from typing import Any

import numpy as np
from pydantic import Field
from scipy.optimize import minimize

from evoskeleton.settings import Settings
from evoskeleton.shapes import expect_shape

TOLERANCE = 0.1
"""Share of the longer edge of a person's box."""

_PULL = 4.0
"""Examples that the curve of all keypoints counts for, in that of one."""

_STEEPEST = 200.0


class Calibration(Settings):
    """Curves: confidence = 1 / (1 + exp(-(offset + slope x peak))), one for every keypoint."""

    slopes: tuple[float, ...] = Field(description="never negative: a higher peak is surer")
    offsets: tuple[float, ...] = Field(description="what a peak of 0 has, in logits")
    tolerance: float = Field(TOLERANCE, description="share of the box that counts as right")
    examples: int = Field(0, description="keypoints that the curves were fitted to")

    def confidence(self, peaks: np.ndarray) -> np.ndarray:
        """(..., keypoints) peaks as confidences in [0, 1], float32."""
        sure: np.ndarray = _logistic(np.array(self.offsets) + np.array(self.slopes) * peaks)
        return sure.astype(np.float32)


def fit_calibration(peaks: np.ndarray, right: np.ndarray, labelled: np.ndarray) -> Calibration:
    """Curves out of people that the network was not trained on.

    Args:
        peaks: (people, keypoints), see `Decoded`.
        right: (people, keypoints) bool: within the tolerance.
        labelled: (people, keypoints) bool: that the truth is known; the others are not looked at.

    Raises:
        BadInput: the shapes differ.
    """
    expect_shape("peaks", peaks, ("people", "keypoints"))
    expect_shape("right", right, peaks.shape)
    expect_shape("labelled", labelled, peaks.shape)
    everyone = _fitted(peaks[labelled], right[labelled], np.zeros(2), 1e-2)
    curves = [
        _fitted(peaks[known, row], right[known, row], everyone, _PULL)
        for row, known in enumerate(np.asarray(labelled, bool).T)
    ]
    return Calibration(
        slopes=tuple(float(slope) for _, slope in curves),
        offsets=tuple(float(offset) for offset, _ in curves),
        examples=int(np.count_nonzero(labelled)),
    )


def _fitted(peaks: np.ndarray, right: np.ndarray, prior: np.ndarray, pull: float) -> np.ndarray:
    """(offset, slope) of most likelihood, pulled to `prior`."""
    signs = np.where(np.asarray(right, bool), 1.0, -1.0)
    peaks = np.asarray(peaks, np.float64)

    def cost(curve: np.ndarray) -> tuple[float, np.ndarray]:
        margins = signs * (curve[0] + curve[1] * peaks)
        away = curve - prior
        slack = -signs * _logistic(-margins)
        gradient = np.array([slack.sum(), slack @ peaks]) + pull * away
        return float(np.logaddexp(0.0, -margins).sum() + 0.5 * pull * away @ away), gradient

    bounds: Any = [(None, None), (0.0, _STEEPEST)]
    fitted: np.ndarray = minimize(cost, prior, jac=True, method="L-BFGS-B", bounds=bounds).x
    return fitted


def _logistic(values: np.ndarray) -> np.ndarray:
    squashed: np.ndarray = 1.0 / (1.0 + np.exp(-np.clip(values, -100.0, 100.0)))
    return squashed
