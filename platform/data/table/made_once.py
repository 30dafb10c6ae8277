"""A file that several may want to make at once, and that one makes, whoever is killed when."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def made_once(path: Path) -> Iterator[BinaryIO | None]:
    """A file that takes its name when it is whole and on disk, or None where it is there.

    It is written beside its place under one hidden name, which is locked meanwhile: a second maker
    waits, and what a killed one left is written over by the next.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f".{path.name}.part")
    while not path.exists():
        with open(hidden, "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_still(file, hidden):
                continue
            try:
                file.truncate(0)
                with open(hidden, "r+b") as made:
                    yield made
                    made.flush()
                    os.fsync(made.fileno())
                hidden.replace(path)
            except BaseException:
                hidden.unlink(missing_ok=True)
                raise
            return
    with contextlib.suppress(OSError):
        hidden.unlink()  # of one that was killed after another had made the file
    yield None


def _is_still(file: BinaryIO, place: Path) -> bool:
    """Whether a name still means an open file, which its maker may have renamed or taken away."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), place.stat())
    except FileNotFoundError:
        return False
