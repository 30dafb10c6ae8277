"""The MLflow record of a campaign, on real SQLite stores and real processes."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zlib
from base64 import b64decode
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.record import provenance, recording
from evoskeleton.platform.record.comparison_run import Compared, record_comparison
from evoskeleton.platform.record.mlflow_run import Run, optional_groups
from evoskeleton.platform.record.mlflow_store import Store
from evoskeleton.platform.record.recording import Recording
from evoskeleton.platform.record.run_page.data_sets import UsedPoses
from evoskeleton.platform.record.run_page.found_page import found_page
from evoskeleton.platform.record.run_page.gallery_strip import Galleries
from evoskeleton.platform.record.run_page.gone_on import _continued
from evoskeleton.platform.record.run_page.machine_load import Load, Machine, now_ms
from evoskeleton.platform.record.tracking import Tracker, TrackingSettings
from evoskeleton.platform.search.campaign.settings import CampaignSettings

SETTINGS = {"seed": 7, "search": {"generations": 8, "target": None, "names": []}}


def logbook(generations, first=0):
    return [
        {
            "generation": g,
            "rows": 1000 + 200 * g,
            "survival": 0.8 - 0.01 * g,
            "error_mean": 60.0 + g,
            "error_max": 160.0 + g,
            "offspring_per_second": 90_000.0,
            "operator": "crossover",
        }
        for g in range(first, generations)
    ]


def training(version=3, **changes):
    curve = [{"step": s, "stage": 0, "loss": 1.0 / s} for s in (100, 200, 300)]
    curve[-1]["validation_mpjpe"] = 61.5
    return {
        "table_version": version,
        "table": "/data/poses",
        "rows": 24_000,
        "generation": 3,
        "hash": f"beef{version}",
        "settings": {"width": 256},
        "curve": curve,
        "validation": {"mpjpe": 61.5, "p_mpjpe": 44.0},
    } | changes


@pytest.fixture(scope="session")
def record_home(tmp_path_factory):
    """One store for all tests: the first touch of a new one takes seconds."""
    return tmp_path_factory.mktemp("record")


@pytest.fixture
def client(record_home):
    return Store(TrackingSettings(), record_home).client()


@pytest.fixture
def tracker(record_home):
    return Tracker(TrackingSettings(), record_home, tell=pytest.fail)


def points(client, run_id):
    """How often each (metric, step) was written."""
    names = client.get_run(run_id).data.metrics
    return Counter((m.key, m.step) for n in names for m in client.get_metric_history(run_id, n))


def version_of(child):
    return child.data.tags["mlflow.evoskeleton.training"].rpartition("/")[2]


def by_version(client, run_id):
    return {version_of(child): child for child in children(client, run_id)}


def children(client, run_id):
    experiment = client.get_run(run_id).info.experiment_id
    return client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{run_id}'")


def test_a_campaign_is_a_run_with_settings_and_grouped_metrics(tracker, client):
    run_id = tracker.start("walkers", SETTINGS)
    tracker.sync_generations(logbook(3))
    tracker.finish()
    run = client.get_run(run_id)
    assert run.info.run_name == "walkers" and run.info.status == "FINISHED"
    assert run.data.params["search.generations"] == "8"
    assert run.data.params["search.target"] == "none"
    assert run.data.tags["mlflow.evoskeleton.campaign"] == "walkers"
    assert "cores" in run.data.tags["machine"] or run.data.tags["machine"]
    assert run.data.metrics["search/valid_share"] == pytest.approx(0.78)
    assert run.data.metrics["score/error_mean"] == 62.0
    assert run.data.metrics["speed/offspring_per_second"] == 90_000
    assert "search/operator" not in run.data.metrics


def test_settings_are_kept_as_yaml_without_secrets(tracker, client, tmp_path):
    secret = {"storage_options": {"AWS_SECRET": "hush"}, "tracking": {"uri": "https://me:pw@host"}}
    run_id = tracker.start("secretive", SETTINGS | secret)
    text = Path(client.download_artifacts(run_id, "settings.yaml", str(tmp_path))).read_text()
    params = str(client.get_run(run_id).data.params)
    assert yaml.safe_load(text)["search"]["generations"] == 8
    for leak in ("hush", "pw@"):
        assert leak not in text and leak not in params


def test_groups_that_another_campaign_lacks_are_told_in_words(record_home, client):
    motion = {"seed": {"kind": "parquet", "path": "/mine/p.parquet"}}
    plain = CampaignSettings.parse({"name": "plain", "motion": motion})
    own = plain.model_dump(mode="json") | {"search": {"archive": {"cells": 400}}}
    params = []
    for settings in (plain, CampaignSettings.parse(own)):
        plain_words, groups = settings.model_dump(mode="json"), optional_groups(settings)
        tracker = Tracker(TrackingSettings(), record_home, tell=pytest.fail)
        run_id = tracker.start(settings.name, plain_words, groups=groups)
        params.append(client.get_run(run_id).data.params)
    assert [each["search.archive"] for each in params] == ["none", "cells 400"]
    assert params[1]["search.archive.cells"] == "400"


def test_long_settings_are_cut_to_what_mlflow_takes(tracker, client):
    run_id = tracker.start("wordy", {"clips": ["02_01"] * 2000} | {f"s{i}": i for i in range(250)})
    params = client.get_run(run_id).data.params
    assert len(params["clips"]) == 6000 and params["clips"].endswith("…")
    assert params["s249"] == "249"


def test_rows_given_again_are_written_once(tracker, client, record_home):
    run_id = tracker.start("again", SETTINGS)
    tracker.sync_generations(logbook(3))
    tracker.sync_generations(logbook(5))
    resumed = Tracker(TrackingSettings(), record_home, tell=pytest.fail)
    assert resumed.start("again", SETTINGS, run_id=run_id) == run_id
    resumed.sync_generations(logbook(6))
    counts = points(client, run_id)
    assert set(counts.values()) == {1}
    assert {step for name, step in counts if name == "search/valid_share"} == set(range(6))


def test_half_a_generation_is_completed(tracker, client):
    run_id = tracker.start("half", SETTINGS)
    client.log_metric(run_id, "search/valid_share", 0.8, step=0)
    tracker.sync_generations(logbook(1))
    counts = points(client, run_id)
    assert set(counts.values()) == {1} and len(counts) == 5


def test_a_lost_run_id_is_found_again_by_the_campaigns_key(tracker, record_home):
    run_id = tracker.start("keyed", SETTINGS, key="a1b2")
    again = Tracker(TrackingSettings(), record_home, tell=pytest.fail)
    assert again.start("keyed", SETTINGS, key="a1b2") == run_id
    other = Tracker(TrackingSettings(), record_home, tell=pytest.fail)
    assert other.start("keyed", SETTINGS, key="c3d4") != run_id


def test_a_campaign_whose_run_was_deleted_gets_a_new_one(record_home, client):
    told = []
    tracker = Tracker(TrackingSettings(), record_home, tell=told.append)
    run_id = tracker.start("deleted", SETTINGS)
    client.delete_run(run_id)
    again = Tracker(TrackingSettings(), record_home, tell=told.append)
    new = again.start("deleted", SETTINGS, run_id=run_id)
    again.sync_generations(logbook(4))
    assert new != run_id and len(points(client, new)) == 20
    assert told == [f"MLflow has no run {run_id} any more: the campaign is written to a new one"]


def test_a_run_that_is_deleted_meanwhile_is_written_anew_from_its_beginning(record_home, client):
    told = []
    tracker = Tracker(TrackingSettings(), record_home, tell=told.append)
    run_id = tracker.start("deleted meanwhile", SETTINGS, key="dm")
    tracker.sync_generations(logbook(2))
    tracker.log_training(training())
    client.delete_run(run_id)
    tracker.sync_generations(logbook(4, first=2))
    tracker.log_json("closing", {"mpjpe": 60})
    tracker.finish()
    new = tracker.run_id
    assert new != run_id and len(told) == 1 and "was deleted in MLflow" in told[0]
    counts = points(client, new)
    assert {step for name, step in counts if name == "search/rows"} == set(range(4))
    assert set(counts.values()) == {1} and len(children(client, new)) == 1
    assert client.list_artifacts(new, "tables")[0].path == "tables/closing.json"


def ended(record_home, generations, monkeypatch, commit, planned=8, name="longer"):
    """The run of a campaign, driven to its end by the code of a commit."""
    monkeypatch.setattr(provenance, "code_commit", lambda: commit)
    tracker = Tracker(TrackingSettings(), record_home, tell=pytest.fail)
    settings = {"seed": 7, "search": {"generations": planned}}
    run_id = tracker.start(name, settings, key=name)
    tracker.sync_generations(logbook(generations))
    tracker.log_headline({"test_mpjpe_mm": 52.0}, generations, "It came.\n\nMore of it.")
    tracker.finish()
    return run_id


def test_a_campaign_that_is_resumed_when_it_is_done_keeps_its_end_and_its_code(
    record_home, client, monkeypatch
):
    before, after = (
        client.get_run(ended(record_home, 4, monkeypatch, commit, name="done"))
        for commit in ("aaaa", "bbbb")
    )
    assert after.info.run_id == before.info.run_id
    assert (after.info.status, after.info.end_time) == ("FINISHED", before.info.end_time)
    for name in ("code", "mlflow.source.git.commit", "mlflow.note.content"):
        assert after.data.tags[name] == before.data.tags[name]


def test_a_campaign_that_was_extended_says_what_holds_now_and_since_when(
    record_home, client, monkeypatch
):
    ended(record_home, 4, monkeypatch, "aaaa")
    run = client.get_run(ended(record_home, 7, monkeypatch, "bbbb", planned=12))
    assert run.data.params["search.generations"] == "8"
    assert run.data.tags["now.search.generations"] == "12"
    assert run.data.tags["generations"] == "6"
    assert "`search.generations` is 12, was 8." in run.data.tags["mlflow.note.content"]
    assert run.data.tags["code"].endswith("bbbb from generation 4")
    assert run.data.tags["code"].count("bbbb") == 1 and "aaaa" in run.data.tags["code"]
    assert run.data.tags["mlflow.source.git.commit"] == "aaaa"


def test_the_experiments_page_says_what_came_of_which_campaign(record_home, client, monkeypatch):
    run_id = ended(record_home, 4, monkeypatch, "aaaa", name="newest")
    tags = client.get_experiment(client.get_run(run_id).info.experiment_id).tags
    words = tags["mlflow.note.content"]
    assert f"runs/{run_id}?workflowType=machine_learning) | 52.0 |" in words
    assert "| finished |" in words.partition(run_id)[2].partition("\n")[0]
    assert "viewStateShareKey=campaigns" in words and len(words) <= 5000
    assert tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_training_is_a_child_run_with_curve_table_version_and_bundle(tracker, client, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    run_id = tracker.start("trained", SETTINGS)
    tracker.log_training(training(bundle=str(tmp_path)))
    (child,) = children(client, run_id)
    assert child.info.run_name == "g3, 24,000 poses, validation 61.5 mm"
    assert child.info.status == "FINISHED"
    assert child.data.params["fit.width"] == "256"
    assert child.data.tags["mlflow.evoskeleton.training"] == "trained/v3"
    assert child.data.tags["mlflow.evoskeleton.weights"] == "beef3"
    assert points(client, child.info.run_id)["training/loss", 200] == 1
    assert child.data.metrics["validation/p_mpjpe"] == 44.0
    (data,) = client.get_run(child.info.run_id).inputs.dataset_inputs
    assert '"delta_table_version": 3' in data.dataset.source
    files = [file.path for file in client.list_artifacts(child.info.run_id, "bundle")]
    assert files == ["bundle/model.safetensors"]
    assert points(client, run_id)["lifter/validation_mpjpe", 3] == 1


def test_a_trained_lifter_is_a_model_with_a_signature_and_no_pickle(tracker, client, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    run_id = tracker.start("models", SETTINGS)
    tracker.log_sources([UsedPoses("held out", "validation", "ab12", "parquet", {"poses": 5})])
    for _ in range(2):
        tracker.log_training(training(bundle=tmp_path, seconds=90.0))
    (child,) = children(client, run_id)
    assert child.info.end_time - child.info.start_time == pytest.approx(90_000, abs=2)
    where = f"source_run_id = '{child.info.run_id}'"
    (model,) = client.search_logged_models([child.info.experiment_id], filter_string=where)
    assert (model.name, str(model.status)) == ("models-g3", "READY")
    kept = Path(model.artifact_location.removeprefix("file://"))
    assert sorted(path.name for path in kept.iterdir()) == ["MLmodel", "model.safetensors"]
    assert "keypoints_px" in (kept / "MLmodel").read_text()
    errors = {metric.key: metric.value for metric in model.metrics}
    assert errors == {"validation_mpjpe": 61.5, "validation_p_mpjpe": 44.0}
    assert {(m.dataset_name, m.dataset_digest) for m in model.metrics} == {("held out", "ab12")}
    data = client.get_run(child.info.run_id).inputs.dataset_inputs
    assert [each.dataset.name for each in data] == ["poses of models", "held out"]


def test_what_came_stands_before_the_curves_and_names_its_data(tracker, client):
    run_id = tracker.start("headline", SETTINGS)
    used = [UsedPoses("test of headline", "testing", "ab" * 32, "parquet", {"poses": 5})]
    tracker.log_sources(used)
    tracker.log_headline({"test_mpjpe_mm": 52.0, "gain_mm": 8.0}, 4, "**52.0 mm**")
    run = client.get_run(run_id)
    assert run.data.metrics["gain_mm"] == 8.0
    assert run.data.tags["mlflow.note.content"].startswith("**52.0 mm**")
    assert run.data.tags["mlflow.runColor"].startswith("#")
    (data,) = run.inputs.dataset_inputs
    assert data.dataset.name == "test of headline" and data.tags[0].value == "testing"
    page = client.get_experiment(run.info.experiment_id).tags["mlflow.note.content"]
    assert "test_mpjpe_mm" in page


def test_a_training_told_twice_is_recorded_once(tracker, record_home, client):
    run_id = tracker.start("twice", SETTINGS)
    tracker.log_training(training())
    tracker.log_training(training(champion=True))
    again = Tracker(TrackingSettings(), record_home, tell=pytest.fail)
    again.start("twice", SETTINGS, run_id=run_id)
    again.log_training(training())
    again.log_training(training(version=5, generation=5))
    named = by_version(client, run_id)
    assert sorted(named) == ["v3", "v5"]
    assert named["v3"].data.tags["champion"] == "true"
    assert set(points(client, named["v3"].info.run_id).values()) == {1}
    again.mark_champion("beef5")
    named = by_version(client, run_id)
    assert named["v5"].data.tags["champion"] == "true"
    assert named["v5"].info.run_name.endswith(" mm, champion")
    assert named["v3"].info.run_name == "g3, 24,000 poses, validation 61.5 mm"
    assert named["v3"].data.tags["champion"] == "false"


def test_a_training_that_was_half_written_is_completed(tracker, record_home, client):
    run_id = tracker.start("broken", SETTINGS)
    experiment = client.get_run(run_id).info.experiment_id
    tags = {"mlflow.evoskeleton.training": "broken/v3", "mlflow.parentRunId": run_id}
    half = client.create_run(experiment, run_name="v3", tags=tags).info.run_id
    client.log_metric(half, "training/loss", 0.01, step=100)
    tracker.log_training(training())
    (child,) = children(client, run_id)
    counts = points(client, child.info.run_id)
    assert child.info.run_id == half and set(counts.values()) == {1}
    assert counts["training/loss", 300] == 1


def test_a_record_that_mlflow_refuses_is_left_out_and_the_rest_goes_on(record_home, client):
    told = []
    tracker = Tracker(TrackingSettings(), record_home, tell=told.append)
    run_id = tracker.start("refused", SETTINGS)
    tracker.log_training(training(bundle="/no/such/folder"))
    for generations in (1, 2, 3):
        tracker.sync_generations(logbook(generations))
    tracker.log_json("closing", {"mpjpe": 60})
    assert len(told) == 1
    assert told[0].startswith("MLflow refuses the training on table version 3, which is left out:")
    assert points(client, run_id)["search/valid_share", 2] == 1
    assert client.list_artifacts(run_id, "tables")[0].path == "tables/closing.json"


def test_figures_and_tables_become_artifacts(tracker, client, tmp_path):
    from matplotlib.figure import Figure

    run_id = tracker.start("drawn", SETTINGS)
    tracker.log_figure("gallery", Figure())
    tracker.log_table("clips", [{"clip": "05_01", "mpjpe": 61.5}, {"clip": "05_02"}])
    tracker.log_summary({"mpjpe_baseline": 70.0, "mpjpe_evolved": 60.0})
    kept = client.download_artifacts(run_id, "", str(tmp_path))
    assert (Path(kept) / "figures" / "gallery.png").read_bytes().startswith(b"\x89PNG")
    assert (Path(kept) / "tables" / "clips.csv").read_text() == "clip,mpjpe\n05_01,61.5\n05_02,\n"
    assert client.get_run(run_id).data.metrics["1-result/mpjpe_evolved"] == 60.0
    for _ in range(2):
        tracker.log_summary({"mpjpe_evolved": 55.0}, generation=9)
    assert client.get_run(run_id).data.metrics["1-result/mpjpe_evolved"] == 55.0
    assert points(client, run_id)["1-result/mpjpe_evolved", 1] == 1


WRITER = """
import sys
sys.path.insert(0, sys.argv[3])
from test_tracking import SETTINGS, Tracker, TrackingSettings, logbook, training
tracker = Tracker(TrackingSettings(), sys.argv[1])
print(tracker.start("killed", SETTINGS, key="killed"), flush=True)
for generation in range(int(sys.argv[2]), 400):
    tracker.sync_generations(logbook(generation + 1))
    tracker.log_training(training(version=generation, generation=generation))
    print(generation, flush=True)
