"""One picture to 3D, held against four calibrated cameras that saw the same person.

    pip download --no-deps pose2sim==0.10.49
    python tests/benchmarks/photo_to_3d.py pose2sim-0.10.49-py3-none-any.whl --model BUNDLE

The wheel (BSD-3) carries four videos of one athlete and the calibration of their cameras. The
detector's keypoints of all four cameras are triangulated; then each camera's keypoints alone are
lifted and compared with the triangulation, in that camera's frame. The truth is made of the same
detections: what is measured is the lifter on real detections, and not where the detector puts a
joint. The detector's own 3D is judged beside the lifters.

What counts (`--count`): with `agreed` joints that fewer than three cameras agree on are left out of
a pose, and frames in which fewer than 14 joints are left. With `all` nothing is left out: every
joint of every frame is the robust least squares of all cameras, and answers of a camera that took
somebody else for the athlete count as well.

PA-MPJPE is given over all joints and over the twelve of the limbs, which the detector knows itself;
trunk and head are mixed from their neighbours, in the truth too. Several models are compared pair
by pair with the first; the 95 % interval of the difference takes the mean of ten frames in a row
for one observation.

What is a lifter worth that was evolved towards the athlete? Two cameras are its target, and it is
judged on the two others and on all four:

    unzip -j pose2sim-0.10.49-py3-none-any.whl 'Pose2Sim/Demo_SinglePerson/videos/*' -d videos
    evoskeleton adapt videos/cam01.mp4 videos/cam02.mp4 --output runner
    python tests/benchmarks/photo_to_3d.py pose2sim-0.10.49-py3-none-any.whl --every 1 \\
        --count all --cache runner.npz --cameras 3 4 --model BUNDLE runner
"""

import argparse
import tempfile
import zipfile
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Literal, NamedTuple
from xml.etree import ElementTree

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import t as student

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.files import whole_file
from evoskeleton.lifting.bundle import Lifter, load_bundle
from evoskeleton.lifting.keypoints.keypoint_formats import APPROXIMATED, SAME_JOINT
from evoskeleton.lifting.metrics import mpjpe, n_mpjpe, p_mpjpe
from evoskeleton.npz import read_npz
from evoskeleton.pose2d.blazepose import BlazePose
from evoskeleton.pose2d.detector import Person
from evoskeleton.pose2d.people_to_3d import lift_people
from evoskeleton.pose2d.videos import read_video

FOLDER = "Pose2Sim/Demo_SinglePerson"
CALIBRATION = f"{FOLDER}/calibration/Calib.qca.txt"
AGREE_PX = 20.0
SUB_PIXELS = 64.0
"""Qualisys gives focal lengths and centres in 64ths of a pixel."""

WIDTH, HEIGHT = 1088, 1920
LEAST_JOINTS = 14
IN_A_ROW = 10
"""Frames that make one observation of a paired difference."""

LIMBS = [joint for joint, name in enumerate(JOINT_NAMES) if name in SAME_JOINT]
OWN = "the detector's own 3D"

Count = Literal["agreed", "all"]


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


def nearest_to_rays(points: np.ndarray, cameras: list[Camera]) -> np.ndarray:
    """World mm (3,) nearest to the rays of one point seen at (cameras, 2) px."""
    rows, sums = np.zeros((3, 3)), np.zeros(3)
    for camera, point in zip(cameras, points, strict=True):
        ray = np.append((point - camera.centre) / camera.focal, 1.0) @ camera.rotation
        ray /= np.linalg.norm(ray)
        beside = np.eye(3) - np.outer(ray, ray)
        rows, sums = rows + beside, sums + beside @ camera.position
    return np.linalg.solve(rows, sums)


def triangulate(points: np.ndarray, cameras: list[Camera], start: np.ndarray) -> np.ndarray:
    """World mm (3,) of one point seen at (cameras, 2) px: least squares of the px, robust."""

    def miss(place: np.ndarray) -> np.ndarray:
        seen = [camera.project(place[None])[0] for camera in cameras]
        return (np.array(seen) - points).ravel()

    return least_squares(miss, start, loss="soft_l1", f_scale=5.0).x


