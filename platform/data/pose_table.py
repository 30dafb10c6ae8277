"""The pose table: a Delta Lake table of seeds and evolved poses, versioned, with lineage.

One commit holds one generation of one campaign, whole or not at all, rows sorted by id. The commit
carries a Delta application transaction (campaign, generation), which is checked on the very
snapshot that the commit starts from: a driver that was believed dead and comes back late finds its
generation there and writes nothing. Training and MLflow refer to versions.

Delta protocol: https://github.com/delta-io/delta/blob/master/PROTOCOL.md, through delta-rs.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import (
    CommitProperties,
    DeltaTable,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.files import atomic_file
from evoskeleton.platform.data.pose_rows import PoseRows

if TYPE_CHECKING:
    from torch import Tensor

_NUMBERS = 3 * len(JOINT_NAMES)
SCHEMA = pa.schema(
    [
        pa.field("campaign", pa.string(), nullable=False),
        pa.field("id", pa.int64(), nullable=False),
        pa.field("generation", pa.int32(), nullable=False),
        pa.field("island", pa.int32(), nullable=False),
        pa.field("mother", pa.int64()),
        pa.field("father", pa.int64()),
        pa.field("operator", pa.string(), nullable=False),
        pa.field("subject", pa.string()),
        pa.field("clip", pa.string()),
        pa.field("pose", pa.list_(pa.float32()), nullable=False),
        pa.field("margin", pa.float32()),
        pa.field("error", pa.float32()),
        pa.field("disagreement", pa.float32()),
        pa.field("novelty", pa.float32()),
        pa.field("outside", pa.float32()),
        pa.field("lifter", pa.string()),
        pa.field("why", pa.string()),
        pa.field("replaces", pa.int64()),
        pa.field("camera_pitch_deg", pa.float32()),
        pa.field("body_height_mm", pa.float32()),
        pa.field("retires", pa.list_(pa.int64())),
        pa.field("distance", pa.float32()),
        pa.field("target", pa.int32()),
        pa.field("view", pa.int32()),
    ]
)
"""`pose` is 51 float32, joint-major x y z, world mm, z up; `margin` degrees inside the joint
limits; `error` and `disagreement` mm; `novelty` mm a joint; `outside` a share; `lifter` the weight
hash of the lifter that scored; `why` the row is there; `replaces` the id of the row whose place it
took, `retires` the ids of further rows that left with it; `distance` how far the pose is from the
keypoint set `target` of the campaign's target, and `view` the virtual view in which it was so near;
`camera_pitch_deg` and `body_height_mm` what was assumed of a pose that somebody annotated.
Parents are null for seeds, scores where nothing has scored, subject and clip for offspring.

