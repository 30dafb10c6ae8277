"""The pose table: a Delta Lake table of seeds and evolved poses, versioned, with lineage.

One commit holds one generation of one campaign, whole or not at all, rows sorted by id. The commit
carries a Delta application transaction (campaign, generation), which is checked on the very
snapshot that the commit starts from: a driver that was believed dead and comes back late finds its
generation there and writes nothing. Training and MLflow refer to versions.

Delta protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md, through delta-rs.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.origin import Origin, as_origins, as_text
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.data.table import upkeep
from evoskeleton.platform.data.table.commit import application, begun, commit_once, told_with
from evoskeleton.platform.data.table.counts import counts
from evoskeleton.platform.data.table.fence import Fence
from evoskeleton.platform.data.table.in_order import in_order
from evoskeleton.platform.data.table.made_once import made_once
from evoskeleton.platform.data.table.parts import (
    Files,
    Written,
    expect_writable,
    may_hold,
    names_in,
    parts_of,
)
from evoskeleton.platform.data.table.refusals import (
    gone_in_a_sentence,
    in_a_line,
    in_a_sentence,
    kind_of,
    patiently,
)
from evoskeleton.platform.data.table.retired import retired
from evoskeleton.platform.data.table.rows import as_poses, as_tables, refuse_strangers
from evoskeleton.platform.data.table.schema import CONFIGURATION, LATER, SCHEMA
from evoskeleton.platform.data.table.storage import options_for

__all__ = ["SCHEMA", "PoseTable", "as_poses", "refuse_other_things"]

if TYPE_CHECKING:
    from torch import Tensor

_ORIGINS = "origins"


class PoseTable:
    """A pose table by its URI; every call looks at the table as it is then."""

    def __init__(self, uri: str | Path, storage_options: Mapping[str, str] | None = None) -> None:
        """Nothing is touched; see `create` and `open`.

        Raises:
            BadInput: the options would let two writers lose rows.
        """
        self.uri = str(uri)
        self._options = options_for(self.uri, storage_options)
        self._fences: dict[str, Fence] = {}

    @classmethod
    def create(
        cls, uri: str | Path, storage_options: Mapping[str, str] | None = None
    ) -> "PoseTable":
        """The table, made where there is none.

        Raises:
            BadInput: the place cannot be written, or holds a table of another kind.
        """
        table = cls(uri, storage_options)
        with in_a_sentence(f"the pose table {uri} cannot be written"):
            DeltaTable.create(
                table.uri,
                SCHEMA,
                mode="ignore",
                partition_by=["campaign"],
                configuration=CONFIGURATION,
                storage_options=table._options,
                name="poses",
            )
        return cls.open(uri, storage_options)

    @classmethod
    def open(cls, uri: str | Path, storage_options: Mapping[str, str] | None = None) -> "PoseTable":
        """A table that is there.

        Raises:
            BadInput: there is none, or its columns are not those of a pose table.
        """
        table = cls(uri, storage_options)
        names = {field.name for field in table._at(None).schema().fields}
        wanted = (name for name in SCHEMA.names if name not in LATER)
        if missing := [name for name in wanted if name not in names]:
            raise BadInput(f"{uri} is no pose table: it has no column {missing[0]}")
        if table._at(None).metadata().partition_columns != ["campaign"]:
            raise BadInput(f"{uri} is no pose table: it is not partitioned by campaign")
        return table

    @property
    def version(self) -> int:
        """The newest version."""
        return int(self._at(None).version())

    def committed_generation(self, campaign: str) -> int | None:
        """The last generation of a campaign that is in the table."""
        generation: int | None = self._at(None).transaction_version(application(campaign))
        return generation

    def claim(self, campaign: str) -> None:
        """Commit generations of the campaign through this object alone from now on.

        Whoever claimed it before is refused at the next commit.

        Raises:
            BadInput: the storage cannot be written.
        """
        with in_a_sentence(f"campaign {campaign} cannot be written to {self.uri}"):
            self._fences[campaign] = begun(self._at, campaign)

    def commit(
        self,
        campaign: str,
        generation: int,
        rows: PoseRows,
        origins: Sequence[Origin] | None = None,
    ) -> int:
        """Append one generation, once.

        Args:
            campaign: whose rows these are.
            generation: one more than the last, 0 for the seeds.
            rows: its rows, in any order.
            origins: where its real poses are from; kept in the log.

        Returns:
            The version with which the generation came in, now or earlier.

        Raises:
            BadInput: the rows are of another generation, the storage cannot be written, or
                somebody else has claimed the campaign since this object did; the last whole
                generation stands.
        """
        refuse_strangers(generation, rows)
        told = {_ORIGINS: as_text(origins)} if origins else {}
        return patiently(lambda: self._commit(campaign, generation, rows, told))

    def _commit(
        self, campaign: str, generation: int, rows: PoseRows, told: Mapping[str, str]
    ) -> int:
        """Append one generation, once; however often it is tried."""
        files = Files(self.uri, self._options)

        def write() -> Written | None:
            name = f"g{generation:06d}"
            return files.write(campaign, name, as_tables(campaign, generation, rows))

        with in_a_sentence(f"generation {generation} cannot be written to {self.uri}"):
            return commit_once(
                self._at,
                files,
                campaign,
                generation,
                write if len(rows) else lambda: None,
                self._fences.get(campaign),
                told,
            )

    def campaigns(self) -> list[str]:
        """Names of the campaigns that the table holds rows of."""
        return sorted({part.campaign for part in parts_of(self._at(None))})

    def origins(self, campaign: str) -> list[Origin]:
        """Where a campaign's real poses are from; nothing where its seeds came without a word."""
        table = self._at(None)
        return as_origins(told_with(table, campaign, 0, _ORIGINS) or "[]")

    def count(self, version: int | None = None) -> int:
        """Rows, from the table's log alone."""
        return int(self._at(version).count())

    def read(
        self,
        columns: Sequence[str] | None = None,
        version: int | None = None,
        campaign: str | None = None,
    ) -> pa.Table:
        """Columns as an Arrow table, in no promised order.

        Raises:
            BadInput: the version or a column is not there.
        """
        if unknown := [name for name in columns or [] if name not in SCHEMA.names]:
            raise BadInput(f"a pose table has no column {unknown[0]}")
        table = self._at(version)
        with gone_in_a_sentence(self.uri, table.version()):
            return _dataset(table).to_table(columns=columns, filter=_of(campaign))

    def chosen(
        self, columns: Sequence[str], version: int | None = None, campaign: str | None = None
    ) -> pa.Table:
        """Columns of the rows that were not replaced, sorted by id.

        Raises:
            BadInput: the version or a column is not there.
        """
        if unknown := [name for name in columns if name not in SCHEMA.names]:
            raise BadInput(f"a pose table has no column {unknown[0]}")
        kept = [rows.select(columns) for rows in self._kept(columns, version, campaign)]
        none = SCHEMA.empty_table().select(columns)
        return pa.concat_tables(kept) if kept else none

    def poses(self, version: int | None = None, campaign: str | None = None) -> np.ndarray:
        """(rows, 17, 3) float32 world mm of the rows that were not replaced, sorted by id."""
        table = self._at(version)
        rows = sum(part.rows for part in parts_of(table, campaign))
        poses = np.empty((rows, len(JOINT_NAMES), 3), np.float32)
        place = 0
        for kept in self._kept(["pose"], table.version(), campaign):
            poses[place : place + len(kept)] = as_poses(kept["pose"])
            place += len(kept)
        return poses[:place]

    def _kept(
        self,
        columns: Sequence[str],
        version: int | None,
        campaign: str | None,
        without: np.ndarray | None = None,
    ) -> Iterator[pa.Table]:
        """Rows that were not replaced, by (id, campaign), a few thousand at a time."""
        table = self._at(version)
        parts = parts_of(table, campaign)
        files = Files(self.uri, self._options)
        with gone_in_a_sentence(self.uri, table.version()):
            gone = retired(parts, files.fragment)
            if campaign is not None and without is not None:
                gone[campaign] = np.union1d(gone.get(campaign, without), without)
            yield from in_order(parts, files.fragment, columns, gone)

    def poses_of(self, ids: np.ndarray, campaign: str) -> np.ndarray:
        """(ids, 17, 3) float32 world mm of some rows of a campaign, in order of the ids.

        Raises:
            BadInput: a row is not there.
        """
        rows = patiently(lambda: self._rows_of(np.unique(ids), campaign))
        there = rows["id"].to_numpy()
        order = there.argsort(kind="stable")
        places = order[np.searchsorted(there[order], ids).clip(max=max(len(there) - 1, 0))]
        if len(there) < len(np.unique(ids)) or not np.array_equal(there[places], ids):
            raise BadInput(f"{self.uri} lacks rows of campaign {campaign} that should be there")
        poses: np.ndarray = as_poses(rows["pose"])[places]
        return poses

    def _rows_of(self, wanted: np.ndarray, campaign: str) -> pa.Table:
        """`id` and `pose` of the rows of some sorted ids, out of the files that may hold them."""
        with in_a_sentence(f"the pose table {self.uri} cannot be read"):
            return self._looked_up(wanted, campaign)

    def _looked_up(self, wanted: np.ndarray, campaign: str) -> pa.Table:
        files = Files(self.uri, self._options)
        condition = pc.field("id").isin(pa.array(wanted, pa.int64()))
        names = ["id", "pose"]
        found = [SCHEMA.empty_table().select(names)]
        for part in parts_of(self._at(None), campaign):
            if np.searchsorted(wanted, part.first) < np.searchsorted(wanted, part.last, "right"):
                fragment = files.fragment(part)
                if groups := may_hold(fragment, wanted):
                    some = fragment.subset(row_group_ids=groups)
                    found.append(some.to_table(schema=SCHEMA, columns=names, filter=condition))
        return pa.concat_tables(found)

    def as_torch(self, version: int | None = None, campaign: str | None = None) -> "Tensor":
        """(rows, 17, 3) float32 world mm, sorted by id."""
        import torch

        return torch.from_numpy(self.poses(version, campaign))

    def snapshot(
        self,
        path: Path,
        version: int,
        campaign: str | None = None,
        without: np.ndarray | None = None,
    ) -> Path:
        """One .npy file of (rows, 17, 3) float32, sorted by id, to be mapped into memory.

        Rows that were replaced are left out, and of one campaign the ids `without`. Poses pass
        through a batch at a time, so memory does not grow with the table. The file appears under
        its name when it is complete; one that is there stays.
        """
        path = Path(path)
        if path.exists():
            return path
        patiently(lambda: self._make_snapshot(path, version, campaign, without))
        return path

    def _make_snapshot(
        self, path: Path, version: int, campaign: str | None, without: np.ndarray | None
    ) -> None:
        sentence = f"the snapshot {path} cannot be written"
        with in_a_sentence(sentence), made_once(path) as file:
            if file is not None:
                self._write_npy(file, version, campaign, without)

    def _write_npy(
        self, file: BinaryIO, version: int, campaign: str | None, without: np.ndarray | None
    ) -> None:
        most = sum(part.rows for part in parts_of(self._at(version), campaign))
        _write_header(file, most)
        start, rows = file.tell(), 0
        for kept in self._kept(["pose"], version, campaign, without):
            file.write(as_poses(kept["pose"]).astype("<f4", copy=False).tobytes())
            rows += len(kept)
        file.seek(0)
        _write_header(file, rows)
        if file.tell() != start:
            raise AssertionError("numpy leaves room for any number of rows")

    def info(self, version: int | None = None) -> dict[str, Any]:
        """Version, rows, bytes, and rows by campaign, generation and operator."""
        table = self._at(version)
        parts = parts_of(table)
        with gone_in_a_sentence(self.uri, table.version()):
            counted = counts(parts, Files(self.uri, self._options).fragment)
        return {
            "table": self.uri,
            "version": table.version(),
            "rows": table.count(),
            "bytes": sum(part.size for part in parts),
            **counted,
        }

    def compact(self, campaign: str | None = None) -> tuple[int, int]:
        """Join small files; rows, their order and older versions stay as they are.

        Args:
            campaign: the only one whose files are joined; None: all are.

        Returns:
            How many files were joined, and into how many.

        Raises:
            BadInput: the storage cannot be read or written.
        """
        with in_a_sentence(f"the pose table {self.uri} cannot be compacted"):
            return upkeep.compact(self._at, Files(self.uri, self._options), campaign)

    def vacuum(self, keep: Sequence[int] = (), hours: int = 168, dry_run: bool = True) -> list[str]:
        """Remove files that neither the newest version nor those to be kept need.

        Args:
            keep: versions that stay readable.
            hours: what is younger stays; writers that are at work need some hours.
            dry_run: only tell.

        Returns:
            The paths of the files.

        Raises:
            BadInput: the storage cannot be read or written.
        """
        with in_a_sentence(f"the pose table {self.uri} cannot be vacuumed"):
            return upkeep.vacuum(self._at(None), keep, hours, dry_run)

    def vacuum_own(self, campaign: str, keep: Sequence[int], hours: int) -> int:
        """Remove files of one campaign that neither the newest version nor those to be kept need.

        No other campaign's file is touched, so versions that only they refer to stay as they are.

        Args:
            campaign: whose files they are; this process alone writes them.
            keep: versions that its trainings read.
            hours: what came or left later than so long ago stays, for readers at work.

        Returns:
            How many.

        Raises:
            BadInput: the storage cannot be read or written.
        """
        with in_a_sentence(f"the pose table {self.uri} cannot be vacuumed"):
            files = Files(self.uri, self._options)
            return upkeep.vacuum_own(self._at(None), files, campaign, keep, hours)

    def history(self) -> list[dict[str, Any]]:
        """What each version brought, oldest first."""
        return upkeep.history(self._at(None))

    def _at(self, version: int | None) -> DeltaTable:
        try:
            return DeltaTable(self.uri, version=version, storage_options=self._options)
        except TableNotFoundError:
            raise BadInput(f"there is no pose table at {self.uri}") from None
        except (DeltaError, OSError) as error:
            at = "" if version is None else f", version {version}"
            kind = kind_of(error)
            raise kind(f"pose table {self.uri}{at}: {in_a_line(error)}") from None


