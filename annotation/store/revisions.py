"""The history of an image: a list of revisions to which one is added at a time.

Every change is a new revision: a draft, a submission, an undo, a review. A change says on which
revision it is based and is refused when that is not the newest. It carries a key of the caller's
choice: the same request with the same key is answered as it was the first time, so that it can be
sent again when an answer was lost.
"""

from typing import Any

from sqlalchemy import Connection, insert, select, update

from evoskeleton.annotation.domain.annotated_person import (
    People,
    check_extent,
    people_from_words,
    people_to_words,
)
from evoskeleton.annotation.domain.keypoint_schemas import known_schema
from evoskeleton.annotation.domain.records import (
    Action,
    AnnotationImage,
    Change,
    NotNow,
    Revision,
    Stale,
    State,
)
from evoskeleton.annotation.store.leases import refuse_if_held
from evoskeleton.annotation.store.rows import image_of, project_of, revision_of
from evoskeleton.annotation.store.tables import IMAGES, REVISIONS
from evoskeleton.errors import BadInput

STATE_AFTER: dict[Action, State] = {
    "draft": "draft",
    "submit": "submitted",
    "import": "submitted",
    "accept": "accepted",
    "reject": "rejected",
}
"""The state of an image after each action; after an undo it is the former one."""

REVIEWS: tuple[Action, ...] = ("accept", "reject")
_LONGEST_KEY = 100
_LONGEST_NOTE = 2000


def apply(connection: Connection, change: Change, now_ms: int) -> Revision:
    """Add a revision, once.

    Raises:
        NotThere: there is no such image.
        Stale: the change is based on another revision than the newest.
        NotNow: somebody else holds the image, or its state does not allow the action.
        BadInput: something in the change is not allowed, or its key was used for another one.
    """
    _check(change)
    image = image_of(connection, change.image_id, lock=True)
    if (answered := _first_answer(connection, change)) is not None:
        return answered
    current = revision_of(connection, image, image.revision)
    if change.based_on != image.revision:
        raise Stale(change.based_on, current)
    _refuse(change, image, now_ms)
    state, people, former = _outcome(connection, change, image, current)
    _write(connection, change, image, state, people, former, now_ms)
    return revision_of(connection, image, image.revision + 1)


def _check(change: Change) -> None:
    check_key(change.key)
    check_text("a note", change.note, 0, _LONGEST_NOTE)


def check_key(key: str) -> None:
    """A key by which a change is known when it comes again.

    Raises:
        BadInput: it is too short or too long, or holds the character NUL.
    """
    check_text("a key", key, 1, _LONGEST_KEY)


def check_text(name: str, text: str, least: int, most: int) -> None:
    """A text that every database can keep.

    Raises:
        BadInput: it is too short or too long, or holds the character NUL.
    """
    if not least <= len(text) <= most:
        raise BadInput(f"{name} should have {least} to {most} characters, got {len(text)}")
    if "\0" in text:
        raise BadInput(f"{name} should not hold the character NUL")


def _first_answer(connection: Connection, change: Change) -> Revision | None:
    """What this change led to when it came the first time."""
    row = connection.execute(
        select(REVISIONS.c.image_id, REVISIONS.c.number, REVISIONS.c.digest).where(
            REVISIONS.c.annotator == change.annotator, REVISIONS.c.key == change.key
        )
    ).first()
    if row is None:
        return None
    if row.digest != change.digest:
        raise BadInput(f"key {change.key} of {change.annotator} was used for another change")
    return revision_of(connection, image_of(connection, row.image_id), row.number)


def _refuse(change: Change, image: AnnotationImage, now_ms: int) -> None:
    """What the state of the image does not allow."""
    if change.action in REVIEWS and image.state not in ("submitted", "accepted", "rejected"):
        sentence = f"image {image.id} is {image.state}: only what is submitted is reviewed"
        raise NotNow(sentence, image.state.upper())
    if change.action not in REVIEWS or image.state == "submitted":
        refuse_if_held(image, change.annotator, now_ms)
    if change.action not in REVIEWS and image.state == "accepted":
        raise NotNow(f"image {image.id} is accepted: a reviewer may reject it first", "ACCEPTED")


def _undoable(connection: Connection, image: AnnotationImage, current: Revision) -> Revision:
    """The revision that an undo goes back to.

    Raises:
        NotNow: nothing was done, or what was done is a reviewer's verdict.
    """
    there = _standing(connection, image, current)
    if there.number == 0:
        raise NotNow(f"image {image.id} has nothing to undo", "NOTHING")
    if there.action in REVIEWS:
        sentence = (
            f"image {image.id} was {there.state} by {there.annotator}: a verdict is not undone"
        )
        raise NotNow(sentence, there.state.upper())
    return revision_of(connection, image, there.former)


def _standing(connection: Connection, image: AnnotationImage, current: Revision) -> Revision:
    """The revision whose work is there now: the newest that is no undo, or to which undos led."""
    if current.action != "undo":
        return current
    columns = REVISIONS.c.number, REVISIONS.c.action, REVISIONS.c.former
    rows = connection.execute(select(*columns).where(REVISIONS.c.image_id == image.id))
    known = {row.number: row for row in rows}
    number = current.number
    while number and known[number].action == "undo":
        number = known[number - 1].former
    return revision_of(connection, image, number)


def _outcome(
    connection: Connection, change: Change, image: AnnotationImage, current: Revision
) -> tuple[State, People, int]:
    """State and people after the change, and where an undo of it goes back to."""
    if change.action == "undo":
        former = _undoable(connection, image, current)
        return former.state, former.people, former.former
    if change.action in REVIEWS:
        return STATE_AFTER[change.action], current.people, current.number
    schema = known_schema(project_of(connection, image.project_id).keypoints)
    people = people_from_words(change.people, schema)
    if change.action != "draft":
        check_extent(people)
    return STATE_AFTER[change.action], people, current.number


def _write(
    connection: Connection,
    change: Change,
    image: AnnotationImage,
    state: State,
    people: People,
    former: int,
    now_ms: int,
) -> None:
    connection.execute(
        insert(REVISIONS).values(
            image_id=image.id,
            number=image.revision + 1,
            action=change.action,
            state=state,
            former=former,
            annotator=change.annotator,
            key=change.key,
            digest=change.digest,
            note=change.note,
            people=people_to_words(people),
            created_ms=now_ms,
            actions=change.actions,
            seconds=change.seconds,
        )
    )
    changed: dict[str, Any] = {"revision": image.revision + 1, "state": state}
    changed |= {"annotator": change.annotator, "changed_ms": now_ms}
    changed["actions"] = image.actions + change.actions
    changed["seconds"] = image.seconds + change.seconds
    reviewed = change.action in REVIEWS and image.holder == change.annotator
    if change.action == "submit" or reviewed:
        changed |= {"holder": None, "held_until_ms": None}
    connection.execute(update(IMAGES).where(IMAGES.c.id == image.id).values(**changed))
