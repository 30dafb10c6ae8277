"""MPI-INF-3DHP as its authors give it out (Mehta 2017, https://arxiv.org/abs/1611.09813).

    mpi_inf_3dhp/S1/Seq1/annot.mat, camera.calibration              training: 28 joints, 14 cameras
    mpi_inf_3dhp_test_set/TS1/annot_data.mat                        test: 17 joints, one camera

Training, MATLAB version 5: cells `annot3` (cameras, 1) of (frames, 84) camera mm and `annot2` of
(frames, 56) px. Test, MATLAB version 7.3: `annot3`, `univ_annot3` (3, 17, 1, frames) camera mm,
`annot2` (2, 17, 1, frames) px, `valid_frame` and `activity_annotation` of each frame; frames that
are not valid are left out. `univ_annot3` is `annot3` brought to the height of Human3.6M's skeleton,
and is what the test protocol judges by.

Here a training pose is taken from the first camera to the world by the calibration beside it
(world y up there, z up here). A test pose stands in a frame that its camera is level in: x right,
y away from the camera, z up; how far the camera was tilted is not told. Subjects are "3DHP-S1",
"3DHP-TS1"; the clip is "S1 Seq1" or "TS1", the action "Seq1" or the activity, the frame the row.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.safe_mat import load_mat

TRAINING_FILE, TEST_FILE = "annot.mat", "annot_data.mat"
_CALIBRATION = "camera.calibration"

FROM_28 = (4, 23, 24, 25, 18, 19, 20, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16)
"""Where our 17 joints stand among the 28 of the training files: pelvis, legs, spine, neck for the
thorax, head for the neck/nose, top of the head, arms."""

FROM_17 = (14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4)
"""The same among the 17 of the test files."""

CHEST_HEIGHT = (0, 1, 2, 4, 5, 6, 7, 8)
"""Cameras of the training files that do not look down from the ceiling, and that the field uses."""

ACTIVITIES = (
    "Stand and walk", "Exercise", "Sit on a chair", "Crouch and reach", "On the floor", "Sports",
    "Miscellaneous",
)  # fmt: skip
"""What the test files number from 1."""

LEVEL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""World to camera of a level camera: rows are its axes, right, down, forward."""

_Y_UP_TO_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, eq=False)
class SeenInTraining:
    """What one camera saw of a training sequence.

    Attributes:
        subject, clip: as the poses have them.
        camera: its number.
        keypoints: (frames, 17, 2) float32 px, our order of joints.
    """

    subject: str
    clip: str
    camera: int
    keypoints: np.ndarray


@dataclass(frozen=True, eq=False)
class HeldOutClip:
    """The valid frames of a test sequence.

    Attributes:
        subject, name: as the poses have them, such as 3DHP-TS1 and TS1.
        frame: (frames,) int64 rows of the file.
        universal, metric: (frames, 17, 3) float64 camera mm, our order of joints.
        keypoints: (frames, 17, 2) float64 px.
        action: (frames,) names of activities.
    """

    subject: str
    name: str
    frame: np.ndarray
    universal: np.ndarray
    metric: np.ndarray
    keypoints: np.ndarray
    action: np.ndarray


def load_mpi_inf_3dhp(path: Path) -> PoseSet:
    """The poses of a file, or of all files below a folder.

    Raises:
        BadInput: there is no such file, it cannot be read, or something of it does not fit.
    """
    return PoseSet.concat([_poses(file) for file in annotation_files(path)])


