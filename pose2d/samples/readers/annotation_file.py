"""What the readers share: JSON of strangers, and where the pictures lie that a file names."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from evoskeleton.errors import BadInput

PLACES = (".", "images", "../images")
"""Where pictures lie, seen from the folder of the file."""

_LONGEST_TAIL = 4


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        BadInput: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise BadInput(f"annotation file {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise BadInput(f"annotation file {path} should be JSON, it is not") from None


def entries(where: str, words: Any, name: str) -> list[dict[str, Any]]:
    """A list of objects in what a file holds.

    Raises:
        BadInput: there is no such list.
    """
    found = words.get(name) if isinstance(words, dict) else None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise BadInput(f"{where}: {name} should be a list of objects")
    return found


def number(where: str, entry: Mapping[str, Any], key: str) -> int:
    """A whole number of an entry, also one that was written as 640.0.

    Raises:
        BadInput: it is none.
    """
    value = entry.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 63:
        raise BadInput(f"{where}: {key} should be a whole number, got {str(value)[:40]}")
    return value


def id_of(where: str, entry: Mapping[str, Any], key: str) -> int | str:
    """What names an entry: a whole number, or a text, as some tools write.

    Raises:
        BadInput: it is neither.
    """
    value = entry.get(key)
    return value if isinstance(value, str) and value else number(where, entry, key)


@dataclass(frozen=True)
class Shelf:
    """Where the pictures that a file names may lie.

    Attributes:
        folders: looked into in this order.
    """

    folders: tuple[Path, ...]

    @classmethod
    def beside(cls, file: Path, more: Sequence[Path] = ()) -> "Shelf":
        """Folders of the user's own, the usual places, and what the file's last word names, as
        `train2017` lies beside the `annotations` of COCO."""
        own = re.split(r"[_.]", file.stem)[-1]
        places = (*PLACES, own, f"../{own}", f"images/{own}", f"../images/{own}")
        return cls((*more, *(file.parent / place for place in places)))

    def find(self, name: str) -> str:
        """Path of a picture by its name in the file; empty where there is none.

        Of a name that begins with folders of another machine, the last parts are tried; a name is
        never followed out of the folders: of one that leads up, what comes after is looked for.
        """
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if ".." in parts:
            parts = parts[len(parts) - parts[::-1].index("..") :]
        if not parts:
            return ""
        tails = [parts[1:] if parts[0] == "/" else parts]
        tails += [parts[-length:] for length in range(min(_LONGEST_TAIL, len(parts) - 1), 0, -1)]
        places = (folder.joinpath(*tail) for tail in tails for folder in self.folders)
        return next((str(place) for place in places if os.path.isfile(place)), "")
