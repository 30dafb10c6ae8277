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
_RIGHT, _LEFT, _MIDDLE = (235, 120, 40), (60, 160, 250), (240, 240, 240)
_SIDES = (
    {Joint.RHIP, Joint.RKNEE, Joint.RFOOT, Joint.RSHOULDER, Joint.RELBOW, Joint.RWRIST},
    {Joint.LHIP, Joint.LKNEE, Joint.LFOOT, Joint.LSHOULDER, Joint.LELBOW, Joint.LWRIST},
)


class DrawnVideo:
    """A video in the making; the frame rate is told by the times of the first two frames."""

    def __init__(self, path: Path, width: int, height: int) -> None:
        self._cv2 = require("cv2", "videos need OpenCV, which is not installed; "
                            "try pip install opencv-python-headless")  # fmt: skip
        self._path = path
        self._scale = min(1.0, _LONGEST_PX / max(width, height))
        self._size = _even(width * self._scale), _even(height * self._scale)
        self._panel = _even(self._size[1] / MOST_BODIES)
        self._writer: Any = None
        self._first: tuple[np.ndarray, float] | None = None

    def add(self, image: np.ndarray, seconds: float, people: Sequence[Shown]) -> None:
        """The next frame, (height, width, 3) uint8, and who is in it.

        Raises:
            BadInput: the video cannot be written.
        """
        drawn = self._drawn(image, people)
        if self._writer is None and self._first is None:
            self._first = drawn, seconds
            return
        if self._writer is None and self._first is not None:
            step = max(seconds - self._first[1], 1e-3)
            self._open(1.0 / step)
        self._writer.write(drawn)

    def close(self) -> None:
        """Finish the file."""
        if self._writer is None and self._first is not None:
            self._open(25.0)
        if self._writer is not None:
            self._writer.release()

    def _open(self, rate: float) -> None:
        assert self._first is not None, "a frame was added"
        code = self._cv2.VideoWriter.fourcc(*"mp4v")
        shape = self._first[0].shape
        self._writer = self._cv2.VideoWriter(str(self._path), code, rate, (shape[1], shape[0]))
        if not self._writer.isOpened():
            raise BadInput(f"{self._path} cannot be written")
        self._writer.write(self._first[0])

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
