"""A pose table on an object store: what holds on a disk holds there, and refusals are sentences."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import s3_server
from table_rows import columns, rows
from typer.testing import CliRunner

from evoskeleton.cli import app
from evoskeleton.errors import BadInput
from evoskeleton.platform.data.formats.parquet import load_parquet
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.data.pose_table import PoseTable, refuse_other_things
from evoskeleton.platform.data.table import refusals


@pytest.fixture(scope="module")
def store() -> Iterator[s3_server.Store]:
    with s3_server.running() as found:
        found.make_bucket("poses")
        yield found


def test_a_table_on_s3_is_written_once_read_and_kept(store, tmp_path):
    table = PoseTable.create("s3://poses/kept", store.options)
    assert [table.commit("a", number, rows(number)) for number in (0, 1)] == [1, 2]
    assert table.commit("a", 1, rows(1)) == 2, "what is there is not written again"
    parts = [columns(number) for number in (0, 1)]
    wanted = np.concatenate([part["poses"][np.argsort(part["id"])] for part in parts])
    assert np.array_equal(np.load(table.snapshot(tmp_path / "s.npy", 2, "a")), wanted)
    assert table.compact() == (2, 1) and np.array_equal(table.poses(), wanted)
    assert np.array_equal(table.poses_of(np.array([5, 2]), "a"), wanted[[5, 2]])
    assert table.vacuum_own("b", [], hours=0) == 0
    assert table.vacuum_own("a", [], hours=0) == 2
    assert table.vacuum_own("a", [], hours=0) == 0
    assert PoseTable.open(table.uri, store.options).committed_generation("a") == 1
    with pytest.raises(BadInput, match=r"version 2 .* is gone: its files were removed"):
        table.poses(version=2)


def test_commands_take_the_keys_from_the_environment(store, motion, tmp_path, monkeypatch):
    bodies = PoseRows.of_columns(columns(0) | {"poses": motion[:20]})
    PoseTable.create("s3://poses/told", store.options).commit("a", 0, bodies)
    for name, value in store.options.items():
        monkeypatch.setenv(f"EVOSKELETON_STORAGE_OPTIONS__{name}", value)
    result = CliRunner().invoke(app, ["data", "info", "s3://poses/told"])
    assert json.loads(result.stdout)["rows"] == 20
    output = tmp_path / "out.parquet"
    line = ["data", "export", "--poses", "s3://poses/told", "--format", "parquet"]
    line += ["--output", str(output)]
    assert CliRunner().invoke(app, line).exit_code == 0
    assert len(load_parquet(output)) == 20


def test_refusals_of_a_store_are_sentences(store):
    def refused(uri: str, **changes: str | None) -> str:
        options = {**store.options, **changes}
        with pytest.raises(BadInput) as caught:
            PoseTable.open(uri, {name: value for name, value in options.items() if value})
        return str(caught.value)

    assert refused("s3://poses/none") == "there is no pose table at s3://poses/none"
    assert refused("s3://nobody/t").endswith("the store has no such bucket or container")
    assert refused("s3://poses/t", AWS_ALLOW_HTTP=None).endswith("wants AWS_ALLOW_HTTP: true")
    with socket.create_server(("127.0.0.1", 0)) as free:
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    sentence = refused("s3://poses/t", AWS_ENDPOINT_URL=gone)
    assert sentence.endswith(f"the store at {gone} does not answer: Connection refused")
    unsafe = refused("s3://poses/t", AWS_S3_ALLOW_UNSAFE_RENAME="true")
    assert unsafe.startswith("AWS_S3_ALLOW_UNSAFE_RENAME lets two writers lose")
    store.put("poses", "other/notes.txt", b"words")
    with pytest.raises(BadInput, match=r"holds other things \(notes.txt\)"):
        refuse_other_things("s3://poses/other", store.options)
    refuse_other_things("s3://poses/nothing", store.options)


def test_a_store_that_comes_back_takes_the_generation(store, monkeypatch):
    table = PoseTable.create("s3://poses/back", store.options)
    with socket.create_server(("127.0.0.1", 0)) as free:
        gone = f"http://127.0.0.1:{free.getsockname()[1]}"
    table._options = {**store.options, "AWS_ENDPOINT_URL": gone}
    pauses: list[float] = []

    def comes_back(pause: float) -> None:
        pauses.append(pause)
        table._options = store.options

    monkeypatch.setattr(refusals.time, "sleep", comes_back)
    assert table.commit("a", 0, rows(0)) == 1
    assert 1.0 in pauses and table.count() == 20


def write(uri: str, options: dict[str, str], campaign: str, generations: int) -> None:
    table = PoseTable.open(uri, options)
    table.claim(campaign)
    for generation in range(generations):
        table.commit(campaign, generation, rows(generation))


@pytest.mark.parametrize(
    "writers, generations", [(3, 2), pytest.param(10, 4, marks=pytest.mark.long)]
)
def test_writers_at_once_write_every_row_once_and_leave_nothing_else(store, writers, generations):
    uri = f"s3://poses/at-once-{writers}"
    table = PoseTable.create(uri, store.options)
    with ThreadPoolExecutor(writers) as pool:
        names = [f"c{number}" for number in range(writers)]
        list(pool.map(lambda name: write(uri, store.options, name, generations), names))
    ids = table.read(["campaign", "id"])
    pairs = set(zip(ids["campaign"].to_pylist(), ids["id"].to_pylist(), strict=True))
    assert len(pairs) == len(ids) == writers * generations * 20
    names = store.names("poses")
    assert names.count(f"at-once-{writers}/campaign%3D") + names.count(
        f"at-once-{writers}/campaign="
    ) == (writers * generations), "a file that lost a race is an orphan"
