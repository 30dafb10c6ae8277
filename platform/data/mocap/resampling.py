"""Another frame rate for a clip: directions of bones turn evenly, so that lengths stay."""

import numpy as np

from evoskeleton.evolution.skeleton import BONES

_PARALLEL = 1e-6


def resampled(poses: np.ndarray, rate: float, wanted: float) -> np.ndarray:
    """(m, 17, 3) poses at another rate; the first frame stays, and the length in seconds.

    Args:
        poses: (n, 17, 3) mm.
        rate: frames a second.
        wanted: frames a second of the result.
    """
    seconds = (len(poses) - 1) / rate
    at = np.arange(int(np.floor(seconds * wanted + 1e-6)) + 1) * rate / wanted
    first = np.minimum(np.floor(at).astype(np.int64), max(len(poses) - 2, 0))
    last = np.minimum(first + 1, len(poses) - 1)
    share = (at - first)[:, None]
    out = np.empty((len(at), *poses.shape[1:]))
    root = BONES[0][0]
    out[:, root] = (1 - share) * poses[first, root] + share * poses[last, root]
    for start, end in BONES:
        bone = poses[:, end].astype(np.float64) - poses[:, start]
        out[:, end] = out[:, start] + _slerp(bone[first], bone[last], share)
    return out.astype(np.float32)


def _slerp(before: np.ndarray, after: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(n, 3) vectors between two: direction along the great circle, length evenly."""
    length = [np.linalg.norm(vector, axis=1, keepdims=True) for vector in (before, after)]
    u, v = (
        vector / np.maximum(far, 1e-12) for vector, far in zip((before, after), length, strict=True)
    )
    angle = np.arctan2(
        np.linalg.norm(np.cross(u, v), axis=1, keepdims=True), (u * v).sum(axis=1, keepdims=True)
    )
    sine = np.sin(angle)
    flat = sine < _PARALLEL
    safe = np.where(flat, 1.0, sine)
    first = np.where(flat, 1 - share, np.sin((1 - share) * angle) / safe)
    second = np.where(flat, share, np.sin(share * angle) / safe)
    way = first * u + second * v
    way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-12)
    between: np.ndarray = ((1 - share) * length[0] + share * length[1]) * way
    return between
