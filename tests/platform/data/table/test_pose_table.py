"""The pose table: a generation is there whole or not at all, once, whoever is killed when."""

import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from table_rows import columns, replacing, rows

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.pose_rows import COLUMNS, PoseRows
from evoskeleton.platform.data.pose_table import SCHEMA, PoseTable

SUPPORT = Path(__file__).resolve().parents[3] / "support"


def start(program: str, table: PoseTable) -> subprocess.Popen:
    """A process of its own that works on the table."""
    return subprocess.Popen(
        [sys.executable, "-c", program, table.uri, str(SUPPORT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def table(tmp_path) -> PoseTable:
    return PoseTable.create(tmp_path / "poses")


def test_what_is_committed_comes_back_sorted_by_id(table):
    given = [columns(0), columns(1)]
    for generation, part in enumerate(given):
        table.commit("a", generation, PoseRows.of_columns(part))
    expected = np.concatenate([part["poses"][np.argsort(part["id"])] for part in given])
    assert np.array_equal(table.poses(), expected)
    assert np.array_equal(table.as_torch().numpy(), expected)
    assert np.array_equal(PoseTable.open(table.uri).poses(), expected)


def test_rows_lie_sorted_in_their_file(table):
    table.commit("a", 0, rows(0))
    ids = table.read(["id"])["id"].to_pylist()
    assert ids == sorted(ids)


def test_unknown_parents_and_scores_are_null(table):
    table.commit("a", 0, rows(0))
    read = table.read(["mother", "father", "error", "subject"])
    assert all(read[name].null_count == 20 for name in read.column_names)


def test_an_old_version_still_reads_as_it_was(table):
    first = table.commit("a", 0, rows(0))
    second = table.commit("a", 1, rows(1))
    assert (table.count(first), table.count(second)) == (20, 40)
    assert len(table.poses(first)) == 20


def test_a_generation_that_is_there_is_not_written_twice(table):
    version = table.commit("a", 0, rows(0))
    assert table.commit("a", 0, rows(0)) == version
    assert table.count() == 20


def test_a_late_writer_of_an_old_generation_writes_nothing(table):
    for generation in range(3):
        table.commit("a", generation, rows(generation))
    table.commit("a", 1, rows(1))
    assert table.count() == 60 and table.committed_generation("a") == 2


def test_two_writers_at_the_same_moment_land_once(table):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: PoseTable.open(table.uri).commit("a", 0, rows(0, 500)), range(4)))
    assert table.count() == 500


def test_campaigns_share_a_table_and_do_not_disturb_each_other(table):
    def campaign(name: str) -> None:
        for generation in range(5):
            PoseTable.open(table.uri).commit(name, generation, rows(generation))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(campaign, "abc"))
    assert table.count() == 300
    assert [table.committed_generation(name) for name in "abc"] == [4, 4, 4]
    assert len(table.poses(campaign="b")) == 100


_WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from table_rows import rows
from evoskeleton.platform.data.pose_rows import COLUMNS, PoseRows
from evoskeleton.platform.data.pose_table import PoseTable
table = PoseTable.open(sys.argv[1])
print("ready", flush=True)
for generation in range(10_000):
    table.commit("a", generation, rows(generation, 300))
    print(generation, flush=True)
