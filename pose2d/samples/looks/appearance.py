"""How a crop looks: colours, blur, noise, and things in front, drawn by address.

Crops are (height, width, 3) uint8, red green blue. What is in front is a rectangle or an ellipse of
one colour, of noise, or of another part of the same crop; keypoints below it stay where they are
(Sarandi 2018, https://arxiv.org/abs/1808.09316, on what occluders teach).
"""

import cv2
import numpy as np

from evoskeleton.evolution.chance import key, stream
from evoskeleton.pose2d.samples.looks.augmentation_settings import AugmentationSettings

_GREY = np.array([0.299, 0.587, 0.114])
_BLUR_PX, _NOISE_LEVELS, _LEAST_OCCLUDER = 2.0, 15.0, 0.1
_WORD = (1 << 64) - 1


def chance_of(key_: int, counter: int) -> np.random.Generator:
    """The numbers of one look's appearance, by address."""
    address = (key(key_, stream("appearance")), counter & _WORD)
    return np.random.Generator(np.random.Philox(key=np.array(address, np.uint64)))


def changed(
    crop: np.ndarray, settings: AugmentationSettings, chance: np.random.Generator
) -> np.ndarray:
    """A crop as another camera, and somebody in front of it, would have it."""
    even = chance.random(16)
    seen = cv2.transform(crop, _colours(settings, even)) if settings.colour else crop
    if even[0] < settings.occlusion:
        seen = _behind(seen, settings, even[8:], chance)
    if even[1] < settings.blur:
        seen = cv2.GaussianBlur(seen, (0, 0), 0.3 + _BLUR_PX * even[2])
    if even[3] < settings.noise:
        levels = chance.standard_normal(seen.shape, np.float32) * np.float32(
            _NOISE_LEVELS * even[4]
        )
        seen = (seen + levels).clip(0, 255).astype(np.uint8)
    return seen


def _colours(settings: AugmentationSettings, even: np.ndarray) -> np.ndarray:
    """(3, 4) matrix from red green blue 1 to red green blue: tint, saturation, contrast, light."""
    spread = settings.colour * (2.0 * even[5:8] - 1.0)
    tint = 1.0 + 0.5 * settings.colour * (2.0 * even[8:11] - 1.0)
    light, contrast, saturation = spread
    mix = 0.0 if even[11] < settings.grey else 1.0 + saturation
    saturated = mix * np.eye(3) + (1.0 - mix) * np.tile(_GREY, (3, 1))
    linear = (1.0 + contrast) * (np.diag(tint) @ saturated)
    offset = np.full(3, 255.0 * 0.5 * light - 127.5 * contrast)
    return np.column_stack([linear, offset])


def _behind(
    crop: np.ndarray,
    settings: AugmentationSettings,
    even: np.ndarray,
    chance: np.random.Generator,
) -> np.ndarray:
    """The crop with one thing in front."""
    size = np.array(crop.shape[:2])
    largest = max(settings.occluder, _LEAST_OCCLUDER)
    shares = _LEAST_OCCLUDER + (largest - _LEAST_OCCLUDER) * even[:2]
    down, across = np.maximum(2, shares * size).astype(int)
    top, left = (even[2:4] * (size - (down, across))).astype(int)
    stuff = _stuff(crop, down, across, even[4:7], chance)
    mask = np.ones((down, across, 1), bool)
    if even[7] < 0.5:
        y, x = np.ogrid[-1.0 : 1.0 : down * 1j, -1.0 : 1.0 : across * 1j]
        mask = (x**2 + y**2 <= 1.0)[..., None]
    seen = crop.copy()
    part = seen[top : top + down, left : left + across]
    part[:] = np.where(mask, stuff, part)
    return seen


def _stuff(
    crop: np.ndarray, down: int, across: int, even: np.ndarray, chance: np.random.Generator
) -> np.ndarray:
    """(down, across, 3) of what is in front."""
    if even[0] < 0.4:
        return np.broadcast_to(chance.integers(0, 256, 3, np.uint8), (down, across, 3))
    if even[0] < 0.55:
        return chance.integers(0, 256, (down, across, 3), np.uint8)
    top = int(even[1] * (crop.shape[0] - down))
    left = int(even[2] * (crop.shape[1] - across))
    return crop[top : top + down, left : left + across].copy()