"""


def killed_writer(home, first, lines):
    """Start a writer in its own process and kill it without warning at some point in a write."""
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", WRITER, str(home), str(first), here]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline().strip() for _ in range(1 + lines)]
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
    return told[0], int(told[-1])


def test_a_killed_writer_leaves_no_gap_and_no_double_point(record_home, client):
    run_id, last = killed_writer(record_home, 0, 3)
    again, last = killed_writer(record_home, last, 4)
    assert again == run_id
    tracker = Tracker(TrackingSettings(), record_home, tell=pytest.fail)
    assert tracker.start("killed", SETTINGS, run_id=run_id) == run_id
    tracker.sync_generations(logbook(last + 3))
    for version in range(last + 3):
        tracker.log_training(training(version=version, generation=version))
    counts = points(client, run_id)
    assert set(counts.values()) == {1}
    assert {step for name, step in counts if name == "search/valid_share"} == set(range(last + 3))
    names = Counter(map(version_of, children(client, run_id)))
    assert names == Counter({f"v{version}": 1 for version in range(last + 3)})
    for child in children(client, run_id):
        assert set(points(client, child.info.run_id).values()) == {1}


def test_no_record_is_blamed_for_generations_that_cannot_be_written(record_home, client):
    told = []
    tracker = Tracker(TrackingSettings(), record_home, tell=told.append)
    run_id = tracker.start("locked", SETTINGS)

    def locked(*arguments):
        raise OSError("database is locked")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "write", locked)
        patch.setattr("evoskeleton.platform.record.tracking.PAUSE", 0.0)
        for generations in range(1, 6):
            tracker.sync_generations(logbook(generations))
            tracker.log_json("closing", {"mpjpe": 60})
    assert len(told) == 1 and "database is locked" in told[0]
    tracker.finish()
    assert "tables/closing.json" in [item.path for item in client.list_artifacts(run_id, "tables")]
    assert {step for name, step in points(client, run_id) if name == "search/valid_share"} == {
        *range(5)
    }


def test_a_database_that_was_half_made_is_made_anew(tmp_path):
    import mlflow.store.db.utils as tables

    def killed(engine):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_upgrade_db", killed)
        with pytest.raises(KeyboardInterrupt):
            Store(TrackingSettings(), tmp_path).client()
    assert Store(TrackingSettings(), tmp_path).is_absent()
    assert Store(TrackingSettings(), tmp_path).client().search_experiments()
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_a_setting_that_changes_back_is_told_as_it_is_now(record_home, client):
    for workers in (1, 2, 1):
        tracker = Tracker(TrackingSettings(), record_home)
        run_id = tracker.start("there-and-back", {"workers": workers}, key="one")
    data = client.get_run(run_id).data
    assert data.params["workers"] == "1" and data.tags["now.workers"] == "1"


@pytest.fixture
def nobody(monkeypatch):
    """Address on which nobody listens."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{door.getsockname()[1]}"


