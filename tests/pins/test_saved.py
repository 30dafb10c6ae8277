"""What was saved once can still be read, and means what it meant."""

import json
import shutil
import sqlite3
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from pins import kernels
from pins.campaign import rows
from pins.same_names import of_the_same_names

from evoskeleton.evolution.hierarchy import decode
from evoskeleton.evolution.operators.codes import IMMIGRANT, code_to_name
from evoskeleton.evolution.population import ids
from evoskeleton.lifting.bundle import load_bundle, read_description, weight_hash
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import read_settings, write_settings
from evoskeleton.platform.search.campaign.state import load
from evoskeleton.platform.search.campaign.status import status_of
from evoskeleton.settings import layered, read_yaml

RECORDED = kernels.FIXTURES


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """The home of the recorded campaign, without its joint limits."""
    folder = tmp_path_factory.mktemp("home")
    with zipfile.ZipFile(RECORDED / "home.zip") as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def table() -> dict[str, np.ndarray]:
    """The recorded rows."""
    return kernels.read(RECORDED / "rows.npz")


def test_every_code_of_an_operator_keeps_its_name():
    recorded = json.loads((RECORDED / "operators.json").read_text())
    assert recorded == {str(code): code_to_name(code) for code in range(IMMIGRANT + 1)}
    assert len(recorded) == 258


def test_the_pose_table_opens_with_the_rows_it_had(home, table):
    kernels.assert_same(rows(home / "poses"), table)
    poses = PoseTable.open(str(home / "poses"))
    assert poses.version == 5 and poses.committed_generation("pinned") == 4
    stays = ~np.isin(table["id"], table["replaces"])
    assert np.array_equal(poses.poses(), table["pose"][stays].reshape(-1, 17, 3))


def test_a_pose_table_of_before_there_were_targets_gets_their_columns_with_a_commit(
    home, table, tmp_path
):
    shutil.copytree(home / "poses", tmp_path / "poses")
    poses = PoseTable.open(tmp_path / "poses")
    names = ["id", "why", "retires", "distance", "target", "view"]
    before = poses.chosen(names)
    assert all(before[name].null_count == len(before) for name in names[2:])
    stays = poses.poses()
    retires = np.empty(1, object)
    retires[0] = before["id"].to_pylist()[-2:]
    row = PoseRows(
        id=ids(5, 0, torch.tensor([3])).numpy(),
        operator=np.array(["limbs"]),
        poses=stays[:1],
        why=np.array(["resembles"]),
        retires=retires,
        distance=np.float32([0.25]),
        target=np.int32([7]),
        view=np.int32([1]),
    )
    version = poses.version
    poses.commit("pinned", 5, row)
    after = poses.chosen(names)
    assert after.slice(0, len(before) - 2).equals(before.slice(0, len(before) - 2))
    assert after.slice(len(before) - 2).to_pylist() == [
        {"id": row.id[0], "why": "resembles", "retires": retires[0], "distance": 0.25,
         "target": 7, "view": 1}
    ]  # fmt: skip
    assert np.array_equal(poses.poses(), np.concatenate([stays[:-2], stays[:1]]))
    assert np.array_equal(poses.poses(version), stays), "as it was"
    for number, expected in ((version, stays), (poses.version, poses.poses())):
        written = poses.snapshot(tmp_path / f"{number}.npy", number, "pinned")
        assert np.array_equal(np.load(written), expected)


