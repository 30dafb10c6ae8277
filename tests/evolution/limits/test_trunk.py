"""How far a thorax may bend and twist, by a slow twin, and that bred bodies keep to it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from evoskeleton.evolution.breeding import BreedingSettings, breed
from evoskeleton.evolution.hierarchy import Genomes, encode
from evoskeleton.evolution.limits.sampling import sample, template_body
from evoskeleton.evolution.limits.tables import Limits, default_limits
from evoskeleton.evolution.limits.trunk import TrunkRange
from evoskeleton.evolution.population import Population


def bodies_with(trunks: Rotation) -> Genomes:
    matrices = torch.from_numpy(trunks.as_matrix().reshape(-1, 3, 3)).float().permute(1, 2, 0)
    body = template_body().take(torch.zeros(matrices.shape[-1], dtype=torch.int64))
    return replace(body, trunk=matrices.contiguous())


def bent(forwards: float, right: float, twist: float) -> Rotation:
    """A bend about a horizontal axis after a twist about the vertical one, degrees."""
    bend = Rotation.from_rotvec([-forwards, right, 0.0], degrees=True)
    return bend * Rotation.from_rotvec([0.0, 0.0, twist], degrees=True)


@pytest.mark.parametrize(
    ("forwards", "right", "twist", "expected"),
    [
        (79, 0, 0, 1.0), (81, 0, 0, -1.0), (-24, 0, 0, 1.0), (-26, 0, 0, -1.0),
        (0, 34, 0, 1.0), (0, -36, 0, -1.0), (0, 0, 44, 1.0), (0, 0, -46, -1.0),
        (0, 0, 170, -125.0), (150, 0, 0, -70.0), (10, 0, 44, 1.0), (79, 0, 30, 1.0),
    ],
)  # fmt: skip
def test_one_movement_ends_where_it_is_published_to_end(forwards, right, twist, expected):
    margin = TrunkRange().margin(bodies_with(bent(forwards, right, twist)))
    assert float(margin[0]) == pytest.approx(expected, abs=0.01)


def test_slanting_bends_and_twists_agree_with_a_slow_twin():
    draw = np.random.default_rng(3)
    numbers = draw.uniform([-60, -60, -80], [110, 60, 80], (500, 3))
    trunks = Rotation.concatenate([bent(*row) for row in numbers])
    expected = []
    for forwards, right, twist in numbers:
        size = np.hypot(forwards, right)
        ahead = 80 if forwards > 0 else 25
        end = 1 / np.hypot(forwards / size / ahead, right / size / 35)
        expected.append(min(end - size, 45 - abs(twist)))
    margin = TrunkRange().margin(bodies_with(trunks))
    np.testing.assert_allclose(margin.numpy(), expected, atol=0.01)
    assert 50 < (margin >= 0).sum() < 450


def test_ranges_of_zero_allow_the_straight_trunk_alone():
    none = TrunkRange(flexion_deg=0, extension_deg=0, lateral_deg=0, rotation_deg=0)
    margin = none.margin(bodies_with(Rotation.concatenate([bent(0, 0, 0), bent(2, 0, 0)])))
    assert margin.tolist() == pytest.approx([0.0, -2.0], abs=0.01)


def test_drawn_and_real_bodies_are_within(motion, cmu):
    assert (TrunkRange().margin(sample(default_limits(), 500, 1)) > -0.1).all()
    assert (TrunkRange().margin(encode(motion)) >= 0).all()
    seed = encode(cmu.poses[cmu.subject == "CMU02"])
    assert (TrunkRange().margin(seed) >= 0).all()


@pytest.mark.parametrize("enabled", [True, False])
def test_generations_of_bends_stay_within_where_it_is_enabled(motion, enabled):
    settings = BreedingSettings.parse(
        {"bend": {"rate": 1.0, "sigma_deg": 30}, "trunk": {"enabled": enabled}}
    )
    limits = Limits.constant(180.0)
    parents = Population.seeds(encode(motion))
    for generation in range(1, 6):
        offspring = breed(
            parents,
            seed=1,
            generation=generation,
            island=0,
            offspring=200,
            settings=settings,
            valid=lambda bodies: settings.margin(limits, bodies),
        )
        parents = offspring.population
    room = TrunkRange().margin(parents.genomes)
    assert (room >= 0).all() if enabled else (room < -20).any()
    assert offspring.rejected > 0 or not enabled
