"""The skin of a body as triangles that any build and any pose can take.

The net is made once, of a body between man and woman; its vertices are then moved onto thinner,
heavier, men's and women's bodies, between which every build lies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from evoskeleton.evolution.skeleton import Joint
from evoskeleton.pose2d.rendering.body.bones import ARM, along_arm, skin_weights
from evoskeleton.pose2d.rendering.body.figure import (
    REST,
    Build,
    Loft,
    body_lofts,
    distance,
    hand_lofts,
)
from evoskeleton.pose2d.rendering.body.surface import Field, gradient, surface_net

_BODY_MM, _HEAD_MM, _HAND_MM = 23.0, 10.5, 9.5
_CUT = 576.0
"""Height at which the fine net of the head begins, on the neck."""
_FOLD_MM = 45.0
_MOST_MM = 40.0

BODY, HEAD, HAND = 0, 1, 2
"""What a triangle is of."""

MIDDLE = Build(0.15, 0.0)
"""The body whose net all others share."""

CORNERS = tuple(Build(float(female), float(weight)) for female, weight in product((0, 1), (-1, 1)))


@dataclass(frozen=True)
class BodyMesh:
    """A body's skin at rest.

    Attributes:
        corners: (4, vertices, 3) float32 mm, on the bodies of `CORNERS`.
        rest: (vertices, 3) float32 mm, on the body between them: where a vertex is, whatever
            the build, for clothes and textures.
        normals: (vertices, 3) float32, of the body between them.
        faces: (faces, 3) int64, counter-clockwise from outside.
        part: (vertices,) int64, BODY, HEAD or HAND.
        weights: (vertices, bones) float32.
        open_air: (vertices,) float32, 0 in a fold to 1 in the open.
    """

    corners: np.ndarray
    rest: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    part: np.ndarray
    weights: np.ndarray
    open_air: np.ndarray

    def of(self, build: Build) -> np.ndarray:
        """Vertices (vertices, 3) float32 mm of a build, rest frame."""
        f, w = build.female, 0.5 * (build.weight + 1.0)
        shares = ((1 - f) * (1 - w), (1 - f) * w, f * (1 - w), f * w)
        parts = [np.float32(s) * c for s, c in zip(shares, self.corners, strict=True)]
        return np.asarray(parts[0] + parts[1] + parts[2] + parts[3])


def body_mesh() -> BodyMesh:
    """The skin that all bodies share; made at the first call, which takes seconds."""
    if not _kept_mesh:
        _kept_mesh.append(_made())
    return _kept_mesh[0]


def take_body_mesh(mesh: BodyMesh) -> None:
    """Let a new process have the skin that another has made."""
    _kept_mesh[:] = [mesh]


_kept_mesh: list[BodyMesh] = []


def _made() -> BodyMesh:
    middle = MIDDLE
    body, hand = _field(body_lofts(middle)), _field(hand_lofts(middle))
    pieces = [
        (*_body_net(body), BODY, body_lofts),
        (*_head_net(body), HEAD, body_lofts),
        (*_hand_net(hand), HAND, hand_lofts),
    ]
    vertices, faces = _mirrored(*pieces[2][:2])
    pieces.append((vertices, faces, HAND, _right_hand_lofts))
    return _joined(pieces)


def _right_hand_lofts(build: Build) -> list[Loft]:
    return [loft.mirrored() for loft in hand_lofts(build)]


def _field(lofts: Sequence[Loft]) -> Field:
    return partial(distance, lofts)


def _body_net(field: Field) -> tuple[np.ndarray, np.ndarray]:
    """The trunk with arms and legs, without head and hands."""
    vertices, faces = surface_net(field, (-720, -260, -960), (720, 220, 640), _BODY_MM)
    kept = vertices[:, 2] < _CUT + 26.0
    for sign in (1, -1):
        along, off = along_arm(vertices, sign)
        kept &= (along < ARM + 26.0) | (off > 200.0)
    return _kept(vertices, faces, kept)


def _head_net(field: Field) -> tuple[np.ndarray, np.ndarray]:
    return surface_net(field, (-117, -144, _CUT - 16.0), (117, 153, 846), _HEAD_MM)


def _hand_net(field: Field) -> tuple[np.ndarray, np.ndarray]:
    wrist = REST[Joint.LWRIST]
    low, high = wrist + (-30, -100, -200), wrist + (210, 70, 60)
    vertices, faces = surface_net(field, low.tolist(), high.tolist(), _HAND_MM)
    return _kept(vertices, faces, along_arm(vertices, 1)[0] > ARM - 14.0)


def _kept(
    vertices: np.ndarray, faces: np.ndarray, kept: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices that are kept, and the triangles of which all corners are."""
    number = np.cumsum(kept) - 1
    return vertices[kept], number[faces[kept[faces].all(axis=1)]]


def _mirrored(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return vertices * np.array([-1, 1, 1], np.float32), faces[:, ::-1]


def _moved(field: Field, points: np.ndarray, normals: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Points moved along their normals onto another body, neighbours by much the same."""
    far = np.zeros(len(points), dtype=np.float32)
    for _ in range(5):
        far = np.clip(far - 0.8 * field(points + normals * far[:, None]), -_MOST_MM, _MOST_MM)
    for _ in range(4):
        far = _smoothed(far, faces)
    return np.asarray(points + normals * far[:, None])


def _smoothed(values: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(vertices,) values, each the mean over its triangles."""
    mean = values[faces].mean(axis=1)
    total = np.bincount(faces.ravel(), np.repeat(mean, 3), len(values))
    count = np.bincount(faces.ravel(), minlength=len(values))
    return np.where(count > 0, total / np.maximum(count, 1), values).astype(np.float32)


def _joined(pieces: Sequence[tuple]) -> BodyMesh:  # type: ignore[type-arg]
    corners, normals, air, faces, part = [], [], [], [], []
    count = 0
    for vertices, triangles, kind, lofts in pieces:
        middle = _field(lofts(MIDDLE))
        normal = gradient(middle, vertices)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
        corners.append(
            [_moved(_field(lofts(build)), vertices, normal, triangles) for build in CORNERS]
        )
        normals.append(normal)
        air.append(np.clip(middle(vertices + normal * _FOLD_MM) / _FOLD_MM, 0.0, 1.0))
        faces.append(triangles + count)
        part.append(np.full(len(vertices), kind))
        count += len(vertices)
    placed = np.concatenate([np.stack(each) for each in corners], axis=1)
    return BodyMesh(
        placed,
        placed.mean(axis=0),
        np.concatenate(normals).astype(np.float32),
        np.concatenate(faces),
        np.concatenate(part),
        skin_weights(placed.mean(axis=0)),
        np.concatenate(air).astype(np.float32),
    )
