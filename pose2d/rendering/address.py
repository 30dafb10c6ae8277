"""Chance of pictures by address: a picture's draws depend on the seed and its number alone."""

import numpy as np

from evoskeleton.evolution.chance import key, stream


def draws_of(seed: int, number: int, name: str) -> np.random.Generator:
    """The random numbers of one purpose in one picture, the same in any process.

    Args:
        seed: of the data set.
        number: of the picture.
        name: what they are for, such as "light".
    """
    words = np.array([key(seed, number), key(stream(name))], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=words))
