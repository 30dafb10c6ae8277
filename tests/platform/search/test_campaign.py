"""Whole campaigns on a real Ray: same table on any number of workers, and after any kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from refusals import refused

from evoskeleton.cli import main
from evoskeleton.lifting.bundle import read_description
from evoskeleton.lifting.conformal import radii_of
from evoskeleton.platform.data.pose_table import PoseTable

pytestmark = pytest.mark.slow

FIT = {"preset": "small", "steps": 24, "batch": 32, "cascade": {"width": 32}, "report_every": 12}
COLUMNS = (
    "id", "generation", "island", "mother", "father", "operator", "pose", "margin", "error",
    "disagreement", "novelty", "outside", "lifter", "why", "replaces",
)  # fmt: skip


@pytest.fixture(scope="module")
def poses_file(motion, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("motion") / "poses.parquet"
    rows = motion.reshape(len(motion), -1)
    clips = [f"clip{number * 6 // len(rows)}" for number in range(len(rows))]
    pq.write_table(
        pa.table(
            {
                "subject": ["walker"] * len(rows),
                "action": ["walk"] * len(rows),
                "clip": clips,
                "frame": pa.array(range(len(rows)), pa.int32()),
                "pose": pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), 51),
            }
        ),
        path,
    )
    return path


def settings_file(folder: Path, poses_file: Path, **machine: int) -> Path:
    settings = {
        "name": "small",
        "seed": 11,
        "home": str(folder / "home"),
        "motion": {
            "seed": {"kind": "parquet", "path": str(poses_file)},
            "validation_share": 0.3,
        },
        "search": {
            "generations": 4,
            "islands": 3,
            "migrants": 4,
            "archive": {"cells": 12, "quota": 30},
            "neighbours": 5,
            "island": {
                "population": 24,
                "offspring": 32,
                "immigrants": 3,
                "breeding": {"mirror": {"rate": 0.3}, "tumble": {"rate": 0.15}},
                "objectives": [["error", "novelty", "margin"], ["disagreement"]],
                "bands": {"error": {"high": 0.95}},
            },
        },
        "training": {"limit": 2, "ensemble": 2, "fit": FIT},
        "machine": machine,
        "tracking": {"enabled": False},
    }
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "evoskeleton.cli", *map(str, arguments)]


def run(*arguments: object) -> None:
    """A command in this process: nothing is killed."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert not ended.value.code


