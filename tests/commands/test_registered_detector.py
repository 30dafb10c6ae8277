"""Detectors in MLflow's registry: registered, listed, used by name, served and swapped."""

import json

import numpy as np
import pytest
from annotated_people import write_pictures
from PIL import Image
from refusals import refused

pytest.importorskip("grpc", reason="the extra `serve` is not installed")

from evoskeleton.annotation.serving.trained_detectors import registered_detector
from evoskeleton.cli import main
from evoskeleton.commands.given.named_detectors import detector_registry, loader, registered
from evoskeleton.errors import BadInput
from evoskeleton.platform.record.registry import Registry
from evoskeleton.platform.record.tracking import TrackingSettings
from evoskeleton.pose2d.detectors import load_detector
from evoskeleton.pose2d.heatmap.bundle import read_card, save_bundle
from evoskeleton.pose2d.heatmap.hrnet import HeatmapNetwork
from evoskeleton.pose2d.heatmap.settings import HeatmapSettings


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Two detectors with other weights."""
    folder = tmp_path_factory.mktemp("bundles")
    for seed in (1, 2):
        network = HeatmapNetwork(HeatmapSettings(width=16, picture_px=(32, 64)), seed)
        save_bundle(network, folder / str(seed), {"scores": {"pck_box_01": 0.7, "ap": 0.5}})
    return folder


def run(capsys, *arguments):
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main(list(map(str, arguments)))
    said = capsys.readouterr()
    assert left.value.code == 0, said.err
    return said.out


def test_a_registered_detector_is_used_by_its_name_and_swapped(bundles, tmp_path, capsys):
    home = ("--home", tmp_path / "home")
    said = run(capsys, "detector", "register", bundles / "1", "labs", *home)
    assert "labs: version 1 is the champion, models:/labs" in said
    registry = detector_registry(str(tmp_path / "home"), None)
    served = registered_detector(registry, "labs", "champion")
    pinned = registered_detector(registry, "labs", "1")
    assert (served.name, served.version) == ("labs", "1") and served.newer() is None
    assert "version 2 is the champ" in run(
        capsys, "detector", "register", bundles / "2", "labs", *home
    )
    newer = served.newer()
    assert newer.version == "2" and newer.weight_hash == read_card(bundles / "2").weight_hash
    assert pinned.newer() is None
    again = run(capsys, "detector", "register", bundles / "1", "labs", *home)
    assert "it is version 1 already; the champion is version 2" in again
    listed = run(capsys, "detector", "list", *home)
    assert "0.700" in listed and "blazepose-heavy" in listed and listed.count("champion") == 1
    Image.fromarray(np.zeros((80, 60, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "boxes.json").write_text(json.dumps({"a.png": [[5, 5, 50, 70]]}))
    infer = ("infer", tmp_path / "a.png", "--boxes", tmp_path / "boxes.json", *home)
    assert len(json.loads(run(capsys, *infer, "--detector", "models:/labs"))["people"]) == 1
    of_adapt, named = loader(str(tmp_path / "home")), ("models:/labs", "models:/labs/1")
    assert [of_adapt(name).weight_hash for name in named] == [
        read_card(bundles / number).weight_hash for number in "21"
    ]
    assert "version 1 is the champion" in run(capsys, "detector", "rollback", "labs", *home)
    assert newer.newer().version == "1"
    copy = tmp_path / "copy"
    run(capsys, "detector", "fetch", "models:/labs@champion", "--output", copy, *home)
    assert read_card(copy) == read_card(bundles / "1")
    asked = ("infer", tmp_path / "a.png", *home, "--detector", "models:/lab")
    assert "no registered model is called lab: there are labs" in refused(capsys, *asked)
    with pytest.raises(BadInput, match="has no version or alias 9: it has 1, 2, champion"):
        of_adapt("models:/labs/9")
    lifters = Registry(TrackingSettings(), tmp_path / "home")
    assert lifters.list_models() == []
    with pytest.raises(BadInput, match="labs is a detector, not a lifter"):
        lifters.fetch("labs")


def test_names_of_registered_detectors_are_read_as_mlflow_writes_them(tmp_path):
    assert registered("models:/labs") == ("labs", "champion")
    assert registered("models:/labs@tried") == ("labs", "tried")
    assert registered("models:/labs/12") == ("labs", "12")
    assert registered("folder/labs") is None
    for wrong in ("models:/", "models:/labs/", "models:/labs/0", "models:/a/b", "models:/a@b@c"):
        with pytest.raises(BadInput, match="models:/NAME@ALIAS or models:/NAME/3, got models:/"):
            registered(wrong)
    with pytest.raises(BadInput, match="`evoskeleton detector fetch` makes a folder of it"):
        load_detector("models:/labs")
    with pytest.raises(BadInput, match="there is no folder"):
        detector_registry(str(tmp_path / "nowhere"), None)


def test_a_card_tells_what_a_detector_is_and_keeps_what_is_measured(bundles, tmp_path, capsys):
    write_pictures(tmp_path / "set", count=3)
    said = run(capsys, "detector", "card", bundles / "1")
    for words in ("HRNet-W18-small v1", "17, coco's", "PCK@0.1 0.700, AP 0.500", "not calibrated"):
        assert words in said
    before = read_card(bundles / "1")
    measured = run(capsys, "detector", "card", bundles / "1", tmp_path / "set", "--write")
    assert "errors on set" in measured and "mean distance" in measured
    after = read_card(bundles / "1")
    assert after.weight_hash == before.weight_hash and after.training["test"]["people"] == 3
    assert "errors on set" in run(capsys, "detector", "card", bundles / "1")
    assert "--write keeps what is measured" in refused(
        capsys, "detector", "card", bundles / "1", "--write"
    )
