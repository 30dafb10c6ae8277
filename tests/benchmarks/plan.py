"""`campaign plan` against campaigns that are really run: three sizes, on this machine.

    python tests/benchmarks/plan.py [--generations 8]

Rates are measured for each size with the campaign's own parts, the plan is made for this machine's
processors, and the campaign is run from start to end. Told are the seconds of processors that all
its processes took, which hold on a busy machine too, and the time from start to end, which holds
where nobody else works; beside it, how many processors the campaign had.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import tiny_campaign

from evoskeleton.machine import cores
from evoskeleton.platform.search.campaign.driver import start
from evoskeleton.platform.search.campaign.progress import Silent
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.planning.measuring import measured
from evoskeleton.platform.search.planning.nodes import nodes_of
from evoskeleton.platform.search.planning.plan import plan

SIZES = {
    "small": (2, 256, 512, 300),
    "demo": (4, 384, 768, 600),
    "large": (2, 2048, 4096, 400),
}
"""Islands, population, offspring, steps of a training."""


def settings_of(name: str, folder: Path, generations: int) -> CampaignSettings:
    """A campaign of one size."""
    islands, population, offspring, steps = SIZES[name]
    plain = yaml.safe_load(tiny_campaign.settings_file(folder).read_text())
    island = {"population": population, "offspring": offspring}
    plain["name"] = name
    plain["search"] = {"generations": generations, "islands": islands, "island": island}
    fit = {"preset": "small", "steps": steps}
    plain["training"] = {"limit": 3, "growth": 8, "fit": fit}
    return CampaignSettings.parse(plain)


def main() -> None:
    """All sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generations", type=int, default=8)
    parser.add_argument("sizes", nargs="*", default=list(SIZES))
    asked = parser.parse_args()
    for name in asked.sizes:
        with tempfile.TemporaryDirectory() as folder:
            settings = settings_of(name, Path(folder), asked.generations)
            planned = plan(settings, nodes_of(f"{max(2, cores())}cpu16gb"), measured(settings))
            started = time.monotonic()
            with used_by_all() as used:
                start(settings, Silent())
            took = time.monotonic() - started
            tell(name, "seconds of processors", planned.processor_hours * 3600, used())
            tell(name, "seconds from start to end", planned.hours * 3600, took)
            print(f"    the campaign had {used() / took:.2f} of {cores()} processors", flush=True)


@contextmanager
def used_by_all() -> Iterator[Callable[[], float]]:
    """Seconds of processors that this process and all that it starts take meanwhile."""
    seen: dict[tuple[int, float], float] = {}
    ended = threading.Event()
    before = time.process_time()

    def look() -> None:
        while not ended.wait(0.5):
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    times = process.cpu_times()
                    seen[process.pid, process.create_time()] = times.user + times.system

    thread = threading.Thread(target=look)
    thread.start()
    clock = {"driver": 0.0}
    try:
        yield lambda: clock["driver"] + sum(seen.values())
    finally:
        ended.set()
        thread.join()
        clock["driver"] = time.process_time() - before


def tell(name: str, what: str, planned: float, took: float) -> None:
    """One line."""
    print(f"{name}: {what}: planned {planned:.1f}, took {took:.1f}, {planned / took:.2f}")


if __name__ == "__main__":
    main()