def annotation_files(path: Path) -> list[Path]:
    """A file itself; of a folder the annotation files in it and below, by path.

    Raises:
        BadInput: there is no such file or folder, or none in it.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BadInput(f"{path}: there is no such file or folder")
    found = sorted(
        file for file in path.rglob("annot*.mat") if file.name in (TRAINING_FILE, TEST_FILE)
    )
    if not found:
        raise BadInput(f"{path} holds neither {TRAINING_FILE} nor {TEST_FILE}")
    return found


def is_test_file(path: Path) -> bool:
    """By its name: the test set's files are called otherwise than the training's."""
    return path.name == TEST_FILE


def _poses(path: Path) -> PoseSet:
    return _test_poses(path) if is_test_file(path) else _training_poses(path)


def _place(path: Path) -> tuple[str, str]:
    """Names of the two folders that a file lies in."""
    parent = path.absolute().parent
    return parent.parent.name or "unknown", parent.name or "unknown"


# Training


def _training_poses(path: Path) -> PoseSet:
    subject, sequence = _place(path)
    (joints,) = _cells(path, "annot3", 3, (0,))
    rotation, shift = _first_camera(path.with_name(_CALIBRATION))
    world = (joints - shift) @ rotation @ _Y_UP_TO_Z_UP.T
    poses = _finite(path, "annot3", world.astype(np.float32))
    return single_clip(poses, f"3DHP-{subject}", sequence, f"{subject} {sequence}")


def training_keypoints(
    path: Path, cameras: Sequence[int] = CHEST_HEIGHT
) -> Iterator[SeenInTraining]:
    """What cameras see in a training sequence, without any 3D.

    Args:
        path: of an `annot.mat`.
        cameras: numbers of those that are wanted; those that the file lacks are left out.

    Raises:
        BadInput: the file cannot be read or holds something else.
    """
    subject, sequence = _place(path)
    for camera, keypoints in zip(cameras, _cells(path, "annot2", 2, cameras), strict=False):
        points = _finite(path, "annot2", keypoints.astype(np.float32))
        yield SeenInTraining(f"3DHP-{subject}", f"{subject} {sequence}", camera, points)


def _cells(path: Path, name: str, axes: int, cameras: Sequence[int]) -> list[np.ndarray]:
    """(frames, 17, axes) float64 of cameras, as far as the file has them."""
    cells = load_mat(path, [name])[name]
    if cells.dtype.kind != "O" or cells.size == 0:
        raise BadInput(f"{path}, {name} should be cells, one a camera, got {_in_words(cells)}")
    there = list(cells.flat)
    found = [there[camera] for camera in cameras if camera < len(there)]
    for cell in found:
        if cell.ndim != 2 or cell.shape[1] != 28 * axes:
            wanted = f"(frames, {28 * axes})"
            raise BadInput(f"{path}, {name}: a cell should be {wanted}, got {_in_words(cell)}")
    joints = [cell.astype(np.float64).reshape(len(cell), 28, axes) for cell in found]
    return [each[:, FROM_28] for each in joints]


def _in_words(array: np.ndarray) -> str:
    return f"{array.dtype} of shape {array.shape}"


def _first_camera(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (3, 3) and shift (3,) mm, world to camera, of the first camera of a calibration."""
    if not path.is_file():
        raise BadInput(f"{path} should lie beside {TRAINING_FILE}: it says how the cameras stand")
    found = re.search(r"^\s*extrinsic\s+(.+)$", path.read_text(errors="replace"), re.MULTILINE)
    try:
        numbers = np.array(found[1].split(), np.float64) if found else np.zeros(0)
    except ValueError:
        numbers = np.zeros(0)
    if numbers.shape != (16,) or not np.isfinite(numbers).all():
        raise BadInput(f"{path} should hold an extrinsic matrix of 16 numbers")
    matrix = numbers.reshape(4, 4)
    rotation = matrix[:3, :3]
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3):
        raise BadInput(f"{path}: the extrinsic matrix should hold a rotation")
    return rotation, matrix[:3, 3]


# Test


def _test_poses(path: Path) -> PoseSet:
    clip = load_held_out_clip(path)
    world = (clip.universal @ LEVEL).astype(np.float32)
    return PoseSet(
        poses=world,
        subject=np.full(len(world), clip.subject),
        action=clip.action,
        clip=np.full(len(world), clip.name),
        frame=clip.frame.astype(np.int32),
    )


def load_held_out_clip(path: Path) -> HeldOutClip:
    """The valid frames of an `annot_data.mat`.

    Raises:
        BadInput: the file cannot be read, or an array of it does not fit.
    """
    name = _place(path)[1]
    names = ("valid_frame", "activity_annotation", "annot2", "annot3", "univ_annot3")
    found = load_mat(path, names)
    valid = np.flatnonzero(found["valid_frame"].ravel() == 1)
    frames = found["valid_frame"].size
    activity = found["activity_annotation"].ravel()
    if activity.size != frames:
        raise BadInput(
            f"{path}: activity_annotation should have {frames} rows, got {activity.size}"
        )
    kept = {
        array: _finite(path, array, _of_17(path, array, found[array], axes, frames)[valid])
        for array, axes in (("annot2", 2), ("annot3", 3), ("univ_annot3", 3))
    }
    return HeldOutClip(
        subject=f"3DHP-{name}",
        name=name,
        frame=valid,
        universal=kept["univ_annot3"],
        metric=kept["annot3"],
        keypoints=kept["annot2"],
        action=np.array([_activity(path, number) for number in activity[valid]], dtype=str),
    )


def _of_17(path: Path, name: str, array: np.ndarray, axes: int, frames: int) -> np.ndarray:
    """(frames, 17, axes) float64 in our order of joints."""
    if array.dtype.kind == "O" or array.size != axes * 17 * frames or array.shape[:2] != (axes, 17):
        wanted = f"({axes}, 17, 1, {frames})"
        raise BadInput(f"{path}, {name} should be {wanted}, got {_in_words(array)}")
    by_frame = array.astype(np.float64).reshape(axes, 17, frames).transpose(2, 1, 0)
    return by_frame[:, FROM_17]


def _activity(path: Path, number: float) -> str:
    if not (number == int(number) and 1 <= number <= len(ACTIVITIES)):
        wanted = f"1 to {len(ACTIVITIES)}"
        raise BadInput(f"{path}: activity_annotation should be {wanted}, got {number:g}")
    return ACTIVITIES[int(number) - 1]


def _finite(path: Path, name: str, joints: np.ndarray) -> np.ndarray:
    bad = np.argwhere(~np.isfinite(joints))
    if len(bad):
        row, joint, _ = bad[0]
        raise BadInput(
            f"{path}, {name}, row {row}: joint {JOINT_NAMES[joint]} should be finite, "
            f"got {joints[tuple(bad[0])]}"
        )
    return joints
