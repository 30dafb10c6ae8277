"""Boxes of people that somebody drew."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput


class Boxes:
    """Boxes of people that somebody drew, by file name, px: x0 y0 x1 y1.

    The file is JSON: an object by file name (with or without its folder). For a photo the value is
    a list of boxes; for a video an object of such lists by frame number. Pictures and frames
    without an entry are searched by the detector.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content

    @classmethod
    def read(cls, path: Path | str) -> "Boxes":
        """Boxes from a JSON file.

        Raises:
            BadInput: the file is missing or something else.
        """
        try:
            content = json.loads(Path(path).read_text())
        except OSError as error:
            raise BadInput(f"boxes {path}: {error.strerror}") from None
        except (ValueError, RecursionError):
            raise BadInput(f"boxes {path} should be JSON, it is not") from None
        if not isinstance(content, dict):
            raise BadInput(
                f"boxes {path} should be an object by file name, got {type(content).__name__}"
            )
        return cls(content)

    def of(self, path: Path, frame: int | None = None) -> np.ndarray | None:
        """(people, 4) of a photo or of one frame of a video; None where there is no entry.

        Raises:
            BadInput: the entry has another form.
        """
        entry = self._content.get(str(path), self._content.get(path.name))
        if isinstance(entry, dict) and frame is not None:
            entry = entry.get(str(frame))
        if entry is None:
            return None
        try:
            boxes = np.array(entry, dtype=np.float64).reshape(-1, 4)
        except (ValueError, TypeError, OverflowError):
            raise BadInput(f"boxes of {path.name} should be lists of four numbers") from None
        if len(boxes) != len(entry):
            raise BadInput(f"boxes of {path.name} should be a list of x0 y0 x1 y1 for each person")
        return boxes