def ended(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess:
    """A command in a process of its own, to its end."""
    return subprocess.run(command(*arguments), cwd=cwd, capture_output=True, text=True, timeout=400)


def status_of(home: Path, capsys) -> dict:
    """What `campaign status` says of the campaign of a home."""
    capsys.readouterr()
    run("campaign", "status", "small", "--home", home)
    return json.loads(capsys.readouterr().out)


def rows_of(folder: Path) -> dict[str, np.ndarray]:
    table = PoseTable.open(str(folder / "home" / "poses"))
    rows = table.read(list(COLUMNS)).sort_by("id")
    return {name: np.asarray(rows[name].to_pylist(), dtype=object) for name in COLUMNS}


def assert_same_rows(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> None:
    for name in COLUMNS:
        assert len(left[name]) == len(right[name])
        assert np.array_equal(left[name], right[name]), name


@pytest.fixture(scope="module")
def undisturbed(poses_file, ray_address, tmp_path_factory) -> Path:
    """A campaign that ran through on one worker."""
    folder = tmp_path_factory.mktemp("undisturbed")
    path = settings_file(folder, poses_file, workers=1)
    run("campaign", "run", path, "--address", ray_address)
    return folder


def test_a_campaign_leaves_seeds_offspring_trainings_and_a_report(undisturbed, capsys):
    rows = rows_of(undisturbed)
    assert set(rows["generation"]) == {0, 1, 2, 3, 4}
    assert (rows["margin"][rows["generation"] > 0] >= 0).all()
    home = undisturbed / "home" / "small"
    trainings = sorted((home / "trainings").glob("g*/training.json"))
    assert len(trainings) == 2
    report = json.loads((home / "report.json").read_text())
    replaced = sum(name is not None for name in rows["replaces"])
    assert report["rows"] == len(rows["id"]) - replaced
    status = status_of(home.parent, capsys)
    assert status["state"] == "finished" and status["generation"] == 4
    assert status["last"]["archive/stays"] == (rows["generation"] == 4).sum()


def test_every_row_says_why_it_is_there_and_trainings_read_what_was_not_replaced(undisturbed):
    rows = rows_of(undisturbed)
    seeds = rows["generation"] == 0
    assert set(rows["why"][seeds]) == {"seed"}
    assert set(rows["why"][~seeds]) <= {"new cell", "quota", "better"}
    replaced = {name for name in rows["replaces"] if name is not None}
    assert replaced <= set(rows["id"][~seeds])
    stay = np.array([name not in replaced for name in rows["id"]])
    snapshot = np.load(undisturbed / "home" / "small" / "snapshots" / "g000004.npy")
    expected = np.array(rows["pose"][stay].tolist(), np.float32).reshape(-1, 17, 3)
    assert np.array_equal(snapshot, expected)
    assert "immigrant" in set(rows["operator"])


def test_an_ensemble_is_trained_in_one_go_its_best_lifter_first(undisturbed):
    folder = undisturbed / "home" / "small" / "trainings" / "g000004"
    errors = json.loads((folder / "training.json").read_text())["ensemble"]
    assert len(errors) == 2 and errors[0] < errors[1]
    assert {path.name for path in folder.iterdir()} == {
        "bundle", "bundle_1", "state", "state_1", "training.json",
    }  # fmt: skip
    assert not list(folder.parent.glob("*.members"))


def test_a_champion_knows_how_far_off_its_joints_may_be(undisturbed, capsys):
    folder = undisturbed / "home" / "small" / "trainings" / "g000000"
    radii = radii_of(read_description(folder / "bundle"))
    assert (radii.seen[1:] > 0).all()
    status = status_of(undisturbed / "home", capsys)
    assert status["error_radii_mm"]["level"] == 0.9
    small = undisturbed / "home" / "small"
    best = json.loads((small / "report.json").read_text())["champion_training"]
    record = json.loads((small / "trainings" / f"g{best:06d}" / "training.json").read_text())
    assert status["champion"] == record["hash"]


def test_offspring_descend_from_rows_that_are_there(undisturbed):
    rows = rows_of(undisturbed)
    bred = rows["generation"] > 0
    known = set(rows["id"])
    bred &= rows["operator"] != "immigrant"
    assert set(rows["mother"][bred]) <= known
    assert set(rows["father"][bred]) <= known
    tumbled = ["tumble" in operator.split("+") for operator in rows["operator"]]
    assert 0 < sum(tumbled) < len(tumbled) / 3
    assert not set(rows["id"][tumbled]) & {*rows["mother"], *rows["father"]}


@pytest.mark.parametrize("ray_train", [False, pytest.param(True, marks=pytest.mark.long)])
def test_killed_workers_cost_nothing_and_four_on_two_nodes_do_the_same_as_one(
    undisturbed, poses_file, ray_cluster, tmp_path, ray_train
):
    machine = {"workers": 4, "scorers": 2, "worker_cpus": 0.1, "scorer_cpus": 0.1}
    path = settings_file(tmp_path, poses_file, **machine, always_ray_train=ray_train)
    errors = tmp_path / "stderr"
    node = ray_cluster.add_node(num_cpus=2)
    try:
        with errors.open("w") as stderr:
            joined = command("campaign", "run", path, "--address", ray_cluster.address)
            process = subprocess.Popen(joined, stderr=stderr)
        killed = killed_once(process)
    finally:
        ray_cluster.remove_node(node)
    assert process.returncode == 0, errors.read_text()[-3000:]
    assert {"ray::IslandWorker", "ray::Scorer"} <= killed
    assert "was lost: it is made again, and no row changes" in errors.read_text()
    assert_same_rows(rows_of(undisturbed), rows_of(tmp_path))


@pytest.mark.long
def test_a_node_that_leaves_costs_no_row_and_leaves_room_for_the_last_training(
    undisturbed, poses_file, ray_cluster, tmp_path
):
    path = settings_file(tmp_path, poses_file, always_ray_train=True)
    errors = tmp_path / "stderr"
    node = ray_cluster.add_node(num_cpus=2)
    with errors.open("w") as stderr:
        joined = command("campaign", "run", path, "--address", ray_cluster.address)
        process = subprocess.Popen(joined, stderr=stderr)
    state = tmp_path / "home" / "small" / "state" / "g000001.npz"
    while process.poll() is None and not state.exists():
        time.sleep(0.2)
    ray_cluster.remove_node(node)
    assert process.wait() == 0, errors.read_text()[-3000:]
    assert "has left the cluster" in errors.read_text()
    assert_same_rows(rows_of(undisturbed), rows_of(tmp_path))


@pytest.mark.long
def test_a_training_that_is_damaged_is_made_again_the_same(
    undisturbed, poses_file, ray_address, tmp_path
):
    home = tmp_path / "home"
    shutil.copytree(undisturbed / "home", home)
    first = home / "small" / "trainings" / "g000000"
    before = (first / "bundle" / "model.safetensors").read_bytes()
    (first / "training.json").write_text("{")
    more = ("--set", "search.generations=5", "--address", ray_address)
    run("campaign", "resume", "small", "--home", home, *more)
    assert (first / "bundle" / "model.safetensors").read_bytes() == before


def killed_once(campaign: subprocess.Popen) -> set[str]:
    """Until the campaign ends, kill one Ray worker of each kind; which kinds there were."""
    victims = {"ray::IslandWorker", "ray::Scorer", "ray::RayTrainWorker"}
    killed: set[str] = set()
    while campaign.poll() is None:
        for child in children_of(os.getpid()):
            kind = kind_of(child) & victims
            if kind and not kind <= killed:
                os.kill(child.pid, signal.SIGKILL)
                killed |= kind
        try:
            campaign.wait(timeout=0.3)
        except subprocess.TimeoutExpired:
            continue
    return killed


def children_of(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kind_of(process: psutil.Process) -> set[str]:
    try:
        title = process.cmdline()[0]
    except (psutil.Error, IndexError):
        return set()
    return {title.split(".")[0].split(":")[0] + "::" + title.split("::")[-1].split(".")[0]}


def test_other_settings_are_refused_with_the_difference(undisturbed, capsys):
    home = undisturbed / "home"
    told = refused(capsys, "campaign", "resume", "small", "--home", home, "--set", "seed=12")
    assert "seed: 11 -> 12" in told


def test_a_name_that_is_taken_is_refused(undisturbed, capsys):
    told = refused(capsys, "campaign", "run", undisturbed / "settings.yaml")
    assert "campaign small exists" in told


_OPERATOR = """
import torch
from evoskeleton.evolution.hierarchy import Genomes

def higher(genomes, *, draws):
    "Everybody's thighs get longer by a millimetre."
    step = torch.zeros_like(genomes.lengths)
    step[[11, 13]] = {step}
    return Genomes(**{{**vars(genomes), "lengths": genomes.lengths + step}})
"""


def test_own_operators_travel_to_the_workers(
    poses_file, ray_address, tmp_path, capsys, monkeypatch
):
    """A replaced mutation, and an own one beside it."""
    module = tmp_path / "mine_operators.py"
    module.write_text(_OPERATOR.format(step=1.0))
    path = settings_file(tmp_path, poses_file, workers=1)
    changes = (
        "search.generations=1",
        "search.island.breeding.operators.mutate=mine_operators:higher",
        "training.ensemble=1",
    )
    arguments = [part for change in changes for part in ("--set", change)]
    joined = ("campaign", "run", path, "--address", ray_address, *arguments)
    done = ended(*joined, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "lengths" in "".join(rows_of(tmp_path)["operator"])
    report = json.loads((tmp_path / "home" / "small" / "report.json").read_text())
    assert report["trainings"] == 2 or report["champion_training"] == 0
    assert np.isfinite(report["baseline"]["overall"]["mpjpe"])
    module.write_text(_OPERATOR.format(step=2.0))
    monkeypatch.syspath_prepend(tmp_path)
    told = refused(capsys, "campaign", "resume", "small", "--home", tmp_path / "home")
    del sys.modules["mine_operators"]
    assert "operator mine_operators:higher has changed" in told


def test_a_full_disk_leaves_the_last_whole_generation(poses_file, ray_address, tmp_path, capsys):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=240k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        path = settings_file(tmp_path, poses_file, workers=1)
        changes = (f"table={folder}/poses", "search.generations=40", "training.ensemble=1")
        words = [word for change in changes for word in ("--set", change)]
        told = refused(capsys, "campaign", "run", path, *words, "--address", ray_address)
        assert "cannot be written" in told
        table = PoseTable.open(folder / "poses")
        last = table.committed_generation("small")
        assert last is not None and 0 < last < 40
        generations = np.asarray(table.read(["generation"])["generation"])
        assert set(generations.tolist()) == set(range(last + 1))
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_the_published_method_from_no_generations_to_its_target(poses_file, ray_address, tmp_path):
    path = settings_file(tmp_path, poses_file, workers=1)
    settings = yaml.safe_load(path.read_text())
    search = {"generations": 0, "extra_generations": 0, "island": {"pairs_share": 0.25}}
    settings |= {"preset": "li2020", "search": search}
    settings["training"] = {"fit": FIT, "limit": 2}
    path.write_text(yaml.safe_dump(settings))
    joined = ("--address", ray_address)
    run("campaign", "run", path, *joined)
    seeds = rows_of(tmp_path)
    assert set(seeds["generation"]) == {0}
    extended = ("--set", "search.generations=1", "--set", "search.extra_generations=100")
    run("campaign", "resume", "small", "--home", tmp_path / "home", *extended, *joined)
    rows = rows_of(tmp_path)
    last = rows["generation"].max()
    before_last = (rows["generation"] < last).sum()
    assert len(rows["id"]) >= 2.5 * len(seeds["id"]) > before_last
    assert not any("bend" in operator for operator in rows["operator"])
    assert_no_pickles(tmp_path / "home")


def assert_no_pickles(home: Path) -> None:
    """Arrays open without pickle, and no file is one (defect 13 of the published code)."""
    files = [path for path in home.rglob("*") if path.is_file()]
    arrays = [path for path in files if path.suffix in (".npy", ".npz")]
    assert arrays
    for path in arrays:
        np.load(path, allow_pickle=False)
    assert not [path for path in files if path.suffix in (".pt", ".pth", ".pkl", ".pickle")]
    assert not [path for path in files if path.read_bytes()[:1] == b"\x80"]
