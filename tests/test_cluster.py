"""Ray on this machine: a start that hangs is tried once more, and then told in a sentence."""

import pytest
import ray

from evoskeleton.errors import BadInput
from evoskeleton.platform.search.cluster import MachineSettings, cluster

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
