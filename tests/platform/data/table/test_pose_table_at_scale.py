"""The pose table with many writers, many rows, and files that were joined."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from table_rows import replacing, rows

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.pose_table import SCHEMA, PoseTable, as_poses
from evoskeleton.platform.data.table.parts import Files, may_hold, parts_of
from evoskeleton.platform.data.table.rows import as_tables


def start(program: str, place: str) -> subprocess.Popen:
    """A process of its own that is told a place."""
    return subprocess.Popen(
        [sys.executable, "-c", program, place],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def table(tmp_path) -> PoseTable:
    return PoseTable.create(tmp_path / "poses")


def everything(table: PoseTable, folder: Path, campaign: str | None) -> list[bytes]:
    """What readers get of a campaign, as bytes."""
    path = table.snapshot(folder / f"{table.version}-{campaign}.npy", table.version, campaign)
    chosen = table.chosen(["id", "campaign", "operator", "error"], campaign=campaign)
    rows = repr(chosen.to_pydict()).encode()
    return [path.read_bytes(), table.poses(campaign=campaign).tobytes(), rows]


def files_of(table: PoseTable) -> set[str]:
    """The data files that lie in the table's folder."""
    return {path.name for path in Path(table.uri).rglob("*.parquet")} - {
        path.name for path in (Path(table.uri) / "_delta_log").iterdir()
    }


def known_files(table: PoseTable) -> set[str]:
    """The data files that its log names."""
    return {Path(uri).name for uri in DeltaTable(table.uri).file_uris()}


@pytest.mark.parametrize("campaign", ["a", "b", None])
def test_compaction_changes_neither_rows_nor_their_order(table, tmp_path, campaign):
    for generation in range(6):
        table.commit("b", generation, rows(generation))
        table.commit("a", generation, replacing(generation, [generation] if generation else []))
    before = everything(table, tmp_path, campaign)
    DeltaTable(table.uri).optimize.compact()
    assert len(known_files(table)) == 2
    assert everything(table, tmp_path, campaign) == before


def test_joining_the_files_of_one_campaign_leaves_those_of_others(table, tmp_path):
    for generation in range(3):
        for name in ("a", "b"):
            table.commit(name, generation, rows(generation))
    before = everything(table, tmp_path, None)
    assert table.compact("a") == (3, 1)
    assert len(known_files(table)) == 4 and everything(table, tmp_path, None) == before
    (joined,) = Path(table.uri).rglob("joined-*.parquet")
    assert pq.ParquetFile(joined).metadata.num_row_groups == 1


def test_ten_writers_at_once_write_every_row_once_and_leave_nothing_else(table):
    names = [f"campaign-{number}" for number in range(10)]

    def campaign(name: str) -> None:
        for generation in range(4):
            PoseTable.open(table.uri).commit(name, generation, rows(generation))

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(campaign, names))
    assert [table.committed_generation(name) for name in names] == [3] * 10
    assert table.info()["rows_by_campaign"] == dict.fromkeys(names, 80)
    assert files_of(table) == known_files(table)


def test_a_writer_that_lost_its_generation_takes_its_file_away(table):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: PoseTable.open(table.uri).commit("a", 0, rows(0, 500)), range(4)))
    assert table.count() == 500 and files_of(table) == known_files(table)


def test_rows_are_stored_smaller_than_their_numbers_and_come_back_bit_for_bit(table):
    given = rows(0, 20_000)
    table.commit("a", 0, given)
    assert table.info()["bytes"] < 0.95 * given.poses.nbytes
    assert np.array_equal(table.poses(), given.poses[np.argsort(given.id)])
    file = pq.ParquetFile(next(Path(table.uri).rglob("campaign=a/*.parquet")))
    group = file.metadata.row_group(0)
    assert {group.column(number).compression for number in range(group.num_columns)} == {"ZSTD"}


def test_a_table_of_an_earlier_version_is_read_and_gets_the_later_columns(tmp_path):
    early = [field for field in SCHEMA if field.name not in ("retires", "distance")]
    DeltaTable.create(str(tmp_path / "t"), pa.schema(early), partition_by=["campaign"])
    table = PoseTable.open(tmp_path / "t")
    assert table.chosen(["retires"]).num_rows == 0
    table.commit("a", 0, rows(0))
    table.commit("a", 1, rows(1).with_columns(distance=np.ones(20, np.float32)))
    assert table.chosen(["distance"])["distance"].to_pylist() == [None] * 20 + [1.0] * 20


