"""Videos to 3D as `infer` answers them, everything counted, beside the detector's own 3D.

    pip download --no-deps pose2sim==0.10.49
    python tests/benchmarks/video_to_3d.py pose2sim-0.10.49-py3-none-any.whl --cache found.npz

Videos, cameras and truth are those of `photo_to_3d.py --count all`: every frame of all four cameras
counts, and every joint. What is measured is what a user gets: people found, followed, lifted and
smoothed, for one camera at a time. Besides errors, mm: frames in which left and right are
exchanged (the answer would be nearer to the truth the other way round), frames in which somebody
is there twice, numbers that the athlete has, acceleration (mm a frame squared; the truth's beside
it) and how much a bone varies (standard deviation of its length, in shares of the length).

Detectors are compared on one truth by `--truth`, a file that `--cache` of one of them left.

`--half` cuts every picture above the athlete's hips before it is looked at: half a body, whose arms
are judged.
"""

import argparse
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES, MIRROR, Joint
from evoskeleton.files import whole_file
from evoskeleton.lifting.bundle import Lifter, load_bundle
from evoskeleton.lifting.bundles import bundle_folder
from evoskeleton.lifting.keypoints.keypoint_formats import APPROXIMATED
from evoskeleton.lifting.metrics import mpjpe, p_mpjpe
from evoskeleton.npz import read_npz
from evoskeleton.pose2d.detector import Detector, Person, Stopwatch
from evoskeleton.pose2d.detectors import load_detector
from evoskeleton.pose2d.people.duplicates import are_one
from evoskeleton.pose2d.people.film import Film, Moving
from evoskeleton.pose2d.people.looking import looked_at
from evoskeleton.pose2d.people.misfits import misfits
from evoskeleton.pose2d.people.settings import FilmSettings
from evoskeleton.pose2d.people_to_3d import lift_people
from evoskeleton.pose2d.videos import Frame, read_video

sys.path.insert(0, str(Path(__file__).parent))
from photo_to_3d import (  # noqa: E402
    CALIBRATION,
    FOLDER,
    LIMBS,
    Athlete,
    Camera,
    largest,
    read_cameras,
    triangulated,
)

ARMS = [
    Joint.LSHOULDER, Joint.LELBOW, Joint.LWRIST, Joint.RSHOULDER, Joint.RELBOW, Joint.RWRIST,
]  # fmt: skip


ARMS_FOUND_PX = 40.0
"""Mean miss of the arms' keypoints up to which they are those of the athlete."""


class Found(NamedTuple):
    """Everybody whom the detector found, a row each; `size` is (cameras, 2) px of the frames."""

    frame: np.ndarray
    camera: np.ndarray
    seconds: np.ndarray
    box: np.ndarray
    score: np.ndarray
    keypoints: np.ndarray
    confidence: np.ndarray
    visibility: np.ndarray
    own_joints: np.ndarray
    size: np.ndarray
    frames: np.ndarray

    def people(self, frame: int, camera: int) -> list[Person]:
        """Who was found in one frame of one camera."""
        rows = np.flatnonzero((self.frame == frame) & (self.camera == camera))
        return [
            Person(
                self.box[row],
                float(self.score[row]),
                self.keypoints[row],
                self.confidence[row],
                self.visibility[row],
                APPROXIMATED,
                self.own_joints[row] if np.isfinite(self.own_joints[row]).all() else None,
            )
            for row in rows
        ]


def look(folder: Path, detector: Detector, cuts: np.ndarray | None) -> Found:
    """Find everybody in all frames as `infer` does; above `cuts`, (cameras, frames) px, picture by
    picture."""
    rows, sizes, frames = [], [], 0
    for camera, path in enumerate(sorted((folder / FOLDER / "videos").glob("*.mp4"))):
        cut = None if cuts is None else cuts[camera]
        seconds = FilmSettings.parse({}).search_seconds if cut is None else 0.0
        timed = ((_above(frame, cut), Stopwatch()) for frame in read_video(path))
        for frame, _, people, _ in looked_at(timed, detector, lambda frame: None, seconds, 1):
            rows += [(frame.number, camera, frame.seconds, *_columns(one)) for one in people]
            frames = max(frames, frame.number + 1)
        sizes.append(frame.image.shape[1::-1])
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Found(*columns, np.array(sizes), np.arange(frames))


def _above(frame: Frame, cuts: np.ndarray | None) -> Frame:
    if cuts is None:
        return frame
    return frame._replace(image=np.ascontiguousarray(frame.image[: int(cuts[frame.number])]))


def _columns(person: Person) -> tuple[object, ...]:
    own = np.full((17, 3), np.nan) if person.own_joints is None else person.own_joints
    known = person.keypoints, person.confidence, person.visibility
    return person.box, person.score, *known, own


