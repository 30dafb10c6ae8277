"""Pickles of plain data and arrays, carried out without trust.

A pickle is a program. Python's own unpickler runs it and can only be told which names it may look
up; whatever those names accept still runs. Here the instructions are listed by `pickletools`,
which runs nothing, and the few that data needs are carried out on plain values. Nothing is ever
imported or called on a file's behalf, and arrays are built from their bytes only after shape,
type and length agree.

What a pickle may hold: dictionaries, lists, tuples, texts, bytes, whole numbers of up to 64 bits,
floats, booleans, None, and numpy's arrays and scalars of these. What it may ask for is in
`ALLOWED`, under the names that numpy 1, numpy 2 and Python 2 write. Left out on purpose, because
none of the field's files needs them: sets, complex Python numbers, OrderedDict, structured and
date types, subclasses of arrays, protocol 5's out-of-band buffers.

Texts of Python 2 are read as latin1. Arrays that come back are read-only.
"""

import pickletools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

MOST_INSTRUCTIONS = 10_000_000
"""Longest pickle; a dictionary of a thousand arrays has some forty thousand."""

DEEPEST = 32
"""Most containers inside one another."""

MOST_AXES = 16

_SPREAD = 4

_SPREAD_FLOOR = 16 << 20

_LONGEST_KEY = 16

_BITS = 64

_UNKNOWN = "unknown"

ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): "array",
    ("numpy._core.multiarray", "_reconstruct"): "array",
    ("numpy.core.multiarray", "scalar"): "scalar",
    ("numpy._core.multiarray", "scalar"): "scalar",
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "latin1",
    ("builtins", "bytes"): "empty bytes",
    ("__builtin__", "bytes"): "empty bytes",
}
"""Every (module, name) that a pickle may ask for, and what we make of it. `_codecs.encode` is
bytes of protocol 2 as latin1 text, and `bytes` without arguments its empty bytes; nothing else is
taken from these two."""

_TYPE = re.compile(r"b1|[iu][1248]|f[248]|c8|c16|[SU][1-9]\d{0,5}|O[48]?")
_NO_PLAIN_TYPE = "which is neither numbers nor texts"


class Stream(Protocol):
    """What a pickle is read from: a file whose length is known."""

    left: int

    def read(self, size: int = -1, /) -> bytes: ...
    def readline(self) -> bytes: ...


class Refused(Exception):
    """What is wrong with a file, as the end of a sentence that begins with its name."""


def printable(text: str, most: int = 120) -> str:
    """Text of a file on one line of a message: cut, and escaped where it cannot be shown."""
    shown = repr(" ".join(text.split()))[1:-1]
    return shown if len(shown) <= most else f"{shown[:most]}..."


@dataclass(eq=False)
class Record:
    """What a pickle holds of an object of a class that is not data; the class is never looked up.

    Attributes:
        name: of the class or function, "module.name".
        arguments: that it would be called with.
        state: that it would be given.
    """

    name: str
    arguments: Any = None
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)
    values: list[Any] = field(default_factory=list)


def unpickle(stream: Stream, *, inert: bool = False) -> Any:
    """The value that a pickle holds.

    Args:
        stream: the pickle.
        inert: take what is not data as `Record`; nothing of it is run then, either.

    Raises:
        Refused: it asks for anything that is not data, or for far more memory than it has bytes.
        ValueError and the like: it is damaged.
    """
    return _Unpickler(stream, inert).load()


def check_plain(dtype: np.dtype) -> None:
    """Refuse arrays of anything but numbers and texts."""
    if dtype.hasobject or not _TYPE.fullmatch(dtype.str[1:]):
        raise Refused(f"holds an array of {printable(str(dtype))}, {_NO_PLAIN_TYPE}")


def checked_count(shape: tuple[int, ...], dtype: np.dtype, available: int) -> int:
    """Elements of a shape, refused where its bytes are not there: nothing is reserved before."""
    check_shape(shape)
    count = int(np.prod([int(length) for length in shape], dtype=object))
    if count * dtype.itemsize > available:
        wanted = count * dtype.itemsize
        raise Refused(f"should hold {wanted} bytes for shape {shape}, got {available}")
    return count


def check_shape(shape: Any) -> None:
    whole = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
    if not whole or len(shape) > MOST_AXES:
        raise Refused("has an array without a proper shape")


def array_of(shape: tuple[int, ...], dtype: np.dtype, data: bytes, fortran: bool) -> np.ndarray:
    return np.ndarray(shape, dtype, buffer=data, order="F" if fortran else "C")


# The unpickler


