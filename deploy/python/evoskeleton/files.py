"""Files that appear under their name only when they are complete."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from evoskeleton.errors import BadInput


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write into one sentence."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}") from error


@contextmanager
def whole_file(path: Path, overwrite: bool = True) -> Iterator[BinaryIO]:
    """A binary file that takes its name when it is complete and on disk; its folder is made.

    Raises:
        BadInput: the name is taken and `overwrite` is not set, or the file cannot be written.
    """
    path = Path(path)
    _refuse_taken(path, overwrite)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            written = Path(folder) / path.name
            with open(written, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _refuse_taken(path, overwrite)
            os.replace(written, path)


def _refuse_taken(path: Path, overwrite: bool) -> None:
    if path.is_dir():
        raise BadInput(f"{path} is a folder, a file should be written there")
    if path.exists() and not overwrite:
        raise BadInput(f"{path} is there already and is not overwritten unless asked")


def write_json(path: Path, data: Any) -> None:
    """Data as indented JSON, whole or not at all."""
    with whole_file(path) as file:
        file.write(json.dumps(data, indent=1, default=float).encode())


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Named arrays as npz, whole or not at all."""
    with whole_file(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
