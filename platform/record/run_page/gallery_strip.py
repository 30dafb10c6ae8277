"""Bodies of one generation as a small picture, drawn in milliseconds while a campaign runs.

Colours of sides are those of all figures, see `lifting.drawing`.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES
from evoskeleton.lifting.drawing import bone_colour

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS, SHOWN = 4, 8
_CELL = (150, 200)
"""A cell's width and height, px: few bodies, that a tile of MLflow's page shows large enough."""

_MARGIN, _CAPTION = 8, 26
_LETTERS = 18
_SMOOTH = 2
"""Times as large while it is drawn."""

_INK = "#444444"

_TURN, _LIFT = np.deg2rad(35.0), np.deg2rad(12.0)
"""Seen from in front of its right shoulder, a little from above."""


FREE, SHARE = 8, 0.01
"""So many pictures are always drawn; more while all of them take no more than this of the time."""


class _Keeps(Protocol):
    def log_image(
        self, name: str, draw: Callable[[], "Image"], step: int, written: Callable[[], None]
    ) -> None: ...


class Galleries:
    """The pictures of a campaign, and what they have cost."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._spent, self._count = 0.0, 0

    def write(
        self,
        record: _Keeps,
        generation: int,
        draw: Callable[[], "Image"],
        done: Callable[[], None],
    ) -> None:
        """Draw and keep the picture of a generation, or not where that would take too long.

        Args:
            record: that keeps it, now or when it can.
            generation: that bred the bodies.
            draw: makes the picture.
            done: is called when it is kept, or will not be.
        """
        began = time.monotonic()
        if self._count >= FREE and self._spent > SHARE * (began - self._started):
            return done()
        record.log_image("gallery", draw, generation, done)
        self._spent += time.monotonic() - began
        self._count += 1


def spread_by_error(error_mm: np.ndarray, shown: int = SHOWN) -> np.ndarray:
    """Places of at most `shown` bodies, evenly from the easiest to the hardest; unscored first."""
    order = np.argsort(np.nan_to_num(error_mm, nan=-1.0), kind="stable")
    count = min(shown, len(order))
    places: np.ndarray = order[np.linspace(0, len(order) - 1, count).astype(int)]
    return places


def strip(poses: np.ndarray, captions: list[str]) -> "Image":
    """Bodies side by side.

    Args:
        poses: (bodies, 17, 3) world mm, z up; at least one.
        captions: a few letters under each.
    """
    from PIL import Image, ImageDraw, ImageFont

    width, height = _CELL
    columns = min(COLUMNS, len(poses))
    size = width * columns, height * -(-len(poses) // columns)
    picture = Image.new("RGB", (size[0] * _SMOOTH, size[1] * _SMOOTH), "white")
    draw = ImageDraw.Draw(picture)
    places = np.stack([np.arange(len(poses)) % columns, np.arange(len(poses)) // columns], 1)
    colours = [bone_colour(end) for _, end in BONES]
    for points, place in zip(_projected(poses), places * _CELL, strict=True):
        for (start, end), colour in zip(BONES, colours, strict=True):
            line = (_SMOOTH * (points[[start, end]] + place)).reshape(-1).tolist()
            draw.line(line, colour, 3 * _SMOOTH)
    picture = picture.resize(size, Image.Resampling.BOX)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(_LETTERS)
    for caption, (x, y) in zip(captions, places * _CELL, strict=True):
        draw.text((x + width // 2, y + height - _CAPTION), caption, _INK, font, anchor="ma")
    return picture


def _projected(poses: np.ndarray) -> np.ndarray:
    """(bodies, 17, 2) px within a cell, all at one scale, each in its middle."""
    centred = poses - (poses.min(axis=1, keepdims=True) + poses.max(axis=1, keepdims=True)) / 2
    centred = _turned(centred)
    across = centred[..., 0] * np.cos(_TURN) + centred[..., 1] * np.sin(_TURN)
    depth = centred[..., 1] * np.cos(_TURN) - centred[..., 0] * np.sin(_TURN)
    up = centred[..., 2] * np.cos(_LIFT) + depth * np.sin(_LIFT)
    flat = np.stack([across, -up], axis=-1)
    room = np.array(_CELL) - 2 * _MARGIN - np.array([0, _CAPTION])
    scale = (room / np.maximum(1.0, 2 * np.abs(flat).max(axis=(0, 1)))).min()
    points: np.ndarray = scale * flat + _MARGIN + room / 2
    return points


def _turned(poses: np.ndarray) -> np.ndarray:
    """Hips from left to right along x: all bodies are seen from the same side."""
    right = JOINT_NAMES.index("RHip")
    across = poses[:, right, :2] - poses[:, 0, :2]
    angle = -np.arctan2(across[:, 1], across[:, 0])
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y = poses[..., 0], poses[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y, poses[..., 2]], axis=-1)
