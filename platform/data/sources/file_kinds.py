"""A folder of files of any known format, read as one source."""

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.formats.amass import amass_rate, holds_amass, is_shape_only
from evoskeleton.platform.data.formats.mpi_inf_3dhp import TEST_FILE, TRAINING_FILE
from evoskeleton.platform.data.formats.panoptic import is_panoptic, panoptic_rate
from evoskeleton.platform.data.formats.parquet import is_partitioned, kept_rate
from evoskeleton.platform.data.markers.c3d import c3d_rate
from evoskeleton.platform.data.markers.trc import trc_rate
from evoskeleton.platform.data.mocap.motion import SAME_RATE
from evoskeleton.platform.data.mocap.pose_array import is_pose_array

SUFFIXES = {
    ".parquet": "parquet",
    ".npy": "human36m",
    ".npz": "videopose3d",
    ".bvh": "bvh",
    ".amc": "amc",
    ".trc": "trc",
    ".c3d": "c3d",
    ".pkl": "3dpw",
}
"""Kinds by the end of a file's name; an ASF is read with the AMC files that go with it."""


def kind_of(path: Path) -> str:
    """The kind of a file or folder by its name; what is not there is taken for Parquet.

    An `.npy` file is looked into: numbers are poses, a dictionary is EvoSkeleton's.

    Raises:
        BadInput: a file is of no known kind.
    """
    if is_panoptic(path):
        return "panoptic"
    if path.is_dir():
        if (path / "_delta_log").is_dir():
            return "table"
        return "parquet" if is_partitioned(path) else "folder"
    if path.name in (TRAINING_FILE, TEST_FILE):
        return "mpi-inf-3dhp"
    if path.suffix.lower() == ".npy" and is_pose_array(path):
        return "array"
    if path.suffix.lower() == ".npz" and holds_amass(path):
        return "amass"
    known = SUFFIXES.get(path.suffix.lower())
    if known is None and path.is_file() and not _begins(path, b"PAR1"):
        raise BadInput(
            f"{path}: files of this kind are not read as poses: known are {', '.join(SUFFIXES)}"
            f"{_INSTEAD.get(path.suffix.lower(), '')}"
        )
    return known or "parquet"


_AS_BVH = "; Blender and other programs export the motion of such a file as BVH"
_AS_KEYPOINTS = "; 2D keypoints are for `lift` and `data keypoints`"
_INSTEAD = {
    **dict.fromkeys((".fbx", ".glb", ".gltf", ".vmd", ".blend", ".vrm", ".vrma", ".usd"), _AS_BVH),
    **dict.fromkeys((".json", ".csv", ".h5", ".txt"), _AS_KEYPOINTS),
    ".asf": "; an ASF is read with the AMC files of its folder",
    ".zip": "; unpack it, and name the folder",
}


def _begins(path: Path, start: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(start)) == start
    except OSError:
        return False


def readable_files(folder: Path) -> list[Path]:
    """The files of a folder and of those within it that have a known kind, by path.

    Raises:
        BadInput: there is no such folder, or nothing in it can be read.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder")
    found = sorted({read for path in files_below(folder) for read in _read_as(path)})
    if not found:
        raise BadInput(f"{folder} holds no file to read: known are {', '.join(SUFFIXES)}")
    return found


def _read_as(path: Path) -> list[Path]:
    """What is read for a file: itself, its folder where that is one take, or nothing."""
    if is_panoptic(path):
        return [path.parent]
    known = path.suffix.lower() in SUFFIXES and not is_shape_only(path)
    return [path] if known else []


def files_below(folder: Path) -> Iterator[Path]:
    """All files below a folder, through links, but for what is hidden below it.

    Each folder is visited once, however many links lead to it.
    """
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) * (
            real not in seen
        )
        if real in seen:
            continue
        seen.add(real)
        there = (Path(place, name) for name in files if not name.startswith("."))
        yield from (path for path in there if path.is_file())


def expect_one_rate(files: Sequence[Path], fps: float | None) -> None:
    """Refuse motion at different frame rates: the slower clips would count for less.

    Args:
        files: of any kind; those that declare no rate pass.
        fps: what the files are brought to; none: they have to agree.

    Raises:
        BadInput: two files differ.
    """
    if fps is not None:
        return
    rates = [(file, rate) for file in files if (rate := declared_rate(file)) is not None]
    for file, rate in rates:
        first, expected = rates[0]
        if not math.isclose(rate, expected, rel_tol=SAME_RATE):
            raise BadInput(
                f"{file} has {rate:.4g} frames a second and {first} {expected:.4g}: "
                "name a common rate with --fps"
            )


def declared_rate(file: Path) -> float | None:
    """Frames a second of a file that says so; none for others."""
    told = {
        ".parquet": kept_rate,
        ".trc": trc_rate,
        ".c3d": c3d_rate,
        ".npz": amass_rate,
        ".bvh": _bvh_rate,
    }.get(file.suffix.lower())
    if told is not None:
        return told(file)
    return panoptic_rate(file) if is_panoptic(file) else None


def _bvh_rate(file: Path) -> float | None:
    try:
        with open(file, encoding="latin-1") as lines:
            found = next((line for line in lines if line.strip().startswith("Frame Time:")), "")
        return 1.0 / float(found.partition(":")[2])
    except (OSError, ValueError, ZeroDivisionError):
        return None
