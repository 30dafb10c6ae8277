"""Whole campaigns towards keypoints on a real Ray: the same table however they run."""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from killing import killed_after
from refusals import refused

from evoskeleton.cli import main
from evoskeleton.evolution.archive.agreement import penalty_of
from evoskeleton.evolution.hierarchy import decode
from evoskeleton.evolution.operators.codes import LIFTED, REFINED
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.search.campaign.closing.lineage import Ancestors
from evoskeleton.platform.search.campaign.closing.nearest_bodies import explanation
from evoskeleton.platform.search.campaign.closing.target_figures import target_figures
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import read_settings
from evoskeleton.platform.search.campaign.state import State, load

pytestmark = pytest.mark.slow

FIT = {"preset": "small", "steps": 24, "batch": 32, "cascade": {"width": 32}, "report_every": 12}
GENERATIONS, SETS = 4, 12
NICHES: dict[str, object] = {
    "quota": 3,
    "parents_nearest": 2,
    "views": 2,
    "refine": {"nearest": 2, "within": 1.0, "every": 3},
}


def parquet(path: Path, poses: np.ndarray, subject: str) -> Path:
    clips = [f"clip{number * 6 // len(poses)}" for number in range(len(poses))]
    columns = {
        "subject": [subject] * len(poses),
        "action": ["walk"] * len(poses),
        "clip": clips,
        "frame": pa.array(range(len(poses)), pa.int32()),
        "pose": pa.FixedSizeListArray.from_arrays(pa.array(poses.ravel()), 51),
    }
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture(scope="module")
def sources(motion, tmp_path_factory) -> dict[str, dict[str, str]]:
    """The walker, and somebody who does all of it the other way round."""
    folder = tmp_path_factory.mktemp("motion")
    mirrored = (motion * np.float32([-1, 1, 1]))[:, [0, 4, 5, 6, 1, 2, 3, *range(7, 11),
                                                     14, 15, 16, 11, 12, 13]]  # fmt: skip
    return {
        name: {"kind": "parquet", "path": str(parquet(folder / f"{name}.parquet", poses, name))}
        for name, poses in {"walker": motion, "other": np.ascontiguousarray(mirrored)}.items()
    }


def settings_file(folder: Path, sources: dict[str, dict[str, str]], **search: object) -> Path:
    settings = {
        "name": "towards",
        "seed": 11,
        "home": str(folder / "home"),
        "motion": {"seed": sources["walker"], "validation_share": 0.3},
        "search": {
            "generations": GENERATIONS,
            "target": {"poses": sources["other"], "most": SETS},
            "niches": NICHES,
            "islands": 2,
            "migrants": 4,
            "island": {
                "population": 24,
                "offspring": 48,
                "objectives": [["resemblance"], ["error"]],
                "breeding": {"mirror": {"rate": 0.5}, "tumble": {"rate": 0.1}},
            },
        }
        | search,
        "training": {"growth": 50, "every": 2, "limit": 4, "fit": FIT},
        "machine": {"workers": 1, "scorers": 1, "worker_cpus": 0.1, "scorer_cpus": 0.1},
        "tracking": {"enabled": False},
    }
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def run(*arguments: object) -> None:
    """A command in this process."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert not ended.value.code


def rows_of(folder: Path) -> dict[str, list[object]]:
    """Every column of the table but the campaign's name, by id."""
    rows = PoseTable.open(str(folder / "home" / "poses")).read().sort_by("id")
    return {name: rows[name].to_pylist() for name in rows.column_names if name != "campaign"}


def assert_same_rows(left: dict[str, list[object]], right: dict[str, list[object]]) -> None:
    assert left.keys() == right.keys()
    for name, column in left.items():
        assert column == right[name], name


def state_of(folder: Path, generation: int = GENERATIONS) -> State:
    return load(CampaignFolder(folder / "home", "towards"), generation)


@pytest.fixture(scope="module")
def undisturbed(sources, ray_address, tmp_path_factory) -> Path:
    """A campaign that ran through with one worker and one scorer."""
    folder = tmp_path_factory.mktemp("undisturbed")
    run("campaign", "run", settings_file(folder, sources), "--address", ray_address)
    return folder


@pytest.fixture(scope="module")
def archived(sources, ray_address, tmp_path_factory) -> Path:
    """The same with an archive for all that is not there for the target, and agreement with the
    champion's answers counted."""
    folder = tmp_path_factory.mktemp("archived")
    search = {
        "archive": {"cells": 8, "quota": 10},
        "neighbours": 5,
        "niches": NICHES | {"agreement": 0.5},
    }
    run("campaign", "run", settings_file(folder, sources, **search), "--address", ray_address)
    return folder


