"""Files of arrays that were damaged in any way are told, in one sentence."""

import random

import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.npz import read_npz


def test_however_a_file_is_damaged_it_is_read_or_refused(tmp_path):
    path, draws, refused = tmp_path / "a.npz", random.Random(1), 0
    np.savez_compressed(path, body=np.arange(500), provenance=np.array("x"))
    whole = path.read_bytes()
    for _ in range(3000):
        damaged = bytearray(whole)
        for _ in range(draws.choice([1, 2, 8])):
            damaged[draws.randrange(len(damaged))] = draws.randrange(256)
        path.write_bytes(damaged)
        try:
            read_npz(path, "limits")
        except BadInput as error:
            assert str(error).startswith(f"limits {path} cannot be read: ")
            refused += 1
    assert 2000 < refused < 3000


def test_an_array_that_is_not_there_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", body=np.zeros(3))
    assert list(read_npz(tmp_path / "a.npz", "limits", ["body"])) == ["body"]
    with pytest.raises(BadInput, match="a.npz cannot be read: it holds no child"):
        read_npz(tmp_path / "a.npz", "limits", ["body", "child"])
    with pytest.raises(BadInput, match="b.npz cannot be read: No such file"):
        read_npz(tmp_path / "b.npz", "limits")
