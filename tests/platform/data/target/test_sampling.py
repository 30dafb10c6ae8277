"""So many rows, evenly over the clips."""

import numpy as np
import pytest

from evoskeleton.platform.data.target.sampling import even_over_clips


def clips(*sizes: int) -> np.ndarray:
    return np.repeat([f"clip {number}" for number in range(len(sizes))], sizes)


@pytest.mark.parametrize(
    ("sizes", "most", "counts"),
    [
        ((1000, 10, 100), 60, (25, 10, 25)),
        ((50, 50), 100, (50, 50)),
        ((7, 5), 4, (2, 2)),
        ((1, 1, 900), 12, (1, 1, 10)),
        ((40, 40, 40), 90, (30, 30, 30)),
    ],
)
def test_every_clip_gives_as_many_as_far_as_it_has_them(sizes, most, counts):
    clip = clips(*sizes)
    kept = clip[even_over_clips(clip, most, 3)]
    assert tuple((kept == f"clip {number}").sum() for number in range(len(sizes))) == counts


def test_what_is_left_over_is_drawn_among_the_clips():
    clip = clips(*[30] * 10)
    kept = even_over_clips(clip, 25, 1)
    counts = np.bincount(kept // 30, minlength=10)
    assert sorted(counts) == [2] * 5 + [3] * 5
    others = [np.bincount(even_over_clips(clip, 25, seed) // 30, minlength=10) for seed in range(9)]
    assert any((other != counts).any() for other in others)


def test_of_more_clips_than_rows_some_give_one():
    kept = even_over_clips(clips(*[4] * 50), 20, 5)
    assert len(kept) == 20 and np.bincount(kept // 4).max() == 1


def test_rows_of_a_clip_lie_evenly_along_it():
    kept = even_over_clips(clips(1000, 1000), 100, 2)
    first = kept[kept < 1000]
    assert np.array_equal(first // 20, np.arange(50))
    assert len(set((first % 20).tolist())) > 5, "where in its stretch is drawn"


def test_clips_may_be_mixed_with_one_another():
    clip = clips(300, 300)
    mixed = np.random.default_rng(1).permutation(600)
    kept = clip[mixed][even_over_clips(clip[mixed], 40, 1)]
    assert (kept == "clip 0").sum() == 20


def test_a_seed_repeats_and_another_draws_others():
    clip = clips(500, 20)
    once, again = even_over_clips(clip, 30, 1), even_over_clips(clip, 30, 1)
    assert np.array_equal(once, again)
    assert not np.array_equal(once, even_over_clips(clip, 30, 2))
