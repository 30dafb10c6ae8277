"""Videos from files that nobody has checked, frame by frame.

A frame is (height, width, 3) uint8, red green blue, turned as the file says. Its time is the one
that was recorded with it, so that videos of a varying rate are right. What cannot be decoded is
counted, told, and left out; what follows is read.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.extras import require
from evoskeleton.pose2d.images import check_size
from evoskeleton.pose2d.picture_limits import MOST_PIXELS

VIDEO_SUFFIXES = (
    ".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts",
    ".3gp", ".3g2", ".wmv", ".asf", ".flv", ".ogv",
)  # fmt: skip

MOST_DAMAGED = 300
"""Frames in a row that cannot be decoded, after which a video counts as ended."""

_CUT_SECONDS = 0.5
_UNEVEN, _MOST_EVEN = 0.1, 0.8

Tell = Callable[[str], None]


class Frame(NamedTuple):
    """One picture of a video: its number from 0, its time in seconds, (height, width, 3) uint8."""

    number: int
    seconds: float
    image: np.ndarray


def is_video(path: Path | str) -> bool:
    """Whether a file's name is that of a video."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def read_video(
    path: Path | str, most_pixels: int = MOST_PIXELS, tell: Tell | None = None
) -> Iterator[Frame]:
    """The frames of a video one by one.

    Frames that are damaged keep their numbers: the next one's is higher by more than one. A file
    that is cut short gives the frames that it has.

    Args:
        path: the file.
        most_pixels: of a frame.
        tell: takes a sentence on what could not be read.

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
        check_size(size, f"video {path}", most_pixels)
        yield from _frames(cv2, capture, path, tell or (lambda sentence: None))
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


def _frames(cv2: Any, capture: Any, path: Path, tell: Tell) -> Iterator[Frame]:
    number, given, missed, seconds = 0, 0, 0, 0.0
    rate, beat = _rate(cv2, capture), _Beat()
    for picture in _pictures(capture):
        if picture is None:
            number, missed = number + 1, missed + 1
            continue
        seconds = _stamp(cv2, capture, number, seconds)
        beat.add(seconds, rate)
        yield Frame(number, seconds, np.ascontiguousarray(picture[..., ::-1]))
        number, given = number + 1, given + 1
    if not given and (codec := _codec(cv2, capture)):
        raise BadInput(f"video {path} has no frame that can be decoded, its codec is {codec}")
    if not given:
        raise BadInput(f"video {path} has no frame that can be decoded")
    if missed:
        frames = "frame is damaged and was" if missed == 1 else "frames are damaged and were"
        tell(f"video {path}: {missed} {frames} left out")
    elif lost := beat.lost(rate):
        frames = "1 frame is" if lost == 1 else f"{lost} frames are"
        tell(f"video {path}: {frames} missing between the others")
    if (length := _length(cv2, capture)) > seconds + _CUT_SECONDS:
        tell(f"video {path} should last {length:.1f} s, it ends after {seconds:.1f} s")


@dataclass
class _Beat:
    """Whether frames come at the rate that their file tells, and how many of them do not come."""

    frames: int = 0
    even: int = 0
    first: float = 0.0
    last: float = 0.0

    def add(self, seconds: float, rate: float) -> None:
        if not self.frames:
            self.first = seconds
        elif abs((seconds - self.last) * rate - 1.0) < _UNEVEN:
            self.even += 1
        self.frames, self.last = self.frames + 1, seconds

    def lost(self, rate: float) -> int:
        """Frames that a decoder has dropped without a word; 0 where the rate varies."""
        if self.even < _MOST_EVEN * self.frames:
            return 0
        return max(round((self.last - self.first) * rate) + 1 - self.frames, 0)


def _codec(cv2: Any, capture: Any) -> str:
    """Four letters for what a video is coded in, none where the file does not say so."""
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    letters = bytes((code >> shift) & 255 for shift in (0, 8, 16, 24)).decode("latin-1").strip()
    return letters if letters.isalnum() and letters.isascii() else ""


def _pictures(capture: Any) -> Iterator[np.ndarray | None]:
    """What is decoded, None for what cannot be, up to the last picture that can."""
    failed = 0
    while failed < MOST_DAMAGED:
        there, picture = capture.read()
        if not there:
            failed += 1
            continue
        yield from [None] * failed
        failed = 0
        yield picture


def _stamp(cv2: Any, capture: Any, number: int, before: float) -> float:
    """Recorded seconds of the frame just read; by the frame rate where none are recorded."""
    stamp = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000.0
    if number == 0 or (np.isfinite(stamp) and stamp > before):
        return max(stamp, 0.0)
    rate = _rate(cv2, capture)
    return number / rate if rate and number / rate > before else before


def _rate(cv2: Any, capture: Any) -> float:
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    return rate if np.isfinite(rate) and rate > 0 else 0.0


def _length(cv2: Any, capture: Any) -> float:
    """Seconds that the file says it lasts, to its last frame; 0 where it does not say."""
    rate, count = _rate(cv2, capture), float(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return (count - 1.0) / rate if rate and count > 0 else 0.0


def _open_cv() -> ModuleType:
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    cv2 = require(
        "cv2", "videos need OpenCV, which is not installed; try pip install opencv-python-headless"
    )
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    return cv2
