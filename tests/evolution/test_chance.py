"""Random numbers: pure functions of their addresses, and random enough."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import twins
from scipy import stats

from evoskeleton.evolution import chance
from evoskeleton.evolution.chance import Draws

KEY = chance.key(1, 2, 3)
MANY = torch.arange(50_000)


def test_words_equal_those_of_the_scalar_twin():
    counters = torch.tensor([0, 1, 2, 77, (1 << 40) + 5])
    ours = chance.bits(KEY, counters, 5)
    for row, counter in zip(ours.tolist(), counters.tolist(), strict=True):
        assert [word % (1 << 64) for word in row] == twins.words(KEY, counter, 5)


def test_numbers_of_a_slot_equal_those_of_the_scalar_twin():
    draws = Draws(7, 8, 9, attempt=2, slots=torch.tensor([4, 11]))
    uniform, normal = draws.numbers("a stream", 3, 5)
    for column, slot in enumerate((4, 11)):
        twin = twins.TwinDraws(7, 8, 9, 2, slot).numbers("a stream", 3, 5)
        assert uniform[:, column].tolist() == twin[0]
        assert normal[:, column].tolist() == pytest.approx(twin[1], abs=1e-5)


@pytest.mark.parametrize("draw", [chance.uniform, chance.normal])
def test_a_batch_of_any_size_and_order_draws_the_same(draw):
    whole = draw(KEY, MANY[:1003], 5)
    parts = torch.cat([draw(KEY, part, 5) for part in MANY[:1003].split(7)])
    assert torch.equal(whole, parts)
    shuffled = chance.permutation(4, 1003)
    assert torch.equal(draw(KEY, MANY[:1003][shuffled], 5), whole[shuffled])


def test_a_longer_row_begins_with_the_shorter_one():
    assert torch.equal(chance.bits(KEY, MANY[:9], 7)[:, :3], chance.bits(KEY, MANY[:9], 3))


def test_no_counter_at_all_draws_nothing():
    none = MANY[:0]
    assert chance.normal(KEY, none, 3).shape == (0, 3)
    assert chance.integers(KEY, none, 5).shape == (0, 1)


def test_uniform_numbers_are_uniform():
    numbers = chance.uniform(KEY, MANY, 4).numpy()
    assert numbers.min() >= 0.0 and numbers.max() < 1.0
    for column in numbers.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3


def test_normal_numbers_are_normal_and_independent():
    numbers = chance.normal(KEY, MANY, 4).numpy()
    for column in numbers.T:
        assert stats.kstest(column, "norm").pvalue > 1e-3
    off_diagonal = np.corrcoef(numbers.T) - np.eye(4)
    assert np.abs(off_diagonal).max() < 0.02


def test_neighbouring_slots_streams_attempts_and_seeds_have_nothing_in_common():
    base = Draws(1, 0, 0, slots=MANY)
    first = base.uniform("limbs")[0]
    others = [
        base.uniform("turn")[0],
        replace(base, attempt=1).uniform("limbs")[0],
        replace(base, seed=2).uniform("limbs")[0],
        replace(base, generation=1).uniform("limbs")[0],
        replace(base, island=1).uniform("limbs")[0],
        first.roll(1),
    ]
    for other in others:
        assert abs(np.corrcoef(first.numpy(), other.numpy())[0, 1]) < 0.02


def test_integers_cover_their_range_evenly():
    counts = torch.bincount(chance.integers(KEY, MANY, 7)[:, 0], minlength=7)
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3
    draws = Draws(1, 2, 3, slots=MANY[:10])
    assert draws.integers("x", 7, 3).shape == (3, 10)


def test_a_permutation_holds_everyone_once():
    order = chance.permutation(KEY, 1000)
    assert order.sort().values.tolist() == list(range(1000))
    assert order.tolist() != list(range(1000))


def test_draws_of_a_group_know_no_slots_and_no_attempt():
    draws = Draws(1, 2, 3, attempt=4, slots=MANY[:5])
    assert draws.group("pairs") == Draws(1, 2, 3).group("pairs")
    assert draws.group("pairs") != Draws(1, 2, 4).group("pairs")


def test_both_children_of_a_pair_share_its_draws():
    pairs = MANY[:6]
    daughters = Draws(1, 2, 3, slots=pairs, pairs=pairs)
    sons = Draws(1, 2, 3, slots=pairs + 6, pairs=pairs)
    assert torch.equal(daughters.of_pairs().uniform("x"), sons.of_pairs().uniform("x"))
    assert not torch.equal(daughters.uniform("x"), sons.uniform("x"))
