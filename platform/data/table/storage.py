"""How storage is reached: by options given, or by those of the environment.

One seam for everything that may lie on an object store: `store` gives the folder of an address as a
file system of pyarrow, through the same library as the pose table, so that both take the same
options and keys.
"""

import os
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
from deltalake.fs import DeltaStorageHandler

from evoskeleton.errors import BadInput
from evoskeleton.files import is_remote
from evoskeleton.platform.data.table.refusals import in_a_sentence
from evoskeleton.settings_environment import from_environment

_GROUP = "storage_options"
_UNSAFE = "s3_allow_unsafe_rename"


class _Handler(DeltaStorageHandler):  # type: ignore[misc]  # pyarrow has no types
    """That of the table's library, which refuses bytes that lie in a buffer of pyarrow's."""

    def open_output_stream(self, path: str, metadata: Mapping[str, str] | None = None) -> Any:
        """As there."""
        file = self._handler.open_output_stream(path, dict(metadata) if metadata else None)
        return pa.PythonFile(_Plain(file))


class _Plain:
    """A file that is given plain bytes, whatever is written."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: Any) -> Any:
        """As there."""
        return self._file.write(bytes(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def store(uri: str, options: Mapping[str, str] | None) -> Any:
    """A folder, wherever it is, as a file system whose paths begin there.

    Raises:
        BadInput: it is an address of nothing that is known, or lacks what names the account.
    """
    with in_a_sentence(f"{uri} cannot be used"):
        return pafs.PyFileSystem(_Handler(uri, dict(options) if options else None))


def options_for(uri: str, given: Mapping[str, str] | None) -> dict[str, str] | None:
    """The options with which an address is opened; those of the environment where none are given.

    Raises:
        BadInput: they would let two writers lose one another's rows.
    """
    if not is_remote(uri):
        return dict(given) if given else None
    options = dict(given or from_environment("EVOSKELETON_", (_GROUP,)).get(_GROUP, {}))
    _refuse_unsafe(options)
    return options or None


def _refuse_unsafe(options: Mapping[str, str]) -> None:
    """Without conditional puts, the later of two commits at once takes the place of the earlier."""
    for name, value in {**os.environ, **options}.items():
        unsafe = name.lower().removeprefix("aws_") == _UNSAFE
        if unsafe and str(value).lower() in ("1", "true", "yes", "on"):
            raise BadInput(
                f"{name} lets two writers lose one another's rows: unset it, and use a store with "
                f"conditional puts, such as S3, GCS, Azure, MinIO or Ceph"
            )
