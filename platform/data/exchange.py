"""Poses from files of any known format into one Parquet file, and out again in others' formats."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.files import only_writer
from evoskeleton.platform.data import motion_files
from evoskeleton.platform.data.formats.human36m import write_human36m
from evoskeleton.platform.data.formats.parquet import kept_rate, load_parquet, write_parquet
from evoskeleton.platform.data.formats.videopose3d import write_videopose3d
from evoskeleton.platform.data.mocap.motion import SAME_RATE
from evoskeleton.platform.data.origin import as_text
from evoskeleton.platform.data.poses import PoseSet
from evoskeleton.platform.data.sources.file_kinds import (
    declared_rate,
    expect_one_rate,
    readable_files,
)
from evoskeleton.platform.data.sources.load import load
from evoskeleton.platform.data.sources.origins import KEPT, origins_in, origins_of
from evoskeleton.platform.data.sources.settings import Declared, SourceSettings

FORMATS = ("parquet", "human36m", "videopose3d", *motion_files.FORMATS)


def import_poses(
    sources: Sequence[SourceSettings], output: Path, append: bool = False, overwrite: bool = False
) -> PoseSet:
    """Write the poses of all sources into one Parquet file, or nothing at all.

    Args:
        sources: at least one.
        output: the file; it may only be there already if it is appended to or replaced.
        append: keep what the file holds, and add to it; of several at once, one after the other.
        overwrite: drop what the file holds.

    Returns:
        What was added; frames a second are kept in the file where they are known, and so is
        where the poses are from, see `sources.origins`.

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
    _common_rate(sources, output if append else None)
    added = PoseSet.concat([load(source) for source in sources])
    origins = [origin for source in sources for origin in origins_of(source)]
    with only_writer(output):
        rate = _common_rate(sources, output if append else None)
        parts = [load_parquet(output), added] if append and output.exists() else [added]
        merged = PoseSet.concat(parts).ordered()
        _refuse_twice(merged)
        before = origins_in(output) if append and output.exists() else []
        told = {KEPT: as_text([*before, *origins])}
        write_parquet(output, merged, overwrite=append or overwrite, rate=rate, told=told)
    return added


def _common_rate(sources: Sequence[SourceSettings], there: Path | None) -> float | None:
    """Frames a second of all sources and of what is appended to, where they are known.

    Raises:
        BadInput: two of them differ.
    """
    rates = [(str(source.path), _rate(source)) for source in sources]
    if there is not None and there.exists():
        rates.append((str(there), kept_rate(there)))
    known = [(name, rate) for name, rate in rates if rate is not None]
    for name, rate in known:
        first, expected = known[0]
        if not math.isclose(rate, expected, rel_tol=SAME_RATE):
            raise BadInput(
                f"{name} has {rate:.4g} frames a second and {first} {expected:.4g}: "
                "name a common rate with --fps"
            )
    return known[0][1] if known else None


def _rate(source: SourceSettings) -> float | None:
    """Frames a second that a source will have."""
    if isinstance(source, Declared) and source.fps is not None:
        return source.fps
    if source.path is None:
        return None
    path = Path(source.path).expanduser()
    files = readable_files(path) if path.is_dir() and source.kind == "folder" else [path]
    found = (declared_rate(file) for file in files)
    own = next((rate for rate in found if rate is not None), None)
    return own if own is not None else getattr(source, "rate", None)


def _refuse_twice(poses: PoseSet) -> None:
    """Of rows in order, the same subject, clip and frame would follow one another."""
    columns = (poses.subject, poses.clip, poses.frame)
    twice = np.flatnonzero(np.all([column[1:] == column[:-1] for column in columns], axis=0))
    if len(twice):
        row = int(twice[0])
        where = f"clip {poses.clip[row]} of subject {poses.subject[row]}"
        twice_told = f"{where} is there twice, such as its frame {poses.frame[row]}"
        raise BadInput(
            f"{twice_told}; the setting subject, or --subject-from folder, tells people apart"
        )


def export_poses(
    poses: PoseSet,
    output: Path,
    kind: str,
    pseudo_subjects: bool = False,
    overwrite: bool = False,
    rate: float | None = None,
) -> dict[str, int]:
    """Write poses in one of `FORMATS`; files of motion for each clip, see `motion_files`.

    Returns:
        The number that each subject got, by name; nothing for formats that keep names.

    Raises:
        BadInput: the poses do not fit the format, or the file is there or cannot be written.
    """
    if kind == "parquet":
        write_parquet(output, poses, overwrite=overwrite, rate=rate)
        return {}
    if kind in motion_files.FORMATS:
        motion_files.write_motions(output, poses, kind, rate, overwrite)
        return {}
    write = write_human36m if kind == "human36m" else write_videopose3d
    return write(output, poses, pseudo_subjects=pseudo_subjects, overwrite=overwrite)
