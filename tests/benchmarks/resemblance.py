"""How fast bodies are compared with keypoint sets, and let into niches.

    python tests/benchmarks/resemblance.py                  # made-up bodies, one core
    python tests/benchmarks/resemblance.py --device cuda    # on a GPU

16,384 bodies in 4 views each meet 3,000 keypoint sets, all of the same weights or each of its own:
first with empty niches, then a second batch with niches that are full, then one with niches that
ten batches have filled, as in later generations. Seconds are the least of some runs: of one core's
time on a CPU, of the clock on a GPU. The bare products of the same shapes, and one large product of
square matrices, are timed between these runs. At last whole generations towards 3,000 views of a
walk: bodies are bred, checked, seen, compared, let into niches that ten generations have filled.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from breeding import Batched, parents_of
from torch import Tensor

from evoskeleton.evolution.archive.niches import Niches
from evoskeleton.evolution.archive.resemblance import Targets
from evoskeleton.evolution.chance import key
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.lifting.keypoint_views import keypoints_of

BODIES, VIEWS, TARGETS, JOINTS, QUOTA = 16_384, 4, 3_000, 17, 20
CHUNKS = {"cpu": (64, 512), "cuda": (1024, 3072)}


def made_up(sets: int, views: int, seed: int) -> Tensor:
    """Keypoints (sets, views, joints, 2) px that have something in common, as bodies have."""
    chance = torch.Generator().manual_seed(seed)
    shape = torch.randn(JOINTS, 2, generator=torch.Generator().manual_seed(0))
    kind = torch.randn(6, JOINTS, 2, generator=torch.Generator().manual_seed(1))
    part = torch.randn(sets, views, 6, generator=chance)
    noise = torch.randn(sets, views, JOINTS, 2, generator=chance)
    return 500.0 + 100.0 * shape + 60.0 * torch.einsum("svk,kjc->svjc", part, kind) + 20.0 * noise


def weights(alike: bool) -> Tensor:
    """Of all joints, or confidences with a fifth of the joints unknown."""
    if alike:
        return torch.ones(TARGETS, JOINTS)
    drawn = torch.rand(TARGETS, JOINTS, generator=torch.Generator().manual_seed(2))
    return torch.where(drawn < 0.2, 0.0, drawn)


def bare_products(alike: bool, device: str) -> Callable[[], None]:
    """The matrix products alone, in chunks of the same shapes."""
    bodies, width = CHUNKS[device]
    rows = torch.randn(bodies * VIEWS, 2 * JOINTS, device=device)
    columns = torch.randn(2 * JOINTS, width, device=device)
    parts = [(rows, columns)]
    if not alike:
        parts += [(rows[:, :JOINTS].contiguous(), columns[:JOINTS].contiguous())] * 3
    rooms = [torch.empty(len(rows), width, device=device) for _ in parts]

    def run() -> None:
        for _ in range(BODIES // bodies * (-(-TARGETS // width))):
            for (left, right), room in zip(parts, rooms, strict=True):
                torch.mm(left, right, out=room)

    return run


def least_seconds(runs: list[Callable[[], object]], device: str, rounds: int) -> list[float]:
    """Of every run, taken in turn; other processes do not count on a CPU."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    times = np.full((rounds + 1, len(runs)), np.inf)
    for turn in range(rounds + 1):
        for place, run in enumerate(runs):
            start = clock()
            run()
            if device == "cuda":
                torch.cuda.synchronize()
            times[turn, place] = clock() - start
    return [float(seconds) for seconds in times[1:].min(0)]


def square(device: str) -> Callable[[], None]:
    """A product of two matrices of 1,024 x 1,024."""
    left, right = torch.randn(2, 1024, 1024, device=device)
    room = torch.empty_like(left)

    def run() -> None:
        torch.mm(left, right, out=room)

    return run


def filled(targets: Targets, batches: list[Tensor]) -> Niches:
    """Niches that these batches have been let into."""
    niches = Niches.empty(TARGETS, QUOTA)
    for number, batch in enumerate(batches):
        seen = targets.seen(batch, torch.from_numpy(niches.worst()), QUOTA)
        niches, _ = niches.insert(np.arange(BODIES) + number * BODIES, seen)
    return niches


