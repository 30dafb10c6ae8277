"""`evoskeleton adapt`, from keypoints to a lifter, and what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from refusals import refused

from evoskeleton.cli import main
from evoskeleton.console.adapted import sparkline
from evoskeleton.evolution.archive.niches import Niches
from evoskeleton.evolution.operators.codes import REFINED
from evoskeleton.lifting.bundle import load_bundle, weight_hash
from evoskeleton.lifting.bundle_training import holds_bundle
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.data.target.input_files import digests
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.data.target.views_of_poses import views_of_poses
from evoskeleton.platform.search.campaign.closing.explained import explained
from evoskeleton.platform.search.campaign.closing.nearest_bodies import laid_over
from evoskeleton.platform.search.campaign.closing.nearest_view import nearest_view
from evoskeleton.platform.search.campaign.driver import adapt_settings
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import read_settings
from evoskeleton.platform.search.campaign.state import load
from evoskeleton.platform.search.workers.answers import answers, projected

SMALL = {
    "search.islands": 2,
    "search.migrants": 2,
    "search.island": '{"population": 32, "offspring": 48, "towards": 200, "keep": 1.0, '
    '"objectives": [["resemblance"], ["error"]]}',
    "search.target.fit_views": True,
    "search.niches.quota": 3,
    "training.every": 1,
    "training.fit": '{"steps": 20, "batch": 32, "report_every": 10, "cascade": {"width": 32}}',
}
COUNT = 12


def clips(motion) -> PoseSet:
    parts = ((0, 60), (60, 120), (120, 240))
    return PoseSet.concat(
        [single_clip(motion[a:b], "walker", "walk", f"clip{a}") for a, b in parts]
    )


@pytest.fixture(scope="module")
def files(motion, tmp_path_factory) -> Path:
    """A folder with poses to breed from and keypoints of `COUNT` of them."""
    folder = tmp_path_factory.mktemp("people")
    poses = clips(motion)
    write_parquet(folder / "poses.parquet", poses)
    some = poses.take(np.linspace(0, len(poses) - 1, COUNT).astype(int))
    keypoints = views_of_poses(some, ViewSettings(), 4.0, seed=3).keypoints
    (folder / "keypoints.json").write_text(json.dumps(keypoints.tolist()))
    return folder


def line(files: Path, home: Path, *more: object, people: Path | None = None) -> list[str]:
    """`adapt` of the keypoints, with settings that take seconds."""
    settings = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    words = ["adapt", people or files / "keypoints.json", "--seeds", files / "poses.parquet"]
    words += ["--home", home, *settings, "--set", "tracking.enabled=false", *more]
    return [str(word) for word in words]


@pytest.fixture(scope="module")
def folder(files, ray_address, tmp_path_factory) -> Path:
    """Where two generations have been adapted, with what was said in `said`."""
    folder = tmp_path_factory.mktemp("adapted")
    words = line(files, folder / "home", "--address", ray_address, "--generations", "2")
    main_quietly(folder / "said", [*words, "--output", str(folder / "lifter")])
    return folder


@pytest.mark.slow
class TestAdapting:
    def test_the_bundle_is_the_champion_s(self, folder):
        campaign = CampaignFolder(folder / "home", "lifter")
        champion = json.loads(campaign.report.read_text())["champion_training"]
        assert champion == 2
        bundles = (folder / "lifter", campaign.training(champion) / "bundle")
        hashes = {weight_hash(load_bundle(bundle)) for bundle in bundles}
        assert holds_bundle(folder / "lifter") and len(hashes) == 1

    def test_lift_takes_the_bundle(self, folder, files, capsys):
        out = folder / "joints.json"
        words = ["lift", "--model", folder / "lifter", "--keypoints", files / "keypoints.json"]
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in [*words, "--output", out]])
        assert ended.value.code == 0
        assert np.shape(json.loads(out.read_text())["joints"]) == (COUNT, 17, 3)

    def test_what_changed_is_told(self, folder):
        said = (folder / "said").read_text()
        assert f"towards {COUNT} keypoint sets of 1 clip" in said
        assert "explained by a bred body, within 0.1" in said
        assert "explained by the lifter's own body, within 0.2" in said

    def test_the_worst_explained_are_drawn(self, folder):
        drawn = folder / "lifter_worst_explained.png"
        assert drawn.read_bytes().startswith(b"\x89PNG") and drawn.stat().st_size > 10_000

    def test_bodies_lie_over_their_keypoints_as_near_as_their_niches_say(self, folder):
        campaign = CampaignFolder(folder / "home", "lifter")
        settings = read_settings(campaign.settings)
        state = load(campaign, 2)
        found = explained(settings, campaign, state, 2, worst=COUNT)
        held = state.resembling
        assert len(found.worst) == COUNT
        for each in found.worst:
            known = each.keypoints[each.weights > 0]
            apart = np.sqrt(((each.seen - each.keypoints)[each.weights > 0] ** 2).sum())
            spread = np.sqrt(((known - known.mean(axis=0)) ** 2).sum())
            place = np.argwhere(held.niches.distance == np.float32(each.distance))[0]
            operator = held.of(held.niches.ids[tuple(place)][None]).operators
            near = 2e-2 if int(operator) == REFINED else 2e-3  # a refined body has no view
            assert apart / spread == pytest.approx(each.distance, abs=near)
        distances = [each.distance for each in found.worst]
        assert distances == sorted(distances, reverse=True)

    def test_the_numbers_before_and_after_are_those_of_the_generations(self, folder):
        campaign = CampaignFolder(folder / "home", "lifter")
        state = load(campaign, 2)
        found = explained(read_settings(campaign.settings), campaign, state, 2)
        niches: Niches = state.resembling.niches
        assert found.bodies.distance.after == pytest.approx(np.median(niches.distance[:, 0]))
        assert found.curve[0] == found.bodies.distance.before >= found.curve[-1]
        report = json.loads(campaign.report.read_text())
        assert report["explained"] == found.rows()
        assert found.bodies.within[0.2].after == pytest.approx((niches.distance[:, 0] < 0.2).mean())

    def test_the_same_line_goes_on_without_reading_the_target_again(
        self, folder, files, ray_address, capsys, monkeypatch
    ):
        from evoskeleton.platform.search.campaign import driver

        words = line(files, folder / "home", "--address", ray_address, "--generations", "3")
        words += ["--output", str(folder / "lifter")]
        assert "should be a new or an empty folder" in refused(capsys, *words)
        monkeypatch.setattr(driver, "load_target", None)
        with pytest.raises(SystemExit) as ended:
            main([*words, "--overwrite"])
        assert ended.value.code == 0
        campaign = CampaignFolder(folder / "home", "lifter")
        assert load(campaign, 3).generation == 3
        bundles = (folder / "lifter", campaign.training(3) / "bundle")
        assert len({weight_hash(load_bundle(bundle)) for bundle in bundles}) == 1

    def test_other_people_are_refused_under_the_same_name(self, folder, files, tmp_path, capsys):
        other = tmp_path / "other.json"
        other.write_text((files / "keypoints.json").read_text())
        words = line(files, folder / "home", "--output", tmp_path / "lifter", people=other)
        said = refused(capsys, *words)
        assert "other settings (search.target.keypoints" in said and "--name" in said

    def test_keypoints_that_have_changed_since_are_refused(self, folder, files, tmp_path, capsys):
        path = files / "keypoints.json"
        before = path.read_text()
        path.write_text(json.dumps(json.loads(before)[1:]))
        try:
            said = refused(capsys, *line(files, folder / "home", "--output", tmp_path / "lifter"))
        finally:
            path.write_text(before)
        assert f"{COUNT} keypoint sets of 1 clip" in said and f"got {COUNT - 1} keypoint" in said


@pytest.mark.slow
def test_who_begins_with_a_lifter_asks_it_first_and_compares_with_it(
    folder, files, ray_address, tmp_path
):
    begun = folder / "begun"
    shutil.copytree(CampaignFolder(folder / "home", "lifter").training(2) / "bundle", begun)
    words = line(files, tmp_path / "home", "--address", ray_address, "--generations", "1")
    words += ["--set", f"training.fit.begin={begun}", "--output", str(tmp_path / "lifter")]
    main_quietly(tmp_path / "said", words)
    said = " ".join((tmp_path / "said").read_text().split())
    assert f"the lifter that it began with ({begun})" in said.replace("- ", "-")

    campaign = CampaignFolder(tmp_path / "home", "lifter")
    settings = read_settings(campaign.settings)
    rows = PoseTable.open(str(tmp_path / "home" / "poses")).read()
    assert "lifted" in rows["operator"].to_pylist()
    target, views = KeypointTarget.load(campaign.target), settings.training.fit.views
    made = answers(load_bundle(begun), target, views, settings.seed, 0).distance
    found = explained(settings, campaign, load(campaign, 1), 1)
    assert found.lifters.distance.before == np.median(made)


@pytest.mark.long
def test_no_time_is_time_for_one_generation(files, ray_address, tmp_path):
    words = line(files, tmp_path, "--address", ray_address, "--minutes", "0", "--name", "brief")
    main_quietly(tmp_path / "said", [*words, "--output", str(tmp_path / "lifter")])
    assert load(CampaignFolder(tmp_path, "brief"), 1).generation == 1
    assert holds_bundle(tmp_path / "lifter")


def main_quietly(said: Path, words: list[str]) -> None:
    """Run a command, and keep what it prints."""
    import contextlib

    with said.open("w") as file, contextlib.redirect_stdout(file), pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (np.full((1, 17, 2), 300.0), "can be used: there are 1 with all points equal"),
        (np.random.default_rng(1).random((3, 17, 2)), "look normalised"),
        (np.zeros((2, 9, 2)) + 50, "17"),
    ],
    ids=["equal", "normalised", "nine points"],
)
def test_keypoints_that_are_no_target_are_told(files, tmp_path, capsys, content, sentence):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(content.tolist()))
    words = line(files, tmp_path / "home", "--output", tmp_path / "lifter", people=path)
    assert sentence in refused(capsys, *words)
    assert not (tmp_path / "home").exists() and not (tmp_path / "lifter").exists()


def test_photos_in_which_nobody_is_are_named(files, tmp_path, capsys, monkeypatch):
    from PIL import Image

    (tmp_path / "nobody_there.py").write_text(
        "class Blind:\n    def detect(self, image, boxes=None, watch=None):\n        return []\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("wall.png", "sky.png"):
        Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / name)
    words = line(files, tmp_path / "home", tmp_path / "sky.png", people=tmp_path / "wall.png")
    words += ["--detector", "nobody_there:Blind", "--output", str(tmp_path / "lifter")]
    said = refused(capsys, *words)
    assert "no people were found in" in said and "wall.png" in said and "sky.png" in said


def test_a_file_that_is_absent_is_told_before_anything_is_made(files, tmp_path, capsys):
    words = line(files, tmp_path / "home", people=tmp_path / "none.jpg")
    said = refused(capsys, *words, "--output", tmp_path / "lifter")
    assert "none.jpg: there is no such file or folder" in said
    assert not (tmp_path / "home").exists()


def test_an_output_that_is_taken_is_told_before_anything_is_done(files, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear")
    for words in ([], ["--overwrite"]):
        said = refused(
            capsys, *line(files, tmp_path / "home", "--output", tmp_path / "mine", *words)
        )
        assert "mine should be a new or an empty folder" in said
    assert (tmp_path / "mine" / "diary.txt").read_text() == "dear"
    (tmp_path / "other_worst_explained.png").touch()
    said = refused(capsys, *line(files, tmp_path / "home", "--output", tmp_path / "other"))
    assert "other_worst_explained.png is there already; --overwrite replaces it" in said
    assert not (tmp_path / "home").exists()


def test_the_preset_trains_twice_before_the_end_and_is_otherwise_complete():
    settings = adapt_settings(['search.target=["mine.json"]'])
    every, generations = settings.training.every, settings.search.generations
    assert every is not None and generations == 3 * every
    assert settings.training.limit == 2 + (generations - 1) // every
    assert [settings.search.island.is_targeted(island) for island in range(4)] == [True, False] * 2


def test_a_changed_file_has_another_digest(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"one")
    (tmp_path / ".hidden").write_bytes(b"x")
    before = digests([str(tmp_path)])
    assert list(before) == [str(tmp_path / "a.jpg")]
    (tmp_path / ".hidden").write_bytes(b"y")
    assert digests([str(tmp_path)]) == before
    (tmp_path / "a.jpg").write_bytes(b"two")
    assert digests([str(tmp_path)]) != before
    assert digests([str(tmp_path / "gone")]) == {}


def test_a_body_is_laid_over_its_own_keypoints_from_any_place_and_scale():
    draw = np.random.default_rng(2)
    keypoints = draw.normal(size=(17, 2)) * 80 + 400
    weights = np.r_[np.ones(12), np.zeros(5)]
    seen = 0.01 * keypoints - 7.0
    np.testing.assert_allclose(laid_over(seen, keypoints, weights), keypoints, atol=1e-6)


def test_a_body_is_found_from_the_side_that_its_keypoints_are_of(motion):
    ranges = ViewSettings()
    poses = clips(motion).take(np.arange(0, 240, 60))
    target = views_of_poses(poses, ranges, 0.0, seed=5)
    for pose, keypoints in zip(poses.poses, target.keypoints, strict=True):
        found, right = nearest_view(torch.tensor(pose), keypoints, np.ones(17), ranges)
        seen = laid_over(projected(found[None], ranges)[0].numpy(), keypoints, np.ones(17))
        spread = np.sqrt(((keypoints - keypoints.mean(0)) ** 2).sum())
        assert np.sqrt(((seen - keypoints) ** 2).sum()) < 0.1 * spread
        assert (pose - pose[0]) @ right.numpy() == pytest.approx(found[:, 0].numpy(), abs=1e-2)


def test_a_sparkline_falls_with_its_numbers():
    assert sparkline([0.4, 0.3, 0.2, 0.1]) == "█▆▃▁"
    assert sparkline([0.2]) == "▁"
    assert len(sparkline(list(range(500)))) <= 61