def test_a_server_that_is_down_is_told_once_and_the_campaign_goes_on(nobody, tmp_path):
    told = []
    tracker = Tracker(TrackingSettings(uri=nobody), tmp_path, tell=told.append)
    assert tracker.start("lonely", SETTINGS) is None
    tracker.sync_generations(logbook(2))
    tracker.log_training(training())
    sentence = f"MLflow at {nobody} does not answer, the campaign goes on: Connection refused"
    assert told == [sentence]
    tracker.finish()
    assert told[1:] == [
        "MLflow lacks 2 records of campaign lonely: resume it when MLflow answers, and they are "
        "written"
    ]


def test_what_was_missed_is_written_when_mlflow_answers_again(
    record_home, client, nobody, monkeypatch
):
    told = []
    tracker = Tracker(TrackingSettings(uri=nobody), record_home, tell=told.append)
    tracker.start("late", SETTINGS)
    tracker.sync_generations(logbook(2))
    tracker.log_training(training())
    monkeypatch.setattr(tracker, "_store", Store(TrackingSettings(), record_home))
    tracker.finish()
    assert len(told) == 1
    counts = points(client, tracker.run_id)
    assert set(counts.values()) == {1}
    assert counts["search/valid_share", 1] == 1
    assert [*map(version_of, children(client, tracker.run_id))] == ["v3"]


