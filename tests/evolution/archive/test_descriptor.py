"""The pose descriptor: what it leaves out, what its distances mean, and what is saved of it."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.descriptor import (
    BOUND,
    SIZE,
    DescriptorSettings,
    PoseDescriptor,
    expect_whole,
    fit_descriptor,
)
from evoskeleton.evolution.hierarchy import Genomes, encode
from evoskeleton.evolution.rotations import about_axis, compose
from evoskeleton.evolution.skeleton import Joint


@pytest.fixture(scope="module")
def bodies(motion: np.ndarray) -> Genomes:
    return encode(motion)


@pytest.fixture(scope="module")
def descriptor(bodies: Genomes) -> PoseDescriptor:
    return fit_descriptor(bodies, source="a walking figure")


def turned(joints: np.ndarray, axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    """Every body turned about the world's origin."""
    rotation = about_axis(torch.tensor(axis)[:, None], torch.tensor([np.radians(degrees)]))
    return joints @ rotation[:, :, 0].numpy().T


def distance_mm(descriptor: PoseDescriptor, one: Genomes, other: Genomes) -> Tensor:
    difference = descriptor.describe(one).double() - descriptor.describe(other).double()
    return difference.norm(dim=1) * descriptor.unit_mm


@pytest.mark.parametrize("degrees", [1.0, 90.0, 180.0, -133.0])
def test_heading_and_place_count_for_nothing(descriptor, motion, bodies, degrees):
    moved = turned(motion, (0.0, 0.0, 1.0), degrees) + np.float32([4000.0, -900.0, 350.0])
    apart = descriptor.describe(encode(moved)) - descriptor.describe(bodies)
    assert apart.abs().max() <= 1.0


def test_bone_lengths_count_for_nothing(descriptor, motion, bodies):
    apart = descriptor.describe(encode(motion * np.float32(1.3))) - descriptor.describe(bodies)
    assert apart.abs().max() <= 1.0
    longer = replace(bodies, lengths=bodies.lengths * torch.linspace(0.5, 2.0, 15)[:, None])
    assert torch.equal(descriptor.describe(longer), descriptor.describe(bodies))


def test_lying_down_differs_from_standing(descriptor, motion, bodies):
    lying = encode(turned(motion, (1.0, 0.0, 0.0), 90.0))
    assert distance_mm(descriptor, lying, bodies).min() > 300.0


def test_a_raised_arm_counts_as_much_as_its_joints_move(descriptor, bodies):
    """Elbow and wrist alone move, so the distance is known in mm; rounding costs about one."""
    body = bodies.take(torch.tensor([0]))
    limbs = body.limbs.clone()
    limbs[:, 1] = torch.tensor([-1.0, 0.0, 0.0])[:, None]
    limbs[:, 2] = torch.tensor([-0.75, 0.6, -0.3])[:, None] / sqrt(1.0125)
    before = replace(body, limbs=limbs.clone())
    limbs[:, 2] *= torch.tensor([-1.0, -1.0, -1.0])[:, None]
    moved = 2.0 * descriptor.lengths[2] / sqrt(len(Joint))
    found = distance_mm(descriptor, before, replace(body, limbs=limbs))
    assert float(found) == pytest.approx(moved, rel=0.01)


def test_a_bend_of_the_trunk_counts_about_as_much_as_the_joints_it_moves(descriptor, bodies):
    body = bodies.take(torch.arange(0, 240, 40))
    angle = torch.full((len(body),), np.radians(20.0))
    axis = torch.tensor([1.0, 0.0, 0.0])[:, None].expand(3, len(body))
    bent = replace(body, trunk=compose(body.trunk, about_axis(axis, angle.float())))
    found = distance_mm(descriptor, body, bent)
    assert ((found > 30.0) & (found < 90.0)).all()


def test_a_weight_of_nought_leaves_a_block_out(bodies, motion):
    without = fit_descriptor(bodies, DescriptorSettings(tilt=0.0))
    fallen = encode(turned(motion, (0.0, 1.0, 0.0), 70.0))
    assert (without.describe(fallen) - without.describe(bodies)).abs().max() <= 1.0


def test_rows_do_not_depend_on_the_batch(descriptor, bodies):
    whole = descriptor.describe(bodies)
    for size in (1, 7, 239):
        parts = [descriptor.describe(bodies.take(part)) for part in torch.arange(240).split(size)]
        assert torch.equal(torch.cat(parts), whole)


def random_bodies(count: int, seed: int) -> Genomes:
    """Limbs, trunks and headings that point anywhere."""
    chance = torch.Generator().manual_seed(seed)

    def rotations() -> Tensor:
        turns = torch.linalg.qr(torch.randn(count, 3, 3, generator=chance))[0]
        return (turns * turns.det()[:, None, None]).permute(1, 2, 0).contiguous()

    limbs = torch.nn.functional.normalize(torch.randn(3, 9, count, generator=chance), dim=0)
    torso = torch.nn.functional.normalize(torch.randn(3, 6, count, generator=chance), dim=0)
    root, neck = torch.randn(2, 3, count, generator=chance)
    lengths = torch.full((15, count), 300.0)
    return Genomes(root, rotations(), rotations(), torso, limbs, neck, lengths)


