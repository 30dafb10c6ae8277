"""MATLAB's `.mat` files read without trust: arrays of numbers and cells of them, nothing else.

Version 5 is read by scipy; version 7.3 is HDF5 and read by h5py, which the extra `mat` brings.
Axes stand in MATLAB's order whatever the version. Code in a file is never run: functions and
objects are refused by name, and so is data that an HDF5 file keeps elsewhere.
"""

import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from evoskeleton.data_pickle import Refused, printable
from evoskeleton.errors import BadInput
from evoskeleton.extras import require
from evoskeleton.safe_npy import LARGEST_BYTES

_VERSION_5, _VERSION_7_3, _HDF5 = b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file", b"\x89HDF\r\n"
_HEADER, _HEAD = 128, 4096
_MATRIX, _COMPRESSED = 14, 15
_CODE, _OPAQUE = {3: "object", 16: "function"}, 17
_NO_H5PY = "a MATLAB file of version 7.3 is read by {}: pip install 'evoskeleton[mat]'"
_BROKEN = (
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    MemoryError,
    OSError,
    RuntimeError,
    AttributeError,
    struct.error,
    zlib.error,
)


def load_mat(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Variables of a file by name.

    Args:
        path: a file of version 5 or 7.3.
        names: the variables that are wanted.

    Returns:
        Arrays of numbers in MATLAB's order of axes; a cell array is an array of objects that are
        such arrays.

    Raises:
        BadInput: there is no such file, it is damaged or of another version, lacks a variable, or
            holds functions, objects or anything else that is not numbers; or h5py is wanted and
            not installed.
    """
    if not path.is_file():
        raise BadInput(f"{path}: there is no such file")
    with open(path, "rb") as file:
        start = file.read(len(_VERSION_5))
    if start == _VERSION_5:
        return _load_version_5(path, names)
    if start == _VERSION_7_3 or start.startswith(_HDF5):
        return _load_hdf5(path, names)
    got = printable(start.decode("latin-1"))
    raise BadInput(f"{path} should be a MATLAB file of version 5 or 7.3, got {got}")


def load_structs(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Structs of a file of version 5 by name, as plain data.

    Returns:
        A struct is a dictionary, an array of structs or cells a list, a text a `str`; a single
        number is one, and other numbers are an array.

    Raises:
        BadInput: as `load_mat`, or a struct holds what is no data.
    """
    if not path.is_file():
        raise BadInput(f"{path}: there is no such file")
    with open(path, "rb") as file:
        if file.read(len(_VERSION_5)) != _VERSION_5:
            raise BadInput(f"{path} should be a MATLAB file of version 5, it is not")
    with _in_a_sentence(path):
        found = _read_version_5(path, names, simplify_cells=True)
        return {name: _plain(name, found[name]) for name in names}


def _plain(name: str, value: Any) -> Any:
    """What a struct holds, when all of it is data."""
    if isinstance(value, dict):
        return {str(key): _plain(name, inner) for key, inner in value.items()}
    if isinstance(value, list) or (isinstance(value, np.ndarray) and value.dtype.kind == "O"):
        return [_plain(name, inner) for inner in value]
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "biufU":
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufU":
        return value
    raise Refused(f"holds {type(value).__name__} in {printable(name)}, which is no data")


@contextmanager
def _in_a_sentence(path: Path) -> Iterator[None]:
    """Every failure of reading as one sentence."""
    try:
        yield
    except BadInput:
        raise
    except Refused as error:
        raise BadInput(f"{path} {error}; it was not read") from None
    except _BROKEN as error:
        raise BadInput(
            f"{path} cannot be read: {printable(' '.join(str(error).split()))}"
        ) from None


def _expect(path: Path, names: Sequence[str], there: Sequence[str]) -> None:
    for name in names:
        if name not in there:
            listed = printable(", ".join(there)) or "nothing"
            raise BadInput(f"{path} should hold {name}, got {listed}")


# Version 5


def _load_version_5(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    with _in_a_sentence(path):
        found = _read_version_5(path, names)
        return {name: _numbers(name, found[name]) for name in names}


def _read_version_5(path: Path, names: Sequence[str], **how: Any) -> dict[str, Any]:
    from scipy.io import loadmat

    with open(path, "rb") as file:
        there = sorted(_variables(file, path.stat().st_size))
    _expect(path, names, there)
    try:
        found = loadmat(str(path), appendmat=False, variable_names=list(names), **how)
    except Exception as error:  # damaged files make it raise whatever comes up
        raise ValueError(error) from None
    return dict(found)


def _variables(file: BinaryIO, size: int) -> Iterator[str]:
    """Names of a file's variables, whose heads alone are looked at; code among them is refused."""
    file.seek(_HEADER - 2)
    order = "<" if file.read(2) == b"IM" else ">"
    while file.tell() < size:
        kind, length = struct.unpack(f"{order}II", file.read(8))
        after = file.tell() + length
        head = file.read(min(length, _HEAD))
        if kind == _COMPRESSED:
            inner = zlib.decompressobj().decompress(head, _HEAD)
            kind, unpacked = struct.unpack(f"{order}II", inner[:8])
            head = inner[8:]
            if unpacked > LARGEST_BYTES:
                limit = f"more than the {LARGEST_BYTES} allowed"
                raise Refused(f"unpacks to {unpacked} bytes, which is {limit}")
        if kind != _MATRIX:
            raise ValueError(f"it has an element of kind {kind} where a variable should be")
        yield _variable(head, order)
        file.seek(after)


def _variable(head: bytes, order: str) -> str:
    """The name of the variable with that head: flags, dimensions, name.

    Raises:
        Refused: it is code.
    """
    flags, rest = _element(head, order)
    kind = struct.unpack(f"{order}I", flags[:4])[0] & 0xFF
    if kind == _OPAQUE:
        raise Refused("holds an object of a class, which is no data")
    _, rest = _element(rest, order)
    name = _element(rest, order)[0].decode("latin-1")
    if kind in _CODE:
        raise Refused(f"holds the {_CODE[kind]} {printable(name)}, which is no data")
    if not name:
        raise Refused("holds a workspace of functions, which is no data")
    return name


def _element(data: bytes, order: str) -> tuple[bytes, bytes]:
    """The bytes of the first element, and what follows it; up to 4 bytes stand in its tag."""
    tag, length = struct.unpack(f"{order}II", data[:8])
    if tag >> 16:
        return data[4 : 4 + (tag >> 16)], data[8:]
    return data[8 : 8 + length], data[8 + length + -length % 8 :]


def _numbers(name: str, value: Any) -> np.ndarray:
    """The array, when it and what it holds are numbers."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biufO":
        kind = getattr(value, "dtype", type(value).__name__)
        raise Refused(f"holds {printable(name)} of {kind}, should be numbers")
    if value.dtype.kind == "O":
        for cell in value.flat:
            if not isinstance(cell, np.ndarray) or cell.dtype.kind not in "biuf":
                kind = getattr(cell, "dtype", type(cell).__name__)
                raise Refused(f"holds cells of {kind} in {printable(name)}, should be numbers")
    return value


# Version 7.3


def _load_hdf5(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    h5py = require("h5py", _NO_H5PY)
    with _in_a_sentence(path), h5py.File(path, "r") as file:
        _expect(path, names, sorted(file.keys()))
        return {name: _dataset(h5py, file, name).T for name in names}


def _dataset(h5py: Any, file: Any, name: str) -> np.ndarray:
    """A dataset that lies in the file itself; its axes are those of MATLAB, reversed."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise Refused(f"keeps {printable(name)} in another place")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "biuf":
        raise Refused(f"holds {printable(name)}, which should be an array of numbers")
    if dataset.external or dataset.is_virtual:
        raise Refused(f"keeps {printable(name)} in another file")
    size = math.prod(dataset.shape) * dataset.dtype.itemsize
    if size > LARGEST_BYTES:
        raise Refused(f"unpacks to {size} bytes, which is more than the {LARGEST_BYTES} allowed")
    array: np.ndarray = dataset[()]
    return array
