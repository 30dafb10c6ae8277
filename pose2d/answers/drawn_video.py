"""A video with keypoints on its frames and bodies beside them, drawn by OpenCV."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import BONES, Joint
from evoskeleton.extras import require
from evoskeleton.pose2d.answers.lines import Shown

MOST_BODIES = 3
"""People whose bodies are drawn beside the frame."""

_LONGEST_PX = 1280
_REACH_MM = 1100.0
_LEAST_RATE, _MOST_RATE = 0.1, 120.0
_LONGEST_STILL = 10.0
"""Seconds for which a frame is shown at most."""

_RIGHT, _LEFT, _MIDDLE = (235, 120, 40), (60, 160, 250), (240, 240, 240)
_SIDES = (
    {Joint.RHIP, Joint.RKNEE, Joint.RFOOT, Joint.RSHOULDER, Joint.RELBOW, Joint.RWRIST},
    {Joint.LHIP, Joint.LKNEE, Joint.LFOOT, Joint.LSHOULDER, Joint.LELBOW, Joint.LWRIST},
)


class DrawnVideo:
    """A video in the making. Its rate is even: frames that last longer are repeated."""

    def __init__(self, path: Path, width: int, height: int, rate: float) -> None:
        """Nothing is written before the first frame.

        Args:
            path: of the video.
            width, height: of its frames, px.
            rate: frames a second.
        """
        self._cv2 = require("cv2", "videos need OpenCV, which is not installed; "
                            "try pip install opencv-python-headless")  # fmt: skip
        self._path = path
        self._scale = min(1.0, _LONGEST_PX / max(width, height))
        self._size = _even(width * self._scale), _even(height * self._scale)
        self._panel = _even(self._size[1] / MOST_BODIES)
        self._rate = min(max(rate, _LEAST_RATE), _MOST_RATE)
        self._writer: Any = None
        self._last: np.ndarray | None = None
        self._first, self._written = 0.0, 0

    def add(self, image: np.ndarray, seconds: float, people: Sequence[Shown]) -> None:
        """The next frame, (height, width, 3) uint8, and who is in it.

        Raises:
            BadInput: the video cannot be written.
        """
        drawn = self._drawn(image, people)
        if self._writer is None:
            self._first = seconds
            self._open(drawn)
        self._catch_up(seconds)
        self._writer.write(drawn)
        self._last, self._written = drawn, self._written + 1

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()

    def _catch_up(self, seconds: float) -> None:
        """Repeat the last frame until the next one's time has come."""
        missing = round((seconds - self._first) * self._rate) - self._written
        if self._last is None or missing <= 0:
            return
        if missing > _LONGEST_STILL * self._rate:
            self._first = seconds - self._written / self._rate
            return
        for _ in range(missing):
            self._writer.write(self._last)
        self._written += missing

    def _open(self, drawn: np.ndarray) -> None:
        code = self._cv2.VideoWriter.fourcc(*"mp4v")
        size = drawn.shape[1], drawn.shape[0]
        self._writer = self._cv2.VideoWriter(str(self._path), code, self._rate, size)
        if not self._writer.isOpened():
            raise BadInput(f"{self._path} cannot be written")

    def _drawn(self, image: np.ndarray, people: Sequence[Shown]) -> np.ndarray:
        """(height, width + panel, 3) uint8, blue green red."""
        frame = self._cv2.resize(image[..., ::-1], self._size, interpolation=self._cv2.INTER_AREA)
        panel = np.full((self._size[1], self._panel, 3), 30, np.uint8)
        for one in people:
            self._bones(frame, one.person.keypoints * self._scale, one.person.known)
            x, y = (int(value * self._scale) for value in one.person.box[:2])
            self._write(frame, f"{one.identity}", (x, max(y, 14)))
        bodies = [one for one in people if one.joints is not None][:MOST_BODIES]
        for row, one in enumerate(bodies):
            self._body(panel, row, one)
        return np.concatenate([frame, panel], axis=1)

    def _body(self, panel: np.ndarray, row: int, one: Shown) -> None:
        """From the right of the picture: what the frame does not show."""
        assert one.joints is not None
        middle = np.array([self._panel / 2.0, self._panel * (row + 0.5)])
        points = one.joints[:, [2, 1]] * (self._panel / (2.0 * _REACH_MM)) + middle
        self._bones(panel, points, np.ones(len(points), bool))
        self._write(panel, f"{one.identity}, from its side", (4, int(self._panel * row) + 14))

    def _bones(self, frame: np.ndarray, points: np.ndarray, known: np.ndarray) -> None:
        for start, end in BONES:
            if known[start] and known[end]:
                ends = [tuple(int(v) for v in points[joint]) for joint in (start, end)]
                self._cv2.line(frame, *ends, _colour(end), 2, self._cv2.LINE_AA)

    def _write(self, frame: np.ndarray, words: str, place: tuple[int, int]) -> None:
        font = self._cv2.FONT_HERSHEY_SIMPLEX
        self._cv2.putText(frame, words, place, font, 0.45, _MIDDLE, 1, self._cv2.LINE_AA)


def _colour(joint: int) -> tuple[int, int, int]:
    right, left = _SIDES
    return _RIGHT if joint in right else _LEFT if joint in left else _MIDDLE


def _even(length: float) -> int:
    return max(2, int(length) // 2 * 2)
