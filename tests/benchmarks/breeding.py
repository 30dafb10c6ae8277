"""Offspring a second on one core: the batched operators against their scalar twins.

    python tests/benchmarks/breeding.py [cmu_poses.parquet]

Both sides breed with every operator, draw their own numbers, check the joint limits, rebuild the
joints and ground them. They are measured alternately, one thread each, in seconds of that core's
time, and the median of the ratios counts. Without a file the parents are the made-up walker of the
tests.

What limits it: memory traffic. No part does much arithmetic; every operation streams a few hundred
kilobytes through the cache, and smaller batches pay more for the calls themselves.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from deap import base

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import twins
from conftest import SHARED_DATA, walking_figure

from evoskeleton.evolution import chance
from evoskeleton.evolution.breeding import CHUNK, BreedingSettings, Offspring, breed
from evoskeleton.evolution.hierarchy import Genomes, encode
from evoskeleton.evolution.limits.tables import default_limits
from evoskeleton.evolution.operators.build import template_bodies
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.toolbox import build_toolbox

BATCH = 16_384
SETTINGS = BreedingSettings(attempts=1)


def parents_of(file: Path) -> Population:
    """4,096 real bodies, or the walker where there is no file."""
    if not file.exists():
        return Population.seeds(encode(walking_figure(4096)))
    column = pq.read_table(file, columns=["pose"])["pose"].combine_chunks()
    poses = np.asarray(column.flatten(), np.float32).reshape(-1, 17, 3)
    return Population.seeds(encode(poses[:: len(poses) // 4096][:4096].copy()))


class Batched:
    """A generation of 16,384 at a time."""

    def __init__(self, parents: Population) -> None:
        self.parents = parents
        self.limits = default_limits()
        self.toolbox = build_toolbox(SETTINGS, template_bodies(parents.genomes))

    def margin(self, bodies: Genomes) -> torch.Tensor:
        """Degrees within the limits of limbs and trunk."""
        return SETTINGS.margin(self.limits, bodies)

    def breed(self, generation: int, toolbox: Any = None, valid: Any = None) -> int:
        """Offspring bred; those within the limits are rebuilt and grounded."""
        return self.offspring(generation, toolbox, valid).tried

    def offspring(self, generation: int, toolbox: Any = None, valid: Any = None) -> Offspring:
        """A generation."""
        return breed(
            self.parents,
            seed=1,
            generation=generation,
            island=0,
            offspring=BATCH,
            settings=SETTINGS,
            valid=valid or self.margin,
            toolbox=toolbox or self.toolbox,
        )


class Scalar:
    """The twin: one child at a time."""

    def __init__(self, parents: Population) -> None:
        self.bodies = twins.bodies_of(parents.genomes)
        self.limits = twins.TwinLimits(default_limits())
        self.templates = template_bodies(parents.genomes).lengths.T.double().tolist()

    def breed(self, generation: int, count: int) -> int:
        """The same steps for `count` children of neighbouring parents."""
        for slot in range(count):
            mother, father = self.bodies[slot % len(self.bodies)], self.bodies[-slot - 1]
            draws = twins.TwinDraws(1, generation, 0, 0, slot)
            twins.breed_one(mother, father, draws, slot, SETTINGS, self.templates, self.limits)
        return count


def rate(run: Callable[[], int]) -> float:
    """What `run` counts, a second."""
    start = process_time()
    return run() / (process_time() - start)


def parts(batched: Batched, rounds: int) -> dict[str, float]:
    """Milliseconds of a batch by part, the least of some rounds."""
    best: dict[str, float] = {}
    for generation in range(rounds):
        spent: dict[str, float] = defaultdict(float)
        toolbox = base.Toolbox()
        for name in ("mirror", "mate", "mutate", "tumble", "ground"):
            toolbox.register(name, _timed(getattr(batched.toolbox, name), name, spent))
        start = process_time()
        batched.breed(generation, toolbox, _timed(batched.margin, "check limits", spent))
        spent["gather parents and results"] = process_time() - start - sum(spent.values())
        best = {name: min(1e3 * time, best.get(name, 1e9)) for name, time in spent.items()}
    return best


def _timed(function: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    def timed(*arguments: Any, **named: Any) -> Any:
        start = process_time()
        result = function(*arguments, **named)
        spent[name] += process_time() - start
        return result

    return timed


def draws_ms() -> float:
    """Milliseconds that all draws of a batch take."""
    draws = chance.Draws(1, 1, 0, slots=torch.arange(CHUNK))
    wanted = ((9, 9), (3, 1), (3, 1), (3, 10), (0, 1), (2, 0))

    def all_draws() -> int:
        for uniforms, normals in wanted:
            draws.numbers("benchmark", uniforms, normals)
        return CHUNK

    return 1e3 * BATCH / max(rate(all_draws) for _ in range(20))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Offspring a second on one core.")
    parser.add_argument("poses", nargs="?", type=Path, default=SHARED_DATA / "cmu_poses.parquet")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    parents = parents_of(options.poses)
    batched, scalar = Batched(parents), Scalar(parents)
    batched.breed(0), scalar.breed(0, 100)
    fast, slow = [], []
    for generation in range(1, options.rounds + 1):
        slow.append(rate(lambda g=generation: scalar.breed(g, 200)))
        fast.append(rate(lambda g=generation: batched.breed(g)))
    ratio = np.median(np.array(fast) / np.array(slow))
    print(f"parents          {len(parents)} bodies, batch {BATCH}, one thread, median of rounds")
    print(f"batched          {np.median(fast):10,.0f} offspring/s   (best {max(fast):,.0f})")
    print(f"scalar twin      {np.median(slow):10,.0f} offspring/s   (best {max(slow):,.0f})")
    print(f"ratio            {ratio:10,.0f}")
    for name, milliseconds in parts(batched, options.rounds).items():
        print(f"{name:28s} {milliseconds:6.2f} ms a batch")
    print(f"{'of all this, random numbers':28s} {draws_ms():6.2f} ms a batch")


if __name__ == "__main__":
    main()