@pytest.fixture(params=[pytest.param("undisturbed", marks=pytest.mark.long), "archived"])
def campaign(request) -> Path:
    folder = request.getfixturevalue(request.param)
    assert isinstance(folder, Path)
    return folder


def test_rows_say_which_keypoint_set_they_resemble_how_closely_and_in_which_view(campaign):
    rows = PoseTable.open(str(campaign / "home" / "poses")).read()
    why = np.array(rows["why"].to_pylist())
    there, views = why == "resembles", np.array(rows["view"].to_pylist(), object)
    assert 10 < there.sum() < len(why)
    bred = np.array(rows["generation"]) > 0
    for name in ("target", "distance"):
        known = np.array([value is not None for value in rows[name].to_pylist()])
        assert np.array_equal(known, bred), name
    target = np.asarray(rows["target"].to_pylist())[there]
    assert set(target.tolist()) <= set(range(SETS)) and len(set(target.tolist())) > 3
    operator, island = np.array(rows["operator"].to_pylist()), np.asarray(rows["island"])
    lifted, refined = operator == "lifted", operator == "refined"
    assert set(views[there & ~lifted & ~refined]) == {0, 1}
    assert lifted.any() and set(views[lifted]) == {-1} and set(island[lifted]) == {2}
    assert refined.any() and set(views[refined]) == {-1} and set(island[refined]) == {3}


def test_the_niches_hold_rows_of_the_table_that_come_nearer_and_nearer(campaign):
    state, table = state_of(campaign), PoseTable.open(str(campaign / "home" / "poses"))
    assert state.resembling is not None
    names = set(table.read(["id"])["id"].to_pylist())
    assert set(state.resembling.bodies.ids.tolist()) <= names
    curve = [record["target/distance"] for record in state.logbook[1:]]
    assert curve[-1] < curve[0]
    if state.resembling.opinion is None:  # the distance alone counts
        assert curve == sorted(curve, reverse=True)
    best = np.median(state.resembling.niches.nearest())
    assert best == pytest.approx(curve[-1])


def test_bodies_of_the_niches_are_held_to_what_the_last_champion_asked_has_answered(archived):
    """Its answers are among the rows, as far as the joint limits let them in."""
    held = state_of(archived).resembling
    assert held is not None and held.opinion is not None
    niches, target = held.niches, np.nonzero(held.niches.ids >= 0)
    bodies = held.of(niches.ids[target])
    penalty = penalty_of(decode(bodies.genomes), held.opinion[target[0]], 0.5)
    assert niches.penalty[target] == pytest.approx(penalty, abs=1e-4) and penalty.max() > 0.05
    cost = niches.distance + niches.penalty
    assert (np.diff(np.where(np.isfinite(cost), cost, 9.0), axis=1) >= 0).all()
    rows = rows_of(archived)
    born = np.asarray(rows["generation"])
    lifted = np.array(rows["operator"]) == "lifted"
    theirs = np.flatnonzero(lifted & (born == born[lifted].max()))
    poses = torch.tensor([rows["pose"][i] for i in theirs]).view(-1, 17, 3)
    asked = held.opinion[[rows["target"][i] for i in theirs]]
    assert len(theirs) and penalty_of(poses, asked, 1.0).max() < 0.02


def test_whoever_lost_the_last_place_has_left_the_data_set_but_not_the_table(campaign):
    table = PoseTable.open(str(campaign / "home" / "poses"))
    rows = table.read(["id", "retires", "why"])
    retired = [name for names in rows["retires"].to_pylist() for name in names or ()]
    assert retired and len(set(retired)) == len(retired)
    why = dict(zip(rows["id"].to_pylist(), rows["why"].to_pylist(), strict=True))
    assert {why[name] for name in retired} == {"resembles"}
    left = table.chosen(["id", "why"])
    assert not set(retired) & set(left["id"].to_pylist())
    assert len(table.poses()) == len(left) == state_of(campaign).rows
    resembling = {name for name, reason in why.items() if reason == "resembles"}
    held = state_of(campaign).resembling
    assert held is not None
    assert set(held.special.tolist()) == resembling - set(retired)


def test_mothers_and_fathers_are_in_the_table(campaign):
    rows = rows_of(campaign)
    known = set(rows["id"])
    assert {*rows["mother"], *rows["father"]} - {None} <= known