def test_poses_of_some_rows_open_the_files_of_those_rows_alone(table):
    table.commit("a", 0, rows(0))
    others = known_files(table)
    table.commit("a", 1, rows(1))
    for path in Path(table.uri).rglob("*.parquet"):
        if path.name in others:
            path.unlink()
    ids = (1 << 40) + np.array([7, 3])
    assert table.poses_of(ids, "a").shape == (2, 17, 3)


def test_info_opens_no_file_whose_rows_the_log_tells(table):
    table.commit("a", 0, rows(0))
    table.commit("a", 1, rows(1))
    for path in Path(table.uri).rglob("*.parquet"):
        path.unlink()
    assert table.info()["rows_by_operator"] == {"crossover": 20, "seed": 20}


def test_info_counts_operators_that_share_a_file(table):
    mixed = np.where(np.arange(20) < 5, "mutation", "crossover")
    table.commit("a", 0, rows(0).with_columns(operator=mixed))
    assert table.info()["rows_by_operator"] == {"crossover": 15, "mutation": 5}


_PEAK = """
import sys
import pyarrow as pa
from evoskeleton.platform.data.pose_table import PoseTable
poses = PoseTable.open(sys.argv[1]).poses(campaign="a")
print(pa.default_memory_pool().max_memory() / poses.nbytes)
"""


def test_poses_take_no_more_than_about_twice_their_size(table):
    for generation in range(4):
        table.commit("a", generation, rows(generation, 40_000))
    peak, _ = start(_PEAK, table.uri).communicate()
    assert float(peak) < 1.0, "of Arrow, beside the result itself"


def test_rows_are_looked_up_in_the_row_groups_that_may_hold_them(table):
    for generation in range(4):
        table.commit("a", generation, rows(generation, 40_000))
    table.compact()
    (part,) = parts_of(DeltaTable(table.uri))
    fragment = Files(table.uri, None).fragment(part)
    assert fragment.num_row_groups == 3
    ids = np.array([5, (3 << 40) + 20_000])
    assert may_hold(fragment, ids) == [0, 2] and may_hold(fragment, np.array([1 << 50])) == []
    assert np.array_equal(table.poses_of(ids, "a"), table.poses()[[5, 140_000]])


def test_a_column_of_many_poses_is_never_in_one_piece(table):
    table.commit("a", 0, rows(0, 40_000))
    poses = table.chosen(["pose"])["pose"]
    assert poses.num_chunks > 1
    assert np.array_equal(as_poses(poses), table.poses())


def test_pieces_of_poses_come_back_as_one_array():
    numbers = pa.array(np.arange(51 * 6, dtype=np.float32))
    lists = pa.ListArray.from_arrays(pa.array(np.arange(0, 51 * 7, 51, dtype=np.int32)), numbers)
    pieces = pa.chunked_array([lists[1:3], lists[:0], lists[4:]])
    expected = np.asarray(numbers).reshape(6, 17, 3)[[1, 2, 4, 5]]
    assert np.array_equal(as_poses(pieces), expected)
    assert as_poses(pa.chunked_array([], lists.type)).shape == (0, 17, 3)


def test_a_snapshot_costs_little_more_where_much_was_replaced(table, tmp_path):
    table.commit("a", 0, rows(0, 300_000))

    def seconds(name: str, without: np.ndarray | None) -> float:
        before = time.process_time()
        table.snapshot(tmp_path / name, table.version, "a", without)
        return time.process_time() - before

    plain = seconds("all.npy", None)
    assert seconds("half.npy", np.arange(0, 300_000, 2)) < 3.0 * plain + 0.5
    assert len(np.load(tmp_path / "half.npy", mmap_mode="r")) == 150_000


def test_ids_to_leave_out_that_are_not_there_leave_nothing_out(table, tmp_path):
    table.commit("a", 0, rows(0))
    path = table.snapshot(tmp_path / "s.npy", table.version, "a", np.array([3, 500]))
    assert len(np.load(path)) == 19


_HALF_A_SNAPSHOT = """
import sys
from pathlib import Path
from evoskeleton.platform.data.table.made_once import made_once
with made_once(Path(sys.argv[1]) / "snapshots" / "s.npy") as file:
    file.write(bytes(1_000_000))
    file.flush()
    print("ready", flush=True)
    sys.stdin.readline()
"""


