"""Where poses are from and under what terms: said by whoever has them, never guessed.

What is said at an import travels in the file, from there into the first commit of the pose table,
and from there into what is published.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Origin:
    """A file or folder of real poses, as its owner describes it.

    Attributes:
        name: of the file or folder, without its place.
        kind: of its format.
        licence: under which it may be used; empty where nobody has said.
        acknowledgement: that its owner asks for; empty for none.
        sha256: of the file; of a folder, of the lines that `sha256sum` prints of its files; empty
            where there is none.
    """

    name: str
    kind: str
    licence: str = ""
    acknowledgement: str = ""
    sha256: str = ""


def filled(origins: Iterable[Origin], licence: str, acknowledgement: str) -> list[Origin]:
    """The same with terms where they have none."""
    return [
        replace(
            each,
            licence=each.licence or licence,
            acknowledgement=each.acknowledgement or acknowledgement,
        )
        for each in origins
    ]


def as_text(origins: Sequence[Origin]) -> str:
    """As JSON, each once."""
    return json.dumps([asdict(each) for each in dict.fromkeys(origins)], ensure_ascii=False)


def as_origins(text: str) -> list[Origin]:
    """Of what `as_text` wrote; what is damaged says nothing."""
    try:
        found = json.loads(text)
        return [Origin(**{name: str(row[name]) for name in _NAMES}) for row in found]
    except (ValueError, TypeError, KeyError):
        return []


_NAMES = tuple(Origin.__dataclass_fields__)


def as_plain(origins: Iterable[Origin]) -> list[Mapping[str, Any]]:
    """As plain data; None where nothing is known."""
    return [{name: value or None for name, value in asdict(each).items()} for each in origins]
