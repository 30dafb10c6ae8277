"""Arrays of messages: `FloatArray` to numpy and back."""

from collections.abc import Sequence
from math import prod

import numpy as np

from evoskeleton.annotation.generated.common_pb2 import FloatArray
from evoskeleton.errors import BadInput


def rows_of(name: str, floats: FloatArray, row: Sequence[int]) -> int:
    """How many rows a message holds; costs nothing, however large it is.

    Raises:
        BadInput: both forms are filled, the bytes are no float32, or the last row is not whole.
    """
    if floats.packed and floats.values:
        raise BadInput(f"{name} should be packed or values, got both")
    if len(floats.packed) % 4:
        raise BadInput(f"{name} should be float32 of 4 bytes each, got {len(floats.packed)} bytes")
    numbers = len(floats.packed) // 4 or len(floats.values)
    if numbers % prod(row):
        axes = ", ".join(map(str, row))
        raise BadInput(
            f"{name} should be (poses, {axes}): a multiple of {prod(row)} numbers, got {numbers}"
        )
    return numbers // prod(row)


def floats_to_array(floats: FloatArray, row: Sequence[int]) -> np.ndarray:
    """(rows, *row) float32 out of a message that `rows_of` has counted; may be read-only."""
    if floats.packed:
        return np.frombuffer(floats.packed, "<f4").reshape(-1, *row)
    return np.array(floats.values, np.float32).reshape(-1, *row)


def array_to_floats(array: np.ndarray, packed: bool) -> FloatArray:
    """A message out of an array of any shape."""
    if packed:
        return FloatArray(packed=np.ascontiguousarray(array, "<f4").tobytes())
    return FloatArray(values=array.ravel().tolist())
