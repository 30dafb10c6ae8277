"""A body model of SMPL's family and motion for it, made up: real ones may not be given on."""

import pickle
import sys
import types
from pathlib import Path

import numpy as np

from evoskeleton.platform.data.formats.smpl import (
    JOINTS,
    PARENTS,
    BodyModel,
    posed,
    read_body_model,
)

REST = {
    "Pelvis": (0, 0, 0), "L_Hip": (0.06, -0.09, 0), "R_Hip": (-0.06, -0.09, 0),
    "Spine1": (0, 0.11, -0.02), "L_Knee": (0.04, -0.38, 0), "R_Knee": (-0.04, -0.38, 0),
    "Spine2": (0, 0.14, 0.01), "L_Ankle": (-0.01, -0.4, -0.04), "R_Ankle": (0.01, -0.4, -0.04),
    "Spine3": (0, 0.06, 0.02), "L_Foot": (0.03, -0.06, 0.12), "R_Foot": (-0.03, -0.06, 0.12),
    "Neck": (0, 0.21, -0.03), "L_Collar": (0.08, 0.12, -0.02), "R_Collar": (-0.08, 0.12, -0.02),
    "Head": (0, 0.09, 0.05), "L_Shoulder": (0.09, 0.03, -0.01), "R_Shoulder": (-0.09, 0.03, -0.01),
    "L_Elbow": (0.26, -0.01, -0.02), "R_Elbow": (-0.26, -0.01, -0.02),
    "L_Wrist": (0.25, 0.01, 0), "R_Wrist": (-0.25, 0.01, 0),
}  # fmt: skip
"""Offsets from parent to joint, metres: x left, y up, z ahead."""


def joints_at_rest() -> np.ndarray:
    places = np.zeros((len(JOINTS), 3))
    for joint, name in enumerate(JOINTS):
        above = places[PARENTS[joint]] if joint else np.zeros(3)
        places[joint] = above + REST[name]
    return places


def arrays(count: int = 52, shapes: int = 10) -> dict[str, np.ndarray]:
    """A model whose vertices are its joints, the crown, and two aside; shape 0 makes it taller."""
    places = joints_at_rest()
    hands = np.repeat(places[-2:], [(count - 22) // 2, count - 22 - (count - 22) // 2], axis=0)
    joints = np.concatenate([places, hands])
    head = places[JOINTS.index("Head")]
    vertices = np.concatenate([joints, head + [[0, 0.17, 0.02], [0.07, 0, 0], [-0.07, 0, 0]]])
    regressor = np.eye(count, len(vertices))
    by_shape = np.zeros((len(vertices), 3, shapes))
    by_shape[:, 1, 0] = 0.05 * vertices[:, 1]
    parents = np.array([*PARENTS, *[20] * ((count - 22) // 2)])
    parents = np.append(parents, [21] * (count - len(parents)))
    tree = np.stack([parents, np.arange(count)]).astype(np.int64)
    tree[0, 0] = 2**32 - 1
    return {
        "v_template": vertices,
        "shapedirs": by_shape,
        "J_regressor": regressor,
        "kintree_table": tree,
    }


def write_pickled_model(path: Path) -> None:
    """As SMPL's own `.pkl` has it: chumpy's objects, a sparse matrix, a set, texts."""
    from scipy.sparse import csc_matrix

    module = types.ModuleType("chumpy.ch")
    kind = type("Ch", (), {"__module__": "chumpy.ch", "__qualname__": "Ch"})
    module.Ch = kind
    content = dict(arrays(24))
    shapes = kind()
    shapes.__dict__ = {"x": content["shapedirs"], "_dirty_vars": {"x"}, "_itr": None}
    content["shapedirs"] = shapes
    content["J_regressor"] = csc_matrix(content["J_regressor"])
    content |= {"bs_style": "lbs", "f": np.zeros((4, 3), np.uint32)}
    sys.modules |= {"chumpy": types.ModuleType("chumpy"), "chumpy.ch": module}
    try:
        path.write_bytes(pickle.dumps(content, protocol=2))
    finally:
        del sys.modules["chumpy"], sys.modules["chumpy.ch"]


def turns(frames: int, joints: int = 52) -> np.ndarray:
    """(frames, 3 joints): somebody stands, nods, and bends knees and elbows, z up."""
    poses = np.zeros((frames, joints, 3))
    swing = 0.6 + 0.4 * np.sin(np.linspace(0, 6, frames))
    poses[:, 0, 0] = np.pi / 2
    for name, axis, way in (
        ("L_Knee", 0, 1), ("R_Knee", 0, 1), ("L_Elbow", 1, -1), ("R_Elbow", 1, 1),
        ("L_Hip", 0, -0.5), ("Head", 0, 0.3),
    ):  # fmt: skip
        poses[:, JOINTS.index(name), axis] = way * swing
    return poses.reshape(frames, -1)


def write_amass(path: Path, frames: int = 40) -> None:
    np.savez(
        path,
        poses=turns(frames),
        trans=np.tile([1.0, 2.0, 0.9], (frames, 1)),
        betas=np.zeros(16),
        gender=np.array("female"),
        mocap_framerate=120.0,
    )


def read_model(folder: Path) -> BodyModel:
    """The made-up model of 24 joints, read back."""
    np.savez(folder / "smpl.npz", **arrays(24))
    return read_body_model(folder / "smpl.npz")


def three_dpw_joints(model: BodyModel, frames: int) -> np.ndarray:
    """(frames, 72) metres, y up, as 3DPW's `jointPositions` have them."""
    poses = turns(frames, 24)
    poses[:, 0] = 0.0
    places = posed(model, poses, np.zeros((frames, 3)), np.zeros(10))[:, :22]
    return np.concatenate([places, places[:, 20:22]], axis=1).reshape(frames, 72)
