"""The upright part of a picture around one person that a heat-map network looks at.

Points are px: x right, y down, (0, 0) the outer corner of the first pixel, in the picture as in the
crop. The crop has the shape of the network's picture, whatever shape the box has: the box grows in
one direction, then both by a quarter, as for the published networks.
"""

from typing import Any

import numpy as np

from evoskeleton.extras import require

MARGIN = 1.25
"""The crop's edge to the box's."""

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
"""Of ImageNet's red, green and blue in [0, 1]: what published weights were trained with."""


def crop_to_picture(
    box: np.ndarray, picture_px: tuple[int, int], scale: float = 1.0, turn: float = 0.0
) -> np.ndarray:
    """The (2, 3) affine map from px of the crop to px of the picture.

    Args:
        box: (4,) px, x0 y0 x1 y1, around the person.
        picture_px: width and height of the crop.
        scale: what the crop shows grows by this, about the middle of the box.
        turn: radians by which the crop is turned clockwise, as seen in the picture.
    """
    x0, y0, x1, y1 = (float(value) for value in box)
    width, height = picture_px
    px = MARGIN * scale * max((x1 - x0) / width, (y1 - y0) / height)
    cos, sin = np.cos(turn), np.sin(turn)
    linear = px * np.array([[cos, -sin], [sin, cos]])
    middle = np.array([(x0 + x1) / 2.0, (y0 + y1) / 2.0])
    return np.column_stack([linear, middle - linear @ (np.array(picture_px) / 2.0)])


def picture_to_crop(affine: np.ndarray) -> np.ndarray:
    """The way back of a (2, 3) map of `crop_to_picture`."""
    back = np.linalg.inv(affine[:, :2])
    return np.column_stack([back, -back @ affine[:, 2]])


def cropped(image: np.ndarray, affine: np.ndarray, picture_px: tuple[int, int]) -> np.ndarray:
    """What a crop shows, (height, width, 3) uint8; black outside the picture.

    A picture with two or more pixels for one of the crop is averaged in blocks first, so that thin
    limbs do not fall between the samples.

    Args:
        image: (height, width, 3) uint8.
        affine: (2, 3) from crop to picture.
        picture_px: width and height of the crop.
    """
    cv2 = _opencv()
    patch, left_top = _touched(image, affine, picture_px)
    if not patch.size:
        return np.zeros((picture_px[1], picture_px[0], 3), np.uint8)
    blocks = max(1, int(np.sqrt(abs(np.linalg.det(affine[:, :2])))))
    reduced = _averaged(cv2, patch, blocks)
    inner = affine.copy()
    inner[:, 2] -= left_top
    inner /= blocks
    inner[:, 2] += inner[:, :2] @ np.full(2, 0.5) - 0.5  # OpenCV counts from middles of pixels
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    shown: np.ndarray = cv2.warpAffine(reduced, inner, picture_px, flags=flags)
    return shown


def normalized(crops: np.ndarray) -> np.ndarray:
    """(pictures, height, width, 3) uint8 as the network takes it, (pictures, 3, height, width)."""
    scaled = crops.astype(np.float32) * (1.0 / (255.0 * DEVIATION)) - MEAN / DEVIATION
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def _averaged(cv2: Any, patch: np.ndarray, blocks: int) -> np.ndarray:
    """Means of blocks x blocks pixels; a rest at the right and below is filled with its edge."""
    if blocks == 1:
        return patch
    down, right = (-length % blocks for length in patch.shape[:2])
    filled = np.pad(patch, ((0, down), (0, right), (0, 0)), mode="edge")
    size = (filled.shape[1] // blocks, filled.shape[0] // blocks)
    averaged: np.ndarray = cv2.resize(filled, size, interpolation=cv2.INTER_AREA)
    return averaged


def _touched(
    image: np.ndarray, affine: np.ndarray, picture_px: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The upright part of the picture that the crop touches, and its left and top."""
    width, height = picture_px
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
    places = corners @ affine[:, :2].T + affine[:, 2]
    margin = 2.0 + 2.0 * np.sqrt(abs(np.linalg.det(affine[:, :2])))
    size = image.shape[1], image.shape[0]
    low = np.clip(places.min(axis=0) - margin, 0, size).astype(int)
    high = np.clip(places.max(axis=0) + margin, 0, size).astype(int)
    return np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]]), low


def _opencv() -> Any:
    return require(
        "cv2", "crops need OpenCV, which is not installed; try pip install 'evoskeleton[detect]'"
    )
