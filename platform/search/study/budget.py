"""Core hours that work takes, kept in a file while it runs: what is killed has been counted too."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evoskeleton.files import write_json
from evoskeleton.machine import cores


class Clock:
    """Time since it was made, in hours of all processors that we may use."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def core_hours(self) -> float:
        """Hours so far times the number of processors."""
        return (time.monotonic() - self._started) * cores() / 3600.0


class Spending:
    """Core hours of all that ran under `counted`, in a JSON file; at most `every_s` are lost."""

    def __init__(self, path: Path, every_s: float = 5.0) -> None:
        self._path, self._every_s = path, every_s

    def core_hours(self) -> float:
        """What is spent so far."""
        if not self._path.exists():
            return 0.0
        return float(json.loads(self._path.read_text())["core_hours"])

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what runs within, however it ends."""
        clock, before, done = Clock(), self.core_hours(), threading.Event()

        def write() -> None:
            write_json(self._path, {"core_hours": before + clock.core_hours()})

        def keep_writing() -> None:
            while not done.wait(self._every_s):
                write()

        writer = threading.Thread(target=keep_writing, daemon=True)
        writer.start()
        try:
            yield
        finally:
            done.set()
            writer.join()
            write()