@pytest.mark.parametrize("weights", [{}, {"limbs": 0.01}, {"trunk": 9.0, "tilt": 20.0}])
def test_rows_are_whole_and_short_enough_for_exact_products(bodies, weights):
    rows = fit_descriptor(bodies, DescriptorSettings.parse(weights)).describe(
        random_bodies(2000, 1)
    )
    assert rows.shape == (2000, SIZE) and rows.dtype == torch.float32
    expect_whole("rows", rows)
    exact = rows.double() @ rows.double().T
    assert torch.equal((rows @ rows.T).double(), exact)
    assert exact.max() < BOUND


def test_projections_keep_distances_and_are_whole(descriptor, bodies):
    rows = descriptor.describe(bodies)
    places = descriptor.project(rows)
    assert torch.equal(places, places.round())
    real = torch.cdist(rows.double(), rows.double())
    seen = torch.cdist(places, places) / 128.0
    assert (seen <= real * 1.02 + 1e-6).all()
    assert seen.sum() > 0.9 * real.sum()


def test_one_seed_is_enough_and_its_axes_are_at_right_angles(bodies):
    alone = fit_descriptor(bodies.take(torch.tensor([5])))
    axes = alone.projection / 128.0
    assert np.allclose(axes.T @ axes, np.eye(alone.axes), atol=0.05)


def test_what_is_saved_comes_back(descriptor, bodies, tmp_path):
    descriptor.save(tmp_path / "pose.npz")
    again = PoseDescriptor.load(tmp_path / "pose.npz")
    assert again.fingerprint() == descriptor.fingerprint()
    assert (again.name, again.unit_mm) == (descriptor.name, descriptor.unit_mm)
    assert "a walking figure" in again.provenance
    assert torch.equal(again.describe(bodies), descriptor.describe(bodies))


def test_other_weights_or_seeds_have_another_fingerprint(descriptor, bodies):
    others = [
        fit_descriptor(bodies, DescriptorSettings(trunk=1.1)),
        fit_descriptor(bodies, DescriptorSettings(axes=7)),
        fit_descriptor(bodies.take(torch.arange(100))),
    ]
    prints = {other.fingerprint() for other in others} | {descriptor.fingerprint()}
    assert len(prints) == 4
    assert (
        fit_descriptor(bodies, source="named differently").fingerprint() == descriptor.fingerprint()
    )


def test_other_files_are_refused(descriptor, tmp_path):
    path = tmp_path / "pose.npz"
    with pytest.raises(BadInput, match="pose.npz cannot be read"):
        PoseDescriptor.load(path)
    path.write_bytes(b"no archive")
    with pytest.raises(BadInput, match="pose.npz cannot be read"):
        PoseDescriptor.load(path)
    descriptor.save(path)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **(arrays | {"name": np.array("fingers")}))
    with pytest.raises(BadInput, match="should be 'limb ends.*got 'fingers'"):
        PoseDescriptor.load(path)
    np.savez(path, **(arrays | {"lengths": np.ones(8)}))
    with pytest.raises(BadInput, match=r"lengths of .* should be \(9\), got \(8,\)"):
        PoseDescriptor.load(path)


@pytest.mark.parametrize(
    "rows, message",
    [
        (torch.full((2, 3), 0.5), "rows should be whole numbers"),
        (torch.full((2, 3), torch.nan), "rows should be whole numbers"),
        (torch.full((1, 1), 2048.0), r"rows should have squared lengths below 4194304, got 4.194e"),
        (torch.zeros(3), r"rows should be \(bodies, numbers\), got \(3,\)"),
    ],
)
def test_rows_that_products_would_blur_are_refused(rows, message):
    with pytest.raises(BadInput, match=message):
        expect_whole("rows", rows)


def test_nobody_cannot_be_described(bodies):
    with pytest.raises(BadInput, match="at least one seed pose, got none"):
        fit_descriptor(bodies.take(torch.arange(0)))
    assert fit_descriptor(bodies).describe(bodies.take(torch.arange(0))).shape == (0, SIZE)


def test_real_people_of_other_builds_are_described_alike(cmu):
    """The same descriptor, fitted on one person, on the unlike skeletons of others."""
    seeds = encode(cmu.poses[cmu.subject == "CMU02"][::10])
    descriptor = fit_descriptor(seeds)
    others = encode(cmu.poses[cmu.subject == "CMU01"][::100])
    rows = descriptor.describe(others)
    expect_whole("rows", rows)
    again = descriptor.describe(replace(others, lengths=others.lengths * 0.8))
    assert torch.equal(rows, again)
