"""What was found, to be looked at: keypoints on the picture beside each body from two sides."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.files import whole_file
from evoskeleton.lifting.drawing import camera_to_upright, draw_keypoints, draw_pose
from evoskeleton.pose2d.detector import Person

MOST_DRAWN = 4
"""People whose bodies are drawn in 3D, a row each; the others are on the picture only."""

_SIDES = (("as the camera sees it", -90.0), ("from the right of the picture", 0.0))
_HEIGHT, _LONGEST_PX, _ZOOM = 4.0, 1600, 1.5


def draw_overlay(
    image: np.ndarray,
    people: Sequence[Person],
    joints: Sequence[np.ndarray | None],
    ids: Sequence[int],
) -> Any:
    """A matplotlib figure: the picture with all people, and a row of two views for each.

    Args:
        image: (height, width, 3) uint8.
        people: who was found.
        joints: (17, 3) camera mm of each, or None.
        ids: the number written at each person.
    """
    from matplotlib.figure import Figure

    height, width = image.shape[:2]
    bodies = [(i, j) for i, j in zip(ids, joints, strict=True) if j is not None][:MOST_DRAWN]
    rows = max(1, len(bodies))
    tall = _HEIGHT if rows == 1 else 3.0 * rows
    broad = float(np.clip(tall * width / height, 0.5 * tall, 2.0 * tall))
    side = tall / rows
    figure = Figure(figsize=(broad + 2.0 * side, tall), layout="constrained")
    grid = figure.add_gridspec(rows, 3, width_ratios=[broad, side, side])
    _draw_picture(figure.add_subplot(grid[:, 0]), image, people, ids)
    for row, (number, body) in enumerate(bodies):
        for column, (words, azimuth) in enumerate(_SIDES, start=1):
            axes = figure.add_subplot(grid[row, column], projection="3d")
            draw_pose(axes, camera_to_upright(body), ground=False)
            axes.set_box_aspect((1, 1, 1), zoom=_ZOOM)
            axes.view_init(elev=0.0 if column == 1 else 10.0, azim=azimuth)
            axes.set_title(f"person {number}, {words}", fontsize=8)
    return figure


def save_overlay(figure: Any, path: Path) -> None:
    """Write a figure of `draw_overlay` as PNG.

    Raises:
        BadInput: the file cannot be written.
    """
    with whole_file(path) as file:
        figure.savefig(file, format="png", dpi=100)


def _draw_picture(
    axes: Any, image: np.ndarray, people: Sequence[Person], ids: Sequence[int]
) -> None:
    height, width = image.shape[:2]
    step = max(1, -(-max(height, width) // _LONGEST_PX))
    axes.imshow(image[::step, ::step], extent=(0, width, height, 0))
    for number, person in zip(ids, people, strict=True):
        if not np.isfinite(person.keypoints).all():
            continue
        draw_keypoints(axes, person.keypoints, person.known.astype(float), size=(width, height))
        x0, y0 = person.box[:2]
        axes.text(x0, y0, f"{number}", fontsize=8, color="white", backgroundcolor="#00000080")
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
