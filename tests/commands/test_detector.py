"""`evoskeleton detector` as a person types it: from pictures to a detector and its numbers."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from annotated_people import write_pictures
from refusals import refused

from evoskeleton.cli import main
from evoskeleton.commands.pictures.annotated_pictures import annotated_pictures
from evoskeleton.platform.record.mlflow_store import Store, TrackingSettings
from evoskeleton.pose2d.heatmap.bundle import load_bundle
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.heatmap.settings import HeatmapSettings

TINY = (
    "--set", "network={width: 16, picture_px: [32, 32]}", "--set", "steps=2", "--set", "batch=4",
    "--set", "report_every=1",
)  # fmt: skip


def run(*arguments):
    with pytest.raises(SystemExit) as left:
        main(["detector", *map(str, arguments)])
    assert left.value.code == 0


def test_pictures_become_a_detector_that_is_measured_and_recorded(tmp_path, capsys):
    write_pictures(tmp_path / "set", count=6)
    (tmp_path / "set" / "images" / "006.png").unlink()
    cut = tmp_path / "set" / "images" / "003.png"
    cut.write_bytes(cut.read_bytes()[:400])
    home, output = tmp_path / "home", tmp_path / "detector"
    register = ("--register", "own")
    run("train", tmp_path / "set", "--output", output, "--home", home, *TINY, *register)
    said = capsys.readouterr()
    assert "set: 5 people; left out: 1 (picture missing)" in " ".join(said.err.split())
    assert "as their picture breaks off: 1" in " ".join(said.err.split())
    assert "2 steps" in said.out and "PCK@0.1" in said.out
    assert "own: version 1 is the champion, models:/own" in said.out
    card = json.loads((output / "detector.json").read_text())
    assert card["training"]["people"] + card["training"]["held_out"] == 5
    client = Store(TrackingSettings.parse({}), home).client()
    experiment = client.get_experiment_by_name("evoskeleton")
    record = client.search_runs([experiment.experiment_id])[0]
    assert record.info.status == "FINISHED" and record.data.params["settings.batch"] == "4"
    assert record.data.metrics.keys() > {"training/loss", "validation/oks", "final/ap"}
    run("evaluate", output, tmp_path / "set", "--json", tmp_path / "scores.json")
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["people"] == 4 and 0.0 <= scores["overall"]["pck_box_01"] <= 1.0
    assert len(scores["by_keypoint"]) == 17
    again = ("detector", "train", tmp_path / "set", "--output", output, "--home", home)
    assert "detector is there already; --overwrite replaces it" in refused(capsys, *again)


def test_published_weights_become_a_detector_as_they_are(tmp_path, capsys):
    weights, output = tmp_path / "pose_hrnet.pth", tmp_path / "detector"
    network = HeatmapNetwork(HeatmapSettings(width=16))
    torch.save({f"module.{name}": value for name, value in network.state_dict().items()}, weights)
    asked = ("convert", weights, "--output", output, "--picture-px", 32, 64)
    assert "width 32, got width 16" in refused(capsys, "detector", *asked)
    seeds = ("--width", 16, "--head", "seed", "--keypoints", "human36m")
    assert "find nothing yet" in refused(capsys, "detector", *asked, *seeds)
    assert "one of coco, human36m" in refused(capsys, "detector", *asked, "--keypoints", "cats")
    run(*asked, "--width", 16)
    assert "HRNet of width 16, 17 keypoints" in capsys.readouterr().out
    made, card = load_bundle(output)
    assert torch.equal(made.final_layer.weight, network.final_layer.weight)
    assert card.network.picture_px == (32, 64) and card.training == {"weights": "pose_hrnet.pth"}


def test_mistakes_are_told_in_a_sentence(tmp_path, capsys):
    write_pictures(tmp_path / "set", count=2)
    train = ("detector", "train", tmp_path / "set", "--output", tmp_path / "new")
    for more, sentence in (
        (("--set", "keypoints=[a, b, c, d, e, f]"), "set should have at least 6 of the keypoints"),
        (("--set", "epoch=3"), "unknown setting epoch; did you mean epochs?"),
        (("--measure-on", tmp_path / "gone"), "there is no such file or folder"),
        (("--begin", tmp_path / "gone.pth"), "there is no such file or folder"),
        (("--preset", "w64"), "setting preset"),
    ):
        assert sentence in refused(capsys, *train, *more)
    words = json.loads((tmp_path / "set" / "annotations.json").read_text())
    words["categories"][0]["keypoints"] = [f"point_{at}" for at in range(17)]
    (tmp_path / "nameless.json").write_text(json.dumps(words))
    nameless = ("detector", "train", tmp_path / "nameless.json", "--output", tmp_path / "new")
    shelf = ("--pictures", tmp_path / "set" / "images")
    assert "named by side and part, such as left_knee" in refused(capsys, *nameless, *shelf)
    taken = ("detector", "train", tmp_path / "set", "--output", tmp_path / "set")
    assert "should be a new folder, or hold a detector" in refused(capsys, *taken)
    evaluate = ("detector", "evaluate", tmp_path / "set", tmp_path / "set")
    assert "detector.json: No such file or directory" in refused(capsys, *evaluate)
    assert not (tmp_path / "new").exists() and not (tmp_path / "new.training").exists()


def test_accepted_annotations_of_a_project_are_learnt_from(tmp_path):
    pytest.importorskip("grpc", reason="the extra `serve` is not installed")
    from evoskeleton.annotation.domain.records import Change
    from evoskeleton.annotation.store.annotation_store import store_to_read

    write_pictures(tmp_path / "set", count=3)
    folder = tmp_path / "annotations"
    with pytest.raises(SystemExit):
        main(
            ["annotations", "import", str(tmp_path / "set" / "annotations.json"), "--project", "p"]
            + ["--images", str(tmp_path / "set" / "images"), "--annotations", str(folder)]
        )
    with store_to_read(folder) as store:
        image = store.images(store.project("p").id)[1]
        store.change(Change("accept", image.id, "reviewer", image.revision, "key"))
    told = []
    for source in (folder, folder / "p"):
        found = annotated_pictures([str(source)], [], "data", lambda done, all_: None, told.append)
        assert len(found) == 1 and found[0].picture.name == image.name
    written = json.loads((tmp_path / "set" / "annotations.json").read_text())["annotations"][1]
    points = np.array(written["keypoints"]).reshape(17, 3)[:, :2]
    np.testing.assert_allclose(found[0].keypoints, points, atol=1e-3)


def started(*arguments, cwd):
    command = [sys.executable, "-m", "evoskeleton.cli", "detector", *map(str, arguments)]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def weights(folder):
    return json.loads((folder / "detector.json").read_text())["weight_hash"]


@pytest.mark.long
def test_a_command_that_is_killed_goes_on_when_it_is_given_again(tmp_path):
    write_pictures(tmp_path / "set", count=6)
    longer = ("--set", "steps=60", "--set", "save_every=5", *TINY[:2], *TINY[4:])
    ends = {}
    for name, workers in (("whole", 0), ("killed", 1)):
        words = ("train", "set", "--output", name, "--home", f"home-{name}", *longer)
        words += ("--set", f"workers={workers}")
        process = started(*words, cwd=tmp_path)
        state = tmp_path / f"{name}.training" / "state.safetensors"
        if workers:
            until = time.monotonic() + 300
            while not state.exists() and time.monotonic() < until:
                time.sleep(0.05)
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            assert state.exists() and not (tmp_path / name).exists()
            process = started(*words, cwd=tmp_path)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
        assert (b"going on" in said) == bool(workers)
        ends[name] = weights(tmp_path / name)
    assert ends["whole"] == ends["killed"]


@pytest.mark.long
def test_two_shards_by_ray_train_and_go_on(tmp_path):
    """The result depends on the number of shards, and on nothing else that Ray does."""
    write_pictures(tmp_path / "set", count=6)
    found = []
    for name in ("one", "two"):
        words = ("train", "set", "--output", name, "--home", "home", *TINY)
        process = started(*words, "--set", "gradient_shards=2", cwd=tmp_path)
        said, _ = process.communicate(timeout=500)
        assert process.returncode == 0, said
        found.append(weights(tmp_path / name))
    assert found[0] == found[1]