def misses(place: np.ndarray, points: np.ndarray, cameras: list[Camera]) -> np.ndarray:
    """(cameras,) px between (cameras, 2) points and where a (3,) world place is seen."""
    seen = np.array([camera.project(place[None])[0] for camera in cameras])
    return np.linalg.norm(seen - points, axis=1)


def where_most_agree(points: np.ndarray, cameras: list[Camera]) -> tuple[np.ndarray, np.ndarray]:
    """World mm (3,) and misses (cameras,) px of one point in all cameras, none left out.

    The search starts where those two cameras put it whom the others contradict least.
    """
    pairs = [list(pair) for pair in combinations(range(len(cameras)), 2)]
    starts = [nearest_to_rays(points[pair], [cameras[i] for i in pair]) for pair in pairs]
    start = min(starts, key=lambda place: float(np.median(misses(place, points, cameras))))
    place = triangulate(points, cameras, start)
    return place, misses(place, points, cameras)


def where_three_agree(
    points: np.ndarray, cameras: list[Camera]
) -> tuple[np.ndarray, np.ndarray] | None:
    """World mm (3,) and misses (cameras,) px, of the three or four cameras that agree."""
    index = np.arange(len(cameras))
    while len(index) >= 3:
        chosen = [cameras[i] for i in index]
        place = triangulate(points[index], chosen, nearest_to_rays(points[index], chosen))
        miss = misses(place, points[index], chosen)
        if miss.max() <= AGREE_PX:
            return place, miss
        index = np.delete(index, miss.argmax())
    return None


class Athlete(NamedTuple):
    """The athlete as the detector sees it.

    Attributes:
        frames: (frames,) int64, their numbers in the videos.
        keypoints: (frames, cameras, 17, 2) px; NaN where nobody was found.
        confidence: (frames, cameras, 17); 0 where nobody was found.
        own_joints: (frames, cameras, 17, 3) mm, the detector's own 3D in the camera's frame.
    """

    frames: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    own_joints: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """(frames, cameras) bool."""
        return np.isfinite(self.keypoints).all(axis=(2, 3))

    def every(self, nth: int) -> "Athlete":
        """Frames 0, n, 2 n and so on."""
        return Athlete(*(column[self.frames % nth == 0] for column in self))

    def person(self, frame: int, camera: int) -> Person:
        """Who was found there."""
        sure, keypoints = self.confidence[frame, camera], self.keypoints[frame, camera]
        box = np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)])
        return Person(box, 1.0, keypoints, sure, sure, APPROXIMATED)


def largest(people: list[Person]) -> Person | None:
    """The athlete is nearer than anybody behind the treadmill."""
    return max(people, key=lambda one: float(np.prod(one.box[2:] - one.box[:2])), default=None)


def detect(folder: Path, every: int) -> Athlete:
    """The athlete in the videos of an unpacked wheel, in every n-th frame."""
    detector = BlazePose()
    videos = [read_video(path) for path in sorted((folder / FOLDER / "videos").glob("*.mp4"))]
    numbers, rows = [], []
    for frames in zip(*videos, strict=False):
        if frames[0].number % every == 0:
            numbers.append(frames[0].number)
            rows.append([_columns(largest(detector.detect(frame.image))) for frame in frames])
    columns = (np.array([[one[k] for one in row] for row in rows], np.float32) for k in range(3))
    return Athlete(np.array(numbers), *columns)


