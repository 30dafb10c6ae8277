"""What the annotation store takes in and gives out, and how it says no.

Times are seconds since 1970, UTC.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from evoskeleton.annotation.domain.annotated_person import People
from evoskeleton.errors import BadInput

State = Literal["new", "draft", "submitted", "accepted", "rejected"]
Action = Literal["draft", "submit", "undo", "accept", "reject", "import"]

OPEN: tuple[State, ...] = ("rejected", "draft", "new")
"""States of images that are given out to annotate, the first first."""
_LONGEST_FILE_NAME = 500


@dataclass(frozen=True)
class Project:
    """A set of images with one keypoint schema."""

    id: int
    name: str
    keypoints: str
    created: float


@dataclass(frozen=True)
class AnnotationImage:
    """One picture of a project, its newest revision, and who holds it.

    Attributes:
        name: unique in its project.
        sha256: of the file.
        width, height: px, as it should be seen (EXIF orientation applied).
        revision: number of the newest; 0 before the first.
        holder: who has the lease; empty where nobody has.
        held_until: when the lease ends; 0 where nobody has it.
        coco_id: in the COCO file that it was imported from.
        assignee: who should annotate it; empty: anybody may.
        annotator, changed: of the newest revision; empty and 0 before the first.
        open_comments: how many comments are not settled.
        actions, seconds: of all revisions together, where clients said so.
    """

    id: int
    project_id: int
    name: str
    sha256: str
    width: int
    height: int
    revision: int
    state: State
    holder: str
    held_until: float
    coco_id: int | None
    assignee: str = ""
    annotator: str = ""
    changed: float = 0.0
    open_comments: int = 0
    actions: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Picture:
    """A picture file that was looked at: its content, and its size in px as it should be seen."""

    content: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Revision:
    """What was known of an image at one time; revisions are never changed.

    Attributes:
        number: counts from 1; 0 is the empty beginning.
        former: number that an undo goes back to; 0: to the beginning.
        actions, seconds: what it took, where the client said so.
    """

    image_id: int
    number: int
    action: Action
    state: State
    former: int
    annotator: str
    note: str
    people: People
    created: float
    actions: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Change:
    """A change that somebody asks for.

    Attributes:
        action: what to do.
        image_id: to what.
        annotator: who asks.
        based_on: number of the revision that the annotator has seen.
        key: of the annotator's choice, different for every change.
        people: plain data, see `annotated_person.AnnotatedPerson`; for drafts, submissions and
            imports.
        note: for whoever reads the history.
        actions, seconds: what it took, for statistics alone.
    """

    action: Action
    image_id: int
    annotator: str
    based_on: int
    key: str
    people: list[Any] = field(default_factory=list)
    note: str = ""
    actions: int = 0
    seconds: float = 0.0

    @property
    def digest(self) -> str:
        """Tells this change from any other."""
        words = [self.action, self.image_id, self.based_on, self.people, self.note]
        return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Skip:
    """Somebody did not want to annotate an image."""

    image_id: int
    annotator: str
    reason: str
    created: float


@dataclass(frozen=True)
class Comment:
    """What somebody has to say of an image.

    Attributes:
        person_id: of the person whom it is about, where it is about one.
        place: x y px, where it is about one.
        resolved_by: who has settled it; empty: nobody.
    """

    id: int
    image_id: int
    annotator: str
    text: str
    created: float
    person_id: int | None = None
    place: tuple[float, float] | None = None
    resolved_by: str = ""


class NotThere(BadInput):
    """Something that the store does not have.

    Attributes:
        reason: what it is, for programs.
    """

    def __init__(self, sentence: str, reason: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class NotNow(BadInput):
    """The request is fine, but the image is in a state in which it cannot be done.

    Attributes:
        reason: which state, for programs.
        facts: more of it by name, for programs.
    """

    def __init__(self, sentence: str, reason: str, **facts: str) -> None:
        super().__init__(sentence)
        self.reason, self.facts = reason, facts


class NotKept(BadInput):
    """The request is fine, but the storage does not take it now."""


class Stale(BadInput):
    """Somebody else was faster; nothing was changed.

    Attributes:
        current: the newest revision, which the caller has not seen.
    """

    def __init__(self, based_on: int, current: Revision) -> None:
        super().__init__(
            f"image {current.image_id} is at revision {current.number} by {current.annotator}, "
            f"the request was based on {based_on}; nothing was changed"
        )
        self.current = current


def check_image_name(name: str) -> None:
    """What an image may be called.

    Raises:
        BadInput: it is empty, too long, or not printable.
    """
    if not 1 <= len(name) <= _LONGEST_FILE_NAME or not name.isprintable():
        raise BadInput(f"name should be of 1 to {_LONGEST_FILE_NAME} printable characters")
    if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name):
        raise BadInput(f"name should lie within its folder, got {name[:200]!r}")
