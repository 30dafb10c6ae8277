"""Rows of many files in one order: by id, and of equal ids by campaign, however the files lie.

Files are sorted inside (but those that another program compacted), and their ranges of ids are in
the log, so rows are merged a batch at a time: memory grows with the files that overlap, never with
the table.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from evoskeleton.platform.data.table.parts import Part
from evoskeleton.platform.data.table.schema import SCHEMA

BATCH = 16384


@dataclass
class _Head:
    """The next rows of a file, sorted by id, and where more come from."""

    campaign: str
    ids: np.ndarray
    rows: pa.Table
    more: Iterator[pa.Table]

    def until(self, bound: int) -> pa.Table:
        """Take the rows up to an id."""
        count = int(np.searchsorted(self.ids, bound, side="right"))
        taken, self.rows, self.ids = self.rows[:count], self.rows[count:], self.ids[count:]
        return taken

    def filled(self) -> bool:
        """Whether there are rows, fetched where those in hand are used up."""
        while not len(self.ids):
            rows = next(self.more, None)
            if rows is None:
                return False
            self.rows, self.ids = rows, rows["id"].to_numpy()
        return True


def in_order(
    parts: Sequence[Part],
    opened: Callable[[Part], Any],
    columns: Sequence[str],
    gone: Mapping[str, np.ndarray],
) -> Iterator[pa.Table]:
    """The rows of some files by (id, campaign), a few thousand at a time.

    Args:
        parts: the files, by their first id.
        opened: a file as a fragment of an Arrow data set.
        columns: what to read; `id` is read as well.
        gone: by campaign, the sorted ids of rows to leave out.
    """
    names = [*dict.fromkeys([*columns, "id"])]
    waiting = list(parts)[::-1]
    heads: list[_Head] = []
    while waiting or heads:
        while waiting and (not heads or waiting[-1].first <= _bound(heads)):
            part = waiting.pop()
            head = _head(part, opened(part), names, gone)
            heads += [head] if head.filled() else []
        if heads:
            yield _merged(heads, _bound(heads))
            heads = [head for head in heads if head.filled()]


def _bound(heads: Sequence[_Head]) -> int:
    """Up to here all rows are in hand."""
    return min(int(head.ids[-1]) for head in heads)


def _merged(heads: Sequence[_Head], bound: int) -> pa.Table:
    by_campaign = sorted(heads, key=lambda head: head.campaign)
    taken = [rows for head in by_campaign if len(rows := head.until(bound))]
    if len(taken) == 1:
        return taken[0]
    rows = pa.concat_tables(taken)
    return rows.take(np.argsort(rows["id"].to_numpy(), kind="stable"))


def _head(part: Part, fragment: Any, names: Sequence[str], gone: Mapping[str, np.ndarray]) -> _Head:
    left_out = gone.get(part.campaign, _NONE)
    more = (_kept(rows, left_out) for rows in _sorted_inside(fragment, names))
    return _Head(part.campaign, _NONE, SCHEMA.empty_table(), more)


_NONE = np.empty(0, np.int64)


def _sorted_inside(fragment: Any, names: Sequence[str]) -> Iterator[pa.Table]:
    """A file's rows by id; one that does not lie so is read whole."""
    ids = fragment.to_table(schema=SCHEMA, columns=["id"])["id"].to_numpy()
    if (ids[1:] >= ids[:-1]).all():
        for batch in fragment.to_batches(
            schema=SCHEMA,
            columns=names,
            batch_size=BATCH,
            batch_readahead=1,
            fragment_readahead=1,
        ):
            yield pa.Table.from_batches([batch])
        return
    rows = fragment.to_table(schema=SCHEMA, columns=names).combine_chunks()
    order = np.argsort(ids, kind="stable")
    for start in range(0, len(order), BATCH):
        yield rows.take(order[start : start + BATCH])


def _kept(rows: pa.Table, gone: np.ndarray) -> pa.Table:
    """Rows whose ids are not among the sorted `gone`."""
    if not len(gone):
        return rows
    ids = rows["id"].to_numpy()
    places = np.searchsorted(gone, ids).clip(max=len(gone) - 1)
    return rows.filter(pa.array(gone[places] != ids))
