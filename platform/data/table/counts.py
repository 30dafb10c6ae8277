"""Rows of a table by campaign, generation and operator."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow.compute as pc

from evoskeleton.platform.data.table.parts import Part
from evoskeleton.platform.data.table.schema import SCHEMA


def counts(parts: Sequence[Part], opened: Callable[[Part], Any]) -> dict[str, dict[str, int]]:
    """Rows by value of each column; a file is opened only where the log does not tell.

    Args:
        parts: the files.
        opened: a file as a fragment of an Arrow data set.
    """
    campaigns: Counter[str] = Counter()
    generations: Counter[Any] = Counter()
    operators: Counter[Any] = Counter()
    for part in parts:
        campaigns[part.campaign] += part.rows
        generations += _values(part, "generation", part.generations, opened)
        operators += _values(part, "operator", part.operators, opened)
    named = {"campaign": campaigns, "generation": generations, "operator": operators}
    return {
        f"rows_by_{name}": {str(value): counted[value] for value in sorted(counted)}
        for name, counted in named.items()
    }


def _values(
    part: Part, column: str, ends: tuple[Any, Any], opened: Callable[[Part], Any]
) -> Counter[Any]:
    least, most = ends
    if least is not None and least == most:
        return Counter({least: part.rows})
    counted: Counter[Any] = Counter()
    for batch in opened(part).to_batches(schema=SCHEMA, columns=[column]):
        for pair in pc.value_counts(batch[column]).to_pylist():
            counted[pair["values"]] += pair["counts"]
    return counted
