"""A cluster that an autoscaler has yet to fill."""

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest
import ray_cluster
import tiny_campaign


def until(done: Callable[[], bool], seconds: float = 300.0) -> None:
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends
        time.sleep(0.5)


def island_workers() -> list[psutil.Process]:
    """The processes that breed, of the nodes that this process has started."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found += [process] if "ray::IslandWorker" in process.cmdline()[0] else []
    return found


@pytest.mark.long
def test_a_cluster_that_starts_empty_is_filled_as_nodes_come(tmp_path):
    settings = tiny_campaign.settings_file(tmp_path)
    with ray_cluster.running(cpus=0) as empty:
        asked = ["wait_seconds=300", "trainer_cpus=0.3", f"address={empty.address}"]
        words = ["campaign", "run", str(settings)]
        words += [word for change in asked for word in ("--set", f"machine.{change}")]
        driver = subprocess.Popen([sys.executable, "-m", "evoskeleton.cli", *words])
        try:
            time.sleep(20.0)
            assert driver.poll() is None and tiny_campaign.generation_of(tmp_path) == 0
            empty.add_node(num_cpus=1)
            until(lambda: tiny_campaign.generation_of(tmp_path) > 1)
            assert len(island_workers()) == 1
            empty.add_node(num_cpus=1)
            until(lambda: len(island_workers()) == 3)
            grown = tiny_campaign.generation_of(tmp_path)
            until(lambda: tiny_campaign.generation_of(tmp_path) > grown + 1)
            assert driver.poll() is None
        finally:
            driver.terminate()
            assert driver.wait(120) == 75
