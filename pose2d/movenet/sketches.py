"""From MoveNet's sketches of people to crops for a landmark network, and back to people.

A sketch tells people apart; a landmark network knows more points of one of them, and 3D, but may
slip to a neighbour. It is believed where it agrees with the sketch; elsewhere the sketch stands.
"""

import numpy as np

from evoskeleton.lifting.keypoints.keypoint_formats import APPROXIMATED, BLAZEPOSE_POINTS, COCO
from evoskeleton.pose2d.crops import Region
from evoskeleton.pose2d.detector import Person
from evoskeleton.pose2d.movenet.multipose import Sketch
from evoskeleton.pose2d.people.joints_of_points import joints_of_points

AGREES = 0.7
"""Similarity from which landmarks are those of the sketched person."""

_IN_BLAZEPOSE = [BLAZEPOSE_POINTS.index(name) for name in COCO]
_SHOULDERS = [COCO.index("left_shoulder"), COCO.index("right_shoulder")]
_HIPS = [COCO.index("left_hip"), COCO.index("right_hip")]
_OTHER_SIDE = {"left": "right", "right": "left"}
_MIRRORED = [
    COCO.index("_".join([_OTHER_SIDE.get(word, word) for word in name.split("_")])) for name in COCO
]
_BODY = np.arange(len(COCO)) >= _SHOULDERS[0]
_TOLERANCE = 0.08
_REACH, _TORSOS = 1.15, 1.7
_CROP = 2.5
_SURE = 0.3
"""Heat that MoveNet's authors take for a point that is there."""


def region_of_sketch(sketch: Sketch) -> Region:
    """The crop around a sketched body: a circle about its hips through all that is warm, turned
    so that the body stands, and a quarter more."""
    hips, shoulders = sketch.points[_HIPS].mean(axis=0), sketch.points[_SHOULDERS].mean(axis=0)
    right, down = shoulders - hips
    reach = np.linalg.norm(sketch.points[sketch.warm] - hips, axis=1).max()
    radius = max(_REACH * float(reach), _TORSOS * float(np.hypot(right, down)), 1.0)
    angle = float(np.arctan2(right, -down))
    return Region(float(hips[0]), float(hips[1]), _CROP * radius, angle)


def agreement(sketch: Sketch, points: np.ndarray) -> float:
    """Similarity in [0, 1] of a sketch and (33, 2) landmarks, over the warm points of the body.

    Either way round: who is taken for turned around is the same person.
    """
    there = sketch.warm & _BODY
    if not there.any():
        return 0.0
    ours = points[_IN_BLAZEPOSE]
    return max(_similarity(sketch, each, there) for each in (ours, ours[_MIRRORED]))


def _similarity(sketch: Sketch, points: np.ndarray, there: np.ndarray) -> float:
    distance = np.linalg.norm(sketch.points - points, axis=1)[there]
    return float(np.exp(-0.5 * (distance / (_TOLERANCE * sketch.size)) ** 2).mean())


def sketched_person(sketch: Sketch, image: np.ndarray) -> Person:
    """Our joints of a sketch; heat becomes a confidence that is a half where a point is there."""
    power = np.log(0.5) / np.log(_SURE)
    sure = np.clip(sketch.heat, 0.0, 1.0) ** power
    joints = joints_of_points("coco", sketch.points, sure, sure, image)
    return Person(
        box=joints.box,
        score=float(np.clip(sketch.score, 0.0, 1.0) ** power),
        keypoints=joints.keypoints,
        confidence=joints.confidence,
        visibility=joints.visibility,
        approximated=APPROXIMATED,
    )
