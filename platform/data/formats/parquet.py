"""Poses in a Parquet file: columns `subject, action, clip, frame, pose`.

`pose` holds 51 numbers a row, joint-major x y z of Human3.6M's 17 joints, world millimetres, z up;
the other columns may be left out.
"""

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.files import whole_file
from evoskeleton.platform.data.mocap.motion import FAR_MM, nearer_the_origin
from evoskeleton.platform.data.poses import PoseSet

_log = logging.getLogger(__name__)

_NUMBERS = 3 * len(JOINT_NAMES)
_RATE = b"frames_per_second"
_ROUNDED_MM = 1.6e7
"""Farther from the origin, float32 rounds coordinates by a millimetre and more."""

_LARGEST_FRAME = np.iinfo(np.int32).max
_COLUMNS = ("subject", "action", "clip", "frame", "pose")


def load_parquet(path: Path) -> PoseSet:
    """All rows of a file.

    Subject and action default to "unknown", the clip to the file's name, frames to a count.

    Raises:
        BadInput: the file is missing, is not Parquet, or its `pose` column has another width.
    """
    table = _read(path)
    exact = _poses(table["pose"], path)
    count = len(exact)
    texts = {
        name: _texts(table, name, default, path)
        for name, default in (("subject", "unknown"), ("action", "unknown"), ("clip", path.stem))
    }
    frames = _frames(table, path) if "frame" in table.column_names else np.arange(count)
    _, number = np.unique(np.stack([texts["subject"], texts["clip"]]), axis=1, return_inverse=True)
    poses = _near(exact, number.reshape(-1), path)
    frames = _small(frames, number.reshape(-1), path)
    return PoseSet(poses, texts["subject"], texts["action"], texts["clip"], frames)


def _near(poses: np.ndarray, clip: np.ndarray, path: Path) -> np.ndarray:
    """float32 poses; clips far from the origin lose their offset first."""
    finite = np.where(np.isfinite(poses), poses, 0.0)
    far = np.unique(clip[np.abs(finite).max(axis=(1, 2), initial=0.0) > FAR_MM])
    if poses.dtype == np.float32:
        if (np.abs(finite) > _ROUNDED_MM).any():
            raise BadInput(
                f"{path}: coordinates more than {_ROUNDED_MM / 1e6:.0f} km from the origin are "
                "rounded to millimetres in float32: take a clip's offset off before writing them, "
                "or write float64"
            )
        return poses
    for number in far:
        rows = clip == number
        poses[rows], notes = nearer_the_origin(poses[rows])
        if notes and number == far[0]:
            others = f" (and of {len(far) - 1} clips more)" if len(far) > 1 else ""
            _log.warning("%s: %s%s", path.name, " ".join(notes), others)
    with np.errstate(over="ignore"):  # what has become infinite is refused with its row
        return poses.astype(np.float32)


def _small(frames: np.ndarray, clip: np.ndarray, path: Path) -> np.ndarray:
    """int32 frames; numbers that do not fit, such as time stamps, are counted from their clip's."""
    if np.abs(frames, dtype=np.float64).max(initial=0.0) <= _LARGEST_FRAME:
        return frames.astype(np.int32)
    _log.warning(
        "%s: frame numbers are too large and counted from the first of each clip", path.name
    )
    counted = np.empty(len(frames), np.int32)
    for number in np.unique(clip):
        rows = clip == number
        counted[rows] = np.unique(frames[rows], return_inverse=True)[1].reshape(-1)
    return counted


def kept_rate(path: Path) -> float | None:
    """Frames a second as a file keeps them; None where it says nothing or cannot be read."""
    try:
        words = pq.read_schema(path).metadata or {}
        rate = float(words[_RATE])
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None
    return rate if 0.0 < rate < math.inf else None


def write_parquet(
    path: Path,
    poses: PoseSet,
    *,
    overwrite: bool = False,
    rate: float | None = None,
    told: Mapping[bytes, str] | None = None,
) -> None:
    """Write a file that `load_parquet` reads; it appears whole or not at all.

    Args:
        path: its place.
        poses: its rows.
        overwrite: replace what is there.
        rate: frames a second, kept beside the rows.
        told: what else is kept beside them.

    Raises:
        BadInput: the file is there already, or it cannot be written.
    """
    numbers = pa.array(poses.poses.reshape(-1), pa.float32())
    columns = {name: pa.array(getattr(poses, name)) for name in ("subject", "action", "clip")}
    columns["frame"] = pa.array(poses.frame, pa.int32())
    columns["pose"] = pa.FixedSizeListArray.from_arrays(numbers, _NUMBERS)
    table = pa.table(columns)
    words = dict(told or {}) | ({} if rate is None else {_RATE: f"{rate:.9g}"})
    table = table.replace_schema_metadata(words or None)
    with whole_file(path, overwrite) as file:
        pq.write_table(table, file)


