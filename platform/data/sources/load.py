"""Where real poses come from: a kind, a place, a filter, and a fraction drawn by its own seed."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import singledispatch
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import yaml

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.body_checks import refuse_lying, refuse_other_order
from evoskeleton.platform.data.poses import PoseSet, check_poses, single_clip
from evoskeleton.platform.data.sources.file_kinds import expect_one_rate, kind_of, readable_files
from evoskeleton.platform.data.sources.settings import (
    KINDS,
    AnnotatedSource,
    DeepMimicSource,
    FolderSource,
    Human36mSource,
    MpiInf3dhpSource,
    OwnSource,
    ParquetSource,
    RecordingSource,
    SourceSettings,
    StandardSource,
    TableSource,
    VideoPose3dSource,
    class_of,
    laid_down,
)
from evoskeleton.platform.data.sources.subjects import by_folder
from evoskeleton.platform.data.sources.subsets import draw_subset
from evoskeleton.settings import with_changes
from evoskeleton.yaml_text import load_yaml

_LAID_DOWN = ("parquet", "human36m", "videopose3d", "mpi-inf-3dhp")
"""Kinds whose format says which axis is up, so that a file may be wrong in it."""

Loader = Callable[[SourceSettings], PoseSet]


@singledispatch
def read(settings: SourceSettings) -> PoseSet:
    """All poses of a source as they are stored; a reader a settings class is registered here.

    Raises:
        BadInput: the source cannot be read.
    """
    if ":" not in settings.kind:
        return read(SourceSettings.parse(settings.model_dump()))
    own = _own_loader(settings.kind)
    return _read_by(own, _as_wanted(own, settings))


def _read_by(own: Loader, settings: SourceSettings) -> PoseSet:
    """What a user's function gives; what it raises is told in a sentence."""
    try:
        poses = own(settings)
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(f"source {settings.kind}: {type(error).__name__}: {error}") from error
    if not isinstance(poses, PoseSet):
        raise BadInput(f"source {settings.kind} should give a PoseSet, got {type(poses).__name__}")
    return poses


@read.register
def _(settings: DeepMimicSource) -> PoseSet:
    from evoskeleton.platform.data.mocap.deepmimic import load_deepmimic

    return load_deepmimic(Path(settings.path) if settings.path else None)


@read.register
def _(settings: StandardSource) -> PoseSet:
    from evoskeleton.evolution.hierarchy import decode
    from evoskeleton.evolution.limits.sampling import template_body

    return single_clip(decode(template_body()).numpy(), "standard", "stand", "standard")


@read.register
def _(settings: ParquetSource) -> PoseSet:
    from evoskeleton.platform.data.formats.parquet import load_parquet

    return load_parquet(_place(settings))


@read.register
def _(settings: Human36mSource) -> PoseSet:
    from evoskeleton.platform.data.formats.human36m import load_human36m
    from evoskeleton.platform.data.formats.human36m_h5 import load_human36m_folder

    place = _place(settings)
    return load_human36m_folder(place) if place.is_dir() else load_human36m(place)


@read.register
def _(settings: VideoPose3dSource) -> PoseSet:
    from evoskeleton.platform.data.formats.videopose3d import load_videopose3d

    return load_videopose3d(_place(settings))


@read.register
def _(settings: MpiInf3dhpSource) -> PoseSet:
    from evoskeleton.platform.data.formats.mpi_inf_3dhp import load_mpi_inf_3dhp

    return load_mpi_inf_3dhp(_place(settings))


@read.register
def _(settings: RecordingSource) -> PoseSet:
    from evoskeleton.platform.data.sources.recordings import load_mocap

    return load_mocap(_place(settings), settings)


@read.register
def _(settings: FolderSource) -> PoseSet:
    """All files of a folder; a setting that some of its kinds do not know is for the others."""
    files = readable_files(_place(settings))
    subjects = _subjects(files, settings)
    parts = [_of_file(file, settings, subjects.get(file)) for file in files]
    declared = settings.declared()
    if declared and not any(isinstance(part, RecordingSource) for part in parts):
        raise BadInput(laid_down(declared[0], [*{part.kind for part in parts}]))
    expect_one_rate(files, settings.fps)
    return PoseSet.concat([read(part) for part in parts])


def _subjects(files: Sequence[Path], folder: FolderSource) -> Mapping[Path, str]:
    """Subjects of recordings that their folders name, where nothing else is said."""
    if folder.subject is not None or folder.subject_from is not None:
        return {}
    recordings = [file for file in files if class_of(kind_of(file)) is RecordingSource]
    return by_folder(recordings, _place(folder))


def _of_file(file: Path, folder: FolderSource, subject: str | None) -> SourceSettings:
    """Settings of a file, with what is declared of the folder where its kind leaves it open."""
    kind = kind_of(file)
    known = [name for name in folder.declared() if name in class_of(kind).model_fields]
    declared = {name: getattr(folder, name) for name in known}
    declared |= {} if subject is None else {"subject": subject}
    return SourceSettings.parse({"kind": kind, "path": str(file), **declared})


@read.register
def _(settings: TableSource) -> PoseSet:
    from evoskeleton.platform.data.annotated import load_bred

    return load_bred(_table_place(settings))


@read.register
def _(settings: AnnotatedSource) -> PoseSet:
    from evoskeleton.platform.data.annotated import load_annotated

    return load_annotated(_table_place(settings))


def _table_place(settings: SourceSettings) -> str:
    remote = settings.path is not None and "://" in settings.path
    return str(settings.path if remote else _place(settings))


def _place(settings: SourceSettings) -> Path:
    if settings.path is None:
        raise BadInput(f"a source of kind {settings.kind} wants a path")
    return Path(settings.path).expanduser()