def compare(alike: bool, device: str, rounds: int) -> None:
    """Batches beside the bare products, and an insertion."""
    targets = Targets(made_up(TARGETS, 1, 3)[:, 0], weights(alike)).to(device)
    first, second = (made_up(BODIES, VIEWS, seed).to(device) for seed in (4, 5))
    others = [made_up(BODIES, VIEWS, seed).to(device) for seed in range(6, 15)]
    full = filled(targets, [first])
    stages = {
        "empty niches": (first, Niches.empty(TARGETS, QUOTA)),
        "full ones": (second, full),
        "full ones after ten batches": (second, filled(targets, [first, *others])),
    }
    found = {
        name: targets.seen(batch, torch.from_numpy(niches.worst()), QUOTA)
        for name, (batch, niches) in stages.items()
    }
    insert = partial(full.insert, np.arange(BODIES) + BODIES, found["full ones"])
    runs = [
        partial(targets.seen, batch, torch.from_numpy(niches.worst()), QUOTA)
        for batch, niches in stages.values()
    ]
    plain, large, insertion, *seconds = least_seconds(
        [bare_products(alike, device), square(device), insert, *runs], device, rounds
    )
    work = 2.0 * BODIES * VIEWS * TARGETS * JOINTS * (2 if alike else 5)
    print(
        f"{'same weights' if alike else 'own weights'}, {BODIES} x {VIEWS} against {TARGETS} on"
        f" {device}: products {plain:.3f} s ({work / plain / 1e9:.0f} GFlop/s; square ones"
        f" {2 * 1024**3 / large / 1e9:.0f}); insertion {insertion:.3f} s"
    )
    for (name, sightings), taken in zip(found.items(), seconds, strict=True):
        hits = len(sightings.hit_body)
        print(f"  {name}: {taken:.3f} s, {plain / taken:.0%} of the products' rate, {hits} hits")


class Generation:
    """Bodies bred towards views of poses, on one core and a device that compares."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.bred = Batched(parents_of(Path("made up")))
        poses = self.bred.offspring(99)
        chosen = poses.joints[:TARGETS], poses.population.ids[:TARGETS]
        views = keypoints_of(*chosen, 1, ViewSettings(), key(2))[:, 0]
        self.targets = Targets(views, torch.ones(TARGETS, JOINTS)).to(device)
        self.niches = Niches.empty(TARGETS, QUOTA)

    def seen(self, number: int) -> Tensor:
        """Keypoints of all that is bred in one generation."""
        bodies = self.bred.offspring(number)
        self.ids = bodies.population.ids
        return keypoints_of(bodies.joints, self.ids, VIEWS, ViewSettings(), key(1)).to(self.device)

    def run(self, number: int) -> None:
        """One generation; what comes of it stands in the niches."""
        seen = self.seen(number)
        found = self.targets.seen(seen, torch.from_numpy(self.niches.worst()), QUOTA)
        self.niches, _ = self.niches.insert(self.ids.numpy(), found)


def whole_generations(device: str, rounds: int) -> None:
    """The share of the comparisons, and of the bare products, in whole generations."""
    generation = Generation(device)
    for number in range(10):
        generation.run(number)
    later = iter(range(10, 11 + rounds))
    seen, bar = generation.seen(10), torch.from_numpy(generation.niches.worst())
    compared = partial(generation.targets.seen, seen, bar, QUOTA)
    runs = [bare_products(True, device), compared, lambda: generation.run(next(later))]
    plain, comparing, whole = least_seconds(runs, device, rounds)
    print(
        f"a generation of {BODIES}: {whole:.3f} s, comparing {comparing / whole:.0%} of it, "
        f"products {plain / whole:.0%}"
    )


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=sorted(CHUNKS))
    parser.add_argument("--rounds", type=int, default=5, help="runs of which the least counts")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for alike in (True, False):
        compare(alike, options.device, options.rounds)
    whole_generations(options.device, options.rounds)


if __name__ == "__main__":
    main()
