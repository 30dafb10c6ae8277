"""Machines of a cluster in a few words: `4x16cpu32gb,1x8cpu64gb1gpu`."""

import re
from dataclasses import dataclass

from evoskeleton.errors import BadInput

_FORM = re.compile(
    r"(?:(?P<count>\d+)x)?(?P<cpus>\d+)cpu(?P<gigabytes>\d+(?:\.\d+)?)gb(?:(?P<gpus>\d+)gpu)?"
)


@dataclass(frozen=True)
class NodeKind:
    """Machines that are alike.

    Attributes:
        count: how many.
        cpus, gpus: of each.
        gigabytes: memory of each, 1e9 bytes.
        price: of each, an hour; 0 where nobody said.
    """

    count: int
    cpus: int
    gigabytes: float
    gpus: int = 0
    price: float = 0.0


def nodes_of(text: str, prices: str = "") -> tuple[NodeKind, ...]:
    """Machines, and what each kind of them costs an hour.

    Args:
        text: kinds, parted by commas.
        prices: a number for each kind, parted by commas; empty: nothing costs anything.

    Raises:
        BadInput: another form, no machine, or not one price a kind.
    """
    words = [word.strip().lower() for word in text.split(",")]
    found = [_FORM.fullmatch(word) for word in words]
    kinds = []
    for word, match in zip(words, found, strict=True):
        if match is None or int(match["count"] or 1) < 1 or int(match["cpus"]) < 1:
            raise BadInput(f"--nodes should be such as 4x16cpu32gb,1x8cpu64gb1gpu, got {word!r}")
        parts = int(match["count"] or 1), int(match["cpus"]), float(match["gigabytes"])
        kinds.append(NodeKind(*parts, int(match["gpus"] or 0)))
    return _priced(kinds, prices)


def _priced(kinds: list[NodeKind], prices: str) -> tuple[NodeKind, ...]:
    if not prices:
        return tuple(kinds)
    try:
        each = [float(price) for price in prices.split(",")]
    except ValueError:
        each = []
    if len(each) != len(kinds) or min(each) < 0.0:
        raise BadInput(f"--price should be {len(kinds)} numbers, one a kind of node, got {prices}")
    return tuple(
        NodeKind(kind.count, kind.cpus, kind.gigabytes, kind.gpus, price)
        for kind, price in zip(kinds, each, strict=True)
    )
