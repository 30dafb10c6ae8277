"""The data files of a pose table: found in the log, opened, written, taken away.

A file holds rows of one campaign. What is written here is sorted by id and compressed without
loss: floats by BYTE_STREAM_SPLIT, ids by their differences, all of it by zstd.
"""

import errno
import json
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.transaction import AddAction

from evoskeleton.files import is_remote
from evoskeleton.platform.data.table.schema import SCHEMA
from evoskeleton.platform.data.table.storage import store

ROW_GROUP = 65536

_FILE_SCHEMA = pa.schema([field for field in SCHEMA if field.name != "campaign"])
_TEXT = [column.name for column in _FILE_SCHEMA if column.type == pa.string()]
_ENCODINGS = {
    column.name: "DELTA_BINARY_PACKED" if pa.types.is_integer(column.type) else "BYTE_STREAM_SPLIT"
    for column in _FILE_SCHEMA
    if pa.types.is_primitive(column.type)
} | {"pose.list.element": "BYTE_STREAM_SPLIT", "retires.list.element": "DELTA_BINARY_PACKED"}
_COUNTED = [column.name for column in _FILE_SCHEMA if pa.types.is_integer(column.type)] + _TEXT
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


class Part(NamedTuple):
    """A data file: its path in the log, its rows, whose they are, and the ranges of some columns.

    `first` and `last` are ids; ranges are None where the log does not tell them.
    """

    path: str
    rows: int
    size: int
    campaign: str
    first: int
    last: int
    generations: tuple[int | None, int | None]
    operators: tuple[str | None, str | None]


def parts_of(table: DeltaTable, campaign: str | None = None) -> list[Part]:
    """The files of a campaign, or all, by their first id and campaign, from the log alone."""
    actions = pa.table(table.get_add_actions(flatten=True))
    read = [_part(row) for row in _named(actions).to_pylist()]
    parts = [part for part in read if campaign in (None, part.campaign)]
    return sorted(parts, key=lambda part: (part.first, part.campaign, part.path))


_NAMES = ("path", "num_records", "size_bytes", "partition.campaign") + tuple(
    f"{end}.{name}" for name in ("id", "generation", "operator") for end in ("min", "max")
)


def _named(actions: pa.Table) -> pa.Table:
    there = set(actions.column_names)
    return pa.table({n: actions[n] if n in there else pa.nulls(len(actions)) for n in _NAMES})


def _part(row: Mapping[str, Any]) -> Part:
    path, rows, size, campaign, first, last, *ranges = (row[name] for name in _NAMES)
    return Part(
        path,
        rows,
        size,
        campaign,
        _LEAST if first is None else first,
        _MOST if last is None else last,
        (ranges[0], ranges[1]),
        (ranges[2], ranges[3]),
    )


class Files:
    """The folder of a pose table, wherever its storage is."""

    def __init__(self, uri: str, options: Mapping[str, str] | None) -> None:
        """Nothing is touched."""
        self.uri = uri
        self._files = store(uri, options)

    def fragment(self, part: Part) -> Any:
        """A file to be read with the columns of today; those that it lacks are null."""
        return ds.ParquetFileFormat().make_fragment(
            unquote(part.path), self._files, pc.field("campaign") == part.campaign
        )

    def write(self, campaign: str, name: str, tables: Iterable[pa.Table]) -> "Written":
        """A new file of rows that come sorted by id; nothing is left where that fails.

        Args:
            campaign: whose rows these are.
            name: how the file's name begins.
            tables: rows in the schema of the table, at most a few million each.
        """
        path = f"{_folder_of(campaign)}/{name}-{uuid.uuid4().hex}.parquet"
        statistics = _Statistics()
        with self._files.open_output_stream(path) as stream, _writer(stream) as writer:
            for rows in _in_row_groups(tables):
                statistics.add(rows)
                writer.write_table(rows.drop_columns(["campaign"]), row_group_size=ROW_GROUP)
        size = self._files.get_file_info(path).size
        return Written(path, size, campaign, statistics.as_json())

    def written_for(self, campaign: str) -> set[str]:
        """The paths of the files that lie where those of a campaign are written."""
        inside = pafs.FileSelector(_folder_of(campaign), allow_not_found=True)
        return {found.path for found in self._files.get_file_info(inside)}

    def remove(self, path: str) -> None:
        """Take a file away."""
        self._files.delete_file(path)