@dataclass(frozen=True)
class _Global:
    """A name that was asked for, not what it names."""

    name: str
    use: str


@dataclass
class _Draft:
    """An array or a type between the instruction that begins it and the one that fills it."""

    finish: Callable[[Any], Any]
    memo_keys: list[int] = field(default_factory=list)


class _Unpickler:
    """Carries out the instructions that data needs; see the module's text."""

    def __init__(self, stream: Stream, inert: bool = False) -> None:
        self._inert = inert
        self._stream, self._size = stream, stream.left
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def load(self) -> Any:
        """The one value that the pickle builds."""
        for count, (opcode, argument, _) in enumerate(pickletools.genops(self._stream)):  # type: ignore[arg-type]
            act = _ACTS.get(opcode.name) or (_INERT.get(opcode.name) if self._inert else None)
            if act is None:
                raise Refused(_not_data(opcode.name, argument))
            if count >= MOST_INSTRUCTIONS:
                raise Refused(f"has a pickle of more than {MOST_INSTRUCTIONS} instructions")
            act(self, argument)
        value = self._pop()
        if self._stack or self._below:
            raise ValueError("values are left over")
        _Weights(max(_SPREAD_FLOOR, _SPREAD * self._size)).weigh(value)
        return value

    def _pop(self) -> Any:
        return self._stack.pop()

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop_marked(self) -> list[Any]:
        values, self._stack = self._stack, self._below.pop()
        return values

    def mark(self, _: Any) -> None:
        self._below.append(self._stack)
        self._stack = []

    def push_int(self, value: int) -> None:
        if value.bit_length() > _BITS:
            raise Refused(f"holds a whole number of more than {_BITS} bits")
        self._push(value)

    def push_marked_tuple(self, _: Any) -> None:
        self._push(tuple(self._pop_marked()))

    def push_marked_list(self, _: Any) -> None:
        self._push(self._pop_marked())

    def push_marked_dict(self, _: Any) -> None:
        values = self._pop_marked()
        pairs = zip(values[::2], values[1::2], strict=True)
        self._push({_checked_key(key): value for key, value in pairs})

    def push_tuple(self, length: int) -> None:
        self._push(tuple([self._pop() for _ in range(length)][::-1]))

    def append(self, _: Any) -> None:
        value = self._pop()
        self._last(list).append(value)

    def extend(self, _: Any) -> None:
        values = self._pop_marked()
        self._last(list).extend(values)

    def set_item(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        self._last(dict)[_checked_key(key)] = value

    def set_items(self, _: Any) -> None:
        values = self._pop_marked()
        for key, value in zip(values[::2], values[1::2], strict=True):
            self._last(dict)[_checked_key(key)] = value

    def _last(self, kind: type) -> Any:
        if type(self._stack[-1]) is Record:
            return self._stack[-1].items if kind is dict else self._stack[-1].values
        if type(self._stack[-1]) is not kind:
            raise ValueError(f"a {kind.__name__} should stand here")
        return self._stack[-1]

    def put(self, key: int) -> None:
        value = self._stack[-1]
        self._memo[key] = value
        if isinstance(value, _Draft):
            value.memo_keys.append(key)

    def memoize(self, _: Any) -> None:
        self.put(len(self._memo))

    def get(self, key: int) -> None:
        self._push(self._memo[key])

    def ask(self, pair: str) -> None:
        """GLOBAL: module and name in one text, a space between them."""
        module, _, name = pair.partition(" ")
        self._ask(module, name)

    def ask_by_stack(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        self._ask(module, name)

    def _ask(self, module: Any, name: Any) -> None:
        asked = f"{module}.{name}"
        known = type(module) is str and type(name) is str and (module, name) in ALLOWED
        if not known and not self._inert:
            raise Refused(_asks_for(asked))
        self._push(_Global(asked, ALLOWED[module, name] if known else _UNKNOWN))

    def call(self, _: Any) -> None:
        """REDUCE: only a name that was allowed, and only with the arguments that data has."""
        arguments, asked = self._pop(), self._pop()
        if self._inert and type(asked) is _Global and asked.use == _UNKNOWN:
            self._push(Record(_class_of(asked, arguments), arguments))
            return
        if type(asked) is not _Global or asked.use not in _CALLS:
            raise Refused("calls what is no function of data")
        try:
            self._push(_CALLS[asked.use](arguments))
        except (ValueError, TypeError, LookupError):
            raise Refused(f"calls {asked.name} with what is not data") from None

    def build(self, _: Any) -> None:
        state, draft = self._pop(), self._pop()
        if type(draft) is Record:
            draft.state = state
            self._push(draft)
            return
        if type(draft) is not _Draft:
            raise Refused("sets the state of what is no array")
        try:
            value = draft.finish(state)
        except (ValueError, TypeError, OverflowError):
            raise Refused("has an array or a type whose state does not fit") from None
        for key in draft.memo_keys:
            self._memo[key] = value
        self._push(value)

    def new_object(self, _: Any) -> None:
        """NEWOBJ: an object of a class, as a record."""
        arguments, asked = self._pop(), self._pop()
        if type(asked) is not _Global:
            raise Refused("makes an object of what is no class")
        self._push(Record(asked.name, arguments))

    def add_items(self, _: Any) -> None:
        values = self._pop_marked()
        self._last(list).extend(values)


def _class_of(asked: _Global, arguments: Any) -> str:
    """The class that `copyreg._reconstructor` makes an object of; else what is called."""
    first = arguments[0] if type(arguments) is tuple and arguments else None
    return first.name if type(first) is _Global else asked.name


def _pushes(make: Callable[[], Any]) -> Callable[[_Unpickler, Any], None]:
    return lambda machine, _: machine._push(make())


_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}
_TEXTS = (
    "STRING",
    "UNICODE",
    "BINSTRING",
    "SHORT_BINSTRING",
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE8",
)
_BYTES = ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8")
_NUMBERS = ("INT", "LONG", "LONG1", "LONG4", "BININT", "BININT1", "BININT2")

_ACTS: dict[str, Callable[[_Unpickler, Any], None]] = {
    **{name: _pushes(make) for name, make in _CONSTANTS.items()},
    **dict.fromkeys((*_TEXTS, *_BYTES, "FLOAT", "BINFLOAT"), _Unpickler._push),
    **dict.fromkeys(_NUMBERS, _Unpickler.push_int),
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda machine, _: None),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Unpickler.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Unpickler.get),
    "MARK": _Unpickler.mark,
    "TUPLE": _Unpickler.push_marked_tuple,
    "LIST": _Unpickler.push_marked_list,
    "DICT": _Unpickler.push_marked_dict,
    "TUPLE1": lambda machine, _: machine.push_tuple(1),
    "TUPLE2": lambda machine, _: machine.push_tuple(2),
    "TUPLE3": lambda machine, _: machine.push_tuple(3),
    "APPEND": _Unpickler.append,
    "APPENDS": _Unpickler.extend,
    "SETITEM": _Unpickler.set_item,
    "SETITEMS": _Unpickler.set_items,
    "MEMOIZE": _Unpickler.memoize,
    "GLOBAL": _Unpickler.ask,
    "STACK_GLOBAL": _Unpickler.ask_by_stack,
    "REDUCE": _Unpickler.call,
    "BUILD": _Unpickler.build,
}
"""What is done for each instruction; one that is not here is refused."""


