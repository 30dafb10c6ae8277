"""What is said of a source of real poses: a kind, a place, filters, and a fraction to draw."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from evoskeleton.settings import Settings


class SourceSettings(Settings):
    """Real poses; patterns are those of file names, such as S1* (case counts)."""

    kind: str = Field(
        description="deepmimic, parquet, table, annotated, human36m, videopose3d, bvh, amc, "
        "folder, standard (one body of mean proportions, standing), or module:function of your own"
    )
    path: str | None = Field(None, description="file, folder, pose table, or wheel of deepmimic")
    subjects: list[str] = Field(default_factory=list, description="patterns to keep; none: all")
    actions: list[str] = Field(default_factory=list, description="patterns to keep; none: all")
    clips: list[str] = Field(default_factory=list, description="patterns to keep; none: all")
    exclude_subjects: list[str] = Field(default_factory=list, description="patterns to drop")
    exclude_actions: list[str] = Field(default_factory=list, description="patterns to drop")
    exclude_clips: list[str] = Field(default_factory=list, description="patterns to drop")
    units: str | float | None = Field(
        None, description="bvh, amc: mm, cm, m, inch, or the millimetres in a unit of the file"
    )
    up: Literal["x", "y", "z"] | None = Field(None, description="bvh, amc: axis that points up")
    fps: float | None = Field(
        None, gt=0, description="bvh: frames a second to keep, of which the file's are a multiple"
    )
    skeleton: str | None = Field(None, description="amc, bvh: ASF file of the same subject")
    joints: dict[str, str | list[str] | dict[str, float]] | None = Field(
        None, description="bvh, amc: joints of the file that stand for our 17, such as {Hip: Hips}"
    )
    subject: str | None = Field(None, description="bvh, amc: who; none: the name before _")
    action: str | None = Field(None, description="bvh, amc: what; none: the file's name")
    subset: str | None = Field(
        None, description="in the published way: 0.01S1 is 1 % of each clip of S1; S15 is S1 and S5"
    )
    fraction: float = Field(1.0, gt=0, le=1, description="share of the rows to draw")
    fraction_seed: int = Field(0, ge=0, description="seed of that draw, and of max_per_subject")
    max_per_subject: int | None = Field(None, ge=1, description="most rows of one subject")
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="module:function: settings of its own; they may also stand beside the others",
    )

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, data: Any) -> Any:
        """Names that only a source of one's own can know go into `options`."""
        if not isinstance(data, Mapping) or cls is not SourceSettings:
            return data
        if ":" not in str(data.get("kind")):
            if data.get("options"):
                raise ValueError("options are for a source of your own (module:function)")
            return data
        own = {name: value for name, value in data.items() if name not in cls.model_fields}
        given = data.get("options") or {}
        if not own or not isinstance(given, Mapping):
            return data
        known = {name: value for name, value in data.items() if name in cls.model_fields}
        return {**known, "options": {**given, **own}}
