"""Test poses as their own data set's cameras see them: frames, lenses, joints that count."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.bundle import Lifter, load_bundle
from evoskeleton.lifting.cameras import (
    FIXED_VIEWS,
    Cameras,
    fixed_views,
    project,
    world_to_camera,
)
from evoskeleton.lifting.evaluation.fitted_pinholes import fitted_pinholes
from evoskeleton.lifting.evaluation.own_views import OwnViews
from evoskeleton.lifting.protocols import evaluate, lift_fixed_views

POSES = 40


@pytest.fixture
def lifter(make_bundle) -> Lifter:
    return load_bundle(make_bundle())


@pytest.fixture
def poses(motion) -> np.ndarray:
    return motion[::6][:POSES]


def pinholes(poses: np.ndarray, **changes: torch.Tensor) -> Cameras:
    """The fixed views about the hip of the first pose, without a lens."""
    cameras = fixed_views(torch.from_numpy(poses[:1, 0]))
    zeros = {"radial": torch.zeros(4, 3), "tangential": torch.zeros(4, 2)}
    return replace(cameras, **zeros | changes)


def own(poses: np.ndarray, cameras: Cameras, **more) -> OwnViews:
    names = tuple(view.name for view in FIXED_VIEWS)
    return OwnViews(names, cameras, np.tile(np.arange(4), (len(poses), 1)), **more)


def turned(angle: float) -> torch.Tensor:
    """A turn about an axis across the line of sight, float32."""
    axis = np.array([0.6, 0.8, 0.0])
    cross = np.cross(np.eye(3), axis)
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return torch.from_numpy(rotation).float()


def test_a_camera_at_a_fixed_view_sees_what_the_fixed_view_sees(lifter, poses):
    still = poses - poses[:, :1] + poses[:1, :1]
    lifted, truth = own(still, fixed_views(torch.from_numpy(still[:1, 0]))).lift(lifter, still, 0)
    expected, expected_truth = lift_fixed_views(lifter, still)
    assert torch.allclose(truth, expected_truth, atol=0.01)
    assert (lifted - expected).norm(dim=-1).max() < 15.0, "fixed views have a lens, which goes"


def test_a_camera_that_looks_past_the_person_makes_no_difference(lifter, poses):
    """The answer comes in the frame of the turned camera, as the truth does."""
    still = poses - poses[:, :1] + poses[:1, :1]
    cameras, turn = pinholes(poses), turned(0.3)
    panned = replace(cameras, rotation=turn @ cameras.rotation)
    straight, truth = own(still, cameras).lift(lifter, still, 0)
    askew, askew_truth = own(still, panned).lift(lifter, still, 0)
    assert (askew_truth - truth).norm(dim=-1).max() > 100.0
    assert torch.allclose(askew_truth, truth @ turn.T, atol=0.1)
    assert torch.allclose(askew, straight @ turn.T, atol=0.5)


def test_focal_length_and_centre_of_the_picture_make_no_difference(lifter, poses):
    cameras = pinholes(poses)
    other = replace(cameras, center=cameras.center + 300.0, focal=2.0 * cameras.focal)
    straight, _ = own(poses, cameras).lift(lifter, poses, 0)
    moved, _ = own(poses, other).lift(lifter, poses, 0)
    assert (moved - straight).norm(dim=-1).max() < 0.1


def test_a_lens_that_is_known_makes_no_difference(lifter, poses):
    cameras = pinholes(poses)
    lens = {
        "radial": torch.tensor([[-0.2, 0.24, -0.002]]).expand(4, 3),
        "tangential": torch.tensor([[-0.001, -0.0015]]).expand(4, 2),
    }
    bent = replace(cameras, **lens)
    assert (
        project(world_to_camera(torch.from_numpy(poses[:4]), cameras), cameras)
        - project(world_to_camera(torch.from_numpy(poses[:4]), bent), bent)
    ).abs().max() > 1.0
    straight, _ = own(poses, cameras).lift(lifter, poses, 0)
    freed, _ = own(poses, bent).lift(lifter, poses, 0)
    assert (freed - straight).norm(dim=-1).max() < 0.1


def test_keypoints_that_are_given_are_those_that_are_lifted(lifter, poses):
    cameras = pinholes(poses)
    views = own(poses, cameras)
    rows = torch.from_numpy(views.camera.ravel())
    seen = world_to_camera(torch.from_numpy(poses).repeat_interleave(4, dim=0), cameras.take(rows))
    points = project(seen, cameras.take(rows)).unflatten(0, (len(poses), 4)).numpy()
    expected, truth = views.lift(lifter, poses[7:20], 7)
    lifted, same = own(poses, cameras, keypoints=points).lift(lifter, poses[7:20], 7)
    assert torch.equal(lifted, expected) and torch.equal(same, truth)
    other, _ = own(poses, cameras, keypoints=points[::-1].copy()).lift(lifter, poses[7:20], 7)
    assert (other - expected).norm(dim=-1).max() > 10.0


def test_an_evaluation_over_own_views_names_them_and_leaves_joints_out(lifter, poses):
    names = np.full(len(poses), "walk")
    views = own(poses, pinholes(poses))
    lifted, truth = views.lift(lifter, poses, 0)
    whole = evaluate(lifter, poses, names, names, views=views)
    error = (lifted - truth).norm(dim=-1).numpy()
    assert whole.overall["mpjpe"] == pytest.approx(error.mean(), rel=1e-5)
    assert list(whole.by_view) == list(views.names)
    assert whole.as_dict()["views"] == [{"name": name} for name in views.names]
    without = evaluate(lifter, poses, names, names, views=views, leave_out=["Neck", "Spine"])
    kept = [at for at, name in enumerate(JOINT_NAMES) if name not in ("Neck", "Spine")]
    assert without.overall["mpjpe"] == pytest.approx(error[..., kept].mean(), rel=1e-5)
    assert without.overall["pck"] == pytest.approx((error[..., kept[1:]] <= 150).mean(), rel=1e-5)
    assert list(without.by_joint) == [JOINT_NAMES[joint] for joint in kept]
    assert without.as_dict()["left_out"] == ["Neck", "Spine"]


def test_what_does_not_fit_is_refused(lifter, poses):
    names = np.full(len(poses), "walk")
    with pytest.raises(BadInput, match="joints to leave out should be among RHip, .*, got Hip"):
        evaluate(lifter, poses, names, names, leave_out=["Hip"])
    with pytest.raises(BadInput, match="views should be"):
        evaluate(lifter, poses, names, names, views=own(poses[:3], pinholes(poses)))
    with pytest.raises(BadInput, match="keypoints should be"):
        own(poses, pinholes(poses), keypoints=np.zeros((POSES, 4, 16, 2), np.float32))


def test_a_pinhole_is_found_from_what_it_saw(poses):
    cameras = pinholes(poses, center=torch.tensor([[512.0, 400.0]]).expand(4, 2))
    joints, pixels = [], []
    for number in range(4):
        mine = cameras.take(torch.full((len(poses),), number))
        joints.append(world_to_camera(torch.from_numpy(poses), mine))
        pixels.append(project(joints[-1], mine))
    found = fitted_pinholes([j.numpy() for j in joints], [p.numpy() for p in pixels])
    assert torch.allclose(found.focal.float(), cameras.focal, rtol=1e-3)
    assert torch.allclose(found.center.float(), cameras.center, atol=1.0)
