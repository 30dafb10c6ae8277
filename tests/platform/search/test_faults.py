"""Three hosts with addresses of their own, and what befalls them: not a row is lost or changed."""

import random
import time
from pathlib import Path

import hosts
import numpy as np
import pytest
import tiny_campaign
from faults import BY_RAY_TRAIN, KINDS, befall
from scheduled import Scheduler

from evoskeleton.cli import main

pytestmark = pytest.mark.long


@pytest.fixture
def three(tmp_path):
    """Three hosts that share the test's folder, and this checkout where it lies in /tmp."""
    if (reason := hosts.why_not()) is not None:
        pytest.skip(reason)
    with hosts.running(3, tmp_path) as found:
        yield found


def assert_undisturbed(folder: Path, alone: Path, end: int) -> None:
    """The table of a folder is that of one process on this machine, row for row."""
    alone.mkdir()
    settings = tiny_campaign.settings_file(alone, generations=end)
    with pytest.raises(SystemExit) as ended:
        main(["campaign", "run", str(settings), "--set", "machine.workers=1"])
    assert not ended.value.code
    disturbed, undisturbed = tiny_campaign.rows_of(folder), tiny_campaign.rows_of(alone)
    for name in tiny_campaign.COLUMNS:
        assert np.array_equal(disturbed[name], undisturbed[name]), name


@pytest.mark.parametrize("trained_by", ["a task", "Ray Train"])
def test_what_befalls_hosts_and_processes_costs_time_and_no_row(three, tmp_path, trained_by):
    by_ray_train = trained_by == "Ray Train"
    settings = tiny_campaign.settings_file(tmp_path)
    scheduler = Scheduler(three, tmp_path, settings)
    scheduler.start(trainer_cpus=0.5, always_ray_train=str(by_ray_train).lower())
    draw = random.Random(1)
    kinds = list(BY_RAY_TRAIN if by_ray_train else KINDS)
    going_on(scheduler, 3)
    pauses = [befall(scheduler, kind, draw) for kind in kinds]
    end = scheduler.ended()
    for pause in pauses:
        print(f"{pause.kind}: {pause.seconds:.1f} s, {pause.runs} runs of the driver")
    assert max(pause.seconds for pause in pauses) < 240, "half a minute where nobody else works"
    assert_undisturbed(tmp_path, tmp_path / "alone", end)


def test_a_cluster_that_stays_smaller_goes_on_with_fewer_workers(three, tmp_path):
    scheduler = Scheduler(three, tmp_path, tiny_campaign.settings_file(tmp_path))
    scheduler.join_all()
    scheduler.start(trainer_cpus=0.3, worker_cpus=0.6)
    going_on(scheduler, 3)
    for host in three[1:]:
        host.power_off()
    lost = time.monotonic()
    going_on(scheduler, 8)
    assert "the cluster has become smaller" in " ".join(scheduler.sentences(lost))
    assert scheduler.runs == 1
    end = scheduler.ended()
    assert_undisturbed(tmp_path, tmp_path / "alone", end)


def going_on(scheduler: Scheduler, generations: int) -> None:
    """Until so many more have been committed."""
    until, wanted = time.monotonic() + 300, len(scheduler.generations()) + generations
    while len(scheduler.generations()) < wanted:
        assert time.monotonic() < until and scheduler.drives(), scheduler.told[-20:]
        time.sleep(0.2)


def test_the_driver_of_a_lost_head_says_so_and_asks_to_be_run_again(three, tmp_path):
    scheduler = Scheduler(three, tmp_path, tiny_campaign.settings_file(tmp_path))
    scheduler.start(trainer_cpus=0.5)
    going_on(scheduler, 3)
    lost = time.monotonic()
    scheduler.end_nodes()
    assert scheduler.wait(60) == 75
    words = " ".join(scheduler.sentences(lost))
    assert "the head of the Ray cluster at 10.77.0.10:6379 is gone" in words
    assert "Traceback" not in words and "StackTrace" not in words
