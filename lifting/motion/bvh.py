"""BVH, the file of skeletons that Blender and most animation programs open: cm, y up.

A BVH bone has a fixed offset and turns with its parent. Joint positions say where bones point but
not how they are turned about themselves: every bone takes the least turn from the direction of its
offset, seen from the bone before, except hip and thorax, whose side is known.
"""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from evoskeleton.evolution.skeleton import JOINT_NAMES, PARENTS, Joint
from evoskeleton.files import write_text
from evoskeleton.lifting.motion.motion import Motion

_CHILDREN = {joint: [c for c, p in enumerate(PARENTS) if p == joint] for joint in Joint}
_REST = {
    Joint.RHIP: (-1, 0, 0), Joint.LHIP: (1, 0, 0), Joint.SPINE: (0, 1, 0),
    Joint.THORAX: (0, 1, 0), Joint.NECK: (0, 1, 0), Joint.HEAD: (0, 1, 0),
    Joint.RKNEE: (0, -1, 0), Joint.RFOOT: (0, -1, 0), Joint.LKNEE: (0, -1, 0),
    Joint.LFOOT: (0, -1, 0), Joint.LSHOULDER: (1, 0, 0), Joint.LELBOW: (1, 0, 0),
    Joint.LWRIST: (1, 0, 0), Joint.RSHOULDER: (-1, 0, 0), Joint.RELBOW: (-1, 0, 0),
    Joint.RWRIST: (-1, 0, 0),
}  # fmt: skip
"""Directions of the bones at rest: arms out, facing z."""

_STUB_CM = 1.0


def write_bvh(path: Path, motion: Motion) -> None:
    """Write one body; frames that are not known are evenly between their neighbours.

    Raises:
        BadInput: the file cannot be written.
    """
    joints = motion.filled() / 10.0
    y_up = np.stack([joints[..., 0], joints[..., 2], -joints[..., 1]], axis=-1)
    offsets = _offsets(y_up)
    turns = _turns(y_up)
    lines = ["HIERARCHY", *_joint(Joint.HIP, offsets, ""), "MOTION", f"Frames: {len(y_up)}"]
    lines.append(f"Frame Time: {1.0 / motion.rate:.8f}")
    angles = np.concatenate([turns[joint] for joint in _in_order(Joint.HIP)], axis=1)
    rows = np.concatenate([y_up[:, Joint.HIP], angles], axis=1)
    lines += [" ".join(f"{value:.5f}" for value in row) for row in rows]
    write_text(path, "\n".join(lines) + "\n")


def _offsets(joints: np.ndarray) -> np.ndarray:
    """(17, 3) cm: bones of middling length, at rest."""
    offsets = np.zeros((len(JOINT_NAMES), 3))
    for joint, direction in _REST.items():
        bone = np.linalg.norm(joints[:, joint] - joints[:, PARENTS[joint]], axis=1)
        offsets[joint] = float(np.median(bone)) * np.array(direction)
    return offsets


def _turns(joints: np.ndarray) -> dict[Joint, np.ndarray]:
    """(frames, 3) degrees, z x y, of every joint that has bones, relative to its parent."""
    world: dict[Joint, Rotation] = {}
    turns = {}
    for joint in _in_order(Joint.HIP):
        parent = PARENTS[joint]
        before = world[Joint(parent)] if parent >= 0 else Rotation.identity(len(joints))
        world[joint] = _world_turn(joints, joint, before)
        turns[joint] = (before.inv() * world[joint]).as_euler("ZXY", degrees=True)
    return turns


def _world_turn(joints: np.ndarray, joint: Joint, before: Rotation) -> Rotation:
    if joint == Joint.HIP:
        return _frame(
            joints[:, Joint.LHIP] - joints[:, Joint.RHIP], _up(joints, Joint.SPINE, joint)
        )
    if joint == Joint.THORAX:
        across = joints[:, Joint.LSHOULDER] - joints[:, Joint.RSHOULDER]
        return _frame(across, _up(joints, Joint.NECK, joint))
    children = _CHILDREN[joint]
    if not children:
        return before
    bone = _unit(joints[:, children[0]] - joints[:, joint])
    rest = np.array(_REST[Joint(children[0])], float)
    turned: Rotation = before * _least_turn(rest, before.inv().apply(bone))
    return turned


def _up(joints: np.ndarray, above: Joint, joint: Joint) -> np.ndarray:
    bones: np.ndarray = joints[:, above] - joints[:, joint]
    return bones


def _frame(across: np.ndarray, up: np.ndarray) -> Rotation:
    """Turns that take x to `across` and y as near to `up` as may be."""
    x = _unit(across)
    z = _unit(np.cross(x, up))
    return Rotation.from_matrix(np.stack([x, np.cross(z, x), z], axis=2))


def _least_turn(start: np.ndarray, ends: np.ndarray) -> Rotation:
    """The least turns that take (3,) `start` to each of (frames, 3) `ends`, all of length 1."""
    axis = np.cross(start, ends)
    sine, cosine = np.linalg.norm(axis, axis=1), ends @ start
    aside = np.cross(start, [0.3, 0.5, 0.8])
    axis = np.where(sine[:, None] > 1e-9, axis, aside)
    return Rotation.from_rotvec(_unit(axis) * np.arctan2(sine, cosine)[:, None])


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit


def _in_order(joint: Joint) -> list[Joint]:
    """The joint and all below it, as a BVH file lists them."""
    return [joint, *(below for child in _CHILDREN[joint] for below in _in_order(Joint(child)))]


def _joint(joint: Joint, offsets: np.ndarray, space: str) -> list[str]:
    kind = "ROOT" if joint == Joint.HIP else "JOINT"
    place = "" if joint != Joint.HIP else "Xposition Yposition Zposition "
    inner = space + "  "
    lines = [f"{space}{kind} {JOINT_NAMES[joint]}", f"{space}{{"]
    lines.append(f"{inner}OFFSET {_numbers(offsets[joint])}")
    lines.append(f"{inner}CHANNELS {6 if place else 3} {place}Zrotation Xrotation Yrotation")
    for child in _CHILDREN[joint]:
        lines += _joint(Joint(child), offsets, inner)
    if not _CHILDREN[joint]:
        end = _STUB_CM * np.array(_REST[joint])
        lines += [
            f"{inner}End Site",
            f"{inner}{{",
            f"{inner}  OFFSET {_numbers(end)}",
            f"{inner}}}",
        ]
    return [*lines, f"{space}}}"]


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.5f}" for value in values)
