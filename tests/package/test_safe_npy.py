"""Pickled data without trust: what numpy writes is read, and nothing that a file asks for runs."""

import contextlib
import copyreg
import functools
import io
import os
import pickle
import re
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy

from evoskeleton.errors import BadInput
from evoskeleton.safe_npy import load_npz, load_object, write_object

NDARRAY = b"cnumpy\nndarray\n"
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
LATIN1 = "K\xf6rper"


def objects(value: Any) -> np.ndarray:
    array = np.empty((), dtype=object)
    array[()] = value
    return array


def npy_bytes(pickled: bytes, shape: tuple[int, ...] = (), version: int = 1) -> bytes:
    stream = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": shape}
    write = npy.write_array_header_1_0 if version == 1 else npy.write_array_header_2_0
    write(stream, header)
    return stream.getvalue() + pickled


def as_npy(folder: Path, pickled: bytes) -> Callable[[], Any]:
    (folder / "mine.npy").write_bytes(npy_bytes(pickled))
    return lambda: load_object(folder / "mine.npy")


def as_npz(folder: Path, pickled: bytes) -> Callable[[], Any]:
    with zipfile.ZipFile(folder / "mine.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fine.npy", npy_bytes(pickle.dumps(objects({}), 4)))
        archive.writestr("poses.npy", npy_bytes(pickled))
    return lambda: load_npz(folder / "mine.npz")


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def asked(module: str, name: str) -> bytes:
    """STACK_GLOBAL, which follows dots in the name."""
    return text(module) + text(name) + b"\x93"


def one_array(shape: bytes, dtype: bytes, data: bytes) -> bytes:
    """An object array without axes around an array of these parts."""
    inner = RECONSTRUCT + NDARRAY + b"K\x00\x85C\x01b\x87R" + b"(K\x01" + shape + dtype
    outer_type = b"cnumpy\ndtype\nX\x02\x00\x00\x00O8K\x00K\x01\x87R"
    outer_type += b"(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
    outer = RECONSTRUCT + NDARRAY + b"K\x00\x85C\x01b\x87R(K\x01)" + outer_type + b"\x89]"
    return b"\x80\x04" + outer + inner + b"\x89" + data + b"tbatb."


FLOATS = (
    b"cnumpy\ndtype\nX\x02\x00\x00\x00f4K\x00K\x01\x87R"
    b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
)