def _columns(person: Person | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    joints = len(JOINT_NAMES)
    if person is None:
        return np.full((joints, 2), np.nan), np.zeros(joints), np.full((joints, 3), np.nan)
    return person.keypoints, person.confidence, person.own_joints


class Scene(NamedTuple):
    """What lifters are judged by.

    Attributes:
        athlete: what they are given.
        cameras: that saw it.
        truth: (frames, 17, 3) world mm; NaN where joint or frame is left out.
        missed: (n,) px between detections and the truth.
    """

    athlete: Athlete
    cameras: list[Camera]
    truth: np.ndarray
    missed: np.ndarray


def watch(wheel: Path, every: int, count: Count = "agreed", cache: Path | None = None) -> Scene:
    """Detect and triangulate every n-th frame.

    Args:
        wheel: that of pose2sim.
        every: n.
        count: what counts, see the module.
        cache: file of the detections of all frames; it is read, or made where it is absent.
    """
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if n.startswith(f"{FOLDER}/videos/")]
        archive.extractall(scratch, [CALIBRATION, *names])
        cameras = read_cameras(Path(scratch))
        athlete = _remembered(cache, Path(scratch)) if cache else detect(Path(scratch), every)
    athlete = athlete.every(every)
    return Scene(athlete, cameras, *triangulated(athlete, cameras, count))


def _remembered(cache: Path, folder: Path) -> Athlete:
    if not cache.exists():
        athlete = detect(folder, 1)
        with whole_file(cache) as file:
            np.savez(file, **athlete._asdict())
    arrays = read_npz(cache, "cache of detections", Athlete._fields)
    return Athlete(*(arrays[name] for name in Athlete._fields))


def triangulated(
    athlete: Athlete, cameras: list[Camera], count: Count
) -> tuple[np.ndarray, np.ndarray]:
    """World mm (frames, 17, 3), NaN where something is left out, and misses (n,) px."""
    truth = np.full((len(athlete.frames), len(JOINT_NAMES), 3), np.nan)
    missed = []
    for frame, found in enumerate(athlete.found):
        if found.sum() < (len(cameras) if count == "agreed" else 2):
            continue
        there = [camera for camera, seen in zip(cameras, found, strict=True) if seen]
        points = athlete.keypoints[frame, found].astype(float)
        where = where_three_agree if count == "agreed" else where_most_agree
        places = {j: where(points[:, j], there) for j in range(len(JOINT_NAMES))}
        kept = {joint: one for joint, one in places.items() if one is not None}
        if 0 in kept and len(kept) >= LEAST_JOINTS:
            truth[frame, list(kept)] = [place for place, _ in kept.values()]
            missed += [miss for _, miss in kept.values()]
    return truth, np.concatenate(missed)


def lifted(scene: Scene, lifter: Lifter) -> np.ndarray:
    """(frames, cameras, 17, 3) mm in each camera's frame; NaN where a lifter has no answer."""
    joints = np.full_like(scene.athlete.own_joints, np.nan)
    places = list(zip(*np.nonzero(scene.athlete.found), strict=True))
    people = [scene.athlete.person(*place) for place in places]
    for place, answer in zip(places, lift_people(people, lifter, WIDTH, HEIGHT), strict=True):
        if answer is not None:
            joints[place] = answer
    return joints


class Answer(NamedTuple):
    """One camera's own answer and the triangulation, mm in that camera's frame, hip-centred.

    Attributes:
        frame: its number in the videos.
        camera: its number, from 0.
        kept: joints that were triangulated, indices.
        joints, truth: (kept, 3).
        known: (17,) bool, keypoints that the detector knew.
    """

    frame: int
    camera: int
    kept: np.ndarray
    joints: np.ndarray
    truth: np.ndarray
    known: np.ndarray


def answers(scene: Scene, joints: np.ndarray) -> Iterator[Answer]:
    """All of (frames, cameras, 17, 3) joints that there is a truth for."""
    for row, (frame, truth) in enumerate(zip(scene.athlete.frames, scene.truth, strict=True)):
        kept = np.flatnonzero(np.isfinite(truth).all(axis=1))
        for number, camera in enumerate(scene.cameras if len(kept) else []):
            given = joints[row, number, kept].astype(float)
            if np.isfinite(given).all():
                seen = camera.seen(truth[kept]) - camera.seen(truth[:1])
                known = scene.athlete.person(row, number).known
                yield Answer(int(frame), number, kept, given, seen, known)


