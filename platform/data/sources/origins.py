"""The origins of a source, see `data.origin`: what its files keep, or the files themselves."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evoskeleton.platform.data.origin import Origin, as_origins, filled
from evoskeleton.platform.data.sources.file_kinds import readable_files
from evoskeleton.platform.data.sources.settings import SourceSettings

KEPT = b"evoskeleton.origins"
"""Of a Parquet file's metadata: a list in JSON."""


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


def origins_in(path: Path) -> list[Origin]:
    """What a Parquet file keeps; nothing of one that says nothing or cannot be read."""
    try:
        words = (pq.read_schema(path).metadata or {}).get(KEPT, b"[]")
    except (OSError, pa.ArrowException):
        return []
    return as_origins(words.decode("utf-8", "replace"))


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
