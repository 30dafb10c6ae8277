"""Settings of pictures of bred bodies."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.settings import Settings

Span = tuple[Annotated[float, Field(ge=0, le=20)], Annotated[float, Field(ge=0, le=20)]]
Noise = tuple[Annotated[float, Field(ge=0, le=30)], Annotated[float, Field(ge=0, le=30)]]
People = Annotated[int, Field(ge=1, le=12)]
Edge = Annotated[int, Field(ge=64, le=4096)]
Quality = Annotated[int, Field(ge=1, le=100)]


class RenderSettings(Settings):
    """Pictures of bred bodies, with exact keypoints."""

    count: int = Field(1000, ge=1, le=100_000_000, description="pictures to make")
    seed: int = Field(0, ge=0, lt=1 << 63, description="of all chance in the pictures")
    size: tuple[Edge, Edge] = Field((512, 512), description="width and height of a picture, px")
    people: tuple[People, People] = Field(
        (1, 2), description="fewest and most people in a picture; poses are drawn for each"
    )
    keypoints: Literal["coco", "h36m"] = Field(
        "coco", description="points to write: COCO's 17, or Human3.6M's 17"
    )
    backgrounds: Path | None = Field(
        None, description="folder of photos to put people before; none: places are made up"
    )
    views: ViewSettings = Field(
        ViewSettings(), description="where cameras stand around the first person of a picture"
    )
    cropped: float = Field(
        0.2, ge=0, le=1, description="share of the pictures that come close and cut people off"
    )
    occluders: float = Field(
        0.35, ge=0, le=1, description="share of the pictures with a thing before somebody"
    )
    blur_px: Span = Field(
        (0.3, 1.2), description="least and strongest blur of the lens, standard deviation, px"
    )
    noise: Noise = Field(
        (0.5, 7.0), description="weakest and strongest noise of the sensor, of 255 levels"
    )
    format: Literal["jpg", "png"] = Field("jpg", description="of the picture files")
    quality: tuple[Quality, Quality] = Field(
        (75, 95), description="worst and best quality of JPEG files"
    )

    @field_validator("people", "blur_px", "noise", "quality")
    @classmethod
    def _ordered(cls, span: tuple[float, float]) -> tuple[float, float]:
        if span[0] > span[1]:
            raise ValueError("the first should not exceed the second")
        return span
