"""Which images of a project somebody wants to see, and in which order."""

from dataclasses import dataclass
from typing import Literal

from evoskeleton.annotation.domain.records import AnnotationImage, State

Order = Literal["number", "number_down", "name", "name_down", "changed", "changed_down"]


@dataclass(frozen=True)
class Wanted:
    """Which images of a project; what is empty asks for nothing.

    Attributes:
        state: of the image.
        search: within its name, whatever its case.
        holder, assignee, annotator, skipped_by: who holds it now, should annotate it, made its
            newest revision, has skipped it.
        commented: whether it has comments that are not settled.
        after: number of the image before the first; in the order of numbers alone.
        order: of the list.
        offset: how many to pass over.
    """

    project_id: int
    state: State | None = None
    search: str = ""
    holder: str = ""
    assignee: str = ""
    annotator: str = ""
    skipped_by: str = ""
    commented: bool = False
    after: int = 0
    order: Order = "number"
    offset: int = 0


@dataclass(frozen=True)
class ImagePage:
    """Images of a list, and how many it has in all."""

    images: list[AnnotationImage]
    total: int
