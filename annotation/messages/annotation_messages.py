"""Records of the annotation store as messages of the contract, and the other way."""

from collections.abc import Sequence
from typing import Any, cast

from evoskeleton.annotation.domain.annotated_person import MOST_PEOPLE, AnnotatedPerson
from evoskeleton.annotation.domain.records import (
    Action,
    AnnotationImage,
    Project,
    Revision,
    Skip,
    State,
)
from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.generated.common_pb2 import Box
from evoskeleton.errors import BadInput

_MOST_POINTS = 64

STATES: dict[State, Any] = {
    "new": pb.STATE_NEW,
    "draft": pb.STATE_DRAFT,
    "submitted": pb.STATE_SUBMITTED,
    "accepted": pb.STATE_ACCEPTED,
    "rejected": pb.STATE_REJECTED,
}

STATE_NAMES: dict[int, State] = {number: name for name, number in STATES.items()}


def project_message(project: Project) -> pb.Project:
    """A project."""
    return pb.Project(
        id=project.id, name=project.name, keypoints=project.keypoints, created=project.created
    )


def image_message(image: AnnotationImage) -> pb.Image:
    """An image and who holds it."""
    return pb.Image(
        id=image.id,
        project_id=image.project_id,
        name=image.name,
        sha256=image.sha256,
        width=image.width,
        height=image.height,
        revision=image.revision,
        state=STATES[image.state],
        holder=image.holder,
        held_until=image.held_until,
    )


def revision_message(revision: Revision) -> pb.Revision:
    """A revision with its people."""
    return pb.Revision(
        image_id=revision.image_id,
        number=revision.number,
        action=f"ACTION_{revision.action.upper()}" if revision.number else None,
        state=STATES[revision.state],
        former=revision.former,
        annotator=revision.annotator,
        note=revision.note,
        people=map(person_message, revision.people),
        created=revision.created,
    )


def skip_message(skip: Skip) -> pb.Skip:
    """Who skipped, and why."""
    return pb.Skip(annotator=skip.annotator, reason=skip.reason, created=skip.created)


def person_message(person: AnnotatedPerson) -> pb.AnnotatedPerson:
    """One person as annotated."""
    message = pb.AnnotatedPerson(
        id=person.id,
        keypoints=[number for point in person.keypoints for number in point],
        visibility=person.visibility,
        joints=[number for joint in person.joints or () for number in joint],
        camera_pitch_deg=person.camera_pitch_deg,
        body_height_mm=person.body_height_mm,
    )
    if person.box is not None:
        x0, y0, x1, y1 = person.box
        message.box.CopyFrom(Box(x0=x0, y0=y0, x1=x1, y1=y1))
    if person.coco is not None:
        message.coco_id, message.coco_iscrowd = person.coco.id, person.coco.iscrowd
        if person.coco.area is not None:
            message.coco_area = person.coco.area
    return message


def project_record(message: pb.Project) -> Project:
    """A project out of a message."""
    return Project(message.id, message.name, message.keypoints, message.created)


def image_record(message: pb.Image) -> AnnotationImage:
    """An image out of a message, which does not say its id in a COCO file."""
    return AnnotationImage(
        message.id, message.project_id, message.name, message.sha256,
        message.width, message.height, message.revision,
        STATE_NAMES[message.state], message.holder, message.held_until, None,
    )  # fmt: skip


def revision_record(message: pb.Revision) -> Revision:
    """A revision out of a message; revision 0 has no action and counts as an import of nothing."""
    action = pb.Action.Name(message.action).removeprefix("ACTION_").lower()
    return Revision(
        image_id=message.image_id,
        number=message.number,
        action=cast(Action, action if message.number else "import"),
        state=STATE_NAMES[message.state],
        former=message.former,
        annotator=message.annotator,
        note=message.note,
        people=tuple(map(person_record, message.people)),
        created=message.created,
    )


def person_record(message: pb.AnnotatedPerson) -> AnnotatedPerson:
    """One person out of a message.

    Raises:
        BadInput: it is none that can be.
    """
    return AnnotatedPerson.parse(_person_words(message))


def people_words(people: Sequence[pb.AnnotatedPerson]) -> list[dict[str, Any]]:
    """Plain data of people, for `people.people_from_words`.

    Raises:
        BadInput: there are too many people or points, or numbers do not come in points or joints.
    """
    if len(people) > MOST_PEOPLE:
        raise BadInput(f"a picture should have at most {MOST_PEOPLE} people, got {len(people)}")
    return [_person_words(person) for person in people]


def _person_words(person: pb.AnnotatedPerson) -> dict[str, Any]:
    if len(person.visibility) > _MOST_POINTS:
        raise BadInput(f"visibility should be of {_MOST_POINTS} points at most")
    words: dict[str, Any] = {
        "id": person.id,
        "keypoints": _rows("keypoints", person.keypoints, 2),
        "visibility": list(person.visibility),
    }
    if person.HasField("box"):
        words["box"] = [person.box.x0, person.box.y0, person.box.x1, person.box.y1]
    if person.joints:
        words["joints"] = _rows("joints", person.joints, 3)
    for name in ("camera_pitch_deg", "body_height_mm"):
        if person.HasField(name):
            words[name] = getattr(person, name)
    if person.HasField("coco_id"):
        words["coco"] = {"id": person.coco_id, "iscrowd": person.coco_iscrowd}
        if person.HasField("coco_area"):
            words["coco"]["area"] = person.coco_area
    return words


def _rows(name: str, numbers: Any, width: int) -> list[list[float]]:
    if len(numbers) > width * _MOST_POINTS:
        raise BadInput(f"{name} should be {_MOST_POINTS} at most, got {len(numbers) // width}")
    if len(numbers) % width:
        raise BadInput(f"{name} should be {width} numbers each, got {len(numbers)} in all")
    return [list(numbers[at : at + width]) for at in range(0, len(numbers), width)]
