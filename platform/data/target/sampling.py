"""So many of many rows, evenly over the clips that they belong to."""

import numpy as np
import torch

from evoskeleton.evolution.chance import integers, key, permutation, stream


def even_over_clips(clip: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Rows to keep.

    Every clip gives as many as the others, as far as it has them; of what is left over, one more
    comes from each of some clips, which are drawn. A clip's rows are drawn evenly along it: one
    from each of as many stretches of equal length.

    Args:
        clip: (rows,) anything that tells clips apart.
        most: rows to keep.
        seed: of the draws; each is addressed by the number of its clip or row.

    Returns:
        (kept,) int64 rows, ascending.
    """
    if len(clip) <= most:
        return np.arange(len(clip))
    numbers, sizes, first = _numbered(clip)
    counts = _shares(sizes, most, key(seed, stream("target clips")))
    rows = np.argsort(numbers, kind="stable")
    drawn = np.concatenate(
        [_stretches(*each) for each in zip(first, sizes, counts, strict=True)], axis=1
    )
    low, length = torch.from_numpy(drawn)
    chance = integers(key(seed, stream("target rows")), low, 1 << 62)[:, 0]
    kept: np.ndarray = np.sort(rows[(low + chance % length).numpy()])
    return kept


def _numbered(clip: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows,) number of each row's clip, by first appearance; (clips,) sizes, and first places."""
    _, seen, inverse = np.unique(clip, return_index=True, return_inverse=True)
    rank = np.empty(len(seen), np.int64)
    rank[np.argsort(seen)] = np.arange(len(seen))
    numbers = rank[inverse.reshape(-1)]
    sizes = np.bincount(numbers)
    return numbers, sizes, np.cumsum(sizes) - sizes


def _shares(sizes: np.ndarray, most: int, chance: int) -> np.ndarray:
    """(clips,) how many rows each gives; they sum to `most`, which is less than there are."""
    level = _level(sizes, most)
    counts: np.ndarray = np.minimum(sizes, level)
    order = permutation(chance, len(sizes)).numpy()
    more = order[sizes[order] > level][: most - int(counts.sum())]
    counts[more] += 1
    return counts


def _level(sizes: np.ndarray, most: int) -> int:
    """The most rows that every clip can give, as far as it has them, within `most` rows."""
    ordered = np.sort(sizes)
    below = np.cumsum(ordered) - ordered
    left = len(ordered) - np.arange(len(ordered))
    levels = (most - below) // left
    return int(levels[np.argmax(levels < ordered)])


def _stretches(first: int, size: int, count: int) -> np.ndarray:
    """(2, count) start and length of equal stretches of `size` places from `first` on."""
    ends = first + np.arange(count + 1) * size // max(count, 1)
    return np.stack([ends[:-1], np.diff(ends)])