def test_what_a_killed_snapshot_left_is_written_over_by_the_next(table):
    table.commit("a", 0, rows(0))
    killed = start(_HALF_A_SNAPSHOT, table.uri)
    assert killed.stdout.readline() == "ready\n"
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    folder = Path(table.uri) / "snapshots"
    assert len(list(folder.iterdir())) == 1
    path = table.snapshot(folder / "s.npy", table.version)
    assert np.array_equal(np.load(path), table.poses())
    assert [entry.name for entry in folder.iterdir()] == ["s.npy"]


def test_a_version_whose_files_are_gone_is_told(table, tmp_path):
    version = [table.commit("a", generation, rows(generation)) for generation in range(3)][-1]
    DeltaTable(table.uri).optimize.compact()
    DeltaTable(table.uri).vacuum(0, dry_run=False, enforce_retention_duration=False)
    sentence = f"version {version} of the pose table .* is gone: its files were removed by a vacuum"
    for look in (
        lambda: table.poses(version),
        lambda: table.read(version=version),
        lambda: table.snapshot(tmp_path / "s.npy", version),
    ):
        with pytest.raises(BadInput, match=sentence):
            look()
    assert len(table.poses()) == 60


@pytest.mark.parametrize("campaign", ["Läufer/1 = %20", "b", None])
def test_joined_files_hold_the_same_rows_and_old_versions_stay_readable(table, tmp_path, campaign):
    for generation in range(4):
        for name in ("b", "Läufer/1 = %20"):
            table.commit(name, generation, replacing(generation, [3] if generation else []))
    version, before = table.version, everything(table, tmp_path, campaign)
    assert table.compact() == (8, 2)
    assert everything(table, tmp_path, campaign) == before
    assert table.poses(version, campaign).tobytes() == before[1]
    assert table.compact() == (0, 0)
    table.commit("b", 4, rows(4))
    assert table.info()["rows_by_campaign"]["b"] == 100


def test_a_vacuum_leaves_what_versions_to_be_kept_refer_to(table):
    table.commit("Läufer/1 = %20", 0, rows(0))
    kept = table.commit("Läufer/1 = %20", 1, rows(1))
    gone = table.commit("Läufer/1 = %20", 2, rows(2))
    before = table.poses(kept)
    table.compact()
    assert len(table.vacuum([kept], hours=0)) == 1 and len(table.poses(gone)) == 60
    table.vacuum([kept], hours=0, dry_run=False)
    assert np.array_equal(table.poses(kept), before) and len(table.poses()) == 60
    with pytest.raises(BadInput, match=f"version {gone} of the pose table .* is gone"):
        table.poses(gone)


def test_a_campaign_removes_its_own_old_files_alone(table):
    _, kept = (table.commit("a.b", generation, rows(generation)) for generation in range(2))
    gone = table.commit("a.b", 2, rows(2))
    for generation in range(2):
        others = table.commit("a", generation, rows(generation))
    before, theirs = table.poses(kept), table.poses(others, "a")
    table.compact()
    assert table.vacuum_own("a.b", [kept], hours=1) == 0
    assert [table.vacuum_own("a.b", [kept], hours=0) for _ in range(2)] == [1, 0]
    assert np.array_equal(table.poses(kept), before) and len(table.poses()) == 100
    assert np.array_equal(table.poses(others, "a"), theirs)
    with pytest.raises(BadInput, match=f"version {gone} of the pose table .* is gone"):
        table.poses(gone, "a.b")


def test_campaigns_whose_files_lie_together_remove_none(table):
    """Names that differ in what no folder is called by."""
    for name in ("a.b", "a_b"):
        for generation in range(2):
            version = table.commit(name, generation, rows(generation))
    theirs = table.poses(version, "a_b")
    table.compact()
    assert table.vacuum_own("a.b", [], hours=0) == 0
    assert np.array_equal(table.poses(version, "a_b"), theirs)


def test_the_history_tells_what_each_version_brought(table):
    table.commit("a", 0, rows(0))
    table.commit("a", 1, rows(1))
    table.compact()
    entries = [(entry["what"], entry["campaign"], entry["generation"]) for entry in table.history()]
    assert entries[1:] == [("WRITE", "a", 0), ("WRITE", "a", 1), ("2 files into 1", None, None)]


def test_a_vacuum_leaves_the_files_of_a_campaign_with_any_name(table):
    part = next(as_tables("Läufer/1 = %20", 0, rows(0)))
    write_deltalake(table.uri, part, mode="append")
    assert table.vacuum(hours=0, dry_run=False) == []
    assert len(table.poses(campaign="Läufer/1 = %20")) == 20