Nothing is deleted: a row that was replaced stays, and `poses` and `snapshot` leave it out."""

_LATER = ("retires", "distance", "target", "view")
"""Columns that tables of earlier versions lack: they come with the next commit, null until then."""

CONFIGURATION = {"delta.appendOnly": "true", "delta.enableExpiredLogCleanup": "false"}
"""Trainings and MLflow refer to versions for ever: no row is changed, no log entry is dropped."""

_ATTEMPTS = 20
_BATCH = 16384
_ROW_GROUP = 65536


class PoseTable:
    """A pose table by its URI; every call looks at the table as it is then."""

    def __init__(self, uri: str | Path, storage_options: Mapping[str, str] | None = None) -> None:
        """Nothing is touched; see `create` and `open`."""
        self.uri = str(uri)
        self._options = dict(storage_options) if storage_options else None

    @classmethod
    def create(
        cls, uri: str | Path, storage_options: Mapping[str, str] | None = None
    ) -> "PoseTable":
        """The table, made where there is none.

        Raises:
            BadInput: the place cannot be written, or holds a table of another kind.
        """
        table = cls(uri, storage_options)
        with _in_a_sentence(f"the pose table {uri} cannot be written"):
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
        wanted = (name for name in SCHEMA.names if name not in _LATER)
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
        generation: int | None = self._at(None).transaction_version(_application(campaign))
        return generation

    def commit(self, campaign: str, generation: int, rows: PoseRows) -> int:
        """Append one generation, once.

        Args:
            campaign: whose rows these are.
            generation: one more than the last, 0 for the seeds.
            rows: its rows, in any order.

        Returns:
            The version with which the generation came in, now or earlier.

        Raises:
            BadInput: the rows are of another generation, or the storage cannot be written; the
                last whole generation stands.
        """
        sorted_rows = _as_arrow(campaign, generation, rows)
        application = _application(campaign)
        for _ in range(_ATTEMPTS):
            table = self._at(None)
            done = table.transaction_version(application)
            if done is not None and done >= generation:
                return _version_of(table, campaign, generation)
            try:
                with _in_a_sentence(f"generation {generation} cannot be written to {self.uri}"):
                    _append(table, sorted_rows, campaign, generation)
            except CommitFailedError:
                continue
            return int(table.version())
        raise BadInput(
            f"{self.uri}: others kept writing; generation {generation} was not committed"
        )

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
        dataset = _dataset(self._at(version))
        return dataset.to_table(columns=columns, filter=_of(campaign))

    def chosen(
        self, columns: Sequence[str], version: int | None = None, campaign: str | None = None
    ) -> pa.Table:
        """Columns of the rows that were not replaced, sorted by id.

        Raises:
            BadInput: the version or a column is not there.
        """
        table = self._at(version)
        rows = self.read(sorted({*columns, "campaign", "id"}), table.version(), campaign)
        retired = _retired(table, campaign)
        stays = np.ones(len(rows), bool)
        for name in retired["campaign"].unique().to_pylist():
            gone = np.isin(rows["id"].to_numpy(), _ids_of(retired, name))
            stays &= ~(gone & pc.equal(rows["campaign"], name).to_numpy())
        rows = rows.filter(pa.array(stays))
        order = np.argsort(rows["id"].to_numpy(), kind="stable")
        return rows.select(columns).take(order)

    def poses(self, version: int | None = None, campaign: str | None = None) -> np.ndarray:
        """(rows, 17, 3) float32 world mm of the rows that were not replaced, sorted by id."""
        return np.array(as_poses(self.chosen(["pose"], version, campaign)["pose"]))

    def poses_of(self, ids: np.ndarray, campaign: str) -> np.ndarray:
        """(ids, 17, 3) float32 world mm of some rows of a campaign, in order of the ids.

        Raises:
            BadInput: a row is not there.
        """
        wanted = pc.field("id").isin(pa.array(ids, pa.int64()))
        dataset = _dataset(self._at(None))
        rows = dataset.to_table(columns=["id", "pose"], filter=_of(campaign) & wanted)
        there = rows["id"].to_numpy()
        order = there.argsort(kind="stable")
        places = order[np.searchsorted(there[order], ids).clip(max=max(len(there) - 1, 0))]
        if len(there) < len(np.unique(ids)) or not np.array_equal(there[places], ids):
            raise BadInput(f"{self.uri} lacks rows of campaign {campaign} that should be there")
        poses: np.ndarray = as_poses(rows["pose"])[places]
        return poses

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
        with _in_a_sentence(f"the snapshot {path} cannot be written"), atomic_file(path) as file:
            self._write_npy(file, version, campaign, without)
        return path

    def _write_npy(
        self, file: BinaryIO, version: int, campaign: str | None, without: np.ndarray | None
    ) -> None:
        table = self._at(version)
        parts = _parts(table, campaign)
        retired = _retired(table, campaign)
        gone = {name: _ids_of(retired, name) for name in {part.campaign for part in parts}}
        if campaign is not None and without is not None:
            gone[campaign] = np.union1d(gone.get(campaign, without), without)
        left_out = sum(len(ids) for ids in gone.values())
        shape = (sum(part.rows for part in parts) - left_out, len(JOINT_NAMES), 3)
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        fragments = {_key(f.path): f for f in _dataset(table).get_fragments()}
        for run in _runs(parts):
            read = [(fragments[_key(part.path)], gone[part.campaign]) for part in run]
            for poses in _in_order(read):
                file.write(poses.astype("<f4", copy=False).tobytes())

    def info(self, version: int | None = None) -> dict[str, Any]:
        """Version, rows, bytes, and rows by campaign, generation and operator."""
        table = self._at(version)
        sizes = pa.table(table.get_add_actions(flatten=True))["size_bytes"]
        return {
            "table": self.uri,
            "version": table.version(),
            "rows": table.count(),
            "bytes": pc.sum(sizes).as_py() or 0,
            **_counts(table, ("campaign", "generation", "operator")),
        }

    def _at(self, version: int | None) -> DeltaTable:
        try:
            return DeltaTable(self.uri, version=version, storage_options=self._options)
        except TableNotFoundError:
            raise BadInput(f"there is no pose table at {self.uri}") from None
        except DeltaError as error:
            at = "" if version is None else f", version {version}"
            raise BadInput(f"pose table {self.uri}{at}: {_line(error)}") from None


def _application(campaign: str) -> str:
    return f"evoskeleton/{campaign}"


def _of(campaign: str | None) -> Any:
    return None if campaign is None else pc.field("campaign") == campaign


def as_poses(poses: Any) -> np.ndarray:
    """(rows, 17, 3) float32 of a column of poses, without a copy where it is one piece."""
    whole = poses.combine_chunks() if isinstance(poses, pa.ChunkedArray) else poses
    return np.asarray(whole.flatten()).reshape(-1, len(JOINT_NAMES), 3)


def _counts(table: DeltaTable, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Rows by value of each column, a batch at a time."""
    counts: dict[str, Counter[Any]] = {name: Counter() for name in names}
    for batch in _dataset(table).to_batches(columns=list(names)):
        for name in names:
            for pair in pc.value_counts(batch[name]).to_pylist():
                counts[name][pair["values"]] += pair["counts"]
    return {
        f"rows_by_{name}": {str(key): counts[name][key] for key in sorted(counts[name])}
        for name in names
    }


