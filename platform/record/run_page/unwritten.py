"""What waits for MLflow and lies nowhere else, on disk, so that the driver that goes on has it.

    <folder>/g000012.npz    bodies of a generation for its picture
    <folder>/loads.jsonl    looks at the machines

Generations, trainings and the closing figures are not here: the campaign's folder has them.
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.npz import read_npz
from evoskeleton.platform.record.run_page.machine_load import Load

_LOADS = "loads.jsonl"


class Shown(NamedTuple):
    """The bodies of a generation that its picture shows.

    Attributes:
        generation: that bred them.
        poses: (bodies, 17, 3) float32 world mm, z up.
        error: (bodies,) float32 mm of the champion lifter; NaN where nothing was tried.
    """

    generation: int
    poses: np.ndarray
    error: np.ndarray


class Unwritten:
    """Files of one campaign; a disk that fails costs what would have been kept, and no more."""

    def __init__(self, folder: Path | None) -> None:
        """Nothing is touched. Without a folder nothing is kept."""
        self._folder = folder
        self._writing = threading.Lock()

    def keep_picture(self, shown: Shown) -> None:
        """Until `drop_picture`."""
        if self._folder is None:
            return
        with suppress(OSError), self._writing:
            self._folder.mkdir(parents=True, exist_ok=True)
            made = self._folder / "made.npz"
            np.savez(made, poses=shown.poses, error=shown.error)
            os.replace(made, self._picture(shown.generation))

    def drop_picture(self, generation: int) -> None:
        """It is written, or not wanted."""
        if self._folder is not None:
            with suppress(OSError):
                self._picture(generation).unlink(missing_ok=True)

    def pictures(self) -> Iterator[Shown]:
        """Those that were kept, by generation; damaged ones are not."""
        for path in sorted(self._folder.glob("g*.npz")) if self._folder else []:
            with suppress(BadInput, ValueError):
                arrays = read_npz(path, "the picture", ["poses", "error"])
                yield Shown(int(path.stem[1:]), arrays["poses"], arrays["error"])

    def keep_load(self, load: Load) -> None:
        """Until `drop_loads`."""
        if self._folder is None:
            return
        with suppress(OSError), self._writing:
            self._folder.mkdir(parents=True, exist_ok=True)
            with open(self._folder / _LOADS, "a") as file:
                file.write(json.dumps([load.at_ms, load.nodes]) + "\n")

    def drop_loads(self) -> None:
        """All are written."""
        if self._folder is not None:
            with suppress(OSError), self._writing:
                (self._folder / _LOADS).unlink(missing_ok=True)

    def loads(self) -> list[Load]:
        """Those that were kept, oldest first; a line that was cut is none."""
        if self._folder is None or not (self._folder / _LOADS).exists():
            return []
        found = []
        for line in (self._folder / _LOADS).read_text(errors="replace").splitlines():
            with suppress(ValueError, TypeError, AttributeError):
                at_ms, nodes = json.loads(line)
                found.append(
                    Load(int(at_ms), {int(number): dict(nodes[number]) for number in nodes})
                )
        return found

    def _picture(self, generation: int) -> Path:
        assert self._folder is not None
        return self._folder / f"g{generation:06d}.npz"
