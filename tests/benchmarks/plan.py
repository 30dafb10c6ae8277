"""`campaign plan` against campaigns that are really run: three sizes, on this machine.

    python tests/benchmarks/plan.py [--generations 8]

Rates are measured for each size with the campaign's own parts, the plan is made for this machine's
processors, and the campaign is run from start to end; told are both times, their ratio, and the
same of a generation. Whatever else the machine does meanwhile makes the campaigns slower than the
plan says: on a busy one, give it priority, or believe nothing.
"""

import argparse
import json
import sys
import tempfile
import time
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
            idle = psutil.cpu_times()
            started = time.monotonic()
            start(settings, Silent())
            took = time.monotonic() - started
            share = psutil.cpu_times().idle - idle.idle
            last = sorted((Path(settings.home) / name / "state").glob("*.npz"))[-1]
            tell(name, planned.hours * 3600, took, planned.generation_seconds, _seconds(last))
            print(f"    of {took * cores():.0f} s of processors {share:.0f} were idle", flush=True)


def _seconds(state: Path) -> list[float]:
    """Of the generations, as the logbook has them."""
    from evoskeleton.npz import read_npz

    record = json.loads(read_npz(state, "the state", ["record"])["record"].tobytes())
    return sorted(row["seconds"] for row in record["logbook"][1:])


def tell(name: str, planned: float, took: float, generation: float, each: list[float]) -> None:
    """One line."""
    median = each[len(each) // 2]
    print(
        f"{name}: planned {planned:.1f} s, took {took:.1f} s, {planned / took:.2f}; a generation"
        f" {generation:.2f} s, {median:.2f} s, {generation / median:.2f}"
    )


if __name__ == "__main__":
    main()
