"""Poses from files of any known format into one Parquet file, and out again in others' formats."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.formats.human36m import write_human36m
from evoskeleton.platform.data.formats.parquet import load_parquet, write_parquet
from evoskeleton.platform.data.formats.videopose3d import write_videopose3d
from evoskeleton.platform.data.poses import PoseSet
from evoskeleton.platform.data.sources.file_kinds import expect_one_rate
from evoskeleton.platform.data.sources.load import load
from evoskeleton.platform.data.sources.settings import Declared, SourceSettings

FORMATS = ("parquet", "human36m", "videopose3d")


def import_poses(
    sources: Sequence[SourceSettings], output: Path, append: bool = False, overwrite: bool = False
) -> PoseSet:
    """Write the poses of all sources into one Parquet file, or nothing at all.

    Args:
        sources: at least one.
        output: the file; it may only be there already if it is appended to or replaced.
        append: keep what the file holds, and add to it.
        overwrite: drop what the file holds.

    Returns:
        What was added.

    Raises:
        BadInput: a source cannot be read, a clip would be there twice, or the file cannot be
            written; what was imported before stays.
    """
    if output.exists() and not (append or overwrite):
        raise BadInput(f"{output} is there already; --append adds to it")
    rates = [source.fps if isinstance(source, Declared) else None for source in sources]
    for fps in set(rates):
        same = [source.path for source, rate in zip(sources, rates, strict=True) if rate == fps]
        expect_one_rate([Path(path) for path in same if path], fps)
    added = PoseSet.concat([load(source) for source in sources])
    parts = [load_parquet(output), added] if append and output.exists() else [added]
    merged = PoseSet.concat(parts).ordered()
    _refuse_twice(merged)
    write_parquet(output, merged, overwrite=append or overwrite)
    return added


def _refuse_twice(poses: PoseSet) -> None:
    """Of rows in order, the same subject, clip and frame would follow one another."""
    columns = (poses.subject, poses.clip, poses.frame)
    twice = np.flatnonzero(np.all([column[1:] == column[:-1] for column in columns], axis=0))
    if len(twice):
        row = int(twice[0])
        where = f"clip {poses.clip[row]} of subject {poses.subject[row]}"
        raise BadInput(f"{where} is there twice, such as its frame {poses.frame[row]}")


def export_poses(
    poses: PoseSet,
    output: Path,
    kind: str,
    pseudo_subjects: bool = False,
    overwrite: bool = False,
) -> dict[str, int]:
    """Write poses in one of `FORMATS`.

    Returns:
        The number that each subject got, by name; nothing for Parquet, which keeps names.

    Raises:
        BadInput: the poses do not fit the format, or the file is there or cannot be written.
    """
    if kind == "parquet":
        write_parquet(output, poses, overwrite=overwrite)
        return {}
    write = write_human36m if kind == "human36m" else write_videopose3d
    return write(output, poses, pseudo_subjects=pseudo_subjects, overwrite=overwrite)
