"""Refits of bodies that somebody has put right: what was said of them holds."""

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.lifting.model_fit.refit import depth_signs, refit_body
from evoskeleton.lifting.pinhole import Intrinsics

CAMERA = Intrinsics.of_image(1000, 1000)


def before_a_camera(poses: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """(n, 17, 3) mm of world poses, seen from 4 m away and any side, off the middle."""
    centred = (poses - poses[:, :1]).astype(np.float64)
    azimuth = draw.uniform(0.0, 2.0 * np.pi, len(poses))[:, None]
    x, y, z = centred.transpose(2, 0, 1)
    aside, ahead = (
        np.cos(azimuth) * x + np.sin(azimuth) * y,
        np.cos(azimuth) * y - np.sin(azimuth) * x,
    )
    return np.stack([aside, -z, ahead], axis=2) + [300.0, -100.0, 4000.0]


def seen(joints: np.ndarray) -> np.ndarray:
    """(n, 17, 2) px."""
    return joints[..., :2] / joints[..., 2:] * 1145.0 + 500.0


def order_of(joints: np.ndarray) -> np.ndarray:
    """(n, 16) of -1 and 1."""
    return np.sign(depth_signs(torch.from_numpy(np.asarray(joints, np.float64))).numpy())


def check_poses(poses: np.ndarray) -> None:
    """Half of the bones are ordered, the start is 50 mm off: the order is kept by every body, and
    the first is nearer to the truth than the start on average."""
    draw = np.random.default_rng(1)
    truth = before_a_camera(poses, draw)
    orders = order_of(truth) * (draw.random((len(poses), 16)) < 0.5)
    off = truth + draw.normal(scale=30.0, size=truth.shape)
    errors = []
    for body, order, start in zip(truth, orders, off, strict=True):
        found = refit_body(None, seen(body[None])[0], np.ones(17), CAMERA, start, order)
        whole = found.joints.astype(np.float64) + found.roots[:, None]
        assert (order_of(whole) * order >= 0).all() and not found.flips[0].any()
        for goal, tried in ((body, found.joints[0]), (body, start - start[0])):
            scale = (tried * (goal - goal[0])).sum() / (tried**2).sum()
            errors.append(np.linalg.norm(scale * tried - (goal - goal[0]), axis=1).mean())
    fitted, started = np.reshape(errors, (-1, 2)).mean(axis=0)
    assert fitted < 0.9 * started, (fitted, started)


def test_a_refit_keeps_what_was_said_and_comes_nearer_to_the_truth(cmu):
    check_poses(cmu.poses[:: len(cmu.poses) // 8][:8])


@pytest.mark.long
def test_a_thousand_refits_keep_what_was_said(cmu):
    chosen = np.random.default_rng(2).choice(len(cmu.poses), 1000, replace=False)
    check_poses(cmu.poses[np.sort(chosen)])


def test_a_height_scales_the_body_and_moves_nothing_in_the_picture(cmu):
    body = before_a_camera(cmu.poses[100:101], np.random.default_rng(3))[0]
    points = seen(body[None])[0]
    fits = [
        refit_body(None, points, np.ones(17), CAMERA, body, height_mm=height, most=1)
        for height in (1500.0, 1800.0)
    ]
    small, tall = (np.ptp(fit.joints[0][:, 1]) for fit in fits)
    assert tall / small == pytest.approx(1.2, abs=0.02)
    assert abs(fits[0].reprojection_px[0] - fits[1].reprojection_px[0]) < 0.3


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"visibility": np.r_[np.ones(5), np.zeros(12)]}, "6 visible keypoints or more, got 5"),
        ({"start": np.zeros((17, 3))}, "a body whose bones all have a length"),
        ({"start": np.zeros((16, 3))}, "start should be"),
        ({"depth_order": np.zeros(15)}, "depth_order should be"),
    ],
)
def test_what_cannot_be_fitted_is_told(cmu, change, sentence):
    body = before_a_camera(cmu.poses[:1], np.random.default_rng(3))[0]
    given = {"start": body, "visibility": np.ones(17)} | change
    with pytest.raises(BadInput, match=sentence):
        refit_body(None, seen(body[None])[0], intrinsics=CAMERA, **given)
