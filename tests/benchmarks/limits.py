"""How joint limits treat people they were not fitted on, beside simpler designs, and how fast.

    python tests/benchmarks/limits.py ../shared/data/cmu_poses.parquet  # the shipped table
    python tests/benchmarks/limits.py ../shared/data/cmu_poses.parquet --ranges CMU02
    python tests/benchmarks/limits.py ../shared/data/cmu_poses.parquet --designs

The second has limits out of one subject's poses and published ranges of motion: of all of them, of
35, and of none. The third takes minutes: it leaves out one training subject at a time and compares
designs; the defaults of `LimitSettings` come from it. The test subjects take no part in it.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.limits.ranges_of_motion import fit_with_ranges, published_limits
from evoskeleton.evolution.limits.tables import (
    Limits,
    LimitSettings,
    default_limits,
    fit_tables,
    judge,
)

TEST_SUBJECTS = ("CMU05", "CMU13", "CMU07", "CMU08")
COARSE = {"body_grid": 65, "parent_grid": 15, "child_grid": 31}
NO_HINGE = {"forearm_straight_deg": 180, "shank_straight_deg": 180}


def nearest_sample(radius: float) -> dict[str, float]:
    """Plain dilation: everything within one radius of a real direction, parents counted in full."""
    limbs = ("head", "upper_arm", "thigh", "forearm", "shank")
    return {f"{limb}_radius_deg": radius for limb in limbs} | {"stretch": 1.0} | NO_HINGE


DESIGNS: dict[str, dict[str, float]] = {
    "defaults": {},
    "nearest sample, 12 degrees": nearest_sample(12.0),
    "nearest sample, 20 degrees": nearest_sample(20.0),
    "stretched product without hinge": dict(NO_HINGE),
    "hinge alike for all parents": {"hinge_width_deg": 1000.0},
}


def read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Poses (n, 17, 3) float32 mm and the subject of each."""
    table = pq.read_table(path, columns=["subject", "pose"])
    poses = np.asarray(table["pose"].combine_chunks().flatten(), np.float32).reshape(-1, 17, 3)
    return poses, np.asarray(table["subject"].to_pylist())


def judged(name: str, limits: Limits, poses: np.ndarray) -> tuple[float, ...]:
    """Print and return the judgement of one subject."""
    found = judge(limits, encode(poses))
    print(
        f"  {name:8s} {len(poses):6d} poses  accepted {found.accepted:6.2f} %  backward elbows"
        f" rejected {found.elbows:6.2f} %  knees {found.knees:6.2f} %"
    )
    return tuple(found)


def compare_designs(poses: np.ndarray, subjects: np.ndarray) -> None:
    """Leave out one training subject at a time, for every design."""
    training = ~np.isin(subjects, TEST_SUBJECTS)
    for name, settings in DESIGNS.items():
        print(f"{name}: {settings or 'LimitSettings()'}")
        rows = []
        for subject in np.unique(subjects[training]):
            others = poses[training & (subjects != subject)]
            limits = fit_tables(others, LimitSettings.parse(COARSE | settings))
            rows.append(judged(subject, limits, poses[subjects == subject]))
        mean, least = np.nanmean(rows, axis=0), np.nanmin(rows, axis=0)
        print(f"  mean     {mean.round(2)}\n  least    {least.round(2)}", flush=True)


def judge_ranges(poses: np.ndarray, subjects: np.ndarray, seed: str) -> None:
    """Everybody but the seed, by limits of the seed's poses and published ranges of motion."""
    own = poses[subjects == seed]
    few = own[np.random.default_rng(0).choice(len(own), 35, replace=False)]
    for name, limits in (
        (f"all of {seed}", fit_with_ranges(own)),
        (f"35 poses of {seed}", fit_with_ranges(few)),
        (f"35 poses of {seed}, no ranges", fit_tables(few)),
        ("no poses", published_limits()),
    ):
        print(name)
        for subject in np.unique(subjects[subjects != seed]):
            judged(subject, limits, poses[subjects == subject])


def time_look_ups(poses: np.ndarray, bodies: int = 16_384) -> None:
    """Milliseconds of one look-up of all nine limbs, one thread."""
    torch.set_num_threads(1)
    order = torch.randperm(len(poses), generator=torch.Generator().manual_seed(0))
    genomes = encode(poses).take(order[:bodies])
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    for device in devices:
        limits, crowd = default_limits(device), genomes.to(device)
        times = []
        for _ in range(40):
            start = time.perf_counter()
            limits.margin(crowd).cpu()
            times.append(time.perf_counter() - start)
        print(f"{len(crowd)} bodies on {device}: {1e3 * np.median(times[5:]):.2f} ms (median)")


def main() -> None:
    """Judge the shipped table, or compare designs, then time the look-ups."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("poses", type=Path, help="Parquet file with columns subject and pose")
    parser.add_argument("--designs", action="store_true", help="compare designs by leaving out")
    parser.add_argument("--ranges", metavar="SUBJECT", help="limits of a subject and the ranges")
    options = parser.parse_args()
    poses, subjects = read(options.poses)
    if options.designs:
        compare_designs(poses, subjects)
    elif options.ranges:
        judge_ranges(poses, subjects, options.ranges)
    else:
        print(default_limits().provenance)
        for subject in np.unique(subjects):
            judged(subject, default_limits(), poses[subjects == subject])
    time_look_ups(poses)


if __name__ == "__main__":
    main()