@pytest.mark.parametrize("generation", [3, 4])
def test_a_state_opens_with_what_it_held(home, generation):
    folder = CampaignFolder(home, "pinned")
    state = load(folder, generation)
    with np.load(folder.state(generation), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    record = json.loads(arrays["record"].tobytes())
    for name in ("generation", "champion", "scored_by", "rows", "trained_rows"):
        assert getattr(state, name) == record[name], name
    assert list(state.trainings) == record["trainings"] == [0, 1]
    assert list(state.logbook) == record["logbook"]
    assert len(state.islands) == record["islands"] == 2
    for number, population in enumerate(state.islands):
        columns = population.to_arrays()
        assert np.isnan(columns.pop("resemblance")).all(), "nothing was said of it then"
        kernels.assert_same(columns, of(arrays, f"{number}/"))
    assert state.archive is not None
    archived = state.archive.to_arrays() | {"rows": state.archive.measures}
    kernels.assert_same({name: np.asarray(part) for name, part in archived.items()},
                        of(arrays, "archive/"))  # fmt: skip


def of(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Arrays below a prefix."""
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}


@pytest.mark.parametrize("generation", [3, 4])
def test_bodies_of_a_state_are_the_rows_of_the_table(home, table, generation):
    """By id: the name of the operator, the parents, the scores, and the pose itself."""
    place = {number: row for row, number in enumerate(table["id"].tolist())}
    found = set()
    for population in load(CampaignFolder(home, "pinned"), generation).islands:
        ids = population.ids.tolist()
        bodies = [body for body, number in enumerate(ids) if number in place]
        at = [place[ids[body]] for body in bodies]
        names = [code_to_name(code) for code in population.operators[bodies].tolist()]
        assert names == table["operator"][at].tolist()
        found.update(word for name in names for word in name.split("+"))
        assert np.array_equal(population.mothers[bodies].numpy(), table["mother"][at])
        assert np.array_equal(population.fathers[bodies].numpy(), table["father"][at])
        bred = np.array(names) != "seed"
        margin = population.margin[bodies].numpy()
        assert np.array_equal(margin[bred], table["margin"][at][bred])
        joints = decode(population.genomes).numpy()[bodies]
        there = table["pose"][at].reshape(-1, 17, 3)
        assert np.allclose(joints, there, atol=0.01)
    assert found >= {"crossover", "limbs", "turn", "bend", "lengths", "shoulders", "mirror"}


def test_settings_and_the_record_are_read(home, tmp_path):
    folder = CampaignFolder(home, "pinned")
    settings = read_settings(folder.settings)
    now, recorded = yaml.safe_load(write_settings(settings)), read_yaml(folder.settings)
    recorded["search"]["rows_ratio"] = recorded["search"].pop("target_ratio")
    assert layered(now, recorded) == now, "what was saved is as it was; other settings are new"
    words = status_of(home, "pinned").as_dict()
    assert words["generation"] == 4 and words["state"] == "finished"


def test_the_champion_opens_and_is_what_scored(home, table):
    folder = home / "pinned" / "trainings" / "g000004" / "bundle"
    lifter = load_bundle(folder)
    assert weight_hash(lifter) == read_description(folder)["weight_hash"]
    report = json.loads((home / "pinned" / "report.json").read_text())
    assert report["champion_training"] == 4
    test = read_description(folder)["self_test"]
    assert test, "load_bundle has run it"


def test_an_annotation_store_opens_with_what_it_held(tmp_path):
    pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")
    from pins.annotated import contents, open_store

    with zipfile.ZipFile(RECORDED / "store.zip") as archive:
        archive.extractall(tmp_path)
    store = open_store(tmp_path, lambda: 1.6e9)
    told = json.loads(json.dumps(contents(store)))
    store.close()
    recorded = json.loads((RECORDED / "store.json").read_text())
    assert of_the_same_names(told, recorded) == recorded


def test_the_tables_of_a_new_store_are_those_of_the_recorded_one(tmp_path):
    pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")
    from pins.annotated import open_store

    with zipfile.ZipFile(RECORDED / "store.zip") as archive:
        archive.extractall(tmp_path / "old")
    (tmp_path / "new").mkdir()
    for name in ("old", "new"):
        open_store(tmp_path / name, lambda: 1.6e9).close()
    assert layout(tmp_path / "old" / "annotations.db") == layout(tmp_path / "new/annotations.db")


def layout(database: Path) -> list[tuple[str, ...]]:
    """Tables and indexes as SQLite describes them, and the version of the layout."""
    with sqlite3.connect(database) as connection:
        found = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name")
        version = connection.execute("SELECT version_num FROM alembic_version")
        return [*map(tuple, found), *map(tuple, version)]
