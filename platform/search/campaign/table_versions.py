"""Which versions of the pose table the trainings of a home refer to."""

import json
from pathlib import Path
from typing import Any

from evoskeleton.errors import BadInput
from evoskeleton.files import local_folder

_PLACES = (("version", "snapshots/*.json"), ("table_version", "trainings/*/training.json"))


def _record(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except ValueError:
        raise BadInput(
            f"{path} is damaged, and with it which version of the table a training read: put it "
            f"back from a copy, or remove the campaign, before versions are given up"
        ) from None
    return record


def trained_versions(home: Path | str) -> list[int]:
    """The versions that trainings of a home's campaigns read, in order, each once.

    Raises:
        BadInput: a record is damaged.
    """
    folder = local_folder(home, "home")
    records = [
        (name, _record(path)) for name, places in _PLACES for path in folder.glob(f"*/{places}")
    ]
    return sorted({int(record[name]) for name, record in records if name in record})
