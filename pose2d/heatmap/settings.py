"""What a heat-map network is: how wide, for which keypoints, at which picture size."""

from typing import Literal

from pydantic import Field, field_validator

from evoskeleton.lifting.keypoints.keypoint_formats import COCO
from evoskeleton.settings import Settings

MULTIPLE = 32
"""Width and height of a crop are multiples of this: the lowest of the four resolutions is 1/32."""

STRIDE = 4
"""Crop px to a cell of a plain heat map."""


class HeatmapSettings(Settings):
    """The network of a heat-map detector."""

    width: Literal[16, 18, 32, 48] = Field(
        18,
        description="channels at the highest resolution: 16 is HRNet-W18-small v1, 18 is "
        "HRNet-W18-small v2, 32 and 48 are W32 and W48",
    )
    keypoints: tuple[str, ...] = Field(
        COCO, min_length=1, max_length=256, description="names of the keypoints, in order"
    )
    picture_px: tuple[int, int] = Field(
        (192, 256), description="width and height of the crop of a person, multiples of 32"
    )
    head: Literal["heatmaps", "seed"] = Field(
        "heatmaps",
        description="heatmaps: one map a keypoint at a quarter of the size; seed: 16 channels a "
        "keypoint, shuffled into maps of the full size, whose mean place is the keypoint",
    )
    maps: Literal["plain", "shares"] = Field(
        "plain",
        description="plain: what the last layer says, as published; shares: its softmax, scaled "
        "so that the Gaussian of the training has a peak of 1; follows from `loss`",
    )

    @field_validator("keypoints")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names) or not all(names):
            raise ValueError("keypoints should have a name each, no two the same")
        return names

    @field_validator("picture_px")
    @classmethod
    def _multiples(cls, size: tuple[int, int]) -> tuple[int, int]:
        if any(not MULTIPLE <= length <= 2048 or length % MULTIPLE for length in size):
            raise ValueError(f"width and height should be multiples of {MULTIPLE}, up to 2048")
        return size

    @property
    def stride(self) -> int:
        """Crop px to a cell of this head's maps."""
        return 1 if self.head == "seed" else STRIDE
