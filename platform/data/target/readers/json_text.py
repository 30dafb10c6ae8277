"""JSON out of files that nobody has checked."""

import json
from pathlib import Path
from typing import Any

from evoskeleton.errors import BadInput

_FIRST_LINE = 1 << 22


def read_text(path: Path) -> str:
    """The text of a file, UTF-8 with or without a byte order mark.

    Raises:
        BadInput: it cannot be read, or is no such text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"keypoint file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"keypoint file {path} should be UTF-8 text, it is not") from None


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        BadInput: it cannot be read, or is not JSON.
    """
    return parsed(read_text(path), f"keypoint file {path}")


def parsed(text: str, where: str) -> Any:
    """What a text of JSON says.

    Raises:
        BadInput: it is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput(f"{where} is not JSON") from None


def first_object(path: Path) -> dict[str, Any]:
    """The object on the first line of a file; an empty one where there is none."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            words = json.loads(file.readline(_FIRST_LINE))
    except (OSError, ValueError, RecursionError):
        return {}
    return words if isinstance(words, dict) else {}