def remembered(
    cache: Path | None, folder: Path, detector: Detector, cuts: np.ndarray | None
) -> Found:
    """What was found, out of a file where there is one."""
    if cache is not None and cache.exists():
        arrays = read_npz(cache, "cache of people", Found._fields)
        return Found(*(arrays[name] for name in Found._fields))
    found = look(folder, detector, cuts)
    if cache is not None:
        with whole_file(cache) as file:
            np.savez(file, **found._asdict())
    return found


def athlete(found: Found, cameras: int) -> Athlete:
    """The largest person of every picture, as `photo_to_3d` wants them."""
    shape = len(found.frames), cameras, len(JOINT_NAMES)
    keypoints, own = np.full((*shape, 2), np.nan), np.full((*shape, 3), np.nan)
    confidence = np.zeros(shape)
    for frame in found.frames:
        for camera in range(cameras):
            person = largest(found.people(frame, camera))
            if person is not None:
                keypoints[frame, camera] = person.keypoints
                confidence[frame, camera] = person.confidence
                own[frame, camera] = np.nan if person.own_joints is None else person.own_joints
    return Athlete(found.frames, keypoints, confidence, own)


def filmed(found: Found, camera: int, lifter: Lifter, settings: FilmSettings) -> list[list[Moving]]:
    """What `infer` answers to one camera's video, frame by frame."""
    width, height = (int(length) for length in found.size[camera])
    explained = partial(misfits, lifter, (width, height))
    film = Film(partial(_lift, lifter, width, height), settings, misfits=explained)
    answers = []
    for frame in found.frames:
        people = found.people(frame, camera)
        rows = (found.frame == frame) & (found.camera == camera)
        seconds = float(found.seconds[rows][0]) if rows.any() else frame / 60.0
        answers += [moving for moving, _ in film.add(people, seconds)]
    return answers + [moving for moving, _ in film.end()]


def _lift(lifter: Lifter, width: int, height: int, people: list[Person]) -> list[np.ndarray | None]:
    return lift_people(people, lifter, width, height)


def followed(answers: list[list[Moving]]) -> tuple[np.ndarray, Counter]:
    """(frames, 17, 3) mm of the largest person, NaN without, and how often each number was it."""
    joints, numbers = np.full((len(answers), 17, 3), np.nan), Counter()
    for frame, people in enumerate(answers):
        one = max(people, key=lambda m: float(np.prod(m.person.box[2:] - m.person.box[:2])),
                  default=None)  # fmt: skip
        if one is not None:
            numbers[one.identity] += 1
            joints[frame] = np.nan if one.joints is None else one.joints
    return joints, numbers


def twice(answers: list[list[Moving]]) -> int:
    """Frames in which somebody is there twice."""
    return sum(
        any(are_one(a.person, b.person) for a, b in combinations(people, 2)) for people in answers
    )


def in_camera(truth: np.ndarray, camera: Camera) -> np.ndarray:
    """(frames, 17, 3) world mm as a camera sees it, hip at 0."""
    seen = camera.seen(truth.reshape(-1, 3)).reshape(truth.shape)
    return seen - seen[:, :1]


def exchanged(joints: np.ndarray, truth: np.ndarray) -> int:
    """Frames whose answer would be nearer to the truth with left and right exchanged."""
    other = joints[:, list(MIRROR)]
    miss = [np.linalg.norm((one - truth)[:, LIMBS], axis=2).mean(axis=1) for one in (joints, other)]
    return int((miss[1] < miss[0]).sum())


def acceleration(joints: np.ndarray) -> float:
    """Mean over joints and frames, mm a frame squared."""
    bend = joints[2:] - 2.0 * joints[1:-1] + joints[:-2]
    return float(np.nanmean(np.linalg.norm(bend, axis=2)[:, 1:]))


def bone_variation(joints: np.ndarray) -> float:
    """Standard deviation of bone lengths over their means, mean over the bones."""
    bones = [np.linalg.norm(joints[:, end] - joints[:, start], axis=1) for start, end in BONES]
    return float(np.mean([np.nanstd(bone) / np.nanmean(bone) for bone in bones]))


def words(joints: np.ndarray, truth: np.ndarray, counted: list[int]) -> str:
    """Errors of (frames, 17, 3) against the truth, over the joints that count."""
    rows = np.isfinite(joints).all(axis=(1, 2)) & np.isfinite(truth).all(axis=(1, 2))
    pair = [part[rows][:, counted].astype(float) for part in (joints, truth)]
    limbs = [part[rows][:, LIMBS].astype(float) for part in (joints, truth)]
    return (
        f"PA {p_mpjpe(*pair).mean():5.1f}, MPJPE {mpjpe(*pair).mean():5.1f}, PA of 12 limb joints "
        f"{p_mpjpe(*limbs).mean():5.1f} mm ({int(rows.sum())} of {len(rows)})"
    )


