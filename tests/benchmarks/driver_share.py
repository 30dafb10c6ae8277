"""What the driver of a campaign of many islands takes of a generation, and its memory.

    python tests/benchmarks/driver_share.py [--islands 64] [--cells 16000] [--generations 40]

Counted are seconds of processors: those of the driver's own process, which breeds nothing and for
which all wait (commit, state file, archive, sending and gathering), and those of all processes that
breed and score. A generation on W workers takes at least the driver's and a W-th of theirs, so the
driver's share of it is told for one worker, eight, and one an island. Trainings are left out: there
is the first alone.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import tiny_campaign

from evoskeleton.platform.search.campaign.driver import start
from evoskeleton.platform.search.campaign.progress import Silent
from evoskeleton.platform.search.campaign.settings import CampaignSettings


def processor_seconds(process: psutil.Process) -> float:
    """So far, of a process that may have ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


@dataclass
class Clock(Silent):
    """Notes what has been taken at each boundary.

    Attributes:
        taken: (generation, driver's seconds, the others', driver's bytes, rows) at each.
    """

    taken: list[tuple[float, ...]] = field(default_factory=list)

    def generation(self, done: int, total: int, record: dict[str, Any]) -> None:
        """One more is done."""
        own = psutil.Process()
        others = sum(
            processor_seconds(each)
            for each in own.children(recursive=True)
            if "ray::" in " ".join(each.cmdline()[:1])
        )
        memory = own.memory_full_info().uss
        self.taken.append((done, processor_seconds(own), others, memory, record["rows"]))


def settings_of(folder: Path, asked: argparse.Namespace) -> CampaignSettings:
    """A campaign of many islands with a large archive."""
    plain = yaml.safe_load(tiny_campaign.settings_file(folder).read_text())
    island = {"population": asked.population, "offspring": asked.offspring}
    plain["search"] = {
        "generations": asked.generations,
        "islands": asked.islands,
        "island": island,
        "archive": {"cells": asked.cells},
    }
    fit = {"preset": "small", "steps": 40}
    plain["training"] = {"limit": 2, "growth": 1_000_000, "fit": fit}
    plain["machine"] = {"workers": asked.workers}
    return CampaignSettings.parse(plain)


def told(taken: np.ndarray, islands: int) -> None:
    """A line a tenth of the generations."""
    for part in np.array_split(np.arange(1, len(taken)), min(10, len(taken) - 1)):
        first, last = taken[part[0] - 1], taken[part[-1]]
        driver, others = (last[1:3] - first[1:3]) / len(part)
        shares = ", ".join(
            f"{driver / (driver + others / workers):.1%} on {workers}"
            for workers in (1, 8, islands)
        )
        print(
            f"generation {last[0]:.0f}, {last[4]:.0f} rows: driver {driver:.3f} s, others"
            f" {others:.2f} s: {shares}; {last[3] / 1e6:.0f} MB",
            flush=True,
        )


def main() -> None:
    """The whole of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--islands", type=int, default=64)
    parser.add_argument("--cells", type=int, default=16_000)
    parser.add_argument("--generations", type=int, default=40)
    parser.add_argument("--population", type=int, default=512)
    parser.add_argument("--offspring", type=int, default=1024)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        start(settings_of(Path(folder), asked), clock)
        told(np.array(clock.taken), asked.islands)


if __name__ == "__main__":
    main()
