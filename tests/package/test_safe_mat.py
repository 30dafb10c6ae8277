"""MATLAB files: numbers and cells of numbers come out, everything else is refused by name."""

import struct

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from evoskeleton import extras
from evoskeleton.errors import BadInput
from evoskeleton.safe_mat import load_mat


def saved(path, **values):
    savemat(path, values)
    return path


def test_numbers_and_cells_come_out_in_the_order_of_matlab(tmp_path):
    cells = np.empty((2, 1), dtype=object)
    cells[:, 0] = [np.arange(6.0).reshape(2, 3), np.arange(4.0).reshape(1, 4)]
    array = np.arange(24.0).reshape(2, 3, 4)
    found = load_mat(saved(tmp_path / "a.mat", array=array, cells=cells), ["array", "cells"])
    assert np.array_equal(found["array"], array)
    assert [cell.shape for cell in found["cells"].flat] == [(2, 3), (1, 4)]
    with h5py.File(tmp_path / "b.mat", "w") as file:
        file["array"] = array.T
    assert np.array_equal(load_mat(tmp_path / "b.mat", ["array"])["array"], array)


def an_element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def a_matrix(class_number: int, name: bytes, content: bytes = b"") -> bytes:
    flags = an_element(6, struct.pack("<II", class_number, 0))
    return an_element(
        14, flags + an_element(5, struct.pack("<ii", 1, 1)) + an_element(1, name) + content
    )


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        (a_matrix(16, b"run"), "holds the function run, which is no data; it was not read"),
        (a_matrix(17, b"thing"), "holds an object of a class, which is no data"),
        (a_matrix(3, b"thing"), "holds the object thing, which is no data"),
        (
            a_matrix(9, b"", an_element(2, b"\x01")),
            "holds a workspace of functions, which is no data",
        ),
    ],
)
def test_functions_and_objects_are_refused_even_beside_what_is_wanted(matrix, sentence, tmp_path):
    path = saved(tmp_path / "a.mat", wanted=np.zeros(3))
    path.write_bytes(path.read_bytes() + matrix)
    with pytest.raises(BadInput, match=sentence):
        load_mat(path, ["wanted"])


def test_what_is_no_number_is_refused(tmp_path):
    cells = np.empty((1, 1), dtype=object)
    cells[0, 0] = {"field": 1.0}
    path = saved(tmp_path / "a.mat", text="abc", cells=cells, struct={"field": 1.0})
    for name, sentence in (
        ("text", "holds text of <U3, should be numbers"),
        ("cells", r"holds cells of .* in cells, should be numbers"),
        ("struct", "holds struct of .*, should be numbers"),
    ):
        with pytest.raises(BadInput, match=sentence):
            load_mat(path, [name])


def test_data_kept_elsewhere_is_not_fetched(tmp_path):
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.arange(4.0).tobytes())
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = np.zeros(4)
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["linked"] = h5py.ExternalLink("other.h5", "x")
        file.create_dataset("outside", (4,), "f8", external=[(str(secret), 0, 32)])
        layout = h5py.VirtualLayout((4,), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (4,))
        file.create_virtual_dataset("virtual", layout)
        file.create_group("group")
        file.create_dataset("huge", (1 << 40,), "f8", chunks=(1 << 10,))
    for name, sentence in (
        ("linked", "keeps linked in another place"),
        ("outside", "keeps outside in another file"),
        ("virtual", "keeps virtual in another file"),
        ("group", "holds group, which should be an array of numbers"),
        ("huge", "unpacks to 8796093022208 bytes, which is more than"),
        ("absent", "should hold absent, got group, huge, linked, outside, virtual"),
    ):
        with pytest.raises(BadInput, match=sentence):
            load_mat(tmp_path / "a.mat", [name])


def test_damaged_files_are_told_in_one_sentence(tmp_path):
    path = saved(tmp_path / "whole.mat", wanted=np.arange(1000.0))
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for number in range(60):
        changed = bytearray(whole)
        for place in random.integers(116, 260, 4):
            changed[place] = int(random.integers(256))
        path.write_bytes(bytes(changed[: int(random.integers(130, len(whole)))]))
        try:
            load_mat(path, ["wanted"])
        except BadInput as refusal:
            assert "\n" not in str(refusal), number
    path.write_bytes(bytes(range(256)))
    with pytest.raises(BadInput, match="should be a MATLAB file of version 5 or 7.3"):
        load_mat(path, ["wanted"])
    path.write_bytes(b"MATLAB 7.3 MAT-file and then nothing")
    with pytest.raises(BadInput, match="whole.mat cannot be read"):
        load_mat(path, ["wanted"])
    with pytest.raises(BadInput, match="there is no such file"):
        load_mat(tmp_path / "absent.mat", ["wanted"])


def test_without_h5py_the_extra_is_named(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["x"] = np.zeros(2)

    def absent(name: str) -> None:
        raise ImportError(name=name)

    monkeypatch.setattr(extras.importlib, "import_module", absent)
    with pytest.raises(BadInput, match=r"read by h5py: pip install 'evoskeleton\[mat\]'"):
        load_mat(tmp_path / "a.mat", ["x"])