def _read(path: Path) -> pa.Table:
    if not path.exists():
        raise BadInput(f"{path}: there is no such file")
    try:
        parts = _partitions(path) if path.is_dir() else None
        names = (pq.read_schema(path) if parts is None else parts.schema).names
        wanted = [name for name in _COLUMNS if name in names]
        table = pq.read_table(path, columns=wanted) if parts is None else parts.to_table(wanted)
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise BadInput(
            f"{path} cannot be read as Parquet: {' '.join(str(error).split())}"
        ) from None
    if "pose" not in table.column_names:
        raise BadInput(f"{path} should have a column pose, got {', '.join(names)}")
    return table


def is_partitioned(folder: Path) -> bool:
    """Whether a folder holds a table in parts by columns, such as `subject=S1/part-0.parquet`."""
    try:
        return any("=" in part.name and part.is_dir() for part in folder.iterdir())
    except OSError:
        return False


def _partitions(folder: Path) -> Any:
    """The files of such a folder as one table; the parts' names are texts."""
    import pyarrow.dataset as ds

    keys = {part.name.partition("=")[0] for part in folder.rglob("*=*") if part.is_dir()}
    named = [name for name in ("subject", "action", "clip") if name in keys]
    texts = pa.schema([(name, pa.string()) for name in named])
    by_name = ds.partitioning(texts, flavor="hive")
    return ds.dataset(folder, format="parquet", partitioning=by_name)


def _poses(column: pa.ChunkedArray, path: Path) -> np.ndarray:
    """(n, 17, 3) float32 or float64 of a list column; the row of a wrong width is named."""
    kind = column.type
    if _is_list(kind) and _is_list(kind.value_type):
        column = _flat(column)
        kind = column.type
    if not _is_list(kind):
        raise BadInput(f"{path}: column pose should hold lists of {_NUMBERS} numbers, got {kind}")
    rows = column.combine_chunks()
    widths = np.asarray(rows.value_lengths().fill_null(0))
    if len(wrong := np.flatnonzero(widths != _NUMBERS)):
        raise BadInput(
            f"{path}: pose should hold {_NUMBERS} numbers (17 joints, x y z), "
            f"got {widths[wrong[0]]} in row {wrong[0]}"
        )
    try:
        flat = rows.flatten()
        numbers = flat.cast(pa.float64() if flat.type == pa.float64() else pa.float32())
    except pa.ArrowException:
        raise BadInput(f"{path}: pose should hold numbers, got {kind.value_type}") from None
    return np.array(numbers.to_numpy(zero_copy_only=False)).reshape(-1, len(JOINT_NAMES), 3)


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Lists of 17 lists of 3 numbers as lists of 51."""
    rows = column.combine_chunks()
    joints = rows.flatten()
    widths = np.asarray(joints.value_lengths().fill_null(0))
    counts = np.asarray(rows.value_lengths().fill_null(0))
    if len(joints) and (widths != widths[0]).any():
        return column
    width = int(widths[0]) if len(joints) else 0
    ends = np.concatenate([[0], np.cumsum(counts * width)]).astype(np.int64)
    return pa.chunked_array([pa.LargeListArray.from_arrays(pa.array(ends), joints.flatten())])


def _texts(table: pa.Table, name: str, default: str, path: Path) -> np.ndarray:
    if name not in table.column_names:
        return np.full(table.num_rows, default)
    column = table[name]
    if column.null_count:
        raise BadInput(f"{path}: column {name} should have a value in every row")
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return np.asarray(column.cast(pa.string()).to_pylist(), dtype=np.str_)


def _frames(table: pa.Table, path: Path) -> np.ndarray:
    column = table["frame"]
    if not pa.types.is_integer(column.type) or column.null_count:
        raise BadInput(f"{path}: column frame should hold whole numbers, got {column.type}")
    frames: np.ndarray = column.to_numpy()
    return frames
