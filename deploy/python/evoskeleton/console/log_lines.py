"""What a campaign does, as one JSON object a line on standard error, where nobody has a terminal.

Schedulers keep those lines and programs search them; time, level, logger and message are named as
in the log of the endpoint.
"""

import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TextIO

_NAMES = (
    "generation",
    "rows",
    "champion",
    "offspring_per_second",
    "seconds",
    "survival",
    "error_mean",
    "target/bred_distance",
)
"""Of what the logbook says, and the training whose lifters score now."""


class LogLines:
    """A `Monitor` for programs."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._said: set[tuple[str, str]] = set()
        self._waiting_since: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing is open."""

    def generation(self, done: int, total: int, record: Mapping[str, Any]) -> None:
        """A generation was committed."""
        said = {name: _number(record[name]) for name in _NAMES if name in record}
        waited = {"training_seconds_waited": round(self._end_of_wait(), 3)}
        self._write("generation", {"done": done, "of": total} | said | waited)

    def starting(self) -> None:
        """The cluster is being started or joined."""
        self._write("starting", {})

    def tell(self, sentence: str) -> None:
        """Something that a person should know."""
        self._write(sentence, {})

    def training(self, name: str, done: int, total: int) -> None:
        """A training is waited for; said once, and once more when it is done."""
        if self._waiting_since is None:
            self._waiting_since = time.monotonic()
        self._once("training", name)
        if total and done >= total:
            self._once("trained", name)

    def will_look_at(self, pictures: int) -> None:
        """How many photos and frames will be looked at."""
        self._write("finding people", {"pictures": pictures})

    def looked_at(self, path: Path, number: int) -> None:
        """Nothing: there may be thousands."""

    def _once(self, message: str, training: str) -> None:
        if (message, training) not in self._said:
            self._said.add((message, training))
            self._write(message, {"training": training})

    def _end_of_wait(self) -> float:
        since, self._waiting_since = self._waiting_since, None
        return 0.0 if since is None else time.monotonic() - since

    def _write(self, message: str, fields: Mapping[str, Any]) -> None:
        now = time.time()
        stamp = (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
        )
        words = {"time": stamp, "level": "info", "logger": "evoskeleton.campaign"}
        line = json.dumps(words | {"message": message} | dict(fields))
        print(line, file=self._stream, flush=True)


def _number(value: Any) -> float | int | None:
    """As JSON has it: infinities and what is no number are null."""
    number = value.item() if hasattr(value, "item") else value
    if isinstance(number, float):
        return round(number, 6) if math.isfinite(number) else None
    return int(number)
