"""Whole files to and from a folder on an object store: there they are whole, or absent."""

from pathlib import Path
from typing import Any

import pyarrow.fs as pafs

from evoskeleton.files import whole_file

_PIECE = 1 << 23


def names_below(store: Any, under: str = "") -> list[str]:
    """Names of all files of a folder, from the root of the store on."""
    everything = pafs.FileSelector(under, recursive=True, allow_not_found=True)
    return [info.path.strip("/") for info in store.get_file_info(everything) if info.is_file]


def download(store: Any, name: str, path: Path) -> None:
    """One file; it takes its name here when it is complete."""
    with store.open_input_file(name) as source, whole_file(path) as target:
        _copy(source, target)


def upload(store: Any, path: Path, name: str) -> None:
    """One file."""
    with path.open("rb") as source, store.open_output_stream(name, buffer_size=_PIECE) as target:
        _copy(source, target)


def _copy(source: Any, target: Any) -> None:
    while piece := source.read(_PIECE):
        target.write(piece)
