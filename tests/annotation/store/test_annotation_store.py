"""The annotation store on SQLite and on PostgreSQL, and what is said of stores that cannot be."""

from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")

from annotation_store_contract import AnnotationStoreContract
from sqlalchemy import text

from evoskeleton.annotation.store.database import open_database, reading
from evoskeleton.errors import BadInput


class TestSqlite(AnnotationStoreContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/store/annotations.db"

    def test_every_commit_is_on_disk(self, store):
        with reading(store._engine) as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
            assert connection.execute(text("PRAGMA synchronous")).scalar() == 2


class TestPostgres(AnnotationStoreContract):
    @pytest.fixture
    def url(self, postgres_database: str) -> str:
        return postgres_database

    def test_every_commit_is_on_disk(self, store):
        with reading(store._engine) as connection:
            assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://a:secret@b/c", "should be sqlite:///FILE or postgresql"),
        ("nonsense", "should be sqlite:///FILE or postgresql"),
        ("postgresql://a:secret@127.0.0.1:9/c", "annotation store postgresql"),
        ("sqlite:////proc/nowhere/a.db", "/proc/nowhere"),
    ],
)
def test_a_store_that_cannot_be_opened_is_told_without_its_password(url, sentence):
    with pytest.raises(BadInput, match=sentence) as refusal:
        open_database(url)
    assert "secret" not in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_damaged_sqlite_file_is_told(tmp_path):
    (tmp_path / "a.db").write_bytes(b"no database" * 1000)
    with pytest.raises(BadInput, match=r"a\.db: file is not a database"):
        open_database(f"sqlite:///{tmp_path}/a.db")