def may_hold(fragment: Any, wanted: np.ndarray) -> list[int]:
    """The row groups of a file whose ranges hold one of some sorted ids."""
    groups = []
    for group in fragment.row_groups:
        span = (group.statistics or {}).get("id", {"min": _LEAST, "max": _MOST})
        if np.searchsorted(wanted, span["min"]) < np.searchsorted(wanted, span["max"], "right"):
            groups.append(group.id)
    return groups


def lie_together(one: str, other: str) -> bool:
    """Whether the files of two campaigns are written into one folder."""
    return _folder_of(one) == _folder_of(other)


def _folder_of(campaign: str) -> str:
    return "campaign=" + re.sub(r"[^A-Za-z0-9_-]", "_", campaign)


def _in_row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables that fill a row group: each group costs a description of its own."""
    held: list[pa.Table] = []
    for rows in tables:
        held.append(rows)
        while sum(map(len, held)) >= ROW_GROUP:
            joined = pa.concat_tables(held)
            yield joined[:ROW_GROUP]
            held = [joined[ROW_GROUP:]]
    if sum(map(len, held)):
        yield pa.concat_tables(held)


def names_in(uri: str, options: Mapping[str, str] | None) -> list[str]:
    """What lies in the folder of a table, without what systems put into every folder.

    Raises:
        OSError: it is no folder, or cannot be read.
    """
    if is_remote(uri):
        inside = store(uri, options).get_file_info(pafs.FileSelector("", allow_not_found=True))
        names = {info.path.strip("/").split("/")[0] for info in inside}
    else:
        folder = Path(uri).expanduser()
        names = set(os.listdir(folder)) if folder.exists() else set()
    return sorted(name for name in names if name[:1] != "." and name != "lost+found")


def expect_writable(uri: str) -> None:
    """A folder of this machine, or the nearest above it that is there, can be written.

    Raises:
        OSError: it is no folder, or nobody lets us.
    """
    if is_remote(uri):
        return
    place = Path(uri).expanduser().absolute()
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _writer(stream: Any) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        stream,
        _FILE_SCHEMA,
        compression="zstd",
        compression_level=3,
        use_dictionary=_TEXT,
        column_encoding=_ENCODINGS,
    )


class Written(NamedTuple):
    """A file that no log names yet."""

    path: str
    size: int
    campaign: str
    statistics: str

    def as_action(self, data_change: bool) -> AddAction:
        """What names it in the log."""
        now = int(time.time() * 1000)
        whose = {"campaign": self.campaign}
        return AddAction(self.path, self.size, whose, now, data_change, self.statistics)


@dataclass
class _Statistics:
    """Rows, nulls and ranges of a file, as the log keeps them."""

    rows: int = 0
    nulls: dict[str, int] = field(default_factory=dict)
    least: dict[str, Any] = field(default_factory=dict)
    most: dict[str, Any] = field(default_factory=dict)

    def add(self, rows: pa.Table) -> None:
        self.rows += len(rows)
        for name in _FILE_SCHEMA.names:
            self.nulls[name] = self.nulls.get(name, 0) + rows[name].null_count
        for name in _COUNTED:
            if rows[name].null_count < len(rows):
                self._widen(name, pc.min_max(rows[name]).as_py())

    def _widen(self, name: str, span: Mapping[str, Any]) -> None:
        self.least[name] = min(self.least.get(name, span["min"]), span["min"])
        self.most[name] = max(self.most.get(name, span["max"]), span["max"])

    def as_json(self) -> str:
        return json.dumps(
            {
                "numRecords": self.rows,
                "minValues": self.least,
                "maxValues": self.most,
                "nullCount": self.nulls,
            }
        )
