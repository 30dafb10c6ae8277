"""NSGA-II: DEAP's choices, whatever the order in which bodies arrive; and bands on scores."""

import math

import moocore
import numpy as np
import pytest
import torch
from deap import base, tools
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.selection.bands import BandSettings, within
from evoskeleton.evolution.selection.pareto import crowding, fitness, fronts, nsga2
from evoskeleton.evolution.selection.selection import tournament

NAN, INF = math.nan, math.inf


def crowd(bodies: int, objectives: int, seed: int) -> Tensor:
    return torch.randn(bodies, objectives, generator=torch.Generator().manual_seed(seed)).double()


class ThreeFold(base.Fitness):
    """DEAP's fitness of three objectives, higher is better."""

    weights = (1.0, 1.0, 1.0)


class Individual:
    """What DEAP wants of an individual."""

    def __init__(self, place: int, values: list[float]) -> None:
        self.place = place
        self.fitness = ThreeFold(values)


def deaps_choice(objectives: Tensor, count: int, nd: str) -> list[Individual]:
    individuals = [Individual(i, row) for i, row in enumerate(objectives.tolist())]
    return tools.selNSGA2(individuals, count, nd=nd)


def slow_fronts(rows: list[list[float]]) -> list[int]:
    """Peel those whom nobody left dominates, one pair at a time."""

    def dominates(one: list[float], other: list[float]) -> bool:
        return one != other and all(a >= b for a, b in zip(one, other, strict=True))

    found, left, front = [-1] * len(rows), set(range(len(rows))), 0
    while left:
        best = {i for i in left if not any(dominates(rows[j], rows[i]) for j in left)}
        for i in best:
            found[i] = front
        left, front = left - best, front + 1
    return found


@pytest.mark.parametrize("nd", ["standard", "log"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [1, 37, 60, 99, 100])
def test_survivors_are_deaps(seed, count, nd):
    """DEAP leaves ties to chance: the ends of a front are all infinitely far from one another."""
    objectives, ids = crowd(100, 3, seed), torch.arange(100)
    front = fronts(objectives)
    distance = crowding(objectives, front, ids)
    keys = [(f, -d) for f, d in zip(front.tolist(), distance.tolist(), strict=True)]
    chosen = nsga2(objectives, ids, count).tolist()
    deaps = deaps_choice(objectives, count, nd)
    places = [individual.place for individual in deaps]
    assert sorted(keys[i] for i in chosen) == sorted(keys[i] for i in places)
    last = max(keys[i] for i in chosen)
    assert {i for i in chosen if keys[i] < last} == {i for i in places if keys[i] < last}
    tied = [i for i in range(100) if keys[i] == last]
    assert [i for i in chosen if keys[i] == last] == tied[: sum(keys[i] == last for i in chosen)]
    for individual in deaps:
        assert float(distance[individual.place]) == pytest.approx(individual.fitness.crowding_dist)


def test_where_nothing_ties_survivors_are_deaps_to_the_last():
    objectives = crowd(200, 3, 10)
    front = fronts(objectives)
    distance = crowding(objectives, front, torch.arange(200))
    compared = 0
    for count in range(5, 200, 5):
        chosen, following = nsga2(objectives, torch.arange(200), count + 1)[-2:].tolist()
        if (front[chosen], distance[chosen]) == (front[following], distance[following]):
            continue
        found = nsga2(objectives, torch.arange(200), count).tolist()
        expected = [individual.place for individual in deaps_choice(objectives, count, "log")]
        assert sorted(found) == sorted(expected)
        compared += 1
    assert compared > 15


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
@pytest.mark.parametrize("values", [3, 1000])
def test_fronts_are_those_of_the_definition(objectives, values):
    """Few values make many equals and shared coordinates."""
    chance = torch.Generator().manual_seed(objectives)
    rows = torch.randint(values, (150, objectives), generator=chance).double()
    assert fronts(rows).tolist() == slow_fronts(rows.tolist())


@pytest.mark.parametrize("correlation", [-0.45, 0.0, 0.5, 0.99])
def test_fronts_of_large_crowds_are_those_of_moocore(correlation):
    shape = np.full((3, 3), correlation) + (1.0 - correlation) * np.eye(3)
    rows = np.random.default_rng(0).multivariate_normal(np.zeros(3), shape, 3000)
    expected = moocore.pareto_rank(rows, maximise=True)
    assert fronts(torch.from_numpy(rows)).tolist() == expected.tolist()


def test_a_chain_has_as_many_fronts_as_bodies():
    places = torch.arange(4000.0)
    rows = torch.stack([places, torch.zeros(4000), places * 0.5], dim=1)
    assert fronts(rows).tolist() == list(range(3999, -1, -1))


def test_the_order_of_arrival_changes_nothing():
    objectives = crowd(300, 3, 7).mul(2.0).round()
    ids = torch.randperm(300, generator=torch.Generator().manual_seed(1)) * 5
    order = torch.randperm(300, generator=torch.Generator().manual_seed(2))
    for count in (20, 150, 300):
        chosen = ids[nsga2(objectives, ids, count)]
        again = ids[order][nsga2(objectives[order], ids[order], count)]
        assert chosen.tolist() == again.tolist()


def test_among_equals_the_lower_id_goes_first():
    equal = torch.ones(5, 3)
    ids = torch.tensor([50, 40, 30, 20, 10])
    order = ids[nsga2(equal, ids)].tolist()
    assert order[0] == 10 and sorted(order) == [10, 20, 30, 40, 50]
    assert (fronts(equal) == 0).all()
    assert crowding(equal, fronts(equal), ids).tolist() == [INF, 0.0, 0.0, 0.0, INF]


def test_crowding_is_the_size_of_the_gap_around_a_body():
    rows = torch.tensor([[0.0, 10.0], [1.0, 9.0], [5.0, 5.0], [10.0, 0.0]])
    found = crowding(rows, torch.zeros(4, dtype=torch.int64), torch.arange(4))
    assert found.tolist() == pytest.approx([INF, 0.5, 0.9, INF])


def test_the_unscored_come_last():
    objectives = crowd(50, 3, 3)
    objectives[[4, 9, 30], [0, 1, 2]] = NAN
    front = fronts(objectives)
    assert set(front.argsort(stable=True)[-3:].tolist()) == {4, 9, 30}
    assert nsga2(objectives, torch.arange(50)).tolist()[-3:] == [4, 9, 30]
    known = [i for i in range(50) if i not in (4, 9, 30)]
    assert front[known].tolist() == slow_fronts(objectives[known].tolist())
    assert (fronts(torch.full((3, 3), NAN)) == 0).all()


def test_infinite_scores_compare_as_they_should():
    rows = torch.tensor([[INF, 1.0, 1.0], [5.0, 1.0, 1.0], [-INF, 1.0, 1.0], [4.0, INF, -INF]])
    assert fronts(rows).tolist() == [0, 1, 2, 0]
    for columns in ([0, 0, 1, 2], [0, 2]):
        expected = slow_fronts(rows[:, columns].tolist())
        assert fronts(rows[:, columns]).tolist() == expected
    distance = crowding(rows, fronts(rows), torch.arange(4))
    assert not distance.isnan().any()


def test_its_order_serves_as_fitness_in_tournaments():
    objectives = crowd(64, 3, 5)
    objectives[10] = NAN
    ids = torch.arange(64)
    score = fitness(objectives, ids)
    assert score.isnan().nonzero().tolist() == [[10]]
    assert (
        score.nan_to_num(-99).argsort(descending=True).tolist() == nsga2(objectives, ids).tolist()
    )
    winners = tournament(Draws(1, 1, 0), score, ids, 2, 32)
    assert int(nsga2(objectives, ids, 1)) in winners.tolist() and 10 not in winners.tolist()


def test_nobody_is_sorted_without_fuss():
    assert len(nsga2(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))) == 0


