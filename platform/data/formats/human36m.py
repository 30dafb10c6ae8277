"""Dictionaries of Human3.6M poses, as Li 2020 (https://arxiv.org/abs/2006.07778) keeps them.

An `.npy` file with `{(subject, action, file): rows}`, such as `(1, "Walking", "Seq 1.h5")`: rows
of 96 numbers (Human3.6M's 32 joints, x y z) or of 51 (the 17 that move), world millimetres, z up.

Here subject 1 is "S1"; the clip is the file's name, with "<action>/" before it where the name ends
in .h5 and does not begin with the action, since such names repeat from action to action; and the
frame is the row.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import H36M_32_INDEX, JOINT_NAMES
from evoskeleton.files import whole_file
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.safe_npy import load_object, printable, write_object

TEST_SUBJECTS = (9, 11)
"""Subjects on whom the field tests: made-up poses are never filed under them."""

TRAINING_SUBJECTS = (1, 5, 6, 7, 8)
"""Subjects on whom the field trains, and whose cameras its programs know."""

SAME_PLACE_32 = (
    0, 1, 2, 3, 3, 3, 6, 7, 8, 8, 8, 0, 12, 13, 14, 15,
    13, 17, 18, 19, 19, 19, 19, 19, 13, 25, 26, 27, 27, 27, 27, 27,
)  # fmt: skip
"""Where each of the 32 joints is put in a file that we write: the 17 at their own place, of the
others the toes at the ankle, the hands at the wrist, the second hip at the hip and the inner ends
of the collar bones at the thorax, so that none of them is lowest by itself."""

_JOINTS = len(JOINT_NAMES)
_SUBJECT = re.compile(r"S?(0|[1-9]\d{0,8})")
_LONGEST_NAME = 200


def load_human36m(path: Path) -> PoseSet:
    """All rows of a dictionary, in its order.

    Raises:
        BadInput: there is no such file, it asks for more than data, or an entry does not fit; the
            sentence names the key, and the row where there is one.
    """
    entries = load_object(path)
    if not isinstance(entries, dict):
        raise BadInput(
            f"{path} should hold a dictionary by (subject, action, file), "
            f"got {type(entries).__name__}"
        )
    clips = [clip_of_entry(path, key, rows) for key, rows in entries.items()]
    return joined(path, clips)


def write_human36m(
    path: Path, poses: PoseSet, *, pseudo_subjects: bool = False, overwrite: bool = False
) -> dict[str, int]:
    """Write the dictionary, with rows of 96 float32, for `numpy.load(..., allow_pickle=True)`.

    Rows of a clip are sorted by frame and then counted anew. The file appears whole or not at all.

    Args:
        path: of the file.
        poses: at least one; the joints that they lack are placed by `SAME_PLACE_32`.
        pseudo_subjects: give numbers to subjects that have none; see `number_subjects`.
        overwrite: replace a file that is there.

    Returns:
        The number of every subject by its name.

    Raises:
        BadInput: a subject has no number, a pose is not finite, two clips would get the same key,
            the file is there already, or it cannot be written.
    """
    numbers = number_subjects(sorted(set(poses.subject.tolist())), pseudo_subjects)
    entries: dict[tuple[int, str, str], np.ndarray] = {}
    for (subject, action, clip), rows in by_clip(poses).items():
        key = numbers[subject], action, _clip_to_file(action, clip)
        if key in entries:
            raise BadInput(f"two clips of subject {subject} would be written as {key}")
        entries[key] = joints_to_32(rows).reshape(-1, 96)
    with whole_file(path, overwrite) as file:
        write_object(file, entries)
    return numbers


def number_subjects(names: Sequence[str], pseudo_subjects: bool = False) -> dict[str, int]:
    """Numbers of subjects, as the field's files know them.

    "S7" and "7" are 7. With `pseudo_subjects`, the others get the first numbers that are free, in
    the order of their names: 1, 5, 6, 7, 8, then 2, 3, 4, 10, 12, 13, ..., never 9 or 11.

    Raises:
        BadInput: a name has no number, or two names have the same.
    """
    numbers = {name: int(found[1]) for name in names if (found := _SUBJECT.fullmatch(name))}
    nameless = [name for name in names if name not in numbers]
    if nameless and not pseudo_subjects:
        raise BadInput(
            f"subjects should be numbers such as S1 or 1, got {printable(nameless[0])}; "
            "pseudo-subjects on request give it a number"
        )
    if len(set(numbers.values())) < len(numbers):
        raise BadInput(
            f"two subjects have the same number: {printable(', '.join(sorted(numbers)))}"
        )
    return numbers | dict(zip(nameless, _free_numbers(set(numbers.values())), strict=False))


def _free_numbers(taken: set[int]) -> Iterator[int]:
    others = (number for number in count(1) if number not in TRAINING_SUBJECTS + TEST_SUBJECTS)
    return (number for number in chain(TRAINING_SUBJECTS, others) if number not in taken)


# One entry


def clip_of_entry(path: Path, key: Any, rows: Any) -> PoseSet:
    """Rows of a (subject, action, file) as a clip.

    Raises:
        BadInput: the key is none, or the rows do not fit.
    """
    where = f"{path}, {printable(str(key))}"
    if not (isinstance(key, tuple) and len(key) == 3 and _is_subject(key[0])):
        pictures = "; 2D of pictures is for `lift` and `data keypoints`" * isinstance(rows, dict)
        raise BadInput(f"{where}: a key should be (subject number, action, file)" + pictures)
    action, file = (checked_name(where, part) for part in key[1:])
    joints = rows_to_joints(where, rows)
    return single_clip(joints, f"S{key[0]}", action, file_to_clip(action, file))


def _is_subject(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= 0


def checked_name(where: str, name: Any) -> str:
    """A text that can stand in a column: not empty, on one line, of bounded length.

    Raises:
        BadInput: it is none.
    """
    if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= _LONGEST_NAME:
        wanted = f"texts of 1 to {_LONGEST_NAME} characters"
        raise BadInput(f"{where}: names should be {wanted}, got {printable(repr(name))}")
    return name


def file_to_clip(action: str, file: str) -> str:
    """What a file of an action is called here: names such as "Seq 1.h5" come with every action."""
    repeats = file.endswith(".h5") and not file.startswith(action)
    return f"{action}/{file}" if repeats else file


def _clip_to_file(action: str, clip: str) -> str:
    file = clip.removeprefix(f"{action}/")
    return file if file_to_clip(action, file) == clip else clip


def rows_to_joints(where: str, rows: Any) -> np.ndarray:
    """(n, 96) or (n, 51) numbers as (n, 17, 3) float32, in the same unit.

    Raises:
        BadInput: rows of another width, or a joint that is used is not finite; the row is named.
    """
    wanted = "rows of 96 numbers (32 joints) or 51 (17 joints)"
    one_by_one = isinstance(rows, np.ndarray) and rows.dtype.kind == "O" and rows.ndim > 0
    if one_by_one or isinstance(rows, list):
        rows = _even_rows(where, rows, wanted)
    if not isinstance(rows, np.ndarray) or rows.dtype.kind not in "iuf" or rows.ndim != 2:
        raise BadInput(f"{where} should hold {wanted}, got {_described(rows)}")
    if rows.shape[1] not in (96, 51):
        flat = rows.shape[1] in (64, 34, 32)
        keypoints = ", which looks like 2D keypoints" if flat else ""
        keypoints += ": `lift` reads them" if flat else ""
        raise BadInput(f"{where} should hold {wanted}, got rows of {rows.shape[1]}{keypoints}")
    return joints_to_17(where, rows.reshape(len(rows), rows.shape[1] // 3, 3))


def _even_rows(where: str, rows: Any, wanted: str) -> np.ndarray:
    """Rows that were kept one by one, and so may differ in width."""
    even: list[np.ndarray] = []
    for number, row in enumerate(rows):
        try:
            numbers = np.asarray(row, dtype=np.float64)
        except (TypeError, ValueError):
            raise BadInput(f"{where}, row {number} should hold numbers") from None
        if numbers.shape not in ((96,), (51,)) or (even and numbers.shape != even[0].shape):
            raise BadInput(f"{where}, row {number}: {wanted} should be here, got {numbers.shape}")
        even.append(numbers)
    return np.array(even)


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    return type(value).__name__


def joints_to_17(where: str, joints: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """The 17 joints of (n, 32 or 17, 3), times `scale`, as float32.

    Raises:
        BadInput: one of them is not finite; the row is named.
    """
    if joints.shape[1] == 32:
        joints = joints[:, H36M_32_INDEX]
    with np.errstate(over="ignore"):
        scaled = (joints if scale == 1.0 else joints * np.float64(scale)).astype(np.float32)
    bad = np.argwhere(~np.isfinite(scaled))
    if len(bad):
        row, joint, axis = bad[0]
        value = joints[row, joint, axis]
        raise BadInput(
            f"{where}, row {row}: joint {JOINT_NAMES[joint]} should be finite, got {value}"
        )
    return scaled


def joints_to_32(joints: np.ndarray) -> np.ndarray:
    """(n, 17, 3) joints in Human3.6M's layout of (n, 32, 3); see `SAME_PLACE_32`."""
    place = {joint: at for at, joint in enumerate(H36M_32_INDEX)}
    return joints[:, [place[joint] for joint in SAME_PLACE_32]]


