"""Fitted bodies beside the lifter alone: P-MPJPE, reprojection, and time, on one core.

    evoskeleton train --poses "{kind: parquet, path: ../shared/data/cmu_poses.parquet,
        exclude_subjects: [CMU05, CMU13, CMU07, CMU08]}" --output /tmp/lifter
    python tests/benchmarks/pose_fit.py ../shared/data/cmu_poses.parquet --model /tmp/lifter

Every pose is seen by each of the four fixed views. The defaults of `PoseFitSettings` were chosen on
CMU02, CMU35, CMU06 and CMU12, with a lifter that had not seen these four. The test subjects took no
part in it, but that a first look at their reprojection led to `noise_px` 3 in place of 4 and
`outlier` 10 in place of 6, both chosen on training subjects, where P-MPJPE stayed the same.
`--noise-px` spoils the keypoints, and the fit is then told twice as much.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.limits.tables import default_limits
from evoskeleton.lifting.bundle import Lifter, load_bundle
from evoskeleton.lifting.cameras import FIXED_VIEWS, fixed_views, project, world_to_camera
from evoskeleton.lifting.metrics import mpjpe, p_mpjpe
from evoskeleton.lifting.model_fit.pose_fit import PoseFitSettings, fit_poses
from evoskeleton.lifting.pinhole import Intrinsics

TEST_SUBJECTS = ("CMU05", "CMU13", "CMU07", "CMU08")
_SINGLES = 40


def read(path: Path, subject: str, count: int) -> np.ndarray:
    """(count, 17, 3) float32 world mm, evenly spread over a subject's poses."""
    table = pq.read_table(path, columns=["pose"], filters=[("subject", "=", subject)])
    poses = np.asarray(table["pose"].combine_chunks().flatten(), np.float32).reshape(-1, 17, 3)
    return poses[np.linspace(0, len(poses) - 1, min(count, len(poses))).astype(int)]


class Views:
    """Poses in all fixed views: (n * 4) keypoints px, joints camera mm, intrinsics."""

    def __init__(self, poses: np.ndarray, noise_px: float) -> None:
        joints = torch.from_numpy(poses)
        cameras = fixed_views(joints[:, 0])
        self.joints = world_to_camera(joints.repeat_interleave(len(FIXED_VIEWS), 0), cameras)
        noise = np.random.default_rng(1).normal(size=(*self.joints.shape[:2], 2))
        clean = project(self.joints, cameras).numpy()
        self.keypoints = (clean + noise_px * noise).astype(np.float32)
        self.intrinsics = Intrinsics.of_cameras(cameras)


def measure(name: str, lifter: Lifter, views: Views, settings: PoseFitSettings) -> np.ndarray:
    """Print one subject; P-MPJPE (2, n * 4) mm of the lifter and of the fit."""
    began = time.process_time()
    fitted = fit_poses(lifter, views.keypoints, None, views.intrinsics, settings)
    spent = (time.process_time() - began) / len(views.keypoints)
    truth = views.joints.numpy()
    lifted = lifter.lift(views.keypoints)
    best, second = fitted.joints.swapaxes(0, 1)
    errors = np.stack([p_mpjpe(lifted, truth), p_mpjpe(best, truth)])
    there = np.isfinite(fitted.costs[:, 1])
    either = errors[1].copy()
    either[there] = np.minimum(either[there], p_mpjpe(second[there], truth[there]))
    px = np.quantile(fitted.reprojection_px[:, 0], (0.5, 0.95, 0.99, 1.0))
    px_second = np.median(fitted.reprojection_px[there, 1])
    centred = [joints - joints[:, :1] for joints in (lifted, best, truth)]
    margin = default_limits().margin(encode(best)).min()
    print(
        f"{name}: {len(truth)} views  P-MPJPE lifter {errors[0].mean():.1f} mm, fit"
        f" {errors[1].mean():.1f} mm, better of its two {either.mean():.1f} mm;"
        f" fit worse by 5 mm in {100 * (errors[1] > errors[0] + 5.0).mean():.1f} %,"
        f" better by 5 mm in {100 * (errors[1] < errors[0] - 5.0).mean():.1f} %\n"
        f"  MPJPE lifter {mpjpe(centred[0], centred[2]).mean():.1f} mm, fit"
        f" {mpjpe(centred[1], centred[2]).mean():.1f} mm\n"
        f"  reprojection px: median {px[0]:.2f}, 95 % {px[1]:.2f}, 99 % {px[2]:.2f}, most"
        f" {px[3]:.2f}, median of the second answer {px_second:.2f}\n"
        f"  two answers {100 * there.mean():.1f} %, converged"
        f" {100 * fitted.converged[:, 0].mean():.1f} %, least joint-limit margin {margin:.1f} deg,"
        f" {1000 * spent:.0f} ms a pose in batches"
    )
    return errors


def time_singles(lifter: Lifter, views: Views, settings: PoseFitSettings) -> None:
    """Print how long one pose takes that comes alone."""
    spent = []
    for row in range(min(_SINGLES, len(views.keypoints))):
        known = views.intrinsics.rows(row, row + 1)
        began = time.process_time()
        fit_poses(lifter, views.keypoints[row : row + 1], None, known, settings)
        spent.append(1000 * (time.process_time() - began))
    low, middle, high = np.quantile(spent, (0.1, 0.5, 0.9))
    print(f"one pose alone: {middle:.0f} ms of one core (10 % to 90 %: {low:.0f} to {high:.0f})")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path, help="cmu_poses.parquet")
    parser.add_argument("--model", type=Path, required=True, help="folder of a lifter's bundle")
    parser.add_argument("--subjects", nargs="+", default=TEST_SUBJECTS)
    parser.add_argument("--poses", type=int, default=200, help="of each subject")
    parser.add_argument("--noise-px", type=float, default=0.0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    changes = {"noise_px": 2.0 * arguments.noise_px} if arguments.noise_px else {}
    settings = PoseFitSettings.parse(changes)
    lifter = load_bundle(arguments.model)
    every = []
    for subject in arguments.subjects:
        views = Views(read(arguments.file, subject, arguments.poses), arguments.noise_px)
        every.append(measure(subject, lifter, views, settings))
    lifted, fitted = np.mean([errors.mean(1) for errors in every], axis=0)
    print(f"mean of the subjects: P-MPJPE lifter {lifted:.1f} mm, fit {fitted:.1f} mm")
    time_singles(lifter, views, settings)


if __name__ == "__main__":
    main()
