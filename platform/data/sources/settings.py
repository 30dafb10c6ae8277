"""What is said of a source of real poses: a class a kind, and their union, told apart by `kind`.

What all kinds have is in `SourceSettings`; `SourceSettings.parse` gives settings of the right
class. A further kind is a class here, with its name in `Source`, and a reader in `load`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, cast, get_args

from pydantic import (
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
    model_validator,
)

from evoskeleton.settings import Settings

_KIND = (
    "format of the poses; standard: one body of mean proportions, standing; module:function: a "
    "source of your own"
)


class SourceSettings(Settings):
    """Real poses; patterns are those of file names, such as S1* (case counts)."""

    kind: str = Field(description=_KIND)
    path: str | None = Field(None, description="file, folder, pose table, or wheel of deepmimic")
    subjects: list[str] = Field(default_factory=list, description="patterns to keep; none: all")
    actions: list[str] = Field(default_factory=list, description="patterns to keep; none: all")
    clips: list[str] = Field(default_factory=list, description="patterns to keep; none: all")
    exclude_subjects: list[str] = Field(default_factory=list, description="patterns to drop")
    exclude_actions: list[str] = Field(default_factory=list, description="patterns to drop")
    exclude_clips: list[str] = Field(default_factory=list, description="patterns to drop")
    subset: str | None = Field(
        None,
        description="a part of Human3.6M as published: 0.01S1 is 1 % of each clip of S1; S15 is S1 "
        "and S5",
    )
    fraction: float = Field(1.0, gt=0, le=1, description="share of the rows to draw at random")
    fraction_seed: int = Field(0, ge=0, description="seed of that draw, and of max_per_subject")
    max_per_subject: int | None = Field(None, ge=1, description="most rows of one subject")
    lying: bool = Field(
        False, description="declares that poses of which nobody ever stands are meant to lie"
    )
    licence: str | None = Field(
        None, description="under which the poses may be used, where their file does not keep it"
    )
    acknowledgement: str | None = Field(
        None, description="what whoever recorded the poses asks to be said"
    )

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Settings of a source from plain data; of `SourceSettings` itself, those of its kind.

        Raises:
            BadInput: a name is unknown, or not for this kind, or a value is not allowed.
        """
        if cls is not SourceSettings:
            return super().parse(data)
        return cast(Self, class_of(data.get("kind")).parse(data))

    @model_validator(mode="before")
    @classmethod
    def _without_other_kinds(cls, data: Any) -> Any:
        """What other kinds declare may stand there as null: files hold all names."""
        if not isinstance(data, Mapping):
            return data
        if data.get("options") and "options" not in cls.model_fields:
            raise ValueError("options are for a source of your own (module:function)")
        strange = ({"options"} | set(_declarations())) - set(cls.model_fields)
        return {n: v for n, v in data.items() if n not in strange or v not in (None, {})}

    @model_serializer(mode="wrap")
    def _with_all_names(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The layout of files and records, on which digests rest: declarations always stand."""
        plain: dict[str, Any] = write(self)
        if not plain.get("options"):
            plain.pop("options", None)
        filters = [name for name in SourceSettings.model_fields if name in plain]
        at = filters.index("subset") if "subset" in filters else len(filters)
        names = [*filters[:at], *_declarations(), *filters[at:]]
        laid = {name: plain.get(name) for name in names} | plain
        return {name: value for name, value in laid.items() if value or name not in _LATER}


class _Format(SourceSettings):
    """A kind whose format lays down what recordings leave open."""

    @model_validator(mode="before")
    @classmethod
    def _nothing_declared(cls, data: Any) -> Any:
        """What nobody reads is no declaration: poses would be taken for something else."""
        if isinstance(data, Mapping):
            for name in _declarations():
                if data.get(name) is not None:
                    raise ValueError(laid_down(name, [str(data.get("kind"))]))
        return data


class DeepMimicSource(_Format):
    """Clips of DeepMimic, out of a wheel."""

    kind: Literal["deepmimic"] = Field(description=_KIND)


class ParquetSource(_Format):
    """A Parquet file with a pose a row."""

    kind: Literal["parquet"] = Field(description=_KIND)


class TableSource(_Format):
    """The evolved poses of a pose table."""

    kind: Literal["table"] = Field(description=_KIND)


class AnnotatedSource(_Format):
    """The annotated poses of a pose table."""

    kind: Literal["annotated"] = Field(description=_KIND)


class Human36mSource(_Format):
    """The dictionary of EvoSkeleton, or a folder of `S1/MyPoses/3D_positions/*.h5`."""

    kind: Literal["human36m"] = Field(description=_KIND)


class VideoPose3dSource(_Format):
    """The arrays of VideoPose3D."""

    kind: Literal["videopose3d"] = Field(description=_KIND)


class MpiInf3dhpSource(_Format):
    """Annotations of MPI-INF-3DHP."""

    kind: Literal["mpi-inf-3dhp"] = Field(description=_KIND)


class StandardSource(_Format):
    """One body of mean proportions, standing."""

    kind: Literal["standard"] = Field(description=_KIND)


_LATER = ("lying", "licence", "acknowledgement", "rate", "swap_sides", "subject_from")
"""Names that came later: they stand in files and records only where something is said."""


class Declared(SourceSettings):
    """What the files of recordings leave open; the files decide what is not given."""

    units: str | float | None = Field(
        None, description="mm, cm, m, inch, or the millimetres in a unit of the file"
    )
    up: Literal["x", "y", "z"] | None = Field(None, description="axis that points up")
    fps: float | None = Field(None, gt=0, description="frames a second to keep or to resample to")
    skeleton: str | None = Field(
        None, description="ASF file of the same subject; of amass, a body model or a folder of them"
    )
    joints: dict[str, str | list[str] | dict[str, float]] | None = Field(
        None, description="joints of the file that stand for our 17, such as {Hip: Hips}"
    )
    subject: str | None = Field(None, description="who; none: the name before _")
    action: str | None = Field(None, description="what; none: the file's name")
    rate: float | None = Field(
        None, gt=0, description="frames a second of files that do not declare them, such as AMC"
    )
    swap_sides: bool | None = Field(
        None, description="take left for right: of files whose sides are swapped or axes mirrored"
    )
    subject_from: str | None = Field(
        None,
        description="rule for subjects: folder, or a pattern of names as {action}_{subject}",
    )

    def declared(self) -> list[str]:
        """Names of what is given."""
        return [name for name in _declarations() if getattr(self, name) is not None]


RECORDED = ("bvh", "amc", "array", "trc", "c3d", "3dpw", "amass", "panoptic")
"""Kinds of `RecordingSource`: files that leave open what `Declared` says."""


class RecordingSource(Declared):
    """A recording of motion capture, or poses in a plain array."""

    kind: Literal["bvh", "amc", "array", "trc", "c3d", "3dpw", "amass", "panoptic"] = Field(
        description=_KIND
    )


class FolderSource(Declared):
    """All files of a folder; what is declared is for the recordings among them."""

    kind: Literal["folder"] = Field(description=_KIND)


class OwnSource(Declared):
    """A function of one's own, `module:function`."""

    options: dict[str, Any] = Field(
        default_factory=dict, description="settings of its own; they may also stand beside these"
    )

    @model_validator(mode="before")
    @classmethod
    def _gathered(cls, data: Any) -> Any:
        """Names that only a source of one's own can know go into `options`."""
        if not isinstance(data, Mapping) or "kind" not in data:
            return data
        if ":" not in str(data["kind"]):
            known = ", ".join(KINDS)
            raise ValueError(f"kind of a source should be one of {known}, got {data['kind']}")
        own = {name: value for name, value in data.items() if name not in cls.model_fields}
        given = data.get("options") or {}
        if not own or not isinstance(given, Mapping):
            return data
        known_ones = {name: value for name, value in data.items() if name in cls.model_fields}
        return {**known_ones, "options": {**given, **own}}


def class_of(kind: object) -> type[SourceSettings]:
    """The class of a kind's settings; what is not built in is one's own."""
    return _BUILT_IN.get(str(kind), OwnSource)


def laid_down(name: str, kinds: list[str]) -> str:
    """Why a name cannot be declared of sources of these kinds."""
    return (
        f"{name} is for recordings (bvh, amc): what {' and '.join(sorted(kinds))} hold "
        f"is laid down by the format"
    )


def _declarations() -> list[str]:
    """Names that recordings have beyond what every source has, in order."""
    return [name for name in Declared.model_fields if name not in SourceSettings.model_fields]


def _name_of_class(data: object) -> str:
    """The union's tag: of settings, or of plain data."""
    kind = data.get("kind") if isinstance(data, Mapping) else getattr(data, "kind", None)
    return class_of(kind).__name__


Source = Annotated[
    Annotated[DeepMimicSource, Tag("DeepMimicSource")]
    | Annotated[ParquetSource, Tag("ParquetSource")]
    | Annotated[TableSource, Tag("TableSource")]
    | Annotated[AnnotatedSource, Tag("AnnotatedSource")]
    | Annotated[Human36mSource, Tag("Human36mSource")]
    | Annotated[VideoPose3dSource, Tag("VideoPose3dSource")]
    | Annotated[MpiInf3dhpSource, Tag("MpiInf3dhpSource")]
    | Annotated[RecordingSource, Tag("RecordingSource")]
    | Annotated[FolderSource, Tag("FolderSource")]
    | Annotated[StandardSource, Tag("StandardSource")]
    | Annotated[OwnSource, Tag("OwnSource")],
    Discriminator(_name_of_class),
]
"""Settings of any source; `kind` chooses the class."""

_BUILT_IN: dict[str, type[SourceSettings]] = {
    kind: get_args(tagged)[0]
    for tagged in get_args(get_args(Source)[0])
    for kind in get_args(get_args(tagged)[0].model_fields["kind"].annotation)
}

KINDS = tuple(_BUILT_IN)
"""Kinds that are built in."""
