"""Arrays of messages: `FloatArray` to numpy and back."""

from collections.abc import Sequence
from math import prod

import numpy as np

from evoskeleton.annotation.generated.common_pb2 import FloatArray
from evoskeleton.errors import BadInput


def floats_to_array(name: str, floats: FloatArray, row: Sequence[int]) -> np.ndarray:
    """(rows, *row) float32 out of a message; the array may be read-only.

    Raises:
        BadInput: both forms are filled, the bytes are no float32, or the last row is not whole.
    """
    if floats.packed and floats.values:
        raise BadInput(f"{name} should be packed or values, got both")
    if len(floats.packed) % 4:
        raise BadInput(f"{name} should be float32 of 4 bytes each, got {len(floats.packed)} bytes")
    if floats.packed:
        numbers = np.frombuffer(floats.packed, "<f4")
    else:
        numbers = np.array(floats.values, np.float32)
    if numbers.size % prod(row):
        axes = ", ".join(map(str, row))
        raise BadInput(
            f"{name} should be (poses, {axes}): a multiple of {prod(row)} numbers, "
            f"got {numbers.size}"
        )
    return numbers.reshape(-1, *row)


def array_to_floats(array: np.ndarray, packed: bool) -> FloatArray:
    """A message out of an array of any shape."""
    if packed:
        return FloatArray(packed=np.ascontiguousarray(array, "<f4").tobytes())
    return FloatArray(values=array.ravel().tolist())
