"""Ray on this machine: a start that hangs is tried once more, and then told in a sentence."""

import pytest
import ray

from evoskeleton.errors import BadInput
from evoskeleton.platform.search.cluster import MachineSettings, cluster, divide

PATIENCE = "RAY_gcs_server_port_wait_time_s"


@pytest.mark.slow
def test_a_start_that_hangs_is_tried_once_more(monkeypatch):
    start, patience = ray.init, iter(["0", "30"])

    def impatient(**how):
        monkeypatch.setenv(PATIENCE, next(patience))
        return start(**how)

    monkeypatch.setattr(ray, "init", impatient)
    with cluster(MachineSettings(workers=1), islands=3) as resources:
        assert resources.workers == 1 and ray.is_initialized()
    assert next(patience, None) is None and not ray.is_initialized()


def test_a_start_that_hangs_twice_is_told(monkeypatch):
    monkeypatch.setenv(PATIENCE, "0")
    sentence = "no Ray cluster could be started here: Timed out"
    with pytest.raises(BadInput, match=sentence), cluster(MachineSettings(), islands=1):
        pass


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