def _append(table: DeltaTable, rows: pa.Table, campaign: str, generation: int) -> None:
    write_deltalake(
        table,
        rows,
        mode="append",
        schema_mode="merge" if _lacks_columns(table) else None,
        commit_properties=CommitProperties(
            app_transactions=[Transaction(_application(campaign), generation)],
            custom_metadata={"campaign": campaign, "generation": str(generation)},
            max_commit_retries=0,
        ),
        writer_properties=WriterProperties(max_row_group_size=_ROW_GROUP),
    )


def _lacks_columns(table: DeltaTable) -> bool:
    """Whether a table of an earlier version is to get the columns of this one."""
    names = {field.name for field in table.schema().fields}
    return any(name not in names for name in _LATER)


def _version_of(table: DeltaTable, campaign: str, generation: int) -> int:
    """The version with which a generation came in, from the log."""
    entries = table.history()[::-1]  # numbered here: their own numbers shift while others write
    for version, entry in enumerate(entries):
        if (entry.get("campaign"), entry.get("generation")) == (campaign, str(generation)):
            return version
    raise BadInput(
        f"generation {generation} of campaign {campaign} was never committed to {table.table_uri},"
        f" and a later one was"
    )


class _Part(NamedTuple):
    """A data file of the table: its path, its rows, the range of their ids, whose they are."""

    path: str
    rows: int
    first: int
    last: int
    campaign: str


def _parts(table: DeltaTable, campaign: str | None) -> list[_Part]:
    """The files of a campaign by their first id, from the log alone."""
    actions = pa.table(table.get_add_actions(flatten=True))
    names = ["path", "num_records", "min.id", "max.id", "partition.campaign"]
    rows = zip(*(actions[name].to_pylist() for name in names), strict=True) if actions else ()
    parts = [_Part(*row) for row in rows if campaign in (None, row[4])]
    return sorted(parts, key=lambda part: (part.first, part.path))


def _runs(parts: list[_Part]) -> Iterator[list[_Part]]:
    """Neighbouring files whose ranges of ids overlap: they have to be sorted together."""
    run: list[_Part] = []
    last = -1
    for part in parts:
        if run and part.first > last:
            yield run
            run, last = [], -1
        run.append(part)
        last = max(last, part.last)
    if run:
        yield run


