"""What hangs on a body besides its skin: hair that falls, a cap's brim, a skirt."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from evoskeleton.pose2d.rendering.body.bones import Bone, ramp, skin_weights
from evoskeleton.pose2d.rendering.body.figure import Loft, ball, distance
from evoskeleton.pose2d.rendering.body.surface import Field, gradient, surface_net

_HAIR_MM = 17.0
_SKIRT_ROWS, _SKIRT_COLUMNS, _SKIRT_MM = 26, 40, 800.0


@dataclass(frozen=True)
class Piece:
    """Triangles that move with the bones.

    Attributes:
        rest: (vertices, 3) float32 mm, rest frame.
        normals: (vertices, 3) float32.
        faces: (faces, 3) int64.
        weights: (vertices, bones) float32.
    """

    rest: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    weights: np.ndarray


def _tail(*places: Sequence[float], radius: float) -> list[Loft]:
    """A rope of hair through some places."""
    knots = ((0.0, radius, radius, 0, 0), (1.0, 0.92 * radius, 0.92 * radius, 0, 0))
    pairs = zip(places[:-1], places[1:], strict=True)
    return [Loft(start, end, (1, 0, 0), knots, 25.0) for start, end in pairs]


def _falling(low: float) -> list[Loft]:
    """Hair that falls from the crown to a height, beside and behind the face."""
    skull = ball((0, 30, 738), (88, 104, 96), 30.0)
    curtain = (
        (0.0, 84, 80, 0, 0), (0.4, 90, 66, 0, 0), (0.75, 92, 52, 0, 6), (1.0, 78, 34, 0, 10),
    )  # fmt: skip
    return [skull, Loft((0, 44, 730), (0, 66, low), (1, 0, 0), [*curtain], 30.0)]


_SHAPES: dict[str, list[Loft]] = {
    "bob": _falling(585.0),
    "long": _falling(420.0),
    "ponytail": _tail((0, 118, 752), (0, 172, 732), (0, 182, 600), (0, 160, 500), radius=24.0),
    "bun": [ball((0, 108, 800), (40, 38, 36))],
    "afro": [ball((0, 32, 752), (122, 128, 118))],
    "cap": [
        ball((0, 26, 748), (86, 108, 86), 8.0),
        Loft(
            (0, -50, 772), (0, -158, 752), (1, 0, 0),
            ((0.0, 74, 9, 0, 0), (0.6, 66, 7, 0, 0), (1.0, 36, 5, 0, 0)), 8.0,
        ),
    ],
}  # fmt: skip


def _face_free(style: str) -> Field:
    """The shape of a style, cut away before the face."""
    lofts = _SHAPES[style]

    def field(points: np.ndarray) -> np.ndarray:
        shape = distance(lofts, points)
        if style == "cap":
            below = 752.0 - 0.12 * (points[:, 1] + 60.0) - points[:, 2]
            return np.asarray(np.maximum(shape, below))
        if style in ("ponytail", "bun"):
            return shape
        edge = np.interp(points[:, 2], (640.0, 735.0, 772.0, 790.0), (18.0, -4.0, -62.0, -200.0))
        return np.asarray(np.maximum(shape, 0.8 * (edge - points[:, 1])), dtype=np.float32)

    return field


def head_piece(style: str) -> Piece | None:
    """The hair or hat of a style; none where the skin of the head does."""
    return _shaped(style) if style in _SHAPES else None


@lru_cache(maxsize=len(_SHAPES))
def _shaped(style: str) -> Piece:
    field = _face_free(style)
    rest, faces = surface_net(field, (-150, -190, 380), (150, 230, 900), _HAIR_MM)
    return Piece(rest, _unit(gradient(field, rest)), faces, _hanging(rest))


def _unit(vectors: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(size, 1e-6), dtype=np.float32)


def _hanging(rest: np.ndarray) -> np.ndarray:
    """Hair moves with the head, and what falls below it more and more with the chest."""
    weights = np.zeros((len(rest), len(Bone)), dtype=np.float32)
    lower = 0.8 * ramp(-rest[:, 2], -620.0, -500.0)
    weights[:, Bone.HEAD], weights[:, Bone.CHEST] = 1.0 - lower, lower
    return weights


@lru_cache(maxsize=1)
def _whole_skirt() -> Piece:
    """A skirt that reaches the ankles, row by row from the waist."""
    down = np.linspace(0.0, _SKIRT_MM, _SKIRT_ROWS)
    turn = np.arange(_SKIRT_COLUMNS) * (2.0 * np.pi / _SKIRT_COLUMNS)
    z = 100.0 - down
    wide = np.interp(-z, (-100, 0, 110, 400, 700), (154, 180, 186, 190, 196))
    deep = np.interp(-z, (-100, 0, 110, 400, 700), (116, 132, 122, 108, 104))
    back = np.interp(-z, (-100, 0, 110, 400, 700), (16, 18, 10, 2, 4))
    x, y = wide[:, None] * np.cos(turn), back[:, None] + deep[:, None] * np.sin(turn)
    rest = np.stack([x, y, np.broadcast_to(z[:, None], x.shape)], axis=-1).reshape(-1, 3)
    normals = np.stack(
        [x / wide[:, None] ** 2, (y - back[:, None]) / deep[:, None] ** 2, 0 * x], axis=-1
    )
    return Piece(
        rest.astype(np.float32), _unit(normals.reshape(-1, 3)), _grid_faces(), _skirt_weights(rest)
    )


def _grid_faces() -> np.ndarray:
    row, column = np.meshgrid(np.arange(_SKIRT_ROWS - 1), np.arange(_SKIRT_COLUMNS), indexing="ij")
    a = (row * _SKIRT_COLUMNS + column).ravel()
    b = (row * _SKIRT_COLUMNS + (column + 1) % _SKIRT_COLUMNS).ravel()
    c, d = b + _SKIRT_COLUMNS, a + _SKIRT_COLUMNS
    return np.stack([np.stack([a, d, b], axis=1), np.stack([b, d, c], axis=1)], axis=1).reshape(
        -1, 3
    )


def _skirt_weights(rest: np.ndarray) -> np.ndarray:
    """As the legs move, shared smoothly between them."""
    share = ramp(rest[:, 0], -130.0, 130.0)[:, None]
    legs = [
        skin_weights(
            (np.stack([0 * rest[:, 0] + x, rest[:, 1], rest[:, 2]], axis=1)).astype(np.float32)
        )
        for x in (-110.0, 110.0)
    ]
    return np.asarray((1.0 - share) * legs[0] + share * legs[1], dtype=np.float32)


def skirt_piece(length: float, flare: float) -> Piece:
    """A skirt of a length below the waist in mm, cut from straight (0) to wide (1)."""
    whole = _whole_skirt()
    rows = max(3, round(length / _SKIRT_MM * (_SKIRT_ROWS - 1))) + 1
    vertices, faces = rows * _SKIRT_COLUMNS, (rows - 1) * _SKIRT_COLUMNS * 2
    rest, normals = whole.rest[:vertices], whole.normals[:vertices]
    below = np.maximum(60.0 - rest[:, 2], 0.0)
    folds = 1.0 + 0.35 * np.sin(9.0 * np.arctan2(normals[:, 1], normals[:, 0]))
    placed = rest + normals * (below * (0.02 + 0.38 * flare) * folds)[:, None].astype(np.float32)
    return Piece(placed, normals, whole.faces[:faces], whole.weights[:vertices])
