"""Rows of a campaign as Arrow tables, and poses back as arrays."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.data.table.parts import ROW_GROUP
from evoskeleton.platform.data.table.schema import NUMBERS, SCHEMA


def refuse_strangers(generation: int, rows: PoseRows) -> None:
    """Refuse rows of another generation.

    Raises:
        BadInput: there are some.
    """
    if rows.generation is not None and (rows.generation != generation).any():
        raise BadInput(
            f"rows of generation {generation} should be committed, got some of another generation"
        )


def as_tables(campaign: str, generation: int, rows: PoseRows) -> Iterator[pa.Table]:
    """Rows in the schema of the table, sorted by id, a row group at a time."""
    order = np.argsort(rows.id, kind="stable")
    for start in range(0, len(order), ROW_GROUP):
        yield _as_table(campaign, generation, rows.take(order[start : start + ROW_GROUP]))


def _as_table(campaign: str, generation: int, rows: PoseRows) -> pa.Table:
    count = len(rows)
    fixed = {
        "campaign": np.full(count, campaign),
        "generation": np.full(count, generation, np.int32),
        "island": np.zeros(count, np.int32),
    }
    given = fixed | rows.columns()
    poses = given.pop("poses")
    arrays = {name: pa.array(part, from_pandas=True) for name, part in given.items()}
    arrays["pose"] = pa.ListArray.from_arrays(
        pa.array(np.arange(0, NUMBERS * count + 1, NUMBERS, dtype=np.int32)),
        pa.array(np.ascontiguousarray(poses, dtype=np.float32).reshape(-1)),
    )
    for name in ("mother", "father", "replaces"):
        if name in arrays:
            known = pc.greater_equal(arrays[name], 0)
            arrays[name] = pc.if_else(known, arrays[name], pa.scalar(None, pa.int64()))
    return pa.table(
        [
            arrays[field.name].cast(field.type)
            if field.name in arrays
            else pa.nulls(count, field.type)
            for field in SCHEMA
        ],
        schema=SCHEMA,
    )


def as_poses(poses: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """(rows, 17, 3) float32 of a column of poses, without a copy where it is one piece.

    Arrow counts the numbers of a piece in 32 bits, so a column of more than 42 million poses
    is in pieces and never joined there.
    """
    if not isinstance(poses, pa.ChunkedArray):
        return _numbers(poses)
    if poses.num_chunks == 1:
        return _numbers(poses.chunk(0))
    whole = np.empty((len(poses), len(JOINT_NAMES), 3), np.float32)
    place = 0
    for piece in poses.iterchunks():
        whole[place : place + len(piece)] = _numbers(piece)
        place += len(piece)
    return whole


def _numbers(poses: pa.Array) -> np.ndarray:
    return np.asarray(poses.flatten()).reshape(-1, len(JOINT_NAMES), 3)
