"""DeepLabCut's CSV and HDF5 (Mathis 2018, https://doi.org/10.1038/s41593-018-0209-y).

Rows above the frames name the scorer, the individuals where there are several, the body parts, and
x, y and likelihood; a row is a frame, or a picture that somebody labelled, whose path stands in the
first cell or in parts in the first three. Body parts are known by side and part, such as left_knee.
"""

import csv
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.keypoint_formats import KeypointSet, set_of_names
from evoskeleton.platform.data.target.declarations import NOTHING_DECLARED, Declarations
from evoskeleton.platform.data.target.found import Clip, FoundKeypoints
from evoskeleton.platform.data.target.readers.deeplabcut_h5 import START, read_table
from evoskeleton.platform.data.target.readers.json_text import read_text

_HDF5 = (".h5", ".hdf5")
_HEADERS = ("scorer", "individuals", "bodyparts", "coords")


class _Tracked(NamedTuple):
    """Headers by name, (rows,) frames or places in `pictures`, and (rows, columns) numbers."""

    heads: dict[str, list[str]]
    frames: np.ndarray
    values: np.ndarray
    pictures: tuple[str, ...] = ()


class DeepLabCut:
    """A file of tracked body parts."""

    def __init__(self, declared: Declarations = NOTHING_DECLARED) -> None:
        self._declared = declared

    def matches(self, path: Path) -> bool:
        """By the first word; HDF5 by how it begins."""
        try:
            with open(path, "rb") as file:
                start = file.read(16).removeprefix(b"\xef\xbb\xbf")
        except OSError:
            return False
        if path.suffix.lower() in _HDF5:
            return start.startswith(START)
        return path.suffix.lower() == ".csv" and start.startswith(b"scorer,")

    def read(self, path: Path) -> FoundKeypoints:
        """All individuals in all frames."""
        binary = path.suffix.lower() in _HDF5
        table = _of_hdf5(path) if binary else _table(path)
        heads = table.heads
        people = heads.get("individuals", ["" for _ in heads["bodyparts"]])
        parts = [
            self._individual(path, number, table, np.array(people) == name)
            for number, name in enumerate(dict.fromkeys(people))
        ]
        return FoundKeypoints.concat(parts)

    def _individual(
        self,
        path: Path,
        number: int,
        table: _Tracked,
        own: np.ndarray,
    ) -> FoundKeypoints:
        parts = np.array(table.heads["bodyparts"])[own]
        columns, names = table.values[:, own], list(dict.fromkeys(parts.tolist()))
        coords = np.array(table.heads["coords"])[own]
        points = np.full((len(columns), len(names), 3), np.nan)
        points[..., 2] = 1.0
        for at, (part, coord) in enumerate(zip(parts, coords, strict=True)):
            if coord in ("x", "y", "likelihood"):
                place = ("x", "y", "likelihood").index(coord)
                points[:, names.index(part), place] = columns[:, at]
        return self._declared.to_found(
            str(path),
            points[..., :2],
            points[..., 2],
            None if self._declared.points else _own(path, names),
            **_places(path, table),
            person=np.full(len(table.values), number),
        )


def _own(path: Path, names: Sequence[str]) -> KeypointSet:
    try:
        return set_of_names(names)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def _places(path: Path, table: _Tracked) -> dict[str, Any]:
    """Frames of one clip, or a clip a picture."""
    if not table.pictures:
        return {"clips": Clip(file=str(path)), "number": table.frames}
    return {"clips": [Clip(file=name) for name in table.pictures], "clip": table.frames}


def _of_hdf5(path: Path) -> _Tracked:
    table = read_table(path)
    heads = {
        "bodyparts": [name[-2] for name in table.names],
        "coords": [name[-1] for name in table.names],
    }
    if all(len(name) > 3 for name in table.names):
        heads["individuals"] = [name[1] for name in table.names]
    return _Tracked(heads, table.frames, table.values)


def _table(path: Path) -> _Tracked:
    """Of a CSV; empty cells are NaN."""
    rows = [row for row in csv.reader(read_text(path).splitlines()) if any(row)]
    heads = {row[0]: row[1:] for row in rows[:4] if row[0] in _HEADERS}
    if not {"bodyparts", "coords"} <= heads.keys():
        raise BadInput(f"{path} should have rows bodyparts and coords, as DeepLabCut writes them")
    labels = 1 + sum(1 for _ in itertools.takewhile(lambda cell: not cell, heads["coords"]))
    heads = {name: cells[labels - 1 :] for name, cells in heads.items()}
    body = [row for row in rows if row[0] not in _HEADERS]
    width = len(heads["bodyparts"])
    if any(len(row) != width + labels for row in body) or len(heads["coords"]) != width:
        raise BadInput(f"{path}: every row should have {width} numbers after its frame")
    try:
        numbers = [[float(cell) if cell else np.nan for cell in row[labels:]] for row in body]
        values = np.array(numbers, np.float64).reshape(len(body), width)
    except ValueError:
        raise BadInput(f"{path}: numbers should stand below the header") from None
    frames, pictures = _frames([row[:labels] for row in body])
    return _Tracked(heads, frames, values, pictures)


def _frames(rows: Sequence[Sequence[str]]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Frames as the first cells say, or places in the pictures that they name, and those."""
    try:
        return np.array([int(row[0]) for row in rows]), ()
    except ValueError:
        return np.arange(len(rows)), tuple("/".join(filter(None, row)) for row in rows)
