"""A network in training, asked about the people who are held out."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from evoskeleton.errors import BadInput
from evoskeleton.pose2d.heatmap.calibration import Calibration, fit_calibration
from evoskeleton.pose2d.heatmap.decoding import Decoded, decoded
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.heatmap.person_crops import crop_to_picture, cropped, normalized
from evoskeleton.pose2d.images import read_image
from evoskeleton.pose2d.samples.left_out import PICTURE_BROKEN
from evoskeleton.pose2d.samples.samples import Samples
from evoskeleton.pose2d.scoring.answers import Answers
from evoskeleton.pose2d.scoring.reliability import Reliability, is_right, reliability

_AT_ONCE = 32


class Measured(NamedTuple):
    """What a network says of people.

    Attributes:
        samples: those whose picture could be read.
        answers: keypoints, and peaks in the place of confidences.
    """

    samples: Samples
    answers: Answers


def measured(network: HeatmapNetwork, samples: Samples, device: str = "cpu") -> Measured:
    """Ask a network about people in their boxes."""
    network = network.eval().to(device)
    size, mean = network.settings.picture_px, network.settings.head == "seed"
    points = np.full((len(samples), len(samples.names), 2), np.nan)
    peaks, broken = np.zeros(points.shape[:2]), np.zeros(len(samples), bool)
    for start in range(0, len(samples), _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, len(samples)))
        affines = np.stack([crop_to_picture(box, size) for box in samples.boxes[rows]])
        crops = np.zeros((len(rows), size[1], size[0], 3), np.uint8)
        for at, row in enumerate(rows):
            try:
                image = read_image(samples[int(row)].picture.path)
            except BadInput:
                broken[row] = True
                continue
            crops[at] = cropped(image, affines[at], size)
        found = _decoded(network, crops, device, mean)
        turned = np.swapaxes(affines[:, :, :2], 1, 2)
        points[rows] = found.keypoints @ turned + affines[:, None, :, 2]
        peaks[rows] = found.peaks
    answers = Answers(samples.names, points, peaks).at(~broken)
    return Measured(samples.without(broken, PICTURE_BROKEN), answers)


def calibrated(measured: Measured) -> Calibration | None:
    """Curves from peaks to the share of keypoints that are right; none without people."""
    samples, answers = measured
    if not len(samples):
        return None
    return fit_calibration(answers.confidence, is_right(samples, answers), samples.labelled)


def reliability_of_curves(measured: Measured) -> Reliability | None:
    """How far calibrated confidences are from the truth, each half of the pictures by curves that
    are fitted to the other half; none where there are fewer than two pictures."""
    samples, answers = measured
    _, order = np.unique(samples.of_picture, return_inverse=True)
    if not order.any():
        return None
    sure = np.zeros(answers.confidence.shape)
    for half in (order % 2 == 0, order % 2 == 1):
        curves = calibrated(Measured(samples.at(~half), answers.at(~half)))
        assert curves is not None
        sure[half] = curves.confidence(answers.confidence[half])
    return reliability(samples, replace(answers, confidence=sure))


@torch.no_grad()
def _decoded(network: HeatmapNetwork, crops: np.ndarray, device: str, mean: bool) -> Decoded:
    maps = network(torch.from_numpy(normalized(crops)).to(device))
    return decoded(maps.float().cpu().numpy(), network.settings.picture_px, mean)
