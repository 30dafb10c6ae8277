"""SMPL's joints, and where they are in bodies of its family (Loper 2015, SMPL; Romero 2017, SMPL+H;
Pavlakos 2019, SMPL-X: https://smpl-x.is.tue.mpg.de).

The bodies' licences forbid giving them on, so that a user names a file of his own. Of it only
arrays are taken: the template's vertices, their changes with shape, the regressor that gives joints
out of vertices, and the tree. Files of `.pkl` hold objects of libraries (chumpy, scipy); they are
read as inert records, see `data_pickle`, and nothing of them is run or imported.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from evoskeleton.data_pickle import Record
from evoskeleton.errors import BadInput
from evoskeleton.safe_npy import load_npz, load_pickle

JOINTS = (
    "Pelvis", "L_Hip", "R_Hip", "Spine1", "L_Knee", "R_Knee", "Spine2", "L_Ankle", "R_Ankle",
    "Spine3", "L_Foot", "R_Foot", "Neck", "L_Collar", "R_Collar", "Head", "L_Shoulder",
    "R_Shoulder", "L_Elbow", "R_Elbow", "L_Wrist", "R_Wrist",
)  # fmt: skip
"""The first 22 joints, which all of the family share."""

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)

CROWN = "HeadTop"
"""The highest vertex of the template, which the head carries."""

FAMILY = {24: "SMPL", 52: "SMPL+H", 55: "SMPL-X"}
"""By the number of joints."""

_NAMES = ("v_template", "shapedirs", "J_regressor", "kintree_table")
_MOST_VERTICES = 100_000
_GENDER = {"male": r"(?<!fe)male|_m_", "female": r"female|_f_", "neutral": r"neutral"}


@dataclass(frozen=True)
class BodyModel:
    """Joints at rest as a function of shape, metres, y up.

    Attributes:
        source: the file.
        count: joints of the whole model.
        rest: (23, 3) the first 22 joints, and the crown, of the mean body.
        by_shape: (23, 3, shapes) their change.
    """

    source: Path
    count: int
    rest: np.ndarray
    by_shape: np.ndarray

    def at_rest(self, betas: np.ndarray) -> np.ndarray:
        """(23, 3) of (shapes,) coefficients; what the model has not is left out."""
        count = min(len(betas), self.by_shape.shape[2])
        shaped: np.ndarray = self.rest + self.by_shape[..., :count] @ betas[:count]
        return shaped


def read_body_model(path: Path) -> BodyModel:
    """A body model out of an `.npz` or `.pkl` file.

    Raises:
        BadInput: it cannot be read, or lacks something.
    """
    if path.suffix.lower() == ".npz":
        content: Any = load_npz(path, _NAMES)
    else:
        content = load_pickle(path, inert=True)
    if not isinstance(content, Mapping) or any(name not in content for name in _NAMES):
        raise BadInput(f"{path} should be a body model with {', '.join(_NAMES)}")
    arrays = {name: _array(path, name, content[name]) for name in _NAMES}
    return _model(path, arrays)


def _model(path: Path, arrays: Mapping[str, np.ndarray]) -> BodyModel:
    vertices, shapes = arrays["v_template"], arrays["shapedirs"]
    regressor, tree = arrays["J_regressor"], arrays["kintree_table"]
    count = len(vertices)
    fits = (
        vertices.shape == (count, 3)
        and shapes.ndim == 3
        and shapes.shape[:2] == (count, 3)
        and regressor.ndim == 2
        and regressor.shape[1] == count
        and tree.shape == (2, len(regressor))
    )
    if not fits or len(regressor) not in FAMILY:
        told = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise BadInput(f"{path} should be a body model of SMPL, SMPL+H or SMPL-X, got {told}")
    if tuple(tree[0, 1 : len(JOINTS)].tolist()) != PARENTS[1:]:
        raise BadInput(f"{path}: the tree of its joints should be SMPL's")
    top = int(vertices[:, 1].argmax())
    rows = np.concatenate([regressor[: len(JOINTS)], np.eye(1, count, top)])
    by_shape = np.einsum("jv,vab->jab", rows, shapes)
    return BodyModel(path, len(regressor), rows @ vertices, by_shape)


def _array(path: Path, name: str, value: Any) -> np.ndarray:
    """Numbers as float64: of an array, of chumpy's, or of a sparse matrix by columns."""
    if isinstance(value, Record):
        value = _of_record(path, name, value.state)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        raise BadInput(f"{path}: {name} should be numbers, got {type(value).__name__}")
    if value.ndim == 0 or max(value.shape) > _MOST_VERTICES:
        raise BadInput(f"{path}: {name} should be a body's, got {value.shape}")
    array = value.astype(np.float64)
    if not np.isfinite(array).all():
        raise BadInput(f"{path}: {name} should be finite")
    return array


