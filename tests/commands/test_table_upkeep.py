"""`evoskeleton data compact`, `vacuum` and `history`."""

import json
from pathlib import Path

import pytest
from table_rows import rows
from typer.testing import CliRunner

from evoskeleton.cli import app
from evoskeleton.platform.data.pose_table import PoseTable


def output_of(*arguments: str) -> str:
    """What a command says."""
    result = CliRunner().invoke(app, ["data", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def home(tmp_path) -> Path:
    table = PoseTable.create(tmp_path / "poses")
    for generation in range(3):
        table.commit("walk", generation, rows(generation))
    return tmp_path


def test_files_are_joined_and_the_history_tells_it(home):
    assert "3 files joined into 1, version 4" in output_of("compact", "--home", str(home))
    lines = output_of("history", "--home", str(home)).splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["generation"] for entry in entries] == [None, 0, 1, 2, None]
    assert entries[4]["what"] == "3 files into 1"


def test_a_vacuum_keeps_what_is_young_and_what_trainings_read(home):
    snapshots = home / "walk" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / "g000001.json").write_text('{"version": 2, "rows": 40}')
    output_of("compact", "--home", str(home))
    assert "0 files would be removed" in output_of("vacuum", "--home", str(home), "--dry-run")
    output_of("vacuum", "--home", str(home))
    assert len(PoseTable.open(home / "poses").poses(2)) == 40
