"""Cameras: the published lens by a slow twin, upright views, views that are addressed."""

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.lifting.cameras import (
    FIXED_VIEWS,
    Cameras,
    ViewSettings,
    describe_views,
    fixed_views,
    look_at,
    outside,
    project,
    sample_views,
    world_to_camera,
)

KEY = 7


@pytest.fixture
def bodies(motion) -> torch.Tensor:
    return torch.from_numpy(motion[::10].copy())


@pytest.fixture
def cameras(bodies) -> Cameras:
    return sample_views(bodies[:, 0], ViewSettings(), KEY, torch.arange(len(bodies)))


def twin_project(point, focal, center, radial, tangential):
    """FIELD's lens for one point, with plain numbers."""
    x, y = point[0] / point[2], point[1] / point[2]
    r2 = x * x + y * y
    stretch = 1 + radial[0] * r2 + radial[1] * r2**2 + radial[2] * r2**3
    stretch += tangential[0] * y + tangential[1] * x
    bent = (x * stretch + tangential[1] * r2, y * stretch + tangential[0] * r2)
    return [f * b + c for f, b, c in zip(focal, bent, center, strict=True)]


def test_projection_equals_its_twin(bodies, cameras):
    seen = world_to_camera(bodies, cameras)
    points = project(seen, cameras)
    for body in range(0, len(bodies), 7):
        for joint in (0, 3, 10, 16):
            lens = (cameras.focal, cameras.center, cameras.radial, cameras.tangential)
            expected = twin_project(
                seen[body, joint].tolist(), *(part[body].tolist() for part in lens)
            )
            assert points[body, joint].tolist() == pytest.approx(expected, abs=1e-2)


def test_a_pinhole_by_hand():
    camera = Cameras(
        rotation=torch.eye(3)[None],
        position=torch.tensor([[0.0, 0.0, -2000.0]]),
        focal=torch.tensor([[1000.0, 900.0]]),
        center=torch.tensor([[500.0, 400.0]]),
        radial=torch.zeros(1, 3),
        tangential=torch.zeros(1, 2),
    )
    seen = world_to_camera(torch.tensor([[[100.0, -50.0, 0.0]]]), camera)
    assert project(seen, camera).tolist() == [[[550.0, 377.5]]]


def test_the_way_into_the_camera_and_back(bodies, cameras):
    seen = world_to_camera(bodies, cameras)
    back = torch.bmm(seen, cameras.rotation) + cameras.position[:, None]
    assert (back - bodies).abs().max() < 1e-2


def test_cameras_are_upright_rotations_that_look_at_the_body(bodies, cameras):
    assert torch.allclose(torch.linalg.det(cameras.rotation), torch.ones(len(bodies)), atol=1e-5)
    seen = world_to_camera(bodies, cameras)
    assert (seen[..., 2] > 500).all()
    standing = bodies[:, 10, 2] - bodies[:, 0, 2] > 300
    assert (seen[standing, 10, 1] < seen[standing, 0, 1]).all(), "heads are above hips in images"


def test_a_body_is_in_the_middle_of_its_picture(bodies, cameras):
    points = project(world_to_camera(bodies, cameras), cameras)
    assert (points[:, 0] - 500).abs().max() < 250
    assert outside(points, cameras).float().mean() < 0.2


def test_a_view_depends_on_its_address_alone(bodies):
    counters = torch.arange(len(bodies))
    whole = sample_views(bodies[:, 0], ViewSettings(), KEY, counters)
    part = sample_views(bodies[5:9, 0], ViewSettings(), KEY, counters[5:9])
    assert torch.equal(whole.position[5:9], part.position)
    assert torch.equal(whole.rotation[5:9], part.rotation)
    other = sample_views(bodies[:, 0], ViewSettings(), KEY + 1, counters)
    assert not torch.equal(whole.position, other.position)


def test_settings_hold_the_views_in_their_ranges(bodies):
    settings = ViewSettings(elevation_deg=(10, 20), distance_mm=(3000, 3100), aim_mm=0)
    cameras = sample_views(bodies[:, 0], settings, KEY, torch.arange(len(bodies)))
    offset = cameras.position - bodies[:, 0]
    distance = torch.linalg.vector_norm(offset, dim=1)
    elevation = torch.rad2deg(torch.asin(offset[:, 2] / distance))
    assert distance.min() >= 2999 and distance.max() <= 3101
    assert elevation.min() >= 9.9 and elevation.max() <= 20.1


def test_looking_straight_down_is_still_a_rotation():
    rotation = look_at(torch.tensor([[0.0, 0.0, 900.0]]), torch.zeros(1, 3))
    assert torch.linalg.det(rotation)[0] == pytest.approx(1.0, abs=1e-5)


def test_the_fixed_views_are_four_around_every_body(bodies):
    views = fixed_views(bodies[:, 0])
    assert len(views) == 4 * len(bodies)
    one = fixed_views(bodies[:, 0], FIXED_VIEWS[2].name)
    assert torch.equal(one.position, views.position[2::4])
    assert len(describe_views()) == 4


def test_a_view_that_is_not_there_is_told(bodies):
    with pytest.raises(BadInput, match="view should be all or one of north-east"):
        fixed_views(bodies[:, 0], "above")


@pytest.mark.parametrize(
    "settings",
    [{"elevation_deg": (30, 10)}, {"distance_mm": (100, 200)}, {"focal_px": (0, 100)}],
)
def test_views_that_cannot_be_are_refused(settings):
    with pytest.raises(BadInput):
        ViewSettings.parse(settings)


def test_distortion_bends_the_edge_and_not_the_middle(bodies):
    straight = sample_views(bodies[:, 0], ViewSettings(distortion=0), KEY, torch.arange(24))
    bent = sample_views(bodies[:, 0], ViewSettings(distortion=1), KEY, torch.arange(24))
    seen = world_to_camera(bodies, straight)
    difference = (project(seen, straight) - project(seen, bent)).norm(dim=2)
    assert 0.01 < difference.max() < 60
    assert np.allclose(straight.position, bent.position)
