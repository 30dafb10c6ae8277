"""Pictures and videos from files that nobody has checked.

A picture is (height, width, 3) uint8, red green blue, turned as its EXIF orientation says. Its size
is read from the header and refused before a pixel is decoded.
"""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from evoskeleton.errors import BadInput
from evoskeleton.extras import require
from evoskeleton.pose2d.picture_limits import MOST_PIXELS

"""Largest picture that is decoded: 240 MB as red green blue."""

PICTURE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")
_BACKGROUND = (255, 255, 255)


class Frame(NamedTuple):
    """One picture of a video: its number from 0, its time in seconds, (height, width, 3) uint8."""

    number: int
    seconds: float
    image: np.ndarray


def is_video(path: Path | str) -> bool:
    """Whether a file's name is that of a video."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def read_image(path: Path | str, most_pixels: int = MOST_PIXELS) -> np.ndarray:
    """A picture from a file, (height, width, 3) uint8.

    Raises:
        BadInput: the file is missing, no JPEG, PNG, WebP or BMP, damaged, cut short, or larger than
            `most_pixels`.
    """
    try:
        with Path(path).open("rb") as file:
            return _decoded(file, str(path), most_pixels)
    except OSError as error:
        raise BadInput(f"picture {path} cannot be read: {error.strerror or error}") from None


def decode_image(
    data: bytes, name: str = "of the request", most_pixels: int = MOST_PIXELS
) -> np.ndarray:
    """A picture from the bytes of a file; as `read_image`. `name` is for the sentence."""
    return _decoded(io.BytesIO(data), name, most_pixels)


def _decoded(file: Any, name: str, most_pixels: int) -> np.ndarray:
    with _told_in_one_sentence(name), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(file, formats=PICTURE_FORMATS) as picture:
            _check_size(picture.size, name, most_pixels)
            picture.load()
            return np.array(_as_rgb(ImageOps.exif_transpose(picture)))


@contextmanager
def _told_in_one_sentence(name: str) -> Iterator[None]:
    """What Pillow's decoders raise on damaged files, by name."""
    try:
        yield
    except BadInput:
        raise
    except UnidentifiedImageError:
        kinds = "JPEG, PNG, WebP or BMP"
        raise BadInput(f"picture {name} should be {kinds}, it is none of these") from None
    except Image.DecompressionBombError as error:
        raise BadInput(f"picture {name} is too large: {error}") from None
    except Exception as error:  # damaged files make the decoders raise nearly anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(f"picture {name} is damaged: {reason}") from None


def _check_size(size: tuple[int, int], name: str, most_pixels: int) -> None:
    width, height = size
    if width * height > most_pixels:
        raise BadInput(
            f"picture {name} should have at most {most_pixels / 1e6:g} million pixels, "
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


def read_video(path: Path | str, most_pixels: int = MOST_PIXELS) -> Iterator[Frame]:
    """The frames of a video one by one, turned as the file says.

    A file that is cut short gives the frames that it has.

    Raises:
        BadInput: the file is missing, OpenCV is not installed, no frame can be decoded, or frames
            are larger than `most_pixels`.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"video {path} cannot be read: No such file")
    cv2 = _open_cv()
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    try:
        size = (
            int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )
        _check_size(size, str(path), most_pixels)
        yield from _frames(cv2, capture, path)
    finally:
        capture.release()


def count_frames(path: Path | str) -> int:
    """How many frames a video says it has; 0 where it does not say, or cannot be read.

    Raises:
        BadInput: OpenCV is not installed.
    """
    cv2 = _open_cv()
    capture = cv2.VideoCapture(str(Path(path).absolute()), cv2.CAP_FFMPEG)
    try:
        return max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
    finally:
        capture.release()


def _frames(cv2: Any, capture: Any, path: Path) -> Iterator[Frame]:
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    rate = rate if np.isfinite(rate) and rate > 0 else 0.0
    number = 0
    while True:
        there, picture = capture.read()
        if not there:
            break
        seconds = number / rate if rate else 0.0
        yield Frame(number, seconds, np.ascontiguousarray(picture[..., ::-1]))
        number += 1
    if number == 0:
        raise BadInput(f"video {path} has no frame that can be decoded")


def _open_cv() -> ModuleType:
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    return require(
        "cv2", "videos need OpenCV, which is not installed; try pip install opencv-python-headless"
    )
