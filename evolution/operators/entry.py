"""What the list of operators knows of each: its name, its bit, what it may change."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.settings import Settings


@dataclass(frozen=True)
class Operator:
    """A built-in operator.

    Attributes:
        name: of its group of settings, and its word in the table's column `operator`.
        bit: its bit in the code of an offspring. It stands in saved files, so it never changes;
            see `codes` for which are free.
        changes: arrays of `Genomes` that it may change; who has changed there was changed by it.
        settings: the class of its settings.
    """

    name: str
    bit: int
    changes: tuple[str, ...]
    settings: type[Settings]


@dataclass(frozen=True)
class Mutation(Operator):
    """An operator that changes offspring one by one.

    Attributes:
        apply: `apply(genomes, *, draws, settings)` gives changed bodies; parameters `templates`,
            or the name of another operator for its settings, are filled in where it has them.
        build: whether it belongs to the build of a body, which `lengths.when` may put off.
    """

    apply: Callable[..., Genomes]
    build: bool = False


def rate_field(default: float, description: str) -> Any:
    """A settings field for a probability."""
    return Field(default, ge=0, le=1, description=description)
