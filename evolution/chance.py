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
from dataclasses import dataclass, replace

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
    """SplitMix64's finaliser, in place; `>>` of int64 copies the sign, so the copies are masked."""
    for shift, multiplier in zip((30, 27), _MULTIPLIERS, strict=True):
        words ^= (words >> shift).bitwise_and_((1 << (64 - shift)) - 1)
        words *= _signed(multiplier)
    words ^= (words >> 31).bitwise_and_((1 << 33) - 1)
    return words


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
        In memory the words of one draw lie side by side, here and in what is made of them.
    """
    start = _mix(counters * _signed(_GAMMA) + _signed(key))
    steps = torch.arange(1, draws + 1, device=counters.device) * _signed(_GAMMA)
    return _mix(start + steps[:, None]).T


def _halves(key: int, counters: Tensor, draws: int) -> Tensor:
    """Two 24-bit integers out of every word, float32 (draws, n)."""
    words = bits(key, counters, (draws + 1) // 2).T
    halves = torch.empty(len(words), 2, len(counters), device=counters.device)
    halves[:, 0] = (words >> 40).bitwise_and_(0xFFFFFF)
    halves[:, 1] = (words >> 8).bitwise_and_(0xFFFFFF)
    return halves.flatten(0, 1)[:draws]


def uniform(key: int, counters: Tensor, draws: int = 1) -> Tensor:
    """(n, draws) float32 in [0, 1), for (n,) int64 counters."""
    return (_halves(key, counters, draws) * _UNIT).T


def normal(key: int, counters: Tensor, draws: int = 1) -> Tensor:
    """(n, draws) float32 of the standard normal (Box and Muller 1958), for (n,) int64 counters."""
    pairs = (draws + 1) // 2
    halves = _halves(key, counters, 2 * pairs).view(pairs, 2, -1)
    radius = halves[:, 0].add(1.0).mul_(_UNIT).log_().mul_(-2.0).sqrt_()
    angle = halves[:, 1] * (2.0 * torch.pi * _UNIT)
    torch.mul(radius, angle.cos(), out=halves[:, 0])
    torch.mul(radius, angle.sin_(), out=halves[:, 1])
    return halves.flatten(0, 1)[:draws].T


def integers(key: int, counters: Tensor, high: int, draws: int = 1) -> Tensor:
    """(n, draws) int64 in [0, high), for (n,) int64 counters."""
    return (bits(key, counters, draws) & ((1 << 62) - 1)) % high


def permutation(key: int, size: int, device: torch.device | str = "cpu") -> Tensor:
    """A random order of 0 ... size - 1, (size,) int64; the hashes never tie."""
    return bits(key, torch.arange(size, device=device), 1)[:, 0].argsort()


@dataclass(frozen=True)
class Draws:
    """Where the chance of some offspring comes from: an address for every draw they may need.

    A draw depends on (seed, generation, island, stream, attempt, slot) and a draw that concerns a
    group on (seed, generation, island, stream), so that neither depends on the size of a batch.

    Attributes:
        seed: of the campaign.
        generation, island: where the offspring are bred.
        attempt: counts how often the same parents were tried for a slot.
        slots: (n,) int64, one for every offspring; none where only a group draws.
        pairs: (n,) int64, the pair of parents of every slot; none where slots are pairs.
    """

    seed: int
    generation: int
    island: int
    attempt: int = 0
    slots: Tensor | None = None
    pairs: Tensor | None = None

    def uniform(self, name: str, draws: int = 1) -> Tensor:
        """(draws, slots) float32 in [0, 1) of a named stream."""
        return uniform(self._key(name), self._slots(), draws).T

    def normal(self, name: str, draws: int = 1) -> Tensor:
        """(draws, slots) float32 of the standard normal of a named stream."""
        return normal(self._key(name), self._slots(), draws).T

    def integers(self, name: str, high: int, draws: int = 1) -> Tensor:
        """(draws, slots) int64 in [0, high) of a named stream."""
        return integers(self._key(name), self._slots(), high, draws).T

    def of_pairs(self) -> "Draws":
        """The draws that both children of a pair share."""
        return self if self.pairs is None else replace(self, slots=self.pairs, pairs=None)

    def group(self, name: str) -> int:
        """The key of a draw that concerns a whole group, for `permutation` and the like."""
        return key(self.seed, self.generation, self.island, stream(name))

    def _key(self, name: str) -> int:
        return key(self.seed, self.generation, self.island, stream(name), self.attempt)

    def _slots(self) -> Tensor:
        assert self.slots is not None, "draws of offspring want slots"
        return self.slots
