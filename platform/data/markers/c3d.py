"""C3D, the binary file of markers of motion laboratories (https://www.c3d.org).

The first byte tells where the parameters are, a block of 512 bytes each, and the head where the
points are. A point is x, y, z and a word whose sign says whether it was seen: 16-bit numbers times
the scale, or floats where the scale is negative, in the order of bytes of Intel, DEC or MIPS.
Parameters give the labels (POINT:LABELS, LABELS2, ... of 255 each), the unit, and the axes of the
screen, of which Y_SCREEN is up. Lengths are checked before anything is read: the library that
writes C3D here crashes on files that are damaged.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.markers.recorded import Recorded
from evoskeleton.platform.data.markers.trc import MM_BY_UNIT
from evoskeleton.safe_npy import printable

_BLOCK = 512
_KEY = 0x50
_INTEL, _DEC, _MIPS = 84, 85, 86
_NO_POINTS = ("ANGLES", "FORCES", "MOMENTS", "POWERS", "SCALARS")
"""Parameters of POINT that list labels under which no points of the body stand."""

_MOST_PARAMETERS = 20_000


@dataclass(frozen=True)
class _Format:
    """How numbers are written: the order of bytes, and whether floats are DEC's."""

    order: str
    dec: bool = False

    def whole(self, data: bytes, form: str) -> tuple[int, ...]:
        return struct.unpack(f"{self.order}{form}", data)

    def floats(self, data: bytes) -> np.ndarray:
        """float64 of 4 bytes each."""
        if not self.dec:
            return np.frombuffer(data, f"{self.order}f4").astype(np.float64)
        words = np.frombuffer(data, "<u2").reshape(-1, 2)
        bits = (words[:, 0].astype(np.uint32) << 16) | words[:, 1]
        with np.errstate(over="ignore"):
            values: np.ndarray = bits.view(np.float32).astype(np.float64) / 4.0
        return values


def read_c3d(path: Path) -> Recorded:
    """All points in all frames.

    Raises:
        BadInput: the file cannot be read, is damaged, or holds no points.
    """
    data = _content(path)
    try:
        return _read(path, data)
    except BadInput:
        raise
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise BadInput(f"{path} cannot be read as C3D: {printable(str(error))}") from None


def c3d_rate(path: Path) -> float | None:
    """Frames a second as the head says; None where it cannot be read."""
    try:
        data = _content(path)
        form = _format(data)
        rate = float(form.floats(data[20:24])[0])
    except (OSError, BadInput, struct.error, ValueError, IndexError):
        return None
    return rate if 0.0 < rate < 1e6 else None


