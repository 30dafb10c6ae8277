"""Where poses are from and under what terms: said by whoever has them, never guessed.

What is said at an import travels in the file, from there into the first commit of the pose table,
and from there into what is published.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evoskeleton.platform.data.sources.file_kinds import readable_files
from evoskeleton.platform.data.sources.settings import SourceSettings

KEPT = b"evoskeleton.origins"
"""Of a Parquet file's metadata: a list in JSON."""


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


def origins_of(settings: SourceSettings) -> list[Origin]:
    """The origins of a source: those that its file keeps, or itself; terms that are given fill in.

    Files are read once more, for their hashes.
    """
    said = settings.licence or "", settings.acknowledgement or ""
    path = None if settings.path is None else Path(settings.path).expanduser()
    kept = [] if path is None else _kept(path, settings.kind)
    if kept:
        return filled(kept, *said)
    name = settings.kind if path is None else path.name
    return filled([Origin(name, settings.kind, sha256=_hash(path))], *said)


def _kept(path: Path, kind: str) -> list[Origin]:
    """What a file or a pose table keeps of the origins of its poses."""
    if kind == "parquet":
        return origins_in(path)
    if kind != "table":
        return []
    from evoskeleton.platform.data.pose_table import PoseTable

    table = PoseTable.open(path)
    return [each for name in table.campaigns() for each in table.origins(name)]


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


def origins_in(path: Path) -> list[Origin]:
    """What a Parquet file keeps; nothing of one that says nothing or cannot be read."""
    try:
        words = (pq.read_schema(path).metadata or {}).get(KEPT, b"[]")
    except (OSError, pa.ArrowException):
        return []
    return as_origins(words.decode("utf-8", "replace"))


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


def told(origins: Iterable[Origin]) -> list[Mapping[str, Any]]:
    """As plain data; None where nothing is known."""
    return [{name: value or None for name, value in asdict(each).items()} for each in origins]


def _hash(path: Path | None) -> str:
    """SHA-256 of a file, or of the list of a folder's files; empty where it cannot be read."""
    try:
        if path is None or not path.exists():
            return ""
        if path.is_file():
            return _hash_of(path)
        files = readable_files(path)
        lines = "".join(f"{_hash_of(each)}  {each.relative_to(path)}\n" for each in files)
        return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()
    except (OSError, ValueError):
        return ""


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
