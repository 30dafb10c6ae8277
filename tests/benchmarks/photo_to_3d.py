"""One picture to 3D, held against four calibrated cameras that saw the same person.

    pip download --no-deps pose2sim==0.10.49
    python tests/benchmarks/photo_to_3d.py pose2sim-0.10.49-py3-none-any.whl --model BUNDLE

The wheel (BSD-3) carries four videos of one athlete and the calibration of their cameras. The
detector's keypoints of all four cameras are triangulated; then each camera's keypoints alone are
lifted and compared with the triangulation, in that camera's frame. The truth is made of the same
detections: what is measured is the lifter on real detections, and not where the detector puts a
joint. Joints that fewer than three cameras agree on are left out of a pose.
"""

import argparse
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from scipy.optimize import least_squares

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.bundle import Lifter, load_bundle
from evoskeleton.lifting.metrics import mpjpe, n_mpjpe, p_mpjpe
from evoskeleton.pose2d.blazepose import BlazePose
from evoskeleton.pose2d.detector import Person
from evoskeleton.pose2d.images import read_video
from evoskeleton.pose2d.people_to_3d import lift_people

FOLDER = "Pose2Sim/Demo_SinglePerson"
CALIBRATION = f"{FOLDER}/calibration/Calib.qca.txt"
AGREE_PX = 20.0
SUB_PIXELS = 64.0
"""Qualisys gives focal lengths and centres in 64ths of a pixel."""


class Camera(NamedTuple):
    """World mm to px without distortion: rotation (3, 3), position (3,) mm, focal and centre px."""

    rotation: np.ndarray
    position: np.ndarray
    focal: np.ndarray
    centre: np.ndarray

    def seen(self, points: np.ndarray) -> np.ndarray:
        """(n, 3) world mm in the camera frame, mm."""
        return (points - self.position) @ self.rotation.T

    def project(self, points: np.ndarray) -> np.ndarray:
        """(n, 2) px of (n, 3) world mm."""
        seen = self.seen(points)
        return self.focal * seen[:, :2] / seen[:, 2:] + self.centre


def read_cameras(folder: Path) -> list[Camera]:
    """Cameras of a Qualisys file, turned from its z backward to ours, z forward."""
    cameras = []
    for camera in ElementTree.parse(folder / CALIBRATION).getroot().iter("camera"):
        place, lens = camera.find("transform").attrib, camera.find("intrinsic").attrib
        rows = [[float(place[f"r{i}{j}"]) for j in (1, 2, 3)] for i in (1, 2, 3)]
        cameras.append(
            Camera(
                rotation=np.diag([1.0, -1.0, -1.0]) @ np.array(rows),
                position=np.array([float(place[axis]) for axis in "xyz"]),
                focal=np.array([float(lens[f"focalLength{a}"]) for a in "UV"]) / SUB_PIXELS,
                centre=np.array([float(lens[f"centerPoint{a}"]) for a in "UV"]) / SUB_PIXELS,
            )
        )
    return cameras


def triangulate(points: np.ndarray, cameras: list[Camera]) -> np.ndarray:
    """World mm (3,) of one point seen at (cameras, 2) px: least squares of the px, robust."""

    def miss(place: np.ndarray) -> np.ndarray:
        seen = [camera.project(place[None])[0] for camera in cameras]
        return (np.array(seen) - points).ravel()

    rows, sums = np.zeros((3, 3)), np.zeros(3)
    for camera, point in zip(cameras, points, strict=True):
        ray = np.append((point - camera.centre) / camera.focal, 1.0) @ camera.rotation
        ray /= np.linalg.norm(ray)
        beside = np.eye(3) - np.outer(ray, ray)
        rows, sums = rows + beside, sums + beside @ camera.position
    start = np.linalg.solve(rows, sums)
    return least_squares(miss, start, loss="soft_l1", f_scale=5.0).x


def joint_in_world(
    points: np.ndarray, cameras: list[Camera]
) -> tuple[np.ndarray, np.ndarray] | None:
    """World mm (3,) and misses (cameras,) px, of the three or four cameras that agree."""
    index = np.arange(len(cameras))
    while len(index) >= 3:
        chosen = [cameras[i] for i in index]
        place = triangulate(points[index], chosen)
        seen = np.array([camera.project(place[None])[0] for camera in chosen])
        miss = np.linalg.norm(seen - points[index], axis=1)
        if miss.max() <= AGREE_PX:
            return place, miss
        index = np.delete(index, miss.argmax())
    return None


