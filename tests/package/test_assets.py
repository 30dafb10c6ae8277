"""Files out of wheels: checked, cached, never half there."""

import hashlib
import zipfile
from dataclasses import replace

import pytest

from evoskeleton.assets import Asset, fetch, is_here
from evoskeleton.cli import main
from evoskeleton.errors import BadInput


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


SONG = Asset(
    name="song",
    package="tunes",
    version="1.0",
    members={"tunes/la.txt": digest("la la")},
    python_version="3.11",
    abi="cp311",
    platform="any",
    megabytes=1,
)


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    monkeypatch.setenv("EVOSKELETON_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "tunes.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tunes/la.txt", "la la")
        archive.writestr("tunes/code.py", "raise SystemExit")
    return path


def test_only_the_named_members_are_kept(wheel):
    folder = fetch(SONG, wheel)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert [path.read_text() for path in files] == ["la la"]


def test_the_second_time_no_wheel_is_needed(wheel):
    first = fetch(SONG, wheel)
    wheel.unlink()
    assert fetch(SONG) == first


def test_the_wheel_can_be_named_by_a_variable(wheel, monkeypatch):
    monkeypatch.setenv("EVOSKELETON_TUNES_WHEEL", str(wheel))
    assert (fetch(SONG) / "tunes/la.txt").exists()


def test_a_damaged_cache_is_filled_again(wheel):
    member = fetch(SONG, wheel) / "tunes/la.txt"
    member.write_text("lo lo")
    assert (fetch(SONG, wheel) / "tunes/la.txt").read_text() == "la la"


def test_other_bytes_are_refused_and_nothing_is_kept(wheel, tmp_path):
    wrong = replace(SONG, members={"tunes/la.txt": digest("something else")})
    with pytest.raises(BadInput, match="should have SHA-256"):
        fetch(wrong, wheel)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_wheel_of_something_else_is_told(wheel):
    other = replace(SONG, members={"tunes/b.txt": digest("b")})
    with pytest.raises(
        BadInput, match=r"should be the wheel of tunes 1.0, it holds no tunes/b.txt"
    ):
        fetch(other, wheel)


def test_a_file_that_is_no_wheel_is_told(wheel):
    wheel.write_text("not a zip")
    with pytest.raises(BadInput, match="it is not a zip file"):
        fetch(SONG, wheel)


def test_an_absent_wheel_is_told(wheel, tmp_path):
    with pytest.raises(BadInput, match="there is none at"):
        fetch(SONG, tmp_path / "nowhere.whl")


def test_a_machine_without_a_registry_is_told_how_to_name_a_wheel(wheel, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    with pytest.raises(BadInput, match="local wheel can be named by EVOSKELETON_TUNES_WHEEL") as t:
        fetch(SONG)
    assert "\n" not in str(t.value)
    assert str(t.value).endswith(" (tunes-1.0-cp311-cp311-any.whl)")


def test_a_cache_that_cannot_be_written_is_told(wheel, tmp_path, monkeypatch):
    monkeypatch.setenv("EVOSKELETON_CACHE", str(wheel / "inside a file"))
    with pytest.raises(BadInput, match="song cannot be kept in"):
        fetch(SONG, wheel)


def test_a_member_cannot_point_out_of_the_cache():
    with pytest.raises(ValueError, match="should be a path inside the wheel"):
        replace(SONG, members={"../la.txt": digest("la la")})


def test_what_is_here_is_known(wheel):
    assert not is_here(SONG)
    member = fetch(SONG, wheel) / "tunes/la.txt"
    assert is_here(SONG)
    member.write_text("lo lo")
    assert not is_here(SONG)


def test_assets_are_fetched_by_name(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("EVOSKELETON_CACHE", str(tmp_path))
    with pytest.raises(SystemExit):
        main(["assets", "list"])
    said = capsys.readouterr().out
    assert "deepmimic-motion" in said and "yes" not in said
    with pytest.raises(SystemExit) as refused:
        main(["assets", "fetch", "motion"])
    assert refused.value.code == 2 and not list(tmp_path.iterdir())
    assert "asset should be one of deepmimic-motion" in " ".join(capsys.readouterr().err.split())