def _of_record(path: Path, name: str, state: Any) -> Any:
    if not isinstance(state, Mapping):
        return None
    if isinstance(state.get("x"), np.ndarray):
        return state["x"]
    parts = [state.get(part) for part in ("data", "indices", "indptr")]
    shape = state.get("_shape")
    whole = isinstance(shape, tuple) and len(shape) == 2 and max(shape) <= _MOST_VERTICES
    if not whole or not all(isinstance(part, np.ndarray) and part.ndim == 1 for part in parts):
        return None
    return _dense(path, name, shape, *parts)  # type: ignore[arg-type]


def _dense(
    path: Path,
    name: str,
    shape: tuple[int, int],
    data: np.ndarray,
    row: np.ndarray,
    end: np.ndarray,
) -> np.ndarray:
    """A matrix out of its columns."""
    whole = row.dtype.kind in "iu" and end.dtype.kind in "iu" and len(end) == shape[1] + 1
    counts: np.ndarray = np.diff(end.astype(np.int64)) if whole else np.zeros(0, np.int64)
    if (
        not whole
        or shape[0] > max(FAMILY)
        or len(row) != len(data)
        or (counts < 0).any()
        or counts.sum() != len(data)
        or (len(row) and (row.min() < 0 or row.max() >= shape[0]))
    ):
        raise BadInput(f"{path}: {name} is no whole sparse matrix")
    dense = np.zeros(shape)
    np.add.at(dense, (row, np.repeat(np.arange(shape[1]), counts)), data)
    return dense


def posed(model: BodyModel, poses: np.ndarray, trans: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """Joints and crown (frames, 23, 3), metres, of (frames, 66 or more) turns and (frames, 3)."""
    rest = model.at_rest(betas)
    turns = poses[:, : 3 * len(JOINTS)].reshape(-1, len(JOINTS), 3)
    world: list[Rotation] = []
    places: list[np.ndarray] = []
    for joint, parent in enumerate(PARENTS):
        own = Rotation.from_rotvec(turns[:, joint])
        if parent < 0:
            world.append(own)
            places.append(np.tile(rest[0], (len(poses), 1)))
        else:
            places.append(places[parent] + world[parent].apply(rest[joint] - rest[parent]))
            world.append(world[parent] * own)
    head = JOINTS.index("Head")
    places.append(places[head] + world[head].apply(rest[-1] - rest[head]))
    posed_joints: np.ndarray = np.stack(places, axis=1) + trans[:, None]
    return posed_joints


def model_for(path: Path, gender: str, joints: int, where: Path) -> Path:
    """The body model of a gender and a family: the file itself, or the one of a folder.

    Raises:
        BadInput: there is none, or several.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise BadInput(f"{path}: there is no such file or folder")
    files = sorted(f for f in path.rglob("*") if f.suffix.lower() in (".npz", ".pkl"))
    wanted = re.compile(_GENDER.get(gender, _GENDER["neutral"]))
    fitting = [file for file in files if wanted.search(_below(file, path))]
    family = [f for f in fitting if _family(_below(f, path)) == joints] or fitting
    named = [file for file in family if file.suffix.lower() == ".npz"] or family
    if len(named) != 1:
        told = ", ".join(str(file) for file in named[:5]) or "none"
        raise BadInput(
            f"{where} wants the body model {FAMILY.get(joints, '')} of gender {gender}, and {path} "
            f"holds {told}: name one file"
        )
    return named[0]


def _below(file: Path, folder: Path) -> str:
    return str(file.relative_to(folder)).lower()


def _family(name: str) -> int:
    for word, joints in (("smplx", 55), ("smpl-x", 55), ("smplh", 52), ("smpl+h", 52)):
        if word in name:
            return joints
    return 24
