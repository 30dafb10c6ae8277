"""How a detector errs, measured against itself: what the noise of training is set to.

    python tests/benchmarks/detector_noise.py VIDEO_OR_PHOTO ...

One picture is looked at upright and mirrored, in several sizes and a little turned; the answers are
brought back to the picture. What they differ by is noise (what they have in common may still be
wrong, so that these figures are a lower bound). All is given in shares of the person's size, the
longer side of the box of the keypoints, and by what the detector says of the joint's visibility.
Use pictures that no lifter is judged by: the video in the `sports2d` 0.8.34 wheel (BSD-3) is one.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from evoskeleton.evolution.skeleton import JOINT_NAMES, MIRROR
from evoskeleton.lifting.keypoints.keypoint_formats import SAME_JOINT
from evoskeleton.pose2d.blazepose import BlazePose
from evoskeleton.pose2d.detector import Person
from evoskeleton.pose2d.images import read_image
from evoskeleton.pose2d.videos import is_video, read_video

SCALES, TURNS_DEG = (1.0, 0.8, 0.6), (0.0, 8.0)
LIMBS = [joint for joint, name in enumerate(JOINT_NAMES) if name in SAME_JOINT]
VISIBILITY = (0.0, 0.3, 0.6, 0.9, 0.98, 1.01)


def views(image: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """Changed pictures, the (2, 3) map from their px back to the picture's, and if mirrored."""
    height, width = image.shape[:2]
    for scale in SCALES:
        for turn in TURNS_DEG:
            for mirrored in (False, True):
                size = round(width * scale), round(height * scale)
                picture = Image.fromarray(image[:, ::-1] if mirrored else image).resize(size)
                picture = picture.rotate(turn, Image.Resampling.BILINEAR)
                yield np.array(picture), back(size, scale, turn, width, mirrored), mirrored


def back(
    size: tuple[int, int], scale: float, turn_deg: float, width: int, mirrored: bool
) -> np.ndarray:
    """(2, 3) map of px of a view to px of the picture."""
    angle, middle = np.deg2rad(turn_deg), np.array(size) / 2.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
    shift = middle / scale - turn @ middle
    if mirrored:
        turn, shift = np.diag([-1.0, 1.0]) @ turn, np.array([width - shift[0], shift[1]])
    return np.column_stack([turn, shift])


def looked_at(image: np.ndarray, detector: BlazePose) -> tuple[np.ndarray, np.ndarray]:
    """(views, 17, 2) px and visibility (views, 17) of the largest person, where there is one."""
    points, sure = [], []
    for view, affine, mirrored in views(image):
        person = max(detector.detect(view), key=_area, default=None)
        if person is None:
            continue
        order = np.array(MIRROR) if mirrored else np.arange(len(JOINT_NAMES))
        points.append((person.keypoints @ affine[:, :2].T + affine[:, 2])[order])
        sure.append(np.where(person.known, person.visibility, np.nan)[order])
    return np.array(points), np.array(sure)


def _area(person: Person) -> float:
    return float(np.prod(person.box[2:] - person.box[:2]))


def deviations(points: np.ndarray) -> np.ndarray:
    """(views, 17, 2) distances from the middling view, in shares of the person's size."""
    middle = np.median(points, axis=0)
    size = float(np.ptp(middle, axis=0).max())
    apart: np.ndarray = (points - middle) / size
    return apart


def main() -> None:
    """Print spread and tails by joint and by visibility, and how often sides are swapped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=8, help="take every n-th frame")
    options = parser.parse_args()
    detector, apart, sure = BlazePose(), [], []
    for file in options.files:
        frames = read_video(file) if is_video(file) else [read_image(file)]
        for number, frame in enumerate(frames):
            if number % options.every:
                continue
            points, visibility = looked_at(getattr(frame, "image", frame), detector)
            if len(points) > 6:
                apart.append(deviations(points))
                sure.append(visibility)
    report(np.concatenate(apart), np.concatenate(sure))


def report(apart: np.ndarray, sure: np.ndarray) -> None:
    """Print (n, 17, 2) shares and (n, 17) visibility."""
    print(f"{len(apart)} looks; swapped legs or arms (0.1 of the size or more): ", end="")
    print(f"{np.mean(np.linalg.norm(apart[:, LIMBS], axis=2) > 0.1):.3f} of the joints")
    for joint in LIMBS:
        print(f"{JOINT_NAMES[joint]:10} {words(apart[:, joint])}")
    for low, high in zip(VISIBILITY[:-1], VISIBILITY[1:], strict=True):
        rows = (sure[:, LIMBS] >= low) & (sure[:, LIMBS] < high)
        print(f"visibility {low:4} to {high:4} {words(apart[:, LIMBS][rows])} ({rows.sum()})")


def words(apart: np.ndarray) -> str:
    """Of (n, 2) shares: robust spread, and quantiles in units of it (a normal's: 1.6, 2.6, 3.3)."""
    flat = np.abs(apart.ravel())
    if not len(flat):
        return "none"
    spread = np.median(flat) / 0.6745
    tails = [np.quantile(flat, q) / spread for q in (0.9, 0.99, 0.999)]
    return f"spread {spread:.4f}; 90, 99, 99.9 %: " + ", ".join(f"{t:.1f}" for t in tails)


if __name__ == "__main__":
    main()
