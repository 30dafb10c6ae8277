"""A campaign that is told to stop: between generations, at once, and then gone on with."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml
from refusals import refused

from evoskeleton.cli import main
from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.search.campaign import loop
from evoskeleton.platform.search.campaign.stopping import Stop, Stopped


def test_a_signal_while_nothing_is_bred_stops_at_once():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped), Stop(60).heard():
        signal.raise_signal(signal.SIGTERM)
        pytest.fail("went on")
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_between_generations_the_first_signal_asks_and_the_second_ends(number):
    stop, done = Stop(60), []
    with pytest.raises(Stopped), stop.heard(), stop.between_generations():
        stop.look()
        signal.raise_signal(number)
        done.append("went on")
        with pytest.raises(Stopped):
            stop.look()
        signal.raise_signal(number)
        done.append("not ended")
    assert done == ["went on"]


def test_a_generation_that_takes_too_long_is_given_up():
    stop, started = Stop(0.2), time.monotonic()
    with pytest.raises(Stopped), stop.heard(), stop.between_generations():
        signal.raise_signal(signal.SIGTERM)
        time.sleep(30)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(("under_nohup", "ends"), [(False, "stopped"), (True, "went on")])
def test_a_terminal_that_is_closed_stops_a_campaign_unless_it_is_ignored(under_nohup, ends):
    code = f"""
import signal
from evoskeleton.platform.search.campaign import loop
from evoskeleton.platform.search.campaign.stopping import Stop, Stopped
signal.signal(signal.SIGHUP, signal.SIG_IGN if {under_nohup} else signal.SIG_DFL)
try:
    with Stop(60).heard():
        signal.raise_signal(signal.SIGHUP)
        print("went on")
except Stopped:
    print("stopped")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == ends, done.stderr


def test_what_was_asked_for_near_the_end_is_told_at_the_end():
    stop = Stop(60)
    with pytest.raises(Stopped), stop.heard(), stop.between_generations():
        signal.raise_signal(signal.SIGINT)


def test_other_threads_listen_to_nothing():
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def listen() -> None:
        stop = Stop(1)
        with stop.heard(), stop.between_generations():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert seen == [before]


@pytest.fixture
def settings_file(motion, tmp_path) -> Path:
    """The smallest campaign: two islands that breed until they are stopped."""
    poses = tmp_path / "poses.parquet"
    clips = [single_clip(motion[at : at + 60], "S1", "walk", f"clip{at}") for at in (0, 60, 120)]
    write_parquet(poses, PoseSet.concat(clips))
    fit = {"preset": "small", "steps": 4, "batch": 16, "cascade": {"width": 16, "blocks": 1}}
    settings = {
        "name": "small",
        "home": "home",
        "motion": {"seed": {"kind": "parquet", "path": str(poses)}},
        "search": {
            "generations": 400,
            "islands": 1,
            "migrants": 2,
            "island": {"population": 16, "offspring": 16},
        },
        "training": {"limit": 2, "fit": fit},
    }
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def line_for(settings: Path, address: str) -> list[str]:
    """The one line that starts and goes on."""
    return ["campaign", "run", "--or-resume", settings.name, "--address", address]


def started(settings: Path, address: str, *more: str) -> subprocess.Popen[str]:
    """That line, in a process group of its own as a terminal makes one."""
    return subprocess.Popen(
        [sys.executable, "-m", "evoskeleton.cli", *line_for(settings, address), *more],
        cwd=settings.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def generation_in(home: Path) -> int | None:
    """The last generation that is in the table."""
    if not (home / "poses" / "_delta_log").exists():
        return None
    return PoseTable.open(home / "poses").committed_generation("small")


def reached(process: subprocess.Popen[str], home: Path, generation: int) -> None:
    """Wait until a generation was committed."""
    while (generation_in(home) or 0) < generation:
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)


def run_in_mlflow(home: Path):
    """The campaign's own run."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{home}/mlflow.db")
    (experiment,) = [each for each in client.search_experiments() if each.name != "Default"]
    runs = client.search_runs([experiment.experiment_id])
    (run,) = [each for each in runs if "mlflow.parentRunId" not in each.data.tags]
    return run


@pytest.mark.long
def test_ctrl_c_twice_ends_at_once(settings_file, ray_address):
    home = settings_file.parent / "home"
    campaign = started(settings_file, ray_address)
    reached(campaign, home, 1)
    os.killpg(campaign.pid, signal.SIGINT)
    os.killpg(campaign.pid, signal.SIGINT)
    _, words = campaign.communicate(timeout=120)
    assert campaign.returncode == 75, words


@pytest.mark.long
def test_a_driver_that_waits_for_nodes_stops_as_it_is_asked_to(settings_file, ray_address):
    waits = ["--set", "machine.scorer_gpus=1", "--set", "machine.wait_seconds=300"]
    campaign = started(settings_file, ray_address, *waits)
    assert "starting" in campaign.stderr.readline()
    time.sleep(15.0)  # it has joined by then, and waits for a node with a GPU
    assert campaign.poll() is None
    campaign.send_signal(signal.SIGTERM)
    _, words = campaign.communicate(timeout=60)
    assert campaign.returncode == 75, words
    assert "stopped; the same line starts it" in words and "Traceback" not in words
    assert not (settings_file.parent / "home" / "small" / "settings.yaml").exists()


@pytest.mark.slow
def test_one_line_starts_stops_and_goes_on_until_it_is_done(
    settings_file, ray_address, capsys, monkeypatch
):
    home = settings_file.parent / "home"
    first = started(settings_file, ray_address)
    reached(first, home, 2)
    first.send_signal(signal.SIGTERM)
    _, words = first.communicate(timeout=120)
    assert first.returncode == 75, words
    assert f"stopped; `evoskeleton campaign resume small --home {home}` goes on" in words
    assert "Traceback" not in words
    run = run_in_mlflow(home)
    assert (run.info.status, run.data.tags["mlflow.evoskeleton.stopped"]) == ("KILLED", "true")

    end = generation_in(home) + 1
    monkeypatch.chdir(settings_file.parent)
    monkeypatch.setattr(loop, "JOIN_EVERY", 1)
    line = line_for(settings_file, ray_address)
    with pytest.raises(SystemExit) as ended:
        main([*line, "--set", f"search.generations={end}", "--set", "machine.vacuum_hours=1"])
    assert not ended.value.code
    assert generation_in(home) == end
    brought = [version["what"] for version in PoseTable.open(home / "poses").history()]
    assert f"{end + 1} files into 1" in brought
    again = run_in_mlflow(home)
    assert again.info.run_id == run.info.run_id and again.info.status == "FINISHED"
    assert json.loads((home / "small" / "report.json").read_text())["rows"] > 0

    words = refused(capsys, *line, "--set", "seed=5")
    assert "campaign small was started with other settings: seed: 1 -> 5" in words