def test_a_record_that_is_switched_off_writes_nothing(tmp_path):
    tracker = Tracker(TrackingSettings(enabled=False), tmp_path, tell=pytest.fail)
    assert tracker.start("silent", SETTINGS) is None
    tracker.sync_generations(logbook(2))
    tracker.log_training(training())
    tracker.finish()
    assert list(tmp_path.iterdir()) == []


def test_the_page_is_opened_by_a_command_and_a_deep_link(tracker, record_home, client):
    run_id = tracker.start("open", SETTINGS)
    page = tracker.how_to_open(port=5123)
    experiment = client.get_run(run_id).info.experiment_id
    runs = f"http://127.0.0.1:5123/#/experiments/{experiment}/runs"
    assert page.campaign == f"{runs}/{run_id}?workflowType=machine_learning"
    assert page.address.startswith(f"{runs}?viewStateShareKey=campaigns&compareRunsMode=CHART")
    assert f"sqlite:///{record_home}/mlflow.db" in page.command
    for quiet in ("--workers 1", "JOB_EXECUTION=false", "MLFLOW_DISABLE_TELEMETRY=true"):
        assert quiet in page.command


def test_a_home_that_was_copied_is_put_right_by_whoever_asks_for_its_page(
    tracker, record_home, tmp_path
):
    run_id = tracker.start("sent on", SETTINGS, key="ab12")
    copy = tmp_path / "sent on"
    shutil.copytree(record_home, copy)
    page = found_page(TrackingSettings(), copy, "ab12")
    assert page.campaign.endswith(f"/runs/{run_id}?workflowType=machine_learning")
    assert "viewStateShareKey=campaigns" in page.address
    assert str(copy) in page.command and str(record_home) not in page.command
    moved = Store(TrackingSettings(), copy).client().get_run(run_id)
    assert moved.info.artifact_uri.startswith(copy.as_uri())


