"""Object keypoint similarity and COCO's average precision over it.

A keypoint that is d px off has exp(-d^2 / (2 area (2 sigma)^2)); the similarity is the mean over
the labelled points (Lin 2014, https://cocodataset.org/#keypoints-eval). The average precision is
measured by pycocotools, as everybody's is. Points that COCO has not take the sigma of the COCO
point whose place annotators know about as well.
"""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from evoskeleton.extras import require
from evoskeleton.pose2d.samples.names import same_name
from evoskeleton.pose2d.samples.samples import Samples
from evoskeleton.pose2d.scoring.answers import Answers, errors_px

_SIGMAS = {
    "nose": 0.026, "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062,
    "hip": 0.107, "knee": 0.087, "ankle": 0.089,
    "pelvis": 0.107, "spine": 0.107, "thorax": 0.079, "neck": 0.079, "head": 0.035,
}  # fmt: skip
_OTHER = 0.079

LEAST_CONFIDENCE = 0.2
"""A person's score is the mean of confidences above this, as in the published detectors."""

AP_NAMES = (
    "ap", "ap50", "ap75", "ap_medium", "ap_large",
    "ar", "ar50", "ar75", "ar_medium", "ar_large",
)  # fmt: skip
_NO_LIBRARY = "COCO's average precision wants {}: pip install 'evoskeleton[detect]'"


def sigmas(names: Sequence[str]) -> np.ndarray:
    """(keypoints,) COCO's spread of annotators, as a share of the root of the area."""
    return np.array([_sigma(same_name(name)) for name in names])


def _sigma(name: str) -> float:
    parts = [part for part in _SIGMAS if part in name.split("_")]
    return _SIGMAS[parts[-1]] if parts else _OTHER


def similarities(samples: Samples, answers: Answers) -> np.ndarray:
    """(people,) in [0, 1]; NaN for people without a labelled point."""
    apart = errors_px(samples, answers)
    spread = (2.0 * sigmas(samples.names)) ** 2
    area = samples.areas[:, None].astype(np.float64) + np.spacing(1)
    near = np.exp(-(apart**2) / (2.0 * area * spread))
    with np.errstate(invalid="ignore"):
        counts = samples.labelled.sum(axis=1)
        similar: np.ndarray = np.nansum(near, axis=1) / np.where(counts, counts, np.nan)
    return similar


def person_scores(answers: Answers) -> np.ndarray:
    """(people,) how sure a detector is of each person."""
    sure = answers.confidence * (answers.confidence > LEAST_CONFIDENCE)
    counts = np.maximum((sure > 0.0).sum(axis=1), 1)
    scores: np.ndarray = sure.sum(axis=1) / counts
    return scores


def average_precision(samples: Samples, answers: Answers) -> dict[str, float]:
    """COCO's ten numbers by `AP_NAMES`; -1 where there are no people of that size.

    Raises:
        BadInput: pycocotools is not installed.
    """
    coco_module = require("pycocotools.coco", _NO_LIBRARY)
    eval_module = require("pycocotools.cocoeval", _NO_LIBRARY)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco_module.COCO()
        truth.dataset = _truth(samples)
        truth.createIndex()
        measured = eval_module.COCOeval(truth, truth.loadRes(_said(samples, answers)), "keypoints")
        measured.params.kpt_oks_sigmas = sigmas(samples.names)
        measured.evaluate()
        measured.accumulate()
        measured.summarize()
    return dict(zip(AP_NAMES, (float(value) for value in measured.stats), strict=True))


def _truth(samples: Samples) -> dict[str, Any]:
    """The people as COCO has them; ids are places, from 1 on."""
    people = []
    for row, person in enumerate(samples):
        x0, y0, x1, y1 = person.box.astype(float)
        levels = person.labelled.astype(int) + (person.labelled & person.visible)
        points = np.column_stack([np.nan_to_num(person.keypoints), levels])
        people.append(
            {"id": row + 1, "image_id": int(samples.of_picture[row]), "category_id": 1}
            | {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": person.area, "iscrowd": 0}
            | {"keypoints": points.ravel().tolist(), "num_keypoints": int(person.labelled.sum())}
        )
    return {
        "info": {},
        "images": [{"id": at} for at in range(len(samples.pictures))],
        "categories": [{"id": 1, "name": "person", "keypoints": list(samples.names)}],
        "annotations": people,
    }


def _said(samples: Samples, answers: Answers) -> list[dict[str, Any]]:
    scores = person_scores(answers)
    points = np.nan_to_num(np.concatenate([answers.keypoints, answers.confidence[..., None]], 2))
    return [
        {"image_id": int(samples.of_picture[row]), "category_id": 1}
        | {"keypoints": points[row].ravel().tolist(), "score": float(scores[row])}
        for row in range(len(samples))
    ]