def report(name: str, joints: np.ndarray, truth: np.ndarray) -> None:
    """Print one row."""
    print(f"  {name:28} {words(joints, truth, list(range(17)))}")
    print(
        f"  {'':28} sides exchanged in {exchanged(joints, truth)}, acceleration "
        f"{acceleration(joints):.1f} (truth {acceleration(truth):.1f}), bones vary by "
        f"{100 * bone_variation(joints):.1f} %"
    )


def judge(found: Found, cameras: list[Camera], truth: np.ndarray, models: list[Path]) -> None:
    """Print everything for whole bodies."""
    total: dict[str, list[np.ndarray]] = {}
    alone = athlete(found, len(cameras))
    for number, camera in enumerate(cameras):
        print(f"camera {number + 1}")
        seen = in_camera(truth, camera)
        rows = {"detector's own 3D": alone.own_joints[:, number]}
        for path in models:
            for smooth in (True, False):
                settings = FilmSettings.parse({"smooth": smooth})
                answers = filmed(found, number, load_bundle(bundle_folder(path)), settings)
                joints, numbers = followed(answers)
                name = f"{path.name}{'' if smooth else ', not smoothed'}"
                rows[name] = joints
                print(f"  {name}: twice in {twice(answers)} frames, numbers {dict(numbers)}")
        for name, joints in rows.items():
            report(name, joints, seen)
            total.setdefault(name, []).append(np.stack([joints, seen]))
    print("all cameras")
    for name, parts in total.items():
        joints, seen = np.concatenate(parts, axis=1)
        print(f"  {name:28} {words(joints, seen, list(range(17)))}")


def judge_halves(
    found: Found, cameras: list[Camera], truth: np.ndarray, models: list[Path]
) -> None:
    """Print the arms' errors where frames are cut above the hips, picture by picture.

    Beside all pictures, those count alone in which the detector puts the arms where they are: in
    the others somebody else, or nothing, was seen, and no lifter can know.
    """
    alone = athlete(found, len(cameras))
    for path in [None, *models]:
        pairs: list[tuple[np.ndarray, np.ndarray, bool]] = []
        lifter = None if path is None else load_bundle(bundle_folder(path))
        for number, camera in enumerate(cameras):
            seen = in_camera(truth, camera)
            for frame in found.frames:
                person = largest(found.people(frame, number))
                given = alone.own_joints[frame, number]
                if lifter is not None and person is not None:
                    (given,) = _lift(lifter, *map(int, found.size[number]), [person])
                if given is not None and person is not None and np.isfinite(given).all():
                    where = camera.project(truth[frame][ARMS])
                    miss = np.linalg.norm(person.keypoints[ARMS] - where, axis=1).mean()
                    pairs.append((given[ARMS], seen[frame][ARMS], bool(miss < ARMS_FOUND_PX)))
        parts = [np.array(part) for part in zip(*pairs, strict=True)]
        errors, there = p_mpjpe(*(part.astype(float) for part in parts[:2])), parts[2]
        name = "detector's own 3D" if path is None else path.name
        asked = len(found.frames) * len(cameras)
        print(
            f"  {name:28} PA of the arms {errors.mean():.1f} mm, median {np.median(errors):.1f} "
            f"({len(pairs)} of {asked}); arms found: {errors[there].mean():.1f} mm ({there.sum()})"
        )


def unpacked(wheel: Path) -> Iterator[Path]:
    """A folder with the videos and the calibration."""
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if n.startswith(f"{FOLDER}/videos/")]
        archive.extractall(scratch, [CALIBRATION, *names])
        yield Path(scratch)


def main() -> None:
    """Find, triangulate, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="the pose2sim wheel")
    parser.add_argument("--model", type=Path, nargs="+", default=[Path("detections")])
    parser.add_argument("--detector", default="blazepose", help="blazepose or blazepose-heavy")
    parser.add_argument("--set", nargs="*", default=[], help="its settings as NAME=VALUE")
    parser.add_argument("--truth", type=Path, help="file of people whom the truth is made of")
    parser.add_argument("--cache", type=Path, help="file of the people found; made where absent")
    parser.add_argument("--half", type=Path, help="judge halves; file of the people found in them")
    options = parser.parse_args()
    for folder in unpacked(options.wheel):
        cameras = read_cameras(folder)
        detector = load_detector(options.detector, options.set)
        found = remembered(options.cache, folder, detector, None)
        truly = remembered(options.truth, folder, detector, None) if options.truth else found
        truth, missed = triangulated(athlete(truly, len(cameras)), cameras, "all")
        print(f"{len(found.frames)} frames, {np.median(missed):.1f} px median miss of the truth")
        judge(found, cameras, truth, options.model)
        if options.half:
            cuts = np.array([camera.project(truth[:, Joint.HIP])[:, 1] - 40 for camera in cameras])
            halves = remembered(options.half, folder, detector, cuts)
            print("cut above the hips")
            judge_halves(halves, cameras, truth, options.model)


if __name__ == "__main__":
    main()