def test_a_page_that_is_not_known_is_not_named(tracker, record_home, tmp_path):
    tracker.start("known", SETTINGS, key="known")
    assert found_page(TrackingSettings(), tmp_path) is None
    assert found_page(TrackingSettings(enabled=False), record_home, "ab12") is None
    assert found_page(TrackingSettings(), record_home, "another").campaign is None
    served = found_page(TrackingSettings(uri="https://me:pw@mlflow.lab"), tmp_path, "ab12")
    assert served.command is None and served.campaign is None
    assert served.address == "https://mlflow.lab/#/experiments?workflowType=machine_learning"


def test_a_comparison_takes_the_place_of_an_earlier_one_of_the_same_campaigns(
    tracker, record_home, client
):
    campaign = tracker.start("b", SETTINGS)

    def compared(*names):
        words = Compared(names, "<p>", ["Equal."], ["| a |"], {names[1]: 1.0})
        return record_comparison(TrackingSettings(), record_home, words, [])

    first, other = compared("a", "b"), compared("a", "c")
    client.delete_tag(first, "mlflow.evoskeleton.compared")  # as earlier versions left it
    again = compared("b", "a")
    experiment = client.get_run(again).info.experiment_id
    found = client.search_runs([experiment], "tags.type = 'comparison'")
    assert {run.info.run_id for run in found} == {again, other}
    assert client.get_run(again).data.tags["mlflow.parentRunId"] == campaign
    words = client.get_run(again).data.tags["mlflow.note.content"]
    assert f"[b](#/experiments/{experiment}/runs/{campaign}" in words


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ("1.0, ab", "1.0, ab", None),
        ("1.0, ab", "1.0, cd", "1.0, ab; 1.0, cd from generation 7"),
        ("1.0, ab; 1.0, cd from generation 3", "1.0, cd", None),
        (None, "1.0, ab", "1.0, ab"),
        ("1.0, ab", None, None),
    ],
)
def test_code_that_changed_is_told_once(before, now, said):
    assert _continued(before, now, 7) == said


