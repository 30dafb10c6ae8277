"""How far the work of a project has come, in numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evoskeleton.annotation.domain.records import State


@dataclass
class AnnotatorCounts:
    """Of one annotator.

    Attributes:
        states: images whose newest draft or submission is theirs, by the state of the image.
        actions, seconds: of all their revisions, where clients said so.
        held, assigned: images.
    """

    states: dict[State, int] = field(default_factory=dict)
    actions: int = 0
    seconds: float = 0.0
    held: int = 0
    assigned: int = 0


@dataclass
class ProjectCounts:
    """Of one project."""

    project_id: int
    states: dict[State, int]
    annotators: Mapping[str, AnnotatorCounts]
    held: int
    open_comments: int

    @property
    def images(self) -> int:
        """All of them."""
        return sum(self.states.values())