class Asks:
    """Pickled as a call of anything."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


# What data is


DATA: dict[str, Any] = {
    "poses": {(1, "Walking", "Seq 1.h5"): np.arange(12.0).reshape(2, 6), (5, "a", "b"): np.eye(2)},
    "nested": {"p2d": np.ones((17, 2), np.float32), "lsp": True, "more": {"x": [1, 2.5, None]}},
    "numbers": [0, -1, 255, 65536, -(2**40), 2**63 - 1, 1e300, float("inf"), True, b"\x00\xff"],
    "scalars": {"f": np.float32(0.5), "i": np.int64(-3), "b": np.bool_(True), "t": np.str_("a")},
    "types": [
        np.array([0, 1, 1]).astype(t)
        for t in ("i1", "u2", ">f4", ">i8", "f2", "c8", "?", "S3", "U4")
    ],
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "empty": [np.zeros((0, 96), np.float32), (), {}, [], "", b""],
    "objects inside": np.array([[1, "a"], [None, np.arange(2)]], dtype=object, order="F"),
    "shared": [np.arange(4)] * 3,
    "texts": {LATIN1: "\U0001f9cd", "plain": "a" * 300},
}


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and a.dtype != object:
        alike = a.dtype.newbyteorder("=") == b.dtype.newbyteorder("=")
        return alike and a.shape == b.shape and np.array_equal(a, b)
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and all(map(same, a.ravel().tolist(), b.ravel().tolist()))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("name", DATA)
def test_what_numpy_saves_is_read_as_it_was(name, tmp_path):
    np.save(tmp_path / "a.npy", objects(DATA[name]), allow_pickle=True)
    assert same(load_object(tmp_path / "a.npy"), DATA[name])


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("name", DATA)
def test_every_protocol_that_numpy_has_written_is_read(name, protocol, tmp_path):
    read = as_npy(tmp_path, pickle.dumps(objects(DATA[name]), protocol))
    assert same(read(), DATA[name])


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_all_three_formats_of_the_header_are_read(version, tmp_path):
    with open(tmp_path / "a.npy", "wb") as file:
        npy.write_array(file, objects(DATA["poses"]), version=version)
    assert same(load_object(tmp_path / "a.npy"), DATA["poses"])


def test_an_array_of_objects_with_axes_stays_an_array(tmp_path):
    array = np.array([[{"a": 1}, None, "x"], [1.5, (1,), np.eye(2)]], dtype=object)
    for order in "CF":
        np.save(tmp_path / "a.npy", np.array(array, order=order), allow_pickle=True)
        assert same(load_object(tmp_path / "a.npy"), array)


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3).T, np.array(3), np.zeros((0, 4))])
def test_plain_arrays_need_no_pickle(array, tmp_path):
    np.save(tmp_path / "a.npy", array, allow_pickle=False)
    assert same(load_object(str(tmp_path / "a.npy")), array)


def test_a_file_of_python_2_is_read_as_numpy_reads_it(tmp_path):
    def short(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    array = np.array([1.5, -2.0, 1e10], np.float32)
    dtype = FLOATS.replace(b"X\x02\x00\x00\x00f4", short(b"f4")).replace(
        b"X\x01\x00\x00\x00<", short(b"<")
    )
    outer_type = dtype.replace(b"f4", b"O8").replace(short(b"<"), short(b"|"))
    begin = RECONSTRUCT + NDARRAY + b"K\x00\x85" + short(b"b") + b"\x87R(K\x01"
    entry = b"K\x01" + short(LATIN1.encode("latin1")) + b"I4294967296\n\x87"
    inner = begin + b"K\x03\x85" + dtype + b"\x89" + short(array.tobytes()) + b"tb"
    pickled = b"\x80\x02" + begin + b")" + outer_type.replace(b"K\x00tb", b"K?tb")
    pickled += b"\x89]}" + entry + inner + b"satb."
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    header += b" " * (128 - 10 - 1 - len(header)) + b"\n"
    file = tmp_path / "two.npy"
    file.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + pickled)
    read = load_object(file)
    assert same(read, {(1, LATIN1, 2**32): array})
    assert same(read, np.load(file, allow_pickle=True, encoding="latin1").item())


def test_a_header_with_long_numbers_of_python_2_is_read(tmp_path):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 2L), }"
    header += b" " * (128 - 10 - 1 - len(header)) + b"\n"
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    (tmp_path / "a.npy").write_bytes(start + np.arange(6, dtype=np.float32).tobytes())
    assert load_object(tmp_path / "a.npy").tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_members_of_an_npz_are_read_each_in_its_way(save, tmp_path):
    save(tmp_path / "a.npz", positions_3d=objects(DATA["poses"]), numbers=np.arange(5))
    read = load_npz(tmp_path / "a.npz")
    assert list(read) == ["positions_3d", "numbers"]
    assert same(read["positions_3d"], DATA["poses"]) and read["numbers"].tolist() == [0, 1, 2, 3, 4]
    assert list(load_npz(tmp_path / "a.npz", ["numbers"])) == ["numbers"]


@pytest.mark.parametrize("name", DATA)
def test_what_we_write_numpy_reads_and_so_do_we(name, tmp_path):
    with open(tmp_path / "a.npy", "wb") as file:
        write_object(file, DATA[name])
    assert same(np.load(tmp_path / "a.npy", allow_pickle=True).item(), DATA[name])
    assert same(load_object(tmp_path / "a.npy"), DATA[name])


def test_what_we_write_names_the_modules_that_every_numpy_has():
    stream = io.BytesIO()
    write_object(stream, DATA["poses"])
    assert b"numpy.core.multiarray" in stream.getvalue()
    assert b"numpy._core" not in stream.getvalue()


# What would run


def attacks(folder: Path) -> dict[str, tuple[bytes, str]]:
    """(pickle, what it asks for) of programs that each leave a file, were they run."""
    marker = folder / "ran"
    shell, code = f"touch {marker}", f"open({str(marker)!r}, 'w').close()"
    (folder / "bait.npy").write_bytes(npy_bytes(pickle.dumps(Asks(os.system, shell), 4)))
    nested = np.array([{"deep": [Asks(os.system, shell)]}], dtype=object)
    call = b"(" + text(shell) + b"tR."
    return {
        "os.system": (b"cos\nsystem\n" + call, "os.system"),
        "eval": (b"cbuiltins\neval\n(" + text(code) + b"tR.", "builtins.eval"),
        "eval of Python 2": (
            b"\x80\x02c__builtin__\neval\n(" + text(code) + b"tR.", "__builtin__.eval"
        ),
        "stack global": (b"\x80\x04" + asked("os", "system") + call, "os.system"),
        "dots": (b"\x80\x04" + asked("shutil", "os.system") + call, "shutil.os.system"),
        "dots after numpy": (
            b"\x80\x04" + asked("numpy", "lib._npyio_impl.os.system") + call,
            "numpy.lib._npyio_impl.os.system",
        ),
        "dots after multiarray": (
            b"\x80\x04" + asked("numpy._core.multiarray", "functools.partial")
            + b"(" + asked("os", "system") + text(shell) + b"tR)R.",
            "numpy._core.multiarray.functools.partial",
        ),
        "partial": (
            pickle.dumps(Asks(functools.partial(os.system, shell)), 4), "functools.partial"
        ),
        "numpy.load": (
            b"cnumpy\nload\n(" + text(str(folder / "bait.npy")) + b"N\x88tR.", "numpy.load"
        ),
        "INST": (b"(" + text(shell) + b"ios\nsystem\n.", "os.system"),
        "OBJ": (b"(cos\nsystem\n" + text(shell) + b"o.", "os.system"),
        "in an array": (pickle.dumps(nested, 4), "posix.system|nt.system"),
        "in a key": (pickle.dumps(objects({(1, Asks(os.system, shell)): 1}), 4), "posix.system"),
        "through the state of an object": (
            b"ccodecs\nIncrementalDecoder\n)\x81}" + text("errors") + b"cos\nsystem\n" + call[:-1]
            + b"sb.",
            "codecs.IncrementalDecoder",
        ),
    }  # fmt: skip


ATTACKS = (
    "os.system", "eval", "eval of Python 2", "stack global", "dots", "dots after numpy",
    "dots after multiarray", "partial", "numpy.load", "INST", "OBJ", "in an array", "in a key",
    "through the state of an object",
)  # fmt: skip


@pytest.mark.parametrize("wrapped", [as_npy, as_npz])
@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_runs_and_what_was_asked_for_is_named(name, wrapped, tmp_path):
    pickled, asks_for = attacks(tmp_path)[name]
    read = wrapped(tmp_path, pickled)
    with pytest.raises(BadInput, match=rf"mine\.np.* asks for ({asks_for}), which is not data; it"):
        read()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ATTACKS)
def test_the_same_files_do_run_where_pickles_are_trusted(name, tmp_path):
    as_npy(tmp_path, attacks(tmp_path)[name][0])
    with contextlib.suppress(Exception):
        np.load(tmp_path / "mine.npy", allow_pickle=True)
    assert (tmp_path / "ran").exists()


def test_every_attack_is_tried(tmp_path):
    assert set(ATTACKS) == set(attacks(tmp_path))


def test_the_extension_registry_is_not_consulted(tmp_path):
    copyreg.add_extension("os", "system", 240)
    try:
        pickled = pickle.dumps(Asks(os.system, f"touch {tmp_path / 'ran'}"), 4)
        assert b"\x82\xf0" not in pickled  # os.system pickles as posix.system
        by_number = b"\x82\xf0(" + text(f"touch {tmp_path / 'ran'}") + b"tR."
        with pytest.raises(BadInput, match="asks for number 240 of the extension registry"):
            as_npy(tmp_path, by_number)()
        assert not (tmp_path / "ran").exists()
    finally:
        copyreg.remove_extension("os", "system", 240)


HARMFUL = {
    "another array class": RECONSTRUCT + b"cnumpy\nmemmap\nK\x00\x85C\x01b\x87R.",
    "a bare array": NDARRAY + b"J\x00\x00\x00\x7f\x85R.",
    "an array begun full": RECONSTRUCT + NDARRAY + b"J\x00\x00\x00\x7f\x85C\x01b\x87R.",
    "another codec": b"c_codecs\nencode\n" + text("a") + text("idna") + b"\x86R.",
    "a text beyond latin1": b"c_codecs\nencode\n" + text("\u20ac") + text("latin1") + b"\x86R.",
    "bytes by number": b"cbuiltins\nbytes\nJ\x00\x00\x00\x7f\x85R.",
    "a type by words": b"cnumpy\ndtype\n" + text("f4,O") + b"K\x00K\x01\x87R.",
    "a type by dictionary": b"cnumpy\ndtype\n}K\x00K\x01\x87R.",
    "a type without arguments": b"cnumpy\ndtype\n)R.",
    "a scalar of too little": b"cnumpy.core.multiarray\nscalar\n" + FLOATS + b"C\x01a\x86R.",
    "a scalar without a type": b"cnumpy.core.multiarray\nscalar\nNC\x01a\x86R.",
    "a call of a text": text("os.system") + b")R.",
    "a call of the array class's new": NDARRAY + b")\x81.",
    "state for a class": NDARRAY + b"}" + text("__setstate__") + b"Nsb.",
    "state for a name": b"c_codecs\nencode\n}" + text("__call__") + b"Nsb.",
    "state for a dictionary": b"}}b.",
    "a second state": FLOATS + b"Nb.",
    "a class as data": b"]" + NDARRAY + b"a.",
    "a persistent id": text("x") + b"Q.",
    "a persistent id in text": b"Px\n.",
    "a set": b"\x8f.",
    "an out-of-band buffer": b"\x97.",
    "OrderedDict": pickle.dumps(OrderedDict(a=1), 4),
    "a number of 4000 bits": pickle.dumps(1 << 4000, 4),
    "a complex number": pickle.dumps(1j, 4),
    "a date": pickle.dumps(objects(np.zeros(2, "M8[s]")), 4),
    "fields": pickle.dumps(objects(np.zeros(2, [("a", "f4"), ("b", "O")])), 4),
    "a masked array": pickle.dumps(objects(np.ma.zeros(2)), 4),
    "a type that hides objects": one_array(
        b"K\x01\x85", FLOATS.replace(b"NNN", b"N" + text("a") + b"\x85}"), b"C\x04aaaa"
    ),
    "a type of unknown order": one_array(b"K\x01\x85", FLOATS.replace(b"<", b"!"), b"C\x04aaaa"),
    "too little data": one_array(b"K\x02\x85", FLOATS, b"C\x04aaaa"),
    "too much data": one_array(b"K\x01\x85", FLOATS, b"C\x08aaaaaaaa"),
    "data that is a list": one_array(b"K\x01\x85", FLOATS, b"]"),
    "a negative length": one_array(b"J\xff\xff\xff\xff\x85", FLOATS, b"C\x04aaaa"),
    "a shape that is a text": one_array(text("1"), FLOATS, b"C\x04aaaa"),
    "a state without a type": one_array(b"K\x01\x85", b"N", b"C\x04aaaa"),
    "something else than an array": b"K\x01.",
    "an array of another shape": pickle.dumps(np.empty(3, dtype=object), 4),
}


@pytest.mark.parametrize("wrapped", [as_npy, as_npz])
@pytest.mark.parametrize("name", HARMFUL)
def test_an_allowed_name_takes_only_what_data_gives_it(name, wrapped, tmp_path):
    with pytest.raises(BadInput, match=r"mine\.np.*; it was not read") as refusal:
        wrapped(tmp_path, HARMFUL[name])()
    assert "\n" not in str(refusal.value)


def test_the_parts_of_those_files_make_an_array_when_they_fit(tmp_path):
    fits = one_array(b"K\x01\x85", FLOATS, b"C\x04" + struct.pack("<f", 2.5))
    assert as_npy(tmp_path, fits)().tolist() == [2.5]


def test_a_name_that_cannot_be_shown_is_escaped_and_cut(tmp_path):
    pickled = b"\x80\x04" + asked("o\u202es\n\x1b[31m", "a" * 500) + b"."
    with pytest.raises(BadInput) as refusal:
        as_npy(tmp_path, pickled)()
    assert str(refusal.value).isprintable() and len(str(refusal.value)) < 300 + len(str(tmp_path))


# What would fill the machine


BOMBS = {
    "an array of a petabyte": (
        one_array(b"\x8a\x07\0\0\0\0\0\0\x04\x85", FLOATS, b"C\x04aaaa"), "should hold",
    ),
    "lengths that overflow": (
        one_array(b"\x8a\x05\0\0\0\0\x01\x8a\x05\0\0\0\0\x01\x86", FLOATS, b"C\x00"), "should hold",
    ),
    "bytes that are not there": (b"\x8e" + struct.pack("<Q", 1 << 40), "cannot be read"),
    "a text that is not there": (b"X\xff\xff\xff\xff", "cannot be read"),
    "a number that is not there": (b"\x8b\xff\xff\xff\x7f", "cannot be read"),
    "lists in lists": (b"]" * 200_000 + b"a" * 199_999 + b".", "more than 32 deep"),
    "tuples in tuples": (b")" + b"\x85" * 200_000 + b".", "more than 32 deep"),
    "tuples as a key": (b"})" + b"\x85" * 200_000 + b"Ns.", "keys are not texts"),
    "marks": (b"(" * 200_000 + b"t" * 200_000 + b".", "more than 32 deep"),
    "a list in itself": (b"]\x94h\x00a.", "more than 32 deep"),
    "a dictionary in itself": (b"}\x94" + text("a") + b"h\x00s.", "more than 32 deep"),
    "lists that double": (
        b"(]\x94" + b"".join(b"](h%ch%ce\x94" % (n, n) for n in range(30)) + b"t.",
        "fill far more",
    ),
    "an array named again and again": (
        pickle.dumps(objects([np.zeros(1 << 14)] * 4000), 4), "fill far more",
    ),
    "an array in itself": (
        b"\x80\x04" + RECONSTRUCT + NDARRAY + b"K\x00\x85C\x01b\x87R\x94(K\x01)"
        + FLOATS.replace(b"f4", b"O8").replace(b"<", b"|") + b"\x89]h\x00atb.",
        "an array inside itself",
    ),
    "a thousand axes": (
        one_array(b"(" + b"K\x01" * 1000 + b"t", FLOATS, b"C\x04aaaa"), "proper shape",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_cannot_ask_for_much(name, tmp_path):
    pickled, sentence = BOMBS[name]
    with pytest.raises(BadInput, match=sentence) as refusal:
        as_npy(tmp_path, pickled)()
    assert "\n" not in str(refusal.value)


def test_a_header_cannot_ask_for_much(tmp_path):
    for shape in ((1 << 50,), (1 << 40, 1 << 40), (-1,), (1,) * 40):
        stream = io.BytesIO()
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(stream, header)
        (tmp_path / "a.npy").write_bytes(stream.getvalue() + b"aaaa")
        with pytest.raises(BadInput, match=r"a\.npy (should hold|has an array)"):
            load_object(tmp_path / "a.npy")


def test_plain_arrays_with_fields_or_dates_are_refused(tmp_path):
    for dtype in ([("a", "f4"), ("b", "f4")], "M8[s]", [("a", "O")]):
        np.save(tmp_path / "a.npy", np.zeros(2, dtype), allow_pickle=True)
        with pytest.raises(BadInput, match="neither numbers nor texts"):
            load_object(tmp_path / "a.npy")


def test_a_zip_that_unpacks_to_more_than_allowed_is_refused_unread(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(1 << 20), b=np.zeros(1 << 20))
    assert (tmp_path / "a.npz").stat().st_size < 1 << 16
    with pytest.raises(BadInput, match=r"unpacks to 16777\d+ bytes, .* more than the 9000000"):
        load_npz(tmp_path / "a.npz", largest=9_000_000)
    assert len(load_npz(tmp_path / "a.npz", ["a"], largest=9_000_000)["a"]) == 1 << 20


def test_a_zip_whose_directory_lies_gives_no_more_than_it_said(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(1 << 20))
    true, said = struct.pack("<I", (8 << 20) + 128), struct.pack("<I", 4096)
    content = (tmp_path / "a.npz").read_bytes()
    assert true in content
    (tmp_path / "a.npz").write_bytes(content.replace(true, said))
    with pytest.raises(BadInput, match=r"a\.npz, a (cannot be read: Bad CRC|should hold)"):
        load_npz(tmp_path / "a.npz", largest=4096)


# What is broken


def test_a_file_cut_anywhere_is_told_in_one_sentence(tmp_path):
    whole = npy_bytes(pickle.dumps(objects(DATA["nested"]), 4))
    file = tmp_path / "a.npy"
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(BadInput, match=r"a\.npy") as refusal:
            load_object(file)
        assert str(refusal.value).isprintable()


def test_a_file_with_a_wrong_byte_is_read_or_refused(tmp_path):
    whole = npy_bytes(pickle.dumps(objects({(1, "a"): np.eye(2), "b": [1.5, None]}), 4))
    file, refused = tmp_path / "a.npy", 0
    for place in range(len(whole)):
        for byte in (0x00, 0x28, 0x52, 0x62, 0x80, 0xFF, whole[place] ^ 1):
            file.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
            try:
                load_object(file)
            except BadInput as refusal:
                refused += str(refusal).isprintable()
    assert refused > len(whole)


def test_a_zip_that_is_damaged_is_told(tmp_path):
    np.savez(tmp_path / "a.npz", a=objects({"b": np.arange(1000)}))
    whole = (tmp_path / "a.npz").read_bytes()
    broken = {
        "cut": whole[: len(whole) // 2],
        "checksum": whole[:1000] + b"x" + whole[1001:],
        "encrypted": re.sub(rb"(PK\x01\x02....)..", b"\\1\x01\x00", whole, flags=re.S),
        "no zip": b"not a zip",
    }
    for content in broken.values():
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(BadInput, match=r"a\.npz.* cannot be read: "):
            load_npz(tmp_path / "a.npz")


def test_a_missing_member_is_told_with_what_there_is(tmp_path):
    np.savez(tmp_path / "a.npz", positions_2d=np.zeros(2), metadata=np.zeros(2))
    with pytest.raises(BadInput, match="should hold positions_3d, got positions_2d, metadata"):
        load_npz(tmp_path / "a.npz", ["positions_3d"])


@pytest.mark.parametrize("read", [load_object, load_npz])
def test_a_file_that_is_missing_empty_or_something_else_is_told(read, tmp_path):
    with pytest.raises(BadInput, match="there is no such file"):
        read(tmp_path / "a")
    with pytest.raises(BadInput, match="there is no such file"):
        read(tmp_path)
    for content in (b"", b"text", b"\x93NUMPY\x07\x00", b"\x93NUMPY\x01\x00\x05\x00(((((\n"):
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(BadInput, match="cannot be read|is of format") as refusal:
            read(tmp_path / "a")
        assert str(refusal.value).isprintable()
