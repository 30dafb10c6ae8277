"""Which versions of the pose table the trainings of a home refer to."""

import json
from pathlib import Path

_PLACES = (("version", "snapshots/*.json"), ("table_version", "trainings/*/training.json"))


def trained_versions(home: Path | str) -> list[int]:
    """The versions that trainings of a home's campaigns read, in order, each once."""
    folder = Path(home).expanduser()
    records = [
        (name, json.loads(path.read_text()))
        for name, places in _PLACES
        for path in folder.glob(f"*/{places}")
    ]
    return sorted({int(record[name]) for name, record in records if name in record})
