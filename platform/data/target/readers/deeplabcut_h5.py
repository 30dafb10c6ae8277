"""DeepLabCut's HDF5 beside its CSV: a table of pandas, of the format `table` or `fixed`.

SLEAP's analysis file (Pereira 2022, https://doi.org/10.1038/s41592-022-01426-1) becomes the same:
`tracks` (tracks, 2, nodes, frames) or (frames, nodes, 2, tracks), `node_names`, `point_scores`.

The names of the columns stand in `values_block_0_kind` (a pickle, carried out without trust by
`data_pickle`) or in levels and labels; (scorer, individuals where there are several, bodyparts,
coords). Nothing but numbers that lie in the file itself is read.
"""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evoskeleton.data_pickle import Refused, printable, unpickle
from evoskeleton.errors import BadInput
from evoskeleton.extras import require

NO_H5PY = "an HDF5 file of DeepLabCut is read by {}: pip install 'evoskeleton[mat]'"
START = b"\x89HDF\r\n"

_LARGEST_BYTES = 1 << 31
_MOST_COLUMNS = 10_000
_LEVELS = (3, 4)


class Table(NamedTuple):
    """Columns' names (columns, levels), frames (rows,), and numbers (rows, columns)."""

    names: list[tuple[str, ...]]
    frames: np.ndarray
    values: np.ndarray


def read_table(path: Path) -> Table:
    """The first table of a file.

    Raises:
        BadInput: it cannot be read, or holds no table of DeepLabCut's; or h5py is not installed.
    """
    h5py = require("h5py", NO_H5PY)
    try:
        with h5py.File(path, "r") as file:
            if {"tracks", "node_names"} <= set(file):
                return _of_sleap(h5py, file)
            groups = [file[key] for key in file if file.get(key, getlink=True).__class__.__name__]
            tables = [g for g in groups if isinstance(g, h5py.Group) and "pandas_type" in g.attrs]
            if not tables:
                raise Refused("holds neither a table of DeepLabCut nor tracks of SLEAP")
            return _checked(_of_group(h5py, tables[0]))
    except BadInput:
        raise
    except Refused as error:
        raise BadInput(f"{path} {error}; it was not read") from None
    except Exception as error:  # h5py raises a dozen kinds on damaged files
        told = printable(" ".join(str(error).split()))
        raise BadInput(f"{path} cannot be read as HDF5: {told}") from None


def _of_sleap(h5py: Any, file: Any) -> Table:
    nodes = [_text(name) for name in _plain(h5py, file["node_names"], "SO").tolist()]
    tracks = _plain(h5py, file["tracks"]).astype(np.float64)
    if tracks.ndim == 4 and tracks.shape[1:3] == (len(nodes), 2):
        tracks = tracks.T
    if tracks.ndim != 4 or tracks.shape[1:3] != (2, len(nodes)):
        raise Refused(f"should hold tracks of {len(nodes)} nodes, got {tracks.shape}")
    people, _, _, frames = tracks.shape
    scores = np.asarray(np.isfinite(tracks).all(axis=1), np.float64)
    if "point_scores" in file:
        told = _plain(h5py, file["point_scores"]).astype(np.float64)
        told = told.T if told.shape == scores.T.shape != scores.shape else told
        scores = np.minimum(told, 1.0) if told.shape == scores.shape else scores
    values = np.concatenate([tracks, scores[:, None]], axis=1).transpose(3, 0, 2, 1)
    names: list[tuple[str, ...]] = [
        ("sleap", str(person), node, coord)
        for person in range(people)
        for node in nodes
        for coord in ("x", "y", "likelihood")
    ]
    return Table(names, np.arange(frames), values.reshape(frames, -1))


def _checked(table: Table) -> Table:
    rows, columns = table.values.shape
    if len(table.names) != columns or {len(name) for name in table.names} - set(_LEVELS):
        raise Refused("should name scorer, bodyparts and coords of each column")
    if table.frames.shape != (rows,):
        raise Refused("should have a frame for each row")
    return table


def _of_group(h5py: Any, group: Any) -> Table:
    if "table" in group:
        return _of_table(h5py, group["table"])
    names: list[tuple[str, ...]] = []
    parts: list[np.ndarray] = []
    for number in range(_MOST_COLUMNS):
        key = f"block{number}_values"
        if key not in group:
            break
        parts.append(_plain(h5py, group[key]).astype(np.float64))
        names += _levels(h5py, group, f"block{number}_items")
    if not parts:
        raise Refused("holds a table without numbers")
    values = np.concatenate(parts, axis=1)
    own = _plain(h5py, group["axis1"]) if "axis1" in group else np.zeros(0)
    whole = own.dtype.kind in "iu" and own.shape == (len(values),)
    return Table(names, own.astype(np.int64) if whole else np.arange(len(values)), values)


def _levels(h5py: Any, group: Any, name: str) -> list[tuple[str, ...]]:
    """Names of the columns out of their levels."""
    columns: list[list[str]] = []
    for level in range(max(_LEVELS)):
        if f"{name}_level{level}" not in group:
            break
        words = _plain(h5py, group[f"{name}_level{level}"], "SO")
        labels = _plain(h5py, group[f"{name}_label{level}"])
        columns.append([_text(words[label]) for label in labels.tolist()])
    return list(zip(*columns, strict=True))


def _of_table(h5py: Any, table: Any) -> Table:
    rows = _plain(h5py, table, "V")
    blocks = [name for name in rows.dtype.names or () if name.startswith("values_block_")]
    if not blocks:
        raise Refused("holds a table without numbers")
    values = np.concatenate(
        [np.asarray(rows[name], np.float64).reshape(len(rows), -1) for name in blocks], axis=1
    )
    names = [name for block in blocks for name in _names(table.attrs.get(f"{block}_kind"))]
    index = rows["index"] if "index" in (rows.dtype.names or ()) else np.zeros(0)
    whole = index.dtype.kind in "iu" and index.shape == (len(rows),)
    return Table(names, index.astype(np.int64) if whole else np.arange(len(rows)), values)


def _names(pickled: Any) -> Sequence[tuple[str, ...]]:
    data = bytes(pickled) if isinstance(pickled, bytes | np.bytes_) else b""
    found = unpickle(_Whole(data)) if data else None
    if not isinstance(found, list) or not all(isinstance(name, tuple) for name in found):
        raise Refused("should name its columns")
    return [tuple(_text(part) for part in name) for name in found]


def _plain(h5py: Any, dataset: Any, kinds: str = "iuf") -> np.ndarray:
    """A dataset that lies in the file itself."""
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in kinds:
        raise Refused("keeps something else where numbers should be")
    if dataset.external or dataset.is_virtual:
        raise Refused("keeps numbers in another file")
    if math.prod(dataset.shape) * dataset.dtype.itemsize > _LARGEST_BYTES:
        raise Refused(f"unpacks to more than the {_LARGEST_BYTES} bytes allowed")
    array: np.ndarray = dataset[()]
    return array


def _text(word: Any) -> str:
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)


class _Whole(io.BytesIO):
    """Bytes as a stream of known length."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.left = len(data)
