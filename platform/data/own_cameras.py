"""The cameras of a data set: what saw the poses that a lifter is tested on.

Human3.6M's are in a file of their own, `cameras.npy` of Li 2020: a pickled dictionary by (subject,
camera) such as (9, 1), of rotation (3, 3), position (3, 1) mm, focal length and centre (2, 1) px,
radial (3, 1) and tangential (2, 1) distortion, and the camera's name. MPI-INF-3DHP's test files
hold the keypoints; their camera is the pinhole that fits them best.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.lifting.cameras import Cameras
from evoskeleton.lifting.evaluation.fitted_pinholes import fitted_pinholes, with_intrinsics
from evoskeleton.lifting.evaluation.own_views import OwnViews
from evoskeleton.platform.data.formats.mpi_inf_3dhp import (
    LEVEL,
    HeldOutClip,
    annotation_files,
    is_test_file,
    load_held_out_clip,
)
from evoskeleton.platform.data.poses import PoseSet
from evoskeleton.platform.data.sources.settings import MpiInf3dhpSource, SourceSettings
from evoskeleton.safe_npy import load_object, printable

OWN = "own"
"""In place of a file: the source holds the keypoints itself."""

_SUBJECT = re.compile(r"S?(\d{1,9})")
_PARTS = {
    "rotation": (3, 3), "position": (3,), "focal": (2,), "center": (2,), "radial": (3,),
    "tangential": (2,),
}  # fmt: skip
"""What a camera of `cameras.npy` holds, in its order, with the numbers that each has."""


def own_views(poses: PoseSet, source: SourceSettings, cameras: str) -> OwnViews:
    """How the cameras of a data set see its poses.

    Args:
        poses: out of the source.
        source: where they came from.
        cameras: a `cameras.npy`, or "own" where the source holds keypoints.

    Raises:
        BadInput: a file cannot be read, or a subject has no cameras.
    """
    if cameras != OWN:
        return human36m_views(poses, Path(cameras).expanduser())
    if not isinstance(source, MpiInf3dhpSource) or source.path is None:
        raise BadInput(
            "cameras: own is for sources that hold what their cameras saw (mpi-inf-3dhp), "
            f"got {source.kind}"
        )
    return mpi_inf_3dhp_views(poses, Path(source.path).expanduser())


# Human3.6M


def human36m_views(poses: PoseSet, path: Path) -> OwnViews:
    """Poses as all cameras of their subject see them.

    Raises:
        BadInput: the file cannot be read, a subject is not in it, or subjects differ in how many
            cameras they have.
    """
    entries = load_object(path)
    if not isinstance(entries, Mapping):
        raise BadInput(
            f"{path} should hold a dictionary by (subject, camera), got {type(entries).__name__}"
        )
    subjects = sorted(set(poses.subject.tolist()))
    keys = {subject: _keys(path, entries, subject) for subject in subjects}
    names = [_view_name(entries[key], key[1]) for key in keys[subjects[0]]]
    for subject, mine in keys.items():
        if len(mine) != len(names):
            raise BadInput(
                f"{path}: {subject} has {len(mine)} cameras and {subjects[0]} {len(names)}"
            )
    parts = [_camera(path, key, entries[key]) for mine in keys.values() for key in mine]
    row = {subject: at * len(names) for at, subject in enumerate(subjects)}
    first = np.array([row[subject] for subject in poses.subject.tolist()], np.int64)
    return OwnViews(tuple(names), _stacked(parts), first[:, None] + np.arange(len(names)))


def _stacked(parts: Sequence[Mapping[str, np.ndarray]]) -> Cameras:
    def column(name: str) -> Tensor:
        return torch.from_numpy(np.stack([part[name] for part in parts])).float()

    return Cameras(
        rotation=column("rotation"),
        position=column("position"),
        focal=column("focal"),
        center=column("center"),
        radial=column("radial"),
        tangential=column("tangential"),
    )


def _keys(path: Path, entries: Mapping[Any, Any], subject: str) -> list[tuple[int, int]]:
    """Keys of a subject's cameras, in order of their numbers."""
    number = _SUBJECT.fullmatch(subject)
    mine = [key for key in entries if _is_key(key) and number and key[0] == int(number[1])]
    if not mine:
        raise BadInput(f"{path} holds no camera of subject {printable(subject)}")
    return sorted(mine)


def _is_key(key: Any) -> bool:
    whole = isinstance(key, tuple) and len(key) == 2
    return whole and all(isinstance(part, int | np.integer) for part in key)


def _view_name(camera: Any, number: int) -> str:
    name = camera[-1] if isinstance(camera, tuple | list) and camera else None
    return name if isinstance(name, str) and name.isprintable() and name else f"camera {number}"


def _camera(path: Path, key: tuple[int, int], camera: Any) -> dict[str, np.ndarray]:
    """Its arrays by name, float64."""
    where = f"{path}, {key}"
    if not isinstance(camera, tuple | list) or len(camera) < len(_PARTS):
        raise BadInput(f"{where} should hold {', '.join(_PARTS)} and a name")
    arrays = {}
    for (name, shape), value in zip(_PARTS.items(), camera, strict=False):
        array = np.asarray(value)
        fits = array.dtype.kind in "iuf" and array.size == np.prod(shape)
        if not fits or not np.isfinite(array).all():
            raise BadInput(f"{where}: {name} should be {np.prod(shape)} finite numbers")
        arrays[name] = array.astype(np.float64).reshape(shape)
    if not np.allclose(arrays["rotation"] @ arrays["rotation"].T, np.eye(3), atol=1e-3):
        raise BadInput(f"{where}: rotation should be one")
    return arrays


# MPI-INF-3DHP


def mpi_inf_3dhp_views(poses: PoseSet, path: Path) -> OwnViews:
    """Test poses with the keypoints that were annotated in their pictures, one camera a sequence.

    Raises:
        BadInput: a file cannot be read, poses are not of test files, or the keypoints are not
            what a camera sees of them.
    """
    clips = {
        clip.name: clip
        for clip in (
            load_held_out_clip(file) for file in annotation_files(path) if is_test_file(file)
        )
    }
    names = sorted(set(poses.clip.tolist()))
    for name in names:
        if name not in clips:
            raise BadInput(f"cameras: own is for the test files of mpi-inf-3dhp, got clip {name}")
    mine = [clips[name] for name in names]
    keypoints = np.zeros((len(poses), 1, 17, 2), np.float32)
    camera = np.zeros((len(poses), 1), np.int64)
    for number, clip in enumerate(mine):
        rows = np.flatnonzero(poses.clip == clip.name)
        place = np.searchsorted(clip.frame, poses.frame[rows])
        keypoints[rows, 0], camera[rows] = clip.keypoints[place], number
    return OwnViews(("own camera",), _fitted(path, mine), camera, keypoints)


def _fitted(path: Path, clips: list[HeldOutClip]) -> Cameras:
    """A level camera at the origin for each sequence: that is the world of these poses."""
    lens = fitted_pinholes([clip.metric for clip in clips], [clip.keypoints for clip in clips])
    for clip, focal in zip(clips, lens.focal, strict=True):
        if not (focal > 0).all():
            raise BadInput(f"{path}, {clip.name}: annot2 is not what a camera sees of annot3")
    count = len(clips)
    level = torch.from_numpy(LEVEL).float().expand(count, 3, 3)
    zeros = torch.zeros(count, 3)
    return with_intrinsics(
        Cameras(level, zeros, zeros[:, :2], zeros[:, :2], zeros, zeros[:, :2]), lens
    )
