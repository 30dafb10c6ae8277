"""Poses in a Parquet file: columns `subject, action, clip, frame, pose`.

`pose` holds 51 numbers a row, joint-major x y z of Human3.6M's 17 joints, world millimetres, z up;
the other columns may be left out.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.files import whole_file
from evoskeleton.platform.data.poses import PoseSet

_NUMBERS = 3 * len(JOINT_NAMES)
_COLUMNS = ("subject", "action", "clip", "frame", "pose")


def load_parquet(path: Path) -> PoseSet:
    """All rows of a file.

    Subject and action default to "unknown", the clip to the file's name, frames to a count.

    Raises:
        BadInput: the file is missing, is not Parquet, or its `pose` column has another width.
    """
    table = _read(path)
    poses = _poses(table["pose"], path)
    count = len(poses)
    texts = {
        name: _texts(table, name, default, path)
        for name, default in (("subject", "unknown"), ("action", "unknown"), ("clip", path.stem))
    }
    frames = _frames(table, path) if "frame" in table.column_names else np.arange(count)
    return PoseSet(poses, texts["subject"], texts["action"], texts["clip"], frames.astype(np.int32))


def write_parquet(path: Path, poses: PoseSet, *, overwrite: bool = False) -> None:
    """Write a file that `load_parquet` reads; it appears whole or not at all.

    Raises:
        BadInput: the file is there already, or it cannot be written.
    """
    numbers = pa.array(poses.poses.reshape(-1), pa.float32())
    columns = {name: pa.array(getattr(poses, name)) for name in ("subject", "action", "clip")}
    columns["frame"] = pa.array(poses.frame, pa.int32())
    columns["pose"] = pa.FixedSizeListArray.from_arrays(numbers, _NUMBERS)
    with whole_file(path, overwrite) as file:
        pq.write_table(pa.table(columns), file)


def _read(path: Path) -> pa.Table:
    if not path.exists():
        raise BadInput(f"{path}: there is no such file")
    try:
        names = pq.read_schema(path).names
        table = pq.read_table(path, columns=[name for name in _COLUMNS if name in names])
    except (OSError, pa.ArrowException) as error:
        raise BadInput(
            f"{path} cannot be read as Parquet: {' '.join(str(error).split())}"
        ) from None
    if "pose" not in table.column_names:
        raise BadInput(f"{path} should have a column pose, got {', '.join(names)}")
    return table


def _poses(column: pa.ChunkedArray, path: Path) -> np.ndarray:
    """(n, 17, 3) float32 of a list column; the row of a wrong width is named."""
    kind = column.type
    if not (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    ):
        raise BadInput(f"{path}: column pose should hold lists of {_NUMBERS} numbers, got {kind}")
    rows = column.combine_chunks()
    widths = np.asarray(rows.value_lengths().fill_null(0))
    if len(wrong := np.flatnonzero(widths != _NUMBERS)):
        raise BadInput(
            f"{path}: pose should hold {_NUMBERS} numbers (17 joints, x y z), "
            f"got {widths[wrong[0]]} in row {wrong[0]}"
        )
    try:
        numbers = rows.flatten().cast(pa.float32())
    except pa.ArrowException:
        raise BadInput(f"{path}: pose should hold numbers, got {kind.value_type}") from None
    return np.array(numbers.to_numpy(zero_copy_only=False)).reshape(-1, len(JOINT_NAMES), 3)


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
