"""Stateless random numbers: a draw is a pure function of its address.

An address is a key (campaign seed, generation, island, stream, attempt, folded into 64 bits) and a
counter (the slot of one offspring, the index of one pair). Batches of any size, in any order, on
any worker, therefore draw the same numbers, and nothing has to be saved to go on after a kill.

The generator is SplitMix64 used by counter (Steele, Lea and Flood 2014, "Fast splittable
pseudorandom number generators", https://doi.org/10.1145/2660193.2660195): every address is hashed
to its own starting point, from which the draws of that address follow. int64 tensors stand for the
unsigned words; overflow wraps.
"""

import hashlib

import torch
from torch import Tensor

_GAMMA = 0x9E3779B97F4A7C15
_MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_WORD = (1 << 64) - 1
_UNIT = 2.0**-24


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


def _mix_word(word: int) -> int:
    word = ((word ^ (word >> 30)) * _MULTIPLIERS[0]) & _WORD
    word = ((word ^ (word >> 27)) * _MULTIPLIERS[1]) & _WORD
    return word ^ (word >> 31)


def _mix(words: Tensor) -> Tensor:
    """SplitMix64's finaliser; `>>` of int64 copies the sign, so the copies are masked away."""
    words = (words ^ ((words >> 30) & ((1 << 34) - 1))) * _signed(_MULTIPLIERS[0])
    words = (words ^ ((words >> 27) & ((1 << 37) - 1))) * _signed(_MULTIPLIERS[1])
    return words ^ ((words >> 31) & ((1 << 33) - 1))


def key(*words: int) -> int:
    """Fold any number of integers (seed, generation, island, stream, ...) into a 64-bit key."""
    folded = 0
    for word in words:
        folded = _mix_word((folded * 3 + word + _GAMMA) & _WORD)
    return folded


def stream(name: str) -> int:
    """The number of a named stream: the first eight bytes of the SHA-256 of its name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def bits(key: int, counters: Tensor, draws: int) -> Tensor:
    """64 random bits a draw.

    Args:
        key: from `key`.
        counters: (n,) int64 addresses under that key.
        draws: how many words each address gets.

    Returns:
        (n, draws) int64 on the device of `counters`; a longer row begins with the shorter one.
    """
    start = _mix(counters * _signed(_GAMMA) + _signed(key))
    steps = torch.arange(1, draws + 1, device=counters.device) * _signed(_GAMMA)
    return _mix(start[:, None] + steps)


def _halves(key: int, counters: Tensor, draws: int) -> Tensor:
    """Two 24-bit integers out of every word, (n, draws) int64."""
    words = bits(key, counters, (draws + 1) // 2)
    halves = torch.stack([(words >> 40) & 0xFFFFFF, (words >> 8) & 0xFFFFFF], dim=2)
    return halves.flatten(1)[:, :draws]


def uniform(key: int, counters: Tensor, draws: int = 1) -> Tensor:
    """(n, draws) float32 in [0, 1), for (n,) int64 counters."""
    return _halves(key, counters, draws).to(torch.float32) * _UNIT


def normal(key: int, counters: Tensor, draws: int = 1) -> Tensor:
    """(n, draws) float32 of the standard normal (Box and Muller 1958), for (n,) int64 counters."""
    pairs = (draws + 1) // 2
    halves = _halves(key, counters, 2 * pairs).to(torch.float32)
    radius = torch.sqrt(-2.0 * torch.log((halves[:, 0::2] + 1.0) * _UNIT))
    angle = halves[:, 1::2] * (2.0 * torch.pi * _UNIT)
    values = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=2)
    return values.flatten(1)[:, :draws]


def integers(key: int, counters: Tensor, high: int, draws: int = 1) -> Tensor:
    """(n, draws) int64 in [0, high), for (n,) int64 counters."""
    return (bits(key, counters, draws) & ((1 << 62) - 1)) % high


def permutation(key: int, size: int, device: torch.device | str = "cpu") -> Tensor:
    """A random order of 0 ... size - 1, (size,) int64; the hashes never tie."""
    return bits(key, torch.arange(size, device=device), 1)[:, 0].argsort()
