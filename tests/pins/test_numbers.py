"""Weights, scores and whole campaigns are bit for bit what they were."""

import json
import os
from unittest.mock import patch

import numpy as np
import pytest
import ray_cluster
from pins import kernels, killed
from pins.campaign import rows, trainings, without_times
from pins.same_names import of_the_same_names

pytestmark = kernels.needs_x86_64

LAST_OF_A_SHORTER_PLAN = "pinned-g000003"
"""Trained where the campaign reached its three generations before it was killed."""


@kernels.needs_the_maker
@pytest.mark.slow
def test_lifters_train_to_the_same_weights_and_score_the_same(tmp_path):
    kernels.run("pins.lifters", tmp_path)
    recorded = kernels.read(kernels.FIXTURES / "lifters.npz")
    kernels.assert_same(kernels.read(tmp_path / "lifters.npz"), recorded)


@pytest.fixture(scope="module", params=[1, pytest.param(25, marks=pytest.mark.long)])
def campaign(request, tmp_path_factory):
    """The folder of a campaign whose driver was killed so often, and that was then extended."""
    folder = tmp_path_factory.mktemp("campaign")
    if request.param > 1:
        killed.run(folder, request.param)
        return folder
    with patch.dict(os.environ, kernels.environment()), ray_cluster.running() as cluster:
        killed.run(folder, request.param, "--address", cluster.address)
    return folder


@kernels.needs_the_maker
@pytest.mark.slow
def test_a_killed_and_extended_campaign_writes_the_recorded_rows(campaign):
    kernels.assert_same(
        rows(campaign / "home" / "poses"), kernels.read(kernels.FIXTURES / "rows.npz")
    )


@kernels.needs_the_maker
@pytest.mark.slow
def test_a_killed_and_extended_campaign_trains_the_recorded_lifters(campaign):
    recorded = without_times(json.loads((kernels.FIXTURES / "trainings.json").read_text()))
    recorded = recorded["records"]
    there = trainings(campaign / "home" / "pinned")["records"]
    as_long = [record for record in there if record.get("name") != LAST_OF_A_SHORTER_PLAN]
    more = {"trainings": recorded[-1]["trainings"] + len(there) - len(as_long)}
    there = as_long
    assert of_the_same_names(there[-1], recorded[-1]) == recorded[-1] | more, "the closing report"
    assert of_the_same_names(there[:-1], recorded[:-1]) == recorded[:-1]


@pytest.mark.slow
def test_a_killed_campaign_is_recorded_without_gap_and_without_double(campaign):
    """One run for the campaign, one for each training, one point for each generation."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{campaign}/home/mlflow.db")
    (experiment,) = client.search_experiments(filter_string="name != 'Default'")
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    assert len(runs) == 1 + len(list((campaign / "home/pinned/trainings").glob("g*/training.json")))
    assert parent.info.status == "FINISHED"
    history = client.get_metric_history(parent.info.run_id, "search/rows")
    assert sorted(point.step for point in history) == [0, 1, 2, 3, 4]


def test_the_recorded_campaign_has_everything_at_work():
    recorded = kernels.read(kernels.FIXTURES / "rows.npz")
    words = {word for operator in recorded["operator"] for word in operator.split("+")}
    assert words >= {"crossover", "limbs", "turn", "bend", "lengths", "shoulders", "mirror"}
    assert words >= {"tumble", "immigrant", "seed"}
    assert {"seed", "new cell", "quota", "better"} == set(recorded["why"])
    assert len(set(recorded["lifter"]) - {""}) > 1, "the champion has changed"
    assert (recorded["replaces"] >= 0).any()
    bred = recorded["mother"] >= 0
    moved = recorded["mother"][bred] >> 28 & 0xFFF != recorded["island"][bred]
    assert moved.any() and set(recorded["island"]) == {0, 1}
    assert np.isfinite(recorded["novelty"][recorded["generation"] > 0]).all()
