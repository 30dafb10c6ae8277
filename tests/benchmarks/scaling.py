"""What more workers bring: a generation of 1 to 512 of them, by rates that are measured here.

    python tests/benchmarks/scaling.py [--islands 512] [--offspring 4096] [--rates rates.json]

The rates are those of one processor, measured with the campaign's own parts; the rest is the model
of `campaign plan`, which a simulation of the driver's loop confirms (test_plan.py). Each number of
workers gets as many scorers as keep up, and a processor each. Efficiency is the work of one worker
over that of all; what limits is told beside it.
"""

import argparse
import math
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import tiny_campaign

from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.planning.measuring import measured
from evoskeleton.platform.search.planning.nodes import nodes_of
from evoskeleton.platform.search.planning.plan import plan
from evoskeleton.platform.search.planning.rates import Rates

WORKERS = (1, 2, 8, 64, 512)

_FEW = 4
"""Islands whose state is written to measure how long that of all takes."""


def settings_of(folder: Path, asked: argparse.Namespace) -> CampaignSettings:
    """A campaign of many islands; no training is under way while they are bred."""
    plain = yaml.safe_load(tiny_campaign.settings_file(folder).read_text())
    island = {"population": asked.offspring // 2, "offspring": asked.offspring}
    plain["search"] = {"generations": 10, "islands": asked.islands, "island": island}
    plain["training"] = {"limit": 2, "growth": 1000, "fit": {"preset": "small", "steps": 40}}
    return CampaignSettings.parse(plain)


def on(known: CampaignSettings, rates: Rates, workers: int) -> CampaignSettings:
    """The same with so many workers, and scorers that keep up with them."""
    worker = rates.breed + rates.select + rates.renew + rates.score
    scorers = max(1, math.ceil(workers * rates.score / worker))
    machine = known.machine.model_copy(
        update={"workers": workers, "scorers": scorers, "worker_cpus": 1.0, "scorer_cpus": 1.0}
    )
    return known.model_copy(update={"machine": machine})


def main() -> None:
    """All numbers of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--islands", type=int, default=512)
    parser.add_argument("--offspring", type=int, default=4096)
    parser.add_argument("--rates", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        known = settings_of(Path(folder), asked)
        if asked.rates and asked.rates.exists():
            rates = Rates.read(asked.rates)
        else:
            few = known.search.model_copy(update={"islands": _FEW})
            rates = measured(known.model_copy(update={"search": few}))
            rates = replace(rates, save=rates.save * asked.islands / _FEW)
            if asked.rates:
                rates.write(asked.rates)
    print(rates)
    alone = None
    for workers in WORKERS:
        this = on(known, rates, workers)
        cpus = workers + this.machine.scorers + 2
        planned = plan(this, nodes_of(f"{math.ceil(cpus / 16)}x16cpu64gb"), rates)
        seconds = planned.generation_seconds
        alone = alone or seconds
        print(
            f"{workers:4d} workers, {this.machine.scorers:3d} scorers: a generation {seconds:.2f}"
            f" s, efficiency {alone / workers / seconds:.0%}, limited by {planned.limited_by}"
        )


if __name__ == "__main__":
    main()