"""


def test_a_writer_killed_at_random_moments_leaves_whole_generations(table):
    moments = random.Random(3)
    for _ in range(4):
        process = start(_WRITER, table)
        for _ in range(3):
            assert process.stdout.readline(), "ready, and two generations"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=moments.uniform(0.0, 0.6))
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = table.committed_generation("a")
    assert done is not None and done > 3
    generations, counts = np.unique(np.asarray(table.read(["generation"])), return_counts=True)
    assert generations.tolist() == list(range(done + 1))
    assert set(counts.tolist()) == {300}
    assert len(np.unique(np.asarray(table.read(["id"])["id"]))) == 300 * (done + 1)


def test_a_snapshot_is_one_mapped_file_sorted_by_id(table, tmp_path):
    for generation in range(3):
        table.commit("a", generation, rows(generation))
        table.commit("b", generation, rows(generation))
    version = table.version
    path = table.snapshot(tmp_path / "deep" / "s.npy", version, "a")
    mapped = np.load(path, mmap_mode="r")
    assert mapped.dtype == np.float32
    assert np.array_equal(mapped, table.poses(version, "a"))
    assert [entry.name for entry in path.parent.iterdir()] == ["s.npy"]


def test_a_snapshot_that_is_there_is_used_again(table, tmp_path):
    table.commit("a", 0, rows(0))
    path = table.snapshot(tmp_path / "s.npy", table.version)
    before = path.stat().st_mtime_ns
    table.snapshot(path, table.version)
    assert path.stat().st_mtime_ns == before


def test_info_counts_by_generation_operator_and_campaign(table):
    table.commit("a", 0, rows(0))
    table.commit("a", 1, rows(1))
    info = table.info()
    assert info["rows"] == 40 and info["version"] == table.version
    assert info["rows_by_generation"] == {"0": 20, "1": 20}
    assert info["rows_by_operator"] == {"crossover": 20, "seed": 20}
    assert info["rows_by_campaign"] == {"a": 40}


def test_a_place_without_a_table_is_told(tmp_path):
    with pytest.raises(BadInput, match="there is no pose table at"):
        PoseTable.open(tmp_path / "nothing")


def test_a_version_that_is_not_there_is_told(table):
    with pytest.raises(BadInput, match="version 99"):
        table.count(99)


def test_a_column_that_is_not_there_is_told(table):
    with pytest.raises(BadInput, match="no column size"):
        table.read(["size"])


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        PoseTable.create(tmp_path / "file" / "poses")


def test_sixteen_joints_are_told(table):
    part = columns(0)
    part["poses"] = part["poses"][:, :16]
    with pytest.raises(BadInput, match=r"poses should be \(rows, 17, 3\), got \(20, 16, 3\)"):
        table.commit("a", 0, PoseRows.of_columns(part))


def test_a_repeated_commit_tells_the_version_with_which_its_generation_came(table):
    versions = [table.commit("a", generation, rows(generation)) for generation in range(3)]
    assert table.commit("a", 1, rows(1)) == versions[1] != table.version


def test_a_generation_without_survivors_is_committed_too(table):
    table.commit("a", 0, rows(0))
    version = table.commit("a", 1, rows(1, count=0))
    assert table.committed_generation("a") == 1 and table.count(version) == 20


def test_a_campaign_may_have_any_name(table):
    table.commit("Läufer/1 = %20", 0, rows(0))
    table.commit("b", 0, rows(0))
    assert table.info()["rows_by_campaign"] == {"Läufer/1 = %20": 20, "b": 20}
    assert len(table.poses(campaign="Läufer/1 = %20")) == 20


def test_a_snapshot_of_campaigns_whose_ids_collide_loses_no_pose(table, tmp_path):
    for generation in range(2):
        for name in "ab":
            table.commit(name, generation, rows(generation))
    mapped = np.load(table.snapshot(tmp_path / "s.npy", table.version), mmap_mode="r")
    first, second = columns(0), columns(1)
    expected = np.concatenate([part["poses"][np.argsort(part["id"])] for part in (first, second)])
    assert np.array_equal(mapped, np.repeat(expected, 2, axis=0))


def test_a_snapshot_of_an_empty_table_is_empty(table, tmp_path):
    assert np.load(table.snapshot(tmp_path / "s.npy", table.version)).shape == (0, 17, 3)


def test_rows_cannot_be_deleted_behind_a_trainings_back(table):
    table.commit("a", 0, rows(0))
    with pytest.raises(DeltaError, match="append-only"):
        DeltaTable(table.uri).delete()


_RACER = """
import sys
sys.path.insert(0, sys.argv[2])
from table_rows import rows
from evoskeleton.platform.data.pose_rows import COLUMNS, PoseRows
from evoskeleton.platform.data.pose_table import PoseTable
table = PoseTable.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(*(table.commit("a", generation, rows(generation, 200)) for generation in range(15)))
"""


def test_two_processes_that_race_through_a_campaign_write_it_once(table):
    racers = [start(_RACER, table) for _ in range(2)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    commits = [racer.communicate()[0].split() for racer in racers]
    assert commits[0] == commits[1] == [str(version) for version in range(1, 16)]
    assert table.count() == 15 * 200


_FULL = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from table_rows import rows
from evoskeleton.platform.data.pose_rows import COLUMNS, PoseRows
from evoskeleton.platform.data.pose_table import PoseTable
table = PoseTable.open(sys.argv[1])
table.commit("a", 0, rows(0))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    table.commit("a", 1, rows(1, 5_000))
except ValueError as error:
    print(type(error).__name__, error)
"""