class Errors(NamedTuple):
    """Errors of the answers, mm, (answers,) each; frames in which there was none have no row."""

    frame: np.ndarray
    camera: np.ndarray
    mpjpe: np.ndarray
    scaled: np.ndarray
    aligned: np.ndarray
    limbs: np.ndarray

    def of(self, cameras: list[int]) -> "Errors":
        """Those of some cameras."""
        return Errors(*(column[np.isin(self.camera, cameras)] for column in self))

    def __str__(self) -> str:
        return (
            f"MPJPE {self.mpjpe.mean():.1f}, scaled {self.scaled.mean():.1f}, "
            f"PA-MPJPE {self.aligned.mean():.1f}, of 12 joints {self.limbs.mean():.1f} mm "
            f"({len(self.frame)})"
        )


def errors(scene: Scene, joints: np.ndarray) -> Errors:
    """Errors of (frames, cameras, 17, 3) joints."""
    rows = []
    for answer in answers(scene, joints):
        pair = answer.joints[None], answer.truth[None]
        limbs = np.isin(answer.kept, LIMBS)
        whole = [float(metric(*pair)[0]) for metric in (mpjpe, n_mpjpe, p_mpjpe)]
        twelve = float(p_mpjpe(*(side[:, limbs] for side in pair))[0])
        rows.append((answer.frame, answer.camera, *whole, twelve))
    return Errors(*np.array(rows).T)


def compared(one: Errors, first: Errors) -> str:
    """How far the 12 joints of one are from those of the first, answers that both have."""
    places = [list(zip(e.frame, e.camera, strict=True)) for e in (one, first)]
    known = dict(zip(places[1], first.limbs, strict=True))
    pairs = [(place, e) for place, e in zip(places[0], one.limbs, strict=True) if place in known]
    gaps = np.array([error - known[place] for place, error in pairs])
    block = np.array([place[0] // IN_A_ROW for place, _ in pairs])
    means = np.array([gaps[block == number].mean() for number in np.unique(block)])
    share = 100.0 * gaps.mean() / np.mean([known[place] for place, _ in pairs])
    words = f"{gaps.mean():+.1f} mm ({share:+.0f} %)"
    if len(means) < 2:
        return words
    half = student.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return f"{words}, 95 % {gaps.mean() - half:+.1f} to {gaps.mean() + half:+.1f}"


def main() -> None:
    """Print errors of each camera and of all, and what sets the models apart."""
    options = _options()
    lifters = {str(path): load_bundle(path) for path in options.model}
    scene = watch(options.wheel, options.every, options.count, options.cache)
    counted = int(np.isfinite(scene.truth[:, 0]).all(axis=1).sum())
    print(f"{counted} of {len(scene.truth)} frames triangulated, ", end="")
    print(f"{np.median(scene.missed):.1f} px median miss; ", end="")
    print(f"nobody found in {(~scene.athlete.found).sum()} pictures")
    cameras = [number - 1 for number in options.cameras]
    found = {
        name: errors(scene, lifted(scene, lifter)).of(cameras) for name, lifter in lifters.items()
    }
    found[OWN] = errors(scene, scene.athlete.own_joints).of(cameras)
    for name, error in found.items():
        print(name)
        for number in cameras:
            print(f"  camera {number + 1}: {error.of([number])}")
        print(f"  all: {error}")
    print("PA-MPJPE of 12 joints, pair by pair")
    for first in dict.fromkeys([next(iter(found)), OWN]):
        for name in (name for name in found if name not in (first, OWN)):
            print(f"  {name} against {first}: {compared(found[name], found[first])}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="the pose2sim wheel")
    parser.add_argument(
        "--model", type=Path, nargs="+", action="extend", default=[], help="folders of bundles"
    )
    parser.add_argument("--every", type=int, default=5, help="take every n-th frame")
    parser.add_argument(
        "--cameras", type=int, nargs="+", default=[1, 2, 3, 4], help="judge these; all: 1 2 3 4"
    )
    parser.add_argument(
        "--count", choices=["agreed", "all"], default="agreed", help="which joints and frames count"
    )
    parser.add_argument(
        "--cache", type=Path, help="file of the detections in all frames; made where it is absent"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
