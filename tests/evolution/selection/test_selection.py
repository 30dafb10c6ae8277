"""Selection: who breeds and who is kept, whatever the order in which bodies arrive."""

import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.selection.selection import (
    best,
    migrants,
    random_pairs,
    ranking,
    tournament,
)

NAN = float("nan")
GROUP = Draws(3, 1, 0)


@pytest.fixture
def fitness() -> torch.Tensor:
    return torch.tensor([3.0, 9.0, NAN, 9.0, -torch.inf, 5.0])


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.tensor([50, 40, 30, 20, 10, 60])


def test_the_fittest_come_first_ties_go_to_the_lower_id_and_the_unscored_last(fitness, ids):
    assert ids[ranking(fitness, ids)].tolist() == [20, 40, 60, 50, 10, 30]


def test_truncation_keeps_the_best(fitness, ids):
    assert ids[best(fitness, ids, 3)].tolist() == [20, 40, 60]
    assert len(best(fitness, ids, 0)) == 0


def test_choices_do_not_depend_on_the_order_of_arrival():
    ids = torch.arange(200) * 3 + 1
    fitness = (ids % 17).float()
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    for size in (1, 2, 5):
        chosen = tournament(GROUP, fitness, ids, size, 60)
        again = tournament(GROUP, fitness[order], ids[order], size, 60)
        assert ids[chosen].tolist() == ids[order][again].tolist()


@pytest.mark.parametrize("size", [1, 2, 3, 10, 500])
@pytest.mark.parametrize("winners", [0, 1, 50, 99, 100])
def test_a_tournament_has_as_many_winners_as_wanted_and_nobody_twice(size, winners):
    ids = torch.arange(100)
    chosen = tournament(GROUP, (ids % 13).float(), ids, size, winners)
    assert len(chosen) == winners == len(chosen.unique())


def test_winners_are_the_fitter_of_two_and_the_best_always_wins():
    ids = torch.arange(1000)
    fitness = ids.float()
    chosen = tournament(GROUP, fitness, ids, 2, 500)
    assert 999 in chosen.tolist() and 0 not in chosen.tolist()
    assert float(fitness[chosen].mean()) == pytest.approx(666, abs=25)


def test_a_tournament_of_one_draws_evenly():
    ids = torch.arange(4000)
    chosen = tournament(GROUP, ids.float(), ids, 1, 2000)
    assert float(chosen.float().mean()) == pytest.approx(2000, abs=60)


def test_other_generations_and_islands_hold_other_tournaments():
    ids = torch.arange(100)
    first = tournament(Draws(3, 1, 0), ids.float(), ids, 2, 30).tolist()
    assert first == tournament(Draws(3, 1, 0, attempt=2), ids.float(), ids, 2, 30).tolist()
    assert first != tournament(Draws(3, 2, 0), ids.float(), ids, 2, 30).tolist()
    assert first != tournament(Draws(3, 1, 1), ids.float(), ids, 2, 30).tolist()


def test_in_a_round_everybody_mates_once_and_with_somebody_else():
    mothers, fathers = random_pairs(GROUP, 40, 60)
    for start in (0, 20, 40):
        round_ = torch.cat([mothers[start : start + 20], fathers[start : start + 20]])
        assert sorted(round_.tolist()) == list(range(40))


@pytest.mark.parametrize("bodies", [2, 3, 5])
def test_few_bodies_mate_again_and_again_but_never_with_themselves(bodies):
    mothers, fathers = random_pairs(GROUP, bodies, 200)
    assert len(mothers) == 200 and (mothers != fathers).all()
    assert len(mothers.unique()) == bodies


def test_a_body_that_is_alone_mates_with_itself():
    mothers, fathers = random_pairs(GROUP, 1, 3)
    assert mothers.tolist() == fathers.tolist() == [0, 0, 0]


def test_the_fittest_move_on_unless_they_are_known_there(fitness, ids):
    assert ids[migrants(fitness, ids, 2)].tolist() == [20, 40]
    known = torch.tensor([20, 99])
    assert ids[migrants(fitness, ids, 2, known)].tolist() == [40, 60]
    assert len(migrants(fitness, ids, 99)) == 6


@pytest.mark.parametrize(
    "choose, message",
    [
        (lambda f, i: best(f, i, 7), r"count should lie in \[0, 6\].*got 7"),
        (lambda f, i: tournament(GROUP, f, i, 2, 7), r"winners should lie in \[0, 6\].*got 7"),
        (lambda f, i: tournament(GROUP, f, i, 0, 2), "size of a tournament should be at least 1"),
        (lambda f, i: ranking(f, i[:2]), r"ids should be \(6,\) like fitness, got \(2,\)"),
        (lambda f, i: random_pairs(GROUP, 0, 2), "an empty population cannot breed"),
    ],
)
def test_what_cannot_be_chosen_is_refused(fitness, ids, choose, message):
    with pytest.raises(BadInput, match=message):
        choose(fitness, ids)
