"""Things: boxes and pillars that stand behind, beside or before people."""

import numpy as np

from evoskeleton.pose2d.rendering.looks.dressed import Kind, Surface
from evoskeleton.pose2d.rendering.looks.look import Colour

_CUBE = np.array(
    [
        [(1, -1, -1), (1, 1, -1), (1, 1, 1), (1, -1, 1)],
        [(-1, 1, -1), (-1, -1, -1), (-1, -1, 1), (-1, 1, 1)],
        [(1, 1, -1), (-1, 1, -1), (-1, 1, 1), (1, 1, 1)],
        [(-1, -1, -1), (1, -1, -1), (1, -1, 1), (-1, -1, 1)],
        [(-1, -1, 1), (1, -1, 1), (1, 1, 1), (-1, 1, 1)],
        [(-1, 1, -1), (1, 1, -1), (1, -1, -1), (-1, -1, -1)],
    ],
    dtype=np.float32,
)
_CUBE_NORMALS = np.array(
    [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)], dtype=np.float32
)
_AROUND = 14


def box(middle: np.ndarray, half: np.ndarray, turn: float) -> Surface:
    """A box around (3,) world mm with (3,) half edges, turned about the vertical."""
    corners = (_CUBE * half.astype(np.float32)).reshape(-1, 3)
    quads = np.arange(24).reshape(6, 4)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return _placed(corners, np.repeat(_CUBE_NORMALS, 4, axis=0), faces, middle, turn)


def pillar(middle: np.ndarray, half: np.ndarray, turn: float) -> Surface:
    """A round pillar: half its width is half[0], half its height half[2]."""
    angle = np.arange(_AROUND) * (2.0 * np.pi / _AROUND)
    ring = np.stack([np.cos(angle), np.sin(angle), 0.0 * angle], axis=1)
    radius, height = float(half[0]), float(half[2])
    low, high = ring * radius - (0, 0, height), ring * radius + (0, 0, height)
    vertices = np.concatenate([low, high, high, [(0, 0, height)]])
    up = np.broadcast_to([0.0, 0.0, 1.0], (_AROUND + 1, 3))
    here, after = np.arange(_AROUND), (np.arange(_AROUND) + 1) % _AROUND
    top = 2 * _AROUND
    faces = np.concatenate(
        [
            np.stack([here, after, after + _AROUND], axis=1),
            np.stack([here, after + _AROUND, here + _AROUND], axis=1),
            np.stack([top + here, top + after, np.full(_AROUND, top + _AROUND)], axis=1),
        ]
    )
    return _placed(vertices, np.concatenate([ring, ring, up]), faces, middle, turn)


def _placed(
    vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray, middle: np.ndarray, turn: float
) -> Surface:
    c, s = np.cos(turn), np.sin(turn)
    spin = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], dtype=np.float32)
    local = vertices.astype(np.float32)
    return Surface(
        world=(local @ spin.T + middle.astype(np.float32)).astype(np.float32),
        normals=(normals.astype(np.float32) @ spin.T).astype(np.float32),
        rest=local,
        air=np.ones(len(local), dtype=np.float32),
        kind=np.full(len(local), Kind.THING),
        faces=faces,
    )


def draw_thing(draws: np.random.Generator, middle: np.ndarray, largest: float) -> Surface:
    """A thing at random around (3,) world mm; its half edges reach `largest` mm at most."""
    half = largest * draws.uniform(0.25, 1.0, 3)
    if draws.random() < 0.4:
        half[2] = 2.5 * largest
        half[:2] *= 0.5
    make = pillar if draws.random() < 0.4 else box
    return make(middle, half, float(draws.uniform(0.0, np.pi)))


def thing_colour(draws: np.random.Generator) -> Colour:
    """Muted more often than bright."""
    grey = draws.uniform(0.08, 0.85)
    r, g, b = np.clip(grey + draws.normal(0.0, 0.12, 3), 0.02, 0.98)
    return float(r), float(g), float(b)