_INERT: dict[str, Callable[[_Unpickler, Any], None]] = {
    "NEWOBJ": _Unpickler.new_object,
    "EMPTY_SET": _pushes(lambda: Record("builtins.set")),
    "ADDITEMS": _Unpickler.add_items,
}
"""What is done beside these where objects are taken as records."""


def _asks_for(asked: str) -> str:
    return f"asks for {printable(asked)}, which is not data"


def _not_data(opcode: str, argument: Any) -> str:
    """INST names a class, EXT a number of the extension registry, PERSID an object elsewhere."""
    if opcode == "INST":
        return _asks_for(argument.replace(" ", ".", 1))
    if opcode.startswith("EXT"):
        return _asks_for(f"number {argument} of the extension registry")
    if opcode.endswith("PERSID"):
        return _asks_for("an object kept elsewhere (a persistent id)")
    return f"uses the pickle instruction {opcode}, which data does not need"


def _checked_key(key: Any) -> Any:
    """A key that can be hashed at once: a plain value, or a tuple of a few."""
    parts = key if type(key) is tuple and len(key) <= _LONGEST_KEY else (key,)
    if not all(_is_plain(part) for part in parts):
        raise Refused("has a dictionary whose keys are not texts, numbers or tuples of them")
    return key


def _is_plain(value: Any) -> bool:
    return type(value) in (str, int, float, bool, bytes, type(None)) or isinstance(
        value, np.generic
    )


# Arrays and types from their parts


def _begin_array(arguments: Any) -> _Draft:
    kind, shape, code = arguments
    if (
        type(kind) is not _Global
        or kind.use != "ndarray"
        or shape != (0,)
        or code not in (b"b", "b")
    ):
        raise ValueError
    return _Draft(_finish_array)


