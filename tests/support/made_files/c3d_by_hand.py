"""C3D files by the format's description, in all its ways of writing numbers."""

import struct

import numpy as np


def dec_floats(values: np.ndarray) -> bytes:
    """32-bit floats as a VAX has them: four times the number, the two words swapped."""
    bits = (values.astype(np.float32) * 4).view(np.uint32)
    words = np.stack([bits >> 16, bits & 0xFFFF], axis=-1).astype("<u2")
    return words.tobytes()


def c3d(points: np.ndarray, kind: str) -> bytes:
    """A file by the format's description, in another way of writing numbers."""
    order = ">" if kind == "mips" else "<"
    real = dec_floats if kind == "dec" else lambda v: v.astype(f"{order}f4").tobytes()

    def number(value: float) -> bytes:
        return real(np.array([value]))

    def whole(*values: int) -> bytes:
        return struct.pack(f"{order}{len(values)}H", *values)

    def entry(group: int, name: bytes, body: bytes) -> bytes:
        return struct.pack("bb", len(name), group) + name + whole(len(body) + 2) + body

    def texts(words: list[bytes]) -> bytes:
        return struct.pack("bBBB", -1, 2, 6, len(words)) + b"".join(w.ljust(6) for w in words)

    frames, count = points.shape[:2]
    scale = 0.1 if kind == "whole" else -1.0
    head = bytes([2, 0x50]) + whole(count, 0, 1, frames, 0) + number(scale) + whole(3, 0)
    head += number(100.0)
    body = entry(-1, b"POINT", b"\0")
    body += entry(1, b"LABELS", texts([b"LASI", b"RASI", b"C7"]))
    body += entry(1, b"UNITS", struct.pack("bBB", -1, 1, 2) + b"mm")
    body += entry(1, b"Y_SCREEN", struct.pack("bBB", -1, 1, 2) + b"+Z")
    processor = {"whole": 84, "dec": 85, "mips": 86}[kind]
    parameters = bytes([1, 0x50, 1, processor]) + body + b"\0\0"
    rows = np.concatenate([points, np.zeros((frames, count, 1))], axis=2)
    rows[0, 1, 3] = -1.0
    if kind == "whole":
        scaled = np.where(np.arange(4) < 3, rows / scale, rows).round().astype(f"{order}i2")
        data = scaled.tobytes()
    else:
        data = real(rows.reshape(-1))
    return head.ljust(512, b"\0") + parameters.ljust(512, b"\0") + data
