"""TRC, the text table of markers of Motion Analysis and OpenSim.

Three lines of head: the kind of file; names of what the third line says, such as DataRate and
Units, and that. Then the markers' names, one above each three columns, a line of X1 Y1 Z1, and a
row a frame: its number, its time, and three numbers a marker, which are blank, NaN or all zero
where it was not seen. Columns are parted by tabs, in some files by blanks. Which axis is up is not
declared: y in OpenSim's.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.markers.recorded import Recorded
from evoskeleton.platform.data.mocap.motion import read_lines
from evoskeleton.safe_npy import printable

MM_BY_UNIT = {
    "mm": 1.0, "millimeter": 1.0, "millimeters": 1.0, "millimetres": 1.0, "cm": 10.0, "m": 1000.0,
    "meter": 1000.0, "meters": 1000.0, "metres": 1000.0, "in": 25.4, "inch": 25.4, "inches": 25.4,
}  # fmt: skip
"""Millimetres in what files call their unit."""

_HEAD_LINES = 12
_AXIS = re.compile(r"[xyz]\d*", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d[\d.,eE+-]*")
_RATES = ("datarate", "camerarate", "origdatarate")


def read_trc(path: Path) -> Recorded:
    """All markers in all frames.

    Raises:
        BadInput: the file cannot be read, has no head, or a row does not fit; the sentence names
            the line.
    """
    lines = read_lines(path, "a table of markers (TRC)")
    at, head = _head(path, lines)
    if len(lines) <= at or not lines[at].strip():
        raise BadInput(f"{path}, line {at + 1}: Frame#, Time and the markers should be here")
    tabbed = "\t" in lines[at].strip()
    names = _names(lines[at], tabbed)
    if not names:
        raise BadInput(f"{path}, line {at + 1}: names of markers should be here")
    rows = [(n, line) for n, line in enumerate(lines[at + 1 :], at + 2) if _is_row(line)]
    if not rows:
        raise BadInput(f"{path} holds no frames")
    numbers = _numbers(path, rows, 2 + 3 * len(names), tabbed)
    return Recorded(
        source=path,
        person="",
        names=tuple(names),
        points=numbers[:, 2:].reshape(len(rows), len(names), 3),
        rate=_rate(head, numbers[:, 1]),
        first_frame=_first(path, numbers[:, 0]),
        unit_mm=MM_BY_UNIT.get(head.get("units", "").lower()),
        notes=tuple(_surplus(head, len(rows), len(names))),
    )


def trc_rate(path: Path) -> float | None:
    """Frames a second as the head says; None where it does not, or cannot be read."""
    try:
        with open(path, encoding="latin-1") as file:
            lines = [file.readline(1 << 16) for _ in range(_HEAD_LINES)]
        return _rate(_head(path, lines)[1], np.zeros(0))
    except (OSError, BadInput):
        return None


def _head(path: Path, lines: Sequence[str]) -> tuple[int, dict[str, str]]:
    """The place of the line of names, and what the head says, by names in small letters."""
    for at, line in enumerate(lines[:_HEAD_LINES]):
        first = line.split()[:1]
        if first and first[0].lower().rstrip("#") == "frame":
            return at, _said(lines[:at])
    raise BadInput(
        f"{path} should be a table of markers (TRC) with a line that begins with Frame#, got "
        f"{printable(lines[0])}"
    )


def _said(lines: Sequence[str]) -> dict[str, str]:
    """What stands below DataRate, Units, ..."""
    for line, below in zip(lines, lines[1:], strict=False):
        words = [word.lower() for word in line.split()]
        if "datarate" in words:
            return dict(zip(words, below.split(), strict=False))
    return {}


def _names(line: str, tabbed: bool) -> list[str]:
    words = [word.strip() for word in (line.split("\t") if tabbed else line.split())]
    return [word for word in words[1:] if word][1:]


def _is_row(line: str) -> bool:
    """Neither blank nor the line of X1 Y1 Z1."""
    words = line.split()
    return bool(words) and not _AXIS.fullmatch(words[0])


def _numbers(path: Path, rows: Sequence[tuple[int, str]], width: int, tabbed: bool) -> np.ndarray:
    """(rows, width) float64, NaN where nothing stands."""
    values = np.full((len(rows), width), np.nan)
    for row, (number, line) in enumerate(rows):
        words = line.rstrip("\r\n").split("\t") if tabbed else line.split()
        extra = words[width:]
        if any(word.strip() for word in extra) or (not tabbed and len(words) != width):
            raise BadInput(
                f"{path}, line {number}: {width} columns should be here, got {len(words)}"
            )
        for column, word in enumerate(words[:width]):
            values[row, column] = _number(path, number, word.strip())
    return values


def _number(path: Path, line: int, word: str) -> float:
    """A number, with a decimal comma too; NaN where nothing stands, or it says so."""
    if not word:
        return np.nan
    try:
        return float(word)
    except ValueError:
        pass
    if _NUMBER.fullmatch(word) and word.count(",") == 1 and "." not in word:
        try:
            return float(word.replace(",", "."))
        except ValueError:
            pass
    raise BadInput(f"{path}, line {line}: a number should be here, got {printable(word)}")


def _rate(head: dict[str, str], time: np.ndarray) -> float | None:
    """Frames a second by the head, or by the times of the rows."""
    for name in _RATES:
        try:
            rate = float(head.get(name, "").replace(",", "."))
        except ValueError:
            continue
        if 0.0 < rate < 1e6:
            return rate
    steps = np.diff(time[np.isfinite(time)])
    step = float(np.median(steps)) if len(steps) else 0.0
    return 1.0 / step if 1e-6 < step < 1e6 else None


def _first(path: Path, numbers: np.ndarray) -> int:
    first = float(numbers[0])
    return int(first) if np.isfinite(first) and abs(first) < 2**31 else 0


def _surplus(head: dict[str, str], frames: int, markers: int) -> list[str]:
    said = [("numframes", frames, "frames"), ("nummarkers", markers, "markers")]
    return [
        f"the head says {head[key]} {what}, the table has {there}"
        for key, there, what in said
        if key in head and head[key] != str(there)
    ]
