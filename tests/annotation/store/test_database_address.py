"""Addresses of databases as people write them: they work, or one sentence says why not."""

import os
import ssl
import subprocess

import pytest

pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")

import pg8000.native

from evoskeleton.annotation.domain.records import Picture
from evoskeleton.annotation.store.annotation_store import AnnotationStore, store_to_read
from evoskeleton.annotation.store.database import open_database
from evoskeleton.annotation.store.database_address import TIMEOUT_S, address_of
from evoskeleton.errors import BadInput

NOBODY = 65534


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:p%40ss%2Fword@host:5433/store",
        "postgres://me:p%40ss%2Fword@host:5433/store",
        "postgresql+psycopg2://me:p%40ss%2Fword@host:5433/store?sslmode=prefer",
        "postgresql+asyncpg://me:p%40ss%2Fword@host:5433/store?application_name=a",
    ],
)
def test_every_way_to_write_an_address_is_the_same_one(text):
    url, given = address_of(text)
    assert url.drivername == "postgresql+pg8000" and url.query == {}
    assert (url.username, url.password, url.host) == ("me", "p@ss/word", "host")
    assert (url.port, url.database, given["timeout"]) == (5433, "store", TIMEOUT_S)
    assert given["ssl_context"] is None, "TLS where the server has it"


def test_tls_can_be_demanded_and_certificates_verified():
    def tls(mode: str) -> object:
        return address_of(f"postgresql://me@host/store?sslmode={mode}").given["ssl_context"]

    assert tls("disable") is False and tls("require") is True
    full, authority = tls("verify-full"), tls("verify-ca")
    assert isinstance(full, ssl.SSLContext) and full.check_hostname
    assert isinstance(authority, ssl.SSLContext) and not authority.check_hostname
    assert full.verify_mode is authority.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("postgresql://me@host:port/store", "port of its address should be a number"),
        ("postgresql://me@host:99999/store", "port should be 1 to 65535, got 99999"),
        ("postgresql://me@host/store?sslmode=always", "one of disable, .*, got always"),
        ("postgresql://me@host/store?sslkey=a", "may hold sslmode, .*, not sslkey"),
        ("postgresql://me@host/a?sslmode=verify-ca&sslrootcert=/no", "sslrootcert /no: No such"),
        ("postgresql://me@host/store?connect_timeout=soon", "should be seconds, got 'soon'"),
        ("mysql://me:secret@host/store", "or postgresql://USER@HOST/DATABASE, got mysql"),
        ("sqlite+pysqlcipher:///file", "should be sqlite:///FILE"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(text, sentence):
    with pytest.raises(BadInput, match=sentence) as refusal:
        address_of(text)
    assert "secret" not in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_server_without_tls_is_not_spoken_to_where_tls_is_demanded(postgres_database):
    with pytest.raises(BadInput, match="Server refuses SSL"):
        open_database(f"{postgres_database}&sslmode=require")
    open_database(f"{postgres_database}&sslmode=prefer").dispose()


def test_a_database_in_another_encoding_is_told(postgres):
    name = "in_latin1"
    make = f"CREATE DATABASE {name} ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    with pg8000.native.Connection("tests", database="postgres", unix_sock=str(postgres)) as admin:
        admin.run(make)
    with pytest.raises(BadInput, match="should be in UTF8, it is in LATIN1"):
        open_database(f"postgresql://tests@/{name}?unix_sock={postgres}")


def test_a_store_is_read_from_a_folder_that_nobody_may_write(tmp_path):
    folder = tmp_path / "kept"
    with pytest.raises(BadInput, match=r"there is no .*annotations\.db"), store_to_read(folder):
        pass
    assert not folder.exists(), "a folder that was mistyped is not made"
    store = AnnotationStore(f"sqlite:///{folder}/annotations.db", folder / "images")
    project = store.make_project("people")
    assert (folder.stat().st_mode & 0o777, (folder / "annotations.db").stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )
    with mounted_read_only(folder), store_to_read(folder) as again:
        assert again.projects() == [project], "what is in the log is there, too"
    store.close()


class mounted_read_only:
    """A folder that is read-only even for root; skips where that cannot be had."""

    def __init__(self, folder) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        made = subprocess.run(["mount", "--bind", self._folder, self._folder], capture_output=True)
        if made.returncode:
            pytest.skip("nothing can be mounted here")
        subprocess.run(["mount", "-o", "remount,ro,bind", self._folder], check=True)

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "-l", self._folder], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can work in the folders of others")
def test_what_root_adds_belongs_to_whom_the_folder_belongs(tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir(mode=0o750)
    os.chown(folder, NOBODY, NOBODY)
    store = AnnotationStore(f"sqlite:///{folder}/annotations.db", folder / "images")
    store.add_image(store.make_project("people").id, "a.png", Picture(b"a", 1, 1))
    made = [path for path in folder.rglob("*")]
    assert len(made) > 3
    assert {path.stat().st_uid for path in made} == {NOBODY}, "no server is locked out"
    modes = {path.stat().st_mode & 0o777 for path in made if path.is_file()}
    assert modes == {0o640} and (folder / "images").stat().st_mode & 0o777 == 0o750
    store.close()
