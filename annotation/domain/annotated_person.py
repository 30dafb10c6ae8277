"""What an annotator says of one person in one picture.

Keypoints are px of the picture as it should be seen (EXIF orientation applied), in the order of the
project's keypoint schema. Visibility is COCO's (Lin 2014, https://arxiv.org/abs/1405.0312): 0 not
annotated, 1 annotated but hidden, 2 visible. Joints are mm in the camera frame (x right, y down,
z forward), Human3.6M's 17, hip at 0.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from evoskeleton.annotation.domain.keypoint_schemas import Schema
from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES
from evoskeleton.lifting.keypoints.plausible_keypoints import MOST_PX
from evoskeleton.settings import Settings

MOST_PEOPLE = 100
_MOST_MM = 100_000.0
_SHORTEST_MM = 1.0

Origin = Literal["", "suggested", "touched", "confirmed"]
Radius = Annotated[float, Field(ge=-1, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Px = Annotated[float, Field(ge=-MOST_PX, le=MOST_PX, allow_inf_nan=False)]
Mm = Annotated[float, Field(ge=-_MOST_MM, le=_MOST_MM, allow_inf_nan=False)]


class CocoFields(Settings):
    """What a COCO file said of a person beside the keypoints, given back on export."""

    id: int = Field(ge=0, lt=2**63, description="of the annotation, unique in its file")
    area: float | None = Field(None, ge=0, allow_inf_nan=False, description="px squared")
    iscrowd: Literal[0, 1] = Field(0, description="whether it is a group of people")
    segmentation: str | None = Field(
        None, max_length=1_000_000, description="polygons or runs of the outline, as JSON"
    )


class AnnotatedPerson(Settings):
    """One person of one revision."""

    id: int = Field(ge=0, lt=2**31, description="unique in the picture, kept over revisions")
    keypoints: tuple[tuple[Px, Px], ...] = Field(
        description="x y of each point; of no meaning where the visibility is 0"
    )
    visibility: tuple[Literal[0, 1, 2], ...] = Field(description="of each point")
    box: tuple[Px, Px, Px, Px] | None = Field(None, description="x0 y0 x1 y1, where drawn")
    joints: tuple[tuple[Mm, Mm, Mm], ...] | None = Field(
        None, min_length=17, max_length=17, description="in 3D, where annotated"
    )
    camera_pitch_deg: float | None = Field(
        None, ge=-90, le=90, description="how far the camera was assumed to look down, with joints"
    )
    body_height_mm: float | None = Field(
        None, ge=500, le=3000, description="how tall the body was assumed to be, with joints"
    )
    coco: CocoFields | None = Field(None, description="where it was imported from COCO")
    origin: tuple[Origin, ...] | None = Field(
        None, description="where each point comes from, where the client said so"
    )
    joint_origin: tuple[Origin, ...] | None = Field(
        None, min_length=17, max_length=17, description="where each joint comes from"
    )
    confidence: tuple[Share, ...] | None = Field(
        None, description="how sure the detector was of each suggested point"
    )
    error_radii_mm: tuple[Radius, ...] | None = Field(
        None,
        min_length=17,
        max_length=17,
        description="error radii of the suggested joints, mm; -1 where not known",
    )

    @model_validator(mode="after")
    def _check(self) -> "AnnotatedPerson":
        if self.box and not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise ValueError("box should be x0 < x1 and y0 < y1")
        assumed = (self.camera_pitch_deg, self.body_height_mm)
        if self.joints is not None and None in assumed:
            raise ValueError("joints need the camera_pitch_deg and body_height_mm assumed for them")
        if self.joints is not None and any(self.joints[0]):
            raise ValueError(
                f"joints should be seen from the hip: {JOINT_NAMES[0]} should be 0 0 0"
            )
        return self


People = tuple[AnnotatedPerson, ...]


def has_extent(person: AnnotatedPerson) -> bool:
    """Whether every bone of a person with joints has a length; true without joints."""
    if person.joints is None:
        return True
    bones = ((person.joints[start], person.joints[end]) for start, end in BONES)
    return all(math.dist(*bone) >= _SHORTEST_MM for bone in bones)


def check_extent(people: People) -> None:
    """Bodies that are submitted can become poses.

    Raises:
        BadInput: a bone has no length.
    """
    for row, person in enumerate(people):
        if not has_extent(person):
            raise BadInput(
                f"person {row}: joints should be a body whose bones are {_SHORTEST_MM:g} mm long "
                "or longer"
            )


def people_from_words(words: Sequence[Any], schema: Schema) -> People:
    """Checked people out of plain data.

    Raises:
        BadInput: a value is not allowed, the points are not those of the schema, or two people have
            the same id.
    """
    if len(words) > MOST_PEOPLE:
        raise BadInput(f"a picture should have at most {MOST_PEOPLE} people, got {len(words)}")
    people = tuple(_person(row, person, schema) for row, person in enumerate(words))
    ids = [person.id for person in people]
    if len(set(ids)) < len(ids):
        raise BadInput("people of a picture should have different ids")
    return people


def people_to_words(people: People) -> list[dict[str, Any]]:
    """The same as plain data, ready for JSON; what is absent is left out."""
    return [person.model_dump(mode="json", exclude_none=True) for person in people]


def _person(row: int, words: Any, schema: Schema) -> AnnotatedPerson:
    try:
        person = AnnotatedPerson.parse(words)
    except BadInput as error:
        raise BadInput(f"person {row}: {error}") from None
    wanted = len(schema.names)
    for name in ("keypoints", "visibility", "origin", "confidence"):
        given = getattr(person, name)
        if given is not None and len(given) != wanted:
            raise BadInput(f"person {row}: {name} should be of {wanted} points, got {len(given)}")
    return person
