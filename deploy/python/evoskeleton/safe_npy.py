"""Numpy's files read without trust: `.npy` and `.npz` whose arrays may hold pickled dictionaries.

What such a pickle may hold stands in `data_pickle`. Arrays that come back are read-only.
"""

import io
import lzma
import pickle
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.lib import format as npy

from evoskeleton.data_pickle import (
    Refused,
    array_of,
    check_plain,
    checked_count,
    printable,
    unpickle,
)
from evoskeleton.errors import BadInput

__all__ = ["LARGEST_BYTES", "load_npz", "load_object", "load_pickle", "printable", "write_object"]

LARGEST_BYTES = 4 << 30
"""Most bytes that the members of one `.npz` may unpack to; its directory tells before reading."""

_LONGEST_LINE = 1000
_BROKEN = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


def load_object(path: Path | str) -> Any:
    """What an `.npy` file holds.

    Args:
        path: a file as `numpy.save` writes it, format 1, 2 or 3.

    Returns:
        The array; of an array of objects without axes, such as a saved dictionary, the object.

    Raises:
        BadInput: there is no such file, it is damaged, or it asks for anything that is not data;
            the sentence names what it asked for. Nothing of it was run.
    """
    path = _existing(path)
    with _refused_in_one_sentence(str(path)), open(path, "rb") as file:
        return _unwrapped(_read_npy(file, path.stat().st_size))


def load_pickle(path: Path | str, *, inert: bool = False) -> Any:
    """What a pickled file (`.pkl`) holds.

    Args:
        path: the file.
        inert: take objects of any class as records of what they hold, see `data_pickle.Record`.

    Raises:
        BadInput: as in `load_object`.
    """
    path = _existing(path)
    with _refused_in_one_sentence(str(path)), open(path, "rb") as file:
        return unpickle(_Bounded(file, path.stat().st_size), inert=inert)


def load_npz(
    path: Path | str, names: Sequence[str] | None = None, *, largest: int = LARGEST_BYTES
) -> dict[str, Any]:
    """The arrays of an `.npz` file by name, each as `load_object` gives it.

    Args:
        path: a file as `numpy.savez` or `numpy.savez_compressed` writes it.
        names: which to read; none: all.
        largest: most bytes that they may unpack to, all together.

    Raises:
        BadInput: as in `load_object`; a name is missing; or they unpack to more than `largest`.
    """
    path = _existing(path)
    with _refused_in_one_sentence(str(path)), zipfile.ZipFile(path) as archive:
        members = _members(archive, names)
        _check_size(members, largest)
        return {name: _load_member(archive, name, member) for name, member in members.items()}


def write_object(stream: BinaryIO, value: Any) -> None:
    """Write any value as `numpy.save` would, for numpy 1 and numpy 2 alike to read.

    Numpy 2 names its own modules in what it pickles, which older numpys do not have; here the
    names of numpy 1 are written, which both know. Read with `numpy.load(allow_pickle=True).item()`.
    """
    array = np.empty((), dtype=object)
    array[()] = value
    header: Any = {"descr": "|O", "fortran_order": False, "shape": ()}
    npy.write_array_header_1_0(stream, header)
    pickled = memoryview(pickle.dumps(array, protocol=3))
    start, new = b"\x80\x03", b"cnumpy._core.multiarray\n_reconstruct\n"
    if pickled[: len(start + new)] == start + new:
        stream.write(start + b"cnumpy.core.multiarray\n_reconstruct\n")
        pickled = pickled[len(start + new) :]
    stream.write(pickled)


# Files and members


def _existing(path: Path | str) -> Path:
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"{path}: there is no such file")
    return path


@contextmanager
def _refused_in_one_sentence(place: str) -> Iterator[None]:
    """Every failure of reading as one sentence about the place that was read."""
    try:
        yield
    except BadInput:
        raise
    except Refused as error:
        raise BadInput(f"{place} {error}; it was not read") from None
    except _BROKEN as error:
        raise BadInput(f"{place} cannot be read: {_why(error)}") from None


def _why(error: Exception) -> str:
    if isinstance(error, LookupError):
        return "its pickle is out of order"
    text = error.strerror if isinstance(error, OSError) else str(error)
    return printable(text or type(error).__name__)


def _members(archive: zipfile.ZipFile, names: Sequence[str] | None) -> dict[str, zipfile.ZipInfo]:
    there = {
        info.filename.removesuffix(".npy"): info
        for info in archive.infolist()
        if info.filename.endswith(".npy")
    }
    for name in names or ():
        if name not in there:
            listed = printable(", ".join(there)) or "nothing"
            raise BadInput(f"{archive.filename} should hold {name}, got {listed}")
    return {name: there[name] for name in (there if names is None else names)}


def _check_size(members: dict[str, zipfile.ZipInfo], largest: int) -> None:
    size = sum(info.file_size for info in members.values())
    if size > largest:
        raise Refused(f"unpacks to {size} bytes, which is more than the {largest} allowed")


def _load_member(archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo) -> Any:
    """`zipfile` gives no more bytes of a member than its directory says."""
    with (
        _refused_in_one_sentence(f"{archive.filename}, {printable(name)}"),
        archive.open(member) as stream,
    ):
        buffered = io.BufferedReader(cast(io.RawIOBase, stream))
        return _unwrapped(_read_npy(buffered, member.file_size))


def _unwrapped(array: np.ndarray) -> Any:
    return array.item() if array.dtype.hasobject and array.ndim == 0 else array


# One array


class _Bounded:
    """A stream of known length: a read of more than is left would first reserve all it names."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self.left = stream, size

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(data)
        return data

    def readline(self) -> bytes:
        data = self._stream.readline(min(_LONGEST_LINE, self.left))
        self.left -= len(data)
        return data


def _read_npy(file: BinaryIO, size: int) -> np.ndarray:
    stream = _Bounded(file, size)
    shape, fortran_order, dtype = _read_header(stream)
    if dtype.kind == "O":
        array = unpickle(stream)
        if not isinstance(array, np.ndarray) or array.dtype.kind != "O" or array.shape != shape:
            raise Refused(f"should hold objects of shape {shape} as its header says")
        return array
    check_plain(dtype)
    count = checked_count(shape, dtype, stream.left)
    return array_of(shape, dtype, stream.read(count * dtype.itemsize), fortran_order)


def _read_header(stream: _Bounded) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Format 3 differs from 2 in the encoding of field names only, and fields are refused."""
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise Refused(f"is of format {version}, should be 1, 2 or 3")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy remarks on headers of Python 2, which are fine
        return read(stream)