def refuse_other_things(uri: str | Path, storage_options: Mapping[str, str] | None = None) -> bool:
    """A folder for a pose table is absent, empty, or a pose table, and can be written.

    Returns:
        Whether there is a table.

    Raises:
        BadInput: it holds other things, or cannot be looked at or written.
    """
    with in_a_sentence(f"the pose table {uri} cannot be written"):
        expect_writable(str(uri))
    with in_a_sentence(f"the pose table {uri} cannot be read"):
        names = names_in(str(uri), options_for(str(uri), storage_options))
    if names and "_delta_log" not in names:
        raise BadInput(
            f"{uri} is no pose table and holds other things ({', '.join(names[:3])}): "
            f"a pose table wants a folder of its own"
        )
    return bool(names)


def _of(campaign: str | None) -> Any:
    return None if campaign is None else pc.field("campaign") == campaign


def _write_header(file: BinaryIO, rows: int) -> None:
    """The head of an npy file of poses; its length is the same for any number of rows."""
    shape = (rows, len(JOINT_NAMES), 3)
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _dataset(table: DeltaTable) -> Any:
    """The data with all columns of today; those of later versions are null where they lack."""
    dataset = table.to_pyarrow_dataset()
    names = set(dataset.schema.names)
    lacking = [SCHEMA.field(name) for name in LATER if name not in names]
    return dataset.replace_schema(pa.schema([*dataset.schema, *lacking])) if lacking else dataset
