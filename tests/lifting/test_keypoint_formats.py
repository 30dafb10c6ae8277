"""Keypoint sets of detectors and annotators become our 17 joints, and back."""

import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES, MIRROR, Joint
from evoskeleton.lifting.keypoints.keypoint_formats import (
    APPROXIMATED,
    BLAZEPOSE_POINTS,
    COCO,
    SAME_JOINT,
    human36m_to_coco,
    known_set,
    set_of_names,
)


def moved(points: np.ndarray, affine: np.ndarray) -> np.ndarray:
    return points @ affine[:, :2].T + affine[:, 2]


@pytest.mark.parametrize("name", ["coco", "blazepose"])
def test_joints_move_with_the_picture(name):
    """Shifting, turning and scaling all points does the same to all joints."""
    keypoints = known_set(name)
    points = np.random.default_rng(4).uniform(0, 900, (3, len(keypoints.names), 2))
    affine = np.array([[0.6, -1.1, 30.0], [1.1, 0.6, -70.0]])
    there = keypoints.to_human36m(moved(points, affine))[0]
    assert np.allclose(there, moved(keypoints.to_human36m(points)[0], affine), atol=1e-2)


@pytest.mark.parametrize("name", ["coco", "blazepose"])
def test_the_mirrored_body_has_the_mirrored_joints(name):
    keypoints = known_set(name)
    swap = {"left": "right", "right": "left"}
    names = ["_".join(swap.get(part, part) for part in n.split("_")) for n in keypoints.names]
    index = [keypoints.names.index(other) for other in names]
    points = np.random.default_rng(5).uniform(0, 900, (3, len(names), 2))
    mirrored = keypoints.to_human36m(points[:, index])[0]
    assert np.allclose(mirrored, keypoints.to_human36m(points)[0][:, list(MIRROR)], atol=1e-3)


def test_shared_joints_go_to_coco_and_back():
    ours = np.random.default_rng(6).uniform(0, 900, (4, 17, 2)).astype(np.float32)
    points, known = human36m_to_coco(ours)
    assert known.sum() == 4 * 12 and not known[:, :5].any()
    back, confidence = known_set("coco").to_human36m(points, known.astype(float))
    shared = [JOINT_NAMES.index(name) for name in SAME_JOINT]
    assert np.array_equal(back[:, shared], ours[:, shared])
    assert (confidence[:, [Joint.HEAD, Joint.NECK]] == 0).all()
    assert np.isnan(back[:, Joint.HEAD]).all() and np.isfinite(back[:, Joint.THORAX]).all()


def test_a_mixture_is_as_sure_as_its_least_sure_point():
    sure = np.ones((1, 17))
    sure[0, COCO.index("left_hip")] = 0.25
    confidence = known_set("coco").to_human36m(np.zeros((1, 17, 2)), sure)[1][0]
    unsure = {JOINT_NAMES[row] for row in np.flatnonzero(confidence < 1)}
    assert unsure == {"LHip", "Hip", "Spine", "Thorax", "Neck", "Head"}


def test_exactly_the_mixtures_are_called_approximated():
    for name in ("coco", "blazepose"):
        parts = (known_set(name).weights != 0).sum(axis=1)
        assert tuple(np.array(JOINT_NAMES)[parts > 1]) == APPROXIMATED


def test_the_trunk_stands_in_order_on_an_upright_body():
    points = np.zeros((1, 33, 2))
    heights = {"shoulder": 150, "hip": 100, "ear": 170}
    for name, height in heights.items():
        for side, x in (("left", 10), ("right", -10)):
            points[0, BLAZEPOSE_POINTS.index(f"{side}_{name}")] = x, -height
    joints = known_set("blazepose").to_human36m(points)[0][0]
    order = joints[[Joint.HIP, Joint.SPINE, Joint.THORAX, Joint.NECK, Joint.HEAD], 1]
    assert (np.diff(order) < 0).all() and order[-1] < -170
    assert np.allclose(joints[[Joint.HIP, Joint.THORAX, Joint.HEAD], 0], 0)


def test_a_set_that_nobody_knows_is_told():
    with pytest.raises(BadInput, match="should be one of coco, blazepose, got openpose"):
        known_set("openpose")
    with pytest.raises(BadInput, match=r"keypoints should be \(people, 17, 2\)"):
        known_set("coco").to_human36m(np.zeros((1, 16, 2)))


@pytest.mark.parametrize("spelling", ["left_knee", "LKnee", "LeftKnee", "knee left", "l-knee"])
def test_a_joint_is_known_by_its_side_and_part_however_spelt(spelling):
    names = [spelling, *(name for name in COCO if name != "left_knee")]
    points = np.random.default_rng(7).uniform(0, 900, (2, 17, 2))
    ours, confidence = set_of_names(names).to_human36m(points)
    assert np.allclose(ours[:, Joint.LKNEE], points[:, 0]) and (confidence == 1).all()


def test_cocos_own_names_are_the_set_coco():
    assert np.array_equal(set_of_names(COCO).weights, known_set("coco").weights)


def test_what_no_point_is_there_for_is_not_known():
    names = [name for name in COCO if "ear" not in name and "hip" not in name]
    some = set_of_names(names)
    ours, confidence = some.to_human36m(np.ones((1, len(names), 2)))
    unknown = [JOINT_NAMES[row] for row in np.flatnonzero(confidence[0] == 0)]
    assert unknown == ["Hip", "RHip", "LHip", "Spine", "Thorax", "Neck", "Head"]
    assert np.isnan(ours[0, Joint.LHIP]).all() and not some.approximated.any()


def test_names_of_no_body_are_refused():
    with pytest.raises(BadInput, match="six joints or more, got 3 names: thumb, index, left_knee"):
        set_of_names(["thumb", "index", "left_knee"])
