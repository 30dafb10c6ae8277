"""Poses drawn from joint limits: within them, even over what they allow, the same in any batch."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import CHILD_LIMBS, Genomes, decode, encode
from evoskeleton.evolution.limits import sampling as limit_sampling
from evoskeleton.evolution.limits import sphere
from evoskeleton.evolution.limits.sampling import SampleSettings, sample, template_body
from evoskeleton.evolution.limits.tables import BODY_TABLES, CHILD_TABLES, Limits, default_limits
from evoskeleton.evolution.skeleton import LIMB_MIRROR, LIMBS, TORSO, Joint

RANGES = ("flexion_deg", "extension_deg", "lateral_deg", "rotation_deg")

FIELDS = ("root", "pelvis", "trunk", "torso", "limbs", "neck", "lengths")
THIGH = 7


@pytest.fixture(scope="module")
def drawn() -> Genomes:
    return sample(default_limits(), 2000, seed=5)


def cap_margins(size: int, axis: np.ndarray, radius: float) -> np.ndarray:
    """Degrees within a cap, on the vertices of a table, (size, size) int8."""
    away = np.degrees(np.arccos(np.clip(sphere.grid_directions(size) @ axis, -1, 1)))
    return sphere.quantize(radius - away).reshape(size, size)


def cap_limits(axis: np.ndarray, radius: float, size: int = 65) -> Limits:
    """All is allowed but for thighs, which stay within a cap of the right side."""
    body = np.full((3, size, size), 60, np.int8)
    body[BODY_TABLES.index("thigh")] = cap_margins(size, axis, radius)
    return replace(Limits.constant(30.0), body=torch.from_numpy(body))


def chi_square(places: np.ndarray, bins: int) -> float:
    counts = np.bincount(places, minlength=bins)
    expected = len(places) / bins
    return float(((counts - expected) ** 2).sum() / expected)


def equal_area_bins(directions: np.ndarray, axis: np.ndarray, lowest: float) -> np.ndarray:
    """One of 8 x 12 bins of equal area for (3, n) directions with height above `lowest`."""
    across = np.cross(axis, [1.0, 0.0, 0.0])
    across /= np.linalg.norm(across)
    height = axis @ directions
    around = np.arctan2(np.cross(axis, across) @ directions, across @ directions)
    kept = height > lowest
    row = ((height[kept] - lowest) / (1.0 - lowest) * 8).astype(int).clip(0, 7)
    column = ((around[kept] / (2 * np.pi) + 0.5) * 12).astype(int).clip(0, 11)
    return row * 12 + column


def equal(some: Genomes, others: Genomes) -> bool:
    return all(torch.equal(getattr(some, name), getattr(others, name)) for name in FIELDS)


def test_every_body_lies_within_the_limits(drawn):
    assert len(drawn) == 2000
    assert (default_limits().margin(drawn) >= 0).all()


def test_bodies_stay_within_the_limits_as_joints(drawn):
    """What rounding does to a pose on its way through joints is far less than a degree."""
    assert default_limits().margin(encode(decode(drawn))).min() > -0.1


def test_directions_are_even_over_a_cap():
    axis = np.array([0.3, 0.5, -0.8]) / np.linalg.norm([0.3, 0.5, -0.8])
    limbs = sample(cap_limits(axis, 50.0), 6000, seed=1).limbs.double().numpy()
    right = np.concatenate([limbs[:, THIGH], limbs[:, 5] * [[-1.0], [1.0], [1.0]]], axis=1)
    assert np.degrees(np.arccos(axis @ right)).max() < 52.0
    inner = equal_area_bins(right, axis, np.cos(np.radians(47.0)))
    assert len(inner) > 0.85 * right.shape[1]
    assert chi_square(inner, 96) < chi2.ppf(0.999, 95)


def test_the_measure_of_evenness_tells_an_uneven_draw():
    """Even in angle rather than in area: too many about the middle of the cap."""
    axis = np.array([0.0, 0.0, 1.0])
    random = np.random.default_rng(0)
    away, around = random.uniform(0, np.radians(47), 12000), random.uniform(0, 2 * np.pi, 12000)
    uneven = np.stack([np.sin(away) * np.cos(around), np.sin(away) * np.sin(around), np.cos(away)])
    assert chi_square(equal_area_bins(uneven, axis, np.cos(np.radians(47.0))), 96) > 500


def test_unlimited_limbs_are_even_over_the_sphere():
    limbs = sample(Limits.constant(30.0), 4000, seed=2).limbs.double().numpy()
    for limb in (0, 1, 4, 8):
        places = equal_area_bins(limbs[:, limb], np.array([0.0, 0.6, 0.8]), -1.0)
        assert chi_square(places, 96) < chi2.ppf(0.999, 95)


def parent_decides(size: int = 33) -> Limits:
    """Shanks keep to one cap where the thigh points up, to the opposite one where it points down.

    Thighs keep clear of the horizon, where the table goes over from the one to the other.
    """
    over = sphere.grid_directions(9)
    up, down = (cap_margins(size, np.array([0.0, side, 0.0]), 40.0) for side in (1.0, -1.0))
    shank = np.stack([up if z > 0 else down for z in over[:, 2]]).reshape(9, 9, size, size)
    child = np.stack([np.full_like(shank, 60), shank])
    height = np.degrees(np.arcsin(sphere.grid_directions(65)[:, 2]))
    body = np.full((3, 65, 65), 60, np.int8)
    body[2] = sphere.quantize(np.abs(height) - 30.0).reshape(65, 65)
    return Limits(torch.from_numpy(body), torch.from_numpy(child))


def test_a_child_limb_is_even_over_what_its_parent_leaves_it():
    limits = parent_decides()
    limbs = sample(limits, 4000, seed=3).limbs.double().numpy()
    thigh, shank = limbs[:, THIGH], limbs[:, THIGH + 1]
    up = thigh[2] > 0
    assert 0.45 < up.mean() < 0.55
    for part, side in ((up, 1.0), (~up, -1.0)):
        axis = np.array([0.0, side, 0.0])
        assert np.degrees(np.arccos(axis @ shank[:, part])).max() < 42.0
        inner = equal_area_bins(shank[:, part], axis, np.cos(np.radians(37.0)))
        assert chi_square(inner, 96) < chi2.ppf(0.999, 95)


def test_a_parent_that_leaves_its_child_nothing_is_drawn_again():
    limits = parent_decides()
    child = limits.child.clone()
    below = torch.from_numpy(sphere.grid_directions(9)[:, 2] <= 0).reshape(9, 9)
    child[CHILD_TABLES.index("shank")][below] = -60
    limits = replace(limits, child=child)
    bodies = sample(limits, 64, seed=3)
    assert (limits.margin(bodies) >= 0).all()
    assert (bodies.limbs[2, [5, 7]] > 0).all()


def test_left_and_right_limbs_are_drawn_alike(drawn):
    flip = torch.tensor([-1.0, 1.0, 1.0])
    for limb in (1, 2, 5, 6):
        left, right = drawn.limbs[:, limb].T * flip, drawn.limbs[:, LIMB_MIRROR[limb]].T
        spread = right.std(0) / len(drawn) ** 0.5
        assert ((left.mean(0) - right.mean(0)).abs() < 6 * spread).all()
        assert not torch.equal(left, right)


@pytest.mark.parametrize("count", [1, 64, 100, 1500])
def test_the_first_poses_do_not_depend_on_how_many_are_drawn(count, drawn):
    few = sample(default_limits(), count, seed=5)
    assert equal(few, drawn.map(lambda array: array[..., :count].contiguous()))


def test_the_size_of_the_batch_changes_nothing(drawn, monkeypatch):
    monkeypatch.setattr(limit_sampling, "CHUNK", 192)
    few = sample(default_limits(), 500, seed=5)
    assert equal(few, drawn.map(lambda array: array[..., :500].contiguous()))


def test_a_seed_repeats_and_another_gives_others(drawn):
    again, other = (sample(default_limits(), 50, seed=seed) for seed in (5, 6))
    assert equal(again, drawn.map(lambda array: array[..., :50].contiguous()))
    assert (other.limbs - again.limbs).abs().amax((0, 1)).min() > 0.1


def test_bodies_stand_level_just_above_the_floor_and_look_all_ways(drawn):
    joints = decode(drawn).numpy()
    lowest = joints[:, :, 2].min(1)
    assert lowest.min() > 5.0 and lowest.max() < 35.0 and abs(lowest.mean() - 20.0) < 0.5
    np.testing.assert_allclose(joints[:, Joint.RHIP, 2], joints[:, Joint.LHIP, 2], atol=0.1)
    across = joints[:, Joint.RHIP] - joints[:, Joint.LHIP]
    heading = np.arctan2(across[:, 1], across[:, 0])
    places = ((heading / (2 * np.pi) + 0.5) * 12).astype(int).clip(0, 11)
    assert chi_square(places, 12) < chi2.ppf(0.999, 11)
    np.testing.assert_allclose(joints[:, Joint.HIP, :2], 0.0, atol=1e-3)


def test_trunks_bend_within_the_ranges_of_motion(drawn):
    """The z axis of the thorax in the pelvis: forwards is y."""
    axis = drawn.trunk[:, 2].double().numpy()
    bend = np.degrees(np.arccos(axis[2]))
    slant = np.degrees(np.arctan2(axis[1], axis[0]))
    forwards, sideways = np.abs(slant - 90) < 5, (np.abs(slant) < 5) | (np.abs(slant) > 175)
    assert 60 < bend[forwards].max() <= 80.1
    assert 25 < bend[sideways].max() < 45
    assert bend[np.abs(slant + 90) < 5].max() <= 25.1


def test_a_trunk_without_ranges_stays_upright():
    still = SampleSettings.parse({"trunk": dict.fromkeys(RANGES, 0)})
    trunk = sample(default_limits(), 64, 0, settings=still).trunk
    torch.testing.assert_close(trunk, torch.eye(3)[:, :, None].expand_as(trunk))


def test_a_template_lends_its_torso_and_its_mean_lengths(motion):
    template = encode(motion[:2])
    drawn = sample(default_limits(), 1000, 0, template=template)
    torch.testing.assert_close(drawn.torso[:, :, :2], template.torso)
    torch.testing.assert_close(drawn.lengths.mean(1), template.lengths.mean(1), rtol=0.01, atol=0.0)


def test_the_template_is_a_person_who_stands():
    body = template_body()
    assert default_limits().margin(body).item() > 20.0
    joints = decode(body)[0].numpy()
    assert joints[Joint.HEAD, 2] > joints[Joint.THORAX, 2] > joints[Joint.HIP, 2]
    assert 1500 < joints[Joint.HEAD, 2] - joints[Joint.RFOOT, 2] < 1650
    assert abs(joints[Joint.RWRIST, 0] + joints[Joint.LWRIST, 0]) < 0.1
    torch.testing.assert_close(encode(decode(body)).limbs, body.limbs, atol=1e-4, rtol=0)


def test_the_template_has_the_mean_proportions_of_the_training_people(cmu):
    people = sorted(set(cmu.subject) - {"CMU05", "CMU07", "CMU08", "CMU13", "CMUmix"})
    encoded = [encode(torch.from_numpy(cmu.poses[cmu.subject == person])) for person in people]
    body = template_body()
    for name, tolerance in (("lengths", 1.5), ("neck", 0.01)):
        mean = torch.stack([getattr(one, name).mean(1) for one in encoded]).mean(0)
        mirrored = _sides_alike(mean) if name == "lengths" else mean * torch.tensor([0.0, 1.0, 1.0])
        assert (mirrored - getattr(body, name)[:, 0]).abs().max() < tolerance
    torso = torch.stack([one.torso.mean(2) for one in encoded]).mean(0)
    cosines = (torso * body.torso[:, :, 0]).sum(0) / torso.norm(dim=0)
    assert cosines.min() > math.cos(math.radians(2.0))


def _sides_alike(lengths: torch.Tensor) -> torch.Tensor:
    """(15,) lengths of the torso's bones and the limbs, each the mean of left and right."""
    names = [bone.end.name.lstrip("LR") for bone in TORSO]
    names += [limb.name.removeprefix("left ").removeprefix("right ") for limb in LIMBS]
    means = {name: lengths[[other == name for other in names]].mean() for name in names}
    return torch.stack([means[name] for name in names])


