"""Weights, scores and whole campaigns are bit for bit what they were."""

import json

import numpy as np
import pytest
from pins import kernels

pytestmark = kernels.needs_x86_64


@pytest.mark.slow
def test_lifters_train_to_the_same_weights_and_score_the_same(tmp_path):
    kernels.run("pins.lifters", tmp_path)
    recorded = kernels.read(kernels.FIXTURES / "lifters.npz")
    kernels.assert_same(kernels.read(tmp_path / "lifters.npz"), recorded)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """The folder of a campaign that has run here."""
    folder = tmp_path_factory.mktemp("campaign")
    kernels.run("pins.campaign", folder)
    return folder


@pytest.mark.slow
def test_a_campaign_writes_the_same_rows(campaign):
    there = kernels.read(campaign / "rows.npz")
    kernels.assert_same(there, kernels.read(kernels.FIXTURES / "rows.npz"))


@pytest.mark.slow
def test_a_campaign_trains_the_same_lifters(campaign):
    recorded = json.loads((kernels.FIXTURES / "trainings.json").read_text())
    assert json.loads((campaign / "trainings.json").read_text()) == recorded


def test_the_recorded_campaign_has_everything_at_work():
    rows = kernels.read(kernels.FIXTURES / "rows.npz")
    words = {word for operator in rows["operator"] for word in operator.split("+")}
    assert words >= {"crossover", "limbs", "turn", "bend", "lengths", "shoulders", "mirror"}
    assert words >= {"tumble", "immigrant", "seed"}
    assert {"seed", "new cell", "quota", "better"} == set(rows["why"])
    assert len(set(rows["lifter"]) - {""}) > 1, "the champion has changed"
    assert (rows["replaces"] >= 0).any()
    bred = rows["mother"] >= 0
    moved = rows["mother"][bred] >> 28 & 0xFFF != rows["island"][bred]
    assert moved.any() and set(rows["island"]) == {0, 1}
    assert np.isfinite(rows["novelty"][rows["generation"] > 0]).all()
