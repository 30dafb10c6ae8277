"""How fast bodies are compared and chosen: fronts, neighbours, archive.

    python tests/benchmarks/selection.py                  # made-up bodies, one core
    python tests/benchmarks/selection.py --device cuda    # neighbours on a GPU
    python tests/benchmarks/selection.py --ribs           # beside pyribs, if it is installed

Seconds are medians of three runs: of one core's time on a CPU, of the clock on a GPU. The rate of
a plain matrix product is measured in the same run: for the shape that neighbours need, bodies x
numbers x references, and for a square of 4,096.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from evoskeleton.evolution import chance
from evoskeleton.evolution.archive.archive import Archive, ArchiveSettings
from evoskeleton.evolution.archive.descriptor import PoseDescriptor, fit_descriptor
from evoskeleton.evolution.archive.novelty import novelty
from evoskeleton.evolution.hierarchy import REST, Genomes
from evoskeleton.evolution.rotations import about_axis, normalize
from evoskeleton.evolution.selection.pareto import nsga2

BODIES, ARCHIVE, NEIGHBOURS = 16_384, 20_000, 15


def made_up_bodies(count: int, seed: int) -> Genomes:
    """Limbs scattered around their rest directions, trunks that bend, bodies that lean."""
    slots = torch.arange(count)
    numbers = chance.normal(chance.key(seed), slots, 3 * 9 + 8).T
    spread = 0.4 * numbers[:27].reshape(3, 9, count)
    limbs = normalize(torch.tensor(REST.T.copy(), dtype=torch.float32)[:, :, None] + spread)
    axes = normalize(torch.stack([numbers[27:30], numbers[30:33]], dim=1))
    trunk = about_axis(axes[:, 0], 0.3 * numbers[33])
    pelvis = about_axis(axes[:, 1], 0.4 * numbers[34])
    torso = torch.tensor([0.0, 0.0, 1.0])[:, None, None].repeat(1, 6, count)
    lengths = torch.full((15, count), 300.0)
    return Genomes(torch.zeros(3, count), pelvis, trunk, torso, limbs, torso[:, 0], lengths)


def median_seconds(run: Callable[[], object], device: str = "cpu") -> float:
    """Of three runs, after one to warm up; other processes do not count on a CPU."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    times = []
    for _ in range(4):
        start = clock()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(clock() - start)
    return float(np.median(times[1:]))


def time_fronts(bodies: int = 100_000) -> None:
    """NSGA-II over crowds of different shapes."""
    ids = torch.arange(bodies)
    for correlation in (-0.45, 0.0, 0.5, 0.9, 0.99):
        shape = np.full((3, 3), correlation) + (1.0 - correlation) * np.eye(3)
        points = np.random.default_rng(0).multivariate_normal(np.zeros(3), shape, bodies)
        objectives = torch.from_numpy(points)
        seconds = median_seconds(lambda crowd=objectives: nsga2(crowd, ids, bodies // 2))
        print(f"NSGA-II {bodies} x 3, correlation {correlation:5.2f}: {seconds:.3f} s", flush=True)


def time_neighbours(rows: Tensor, references: Tensor, device: str) -> None:
    """Novelty, as a share of what the products alone take."""
    rows, references = rows.to(device), references.to(device)
    columns, square = references.T.contiguous(), torch.randn(4096, 4096, device=device)
    parts, room = rows.split(1024), torch.empty(1024, len(references), device=device)
    seconds = median_seconds(lambda: novelty(rows, references, NEIGHBOURS), device)
    plain = median_seconds(lambda: [torch.mm(part, columns, out=room) for part in parts], device)
    dense = median_seconds(lambda: square @ square, device)
    work = 2.0 * len(rows) * len(references) * rows.shape[1]
    print(
        f"novelty {len(rows)} against {len(references)} on {device}: {seconds:.3f} s,"
        f" {work / seconds / 1e9:.0f} GFlop/s;"
        f" products of that shape {work / plain / 1e9:.0f} ({plain / seconds:.0%} of their rate),"
        f" square products {2.0 * 4096**3 / dense / 1e9:.0f}"
    )


def time_archive(rows: Tensor, descriptor: PoseDescriptor) -> Archive:
    """Finding the cells, and two batches of insertions."""
    settings = ArchiveSettings()
    start = time.process_time()
    archive = Archive.over(rows, descriptor, settings)
    print(f"{settings.cells} cells over {len(rows)}: {time.process_time() - start:.3f} s")
    quality = chance.uniform(chance.key(9), torch.arange(2 * BODIES))[:, 0]
    for batch in range(2):
        ids = torch.arange(BODIES) + batch * BODIES
        more = descriptor.describe(made_up_bodies(BODIES, 20 + batch))
        scores = quality[ids]
        before = archive
        seconds = median_seconds(lambda: before.add(ids, more, scores))  # noqa: B023
        archive, added = archive.add(ids, more, scores)
        print(f"added of {BODIES}: {seconds:.3f} s, {added.counts()}")
    return archive


def time_ribs(rows: Tensor, descriptor: PoseDescriptor, archive: Archive) -> None:
    """The same number of insertions into pyribs' CVTArchive, one elite a cell."""
    from ribs.archives import CVTArchive

    places = descriptor.project(rows).numpy()
    ids = np.arange(BODIES, dtype=np.float64)[:, None]
    more = descriptor.project(descriptor.describe(made_up_bodies(BODIES, 20))).numpy()
    quality = chance.uniform(chance.key(9), torch.arange(BODIES))[:, 0].double().numpy()
    ranges = [
        (float(low) - 1e5, float(high) + 1e5) for low, high in zip(*_ends(places), strict=True)
    ]
    for way in ("scipy_kd_tree", "brute_force"):

        def fill(nearest: str = way) -> None:
            cells = CVTArchive(
                solution_dim=1,
                centroids=archive.centroids,
                ranges=ranges,
                nearest_neighbors=nearest,
            )
            cells.add(ids, quality, more)

        print(f"pyribs CVTArchive, {way}: {median_seconds(fill):.3f} s")


def _ends(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return places.min(0), places.max(0)


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="where neighbours are looked for")
    parser.add_argument("--ribs", action="store_true", help="time pyribs beside the archive")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds = made_up_bodies(ARCHIVE, 1)
    descriptor = fit_descriptor(seeds, source="made-up bodies")
    references = descriptor.describe(seeds)
    rows = descriptor.describe(made_up_bodies(BODIES, 2))
    seconds = median_seconds(lambda: descriptor.describe(seeds))
    print(f"descriptors of {ARCHIVE}: {seconds:.3f} s")
    time_fronts()
    time_neighbours(rows, references, options.device)
    archive = time_archive(references, descriptor)
    if options.ribs:
        time_ribs(references, descriptor, archive)


if __name__ == "__main__":
    main()
