"""Faults of random kinds on three hosts made of namespaces; the table is compared at the end.

    sudo python tests/benchmarks/faults.py [--faults 100] [--seed 1] [--minutes 60] [--by-ray-train]

Told are the longest time between two generations around each fault, and at the end the median and
the worst by kind; then the same campaign is bred undisturbed, and rows that differ are an error.
So is a campaign that stands still for EVOSKELETON_PATIENCE_SECONDS, 300; what came until then is
compared all the same. Hosts, Ray and campaign are those of `tests/platform/search/test_faults.py`.
"""

import argparse
import math
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import hosts
import tiny_campaign
from faults import BY_RAY_TRAIN, KINDS, befall
from scheduled import Scheduler


def disturbed(folder: Path, asked: argparse.Namespace) -> tuple[int, bool]:
    """A campaign to which all of it happens; its last generation, and whether it went on."""
    with hosts.running(3, folder) as there:
        scheduler = Scheduler(there, folder, tiny_campaign.settings_file(folder))
        scheduler.start(trainer_cpus=0.5, always_ray_train=str(asked.by_ray_train).lower())
        try:
            befallen(scheduler, asked)
            return scheduler.ended(), True
        except AssertionError as error:
            print(error, flush=True)
    return tiny_campaign.generation_of(folder), False


def befallen(scheduler: Scheduler, asked: argparse.Namespace) -> None:
    """All the faults, and what they cost by kind."""
    draw, pauses = random.Random(asked.seed), defaultdict(list)
    kinds = list(KINDS | BY_RAY_TRAIN if asked.by_ray_train else KINDS)
    if asked.by_ray_train:
        kinds.remove("a trainer")
    ends = time.monotonic() + 60.0 * asked.minutes
    try:
        for number in range(1, asked.faults + 1):
            if time.monotonic() > ends:
                break
            pause = befall(scheduler, draw.choice(kinds), draw)
            pauses[pause.kind].append(pause.seconds)
            print(f"{number:4d} {pause.kind}: {pause.seconds:.1f} s, {pause.runs} runs", flush=True)
    finally:
        for kind, seconds in sorted(pauses.items()):
            median, worst = np.median(seconds), max(seconds)
            print(f"{kind}: {len(seconds)} times, {median:.1f} s, worst {worst:.1f}", flush=True)


def main() -> None:
    """Disturbed and undisturbed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=math.inf, help="after which none is begun")
    parser.add_argument("--by-ray-train", action="store_true")
    asked = parser.parse_args()
    if (reason := hosts.why_not()) is not None:
        parser.error(reason)
    with tempfile.TemporaryDirectory() as place:
        first, second = Path(place, "disturbed"), Path(place, "undisturbed")
        first.mkdir()
        second.mkdir()
        end, went_on = disturbed(first, asked)
        settings = tiny_campaign.settings_file(second, end)
        words = ["campaign", "run", str(settings), "--set", "machine.workers=1"]
        subprocess.run(
            [sys.executable, "-m", "evoskeleton.cli", *words], check=True, stderr=subprocess.DEVNULL
        )
        left, right = tiny_campaign.rows_of(first), tiny_campaign.rows_of(second)
        differ = [name for name in left if not np.array_equal(left[name], right[name])]
        print(f"{end} generations, {len(left['id'])} rows: {differ or 'the same'}")
        raise SystemExit(bool(differ) or not went_on)


if __name__ == "__main__":
    main()
