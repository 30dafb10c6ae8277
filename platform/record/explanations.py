"""Keypoint sets with the body that explains each best, to be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from evoskeleton.evolution.skeleton import BONES
from evoskeleton.lifting.drawing import camera_to_upright, draw_keypoints, draw_pose

_ROW_INCHES = 3.2
_CAPTION = 34
_BODY, _BODY_EDGE = "#ffb000", "black"
_MARGIN = 0.35
"""How far beyond the person a picture is shown, as a share of the person's longer side."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """A keypoint set, and the body that comes nearest to it.

    Attributes:
        name: of the keypoint set, for people.
        picture: path of its photo or video; empty without one.
        frame: number in a video; -1 elsewhere.
        keypoints: (17, 2) px.
        weights: (17,), 0 where a joint is not known.
        distance: of the body, see `evolution.archive.resemblance`.
        seen: (17, 2) px: the body in its view, laid over the keypoints.
        joints: (17, 3) mm as a level camera sees them from there, around the hip.
    """

    name: str
    picture: str
    frame: int
    keypoints: np.ndarray
    weights: np.ndarray
    distance: float
    seen: np.ndarray
    joints: np.ndarray


def explanations_figure(
    explanations: Sequence[Explanation], images: Sequence[np.ndarray | None]
) -> Figure:
    """A row each: the keypoints on their picture, the body over them, and it from the side.

    Args:
        explanations: one or more.
        images: the picture of each, (height, width, 3) uint8; None where there is none.
    """
    rows = len(explanations)
    figure = Figure(figsize=(3.0 * _ROW_INCHES, _ROW_INCHES * rows), layout="constrained")
    for row, (each, image) in enumerate(zip(explanations, images, strict=True)):
        draw_explanation(figure, (rows, 3, 3 * row), each, image)
    return figure


def draw_explanation(
    figure: Figure, place: tuple[int, int, int], each: Explanation, image: np.ndarray | None
) -> None:
    """Three axes side by side: keypoints, the body over them, and it from the side.

    Args:
        figure: that is drawn on.
        place: rows and columns of the figure, and how many axes come before.
        each: what is drawn.
        image: its picture, (height, width, 3) uint8; None where there is none.
    """
    rows, columns, before = place
    left = figure.add_subplot(rows, columns, before + 1)
    _draw_flat(left, each, image, body=False)
    left.set_title("\n".join(wrap(each.name, _CAPTION)), fontsize=8)
    middle = figure.add_subplot(rows, columns, before + 2)
    _draw_flat(middle, each, image, body=True)
    middle.set_title(f"the body over them, distance {each.distance:.2f}", fontsize=8)
    side = figure.add_subplot(rows, columns, before + 3, projection="3d")
    draw_pose(side, camera_to_upright(each.joints), ground=False)
    side.view_init(elev=5.0, azim=0.0)
    side.set_title("the same from the right of the picture", fontsize=8)


def _draw_flat(axes: Any, each: Explanation, image: np.ndarray | None, body: bool) -> None:
    """Keypoints and, over them, the body."""
    if image is not None:
        height, width = image.shape[:2]
        axes.imshow(image, extent=(0, width, height, 0))
    draw_keypoints(axes, _known(each), each.weights > 0.0)
    if body:
        _draw_body(axes, each.seen)
    _show_person(axes, each)


def _known(each: Explanation) -> np.ndarray:
    """Keypoints (17, 2), NaN where they are not known, so that nothing is drawn there."""
    return np.where(each.weights[:, None] > 0.0, each.keypoints, np.nan)


def _draw_body(axes: Any, seen: np.ndarray) -> None:
    for start, end in BONES:
        line = seen[[start, end]].T
        axes.plot(*line, color=_BODY_EDGE, linewidth=3.4, alpha=0.6, zorder=4)
        axes.plot(*line, color=_BODY, linewidth=1.8, zorder=5)


def _show_person(axes: Any, each: Explanation) -> None:
    """The part of the picture in which the person and the body are."""
    points = np.concatenate([each.keypoints[each.weights > 0.0], each.seen])
    low, high = points.min(axis=0), points.max(axis=0)
    reach = (0.5 + _MARGIN) * float((high - low).max())
    x, y = (low + high) / 2.0
    axes.set_xlim(x - reach, x + reach)
    axes.set_ylim(y + reach, y - reach)