@pytest.mark.parametrize(
    "choose, message",
    [
        (lambda o, i: nsga2(o, i, 9), r"count should lie in \[0, 8\].*got 9"),
        (lambda o, i: nsga2(o, i[:3]), r"ids should be \(8\), got \(3,\)"),
        (lambda o, i: fronts(o[:, 0]), r"objectives should be \(bodies, objectives\), got \(8,\)"),
        (lambda o, i: fronts(o[:, :0]), "objectives should hold at least one column"),
        (lambda o, i: crowding(o, fronts(o)[:2], i), r"front should be \(8\), got \(2,\)"),
    ],
)
def test_what_cannot_be_sorted_is_refused(choose, message):
    with pytest.raises(BadInput, match=message):
        choose(crowd(8, 3, 0), torch.arange(8))


SCORES = torch.tensor([10.0, 20.0, 30.0, 40.0, 50.0, NAN])


@pytest.mark.parametrize(
    "band, inside",
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"low": 0.25, "high": 0.75}, [1, 2, 3]),
        ({"low": 0.3, "high": 0.6}, [1, 2, 3]),
        ({"high": 0.0}, [0]),
        ({"low": 1.0}, [4]),
        ({"by": "value", "low": 20.0, "high": 39.9}, [1, 2]),
        ({"by": "value", "high": 10.0}, [0]),
    ],
)
def test_a_band_leaves_out_the_trivial_and_the_impossible(band, inside):
    assert within(SCORES, BandSettings.parse(band)).nonzero()[:, 0].tolist() == inside


@pytest.mark.parametrize(
    "band, message",
    [
        ({"low": 0.9, "high": 0.1}, "a band from 0.9 to 0.1 is empty"),
        ({"low": -0.5}, r"should lie in \[0, 1\]"),
        ({"by": "value", "low": NAN}, "should be numbers"),
        ({"hihg": 0.5}, "unknown setting hihg; did you mean high"),
    ],
)
def test_bands_that_cannot_be_are_refused(band, message):
    with pytest.raises(BadInput, match=message):
        BandSettings.parse(band)


def test_a_band_by_value_may_leave_nobody():
    assert not within(SCORES, BandSettings.parse({"by": "value", "low": 1e9})).any()
    assert not within(torch.full((3,), NAN), BandSettings()).any()
