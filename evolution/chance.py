"""Stateless random numbers: a draw is a pure function of its address.

An address is a key (campaign seed, generation, island, stream, attempt, folded into 64 bits) and a
counter (the slot of one offspring, the index of one pair). Batches of any size, in any order, on
any worker, therefore draw the same numbers, and nothing has to be saved to go on after a kill.

The generator is SplitMix64 used by counter (Steele, Lea and Flood 2014, "Fast splittable
pseudorandom number generators", https://doi.org/10.1145/2660193.2660195): a counter is hashed to a
starting point, the key moves it, and the draws of that address follow from there. int64
tensors stand for the unsigned words; overflow wraps.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

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


@lru_cache(maxsize=1024)
def stream(name: str) -> int:
    """The number of a named stream: the first eight bytes of the SHA-256 of its name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def _hashed(counters: Tensor) -> Tensor:
    return _mix(counters * _signed(_GAMMA))


@lru_cache(maxsize=256)
def _steps(draws: int, device: torch.device) -> Tensor:
    return (torch.arange(1, draws + 1, device=device) * _signed(_GAMMA))[:, None]


def _words(hashes: Tensor, key: int, draws: int) -> Tensor:
    """64 random bits (draws, n) of hashed counters (n,)."""
    return _mix(hashes + (_steps(draws, hashes.device) + _signed(key)))


def _halves(hashes: Tensor, key: int, draws: int) -> Tensor:
    """Two 24-bit integers out of every word, float32 (draws, n)."""
    words = _words(hashes, key, (draws + 1) // 2)
    halves = torch.empty(len(words), 2, len(hashes), device=words.device)
    halves[:, 0] = (words >> 40).bitwise_and_(0xFFFFFF)
    halves[:, 1] = words.bitwise_right_shift_(8).bitwise_and_(0xFFFFFF)
    return halves.flatten(0, 1)


def _box_muller(halves: Tensor) -> Tensor:
    """24-bit integers (2 pairs, n) to as many standard normal numbers, in place."""
    pairs = halves.view(len(halves) // 2, 2, halves.shape[1])
    radius = pairs[:, 0].add_(1.0).mul_(_UNIT).log_().mul_(-2.0).sqrt_()
    angle = pairs[:, 1] * (2.0 * torch.pi * _UNIT)
    torch.mul(radius, angle.sin(), out=pairs[:, 1])
    radius *= angle.cos_()
    return halves


def _numbers(hashes: Tensor, key: int, uniforms: int, normals: int) -> tuple[Tensor, Tensor]:
    """Uniform (uniforms, n) and normal (normals, n) numbers from one address each."""
    halves = _halves(hashes, key, uniforms + normals + normals % 2)
    normal = _box_muller(halves[uniforms : uniforms + normals + normals % 2])
    return halves[:uniforms].mul_(_UNIT), normal[:normals]


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
    return _words(_hashed(counters), key, draws).T


def uniform(key: int, counters: Tensor, draws: int = 1) -> Tensor:
    """(n, draws) float32 in [0, 1), for (n,) int64 counters."""
    return _numbers(_hashed(counters), key, draws, 0)[0].T


def normal(key: int, counters: Tensor, draws: int = 1) -> Tensor:
    """(n, draws) float32 of the standard normal (Box and Muller 1958), for (n,) int64 counters."""
    return _numbers(_hashed(counters), key, 0, draws)[1].T


def integers(key: int, counters: Tensor, high: int, draws: int = 1) -> Tensor:
    """(n, draws) int64 in [0, high), for (n,) int64 counters."""
    return (bits(key, counters, draws) & ((1 << 62) - 1)) % high


def permutation(key: int, size: int, device: torch.device | str = "cpu") -> Tensor:
    """A random order of 0 ... size - 1, (size,) int64; the hashes never tie."""
    return bits(key, torch.arange(size, device=device), 1)[:, 0].argsort()


def hits(numbers: Tensor, rate: float) -> Tensor:
    """1 where a uniform number lies below the rate, else 0; float32 like `numbers`.

    Into floats at once: booleans would cost ten times as much.
    """
    return torch.lt(numbers, rate, out=torch.empty_like(numbers))


def picks(numbers: Tensor, count: int) -> Tensor:
    """Uniform numbers to int64 in [0, count); rounding may reach `count` itself."""
    return (numbers * count).long().clamp_(max=count - 1)


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
        owner: whose streams these are, such as "mine:wave"; empty for the built-in operators.
    """

    seed: int
    generation: int
    island: int
    attempt: int = 0
    slots: Tensor | None = None
    pairs: Tensor | None = None
    owner: str = ""

    def numbers(self, name: str, uniforms: int, normals: int) -> tuple[Tensor, Tensor]:
        """Uniform (uniforms, slots) and standard normal (normals, slots) numbers of one stream."""
        return _numbers(self._hashes, self._key(name), uniforms, normals)

    def uniform(self, name: str, draws: int = 1) -> Tensor:
        """(draws, slots) float32 in [0, 1) of a named stream."""
        return self.numbers(name, draws, 0)[0]

    def normal(self, name: str, draws: int = 1) -> Tensor:
        """(draws, slots) float32 of the standard normal of a named stream."""
        return self.numbers(name, 0, draws)[1]

    def integers(self, name: str, high: int, draws: int = 1) -> Tensor:
        """(draws, slots) int64 in [0, high) of a named stream."""
        return (_words(self._hashes, self._key(name), draws) & ((1 << 62) - 1)) % high

    def of_pairs(self) -> "Draws":
        """The draws that both children of a pair share."""
        return self if self.pairs is None else replace(self, slots=self.pairs, pairs=None)

    def of(self, owner: str) -> "Draws":
        """The same addresses in streams of somebody's own, whatever names they have."""
        return replace(self, owner=owner)

    def group(self, name: str) -> int:
        """The key of a draw that concerns a whole group, for `permutation` and the like."""
        return key(self.seed, self.generation, self.island, self._stream(name))

    def _key(self, name: str) -> int:
        return key(self.seed, self.generation, self.island, self._stream(name), self.attempt)

    def _stream(self, name: str) -> int:
        return stream(f"{self.owner} {name}" if self.owner else name)

    @cached_property
    def _hashes(self) -> Tensor:
        assert self.slots is not None, "draws of offspring want slots"
        return _hashed(self.slots)
