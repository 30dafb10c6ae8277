"""Bodies bent towards keypoints: nearer than before, hardly another body, alone as in company."""

import numpy as np
import pytest
import torch

from evoskeleton.evolution.archive.resemblance import Targets
from evoskeleton.evolution.skeleton import BONES, TORSO, Joint
from evoskeleton.lifting.cameras import Cameras, ViewSettings, project, sample_views
from evoskeleton.lifting.cameras import world_to_camera as into_camera
from evoskeleton.lifting.model_fit.refinement import Refined, RefinementSettings, Views, refine

RANGES = ViewSettings()
GENTLE = {"pull": 1.0, "most_deg": 20.0}
PLAIN = RefinementSettings.parse(GENTLE)
STIFF = RefinementSettings.parse({**GENTLE, "pull": 1e6, "steps": 60})


def cameras_at(count: int, ranges: ViewSettings = RANGES) -> Cameras:
    """Cameras around hips at the origin."""
    return sample_views(torch.zeros(count, 3), ranges, 3, torch.arange(count))


def seen(joints: torch.Tensor, cameras: Cameras) -> torch.Tensor:
    return project(into_camera(joints - joints[:, Joint.HIP, None], cameras), cameras)


def turned(joints: torch.Tensor, degrees: float) -> torch.Tensor:
    """About the vertical axis through the hip."""
    angle = torch.tensor(np.deg2rad(degrees))
    cos, sin = torch.cos(angle).float(), torch.sin(angle).float()
    turn = torch.tensor([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    hips = joints[:, Joint.HIP, None]
    return (joints - hips) @ turn.T + hips


def distances(points: torch.Tensor, weights: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    return Targets(points, weights).distances(found)


class Case:
    """Bodies, and keypoints of the same people a few frames later."""

    def __init__(self, motion: np.ndarray, later: int = 4) -> None:
        poses = torch.from_numpy(motion[:-later:3].copy())
        self.joints, self.goal = poses, torch.from_numpy(motion[later::3].copy())
        self.goal = self.goal[: len(poses)]
        self.cameras = cameras_at(len(poses))
        self.weights = torch.ones(len(poses), 17)
        self.points = seen(self.goal, self.cameras)
        self.before = distances(self.points, self.weights, seen(poses, self.cameras))

    @property
    def views(self) -> Views:
        return Views(self.points, self.weights, self.cameras)

    def refined(self, **settings: float) -> Refined:
        return refine(
            self.joints, self.views, RANGES, RefinementSettings.parse({**GENTLE, **settings})
        )

    def after(self, found: Refined) -> torch.Tensor:
        return distances(self.points, self.weights, found.seen)


@pytest.fixture
def case(motion) -> Case:
    return Case(motion)


def test_refined_bodies_explain_the_keypoints_better_and_are_nearer_to_the_person(case):
    found = case.refined()
    assert case.after(found).median() < 0.5 * case.before.median()
    assert (case.after(found) < case.before).float().mean() > 0.98

    def off(joints: torch.Tensor) -> torch.Tensor:
        apart = joints - joints[:, Joint.HIP, None] - case.goal + case.goal[:, Joint.HIP, None]
        return torch.linalg.vector_norm(apart, dim=2).mean(1)

    assert off(found.joints).median() < off(case.joints).median()


def test_what_is_seen_is_the_body_from_a_camera_that_has_moved_along(case):
    """A pinhole far away sees bodies that were turned as a camera beside them does."""
    found = case.refined(pull=1e6)
    assert torch.allclose(found.joints, case.joints, atol=1.0)
    assert found.turn_deg.max() < 0.5


def test_torso_bone_lengths_and_height_above_the_ground_stay(case):
    found = case.refined(pull=0.1)
    assert found.turn_deg.max() > 10
    parents, children = (list(side) for side in zip(*BONES, strict=True))
    lengths = [
        torch.linalg.vector_norm(joints[:, children] - joints[:, parents], dim=2)
        for joints in (case.joints, found.joints)
    ]
    assert torch.allclose(*lengths, rtol=1e-4)
    starts, ends = [bone.start for bone in TORSO], [bone.end for bone in TORSO]
    torsos = [joints[:, ends] - joints[:, starts] for joints in (case.joints, found.joints)]
    assert torch.allclose(*torsos, atol=0.05)
    lowest = [joints[..., 2].amin(1) for joints in (case.joints, found.joints)]
    assert torch.allclose(*lowest, atol=0.01)


def test_a_stronger_pull_turns_limbs_less(case):
    turns = [case.refined(pull=pull).turn_deg.mean() for pull in (0.1, 1.0, 10.0)]
    assert turns[0] > turns[1] > turns[2]


def test_the_turn_that_is_told_is_that_of_the_limbs(case):
    found = case.refined()
    limbs = [
        (Joint.LSHOULDER, Joint.LELBOW),
        (Joint.RKNEE, Joint.RFOOT),
        (Joint.LELBOW, Joint.LWRIST),
    ]
    for start, end in limbs:
        before, after = (
            torch.nn.functional.normalize(joints[:, end] - joints[:, start], dim=1)
            for joints in (case.joints, found.joints)
        )
        angle = torch.rad2deg(torch.arccos((before * after).sum(1).clamp(-1, 1)))
        assert (angle <= found.turn_deg + 0.05).all()


def test_the_camera_goes_around_a_body_rather_than_that_its_limbs_turn(motion):
    joints = torch.from_numpy(motion[::20].copy())
    cameras = cameras_at(len(joints))
    points = seen(turned(joints, 12.0), cameras)
    views = Views(points, torch.ones(len(joints), 17), cameras)
    found = refine(joints, views, RANGES, STIFF)
    assert distances(points, views.weights, found.seen).max() < 0.02


@pytest.mark.parametrize("higher", [True, False])
def test_the_camera_rises_within_the_range_of_the_views_alone(motion, higher):
    joints = torch.from_numpy(motion[::20].copy())
    low = cameras_at(len(joints), ViewSettings(elevation_deg=(0.0, 0.0), aim_mm=0, distortion=0))
    high = cameras_at(len(joints), ViewSettings(elevation_deg=(12.0, 12.0), aim_mm=0, distortion=0))
    points = seen(joints, high)
    views = Views(points, torch.ones(len(joints), 17), low)
    ranges = ViewSettings(elevation_deg=(-5.0, 20.0 if higher else 0.0))
    found = refine(joints, views, ranges, STIFF)
    distance = distances(points, views.weights, found.seen)
    assert distance.max() < 0.02 if higher else distance.min() > 0.03


def test_where_the_weight_is_nothing_keypoints_do_not_count(case):
    case.weights[:, [Joint.HEAD, Joint.LWRIST]] = 0
    plain = case.refined()
    case.points[:, [Joint.HEAD, Joint.LWRIST]] = 1e6
    assert torch.equal(case.refined().joints, plain.joints)


def test_a_body_is_refined_alone_as_in_any_company(motion):
    """The rows of one batch and of two; alone, first and last."""
    case = Case(np.tile(motion, (8, 1, 1)), later=4)
    assert len(case.joints) > 600
    everybody = case.refined(steps=5)
    for row in (0, 17, len(case.joints) - 1):
        alone = refine(
            case.joints[row : row + 1],
            case.views.take(torch.tensor([row])),
            RANGES,
            RefinementSettings.parse({**GENTLE, "steps": 5}),
        )
        assert torch.equal(alone.joints[0], everybody.joints[row])
        assert torch.equal(alone.seen[0], everybody.seen[row])
        assert alone.turn_deg[0] == everybody.turn_deg[row]


def test_nobody_may_come(case):
    none = torch.arange(0)
    found = refine(case.joints[:0], case.views.take(none), RANGES, PLAIN)
    assert found.joints.shape == (0, 17, 3) and found.seen.shape == (0, 17, 2)
    assert found.turn_deg.shape == (0,)