def test_the_experiment_holds_the_view_that_the_address_opens(tracker, client):
    run_id = tracker.start("viewed", SETTINGS)
    tags = client.get_experiment(client.get_run(run_id).info.experiment_id).tags
    kept = tags["mlflow.sharedViewState.campaigns"].removeprefix("deflate;")
    state = json.loads(zlib.decompress(b64decode(kept)))
    assert state["selectedColumns"][0] == "metrics.`test_mpjpe_mm`"
    charts = {chart["uuid"]: chart["metricSectionId"] for chart in state["compareRunCharts"]}
    shown = ("test_mpjpe_mm", "gain_mm", "search/rows", "gallery", "differences")
    assert {f"campaigns-{name}" for name in shown} <= charts.keys()
    assert set(charts.values()) == {section["uuid"] for section in state["compareRunSections"]}


def test_people_see_few_tags_and_none_of_them_is_a_hash(tracker, client):
    run_id = tracker.start("few", SETTINGS, key="few")
    tracker.log_training(training())
    tracker.mark_champion("beef3")
    tags = client.get_run(run_id).data.tags
    assert {name for name in tags if not name.startswith("mlflow.")} == {
        "champion", "code", "machine",
    }  # fmt: skip
    assert tags["champion"] == "g3, 24,000 poses, validation 61.5 mm"


