"""What the record in MLflow takes from a campaign: seconds of the driver, and of a processor.

    python tests/benchmarks/record.py [poses.parquet] [--generations 12] [--offspring 4096]

A campaign is run with an SQLite record, in this process. The driver's own seconds are what its
calls of the record take before they return; the processor's are those of the threads that write and
that look at the machine, to which the first import of MLflow belongs. Breeding goes on meanwhile,
so that of the second only what the driver itself would have used is lost. What comes after the last
generation, closing figures and the wait for the last upload, is told apart.

Without a file the seeds are the made-up walker of the tests.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from conftest import walking_figure

from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.record.recording import Recording
from evoskeleton.platform.search.campaign import driver
from evoskeleton.platform.search.campaign.progress import Silent
from evoskeleton.platform.search.campaign.settings import CampaignSettings

AT_THE_END = ("finish", "leave", "log_figure")


class Timed:
    """A record whose calls are timed."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._record = Recording(*arguments, **named)
        TOOK.clear()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._record, name)

        def call(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                TOOK[name] += time.perf_counter() - began

        return call


TOOK: dict[str, float] = defaultdict(float)


class Watch(Silent):
    """When the first and the last generation were committed, and what threads had used by then."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.used: list[float] = []

    def generation(self, done: int, total: int, record: dict[str, Any]) -> None:
        self.times.append(time.perf_counter())
        self.used.append(used())


def used() -> float:
    """Processor seconds of the threads that belong to the record."""
    names = ("record", "loads")
    own = {thread.native_id for thread in threading.enumerate() if thread.name in names}
    found = psutil.Process().threads()
    return sum(thread.user_time + thread.system_time for thread in found if thread.id in own)


def settings(home: Path, poses: str, generations: int, offspring: int) -> CampaignSettings:
    """Two islands, and two trainings."""
    return CampaignSettings.parse({
        "name": "timed",
        "home": str(home),
        "motion": {"seed": {"kind": "parquet", "path": poses, "max_per_subject": 2000}},
        "search": {
            "generations": generations,
            "islands": 2,
            "island": {"population": offspring // 2, "offspring": offspring, "keep": 0.1},
        },
        "training": {"limit": 2, "fit": {"preset": "small", "steps": 200}},
    })  # fmt: skip


def walker(folder: Path) -> str:
    """A file of the made-up walker."""
    motion = walking_figure(240)
    clips = [single_clip(motion[at : at + 40], "S1", "walk", f"c{at}") for at in range(0, 240, 40)]
    write_parquet(folder / "walker.parquet", PoseSet.concat(clips))
    return str(folder / "walker.parquet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("poses", nargs="?")
    parser.add_argument("--generations", type=int, default=12)
    parser.add_argument("--offspring", type=int, default=4096)
    options = parser.parse_args()
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(driver, "Recording", Timed):
        poses = options.poses or walker(Path(folder))
        asked = settings(Path(folder) / "home", poses, options.generations, options.offspring)
        driver.start(asked, watch)
    breeding = watch.times[-1] - watch.times[0]
    driver_s = sum(took for name, took in TOOK.items() if name not in AT_THE_END)
    thread_s = watch.used[-1] - watch.used[0]
    half = len(watch.times) // 2
    later_s = watch.used[-1] - watch.used[half]
    later = later_s / (watch.times[-1] - watch.times[half])
    pauses = np.diff(watch.times)
    print(
        f"{options.generations} generations in {breeding:.1f} s, median {np.median(pauses):.2f} s"
    )
    print(f"driver: {1000 * driver_s:.0f} ms in calls of the record, {driver_s / breeding:.2%}")
    print(
        f"threads: {thread_s:.1f} s of a processor, {thread_s / breeding:.2%} of one, "
        f"{later:.2%} in the second half"
    )
    for name, took in sorted(TOOK.items(), key=lambda item: -item[1]):
        print(f"  {name:18} {1000 * took:8.1f} ms{'  (after breeding)' * (name in AT_THE_END)}")


if __name__ == "__main__":
    main()
