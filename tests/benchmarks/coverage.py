"""What the error radii of a bundle hold: on validation poses, on test subjects, on real video.

    python tests/benchmarks/coverage.py BUNDLE --validation SOURCE --test SOURCE [--wheel WHEEL]

The radii are made anew from the validation poses, which the lifter was not trained on, and their
coverage is measured on held-out blocks and held-out clips of those, on test subjects, and on the
videos of the pose2sim 0.10.49 wheel (`pip download --no-deps pose2sim==0.10.49`). There the truth
is a triangulation, see `photo_to_3d.py`, and the noise is the detector's own. Nothing is tuned on
test subjects or videos: their coverage is what it is.

CMU poses: --validation '{kind: parquet, path: cmu_poses.parquet, subjects: [CMU02]}' for a lifter
that was not trained on CMU02, and subjects [CMU05, CMU07, CMU08, CMU13] for the test.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.bundle import Lifter, load_bundle
from evoskeleton.lifting.conformal import RadiusSettings, calibrate, coverage, draw_errors
from evoskeleton.lifting.error_radii import CalibratedRadii
from evoskeleton.platform.data.sources.load import load, settings_from_text

sys.path.insert(0, str(Path(__file__).parent))
from photo_to_3d import answers, lifted, watch  # noqa: E402


def on_video(lifter: Lifter, radii: CalibratedRadii, wheel: Path, every: int) -> np.ndarray:
    """(17,) share of the joints of all cameras that lie within the radii; NaN for none."""
    within, count = np.zeros(len(JOINT_NAMES)), np.zeros(len(JOINT_NAMES))
    scene = watch(wheel, every)
    for answer in answers(scene, lifted(scene, lifter)):
        distance = np.linalg.norm(answer.joints - answer.truth, axis=1)
        within[answer.kept] += distance <= radii.of(answer.known[None])[0, answer.kept]
        count[answer.kept] += 1
    return np.divide(within, count, out=np.full(len(count), np.nan), where=count > 0)


def main() -> None:
    """Print the radii and their coverage by joint."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder of a lifter bundle")
    parser.add_argument("--validation", required=True, help="poses to calibrate on")
    parser.add_argument("--test", help="poses of test subjects")
    parser.add_argument("--wheel", type=Path, help="the pose2sim wheel")
    parser.add_argument("--every", type=int, default=5, help="take every n-th frame of the videos")
    options = parser.parse_args()
    lifter, settings = load_bundle(options.model), RadiusSettings.parse({})
    poses = load(settings_from_text(options.validation)).ordered()
    words = calibrate(lifter, poses.poses, poses.clip_number(), settings)
    if words is None:
        parser.error(f"{len(poses)} validation poses are too few")
    radii = CalibratedRadii.from_dict(words)
    columns = {"seen, mm": radii.seen, "hidden, mm": radii.hidden}
    for name in ("coverage_held_out", "coverage_other_clips"):
        shares = words[name] or dict.fromkeys(JOINT_NAMES)
        columns[name] = np.array([shares[joint] for joint in JOINT_NAMES], float) * 100
    if options.test:
        test = load(settings_from_text(options.test))
        columns["test"] = 100 * coverage(radii, draw_errors(lifter, test.poses, settings))
    if options.wheel:
        columns["video"] = 100 * on_video(lifter, radii, options.wheel, options.every)
    table = Table("joint", title=f"{words['poses']} poses of {words['clips']} clips calibrate")
    for name in columns:
        table.add_column(name.replace("coverage_", "").replace("_", " "), justify="right")
    for joint in range(1, len(JOINT_NAMES)):
        table.add_row(JOINT_NAMES[joint], *(f"{c[joint]:.1f}" for c in columns.values()))
    table.add_row("mean", *(f"{np.nanmean(c[1:]):.1f}" for c in columns.values()))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
