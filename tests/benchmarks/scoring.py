"""One generation of 16,384 bodies: how its time is split, and how near scoring comes to plain
matrix products.

    python tests/benchmarks/scoring.py [cmu_poses.parquet] [--threads 2]

Two lifters of width 1,024 and 2 blocks, 4 views, an archive of 20,000 bodies, float32. The steps of
a generation are called one after the other in one process, as the actors of a campaign call them:
breed and check, score, novelty, select, archive, renew, commit. `products` is the time that the
multiplications of the lifters' layers would take at the rate of plain matrix products of a layer's
size, measured before and after in the same run. Without a file the parents are the made-up walker
of the tests.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from breeding import parents_of
from conftest import SHARED_DATA

from evoskeleton.evolution.archive.archive import ArchiveSettings
from evoskeleton.evolution.archive.descriptor import DescriptorSettings
from evoskeleton.evolution.breeding import BreedingSettings
from evoskeleton.evolution.limits.tables import default_limits
from evoskeleton.evolution.operators.build import template_bodies
from evoskeleton.evolution.population import Population, ids
from evoskeleton.evolution.toolbox import build_toolbox
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.cascade import Cascade, CascadeSettings
from evoskeleton.lifting.normalization import Normalization
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.search.campaign.admission import admit, found, references
from evoskeleton.platform.search.workers.islands import Island, IslandSettings
from evoskeleton.platform.search.workers.scorers import Champion, Scorable, Scorer

BODIES, ARCHIVED, VIEWS, LIFTERS, WIDTH = 16_384, 20_000, 4, 2, 1024
ROWS = 4096


class Clock:
    """Seconds by name of a step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def run(self, name: str, step: Callable[[], Any]) -> Any:
        """Call a step and keep how long it took."""
        started = perf_counter()
        result = step()
        self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - started
        return result


def lifter() -> Lifter:
    """Of the reference size, with random weights."""
    settings = CascadeSettings.parse({"width": WIDTH, "blocks": 2, "stages": 1, "dropout": 0.0})
    keypoints = torch.rand(64, 17, 2) * 1000.0
    joints = torch.randn(64, 17, 3) * 300.0
    return Lifter(Cascade(settings, 1), Normalization.measure("per_pose", keypoints, joints))


def multiplications(one: Lifter) -> int:
    """Of a pose in a view."""
    layers = [part for part in one.cascade.modules() if isinstance(part, torch.nn.Linear)]
    return sum(layer.weight.numel() for layer in layers)


def product_rate(device: str) -> float:
    """Multiplications a second of plain products of a layer's size."""
    left, right = (torch.randn(size, WIDTH, device=device) for size in (ROWS, WIDTH))
    times = []
    for _ in range(12):
        started = perf_counter()
        left @ right
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(perf_counter() - started)
    return ROWS * WIDTH * WIDTH / median(times[2:])


def generations(file: Path, threads: int, device: str) -> Iterator[tuple[Clock, float]]:
    """The split of one generation after another, and the rate of products beside it."""
    parents = parents_of(file).scored(torch.ones(4096))
    breeding = BreedingSettings()
    settings = IslandSettings.parse(
        {"offspring": BODIES, "population": 4096, "objectives": [["error", "novelty", "margin"]]}
    )
    limits = default_limits()
    cells = ArchiveSettings(cells=1000, quota=40)
    archive = found(parents, cells, DescriptorSettings(), breeding, limits, 1)
    toolbox = build_toolbox(breeding, template_bodies(parents.genomes))
    island = Island(settings, limits, toolbox, 1, archive.descriptor)
    filled = fill(island, parents, archive)
    scorer = Scorer(1, VIEWS, device, threads)
    one = lifter()
    champion = Champion.of([one] * LIFTERS)
    with tempfile.TemporaryDirectory() as folder:
        table = PoseTable.create(str(Path(folder) / "poses"))
        scorer.score(Scorable(np.zeros((1024, 17, 3), np.float32)), champion)
        for number in range(4):
            rate = product_rate(device)
            clock = Clock()
            run(clock, number, island, parents, filled, scorer, champion, table)
            rate = (rate + product_rate(device)) / 2
            products = BODIES * VIEWS * LIFTERS * multiplications(one) / rate
            yield clock, products


def fill(island: Island, parents: Population, archive: Any) -> Any:
    """The archive with 20,000 bodies."""
    generation = 1
    while len(archive) < ARCHIVED:
        offspring, bodies = island.breed(parents, generation, 1)
        chance = (
            np.random.default_rng(generation).random(len(offspring.population)).astype(np.float32)
        )
        names = ids(generation, 1, torch.arange(len(chance))).numpy()
        room = ARCHIVED - len(archive)
        archive, _ = archive.add(
            names[:room], torch.from_numpy(bodies.measures[:room]), chance[:room]
        )
        generation += 1
    return archive


def run(
    clock: Clock,
    number: int,
    island: Island,
    parents: Population,
    archive: Any,
    scorer: Scorer,
    champion: Champion,
    table: PoseTable,
) -> None:
    """One generation, step by step."""
    generation = 100 + number
    offspring, bodies, _ = clock.run(
        "breed and check", lambda: island.breed(parents, generation, 0)
    )
    scores = clock.run("score", lambda: scorer.score(bodies, champion))
    known = clock.run("novelty", lambda: references(archive, 15))
    novelty = clock.run("novelty", lambda: scorer.novelty(bodies, known))
    scores = replace(scores, novelty=novelty)
    everyone, kept = clock.run(
        "select", lambda: island.select(parents, None, offspring, bodies, scores, generation, 0)
    )
    _, rows, _ = clock.run("archive", lambda: admit(archive, kept.rows, kept.measures))
    clock.run("renew", lambda: island.renew(everyone, rows.id, generation, 0))
    rows = rows.with_columns(generation=np.full(len(rows), number, np.int32))
    clock.run("commit", lambda: table.commit("speed", number, rows))


def main() -> None:
    """Print the split."""
    parser = argparse.ArgumentParser()
    file = SHARED_DATA / "cmu_poses.parquet" if SHARED_DATA else Path("none")
    parser.add_argument("file", nargs="?", type=Path, default=file)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    found_ = list(generations(arguments.file, arguments.threads, device))[1:]
    whole = median(sum(clock.seconds.values()) for clock, _ in found_)
    products = median(products for _, products in found_)
    score = median(clock.seconds["score"] for clock, _ in found_)
    print(f"{device}, {arguments.threads} threads, {BODIES:,} bodies: {whole:.2f} s a generation")
    for name in found_[0][0].seconds:
        seconds = median(clock.seconds[name] for clock, _ in found_)
        print(f"  {name:16} {seconds:7.3f} s  {seconds / whole:6.1%}")
    print(f"  products of the lifters' layers {products:.2f} s: {products / whole:.1%} of all")
    print(f"scoring runs at {products / score:.1%} of the rate of plain matrix products")


if __name__ == "__main__":
    main()
