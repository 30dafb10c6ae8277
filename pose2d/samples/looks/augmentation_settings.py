"""How much the pictures of a training vary."""

from pydantic import Field

from evoskeleton.settings import Settings


class AugmentationSettings(Settings):
    """What is drawn for every look at a person; 0 switches a thing off."""

    scale: float = Field(
        0.3, ge=0, lt=1, description="standard deviation, and bound, of the size, as a share of it"
    )
    rotation_deg: float = Field(
        40.0, ge=0, le=180, description="standard deviation of the rotation; twice it is the bound"
    )
    rotated: float = Field(0.6, ge=0, le=1, description="share of the looks that are rotated")
    shift: float = Field(
        0.05, ge=0, le=0.5, description="standard deviation of the box's place, as a share of it"
    )
    flip: float = Field(0.5, ge=0, le=1, description="share that is mirrored, sides exchanged")
    half_body: float = Field(
        0.3, ge=0, le=1, description="share that shows the upper or the lower body alone"
    )
    half_body_points: int = Field(
        8, ge=2, description="labelled keypoints from which on a half body is shown"
    )
    occlusion: float = Field(0.3, ge=0, le=1, description="share with something in front")
    occluder: float = Field(
        0.4, ge=0, le=1, description="largest edge of what is in front, as a share of the crop"
    )
    colour: float = Field(
        0.25, ge=0, lt=1, description="bound of brightness, contrast, saturation and tint"
    )
    grey: float = Field(0.05, ge=0, le=1, description="share without colours")
    blur: float = Field(0.15, ge=0, le=1, description="share that is blurred, by up to 2 px")
    noise: float = Field(
        0.15, ge=0, le=1, description="share with noise, of a deviation of up to 15 grey levels"
    )

    @classmethod
    def none(cls) -> "AugmentationSettings":
        """Every person as the box says, unchanged."""
        shares = ("rotated", "flip", "half_body", "occlusion", "grey", "blur", "noise")
        off = dict.fromkeys((*shares, "scale", "rotation_deg", "shift", "colour"), 0.0)
        return cls.parse(off)
