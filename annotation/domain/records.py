"""What the annotation store gives out, and how it says no. Times are seconds since 1970, UTC."""

from dataclasses import dataclass
from typing import Literal

from evoskeleton.annotation.domain.annotated_person import People
from evoskeleton.errors import BadInput

State = Literal["new", "draft", "submitted", "accepted", "rejected"]
Action = Literal["draft", "submit", "undo", "accept", "reject", "import"]

OPEN: tuple[State, ...] = ("rejected", "draft", "new")
"""States of images that are given out to annotate, the first first."""


@dataclass(frozen=True)
class Project:
    """A set of images with one keypoint schema."""

    id: int
    name: str
    keypoints: str
    created: float


@dataclass(frozen=True)
class Image:
    """One picture of a project, its newest revision, and who holds it.

    Attributes:
        name: unique in its project.
        sha256: of the file.
        width, height: px, as it should be seen (EXIF orientation applied).
        revision: number of the newest; 0 before the first.
        holder: who has the lease; empty where nobody has.
        held_until: when the lease ends; 0 where nobody has it.
        coco_id: in the COCO file that it was imported from.
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


@dataclass(frozen=True)
class Revision:
    """What was known of an image at one time; revisions are never changed.

    Attributes:
        number: counts from 1; 0 is the empty beginning.
        former: number that an undo goes back to; 0: to the beginning.
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


@dataclass(frozen=True)
class Skip:
    """Somebody did not want to annotate an image."""

    image_id: int
    annotator: str
    reason: str
    created: float


class NotThere(BadInput):
    """A project, image or revision that the store does not have."""


class NotNow(BadInput):
    """The request is fine, but the image is in a state in which it cannot be done."""


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
