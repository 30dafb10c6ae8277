"""Drawings of what was found: a picture for each photo and frame, or a video for each video."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.pose2d.answers.drawn_video import DrawnVideo
from evoskeleton.pose2d.answers.lines import Shown, Where

As = Literal["pictures", "video"]

_USUAL_RATE = 25.0
_SHORT = 20.0
"""Percentile of the frames' lengths that becomes that of all."""


class Drawings:
    """A folder for drawings."""

    def __init__(self, folder: Path, videos_as: As = "pictures") -> None:
        """Make the folder.

        Args:
            folder: where to.
            videos_as: `pictures`: NAME-000000.png and so on, with bodies from two sides; `video`:
                NAME.overlay.mp4, keypoints and bodies on the frames, much faster.

        Raises:
            BadInput: the folder cannot be made.
        """
        self._folder, self._as = folder, videos_as
        self._video: DrawnVideo | None = None
        self._rate = _USUAL_RATE
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"folder {folder} cannot be made: {error.strerror}") from None

    def expect(self, seconds: Sequence[float]) -> None:
        """Times of some of the frames that come next; they tell the rate of a video."""
        steps = np.diff(seconds)
        steps = steps[steps > 0]
        self._rate = float(1.0 / np.percentile(steps, _SHORT)) if len(steps) else _USUAL_RATE

    def draw(self, where: Where, image: np.ndarray, people: Sequence[Shown]) -> None:
        """Draw one picture, (height, width, 3) uint8.

        Raises:
            BadInput: the drawing cannot be written.
        """
        if where.number is None or self._as == "pictures":
            self._picture(where, image, people)
            return
        if self._video is None:
            path = self._folder / f"{where.file.name}.overlay.mp4"
            self._video = DrawnVideo(path, where.width, where.height, self._rate)
        self._video.add(image, where.seconds or 0.0, people)

    def finish(self) -> None:
        """A video has ended."""
        if self._video is not None:
            self._video.close()
            self._video = None

    def _picture(self, where: Where, image: np.ndarray, people: Sequence[Shown]) -> None:
        from evoskeleton.pose2d.overlay import draw_overlay, save_overlay

        number = "" if where.number is None else f"-{where.number:06d}"
        figure = draw_overlay(
            image,
            [one.person for one in people],
            [one.joints for one in people],
            [one.identity for one in people],
        )
        save_overlay(figure, self._folder / f"{where.file.name}{number}.png")
