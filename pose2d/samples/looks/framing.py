"""Where a training looks: the part of a picture around a person, drawn by address.

An address is a key and a counter, one for every look that a training takes at a person; the same
address gives the same look on any machine and in any worker. Half bodies: Wang 2018 (MSRA's entry
to COCO), with the numbers of the published HRNet.
"""

from dataclasses import dataclass

import numpy as np
import torch

from evoskeleton.evolution.chance import key, normal, stream, uniform
from evoskeleton.pose2d.heatmap.mirrored import mirror_of
from evoskeleton.pose2d.heatmap.person_crops import crop_to_picture, picture_to_crop
from evoskeleton.pose2d.samples.looks.augmentation_settings import AugmentationSettings
from evoskeleton.pose2d.samples.names import upper_body

HALF_BODY_MARGIN = 1.2
_LEAST_HALF = 3


@dataclass(frozen=True)
class Body:
    """What keypoints mean to a training.

    Attributes:
        mirror: (keypoints,) the point of the other side.
        upper: (keypoints,) bool: above the hips.
    """

    mirror: np.ndarray
    upper: np.ndarray

    @classmethod
    def of(cls, names: tuple[str, ...]) -> "Body":
        """By the names of the keypoints."""
        return cls(mirror_of(names), upper_body(names))


@dataclass(frozen=True)
class Look:
    """One look at a person.

    Attributes:
        affine: (2, 3) from px of the crop to px of the picture.
        is_mirrored: left and right have changed places.
    """

    affine: np.ndarray
    is_mirrored: bool

    def points(self, keypoints: np.ndarray, body: Body) -> np.ndarray:
        """(keypoints, 2) px of the crop of (keypoints, 2) px of the picture."""
        back = picture_to_crop(self.affine)
        seen: np.ndarray = keypoints @ back[:, :2].T + back[:, 2]
        return seen[body.mirror] if self.is_mirrored else seen

    def flags(self, flags: np.ndarray, body: Body) -> np.ndarray:
        """(keypoints,) of what is known of the points, in the order of `points`."""
        return flags[body.mirror] if self.is_mirrored else flags


_UNIFORM = ("rotated", "flip", "half", "upper")
_NORMAL = ("scale", "rotation", "right", "down")


@dataclass(frozen=True)
class LookDraws:
    """The numbers of some looks, (looks,) each by name."""

    numbers: dict[str, np.ndarray]

    @classmethod
    def at(cls, key_: int, counters: np.ndarray) -> "LookDraws":
        """Of (looks,) int64 counters under a key."""
        places = torch.from_numpy(np.ascontiguousarray(counters))
        even = uniform(key(key_, stream("look")), places, len(_UNIFORM)).numpy()
        bell = normal(key(key_, stream("look")) ^ 1, places, len(_NORMAL)).numpy()
        named = dict(zip(_UNIFORM, even.T, strict=True)) | dict(zip(_NORMAL, bell.T, strict=True))
        return cls(named)

    def of(self, look: int) -> dict[str, float]:
        """The numbers of one look."""
        return {name: float(numbers[look]) for name, numbers in self.numbers.items()}


def look(
    box: np.ndarray,
    keypoints: np.ndarray,
    labelled: np.ndarray,
    body: Body,
    picture_px: tuple[int, int],
    settings: AugmentationSettings,
    draws: dict[str, float],
) -> Look:
    """A look at a person.

    Args:
        box: (4,) px.
        keypoints: (keypoints, 2) px; those not labelled are not looked at.
        labelled: (keypoints,) bool.
        body: of these keypoints.
        picture_px: width and height of the crop.
        settings: how much varies.
        draws: from `LookDraws`.
    """
    half = _half_body(keypoints, labelled, body, settings, draws)
    box = box if half is None else half
    margin = 1.0 if half is None else HALF_BODY_MARGIN
    bound = settings.scale
    scale = margin * float(np.clip(1.0 + bound * draws["scale"], 1.0 - bound, 1.0 + bound))
    turn = np.deg2rad(settings.rotation_deg) * float(np.clip(draws["rotation"], -2.0, 2.0))
    if draws["rotated"] >= settings.rotated:
        turn = 0.0
    side = max(box[2] - box[0], box[3] - box[1])
    step = settings.shift * side * np.clip([draws["right"], draws["down"]], -2.0, 2.0)
    affine = crop_to_picture(box + np.tile(step, 2), picture_px, scale, turn)
    is_mirrored = draws["flip"] < settings.flip
    return Look(_mirrored(affine, picture_px[0]) if is_mirrored else affine, is_mirrored)


def _half_body(
    keypoints: np.ndarray,
    labelled: np.ndarray,
    body: Body,
    settings: AugmentationSettings,
    draws: dict[str, float],
) -> np.ndarray | None:
    """(4,) box around one half; none where the whole body is shown."""
    if draws["half"] >= settings.half_body or labelled.sum() < settings.half_body_points:
        return None
    halves = [labelled & body.upper, labelled & ~body.upper]
    if draws["upper"] >= 0.5:
        halves.reverse()
    chosen = next((half for half in halves if half.sum() >= _LEAST_HALF), None)
    if chosen is None:
        return None
    points = keypoints[chosen]
    low, high = points.min(axis=0), points.max(axis=0)
    return None if (high - low).max() < 2.0 else np.concatenate([low, high])


def _mirrored(affine: np.ndarray, width: int) -> np.ndarray:
    """The same part of the picture, with the crop's left and right exchanged."""
    across = affine[:, 0]
    return np.column_stack([-across, affine[:, 1], affine[:, 2] + across * width])
