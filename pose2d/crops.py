"""Square regions of a picture, turned and scaled: where a network looks, and the way back.

Points are (..., 2) px: x right, y down, (0, 0) the outer corner of the first pixel, whose middle is
(0.5, 0.5). A region's own points have the same convention on a square of `side` px.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Region:
    """A square somewhere in a picture, or partly outside it.

    Attributes:
        x, y: its centre, px.
        size: length of an edge, px.
        angle: radians by which the square is turned clockwise, as seen in the picture; a person
            whose body leans clockwise by this much stands upright in the crop.
    """

    x: float
    y: float
    size: float
    angle: float = 0.0


def whole(width: int, height: int) -> Region:
    """The smallest region that holds a picture, around its middle."""
    return Region(width / 2.0, height / 2.0, float(max(width, height)))


def around_box(box: np.ndarray, margin: float = 1.25) -> Region:
    """The upright square around a (4,) box x0 y0 x1 y1 px, `margin` times its longer edge."""
    x0, y0, x1, y1 = (float(value) for value in box)
    return Region((x0 + x1) / 2.0, (y0 + y1) / 2.0, margin * max(x1 - x0, y1 - y0))


def crop_to_picture(region: Region, side: int) -> np.ndarray:
    """The (2, 3) affine map from points of a crop of `side` px to points of the picture."""
    cos, sin = np.cos(region.angle), np.sin(region.angle)
    turn = np.array([[cos, -sin], [sin, cos]]) * (region.size / side)
    middle = np.array([region.x, region.y])
    return np.column_stack([turn, middle - turn @ np.full(2, side / 2.0)])


def picture_to_crop(region: Region, side: int) -> np.ndarray:
    """The way back of `crop_to_picture`, (2, 3)."""
    forward = crop_to_picture(region, side)
    back = np.linalg.inv(forward[:, :2])
    return np.column_stack([back, -back @ forward[:, 2]])


def moved(points: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """(..., 2) points under a (2, 3) affine map."""
    mapped: np.ndarray = points @ affine[:, :2].T + affine[:, 2]
    return mapped


def crop(image: np.ndarray, region: Region, side: int) -> np.ndarray:
    """What a region shows, as (side, side, 3) uint8; black outside the picture.

    A picture with two or more pixels for one of the crop is averaged in blocks first, so that thin
    limbs do not fall between the samples.

    Args:
        image: (height, width, 3) uint8.
        region: the square to look at; its size should be positive.
        side: edge of the crop, px.
    """
    blocks = max(1, int(region.size / side))
    patch, left, top = _cut_out(image, region, margin=2 * blocks)
    if not patch.size:
        return np.zeros((side, side, 3), np.uint8)
    picture = Image.fromarray(patch)
    if blocks > 1:
        picture = picture.reduce(blocks)
    affine = crop_to_picture(region, side)
    affine[:, 2] -= (left, top)
    coefficients = (affine / blocks).ravel()
    shown = picture.transform(
        (side, side),
        Image.Transform.AFFINE,
        tuple(float(value) for value in coefficients),
        resample=Image.Resampling.BILINEAR,
    )
    return np.asarray(shown)


def _cut_out(image: np.ndarray, region: Region, margin: int) -> tuple[np.ndarray, int, int]:
    """The upright part of the picture that a region touches, and its left and top."""
    height, width = image.shape[:2]
    reach = region.size / 2.0 * (abs(np.cos(region.angle)) + abs(np.sin(region.angle))) + margin
    left, right = (int(np.clip(region.x + side, 0, width)) for side in (-reach, reach + 1))
    top, bottom = (int(np.clip(region.y + side, 0, height)) for side in (-reach, reach + 1))
    return np.ascontiguousarray(image[top:bottom, left:right]), left, top
