"""The training of a network: it learns, and it goes on as if nothing had happened."""

import math

import pytest
import torch
from annotated_people import write_pictures

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.keypoints.keypoint_formats import COCO
from evoskeleton.pose2d.heatmap.bundle import load_bundle, save_bundle
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.samples.checking import checked
from evoskeleton.pose2d.samples.readers.reading import read_samples
from evoskeleton.pose2d.scoring.scores import score
from evoskeleton.pose2d.training.detector_training import (
    kept_share,
    learning_rate,
    network_of,
    train_network,
)
from evoskeleton.pose2d.training.job import Job, begin, curve_of, finish, is_begun, train_shard
from evoskeleton.pose2d.training.measuring import measured
from evoskeleton.pose2d.training.settings import DetectorTrainingSettings
from evoskeleton.pose2d.training.state import DetectorState

TINY = {
    "network": {"width": 16, "picture_px": [32, 32]},
    "batch": 4,
    "steps": 4,
    "save_every": 2,
    "report_every": 1,
    "warmup": 1,
}


def settings(**changes):
    return DetectorTrainingSettings.parse(TINY | changes)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people") / "set"
    write_pictures(folder, count=3)
    return checked(read_samples(folder), "set")


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_a_killed_training_goes_on_and_leaves_the_same_detector(people, tmp_path):
    job = Job((), (), (), "", settings())
    for name in ("whole", "killed"):
        begin(tmp_path / name, job, people, people)
    train_shard(tmp_path / "whole")

    class Killed(Exception):
        pass

    def kill(row, total):
        if row["step"] == 3:
            raise Killed

    with pytest.raises(Killed):
        train_shard(tmp_path / "killed", told=kill)
    assert [row["step"] for row in curve_of(tmp_path / "killed")] == [1, 2]
    assert is_begun(tmp_path / "killed", job)
    train_shard(tmp_path / "killed")
    files = [(tmp_path / name / "state.safetensors").read_bytes() for name in ("whole", "killed")]
    assert files[0] == files[1]
    record, scores = finish(tmp_path / "killed", tmp_path / "detector")
    assert record["steps"] == 4 and not (tmp_path / "killed").exists()
    network, card = load_bundle(tmp_path / "detector")
    state = DetectorState.load(tmp_path / "whole" / "state.safetensors")
    assert same(dict(network.state_dict()), state.average)
    assert not same(state.model, state.average)
    assert card.calibration is not None and len(card.training["curve"]) == 4
    assert record["scores"]["pck_box_01"] == scores.overall.pck_box_01


def test_another_training_in_its_place_is_told_by_what_differs(people, tmp_path):
    begin(tmp_path / "one", Job((), (), (), "", settings()), people, None)
    assert is_begun(tmp_path / "one", Job((), (), (), "", settings(workers=3)))
    with pytest.raises(BadInput, match="with settings.batch 4, not 8: --overwrite begins anew"):
        is_begun(tmp_path / "one", Job((), (), (), "", settings(batch=8)))
    (tmp_path / "one" / "job.json").write_text("{")
    with pytest.raises(BadInput, match="is damaged"):
        is_begun(tmp_path / "one", Job((), (), (), "", settings()))


def test_a_state_that_breaks_off_is_told(people, tmp_path):
    asked = settings(steps=1).for_people(len(people), people.names)
    *_, last = train_network(people, asked)
    last.state.save(tmp_path / "state")
    (tmp_path / "cut").write_bytes((tmp_path / "state").read_bytes()[:-9])
    with pytest.raises(BadInput, match="cut is damaged"):
        DetectorState.load(tmp_path / "cut")


def test_rates_rise_and_fall_as_set():
    steps = settings(steps=100, warmup=9, learning_rate=1.0, schedule="steps", falls=(0.5, 0.8))
    assert [learning_rate(steps, at) for at in (0, 9, 50, 80)] == pytest.approx([0.1, 1, 0.1, 0.01])
    cosine = settings(steps=100, warmup=0, learning_rate=1.0)
    assert learning_rate(cosine, 50) == pytest.approx(0.5)
    assert kept_share(cosine, 0) == pytest.approx(0.1) and kept_share(cosine, 10**6) == 0.998


def test_a_training_begins_with_weights_and_a_head_of_other_keypoints_is_drawn_anew(
    people, tmp_path
):
    still = settings(steps=1, learning_rate=1e-12, weight_decay=0.0, average=0.0)
    other = people.for_keypoints(people.names[::-1], "set")
    network = HeatmapNetwork(still.for_people(3, people.names).network, seed=99)
    save_bundle(network, tmp_path / "detector", {})
    begin(tmp_path / "new", Job((), (), (), str(tmp_path / "detector"), still), other, None)
    train_shard(tmp_path / "new")
    found = DetectorState.load(tmp_path / "new" / "state.safetensors").model
    stem, head = "conv1.weight", "final_layer.weight"
    assert torch.allclose(found[stem], network.state_dict()[stem], atol=1e-6)
    assert not torch.allclose(found[head], network.state_dict()[head], atol=1e-6)
    wider = Job((), (), (), str(tmp_path / "detector"), settings(network={"width": 18}))
    with pytest.raises(BadInput, match="should be of width 18, got width 16"):
        begin(tmp_path / "wider", wider, other, None)
    assert not (tmp_path / "wider").exists()


def test_presets_are_starting_points_and_mistakes_are_told():
    seed = settings(preset="human36m", network={"picture_px": [32, 32]})
    assert seed.asked_keypoints == JOINT_NAMES and settings().asked_keypoints == "data"
    whole = [each.for_people(9, COCO).network.maps for each in (seed, settings(loss="coordinates"))]
    assert whole == ["plain", "shares"]
    assert settings().for_people(9, (*COCO, "left_heel")).augmentation.flip == 0.0
    assert seed.network.head == "seed" and seed.loss == "coordinates" and seed.network.width == 48
    assert (
        DetectorTrainingSettings.parse({"preset": "w32"}).for_people(128_000, ("a",)).steps
        == 210_000
    )
    with pytest.raises(BadInput, match="batch should be a multiple of gradient_shards"):
        settings(batch=5, gradient_shards=2)
    with pytest.raises(BadInput, match="augmentation.rotation; did you mean augmentation.rot"):
        settings(augmentation={"rotation": 3})


@pytest.mark.long
def test_a_few_people_are_learnt_by_heart(people):
    """The whole loop fits together: what is drawn, learnt, decoded and measured."""
    still = {"scale": 0.1, "rotation_deg": 10.0, "half_body": 0.0, "occlusion": 0.0}
    asked = settings(
        network={"width": 16, "picture_px": [96, 128]},
        steps=200, batch=8, save_every=200, report_every=200, augmentation=still,
    ).for_people(len(people), people.names)  # fmt: skip
    *_, last = train_network(people, asked)
    said = measured(network_of(last.state, asked), people)
    assert score(said.samples, said.answers, precision=False).overall.error_px < 4.0
    assert math.isfinite(last.loss)
