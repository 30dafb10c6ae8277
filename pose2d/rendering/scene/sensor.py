"""What a camera does to a picture: white balance, exposure, blur, noise."""

from functools import lru_cache

import cv2
import numpy as np

from evoskeleton.pose2d.rendering.address import draws_of
from evoskeleton.pose2d.rendering.settings import RenderSettings

_MORE = 256
_MOTION = 0.12
"""Share of the pictures that are blurred by a movement."""


@lru_cache(maxsize=1)
def _grain(height: int, width: int) -> np.ndarray:
    """Normal noise of 32 levels, int16, larger than a picture; a picture takes a part of it."""
    draws = draws_of(0x5E5, 0, "grain")
    normal = draws.standard_normal((height + _MORE, width + _MORE, 3), dtype=np.float32)
    return np.asarray(np.clip(32.0 * normal, -127, 127), dtype=np.int16)


def seen_by_sensor(
    picture: np.ndarray, settings: RenderSettings, draws: np.random.Generator
) -> np.ndarray:
    """(height, width, 3) float32 in [0, 1] to uint8."""
    contrast = float(draws.uniform(0.85, 1.15))
    gain = contrast * draws.uniform(0.85, 1.15) * (1.0 + draws.normal(0.0, 0.03, 3))
    lifted = 255.0 * 0.45 * (1.0 - contrast) + 0.5
    height, width = picture.shape[:2]
    levels = picture.reshape(height, -1) * np.tile((255.0 * gain).astype(np.float32), width)
    levels += np.float32(lifted)
    exposed = np.clip(levels, 0.0, 255.0, out=levels).astype(np.uint8).reshape(picture.shape)
    blur = float(draws.uniform(*settings.blur_px))
    if blur > 0.05:
        exposed = cv2.GaussianBlur(exposed, (0, 0), blur)
    if draws.random() < _MOTION and settings.blur_px[1] > 0:
        exposed = cv2.filter2D(exposed, -1, _streak(draws))
    strength = round(float(draws.uniform(*settings.noise)) * 8.0)
    noisy = _crop(height, width, draws) * np.int16(strength)
    noisy >>= 8
    noisy += exposed
    return np.asarray(np.clip(noisy, 0, 255, out=noisy), dtype=np.uint8)


def _streak(draws: np.random.Generator) -> np.ndarray:
    """(7, 7) kernel of a short straight movement."""
    angle, half = draws.uniform(0.0, np.pi), draws.uniform(1.0, 3.0)
    kernel = np.zeros((7, 7), dtype=np.uint8)
    x, y = half * np.cos(angle), half * np.sin(angle)
    ends = [(round(3 - x), round(3 - y)), (round(3 + x), round(3 + y))]
    cv2.line(kernel, ends[0], ends[1], 1)
    return np.asarray(kernel / kernel.sum(dtype=np.float32), dtype=np.float32)


def _crop(height: int, width: int, draws: np.random.Generator) -> np.ndarray:
    """Grain for a picture, from a place of its own."""
    y, x = (int(v) for v in draws.integers(0, _MORE, 2))
    return _grain(height, width)[y : y + height, x : x + width]
