"""What is done to people over the frames of a video."""

from pydantic import Field

from evoskeleton.settings import Settings


class FilmSettings(Settings):
    """People over time."""

    smooth: bool = Field(True, description="whether trembling is taken out of keypoints and joints")
    keypoints_hz: float = Field(
        7.0, gt=0, description="motion of keypoints of which half is left, cycles a second"
    )
    joints_hz: float = Field(
        5.0, gt=0, description="motion of 3D joints of which half is left, cycles a second"
    )
    search_seconds: float = Field(
        0.25,
        ge=0,
        description="seconds from one search for people to the next; in between they are followed, "
        "where the detector can; 0: every frame is searched",
    )
    gap: int = Field(
        15, ge=0, description="frames for which a lost person or joint is filled in between"
    )
    least_frames: int = Field(
        5,
        ge=1,
        description="frames in which somebody should be found to be there at all; of a video of "
        "few frames, a quarter of them",
    )
    segment: int = Field(
        240, ge=1, description="frames that are worked on together; what is known of a video grows "
        "no further"
    )  # fmt: skip
    context: int = Field(
        60, ge=0, description="frames before and after that are looked at beside them"
    )