def _in_order(read: Sequence[tuple[Any, np.ndarray]]) -> Iterator[np.ndarray]:
    """Poses of files whose ids overlap, sorted by id; a single file is sorted as it lies.

    Each file comes with the sorted ids of rows to leave out.
    """
    if len(read) > 1:
        rows = pa.concat_tables(
            _kept(part.to_table(columns=["id", "pose"]), gone) for part, gone in read
        )
        yield as_poses(rows["pose"])[np.argsort(rows["id"].to_numpy(), kind="stable")]
        return
    fragment, gone = read[0]
    columns = ["id", "pose"] if len(gone) else ["pose"]
    for batch in fragment.to_batches(
        columns=columns, batch_size=_BATCH, batch_readahead=1, fragment_readahead=1
    ):
        yield as_poses(_kept(batch, gone)["pose"])


def _kept(rows: Any, gone: np.ndarray) -> Any:
    """Rows of an Arrow table or batch whose ids are not among the sorted `gone`."""
    return rows.filter(pa.array(~np.isin(rows["id"].to_numpy(), gone))) if len(gone) else rows


def _retired(table: DeltaTable, campaign: str | None) -> pa.Table:
    """`campaign` and `id` of all rows that left for others."""
    there = pc.field("replaces").is_valid() | pc.field("retires").is_valid()
    whose = there if campaign is None else there & _of(campaign)
    rows = _dataset(table).to_table(columns=["campaign", "replaces", "retires"], filter=whose)
    replaced = rows.select(["campaign", "replaces"]).filter(pc.is_valid(rows["replaces"]))
    owners = rows["campaign"].take(pc.list_parent_indices(rows["retires"]))
    further = pa.table({"campaign": owners, "id": pc.list_flatten(rows["retires"])})
    replaced = replaced.rename_columns(["campaign", "id"])
    return pa.concat_tables([replaced, further.cast(replaced.schema)])


def _dataset(table: DeltaTable) -> Any:
    """The data with all columns of today; those of later versions are null where they lack."""
    dataset = table.to_pyarrow_dataset()
    names = set(dataset.schema.names)
    lacking = [SCHEMA.field(name) for name in _LATER if name not in names]
    return dataset.replace_schema(pa.schema([*dataset.schema, *lacking])) if lacking else dataset


def _ids_of(retired: pa.Table, campaign: str) -> np.ndarray:
    return np.sort(retired.filter(pc.field("campaign") == campaign)["id"].to_numpy())


def _key(path: str) -> str:
    """A data file's own name: it holds a UUID, and folders are escaped in more than one way."""
    return path.rsplit("/", 1)[-1]


def _as_arrow(campaign: str, generation: int, rows: PoseRows) -> pa.Table:
    """The rows in the table's schema, sorted by id."""
    if rows.generation is not None and (rows.generation != generation).any():
        raise BadInput(
            f"rows of generation {generation} should be committed, got some of another generation"
        )
    count = len(rows)
    fixed = {
        "campaign": np.full(count, campaign),
        "generation": np.full(count, generation, np.int32),
        "island": np.zeros(count, np.int32),
    }
    order = np.argsort(rows.id, kind="stable")
    given = fixed | rows.columns()
    poses = given.pop("poses")
    arrays = {name: pa.array(part[order], from_pandas=True) for name, part in given.items()}
    arrays["pose"] = pa.ListArray.from_arrays(
        pa.array(np.arange(0, _NUMBERS * count + 1, _NUMBERS, dtype=np.int32)),
        pa.array(np.ascontiguousarray(poses[order], dtype=np.float32).reshape(-1)),
    )
    for name in ("mother", "father", "replaces"):
        if name in arrays:
            known = pc.greater_equal(arrays[name], 0)
            arrays[name] = pc.if_else(known, arrays[name], pa.scalar(None, pa.int64()))
    return pa.table(
        [
            arrays[field.name].cast(field.type)
            if field.name in arrays
            else pa.nulls(count, field.type)
            for field in SCHEMA
        ],
        schema=SCHEMA,
    )


@contextmanager
def _in_a_sentence(what: str) -> Iterator[None]:
    """Turn a storage's refusal into one sentence; a lost race stays what it is."""
    try:
        yield
    except CommitFailedError:
        raise
    except (OSError, DeltaError) as error:
        raise BadInput(f"{what}: {_line(error)}") from error


def _line(error: Exception) -> str:
    """An error in one line, without the colours and arrows that the library draws."""
    plain = re.sub(r"\x1b\[[0-9;]*m|↳", " ", str(error))
    return " ".join(plain.split()) or type(error).__name__
