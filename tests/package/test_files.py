"""Files and folders that take their name when they are complete."""

import pytest

from evoskeleton.errors import BadInput
from evoskeleton.extras import require
from evoskeleton.files import atomic_file, whole_folder, write_text


def test_a_private_file_is_readable_by_its_owner_alone(tmp_path):
    with atomic_file(tmp_path / "token", private=True) as file:
        file.write(b"x")
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_a_link_stays_and_what_it_points_at_is_replaced(tmp_path):
    write_text(tmp_path / "real", "old")
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"


def test_a_folder_replaces_another_only_if_asked_and_only_when_whole(tmp_path):
    place = tmp_path / "made"
    with whole_folder(place) as folder:
        (folder / "a").touch()
    with pytest.raises(OSError), whole_folder(place) as folder:
        (folder / "b").touch()
    with pytest.raises(ZeroDivisionError), whole_folder(place, replace=True):
        raise ZeroDivisionError
    assert [path.name for path in place.iterdir()] == ["a"]
    with whole_folder(place, replace=True) as folder:
        (folder / "b").touch()
    assert [path.name for path in place.iterdir()] == ["b"]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_package_that_is_missing_is_told_by_name():
    with pytest.raises(BadInput, match="^we need no_such_package$"):
        require("no_such_package", "we need {}")
