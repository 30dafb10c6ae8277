"""Files and folders that appear under their name only when they are complete.

Everything is first made in a hidden folder beside its place and then renamed, so that a reader
finds the old content or the new one and a killed writer leaves the name as it was. `atomic_file`
and `whole_folder` let an `OSError` through, for callers with a sentence of their own; `whole_file`
and the writers below turn it into `BadInput`. Devices and pipes are written to directly.
"""

import errno
import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from evoskeleton.errors import BadInput


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write into one sentence."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}") from error


def is_remote(place: str) -> bool:
    """Whether it is the address of an object store rather than a folder."""
    return re.match(r"[a-z][a-z0-9+.-]*://", place, re.IGNORECASE) is not None


def local_folder(place: Path | str, what: str) -> Path:
    """A folder of this machine, or one that it has mounted.

    Args:
        place: as a user named it.
        what: it is for, to begin the sentence with.

    Raises:
        BadInput: it is an address of an object store or the like.
    """
    if is_remote(str(place)):
        raise BadInput(f"{what} should be a folder that all machines see, got {place}")
    return Path(place).expanduser().resolve()


@contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """A free place of the same name on the same disk, gone afterwards; the parent is made.

    Raises:
        OSError: the parent folder cannot be made or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        yield Path(folder) / path.name


@contextmanager
def atomic_file(
    path: Path, *, private: bool = False, sync_folder: bool = False
) -> Iterator[BinaryIO]:
    """A binary file that takes its name when it is complete and on disk; a link is followed.

    Args:
        path: its place; what is there is replaced.
        private: readable by its owner alone.
        sync_folder: make the new name last through a crash of the machine, too.

    Raises:
        OSError: the file cannot be written.
    """
    path = Path(path)
    if _is_stream(path):
        with open(path, "wb") as stream:
            yield stream
        return
    path = path.resolve()
    with scratch_beside(path) as made:
        with open(made, "wb", opener=_open_private if private else None) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(made, path)
    if sync_folder:
        folder_to_disk(path.parent)


def _is_stream(path: Path) -> bool:
    return path.exists() and not path.is_dir() and (not path.is_file() or path.parent == _DEVICES)


_DEVICES = Path("/dev")


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def folder_to_disk(folder: Path) -> None:
    """Make the names in a folder last through a crash of the machine."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def whole_file(path: Path, overwrite: bool = True) -> Iterator[BinaryIO]:
    """A binary file that takes its name when it is complete and on disk; its folder is made.

    Raises:
        BadInput: the name is taken and `overwrite` is not set, or the file cannot be written.
    """
    path = Path(path)
    _refuse_taken(path, overwrite)
    with storage_errors(path), atomic_file(path) as file:
        yield file
        _refuse_taken(path, overwrite)


def _refuse_taken(path: Path, overwrite: bool) -> None:
    if path.is_dir():
        raise BadInput(f"{path} is a folder, a file should be written there")
    if path.exists() and not overwrite:
        raise BadInput(f"{path} is there already and is not overwritten unless asked")


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Nobody else is in here for the same file: to read it, add to it and write it again.

    Others wait. A hidden lock file lies beside it for the time, whether the file is there or not.

    Raises:
        BadInput: the folder cannot be written, or its file system knows no locks.
    """
    path = Path(path).resolve()
    lock = path.with_name(f".{path.name}.lock")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        held = _locked(lock)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(held)


def _locked(lock: Path) -> int:
    """The lock file, held; anew where its last holder has taken it away meanwhile."""
    while True:
        number = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(number), os.stat(lock)):
                return number
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(number)
            raise
        os.close(number)


@contextmanager
def whole_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """A new folder that takes the name of `path` when the work in it is done, or goes away.

    Args:
        path: its place, where there is nothing or an empty folder.
        replace: a folder that is there makes room when the new one is whole, and comes back if the
            new one cannot take its name.

    Raises:
        OSError: the folder cannot be written, or there is something and `replace` is not set.
        NameTaken: something took the name meanwhile; the work lies beside it.
    """
    was_free = not path.exists() or (path.is_dir() and not any(path.iterdir()))
    with scratch_beside(path) as made:
        made.mkdir()
        yield made
        if replace and path.exists():
            _exchange(made, path)
        elif was_free:
            _take_name(made, path)
        else:
            made.replace(path)


class NameTaken(OSError):
    """A name that was free got taken; `kept` is where the finished work lies instead."""

    def __init__(self, kept: Path) -> None:
        super().__init__(errno.EEXIST, f"the name was taken meanwhile, it is kept in {kept}")
        self.kept = kept


def _take_name(made: Path, path: Path) -> None:
    """Rename a finished folder; where the name got taken, to the next number that is free."""
    try:
        made.replace(path)
        return
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise
    for number in range(1, 1000):
        other = path.with_name(f"{path.name}-{number}")
        try:
            made.replace(other)
        except OSError:
            continue
        raise NameTaken(other)
    raise OSError(errno.EEXIST, "so are a thousand names like it")


def _exchange(made: Path, path: Path) -> None:
    """Let a folder take the place of another, which goes only when that is done."""
    old = made.with_name(f"{made.name}.old")
    path.replace(old)
    try:
        made.replace(path)
    except OSError:
        old.replace(path)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Bytes, whole or not at all."""
    with whole_file(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Text as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: Any) -> None:
    """Data as indented JSON, whole or not at all."""
    write_text(path, json.dumps(data, indent=1, default=float))


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], *, compress: bool = False) -> None:
    """Named arrays as npz without pickle, whole or not at all.

    Raises:
        ValueError: an array holds objects, which only a pickle could store.
        BadInput: the file cannot be written.
    """
    if objects := [name for name, array in arrays.items() if array.dtype.hasobject]:
        raise ValueError(f"array {objects[0]} should hold numbers or text, got objects")
    save: Any = np.savez_compressed if compress else np.savez  # their stubs know no names as `**`
    with whole_file(path) as file:
        save(file, **arrays)
