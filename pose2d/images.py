"""Pictures from files that nobody has checked.

A picture is (height, width, 3) uint8, red green blue, turned as its EXIF orientation says. Its size
is read from the header and refused before a pixel is decoded.
"""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from evoskeleton.errors import BadInput
from evoskeleton.pose2d.picture_limits import MOST_PIXELS
from evoskeleton.pose2d.picture_parts import check_parts

"""Largest picture that is decoded: 240 MB as red green blue."""

PICTURE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
"""What others may send: all of it can be shown by a browser."""

FILE_FORMATS = (*PICTURE_FORMATS, "TIFF", "GIF")
"""What is read from files; of several pictures in one, the first."""

_NAMES = {"WEBP": "WebP"}
_BACKGROUND = (255, 255, 255)
_ORIENTATION = 0x0112
_THUMBNAIL_QUALITY = 85


def read_image(path: Path | str, most_pixels: int = MOST_PIXELS) -> np.ndarray:
    """A picture from a file, (height, width, 3) uint8.

    Raises:
        BadInput: the file is missing, of none of `FILE_FORMATS`, damaged, cut short, or larger than
            `most_pixels`.
    """
    try:
        with Path(path).open("rb") as file:
            return _decoded(file, str(path), most_pixels, FILE_FORMATS)
    except OSError as error:
        raise BadInput(f"picture {path} cannot be read: {error.strerror or error}") from None


def image_size(path: Path | str) -> tuple[int, int]:
    """Width and height, px, of a picture as it should be seen, from its header alone.

    Raises:
        BadInput: the file is missing, of none of `FILE_FORMATS`, or its header is damaged.
    """
    try:
        with (
            Path(path).open("rb") as file,
            _told_in_one_sentence(str(path), FILE_FORMATS),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            with Image.open(file, formats=FILE_FORMATS) as picture:
                width, height = picture.size[::-1] if _is_turned(picture) else picture.size
                return width, height
    except OSError as error:
        raise BadInput(f"picture {path} cannot be read: {error.strerror or error}") from None


def _is_turned(picture: Image.Image) -> bool:
    """By a quarter; a PNG is asked only if it says so first: else all of it would be decoded."""
    if picture.format == "PNG" and "exif" not in picture.info:
        return False
    return bool(picture.getexif().get(_ORIENTATION, 1) >= 5)


def decode_image(
    data: bytes, name: str = "of the request", most_pixels: int = MOST_PIXELS
) -> np.ndarray:
    """A picture from the bytes of a file of `PICTURE_FORMATS`; `name` is for the sentence."""
    return _decoded(io.BytesIO(data), name, most_pixels, PICTURE_FORMATS)


def decoded_size(
    data: bytes, name: str = "of the request", most_pixels: int = MOST_PIXELS
) -> tuple[int, int]:
    """Width and height, px, of a picture that can be decoded, as it should be seen.

    Its pixels are never copied into Python's memory: that would hold up all other threads.

    Raises:
        BadInput: as `read_image`.
    """
    with _opened(io.BytesIO(data), name, most_pixels, PICTURE_FORMATS) as picture:
        picture.load()
        _as_rgb(picture.crop((0, 0, 1, 1)))
        turned = picture.getexif().get(_ORIENTATION, 1) >= 5
        width, height = picture.size[::-1] if turned else picture.size
        return width, height


def jpeg_thumbnail(
    data: bytes, width: int, name: str = "of the request", most_pixels: int = MOST_PIXELS
) -> bytes:
    """A JPEG file of a picture at most `width` px wide, as it should be seen.

    Raises:
        BadInput: as `read_image`.
    """
    with _opened(io.BytesIO(data), name, most_pixels, PICTURE_FORMATS) as picture:
        turned = picture.getexif().get(_ORIENTATION, 1) >= 5
        wide, high = picture.size[::-1] if turned else picture.size
        size = (min(width, wide), max(1, round(high * min(1.0, width / wide))))
        picture.draft("RGB", size[::-1] if turned else size)
        picture.load()
        small = _as_rgb(ImageOps.exif_transpose(picture)).resize(size, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=_THUMBNAIL_QUALITY)
    return file.getvalue()


def _decoded(file: Any, name: str, most_pixels: int, formats: Sequence[str]) -> np.ndarray:
    with _opened(file, name, most_pixels, formats) as picture:
        picture.load()
        return np.array(_as_rgb(ImageOps.exif_transpose(picture)))


@contextmanager
def _opened(
    file: Any, name: str, most_pixels: int, formats: Sequence[str]
) -> Iterator[Image.Image]:
    """A picture whose header was read, and that can be decoded in reasonable time."""
    with _told_in_one_sentence(name, formats), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_parts(file, name)
        with Image.open(file, formats=tuple(formats)) as picture:
            check_size(picture.size, f"picture {name}", most_pixels)
            yield picture


@contextmanager
def _told_in_one_sentence(name: str, formats: Sequence[str]) -> Iterator[None]:
    """What Pillow's decoders raise on damaged files, by name."""
    try:
        yield
    except BadInput:
        raise
    except UnidentifiedImageError:
        *most, last = (_NAMES.get(kind, kind) for kind in formats)
        kinds = f"{', '.join(most)} or {last}"
        raise BadInput(f"picture {name} should be {kinds}, it is none of these") from None
    except Image.DecompressionBombError as error:
        raise BadInput(f"picture {name} is too large: {error}") from None
    except Exception as error:  # damaged files make the decoders raise nearly anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(f"picture {name} is damaged: {reason}") from None


def check_size(size: tuple[int, int], name: str, most_pixels: int) -> None:
    """A picture, or a video's frames, are not larger than `most_pixels`.

    Raises:
        BadInput: they are.
    """
    width, height = size
    if width * height > most_pixels:
        raise BadInput(
            f"{name} should have at most {most_pixels / 1e6:g} million pixels, "
            f"got {width} x {height}"
        )


def _as_rgb(picture: Image.Image) -> Image.Image:
    """Any mode as red green blue: 16 bits are cut to 8, what is transparent becomes white."""
    if picture.mode.startswith("I"):
        levels = np.asarray(picture).astype(np.int64)
        return Image.fromarray((levels >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    flat = Image.new("RGBA", picture.size, (*_BACKGROUND, 255))
    return Image.alpha_composite(flat, picture.convert("RGBA")).convert("RGB")
