"""AMASS's motion (Mahmood 2019, https://arxiv.org/abs/1904.03278): turns of a body model's joints.

An `.npz` of `poses` (frames, 156 of SMPL+H, 165 of SMPL-X, 72 of SMPL) radians about axes, `trans`
(frames, 3) metres, z up, `betas`, `gender`, and the rate. Where the joints are the body model
says; it is named by the user, see `smpl`. The clip is the file's name, the subject its folder's.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.formats.smpl import (
    CROWN,
    FAMILY,
    JOINTS,
    PARENTS,
    model_for,
    posed,
    read_body_model,
)
from evoskeleton.platform.data.mocap.motion import Motion
from evoskeleton.safe_npy import load_npz, printable

_RATES = ("mocap_framerate", "mocap_frame_rate")
_TURNS = ("poses", "root_orient", "pose_body")
_WANTED = ("trans", "betas", "gender", *_RATES, *_TURNS)
_WIDTHS = {3 * joints: joints for joints in FAMILY}
_ENDINGS = ("_poses", "_stageii")


def holds_amass(path: Path) -> bool:
    """Whether an `.npz` holds turns of a body model, by the names of what is in it."""
    names = _members(path)
    return "trans" in names and ("poses" in names or "pose_body" in names)


def is_shape_only(path: Path) -> bool:
    """Whether a file beside AMASS's motions holds a body's shape and no motion."""
    name = path.name.lower()
    return name == "shape.npz" or name.endswith("_stagei.npz")


def _members(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError):
        return set()


def amass_rate(path: Path) -> float | None:
    """Frames a second of a file; None where it does not say."""
    names = [name for name in _RATES if name in _members(path)]
    try:
        return _rate(load_npz(path, names)) if names else None
    except BadInput:
        return None


def read_amass(path: Path, body: Path | None) -> Motion:
    """Joints of a body model in all frames.

    Args:
        path: the motion.
        body: file of the body model, or a folder of the models of all genders.

    Raises:
        BadInput: a file cannot be read, the two do not fit, or no body model is named.
    """
    there = _members(path)
    content = load_npz(path, [name for name in _WANTED if name in there] or None)
    turns, trans = _turns(path, content), _numbers(path, content, "trans")
    if turns.ndim != 2 or trans.shape != (len(turns), 3) or not len(turns):
        got = f"{turns.shape} and {trans.shape}"
        raise BadInput(f"{path} should hold poses (frames, turns) and trans (frames, 3), got {got}")
    joints = _WIDTHS.get(turns.shape[1], 0)
    if body is None:
        family = FAMILY.get(joints, "a body model")
        raise BadInput(
            f"{path} holds turns of {family}, whose joints a body model says: name the file of "
            "yours, or a folder of them, with --skeleton"
        )
    gender = _gender(content)
    model = read_body_model(model_for(body, gender, joints, path))
    if joints and model.count != joints:
        told = f"{FAMILY[joints]}, the body model {model.source} is {FAMILY[model.count]}"
        raise BadInput(f"{path} holds turns of {told}")
    betas = _numbers(path, content, "betas").ravel() if "betas" in content else np.zeros(0)
    return Motion(
        source=path,
        joints=(*JOINTS, CROWN),
        positions=posed(model, turns, trans, betas),
        frame_rate=_rate(content),
        unit_mm=1000.0,
        up="z",
        parents=(*PARENTS, JOINTS.index("Head")),
        notes=(f"joints of {model.source.name}, {FAMILY[model.count]}",),
        subject=path.absolute().parent.name,
        clip=_clip(path),
    )


def _clip(path: Path) -> str:
    name = path.stem
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def _turns(path: Path, content: Mapping[str, Any]) -> np.ndarray:
    if "poses" in content:
        turns = _numbers(path, content, "poses")
    elif {"root_orient", "pose_body"} <= content.keys():
        parts = [_numbers(path, content, name) for name in ("root_orient", "pose_body")]
        if any(part.ndim != 2 for part in parts) or len(parts[0]) != len(parts[1]):
            raise BadInput(f"{path}: root_orient and pose_body should have a row a frame")
        turns = np.concatenate(parts, axis=1)
    else:
        listed = printable(", ".join(content))
        raise BadInput(f"{path} should hold poses, got {listed}")
    if turns.ndim == 3 and turns.shape[2] == 3:
        turns = turns.reshape(len(turns), -1)
    if turns.ndim == 2 and turns.shape[1] < 3 * len(JOINTS):
        raise BadInput(f"{path}: poses should be {3 * len(JOINTS)} numbers a frame or more")
    return turns


def _numbers(path: Path, content: Mapping[str, Any], name: str) -> np.ndarray:
    value = content.get(name)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        kind = getattr(value, "dtype", type(value).__name__)
        raise BadInput(f"{path}: {name} should be numbers, got {kind}")
    array = value.astype(np.float64)
    if not np.isfinite(array).all():
        raise BadInput(f"{path}: {name} should be finite")
    return array


def _rate(content: Mapping[str, Any]) -> float | None:
    for name in _RATES:
        value = np.asarray(content.get(name, np.nan))
        if value.dtype.kind in "iuf" and value.size == 1:
            rate = float(value.reshape(-1)[0])
            if 0.0 < rate < 1e6:
                return rate
    return None


def _gender(content: Mapping[str, Any]) -> str:
    value = np.asarray(content.get("gender", "neutral"))
    word = value.reshape(-1)[0] if value.size else "neutral"
    text = word.decode("latin-1") if isinstance(word, bytes) else str(word)
    return text.strip("b'\" ").lower()
