"""Opening the database of the annotation store: SQLite or PostgreSQL, brought to the newest tables.

A transaction that is committed is on disk when the commit returns: SQLite keeps a write-ahead log
and syncs it at every commit, PostgreSQL is set to. SQLite has one writer at a time; who writes
says so at the beginning of the transaction, so that what it has read stays true until its end.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from evoskeleton.annotation.store.database_address import address_of
from evoskeleton.annotation.store.ownership import follow_folder, make_private_folder
from evoskeleton.errors import BadInput

MIGRATIONS = Path(__file__).resolve().parent / "migrations"

_BUSY_MS = 30_000
_POOL_S = 10
_RETRY_S = 0.02
_MIGRATION_LOCK = 7_305_115
_WRITES = "evoskeleton_writes"


def open_database(url: str, make: bool = True) -> Engine:
    """An engine for a database that is there and has the newest tables.

    Args:
        url: see `database_address`; a file of SQLite is made where there is none.
        make: whether it is.

    Raises:
        BadInput: the URL is of another kind, the database is not there or cannot be opened, is not
            in UTF-8, or a newer version of this package has made its tables.
    """
    known, given = address_of(url)
    if known.get_backend_name() == "sqlite":
        if known.database:
            _prepare_place(Path(known.database), make)
        engine = create_engine(known)
        _prepare_sqlite(engine)
    else:
        engine = create_engine(known, pool_pre_ping=True, pool_timeout=_POOL_S, connect_args=given)
        event.listen(engine, "connect", _wait_for_disk)
    try:
        _check_encoding(engine)
        migrate(engine)
    except (TimeoutError, OSError) as error:
        raise BadInput(f"annotation store {_without_secrets(known)}: {error}") from None
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise BadInput(f"annotation store {_without_secrets(known)}: {reason}") from None
    except CommandError:
        raise BadInput(
            f"annotation store {_without_secrets(known)} was made by a newer version of evoskeleton"
        ) from None
    return engine


def _check_encoding(engine: Engine) -> None:
    """Names and notes may hold any letter."""
    if engine.dialect.name != "postgresql":
        return
    with engine.connect() as connection:
        encoding = connection.execute(text("SHOW server_encoding")).scalar()
    if encoding not in ("UTF8", "SQL_ASCII"):
        raise BadInput(f"annotation store: its database should be in UTF8, it is in {encoding}")


def migrate(engine: Engine, version: str = "head") -> None:
    """Bring the tables to a version, all at once; others who open the database wait meanwhile."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        command.upgrade(config, version)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, and sees one moment."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads and writes; on disk when the context ends."""
    with engine.execution_options(**{_WRITES: True}).begin() as connection:
        yield connection


def empty_log(engine: Engine) -> None:
    """Bring SQLite's log, which still holds what was deleted, into its file."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


def _prepare_place(file: Path, make: bool) -> None:
    """A folder for a database, and a file of the folder's owner and mode."""
    if not make and not file.exists():
        raise BadInput(f"annotation store: there is no {file}")
    try:
        make_private_folder(file.parent)
        if not file.exists():
            file.touch()
            follow_folder(file)
    except OSError as error:
        raise BadInput(f"annotation store: folder {file.parent}: {error.strerror}") from None


def _without_secrets(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _prepare_sqlite(engine: Engine) -> None:
    """Transactions that are ours from their first statement: the driver's own begin too late."""
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)


def _set_pragmas(connection: Any, record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    _keep_a_log(cursor)
    for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(text: Any) -> Any:
    """SQLite's own knows the letters of English alone."""
    return text.lower() if isinstance(text, str) else text


def _keep_a_log(cursor: sqlite3.Cursor) -> None:
    """Switch to a write-ahead log; for this statement alone SQLite does not wait by itself."""
    deadline = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _wait_for_disk(connection: Any, record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("SET synchronous_commit = on")
    cursor.close()
    connection.commit()