def test_a_run_of_an_earlier_version_is_found_with_its_trainings(tracker, client, record_home):
    run_id = tracker.start("earlier", SETTINGS, key="old")
    tracker.log_training(training(champion=True))
    for run in (run_id, *(child.info.run_id for child in children(client, run_id))):
        for name, value in client.get_run(run).data.tags.items():
            if name.startswith("mlflow.evoskeleton."):
                client.set_tag(run, name.removeprefix("mlflow."), value)
                client.delete_tag(run, name)
    again = Tracker(TrackingSettings(), record_home, tell=pytest.fail)
    assert again.start("earlier", SETTINGS, key="old") == run_id
    again.log_training(training())
    assert len(children(client, run_id)) == 1


def test_a_store_of_an_unknown_kind_is_refused():
    with pytest.raises(BadInput, match="should start with one of sqlite, postgresql"):
        TrackingSettings.parse({"uri": "ftp://somewhere"})


def test_importing_the_record_does_not_import_mlflow():
    code = (
        "import sys, evoskeleton.platform.record.tracking, evoskeleton.platform.record.registry;"
        "sys.exit('mlflow' in sys.modules or 'ray' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_server_that_hangs_takes_no_time_from_a_campaign(tmp_path, monkeypatch):
    """It accepts, and never answers."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setattr(recording, "END_SECONDS", 0.5)
    told: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        record = Recording(TrackingSettings(uri=uri), tmp_path, told.append)
        started = time.monotonic()
        record.start("hung", SETTINGS, key="hung")
        for generations in range(1, 40):
            record.sync_generations(logbook(generations))
        for version in range(5):
            record.log_training(training(version))
        record.finish()
        assert time.monotonic() - started < 10, "of one request it would be 3"
    assert any("MLflow lacks" in sentence and "resume it" in sentence for sentence in told)


def test_what_a_thread_records_is_what_is_recorded(record_home, client):
    record = Recording(TrackingSettings(), record_home, pytest.fail)
    record.start("threaded", SETTINGS, key="threaded")
    for generations in range(1, 6):
        record.sync_generations(logbook(generations))
    record.log_training(training(2))
    record.log_table("some", [{"a": 1}])
    record.leave()
    left = record.how_to_open().campaign.split("/runs/")[1].split("?")[0]
    assert client.get_run(left).info.status == "KILLED"
    again = Recording(TrackingSettings(), record_home, pytest.fail)
    again.start("threaded", SETTINGS, key="threaded")
    again.sync_generations(logbook(8))
    again.finish()
    page = again.how_to_open().campaign
    run = client.get_run(page.split("/runs/")[1].split("?")[0])
    points = client.get_metric_history(run.info.run_id, "search/rows")
    assert [point.step for point in points] == list(range(8))
    assert run.info.status == "FINISHED"
    assert [item.path for item in client.list_artifacts(run.info.run_id, "tables")]


def bodies(motion, generation: int, count: int = 40) -> PoseRows:
    return PoseRows.of_columns({
        "id": np.arange(count), "generation": np.full(count, generation),
        "island": np.zeros(count, int), "mother": np.zeros(count, int),
        "father": np.zeros(count, int), "operator": np.full(count, "bend"),
        "poses": motion[:count], "margin": np.zeros(count),
        "error": np.linspace(90.0, 20.0, count),
    })  # fmt: skip


def pictured(client, run_id: str) -> list[int]:
    """The generations whose pictures a run has, each as often as it has it."""
    kept = [item.path for item in client.list_artifacts(run_id, "images")]
    large = [path for path in kept if "compressed" not in path]
    return sorted(int(re.search(r"step[%+](\d+)", path)[1]) for path in large)


def test_a_generation_is_a_picture_and_machines_are_looked_at(record_home, client, motion):
    record = Recording(TrackingSettings(), record_home, pytest.fail)
    record.start("seen", SETTINGS, key="seen")
    for generation in (1, 2):
        record.log_gallery(generation, bodies(motion, generation))
    machine = Machine()
    record.log_load(Load(now_ms(), {0: machine.look()}))
    record.log_load(Load(now_ms() + 3000, {0: machine.look(), 1: machine.look()}))
    record.finish()
    run_id = record.how_to_open().campaign.split("/runs/")[1].split("?")[0]
    assert pictured(client, run_id) == [1, 2]
    metrics = client.get_run(run_id).data.metrics
    for name in ("system", "system/node_0", "system/node_1"):
        assert 0 <= metrics[f"{name}/cpu_utilization_percentage"] <= 100


def test_what_mlflow_has_not_taken_survives_the_driver(
    record_home, client, motion, tmp_path, monkeypatch
):
    """The first driver is left where it stands, with a server that accepts and never answers."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    kept, told = tmp_path / "unrecorded", list[str]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        hung = Recording(TrackingSettings(uri=uri), tmp_path, told.append, kept)
        hung.start("survives", SETTINGS, key="survives")
        for generation in (1, 2, 3):
            hung.log_gallery(generation, bodies(motion, generation))
        for seconds in (-60, -30):
            look = {"cpu_utilization_percentage": float(seconds)}
            hung.log_load(Load(now_ms() + 1000 * seconds, {0: look}))
        before = {path.name: path.read_bytes() for path in kept.iterdir()}
        for _ in range(2):  # the second time MLflow has it all, and the files are still there
            for name, content in before.items():
                (kept / name).write_bytes(content)
            record = Recording(TrackingSettings(), record_home, pytest.fail, kept)
            record.start("survives", SETTINGS, key="survives")
            record.finish()
            assert not list(kept.iterdir())
    run_id = record.how_to_open().campaign.split("/runs/")[1].split("?")[0]
    assert pictured(client, run_id) == [1, 2, 3]
    points = client.get_metric_history(run_id, "system/cpu_utilization_percentage")
    assert [(point.step, point.value) for point in points] == [(0, -60.0), (30, -30.0)]


def test_pictures_stop_where_they_would_take_more_than_their_share():
    kept: list[int] = []

    class Slow:
        def log_image(self, name, draw, step, written):
            kept.append(step)
            time.sleep(0.002)

    galleries, left_out = Galleries(), []
    for generation in range(40):
        galleries.write(Slow(), generation, pytest.fail, partial(left_out.append, generation))
    assert kept == list(range(8)) and left_out == list(range(8, 40))


@pytest.mark.long
def test_a_database_on_postgresql_is_reached_by_the_driver_of_the_extra(
    postgres_database, tmp_path
):
    """The address as everybody writes it names a driver that nobody has installed."""
    uri = postgres_database.replace("postgresql+pg8000://", "postgresql://")
    assert uri.startswith("postgresql://")
    settings = TrackingSettings(uri=uri, artifacts=str(tmp_path / "artifacts"))
    record = Recording(settings, tmp_path, pytest.fail)
    record.start("on postgres", SETTINGS, key="on postgres")
    record.sync_generations(logbook(3))
    record.finish()
    store = Store(settings, tmp_path)
    (run,) = store.client().search_runs([store.experiment()])
    assert run.info.status == "FINISHED" and run.data.metrics["search/rows"] == 1400
