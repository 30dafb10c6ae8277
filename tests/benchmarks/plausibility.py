"""What physical sense costs beside the joint limits, whom it refuses, and by which parts.

    python tests/benchmarks/plausibility.py [cmu_poses.parquet]

Both checks are measured alternately in the same run, 16,384 bodies, one thread, in seconds of that
core's time, and the median of the ratios counts; the wall clock counts on a GPU. Then: the share of
real poses that pass, by training subject and firmness (the default was chosen from this table), and
the share of bodies refused that the default operators breed from CMU02 within the limits. The test
subjects take part only with --test.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import pyarrow.parquet as pq
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from conftest import SHARED_DATA

from evoskeleton.evolution.breeding import BreedingSettings, breed
from evoskeleton.evolution.hierarchy import Genomes, encode, joint_places
from evoskeleton.evolution.limits.balance import leans_deg
from evoskeleton.evolution.limits.plausibility import (
    PAIRS,
    Plausibility,
    PlausibilitySettings,
    pair_nearness,
)
from evoskeleton.evolution.limits.tables import default_limits
from evoskeleton.evolution.operators.build import template_bodies
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.toolbox import build_toolbox

BATCH = 16_384
TEST_SUBJECTS = ("CMU05", "CMU13", "CMU07", "CMU08")
FIRMNESS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 1.0)


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Poses (n, 17, 3) float32 mm and the subject of each."""
    table = pq.read_table(path, columns=["subject", "pose"])
    poses = np.asarray(table["pose"].combine_chunks().flatten(), np.float32).reshape(-1, 17, 3)
    return poses, np.asarray(table["subject"].to_pylist())


def milliseconds(run: Callable[[], torch.Tensor], device: str) -> float:
    """Of one call."""
    clock = process_time if device == "cpu" else perf_counter
    start = clock()
    run().cpu()
    return 1e3 * (clock() - start)


@torch.inference_mode()
def compare(name: str, genomes: Genomes, device: str, rounds: int) -> None:
    """Print the times of the parts and the ratio to the joint limits."""
    limits, crowd = default_limits(device), genomes.to(device)
    gate, no_lean = Plausibility(), Plausibility(PlausibilitySettings(lean_deg=None))
    places = joint_places(crowd)
    runs = {
        "joint limits": lambda: limits.margin(crowd),
        "plausibility, joints given": lambda: gate.margin_of_places(places),
        "the same without balance": lambda: no_lean.margin_of_places(places),
        "plausibility of genomes": lambda: gate.margin(crowd),
    }
    times = np.array(
        [[milliseconds(run, device) for run in runs.values()] for _ in range(rounds + 3)][3:]
    )
    print(f"{name}, {len(crowd)} bodies on {device}, median and least of {rounds} rounds")
    for label, column in zip(runs, times.T, strict=True):
        ratio = np.median(column / times[:, 0])
        print(f"  {label:28s} {np.median(column):6.2f} {column.min():6.2f} ms   ratio {ratio:.2f}")


def passing(poses: np.ndarray, subjects: np.ndarray) -> None:
    """Print the shares of real poses that pass, percent."""
    firm = "".join(f"{firmness:8.2f}" for firmness in FIRMNESS)
    print(f"real poses that pass by firmness {firm}   lean, 99 %  all checks")
    for subject in np.unique(subjects):
        own = poses[subjects == subject]
        least = pair_nearness(own).amin(0)
        shares = "".join(f"{100 * (least >= f).float().mean().item():8.2f}" for f in FIRMNESS)
        lean = leans_deg(torch.tensor(own).permute(1, 2, 0).contiguous()).quantile(0.99)
        whole = 100 * (Plausibility().margin_of_joints(own) >= 0.0).float().mean()
        print(f"  {subject:8s} {len(own):6d} poses           {shares} {lean:8.1f} {whole:11.2f}")


def bred(parents: Population) -> torch.Tensor:
    """Joints (bodies, 17, 3) mm of one generation within the joint limits."""
    settings = BreedingSettings()
    return breed(
        parents,
        seed=1,
        generation=1,
        island=0,
        offspring=BATCH,
        settings=settings,
        valid=default_limits().margin,
        toolbox=build_toolbox(settings, template_bodies(parents.genomes)),
    ).joints


def refused(joints: torch.Tensor) -> None:
    """Print the share of bodies that are refused, and the pairs of parts that refuse most."""
    settings = PlausibilitySettings()
    through = pair_nearness(joints) < settings.firmness
    leaning = leans_deg(joints.permute(1, 2, 0).contiguous()) > (settings.lean_deg or 90.0)
    whole = (Plausibility().margin_of_joints(joints) < 0.0).float().mean()
    print(f"bred from CMU02 within the limits: {len(joints)} bodies, {100 * whole:.2f} % refused")
    print(f"  {100 * through.any(0).float().mean():5.2f} % go through themselves")
    shares = through.float().mean(1)
    for place in shares.argsort(descending=True)[:12]:
        print(f"    {100 * shares[place]:5.2f} % {' through '.join(PAIRS[place])}")
    print(f"  {100 * leaning.float().mean():5.2f} % stand out of balance")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("poses", nargs="?", type=Path, default=SHARED_DATA / "cmu_poses.parquet")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--test", action="store_true", help="judge the test subjects as well")
    options = parser.parse_args()
    torch.set_num_threads(1)
    poses, subjects = read(options.poses)
    if not options.test:
        training = ~np.isin(subjects, TEST_SUBJECTS)
        poses, subjects = poses[training], subjects[training]
    children = bred(Population.seeds(encode(poses[subjects == "CMU02"])))
    order = np.random.default_rng(0).permutation(len(poses))[:BATCH]
    for device in ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]:
        compare("bred bodies", encode(children), device, options.rounds)
        compare("real bodies", encode(poses[order]), device, options.rounds)
    passing(poses, subjects)
    refused(children)


if __name__ == "__main__":
    main()