def test_trainings_read_both_parts_in_their_share(campaign):
    """Half and half; a body counts once for each of its niches."""
    folder = campaign / "home" / "towards"
    snapshot = np.load(folder / "snapshots" / f"g{GENERATIONS:06d}.npy")
    held = state_of(campaign).resembling
    assert held is not None
    table = PoseTable.open(str(campaign / "home" / "poses"))
    bodies = held.bodies.ids.numpy()
    special = {pose.tobytes() for pose in table.poses_of(bodies, "towards")}
    first = np.array([pose.tobytes() in special for pose in snapshot])
    assert abs(first[: len(first) // 2].mean() - 1.0) < 0.02
    general = table.chosen(["id"])["id"].to_numpy()
    general = table.poses_of(general[~np.isin(general, held.special)], "towards")
    everything = {pose.tobytes() for pose in snapshot}
    assert {pose.tobytes() for pose in general} | special == everything
    assert not list(folder.rglob("*.general.npy"))


def test_the_last_training_is_the_champion(campaign):
    report = json.loads((campaign / "home" / "towards" / "report.json").read_text())
    trainings = sorted((campaign / "home" / "towards" / "trainings").glob("g*/training.json"))
    assert [path.parent.name for path in trainings] == ["g000000", "g000002", "g000004"]
    assert report["champion_training"] == GENERATIONS


def test_bodies_lie_over_their_keypoints_as_near_as_their_niches_say(campaign):
    """In the views in which they were so near; that of a refined body is looked for."""
    folder = CampaignFolder(campaign / "home", "towards")
    settings, target = read_settings(folder.settings), KeypointTarget.load(folder.target)
    held, kinds = state_of(campaign).resembling, set()
    assert held is not None
    for row, place in np.argwhere(held.niches.ids >= 0).tolist():
        found = explanation(settings, target, held, row, place)
        kind = int(held.of(held.niches.ids[row, place : place + 1]).operators.clip(min=257))
        known = found.keypoints[found.weights > 0]
        apart = np.sqrt(((found.seen - found.keypoints)[found.weights > 0] ** 2).sum())
        spread = np.sqrt(((known - known.mean(axis=0)) ** 2).sum())
        near = 0.02 if kind == REFINED else 1e-4
        assert apart / spread == pytest.approx(held.niches.distance[row, place], abs=near)
        assert found.distance == held.niches.distance[row, place]
        kinds.add(kind)
    assert kinds == {257, LIFTED, REFINED}


def test_figures_show_the_curve_and_bodies_with_their_ancestors(campaign):
    folder = CampaignFolder(campaign / "home", "towards")
    settings, table = read_settings(folder.settings), PoseTable.open(campaign / "home" / "poses")
    state, ancestors = state_of(campaign), Ancestors(table, "towards")
    drawn = dict(target_figures(settings, folder, table, state, ancestors))
    assert list(drawn) == ["target_curve", "target_explained", "target_worst_explained"]
    words = [axes.get_title() for axes in drawn["target_worst_explained"].axes]
    assert "seed" in words and any("the body over them" in word for word in words)
    assert state.resembling is not None
    place = state.resembling.bred()
    assert (place >= 0).any()
    worst = state.resembling.niches.distance[np.arange(SETS), place.clip(0)].max()
    assert f"distance {worst:.2f}" in words[1]
    (name,) = state.resembling.niches.ids[[0], place[0]]
    line = [int(name), *ancestors.line_of(int(name))]
    rows = rows_of(campaign)
    mother = dict(zip(rows["id"], rows["mother"], strict=True))
    assert [mother[each] for each in line] == [*line[1:], None]


def test_two_workers_and_two_scorers_breed_the_same_table_and_so_does_a_longer_plan(
    campaign, sources, ray_address, tmp_path
):
    """Stopped after two generations, gone on with by one of each to the end."""
    words = yaml.safe_load((campaign / "settings.yaml").read_text())
    search = words["search"] | {"generations": 2}
    path = settings_file(tmp_path, sources, **search)
    many = [f"machine.{name}" for name in ("workers=2", "scorers=2")]
    machine = [word for change in many for word in ("--set", change)]
    joined = ("--address", ray_address)
    run("campaign", "run", path, *joined, *machine)
    assert max(rows_of(tmp_path)["generation"]) == 2
    longer = ("--set", f"search.generations={GENERATIONS}")
    one = [word for name in ("workers", "scorers") for word in ("--set", f"machine.{name}=1")]
    run("campaign", "resume", "towards", "--home", tmp_path / "home", *longer, *joined, *one)
    assert_same_rows(rows_of(campaign), rows_of(tmp_path))
    last = (state_of(folder).resembling for folder in (campaign, tmp_path))
    left, right = (held.to_arrays() for held in last if held is not None)
    for name, array in left.items():
        assert np.array_equal(array, right[name], equal_nan=array.dtype.kind == "f"), name


KILLS = 8


@pytest.mark.long
def test_a_driver_that_is_killed_at_any_moment_breeds_the_same_table(
    campaign, sources, ray_address, tmp_path
):
    """Killed up to `KILLS` times, each time a random while after its start, and run again."""
    words = yaml.safe_load((campaign / "settings.yaml").read_text())
    path, moments, killed = settings_file(tmp_path, sources, **words["search"]), random.Random(7), 0
    while killed < KILLS and killed_after(started(path, ray_address), moments.uniform(4, 14)):
        killed += 1
    assert killed > 2
    run("campaign", "run", "--or-resume", path, "--address", ray_address)
    assert_same_rows(rows_of(campaign), rows_of(tmp_path))


def started(settings: Path, address: str) -> subprocess.Popen:
    """The line that starts a campaign and goes on with it."""
    line = ["campaign", "run", "--or-resume", str(settings), "--address", address]
    return subprocess.Popen([sys.executable, "-m", "evoskeleton.cli", *line])


@pytest.mark.long
def test_another_target_is_refused_on_resume_with_the_difference(
    sources, motion, ray_address, tmp_path, capsys
):
    keypoints = tmp_path / "people.json"
    given = np.random.default_rng(3).uniform(100, 900, (6, 17, 2))
    keypoints.write_text(json.dumps({"keypoints": given.tolist()}))
    path = settings_file(tmp_path, sources, target=[str(keypoints)], generations=0)
    run("campaign", "run", path, "--address", ray_address)
    home = ("--home", tmp_path / "home")
    saved = KeypointTarget.load(tmp_path / "home" / "towards" / "target.npz")
    keypoints.write_text(json.dumps({"keypoints": given[:4].tolist()}))
    told = refused(capsys, "campaign", "resume", "towards", *home)
    assert "6 keypoint sets" in told and "got 4 keypoint sets" in told
    assert saved.hash[:12] in told
    keypoints.write_text(json.dumps({"keypoints": (given + [[0.0, 1.0]] * 17).tolist()}))
    told = refused(capsys, "campaign", "resume", "towards", *home)
    assert "the first that differs is" in told
    other = ("--set", "search.target=[elsewhere.json]")
    told = refused(capsys, "campaign", "resume", "towards", *home, *other)
    assert "search.target.keypoints" in told
    keypoints.unlink()
    longer = ("--set", "search.generations=1", "--address", ray_address)
    run("campaign", "resume", "towards", *home, *longer)
    assert state_of(tmp_path, 1).generation == 1


def test_islands_that_trade_resemblance_off_know_that_of_their_first_parents(
    sources, ray_address, tmp_path
):
    island = {"population": 24, "offspring": 48, "objectives": [["resemblance", "error"]]}
    path = settings_file(tmp_path, sources, island=island, generations=1, islands=1)
    run("campaign", "run", path, "--address", ray_address)
    (population,) = state_of(tmp_path, 1).islands
    assert (population.resemblance > -1).all() and (population.error > 0).all()


@pytest.mark.long
def test_nothing_but_the_target_may_be_bred_towards(sources, ray_address, tmp_path):
    """No island is left for what is general: that is the seeds."""
    island = {"population": 24, "offspring": 48, "objectives": [["resemblance"]]}
    path = settings_file(tmp_path, sources, island=island, generations=2)
    run("campaign", "run", path, "--address", ray_address)
    rows = rows_of(tmp_path)
    assert set(rows["why"]) == {"seed", "resembles"}


def test_rows_of_two_campaigns_retire_their_own(tmp_path):
    """Both have the same ids."""
    table = PoseTable.create(tmp_path / "poses")
    poses = np.arange(3 * 51, dtype=np.float32).reshape(3, 17, 3)
    for campaign in ("one", "two"):
        rows = PoseRows(np.arange(3), np.array(["seed"] * 3), poses)
        table.commit(campaign, 0, rows)
    retires = np.empty(1, object)
    retires[0] = [1, 2]
    later = PoseRows(np.array([50]), np.array(["limbs"]), poses[:1], retires=retires)
    table.commit("two", 1, later)
    assert table.chosen(["id"], campaign="one")["id"].to_pylist() == [0, 1, 2]
    assert table.chosen(["id"], campaign="two")["id"].to_pylist() == [0, 50]
    table.snapshot(tmp_path / "two.npy", table.version, "two", without=np.array([50]))
    assert np.array_equal(np.load(tmp_path / "two.npy"), poses[:1])
