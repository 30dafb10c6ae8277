"""Names, locks and tables: a campaign begins once, and alone."""

import errno
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from table_rows import rows

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import PoseSet, read_poses, single_clip
from evoskeleton.platform.search.campaign.driver import limits_of, resume, start, table_of
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.progress import Silent
from evoskeleton.platform.search.campaign.seeding import begin, load_motion
from evoskeleton.platform.search.campaign.settings import (
    CampaignSettings,
    keep_settings,
    read_settings,
)
from evoskeleton.platform.search.campaign.state import committed_state, load, save
from evoskeleton.platform.search.campaign.status import statuses
from evoskeleton.platform.search.workers.ray_training import run_training
from evoskeleton.platform.search.workers.training_job import Job, TrainingSettings, read_record


@pytest.fixture
def settings(motion, tmp_path) -> CampaignSettings:
    path = tmp_path / "poses.parquet"
    clips = [single_clip(motion[at : at + 60], "S1", "walk", f"clip{at}") for at in (0, 60, 120)]
    write_parquet(path, PoseSet.concat(clips))
    return CampaignSettings.parse(
        {
            "name": "mine",
            "home": str(tmp_path / "home"),
            "motion": {"seed": {"kind": "parquet", "path": str(path)}},
            "tracking": {"enabled": False},
        }
    )


def begun(settings: CampaignSettings) -> CampaignFolder:
    """A campaign's folder as a start leaves it that was killed before its first generation."""
    folder = CampaignFolder(settings.home, settings.name)
    motion = load_motion(settings.motion, settings.seed, settings.search.rows)
    table = PoseTable.create(settings.table or str(folder.home / "poses"))
    begin(settings, motion, folder, table, limits_of(settings, motion.seed))
    return folder


def test_a_name_of_which_the_table_has_rows_is_refused(settings):
    folder = begun(settings)
    before = table_of(settings, folder).version
    shutil.rmtree(folder.path)
    with pytest.raises(BadInput, match="holds rows of an earlier campaign mine: choose another"):
        start(settings, Silent())
    assert table_of(settings, folder).version == before and not folder.exists()


def test_of_two_that_start_at_once_the_second_touches_nothing(settings):
    folder = CampaignFolder(settings.home, settings.name)
    with folder.lock():
        assert folder.is_locked()
        owner = f"mine is being run by process {os.getpid()} on {socket.gethostname()}"
        with pytest.raises(BadInput, match=owner):
            start(settings, Silent())
        assert [path.name for path in folder.path.iterdir()] == ["lock"]
    assert not folder.is_locked()


def test_a_lock_is_waited_for(settings):
    folder = CampaignFolder(settings.home, settings.name)
    ends = threading.Event()
    held = threading.Event()

    def hold() -> None:
        with folder.lock():
            held.set()
            ends.wait(30)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(30)
    with pytest.raises(BadInput, match="--wait SECONDS waits for its end"), folder.lock(0.1):
        pass
    threading.Timer(0.3, ends.set).start()
    with folder.lock(30):
        assert folder.is_locked()
    other.join()


def test_a_lock_of_an_earlier_version_names_its_process(settings):
    folder = CampaignFolder(settings.home, settings.name)
    folder.path.mkdir(parents=True)
    with (folder.path / "lock").open("a+") as handle:
        handle.write("4711")
        handle.flush()
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(BadInput, match="mine is being run by process 4711$"), folder.lock():
            pass


def test_storage_without_locks_is_told(settings, monkeypatch):
    def unknown(*arguments):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", unknown)
    folder = CampaignFolder(settings.home, settings.name)
    with pytest.raises(BadInput, match="lock cannot be locked: Function not implemented"):
        start(settings, Silent())
    assert not folder.is_locked()


