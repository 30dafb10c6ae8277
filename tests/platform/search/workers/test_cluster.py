"""Ray on this machine: a start that hangs is tried again, and then told in a sentence."""

import os
import time
from contextlib import suppress

import psutil
import pytest
import ray

from evoskeleton.errors import BadInput
from evoskeleton.platform.search.workers.cluster import cluster
from evoskeleton.platform.search.workers.joined.room import divide
from evoskeleton.platform.search.workers.machine import MachineSettings

HANGS = "The current node timed out during startup."


@pytest.mark.long
def test_a_start_that_hangs_is_tried_again_and_leaves_no_process(monkeypatch):
    """Ray raises a bare Exception then, with its processes running."""
    ask, failures = ray._private.services.get_node, iter([Exception(HANGS)])
    before, running, names = _children(), set(), set()

    def unlucky(*arguments):
        for failure in failures:
            deadline = time.monotonic() + 20
            while "raylet" not in names and time.monotonic() < deadline:
                running.update(_children() - before)
                names.update(_name(process) for process in running)
            raise failure
        return ask(*arguments)

    monkeypatch.setattr(ray._private.services, "get_node", unlucky)
    with cluster(MachineSettings(workers=1), islands=3) as resources:
        assert resources.workers == 1 and ray.is_initialized()
        assert names >= {"gcs_server", "raylet"}
        assert not any(map(_lives, running))
    assert not ray.is_initialized()


def _name(process: psutil.Process) -> str:
    """A child that was just made has its parent's name until it has become what it is to be."""
    with suppress(psutil.NoSuchProcess):
        return process.name()
    return ""


def _children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def _lives(process: psutil.Process) -> bool:
    """What has ended may wait for its parent to ask how."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_start_that_hangs_every_time_is_told(monkeypatch):
    failures = iter([Exception(HANGS)] * 3)

    def unlucky(**how):
        raise next(failures)

    monkeypatch.setattr(ray, "init", unlucky)
    sentence = f"no Ray cluster could be started here: {HANGS}"
    with pytest.raises(BadInput, match=sentence), cluster(MachineSettings(), islands=1):
        pass
    assert next(failures, None) is None


def test_more_actors_than_the_machine_can_hold_are_refused():
    """They would wait for a processor for ever."""
    there = {"CPU": 2.0}
    assert divide(MachineSettings(scorers=4), 1, there).scorers == 4
    with pytest.raises(BadInput, match="20 scorers of 0.2 processors, .* find no room on 2 proc"):
        divide(MachineSettings(scorers=20), 1, there)
    with pytest.raises(BadInput, match="and 40 workers find no room"):
        divide(MachineSettings(workers=40), 1, there)
    grows = MachineSettings(address="auto", scorers=20)
    assert divide(grows, 1, there).scorers == 20, "a cluster may add nodes"


@pytest.mark.slow
def test_a_process_that_had_a_cluster_of_its_own_may_join_another(ray_address, monkeypatch):
    """Ray's token authentication of the first would lose the actors of the second."""
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    for address in (None, ray_address):
        with cluster(MachineSettings.parse({"address": address}), islands=1):
            import ray

            actor = ray.remote(num_cpus=0.1)(Counter).remote()
            assert ray.get(actor.next.remote(), timeout=120) == 1
        assert "RAY_AUTH_MODE" not in os.environ


class Counter:
    count = 0

    def next(self) -> int:
        self.count += 1
        return self.count