def test_storage_that_takes_no_more_bytes_is_told_and_the_last_generation_stands(table):
    writer = start(_FULL, table)
    said, _ = writer.communicate()
    assert said.startswith("BadInput generation 1 cannot be written to")
    assert len(said.strip().splitlines()) == 1 and "\x1b" not in said
    assert table.count() == 20 and table.committed_generation("a") == 0
    table.commit("a", 1, rows(1))
    assert table.count() == 40


def test_rows_that_were_replaced_stay_and_are_no_longer_chosen(table, tmp_path):
    table.commit("a", 0, rows(0))
    before = table.commit("a", 1, rows(1))
    table.commit("b", 0, rows(0))
    gone = [(1 << 40) + 3, (1 << 40) + 7]
    after = table.commit("a", 2, replacing(2, gone))
    assert table.count() == 80
    assert len(table.poses(after, "a")) == 58 and len(table.poses(before, "a")) == 40
    ids = table.chosen(["id"], campaign="a")["id"].to_pylist()
    assert len(ids) == 58 and not set(gone) & set(ids) and ids == sorted(ids)
    assert np.array_equal(
        table.poses(campaign="a"), np.load(table.snapshot(tmp_path / "a.npy", after, "a"))
    )


def test_a_replaced_id_of_one_campaign_stays_in_another(table, tmp_path):
    table.commit("a", 0, rows(0))
    table.commit("b", 0, rows(0))
    table.commit("b", 1, replacing(1, [4, 5]))
    assert len(table.poses(campaign="a")) == 20
    everything = np.load(table.snapshot(tmp_path / "s.npy", table.version))
    assert len(everything) == len(table.poses()) == 58


def test_poses_of_some_rows_come_in_the_order_asked_for(table):
    table.commit("a", 0, rows(0))
    everyone = table.poses()
    assert np.array_equal(table.poses_of(np.array([7, 3, 19]), "a"), everyone[[7, 3, 19]])
    with pytest.raises(BadInput, match="lacks rows of campaign a"):
        table.poses_of(np.array([3, 20]), "a")


def test_rows_have_the_columns_of_the_table():
    assert {"pose" if name == "poses" else name for name in COLUMNS} | {"campaign"} == {
        *SCHEMA.names
    }


def test_a_column_that_a_table_has_not_is_told_and_not_lost():
    misspelt = columns(0) | {"whi": np.full(20, "seed")}
    with pytest.raises(BadInput, match="a pose table has no column whi; it has id, operator, "):
        PoseRows.of_columns(misspelt)


def test_a_column_that_every_row_has_is_asked_for():
    part = columns(0)
    del part["operator"]
    sentence = "rows of a pose table should have a column operator, got id, mother, poses, error"
    with pytest.raises(BadInput, match=sentence):
        PoseRows.of_columns(part)


def test_a_column_of_another_length_is_told():
    with pytest.raises(BadInput, match=r"error should be \(20\), got \(19,\)"):
        PoseRows.of_columns(columns(0) | {"error": np.ones(19, np.float32)})


def test_rows_of_another_generation_are_not_committed(table):
    strangers = rows(0).with_columns(generation=np.full(20, 3, np.int32))
    with pytest.raises(BadInput, match="rows of generation 0 should be committed, got some of an"):
        table.commit("a", 0, strangers)


def test_rows_that_are_taken_joined_or_changed_leave_the_others_as_they_were():
    given = rows(1)
    before = {name: column.copy() for name, column in given.columns().items()}
    changed = given.take(np.arange(5)).with_reason("kept")
    changed.poses[:] = 0.0
    joined = PoseRows.concatenate([given, given.with_columns(error=np.zeros(20, np.float32))])
    assert changed.columns()["why"].tolist() == ["kept"] * 5 and len(joined) == 40
    assert given.columns().keys() == before.keys()
    assert all(np.array_equal(before[name], part) for name, part in given.columns().items())
