"""DeepLabCut's CSV and HDF5 (Mathis 2018, https://doi.org/10.1038/s41593-018-0209-y).

Rows above the frames name the scorer, the individuals where there are several, the body parts, and
x, y and likelihood; a row is a frame. Body parts are known by side and part, such as left_knee.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.keypoint_formats import set_of_names
from evoskeleton.platform.data.target.declarations import NOTHING_DECLARED, Declarations
from evoskeleton.platform.data.target.found import Clip, FoundKeypoints
from evoskeleton.platform.data.target.readers.deeplabcut_h5 import START, read_table
from evoskeleton.platform.data.target.readers.json_text import read_text

_HDF5 = (".h5", ".hdf5")
_HEADERS = ("scorer", "individuals", "bodyparts", "coords")


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
        heads, frames, values = _of_hdf5(path) if binary else _table(path)
        people = heads.get("individuals", ["" for _ in heads["bodyparts"]])
        parts = [
            self._individual(path, number, heads, np.array(people) == name, frames, values)
            for number, name in enumerate(dict.fromkeys(people))
        ]
        return FoundKeypoints.concat(parts)

    def _individual(
        self,
        path: Path,
        number: int,
        heads: dict[str, list[str]],
        own: np.ndarray,
        frames: np.ndarray,
        values: np.ndarray,
    ) -> FoundKeypoints:
        parts = np.array(heads["bodyparts"])[own]
        columns, names = values[:, own], list(dict.fromkeys(parts.tolist()))
        coords = np.array(heads["coords"])[own]
        points = np.full((len(frames), len(names), 3), np.nan)
        points[..., 2] = 1.0
        for at, (part, coord) in enumerate(zip(parts, coords, strict=True)):
            if coord in ("x", "y", "likelihood"):
                place = ("x", "y", "likelihood").index(coord)
                points[:, names.index(part), place] = columns[:, at]
        return self._declared.to_found(
            str(path),
            points[..., :2],
            points[..., 2],
            None if self._declared.points else set_of_names(names),
            clips=Clip(file=str(path)),
            number=frames,
            person=np.full(len(frames), number),
        )


def _of_hdf5(path: Path) -> tuple[dict[str, list[str]], np.ndarray, np.ndarray]:
    """As `_table`, of an HDF5 file."""
    table = read_table(path)
    heads = {
        "bodyparts": [name[-2] for name in table.names],
        "coords": [name[-1] for name in table.names],
    }
    if all(len(name) > 3 for name in table.names):
        heads["individuals"] = [name[1] for name in table.names]
    return heads, table.frames, table.values


def _table(path: Path) -> tuple[dict[str, list[str]], np.ndarray, np.ndarray]:
    """Headers by name, (rows,) frames, and (rows, columns) numbers; empty cells are NaN."""
    rows = [row for row in csv.reader(read_text(path).splitlines()) if row]
    heads = {row[0]: row[1:] for row in rows[:4] if row[0] in _HEADERS}
    if not {"bodyparts", "coords"} <= heads.keys():
        raise BadInput(f"{path} should have rows bodyparts and coords, as DeepLabCut writes them")
    body = [row for row in rows if row[0] not in _HEADERS]
    width = len(heads["bodyparts"])
    if any(len(row) != width + 1 for row in body) or len(heads["coords"]) != width:
        raise BadInput(f"{path}: every row should have {width} numbers after its frame")
    try:
        numbers = [[float(cell) if cell else np.nan for cell in row[1:]] for row in body]
        values = np.array(numbers, np.float64).reshape(len(body), width)
    except ValueError:
        raise BadInput(f"{path}: numbers should stand below the header") from None
    return heads, np.array(_frames(body)), values


def _frames(rows: Sequence[Sequence[str]]) -> list[int]:
    """Frames as the first cells say, or counted where they are names of pictures."""
    try:
        return [int(row[0]) for row in rows]
    except ValueError:
        return list(range(len(rows)))
