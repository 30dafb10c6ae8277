"""Files and folders that take their name when they are complete."""

import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.extras import require
from evoskeleton.files import atomic_file, whole_folder, write_arrays, write_text


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


def test_arrays_come_back_by_name_and_objects_are_refused(tmp_path):
    arrays = {"numbers": np.arange(3), "text": np.array(["a", "bc"])}
    for compress in (False, True):
        write_arrays(tmp_path / "a.npz", arrays, compress=compress)
        with np.load(tmp_path / "a.npz", allow_pickle=False) as back:
            assert set(back.files) == set(arrays)
            assert all(np.array_equal(back[name], arrays[name]) for name in arrays)
    with pytest.raises(ValueError, match="array odd should hold numbers or text, got objects"):
        write_arrays(tmp_path / "b.npz", {"odd": np.array([{}], dtype=object)})
    assert not (tmp_path / "b.npz").exists()
