"""Of how many parts a picture file is made, told before anything of it is decoded.

Some parts cost far more to read than to send: each scan of a progressive JPEG goes over the whole
picture and an empty one takes ten bytes, the header of every segment or chunk is read one by one,
and a compressed BMP is unpacked code by code. Files that are made to be looked at have few.
"""

import re
from typing import Any

from evoskeleton.errors import BadInput

MOST_SCANS = 100
"""Of a progressive JPEG; encoders write some ten."""
MOST_SEGMENTS = 2_000
"""Of a JPEG; 16 MB of profiles and notes are some 260."""
MOST_PADDING = 65_536
"""Bytes between the segments of a JPEG, which are read one by one."""
MOST_CHUNKS = 20_000
"""Of a PNG; encoders put 8 kB or more of the picture into each."""
MOST_CODES = 1_000_000
"""Bytes of a compressed BMP."""

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_SCAN, _END = 0xDA, 0xD9
_WITHOUT_LENGTH = (0x01, 0xD8)
_JPEG, _PNG, _BMP = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"BM"
_COMPRESSION, _RUN_LENGTHS = slice(30, 34), (1, 2)


def check_parts(file: Any, name: str) -> None:
    """Refuse a JPEG, a PNG or a BMP of very many parts; the file is left where it was.

    Raises:
        BadInput: it has more than an encoder makes.
    """
    place = file.tell()
    start = file.read(len(_PNG))
    if start.startswith(_JPEG):
        _check_jpeg(start + file.read(), name)
    elif start == _PNG:
        _check_png(start + file.read(), name)
    elif start.startswith(_BMP):
        _check_bmp(start + file.read(), name)
    file.seek(place)


def _check_jpeg(data: bytes, name: str) -> None:
    """Segments and scans until the end of the picture (ITU T.81, B.1)."""
    scans, segments, padding, place = 0, 0, 0, 0
    while marker := _MARKER.search(data, place):
        kind = data[marker.end() - 1]
        if kind == _END:
            return
        padding += 0 if scans else marker.end() - 2 - place
        alone = kind in _WITHOUT_LENGTH
        length = int.from_bytes(data[marker.end() : marker.end() + 2], "big")
        place = marker.end() + (0 if alone else length)
        segments, scans = segments + 1, scans + (kind == _SCAN)
        if scans > MOST_SCANS:
            raise BadInput(f"picture {name} should be of at most {MOST_SCANS} scans, it has more")
        if segments > MOST_SEGMENTS or padding > MOST_PADDING:
            sentence = f"should be of at most {MOST_SEGMENTS:,} segments without padding"
            raise BadInput(f"picture {name} {sentence}, it has more")


def _check_png(data: bytes, name: str) -> None:
    """Chunks: length, name, content, check sum (PNG specification, 5.3)."""
    place = len(_PNG)
    for _ in range(MOST_CHUNKS):
        if place >= len(data):
            return
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    raise BadInput(f"picture {name} should be of at most {MOST_CHUNKS:,} chunks, it has more")


def _check_bmp(data: bytes, name: str) -> None:
    """Runs of pixels (BITMAPINFOHEADER, biCompression)."""
    coded = int.from_bytes(data[_COMPRESSION], "little") in _RUN_LENGTHS
    if coded and len(data) > MOST_CODES:
        raise BadInput(f"picture {name} should be a compressed BMP of at most {MOST_CODES:,} bytes")
