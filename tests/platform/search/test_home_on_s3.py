"""A home on an object store: what was written there is gone on with from any machine."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import s3_server
from table_rows import rows
from typer.testing import CliRunner

from evoskeleton.cli import app
from evoskeleton.errors import BadInput
from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.data.table.objects import download, names_below, upload
from evoskeleton.platform.data.table.storage import store as store_of
from evoskeleton.platform.search.campaign.driver import limits_of, start, table_of
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.progress import Silent
from evoskeleton.platform.search.campaign.seeding import begin, load_motion
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.campaign.state import committed_state, load, save
from evoskeleton.platform.search.workers.joined import stored
from evoskeleton.platform.search.workers.joined.stored import Stored

HOME = "s3://homes/all"


@pytest.fixture(scope="module")
def store() -> Iterator[s3_server.Store]:
    with s3_server.running() as found:
        found.make_bucket("homes")
        yield found


@pytest.fixture
def machine(store, tmp_path, monkeypatch) -> Path:
    """A machine that reaches the store, with a cache of its own."""
    for name, value in store.options.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("EVOSKELETON_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def settings_of(motion, folder: Path, **changes: object) -> CampaignSettings:
    path = folder / "poses.parquet"
    clips = [single_clip(motion[at : at + 60], "S1", "walk", f"clip{at}") for at in (0, 60, 120)]
    write_parquet(path, PoseSet.concat(clips), overwrite=True)
    plain = {
        "name": "mine",
        "home": HOME,
        "motion": {"seed": {"kind": "parquet", "path": str(path)}},
        "tracking": {"enabled": False},
    }
    return CampaignSettings.parse(plain | changes)


def test_what_one_machine_kept_another_goes_on_from(motion, machine, tmp_path):
    settings = settings_of(motion, tmp_path)
    folder = CampaignFolder(HOME, "mine")
    assert not folder.exists()
    poses = load_motion(settings.motion, settings.seed, settings.search.rows)
    table = PoseTable.create(folder.table)
    first = begin(settings, poses, folder, table, limits_of(settings, poses.seed))
    second = replace(first, generation=1)
    save(second, folder)
    table.commit("mine", 1, rows(1))
    (folder.path / "state" / "g000009.npz").write_bytes(b"of a driver that was killed")
    shutil.copytree(machine, tmp_path / "before")
    shutil.rmtree(machine)

    status = json.loads(
        CliRunner().invoke(app, ["campaign", "status", "mine", "--home", HOME]).stdout
    )
    assert (status["generation"], status["rows"], status["state"]) == (1, 120, "stopped")
    assert "mine" in CliRunner().invoke(app, ["campaign", "list", "--home", HOME]).stdout
    assert not machine.exists(), "a look leaves nothing"

    other = CampaignFolder(HOME, "mine")
    assert other.exists()
    other.fetch()
    found = committed_state(other, table_of(settings, other), pytest.fail)
    assert found is not None and found.generation == 1 and load(other, 0).generation == 0
    assert (
        other.limits.read_bytes()
        == (tmp_path / "before").joinpath(folder.limits.relative_to(machine)).read_bytes()
    )
    assert sorted(path.name for path in (other.path / "state").iterdir()) == [
        "g000000.npz",
        "g000001.npz",
    ]
    other.state(0).unlink()
    other.keep()
    shutil.rmtree(machine)
    other.fetch()
    assert not other.state(0).exists(), "what was removed here is removed there"


def test_a_folder_of_which_a_part_came_is_not_there(machine, tmp_path, monkeypatch):
    there, path = store_of(HOME, None), tmp_path / "driver" / "trainings" / "g000005"
    for name in ("state", "training.json"):
        (tmp_path / name).write_text(name)
        upload(there, tmp_path / name, f"mine/trainings/g000005/{name}")
    folder = Stored(str(tmp_path / "driver"), f"{HOME}/mine", "word")
    arrived = []

    def cut(store: object, name: str, place: Path) -> None:
        if arrived:
            raise KeyboardInterrupt
        arrived.append(name)
        download(store, name, place)

    with monkeypatch.context() as patched:
        patched.setattr(stored, "download", cut)
        with pytest.raises(KeyboardInterrupt):
            folder.fetched(path)
    assert arrived and not folder.here(path).exists()
    whole = folder.fetched(path)
    assert sorted(found.name for found in whole.iterdir()) == ["state", "training.json"]
    assert [found.name for found in whole.parent.iterdir()] == ["g000005"]


def test_what_is_larger_than_a_part_comes_back_whole(machine, tmp_path):
    there, large = store_of(HOME, None), tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 40_000)
    upload(there, large, "a/large")
    download(there, "a/large", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == large.read_bytes()
    assert names_below(there, "a") == ["a/large"]


@pytest.mark.parametrize(
    "home, sentence",
    [("ftp://x/y", "no store is known by that scheme"), ("az://x/y", "no keys were given")],
)
def test_a_home_on_nothing_that_is_known_is_refused_in_a_sentence(home, sentence):
    with pytest.raises(BadInput, match=f"{home}/mine cannot be used: {sentence}"):
        CampaignFolder(home, "mine").exists()


def test_a_record_beside_the_home_is_refused(motion, machine, tmp_path):
    settings = settings_of(motion, tmp_path, name="recorded", tracking={})
    with pytest.raises(BadInput, match="wants an MLflow server or database elsewhere"):
        start(settings, Silent())
    assert not CampaignFolder(HOME, "recorded").exists()


@pytest.mark.long
def test_a_campaign_is_gone_on_with_on_another_machine_row_for_row(motion, machine, tmp_path):
    fit = {"preset": "small", "steps": 24, "batch": 32, "cascade": {"width": 32}}
    search = {"generations": 3, "islands": 2, "island": {"population": 24, "offspring": 32}}
    search["migrants"] = 2
    changes = {"search": search, "training": {"limit": 2, "fit": fit}}
    tables = []
    for name, stops in (("whole", (3,)), ("parts", (1, 3))):
        settings = settings_of(motion, tmp_path, name=name, **changes)
        file = tmp_path / f"{name}.json"
        file.write_text(settings.model_dump_json())
        for stop in stops:
            shutil.rmtree(machine, ignore_errors=True)
            words = ["campaign", "run", str(file), "--or-resume"]
            words += ["--set", f"search.generations={stop}"]
            subprocess.run([sys.executable, "-m", "evoskeleton.cli", *words], check=True)
        tables.append(PoseTable.open(f"{HOME}/poses").poses(campaign=name))
    assert tables[0].tobytes() == tables[1].tobytes()