def _finish_array(state: Any) -> np.ndarray:
    version, shape, dtype, fortran, data = state
    if version != 1 or not isinstance(dtype, np.dtype):
        raise ValueError
    check_shape(shape)
    if dtype.kind == "O":
        return _object_array(shape, data)
    data = _as_bytes(data)
    if checked_count(shape, dtype, len(data)) * dtype.itemsize != len(data):
        raise ValueError
    return array_of(shape, dtype, data, fortran is True or fortran == 1)


def _object_array(shape: tuple[int, ...], values: Any) -> np.ndarray:
    """Objects are listed in C order whatever order the array was kept in."""
    if type(values) is not list:
        raise ValueError
    return np.fromiter(values, dtype=object, count=len(values)).reshape(shape)


def _begin_type(arguments: Any) -> _Draft:
    code = arguments[0]
    if type(code) is not str or not _TYPE.fullmatch(code):
        raise Refused(f"holds an array of {printable(str(code))}, {_NO_PLAIN_TYPE}")
    dtype = np.dtype("O" if code.startswith("O") else code)
    return _Draft(lambda state: _finish_type(dtype, state))


def _finish_type(dtype: np.dtype, state: Any) -> np.dtype:
    """The state adds the order of bytes; one with fields or an inner array is no plain type."""
    _, order, inner, names, fields = state[:5]
    if order not in ("<", ">", "|", "=") or (inner, names, fields) != (None, None, None):
        raise ValueError
    return dtype.newbyteorder(order) if order in "<>" else dtype


def _scalar(arguments: Any) -> Any:
    dtype, data = arguments
    data = _as_bytes(data)
    if not isinstance(dtype, np.dtype) or dtype.kind == "O" or len(data) != dtype.itemsize:
        raise ValueError
    return array_of((), dtype, data, False)[()]


def _latin1(arguments: Any) -> bytes:
    text, encoding = arguments
    if encoding != "latin1":
        raise ValueError
    return _as_bytes(text)


def _empty_bytes(arguments: Any) -> bytes:
    if arguments != ():
        raise ValueError
    return b""


def _as_bytes(data: Any) -> bytes:
    """Bytes of Python 2 come as text that was read as latin1."""
    if type(data) is str:
        return data.encode("latin1")
    if type(data) is not bytes:
        raise ValueError
    return data


_CALLS: dict[str, Callable[[Any], Any]] = {
    "array": _begin_array,
    "dtype": _begin_type,
    "scalar": _scalar,
    "latin1": _latin1,
    "empty bytes": _empty_bytes,
}


class _Weights:
    """Height and size of a value, each container looked at once however often it is shared.

    A few bytes can name one container inside another a hundred times over, and whoever walks the
    result would never end: what it would spread to is bounded by what the file holds.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[int, tuple[int, int]] = {}

    def weigh(self, value: Any, depth: int = 0) -> tuple[int, int]:
        """(containers inside one another, bytes or values) of a value that is `depth` deep."""
        if isinstance(value, np.ndarray) and value.dtype.kind != "O":
            return 0, 1 + value.nbytes
        if _is_plain(value) or isinstance(value, np.dtype):
            return 0, 1 + (len(value) if isinstance(value, str | bytes) else 0)
        height, size = self._known.get(id(value)) or self._weigh_parts(value, depth)
        if depth + height > DEEPEST:
            raise Refused(f"holds containers more than {DEEPEST} deep")
        if size > self._most:
            raise Refused("repeats its values until they fill far more than the file")
        return height, size

    def _weigh_parts(self, value: Any, depth: int) -> tuple[int, int]:
        if depth >= DEEPEST:
            raise Refused(f"holds containers more than {DEEPEST} deep")
        weights = [self.weigh(part, depth + 1) for part in _parts(value)]
        height = 1 + max((height for height, _ in weights), default=0)
        self._known[id(value)] = height, 1 + sum(size for _, size in weights)
        return self._known[id(value)]


def _parts(value: Any) -> Iterator[Any]:
    if type(value) is dict:
        yield from value.keys()
        yield from value.values()
    elif type(value) in (list, tuple):
        yield from value
    elif isinstance(value, np.ndarray):
        yield from value.flat
    elif type(value) is Record:
        yield from (value.arguments, value.state, value.items, value.values)
    elif type(value) is _Global and value.use == _UNKNOWN:
        return
    elif type(value) is _Global:
        raise Refused(_asks_for(value.name))
    else:
        raise Refused("has an array inside itself")