@pytest.mark.parametrize("table", BODY_TABLES)
def test_a_limb_that_is_allowed_nothing_is_named(table):
    limits = Limits.constant(30.0)
    body = limits.body.clone()
    body[BODY_TABLES.index(table)] = -1
    with pytest.raises(BadInput, match=f"allow no direction of the (left )?{table}: none of 2,048"):
        sample(replace(limits, body=body), 10, 0)


@pytest.mark.parametrize("table", CHILD_TABLES)
def test_a_child_limb_that_is_allowed_nothing_is_named_with_its_parent(table):
    limits = Limits.constant(30.0)
    child = limits.child.clone()
    child[CHILD_TABLES.index(table)] = -1
    limb = LIMBS[next(i for i in CHILD_LIMBS if LIMBS[i].name.endswith(table))]
    parent = LIMBS[limb.parent].name
    with pytest.raises(BadInput, match=f"no direction of the {limb.name} for .* the {parent}"):
        sample(replace(limits, child=child), 10, 0)


def test_no_poses_at_all_are_refused():
    with pytest.raises(BadInput, match="poses to sample should be at least 1, got 0"):
        sample(default_limits(), 0, 0)
    with pytest.raises(BadInput, match="template should hold at least one body"):
        empty = template_body().take(torch.zeros(0, dtype=torch.int64))
        sample(default_limits(), 1, 0, template=empty)
