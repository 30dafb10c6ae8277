"""Skeletons on matplotlib axes: left blue, right red, the middle of the body dark.

Joints (17, 3) mm in the world frame, z up; keypoints (17, 2) px, y down. Only the axes that are
handed in are touched; figures, backends and files are the caller's.
"""

from typing import Any

import numpy as np

from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES, Joint
from evoskeleton.shapes import expect_shape

LEFT, RIGHT, MIDDLE = "#2166ac", "#b2182b", "#4d4d4d"
_HIDDEN_ALPHA = 0.2


def bone_colour(end: Joint) -> str:
    """Colour of the bone that ends in a joint."""
    name = JOINT_NAMES[end]
    return LEFT if name.startswith("L") else RIGHT if name.startswith("R") else MIDDLE


def draw_pose(axes3d: Any, joints: np.ndarray, *, alpha: float = 1.0, ground: bool = True) -> None:
    """Draw a body, z up, with the same scale on all axes.

    Args:
        axes3d: axes of the projection "3d".
        joints: (17, 3) world mm; `camera_to_upright` turns joints of a camera.
        alpha: opacity, for bodies laid over each other.
        ground: whether to draw the height 0 as a faint square below the body.
    """
    expect_shape("joints", joints, (len(JOINT_NAMES), 3))
    for start, end in BONES:
        line = joints[[start, end]]
        axes3d.plot(*line.T, color=bone_colour(end), linewidth=2.2, alpha=alpha)
    axes3d.scatter(*joints.T, s=7, color="black", alpha=alpha, depthshade=False)
    low, high = joints.min(0), joints.max(0)
    middle, reach = (low + high) / 2.0, float((high - low).max()) / 2.0 * 1.05
    if ground:
        _draw_ground(axes3d, middle, reach)
    for set_limits, centre in zip(
        (axes3d.set_xlim, axes3d.set_ylim, axes3d.set_zlim), middle, strict=True
    ):
        set_limits(centre - reach, centre + reach)
    axes3d.set_box_aspect((1, 1, 1))
    axes3d.set_axis_off()


def _draw_ground(axes3d: Any, middle: np.ndarray, reach: float) -> None:
    if abs(middle[2]) > 1.2 * reach:
        return
    x, y = np.meshgrid(*(np.array([c - 0.6 * reach, c + 0.6 * reach]) for c in middle[:2]))
    axes3d.plot_surface(x, y, np.zeros_like(x), color="#999999", alpha=0.15, shade=False)


def draw_keypoints(
    axes: Any,
    keypoints: np.ndarray,
    visibility: np.ndarray | None = None,
    size: tuple[int, int] | None = None,
) -> None:
    """Draw keypoints as an image shows them: y down, the same scale on both axes.

    Args:
        axes: ordinary axes; may hold the photograph already.
        keypoints: (17, 2) px.
        visibility: (17,); bones of hidden keypoints are faint.
        size: width and height of the image, drawn as a frame; none: the axes fit the keypoints.
    """
    expect_shape("keypoints", keypoints, (len(JOINT_NAMES), 2))
    seen = np.ones(len(keypoints), bool) if visibility is None else np.asarray(visibility) > 0.5
    for start, end in BONES:
        alpha = 1.0 if seen[start] and seen[end] else _HIDDEN_ALPHA
        axes.plot(*keypoints[[start, end]].T, color=bone_colour(end), linewidth=2.2, alpha=alpha)
    axes.scatter(*keypoints[seen].T, s=9, color="black", zorder=3)
    axes.set_aspect("equal")
    if size is not None:
        axes.set_xlim(0, size[0])
        axes.set_ylim(size[1], 0)
    elif not axes.yaxis_inverted():
        axes.invert_yaxis()
    axes.set_xticks([])
    axes.set_yticks([])


def camera_to_upright(joints: np.ndarray) -> np.ndarray:
    """(..., 3) camera mm (x right, y down, z forward) as x right, y forward, z up, for drawing."""
    return np.stack([joints[..., 0], joints[..., 2], -joints[..., 1]], axis=-1)