# All entries


def joined(path: Path, clips: Sequence[PoseSet]) -> PoseSet:
    """The clips of a file as one set.

    Raises:
        BadInput: there is not a single pose.
    """
    if sum(map(len, clips)) == 0:
        raise BadInput(f"{path} holds no poses")
    return PoseSet.concat(clips)


def by_clip(poses: PoseSet) -> dict[tuple[str, str, str], np.ndarray]:
    """(n, 17, 3) rows of each (subject, action, clip), sorted by frame; in order of appearance.

    Raises:
        BadInput: there are no poses, one is not finite, or a name could not be read back.
    """
    if len(poses) == 0:
        raise BadInput("there are no poses to write")
    bad = ~np.isfinite(poses.poses).all(axis=(1, 2))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        where = f"clip {poses.clip[row]}, frame {poses.frame[row]}"
        raise BadInput(f"{where}: coordinates should be finite")
    rows: dict[tuple[str, str, str], list[int]] = {}
    names = zip(poses.subject.tolist(), poses.action.tolist(), poses.clip.tolist(), strict=True)
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    for part in {part for name in rows for part in name}:
        checked_name("poses to write", part)
    return {name: poses.poses[_by_frame(poses, np.array(of))] for name, of in rows.items()}


def _by_frame(poses: PoseSet, rows: np.ndarray) -> np.ndarray:
    return rows[np.argsort(poses.frame[rows], kind="stable")]
