"""What a lifter makes of a target, as bodies that stand in the world."""

import numpy as np
import pytest
import torch
from resemblance_twin import slow_distance

from evoskeleton.lifting.bundle import load_bundle
from evoskeleton.lifting.cameras import Cameras, ViewSettings, look_at, project, world_to_camera
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.search.workers.answers import answers, stood_up

RANGES = ViewSettings(elevation_deg=(-10.0, 35.0))


def level_cameras(count: int, elevation_deg: float, azimuth_deg: float = 0.0) -> Cameras:
    """Pinholes four metres from the origin that look at it, from so far above the horizon."""
    elevation, azimuth = np.radians([elevation_deg, azimuth_deg])
    flat = np.cos(elevation)
    direction = [flat * np.sin(azimuth), -flat * np.cos(azimuth), np.sin(elevation)]
    position = 4000.0 * torch.tensor([direction] * count, dtype=torch.float32)
    return Cameras(
        rotation=look_at(position, torch.zeros(count, 3)),
        position=position,
        focal=torch.full((count, 2), 1145.0),
        center=torch.full((count, 2), 500.0),
        radial=torch.zeros(count, 3),
        tangential=torch.zeros(count, 2),
    )


def target_of(keypoints: np.ndarray, weights: np.ndarray | None = None) -> KeypointTarget:
    sets = len(keypoints)
    return KeypointTarget(
        keypoints=keypoints.astype(np.float32),
        weights=np.ones((sets, 17), np.float32) if weights is None else weights,
        image_size=np.full((sets, 2), np.nan, np.float32),
        clip=np.array(["clip"] * sets),
        name=np.array([f"set {number}" for number in range(sets)]),
        picture=np.array([""] * sets),
        frame=np.full(sets, -1, np.int32),
    )


def pictures(motion: np.ndarray) -> np.ndarray:
    joints = torch.from_numpy(motion - motion[:, :1])
    cameras = level_cameras(len(joints), 12.0, 40.0)
    return project(world_to_camera(joints, cameras), cameras).numpy()


@pytest.mark.parametrize("elevation_deg", [-10.0, 0.0, 25.0, 60.0])
def test_a_camera_that_looks_down_is_stood_up(motion, elevation_deg):
    """South of the body, so that its axes are the world's but for the elevation."""
    joints = torch.from_numpy(motion - motion[:, :1])
    cameras = level_cameras(len(joints), elevation_deg)
    seen = world_to_camera(joints, cameras)
    elevation = torch.full((len(joints),), np.radians(elevation_deg))
    stood = stood_up(seen - seen[:, :1], elevation)
    assert torch.allclose(stood - stood[:, :1], joints, atol=0.01)
    assert torch.allclose(stood[..., 2].amin(1), torch.tensor(20.0), atol=1e-3)


def test_the_distance_is_that_of_the_answer_in_the_camera_it_was_seen_from(motion, make_bundle):
    """By the slow twin, with one joint that is not known."""
    target = target_of(pictures(motion[:9]))
    target.weights[:, 9] = 0.0
    lifter = load_bundle(make_bundle())
    found = answers(lifter, target, RANGES, seed=3, generation=5)
    known = (target.weights > 0).astype(np.float32)
    lifted = lifter.lift(target.keypoints, known)
    seen = lifted[..., :2] / (lifted[..., 2:] + sum(RANGES.distance_mm) / 2)
    for each in range(len(target)):
        expected = slow_distance(target.keypoints[each], target.weights[each], seen[each])
        assert found.distance[each] == pytest.approx(expected, abs=1e-4)


def test_elevations_are_drawn_by_keypoint_set_and_generation(motion, make_bundle):
    target, lifter = target_of(pictures(motion[:40])), load_bundle(make_bundle())
    found = [answers(lifter, target, RANGES, 3, generation).joints for generation in (5, 5, 6)]
    assert np.array_equal(found[0], found[1])
    assert not np.allclose(found[0], found[2])
    fewer = answers(lifter, target_of(target.keypoints[:3]), RANGES, 3, 5)
    assert np.array_equal(fewer.joints, found[0][:3])
