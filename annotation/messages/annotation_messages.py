"""Records of the annotation store as messages of the contract, and the other way."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from evoskeleton.annotation.domain.annotated_person import MOST_PEOPLE, AnnotatedPerson, Origin
from evoskeleton.annotation.domain.progress import AnnotatorCounts, ProjectCounts
from evoskeleton.annotation.domain.records import (
    Action,
    AnnotationImage,
    Comment,
    Project,
    Revision,
    Skip,
    State,
)
from evoskeleton.annotation.domain.wanted_images import Order
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

ORIGINS: dict[Origin, Any] = {
    "": pb.ORIGIN_UNSPECIFIED,
    "suggested": pb.ORIGIN_SUGGESTED,
    "touched": pb.ORIGIN_TOUCHED,
    "confirmed": pb.ORIGIN_CONFIRMED,
}
_ORIGIN_NAMES: dict[int, Origin] = {number: name for name, number in ORIGINS.items()}

ORDERS: dict[Order, Any] = {
    "number": pb.ORDER_UNSPECIFIED,
    "number_down": pb.ORDER_NUMBER_DOWN,
    "name": pb.ORDER_NAME,
    "name_down": pb.ORDER_NAME_DOWN,
    "changed": pb.ORDER_CHANGED,
    "changed_down": pb.ORDER_CHANGED_DOWN,
}
ORDER_NAMES: dict[int, Order] = {number: name for name, number in ORDERS.items()}

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
        assignee=image.assignee,
        annotator=image.annotator,
        changed=image.changed,
        open_comments=image.open_comments,
        actions=image.actions,
        seconds=image.seconds,
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
        actions=revision.actions,
        seconds=revision.seconds,
    )


def comment_message(comment: Comment) -> pb.Comment:
    """What somebody has to say."""
    x, y = comment.place or (None, None)
    return pb.Comment(
        id=comment.id,
        image_id=comment.image_id,
        annotator=comment.annotator,
        text=comment.text,
        created=comment.created,
        person_id=comment.person_id,
        x=x,
        y=y,
        resolved_by=comment.resolved_by,
    )


def counts_message(counts: ProjectCounts) -> pb.ProjectCounts:
    """How far a project has come."""
    return pb.ProjectCounts(
        project_id=counts.project_id,
        images=counts.images,
        states=_state_counts(counts.states),
        annotators=[
            pb.AnnotatorCount(
                annotator=name,
                states=_state_counts(of.states),
                actions=of.actions,
                seconds=of.seconds,
                held=of.held,
                assigned=of.assigned,
            )
            for name, of in counts.annotators.items()
        ],
        held=counts.held,
        open_comments=counts.open_comments,
    )


def _state_counts(counts: Mapping[State, int]) -> list[pb.StateCount]:
    there = [state for state in STATES if counts.get(state)]
    return [pb.StateCount(state=STATES[state], images=counts[state]) for state in there]


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
        origin=[ORIGINS[name] for name in person.origin or ()],
        joint_origin=[ORIGINS[name] for name in person.joint_origin or ()],
        confidence=person.confidence,
        error_radii_mm=person.error_radii_mm,
    )
    if person.box is not None:
        x0, y0, x1, y1 = person.box
        message.box.CopyFrom(Box(x0=x0, y0=y0, x1=x1, y1=y1))
    if person.coco is not None:
        message.coco_id, message.coco_iscrowd = person.coco.id, person.coco.iscrowd
        if person.coco.area is not None:
            message.coco_area = person.coco.area
        message.coco_segmentation = person.coco.segmentation or ""
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
        message.assignee, message.annotator, message.changed, message.open_comments,
        message.actions, message.seconds,
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
        actions=message.actions,
        seconds=message.seconds,
    )


def comment_record(message: pb.Comment) -> Comment:
    """A comment out of a message."""
    return Comment(
        message.id, message.image_id, message.annotator, message.text, message.created,
        message.person_id if message.HasField("person_id") else None,
        (message.x, message.y) if message.HasField("x") else None,
        message.resolved_by,
    )  # fmt: skip


def counts_record(message: pb.ProjectCounts) -> ProjectCounts:
    """Counts out of a message."""
    annotators = {
        of.annotator: AnnotatorCounts(
            _counts_by_state(of.states), of.actions, of.seconds, of.held, of.assigned
        )
        for of in message.annotators
    }
    return ProjectCounts(
        message.project_id,
        _counts_by_state(message.states),
        annotators,
        message.held,
        message.open_comments,
    )


def _counts_by_state(counts: Iterable[pb.StateCount]) -> dict[State, int]:
    return {STATE_NAMES[count.state]: count.images for count in counts}


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
    for name in _LISTS:
        if len(given := getattr(person, name)) > _MOST_POINTS:
            raise BadInput(f"{name} should be {_MOST_POINTS} at most, got {len(given)}")
        if given:
            words[name] = list(given)
    for name in ("origin", "joint_origin"):
        if name in words:
            words[name] = [_origin(number) for number in words[name]]
    for name in ("camera_pitch_deg", "body_height_mm"):
        if person.HasField(name):
            words[name] = getattr(person, name)
    if person.HasField("coco_id"):
        words["coco"] = {"id": person.coco_id, "iscrowd": person.coco_iscrowd}
        if person.HasField("coco_area"):
            words["coco"]["area"] = person.coco_area
        if person.coco_segmentation:
            words["coco"]["segmentation"] = person.coco_segmentation
    return words


_LISTS = ("origin", "joint_origin", "confidence", "error_radii_mm")


def _origin(number: int) -> Origin:
    if number not in _ORIGIN_NAMES:
        raise BadInput(f"there is no origin {number}")
    return _ORIGIN_NAMES[number]


def _rows(name: str, numbers: Any, width: int) -> list[list[float]]:
    if len(numbers) > width * _MOST_POINTS:
        raise BadInput(f"{name} should be {_MOST_POINTS} at most, got {len(numbers) // width}")
    if len(numbers) % width:
        raise BadInput(f"{name} should be {width} numbers each, got {len(numbers)} in all")
    return [list(numbers[at : at + width]) for at in range(0, len(numbers), width)]