def _content(path: Path) -> bytes:
    if not path.exists():
        raise BadInput(f"{path}: there is no such file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    if len(data) < 2 * _BLOCK or data[1] != _KEY or data[0] < 2:
        raise BadInput(f"{path} should be a C3D file, it is not")
    return data


def _format(data: bytes) -> _Format:
    at = (data[0] - 1) * _BLOCK
    kind = data[at + 3]
    if kind not in (_INTEL, _DEC, _MIPS):
        raise ValueError(f"its processor is {kind}, should be {_INTEL}, {_DEC} or {_MIPS}")
    return _Format(">" if kind == _MIPS else "<", kind == _DEC)


def _read(path: Path, data: bytes) -> Recorded:
    form = _format(data)
    found = _parameters(data, form)
    first, last = form.whole(data[6:10], "HH")
    points, analog = form.whole(data[2:6], "HH")
    scale = float(form.floats(data[12:16])[0])
    [start] = form.whole(data[16:18], "H")
    rate = float(form.floats(data[20:24])[0])
    start = _number(found, "POINT:DATA_START", start)
    points = _number(found, "POINT:USED", points)
    if points == 0:
        but = ", but rotations of segments" if "ROTATION:USED" in found else ""
        raise BadInput(f"{path} holds no points{but}: export markers or joint centres")
    frames = _frames(found, first, last)
    values = _points(data, form, (start - 1) * _BLOCK, frames, points, analog, scale)
    labels = _labels(found, points)
    kept = [at for at, label in enumerate(labels) if label not in _of_no_points(found)]
    unit = str(found.get("POINT:UNITS") or "").strip().lower()
    return Recorded(
        source=path,
        person="",
        names=tuple(labels[at] for at in kept),
        points=values[:, kept],
        rate=rate if 0.0 < rate < 1e6 else None,
        first_frame=int(first),
        unit_mm=MM_BY_UNIT.get(unit),
        up=_up(found),
        notes=tuple(_cut_note(len(values), frames)),
    )


def _cut_note(there: int, said: int) -> list[str]:
    return [] if there == said else [f"{said} frames should be here, the file ends after {there}"]


def _frames(found: Mapping[str, Any], first: int, last: int) -> int:
    """How many frames; of more than 65,535 the head knows too few."""
    frames = last - first + 1
    if last == 0xFFFF or frames <= 0:
        frames = max(frames, _trial_length(found), _number(found, "POINT:FRAMES", 0))
    if frames <= 0:
        raise ValueError(f"it should have frames, got {first} to {last}")
    return frames


def _trial_length(found: Mapping[str, Any]) -> int:
    """Frames by the group TRIAL, whose numbers are of two words each; 0 where it does not say."""
    ends = [found.get(f"TRIAL:ACTUAL_{name}_FIELD") for name in ("START", "END")]
    if not all(isinstance(words, np.ndarray) and words.size == 2 for words in ends):
        return 0
    first, last = (
        int(words[0] & 0xFFFF) + (int(words[1] & 0xFFFF) << 16)  # type: ignore[index]
        for words in ends
    )
    return last - first + 1


def _points(
    data: bytes, form: _Format, at: int, frames: int, points: int, analog: int, scale: float
) -> np.ndarray:
    """(frames, points, 3) file units, NaN where a point was not seen; as many as are there."""
    size = 4 if scale < 0 else 2
    width = (4 * points + analog) * size
    if at < _BLOCK or at >= len(data):
        raise ValueError("its points should begin within the file")
    there = min(frames, (len(data) - at) // width)
    if there == 0:
        raise ValueError(f"a frame of {width} bytes should follow its head")
    rows = np.frombuffer(data, np.uint8, there * width, at).reshape(there, width)
    block = np.ascontiguousarray(rows[:, : 4 * points * size])
    if size == 4:
        values = form.floats(block.tobytes()).reshape(there, points, 4)
        hidden = ~(values[..., 3] >= 0.0)
    else:
        whole = block.view(f"{form.order}i2").reshape(there, points, 4)
        values, hidden = whole * abs(scale), whole[..., 3] < 0
    found: np.ndarray = values[..., :3]
    found[hidden] = np.nan
    return found


# Parameters


def _parameters(data: bytes, form: _Format) -> dict[str, Any]:
    """Values by GROUP:NAME: text, texts, a number, or an array."""
    groups: dict[int, str] = {}
    loose: list[tuple[int, str, Any]] = []
    for number, name, body in _entries(data, form):
        if number < 0:
            groups[-number] = name
        else:
            loose.append((number, name, _value(body, form)))
    return {f"{groups[number]}:{name}": value for number, name, value in loose if number in groups}


def _entries(data: bytes, form: _Format) -> Iterator[tuple[int, str, bytes]]:
    """Group number (negative for the group itself), name, and what follows, of each entry."""
    at = (data[0] - 1) * _BLOCK + 4
    for _ in range(_MOST_PARAMETERS):
        if at + 2 > len(data):
            return
        length, number = struct.unpack("bb", data[at : at + 2])
        length = abs(length)
        if length == 0 or number == 0:
            return
        name = data[at + 2 : at + 2 + length].decode("latin-1").strip().upper()
        after = at + 2 + length
        if after + 2 > len(data):
            return
        [step] = form.whole(data[after : after + 2], "H")
        yield number, name, data[after + 2 : after + step if step else len(data)]
        if step == 0:
            return
        at = after + step


def _value(body: bytes, form: _Format) -> Any:
    """A parameter's value by its type and dimensions; None where it does not fit."""
    if len(body) < 2:
        return None
    kind, axes = struct.unpack("bB", body[:2])
    shape = tuple(body[2 : 2 + axes])
    size, count = abs(kind), int(np.prod(shape, dtype=np.int64))
    content = body[2 + axes : 2 + axes + size * count]
    if axes > 7 or size not in (1, 2, 4) or len(content) != size * count:
        return None
    if kind == -1:
        return _texts(content, shape)
    if kind == 4:
        return form.floats(content)
    return np.frombuffer(content, f"{form.order}{'i' if kind == 2 else 'u'}{size}").astype(np.int64)


def _texts(content: bytes, shape: tuple[int, ...]) -> str | list[str]:
    """Text of one axis, a list of texts of more."""
    if len(shape) < 2:
        return _text(content)
    width = shape[0]
    if not width:
        return []
    return [_text(content[at : at + width]) for at in range(0, len(content), width)]


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8").strip(" \0")
    except UnicodeDecodeError:
        return content.decode("latin-1").strip(" \0")


def _number(found: Mapping[str, Any], name: str, default: int) -> int:
    """A whole number that a parameter gives, without the sign of 16 bits; a float is one too."""
    value = found.get(name)
    if not isinstance(value, np.ndarray) or value.size == 0 or not np.isfinite(value[0]):
        return int(default)
    number = int(value[0])
    return number + (1 << 16) if number < 0 else number


def _labels(found: Mapping[str, Any], points: int) -> list[str]:
    labels = _listed(found, "POINT:LABELS", points)
    return [label or f"*{at}" for at, label in enumerate((labels + [""] * points)[:points])]


def _listed(found: Mapping[str, Any], name: str, points: int) -> list[str]:
    """Texts of a parameter and of those that go on with it."""
    listed: list[str] = []
    for number in range(1, 2 + points // 255 + 1):
        value = found.get(name if number == 1 else f"{name}{number}")
        listed += [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return listed


def _of_no_points(found: Mapping[str, Any]) -> set[str]:
    names = {label for kind in _NO_POINTS for label in _listed(found, f"POINT:{kind}", 255)}
    return names - {""}


def _up(found: Mapping[str, Any]) -> str | None:
    """The axis that is up on the screen; None where it is not said, or points down."""
    words = found.get("POINT:Y_SCREEN")
    text = str(words[0] if isinstance(words, list) and words else words or "").strip().lower()
    return text[1] if len(text) == 2 and text[0] == "+" and text[1] in "xyz" else None
