"""The files that a target was read from, as they were then.

Photos and videos take a detector minutes to read. Whether they are still the same is told by their
bytes.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

_WHOLE = 1 << 24
"""Of a file of more bytes, so many of its beginning and of its end are looked at, and its size."""


def digests(paths: Sequence[str]) -> Mapping[str, str]:
    """SHA-256 of every file there, and in every folder there, by path; hidden ones are left alone.

    Of a file that cannot be read nothing is known: its digest is empty.
    """
    return {str(file): _digest(file) for path in paths for file in _files(Path(path).expanduser())}


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield from [path] if path.is_file() else []
        return
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path).parts
        if file.is_file() and not any(part.startswith(".") for part in inside):
            yield file


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return _digest_of(file, path.stat().st_size)
    except OSError:
        return ""


def _digest_of(file: BinaryIO, size: int) -> str:
    digest = hashlib.sha256(str(size).encode())
    digest.update(file.read(_WHOLE))
    if size > _WHOLE:
        file.seek(max(_WHOLE, size - _WHOLE))
        digest.update(file.read())
    return digest.hexdigest()
