"""What is painted on a head: eyes, brows, lips, cheeks, beard, glasses."""

import numpy as np

from evoskeleton.pose2d.rendering.body.figure import EYES
from evoskeleton.pose2d.rendering.looks.look import Look
from evoskeleton.pose2d.rendering.looks.zones import Zones

_EYE_X, _EYE_Z = EYES[0][0], EYES[0][2]
_MOUTH_Z, _NOSTRIL_Z = 636.0, 660.0


def paint_face(look: Look, zones: Zones, colour: np.ndarray) -> None:
    """Paint a face on (n, 3) colours of the skin of a head, in place."""
    front = np.flatnonzero(zones.y < -20.0)
    x, z, y = zones.side[front], zones.z[front], zones.y[front]
    painted = colour[front]
    _soft(
        painted,
        _bump(x - 42.0, z - 672.0, 26.0, 20.0),
        np.multiply(look.skin, (1.0, 0.82, 0.80)),
        0.5,
    )
    _soft(painted, _bump(x - 30.0, z - 712.0, 22.0, 12.0), np.multiply(look.skin, 0.72), 0.6)
    _soft(painted, _bump(x, z - 622.0, 20.0, 5.0), np.multiply(look.skin, 0.78), 0.5)
    if look.beard:
        _beard(look, x, y, z, painted)
    _mouth(look, x, z, painted)
    _soft(
        painted,
        _bump(x - 8.0, z - _NOSTRIL_Z, 4.5, 3.5) * (y < -80),
        np.multiply(look.skin, 0.35),
        0.9,
    )
    _brows(look, x, z, painted)
    _eyes(look, x, z, painted)
    if look.glasses is not None:
        _glasses(look.glasses, x, z, painted)
    colour[front] = painted


def _bump(dx: np.ndarray, dz: np.ndarray, wide: float, high: float) -> np.ndarray:
    """1 in the middle of an ellipse, falling to 0 at its edge and beyond."""
    return np.maximum(1.0 - (dx / wide) ** 2 - (dz / high) ** 2, 0.0)


def _soft(painted: np.ndarray, share: np.ndarray, colour: np.ndarray, strength: float) -> None:
    """Mix a colour in."""
    at = np.flatnonzero(share > 0)
    part = (strength * np.minimum(share[at], 1.0))[:, None]
    painted[at] += part * (np.asarray(colour, np.float32) - painted[at])


def _hard(
    painted: np.ndarray, share: np.ndarray, colour: np.ndarray, strength: float = 1.0
) -> None:
    """Mix a colour in, with an edge."""
    _soft(painted, np.clip(share * 4.0, 0.0, 1.0), colour, strength)


def _mouth(look: Look, x: np.ndarray, z: np.ndarray, painted: np.ndarray) -> None:
    _hard(painted, _bump(x, z - _MOUTH_Z, 25.0, 9.0), np.asarray(look.lips), 0.85)
    _hard(painted, _bump(x, z - _MOUTH_Z - 0.5, 24.0, 1.8), np.multiply(look.lips, 0.35))


def _brows(look: Look, x: np.ndarray, z: np.ndarray, painted: np.ndarray) -> None:
    arch = z - (_EYE_Z + 19.0) + 0.008 * (x - 36.0) ** 2
    _hard(painted, _bump(x - 33.0, arch, 20.0, 5.0), np.multiply(look.hair, 0.8), 0.85)


def _eyes(look: Look, x: np.ndarray, z: np.ndarray, painted: np.ndarray) -> None:
    dx, dz = x - _EYE_X, z - _EYE_Z
    _hard(painted, _bump(dx, dz - 1.5, 16.5, 8.5), np.multiply(look.skin, 0.32))
    _hard(painted, _bump(dx, dz, 14.0, 6.0), np.array([0.93, 0.92, 0.90]))
    _hard(painted, _bump(dx, dz, 6.0, 6.0), np.asarray(look.iris))
    _hard(painted, _bump(dx, dz, 3.0, 3.0), np.array([0.03, 0.03, 0.03]))


def _beard(look: Look, x: np.ndarray, y: np.ndarray, z: np.ndarray, painted: np.ndarray) -> None:
    cheek = np.clip((662.0 + 0.35 * x - z) / 14.0, 0.0, 1.0) * np.clip((z - 585.0) / 10.0, 0.0, 1.0)
    lip = 1.0 - np.minimum(3.0 * _bump(x, z - _MOUTH_Z, 26.0, 12.0), 1.0)
    _soft(painted, cheek * lip, np.multiply(look.hair, 0.9), 0.35 + 0.5 * look.beard)


def _glasses(dark: float, x: np.ndarray, z: np.ndarray, painted: np.ndarray) -> None:
    dx, dz = x - 33.0, z - (_EYE_Z - 2.0)
    lens = (np.abs(dx / 25.0) ** 3 + np.abs(dz / 18.0) ** 3) ** (1.0 / 3.0)
    black = np.array([0.05, 0.05, 0.06])
    _soft(painted, (lens < 1.0).astype(np.float32), black, dark * 0.95)
    bridge = (x < 10.0) & (np.abs(dz - 6.0) < 2.5)
    _soft(painted, ((np.abs(lens - 1.0) < 0.14) | bridge).astype(np.float32), black, 0.9)
