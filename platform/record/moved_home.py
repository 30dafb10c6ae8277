"""A home that was moved or copied: its MLflow database learns where it is now.

MLflow keeps absolute addresses of artifacts in its database. Where a home is opened in another
place than it was written in, those of its own folder `mlartifacts` are put right before anything is
read or registered; addresses elsewhere are left alone.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

ARTIFACTS = "mlartifacts"

_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)
"""Tables and columns of MLflow that hold addresses of artifacts."""


def put_right(database: Path) -> None:
    """Let the addresses in a home's database name the folder of artifacts beside it.

    A database that cannot be written, such as one that is read-only, stays as it is.
    """
    here = database.parent / ARTIFACTS
    with suppress(sqlite3.Error), closing(sqlite3.connect(database, timeout=10)) as there, there:
        moved = _elsewhere(there, here)
        for before in moved:
            for table, column in _ADDRESSES:
                _rewrite(there, table, column, before, here.as_uri())
        if moved:
            _forget_addresses()


def _forget_addresses() -> None:
    """MLflow remembers, in a process, where it wrote the artifacts of a run."""
    with suppress(ImportError, AttributeError):
        from mlflow.tracking._tracking_service import utils

        utils._artifact_repos_cache.clear()


def _elsewhere(there: sqlite3.Connection, here: Path) -> set[str]:
    """Addresses of a folder of artifacts elsewhere, whose runs lie in this one."""
    found = set()
    for number, address in there.execute(
        "SELECT experiment_id, artifact_location FROM experiments"
    ):
        folder = str(address)
        named = folder.startswith("file:") and folder.endswith(f"/{ARTIFACTS}")
        if named and folder != here.as_uri() and _holds_runs(there, here, number):
            found.add(folder)
    return found


def _holds_runs(there: sqlite3.Connection, here: Path, experiment: int) -> bool:
    runs = there.execute("SELECT run_uuid FROM runs WHERE experiment_id = ?", (experiment,))
    return any((here / str(run)).is_dir() for (run,) in runs)


def _rewrite(there: sqlite3.Connection, table: str, column: str, before: str, after: str) -> None:
    with suppress(sqlite3.OperationalError):  # a table of another version of MLflow
        there.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 (constants)
            f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
            (after, len(before) + 1, before, len(before) + 1, f"{before}/"),
        )
