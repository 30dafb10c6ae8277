"""What a search goes towards: keypoints out of files, or real poses seen by virtual cameras."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.lifting.keypoints.layouts import layout
from evoskeleton.platform.data.sources.settings import Source
from evoskeleton.platform.data.target.declarations import Declarations
from evoskeleton.platform.data.target.found import HIDDEN
from evoskeleton.settings import Settings


class TargetSettings(Settings):
    """Keypoints of people to resemble; a file, or a list of files, may stand in place of all."""

    keypoints: tuple[str, ...] = Field(
        (),
        description="files of 2D keypoints, folders of them, annotation projects, photos, videos",
    )
    points: str | None = Field(
        None,
        description="layout of the keypoints where a file does not say: human36m, coco17, coco18, "
        "body25, blazepose, halpe26, halpe136, wholebody, mpii, lsp14, crowdpose, aic, "
        "body25b, mpi15",
    )
    size: tuple[int, int] | None = Field(
        None, description="width and height of the pictures, px, where files do not say"
    )
    normalised: bool = Field(
        False, description="keypoints are shares of the picture's width and height"
    )
    full_confidence: float | None = Field(
        None, gt=0, description="confidence that means certain, such as 100 for per cent"
    )
    threshold: float = Field(
        HIDDEN, ge=0, description="a joint of this confidence or less is not known"
    )
    poses: Source | None = Field(
        None, description="real poses, of which one random view each is the target; for studies"
    )
    most: int = Field(
        3000, ge=1, description="keypoint sets; of more, so many are drawn evenly over the clips"
    )
    niches: int | None = Field(
        None,
        ge=1,
        description="exactly so many keypoint sets, fewer are refused; none: up to most",
    )
    approximated_weight: float = Field(
        0.0, ge=0, le=1, description="weight of joints that a detector mixes from their neighbours"
    )
    confidence: bool = Field(
        False, description="weigh joints by how sure the detector is of them; else all known alike"
    )
    noise_px: float = Field(
        4.0, ge=0, le=1000, description="noise of `poses` in a view, standard deviation, px"
    )
    views: ViewSettings = Field(
        default_factory=ViewSettings, description="virtual cameras that see `poses`"
    )
    fit_views: bool = Field(
        False,
        description="take the cameras' elevation, training.fit.views.elevation_deg, from the "
        "keypoints: the range from which real poses resemble them most",
    )
    transductive: bool = Field(
        False, description="declares that clips a lifter is judged by may be the target"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, data: Any) -> Any:
        """Settings of one file or of a list of files."""
        if isinstance(data, str | list | tuple):
            data = {"keypoints": data}
        if isinstance(data, Mapping) and isinstance(data.get("keypoints"), str):
            data = {**data, "keypoints": [data["keypoints"]]}
        return data

    @model_validator(mode="after")
    def _has_something(self) -> "TargetSettings":
        if not self.keypoints and self.poses is None:
            raise ValueError("a target wants keypoints or poses")
        twice = [path for path in self.keypoints if self.keypoints.count(path) > 1]
        if twice:
            raise ValueError(f"keypoints name {twice[0]} twice")
        return self

    @property
    def wanted(self) -> int:
        """The most keypoint sets there will be."""
        return self.most if self.niches is None else self.niches

    def declared(self) -> Declarations:
        """What is declared of the keypoint files.

        Raises:
            BadInput: there is no such layout.
        """
        if self.points is not None:
            layout(self.points)
        return Declarations(
            points=self.points,
            size=self.size,
            normalised=self.normalised,
            full_confidence=self.full_confidence,
            threshold=self.threshold,
        )