def test_a_table_is_found_from_every_folder(settings, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    near = CampaignSettings.parse(settings.model_dump(mode="json") | {"table": "shared"})
    begun(near)
    monkeypatch.chdir(tmp_path)
    (status,) = statuses(near.home)
    assert (status.generation, status.rows) == (0, 120)
    assert not Path("shared").exists()
    remote = near.model_dump(mode="json") | {"table": "s3://bucket/poses"}
    assert CampaignSettings.parse(remote).table == "s3://bucket/poses"


def test_a_table_that_is_gone_is_told_and_not_made_anew(settings):
    folder = begun(settings)
    shutil.rmtree(folder.home / "poses")
    (status,) = statuses(settings.home)
    assert status.state == "no table"
    with pytest.raises(BadInput, match="there is no pose table at"):
        resume(settings.home, "mine", [], Silent())
    assert not (folder.home / "poses").exists()
    assert read_settings(folder.settings) == settings


def test_a_training_for_which_nothing_comes_free_is_told_in_a_sentence(settings, monkeypatch):
    from ray.train import ControllerError
    from ray.train.torch import TorchTrainer

    from evoskeleton.platform.search.workers.joined.room import divide
    from evoskeleton.platform.search.workers.machine import MachineSettings

    def crowded(trainer):
        raise ControllerError(RuntimeError("The worker group startup timed out\nafter 3600 s"))

    monkeypatch.setattr(TorchTrainer, "fit", crowded)
    folder = settings.home
    job = Job("mine-g0", f"{folder}/g0", f"{folder}/ray", "poses", "seed", "held", None, 0, 1)
    resources = divide(MachineSettings(), 1, {"CPU": 2.0})
    sentence = "training mine-g0 could not be run: The worker group startup timed out$"
    with pytest.raises(BadInput, match=sentence):
        run_training(job, TrainingSettings.parse({}), resources)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes are not bound here")
def test_processors_of_other_jobs_do_not_count():
    words = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
    words += "from evoskeleton.machine import cores; print(cores())"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"name": "poses"}, "the pose table .* should not be one in the other"),
        ({"name": "mlruns"}, "is where MLflow keeps its files: choose another name than mlruns"),
        ({"table": "{home}/mine/table"}, "should not be one in the other"),
        ({"table": "{full}"}, r"is no pose table and holds other things \(notes.txt\)"),
        ({"training": {"fit": {"begin": "nowhere"}}}, "nowhere/bundle.json: No such file"),
        ({"training": {"fit": {"begin": "exact"}}}, "begin should be a lifter of the network"),
        ({"machine": {"address": "127.0.0.1:1", "wait_seconds": 0.5}}, "no Ray cluster answers"),
        pytest.param(
            {"machine": {"scorer_gpus": 1}},
            "finds no room on the cluster of this machine",
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(settings, tmp_path, changes, sentence):
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes.txt").touch()
    plain = settings.model_dump(mode="json") | changes
    plain["table"] = plain["table"] and plain["table"].format(home=settings.home, full=full)
    with pytest.raises(BadInput, match=sentence):
        start(CampaignSettings.parse(plain), Silent())
    home = Path(settings.home)
    left = {path.name for path in home.rglob("*")} if home.exists() else set()
    assert left <= {"mine", "lock"}, "what stays stands in nobody's way"
    assert not Path("s3:").exists() and os.listdir(full) == ["notes.txt"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [cut, flip, empty, Path.unlink])
def test_from_a_damaged_state_the_one_before_it_is_gone_on_from(settings, harm):
    folder = begun(settings)
    table = table_of(settings, folder)
    state = load(folder, 0)
    save(replace(state, generation=1), folder)
    table.commit("mine", 1, rows(1))
    harm(folder.state(1))
    sentences: list[str] = []
    found = committed_state(folder, table, sentences.append)
    assert found is not None and found.generation == 0 and found.rows == state.rows
    assert len(sentences) == 1 and sentences[0].endswith("generation 1 is bred again")
    (status,) = statuses(settings.home)
    assert status.state == "damaged"
    harm(folder.state(0))
    with pytest.raises(BadInput, match="put one of them back from a copy"):
        committed_state(folder, table, sentences.append)


@pytest.mark.parametrize("name", ["settings.yaml", "sources/seed.npz"])
def test_a_damaged_file_is_told_in_a_sentence(settings, name):
    folder = begun(settings)
    (folder.path / name).write_bytes(b"{")
    with pytest.raises(BadInput, match=f"{name.split('/')[-1]} (cannot be read|is not YAML)"):
        read_poses(folder.source("seed"))
        read_settings(folder.settings)
    assert [status.name for status in statuses(settings.home)] == ["mine"]


def test_a_damaged_record_of_a_training_is_none(tmp_path):
    (tmp_path / "training.json").write_text('{"hash": "a", "validation": {}}')
    assert read_record(tmp_path) == {"hash": "a", "validation": {}}
    for text in ('{"hash": "a", "val', "", "[]", "\x00"):
        (tmp_path / "training.json").write_text(text)
        assert read_record(tmp_path) is None


def test_options_of_a_storage_are_readable_by_nobody_else(settings):
    folder = begun(settings)
    assert folder.settings.stat().st_mode & 0o044
    secret = settings.model_copy(update={"storage_options": {"AWS_SECRET_ACCESS_KEY": "s"}})
    keep_settings(secret, folder.settings)
    assert folder.settings.stat().st_mode & 0o077 == 0