def largest(people: list[Person]) -> Person | None:
    """The athlete is nearer than anybody behind the treadmill."""
    return max(people, key=lambda one: float(np.prod(one.box[2:] - one.box[:2])), default=None)


def watched(folder: Path, every: int) -> Iterator[list[Person | None]]:
    """The athlete in each camera, frame by frame."""
    detector = BlazePose()
    videos = [read_video(path) for path in sorted((folder / FOLDER / "videos").glob("*.mp4"))]
    for frames in zip(*videos, strict=False):
        if frames[0].number % every == 0:
            yield [largest(detector.detect(frame.image)) for frame in frames]


class Answer(NamedTuple):
    """One camera's own answer and the triangulation, mm in that camera's frame, hip-centred.

    Attributes:
        camera: its number.
        kept: joints that were triangulated, indices.
        joints, truth: (kept, 3).
        known: (17,) bool, keypoints that the detector knew.
    """

    camera: int
    kept: list[int]
    joints: np.ndarray
    truth: np.ndarray
    known: np.ndarray


def answers(
    wheel: Path, lifter: Lifter, every: int
) -> Iterator[tuple[list[Answer], list[np.ndarray]]]:
    """For each frame the cameras' answers and the misses of the triangulation, px; none without."""
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if n.startswith(f"{FOLDER}/videos/")]
        archive.extractall(scratch, [CALIBRATION, *names])
        cameras = read_cameras(Path(scratch))
        for people in watched(Path(scratch), every):
            seen = [person for person in people if person is not None]
            yield _of_frame(seen, cameras, lifter) if len(seen) == len(people) else ([], [])


def _of_frame(
    people: list[Person], cameras: list[Camera], lifter: Lifter
) -> tuple[list[Answer], list[np.ndarray]]:
    points = np.stack([person.keypoints for person in people])
    found = [joint_in_world(points[:, joint], cameras) for joint in range(len(JOINT_NAMES))]
    kept = [joint for joint, one in enumerate(found) if one is not None]
    if found[0] is None or len(kept) < 14:
        return [], []
    world = np.stack([found[joint][0] for joint in kept])
    given = []
    for number, (person, camera) in enumerate(zip(people, cameras, strict=True)):
        (joints,) = lift_people([person], lifter, 1088, 1920)
        if joints is not None:
            truth = camera.seen(world) - camera.seen(found[0][0][None])
            given.append(Answer(number, kept, joints[kept].astype(float), truth, person.known))
    return given, [found[joint][1] for joint in kept]


def main() -> None:
    """Print errors of each camera and of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="the pose2sim wheel")
    parser.add_argument("--model", type=Path, required=True, help="folder of a lifter bundle")
    parser.add_argument("--every", type=int, default=5, help="take every n-th frame")
    options = parser.parse_args()
    rows, misses, frames, used = [], [], 0, 0
    for given, miss in answers(options.wheel, load_bundle(options.model), options.every):
        for answer in given:
            pair = answer.joints[None], answer.truth[None]
            errors = (float(metric(*pair)[0]) for metric in (mpjpe, n_mpjpe, p_mpjpe))
            rows.append((answer.camera, *errors))
        misses += miss
        frames, used = frames + 1, used + bool(given)
    table = np.array(rows).reshape(-1, 4)
    print(f"{used} of {frames} frames triangulated, ", end="")
    print(f"{np.median(np.concatenate(misses)):.1f} px median miss")
    for number in np.unique(table[:, 0]):
        print(f"  camera {number + 1:.0f}: {_words(table[table[:, 0] == number])}")
    print(f"  all: {_words(table)}")


def _words(table: np.ndarray) -> str:
    mean = table[:, 1:].mean(axis=0)
    return f"MPJPE {mean[0]:.0f}, scaled {mean[1]:.0f}, PA-MPJPE {mean[2]:.0f} mm ({len(table)})"


if __name__ == "__main__":
    main()