def load(settings: SourceSettings) -> PoseSet:
    """The poses of a source, checked, filtered, sorted by subject, clip and frame.

    Raises:
        BadInput: the source cannot be read, a pose cannot be used, the filters leave nothing, or
            something is declared of a folder whose formats lay it down.
    """
    poses = read(settings)
    if len(poses) == 0:
        raise BadInput(f"source {settings.path or settings.kind} holds no poses")
    kept = _filtered(poses, settings).ordered()
    check_poses(kept)
    if settings.kind in (*_LAID_DOWN, "array"):
        refuse_other_order(poses, str(settings.path))
    if settings.kind in _LAID_DOWN and not settings.lying:
        refuse_lying(poses, str(settings.path))
    if settings.subset is not None:
        kept = draw_subset(kept, settings.subset, settings.fraction_seed)
    random = np.random.Generator(np.random.Philox(settings.fraction_seed))
    if settings.max_per_subject is not None:
        kept = _capped(kept, settings.max_per_subject, random)
    if settings.fraction < 1:
        count = max(1, round(settings.fraction * len(kept)))
        kept = kept.take(np.sort(random.permutation(len(kept))[:count]))
    return kept


def _own_loader(kind: str) -> Loader:
    module, _, function = kind.partition(":")
    try:
        own: Loader = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise BadInput(f"source {kind}: {error}") from None
    return own


def _as_wanted(own: Loader, settings: SourceSettings) -> SourceSettings:
    """Settings of the class, made from `SourceSettings`, that a function's parameter names.

    Raises:
        BadInput: an option is unknown to that class, or not allowed.
    """
    try:
        hints = get_type_hints(own)
    except (NameError, TypeError):
        hints = {}
    hints.pop("return", None)
    wanted = next(iter(hints.values()), None)
    if not (isinstance(wanted, type) and issubclass(wanted, SourceSettings)):
        return settings
    if isinstance(settings, wanted) or not isinstance(settings, OwnSource):
        return settings
    given = {name: getattr(settings, name) for name in settings.model_fields_set - {"options"}}
    return wanted.parse({**given, **settings.options})


def _filtered(poses: PoseSet, settings: SourceSettings) -> PoseSet:
    """Rows that every filter leaves; the first that leaves none is named."""
    _refuse_unmatched(poses, settings)
    for column in ("subject", "action", "clip"):
        keep, drop = getattr(settings, f"{column}s"), getattr(settings, f"exclude_{column}s")
        names = getattr(poses, column)
        there = sorted({str(name) for name in names})
        wanted = [n for n in there if _matches(n, keep or ["*"]) and not _matches(n, drop)]
        if not wanted:
            patterns = ", ".join(keep) or f"all but {', '.join(drop)}"
            raise BadInput(f"no {column} is left of the source by {patterns}; {_listed(there)}")
        if len(wanted) < len(there):
            poses = poses.take(np.isin(names, wanted))
    return poses


def _refuse_unmatched(poses: PoseSet, settings: SourceSettings) -> None:
    """A misspelt name to leave out would let a test subject into the seeds without a word."""
    for column in ("subject", "action", "clip"):
        there = sorted({str(name) for name in getattr(poses, column)})
        for setting in (f"{column}s", f"exclude_{column}s"):
            for pattern in getattr(settings, setting):
                if not any(fnmatchcase(name, pattern) for name in there):
                    raise BadInput(f"{setting}: no {column} fits {pattern}; {_listed(there)}")


def _listed(names: list[str]) -> str:
    more = ", ..." if len(names) > 20 else ""
    return f"there are {', '.join(names[:20])}{more}"


def _matches(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _capped(poses: PoseSet, most: int, random: np.random.Generator) -> PoseSet:
    kept = []
    for subject in sorted(set(poses.subject.tolist())):
        rows = np.flatnonzero(poses.subject == subject)
        kept.append(random.permutation(rows)[:most])
    return poses.take(np.sort(np.concatenate(kept)))


def hold_out(poses: PoseSet, share: float, seed: int) -> tuple[PoseSet, PoseSet]:
    """Whole clips taken out of a set: what is left, and what was held out.

    Args:
        poses: at least two clips.
        share: of the clips to hold out; one at least, and one at least stays.
        seed: of the choice.

    Raises:
        BadInput: there is one clip only.
    """
    clips = poses.clips()
    if len(clips) < 2:
        raise BadInput(
            f"a share of the clips cannot be held out of a single one ({clips[0][1]}): "
            "name poses for validation"
        )
    count = min(len(clips) - 1, max(1, round(share * len(clips))))
    chosen = np.random.Generator(np.random.Philox(seed)).permutation(len(clips))[:count]
    held = np.isin(poses.clip_number(), chosen)
    return poses.take(~held), poses.take(held)


def settings_from_text(text: str, changes: list[str] | None = None) -> SourceSettings:
    """A source in one word of a command line.

    `deepmimic`, a file of a known format, a folder of them, a pose table's folder, or settings as
    YAML in braces.

    Args:
        text: that word.
        changes: `key=value` settings on top, as of `--set`.

    Raises:
        BadInput: the braces hold no settings, or a setting is not allowed.
    """
    return SourceSettings.parse(with_changes(_plain_settings(text), changes or []))


def _plain_settings(text: str) -> dict[str, Any]:
    if text.startswith("{"):
        try:
            plain: dict[str, Any] = load_yaml(text)
            return plain
        except yaml.YAMLError as error:
            raise BadInput(f"source {text}: {' '.join(str(error).split())}") from None
    if text in KINDS and not Path(text).is_dir():
        return {"kind": text}
    if "://" in text:
        return {"kind": "table", "path": text}
    return {"kind": kind_of(Path(text)), "path": text}
