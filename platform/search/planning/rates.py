"""How long the steps of one campaign take on one processor: measured, kept as JSON."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from evoskeleton.errors import BadInput
from evoskeleton.files import write_json


@dataclass(frozen=True)
class Rates:
    """Seconds of one processor, at the sizes that the settings ask for.

    Attributes:
        breed, score, select, renew: of one island in a generation.
        rescore: of the parents of one island, when there is a new champion.
        kept: rows of one island in a generation.
        seeds: rows that a campaign begins with.
        save: of the state of all islands.
        commit, commit_row: of the table, fixed and a row.
        train, train_step: of a training, fixed (validation, error radii) and a step of its setting.
        start: until a process of the program is ready.
        weights: of all lifters of an ensemble.
        state_bytes, bundle_bytes: on disk, of a state and of a training.
    """

    breed: float
    score: float
    select: float
    renew: float
    rescore: float
    kept: float
    seeds: float
    save: float
    commit: float
    commit_row: float
    train: float
    train_step: float
    start: float
    weights: float
    state_bytes: float
    bundle_bytes: float

    def write(self, path: Path) -> None:
        """As JSON."""
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> "Rates":
        """Back from `write`.

        Raises:
            BadInput: the file is missing, or holds other things.
        """
        names = {field.name for field in fields(cls)}
        try:
            words: Any = json.loads(path.read_text())
            good = isinstance(words, dict) and words.keys() == names
            if good and all(float(value) >= 0.0 for value in words.values()):
                return cls(**{name: float(value) for name, value in words.items()})
        except OSError as error:
            raise BadInput(f"rates {path}: {error.strerror}") from None
        except (ValueError, TypeError):
            pass
        raise BadInput(f"rates {path} should be a file that `campaign plan --measure` wrote")
