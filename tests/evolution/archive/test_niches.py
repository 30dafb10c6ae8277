"""Niches: the nearest bodies of every target, whatever the order of the batches."""

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution import chance
from evoskeleton.evolution.archive.niches import Change, Niches, NicheSettings
from evoskeleton.evolution.archive.resemblance import Sightings, Targets

TARGETS, QUOTA = 12, 4
KEY = chance.key(3, chance.stream("parents"))


def seen(bodies: int, distance: np.ndarray, first: int = 0) -> Sightings:
    """Sightings of a table of distances (targets, bodies); the view is the body's number mod 4."""
    target, body = np.nonzero(distance < 1)
    order = np.lexsort((body, distance[target, body], target))
    target, body = target[order].astype(np.int32), body[order].astype(np.int32)
    return Sightings(
        nearest=distance.min(0, initial=1.0).astype(np.float32),
        target=distance.argmin(0).astype(np.int32),
        hit_target=target,
        hit_body=body,
        hit_view=((body + first) % 4).astype(np.int32),
        hit_distance=distance[target, body].astype(np.float32),
        hit_penalty=np.zeros(len(body), np.float32),
    )


def distances(bodies: int, seed: int = 0) -> np.ndarray:
    """Made-up distances in tenths, so that many are alike; 1 is far."""
    return np.random.default_rng(seed).integers(1, 15, (TARGETS, bodies)).clip(max=10) / 10.0


def slow_niche(row: np.ndarray, ids: np.ndarray) -> list[tuple[float, int]]:
    """The quota best of one target, in the definition's words."""
    near = [(float(d), int(i)) for d, i in zip(row, ids, strict=True) if d < 1]
    return sorted(near)[:QUOTA]


def filled(bodies: int = 40, seed: int = 0) -> Niches:
    niches, _ = Niches.empty(TARGETS, QUOTA).insert(
        np.arange(bodies) + 100, seen(bodies, distances(bodies, seed))
    )
    return niches


def same(first: Niches, second: Niches) -> bool:
    arrays = second.to_arrays()
    return all(np.array_equal(array, arrays[name]) for name, array in first.to_arrays().items())


def test_a_niche_holds_its_nearest_bodies_ties_by_id():
    ids, table = np.arange(60)[::-1] * 7, distances(60)
    niches, change = Niches.empty(TARGETS, QUOTA).insert(ids, seen(60, table))
    for target in range(TARGETS):
        expected = slow_niche(table[target], ids)
        assert niches.ids[target].tolist() == [name for _, name in expected]
        assert niches.distance[target] == pytest.approx([near for near, _ in expected])
        body = [ids.tolist().index(name) for _, name in expected]
        assert niches.view[target].tolist() == [each % 4 for each in body]
    assert change.entered.tolist() == niches.members().tolist()
    assert change.lost.tolist() == []


@pytest.mark.parametrize("cuts", [[], [1], [30, 31], list(range(1, 60))])
def test_batches_of_ascending_ids_give_the_same_however_they_are_cut(cuts):
    ids, table = np.arange(60) * 3, distances(60)
    whole, _ = Niches.empty(TARGETS, QUOTA).insert(ids, seen(60, table))
    niches = Niches.empty(TARGETS, QUOTA)
    for part in np.split(np.arange(60), cuts):
        wanted = np.where(table[:, part] < niches.worst()[:, None], table[:, part], 1.0)
        niches, _ = niches.insert(ids[part], seen(len(part), wanted, part[0]))
    assert same(niches, whole)


def test_change_tells_who_came_into_the_archive_and_who_left_it():
    niches, bred = filled(), np.arange(40) + 500
    changed, change = niches.insert(bred, seen(40, distances(40, seed=1)))
    before, after = set(niches.members().tolist()), set(changed.members().tolist())
    assert set(change.entered.tolist()) == after - before != set()
    assert set(change.lost.tolist()) == before - after != set()


def test_who_loses_one_of_two_places_is_not_lost():
    table = np.ones((TARGETS, 5))
    table[:2, 0] = 0.5
    niches, _ = Niches.empty(TARGETS, QUOTA).insert(np.arange(5), seen(5, table))
    better = np.ones((TARGETS, QUOTA))
    better[0] = 0.1
    changed, change = niches.insert(np.arange(QUOTA) + 50, seen(QUOTA, better))
    assert changed.places(np.array([0, 50, 3])).tolist() == [1, 1, 0]
    assert change.lost.tolist() == []
    better[[0, 1]] = better[[1, 0]]
    _, change = changed.insert(np.arange(QUOTA) + 60, seen(QUOTA, better))
    assert change.lost.tolist() == [0]


def test_a_body_that_is_seen_again_stays_once_with_the_shorter_distance():
    table = np.ones((TARGETS, 1))
    table[0] = 0.5
    niches, _ = Niches.empty(TARGETS, QUOTA).insert(np.array([9]), seen(1, table))
    for distance in (0.7, 0.2):
        table[0] = distance
        niches, change = niches.insert(np.array([9]), seen(1, table))
        assert len(change.entered) == len(change.lost) == 0
    assert niches.ids[0].tolist() == [9, -1, -1, -1]
    assert niches.distance[0, 0] == pytest.approx(0.2)


def with_penalty(sightings: Sightings, niches: Niches, seed: int) -> Sightings:
    """Hits that somebody disagrees with by made-up tenths; many fall out for it."""
    random = np.random.default_rng(seed)
    penalty = random.integers(0, 5, len(sightings.hit_body)) / np.float32(10)
    return sightings.penalised(penalty, niches.worst())


def test_what_counts_beside_the_distance_orders_the_niches_too():
    ids, free = np.arange(60) * 3, Niches.empty(TARGETS, QUOTA)
    seen_by = with_penalty(seen(60, distances(60)), free, 5)
    niches, _ = free.insert(ids, seen_by)
    for target in range(TARGETS):
        hits = seen_by.hit_target == target
        cost = seen_by.hit_distance[hits] + seen_by.hit_penalty[hits]
        expected = sorted(zip(cost.tolist(), ids[seen_by.hit_body[hits]].tolist(), strict=True))
        assert niches.ids[target].tolist() == [name for _, name in expected[:QUOTA]]
        last = niches.distance[target, -1] + niches.penalty[target, -1]
        assert niches.worst()[target] == last == np.float32(expected[QUOTA - 1][0])
        assert niches.nearest()[target] == niches.distance[target].min()


@pytest.mark.parametrize("cuts", [[30, 31], list(range(1, 60))])
def test_penalties_give_the_same_niches_however_batches_are_cut(cuts):
    ids, free = np.arange(60) * 3, Niches.empty(TARGETS, QUOTA)
    everyone = with_penalty(seen(60, distances(60)), free, 5)
    whole, _ = free.insert(ids, everyone)
    niches = free
    for part in np.split(np.arange(60), cuts):
        few = everyone.take(part)
        niches, _ = niches.insert(ids[part], few.penalised(few.hit_penalty, niches.worst()))
    assert same(niches, whole)


def test_another_opinion_puts_the_same_bodies_in_another_order():
    niches = filled(bodies=6)
    assert (niches.ids == -1).any() and (niches.ids[:, 1] >= 0).any()
    penalty = np.where(niches.ids % 2 == 1, 0.5, 0.0).astype(np.float32)
    again = niches.judged(penalty)
    assert again.members().tolist() == niches.members().tolist()
    for target in range(TARGETS):
        places = zip(niches.distance[target], penalty[target], niches.ids[target], strict=True)
        expected = sorted((float(d + p), int(name)) for d, p, name in places if name >= 0)
        there = again.ids[target] >= 0
        assert again.ids[target, there].tolist() == [name for _, name in expected]
        assert there.tolist() == sorted(there.tolist(), reverse=True), "free places come last"
    assert same(again.judged(np.zeros_like(penalty)), niches)


def test_niches_of_earlier_versions_know_the_distance_alone():
    arrays = filled().to_arrays()
    del arrays["penalty"]
    assert same(Niches.from_arrays(arrays), filled())


def test_an_insertion_leaves_the_old_niches_as_they_were():
    niches = filled()
    arrays = {name: array.copy() for name, array in niches.to_arrays().items()}
    niches.insert(np.arange(40) + 500, seen(40, distances(40, seed=1)))
    assert all(np.array_equal(array, arrays[name]) for name, array in niches.to_arrays().items())


def test_the_nearest_bodies_of_targets_fill_their_niches():
    points = torch.randn(5, 17, 2, generator=torch.Generator().manual_seed(0)) * 100.0
    targets = Targets(points, torch.ones(5, 17))
    niches = Niches.empty(5, 3)
    sightings = targets.seen(points[:, None], torch.from_numpy(niches.worst()))
    niches, _ = niches.insert(np.arange(5) + 10, sightings)
    assert niches.ids[:, 0].tolist() == [10, 11, 12, 13, 14]
    assert niches.distance[:, 0].max() < 1e-6


def test_worst_is_the_distance_of_the_last_place():
    table = np.ones((TARGETS, QUOTA))
    table[0] = [0.4, 0.2, 0.3, 0.1]
    table[1, 0] = 0.2
    niches, _ = Niches.empty(TARGETS, QUOTA).insert(np.arange(QUOTA), seen(QUOTA, table))
    assert niches.worst()[:3] == pytest.approx([0.4, np.inf, np.inf])


def test_places_and_best_are_those_of_the_definition():
    niches = filled()
    ids = np.r_[niches.members(), 7, -1]
    target, distance, view = niches.best_of(ids)
    for n, name in enumerate(ids[:-2]):
        held, column = np.nonzero(niches.ids == name)
        best = np.lexsort((held, niches.distance[held, column]))[0]
        assert niches.places(ids)[n] == len(held)
        assert target[n] == held[best]
        assert distance[n] == niches.distance[held, column][best]
        assert view[n] == niches.view[held, column][best]
    assert niches.places(ids)[-2:].tolist() == [0, 0]
    assert target[-2:].tolist() == view[-2:].tolist() == [-1, -1]
    assert np.isinf(distance[-2:]).all()


def test_of_empty_niches_nobody_is_a_member():
    niches, strangers = Niches.empty(2, 3), np.array([-1, 5])
    assert niches.members().tolist() == []
    assert niches.places(strangers).tolist() == [0, 0]
    assert niches.best_of(strangers)[0].tolist() == [-1, -1]
    with pytest.raises(BadInput, match="niches should hold a body before parents are drawn"):
        niches.parents(KEY, 5, 3)


def chosen_niches(niches: Niches, parents: np.ndarray) -> np.ndarray:
    """How often each niche was drawn, where no body stands in two."""
    at = {name: niche for niche, row in enumerate(niches.ids) for name in row.tolist()}
    return np.bincount([at[name] for name in parents.tolist()], minlength=len(niches))


@pytest.fixture
def apart() -> Niches:
    """Three niches without common bodies, of 4, 2 and 0, explained within 0.1 and 0.3."""
    table = np.ones((3, 6))
    table[0, :4], table[1, 4:] = [0.1, 0.2, 0.3, 0.4], [0.3, 0.4]
    niches, _ = Niches.empty(3, QUOTA).insert(np.arange(6), seen(6, table))
    return niches


def test_parents_come_evenly_from_the_niches_that_hold_a_body(apart):
    drawn = apart.parents(KEY, 8000, 10)
    assert chosen_niches(apart, drawn) / 8000 == pytest.approx([0.5, 0.5, 0], abs=0.02)
    shares = np.bincount(drawn) / 8000
    assert shares == pytest.approx([1 / 8] * 4 + [1 / 4] * 2, abs=0.02)


def test_what_is_badly_explained_has_more_parents(apart):
    drawn = apart.parents(KEY, 8000, 10, "badly explained")
    assert chosen_niches(apart, drawn) / 8000 == pytest.approx([0.25, 0.75, 0], abs=0.02)


def test_only_the_nearest_of_a_niche_are_parents(apart):
    assert set(apart.parents(KEY, 200, 1).tolist()) == {0, 4}
    assert set(apart.parents(KEY, 200, 3).tolist()) == {0, 1, 2, 4, 5}


def test_niches_that_are_explained_wholly_are_drawn_evenly():
    table = np.zeros((2, 2)) + np.array([[0.0, 1.0], [1.0, 0.0]])
    niches, _ = Niches.empty(2, 1).insert(np.arange(2), seen(2, table))
    assert set(niches.parents(KEY, 50, 1, "badly explained").tolist()) == {0, 1}


def test_draws_have_an_address(apart):
    drawn = apart.parents(KEY, 50, 4)
    assert apart.parents(KEY, 20, 4).tolist() == drawn[:20].tolist()
    assert apart.parents(KEY + 1, 50, 4).tolist() != drawn.tolist()
    assert len(apart.parents(KEY, 0, 4)) == 0


def test_the_record_tells_how_well_the_targets_are_explained(apart):
    assert apart.record([0.2, 0.35]) == pytest.approx(
        {
            "niches_distance": 0.3,
            "niches_within_0.2": 1 / 3,
            "niches_within_0.35": 2 / 3,
            "niches_filled": 0.5,
        }
    )


def test_they_come_back_from_arrays():
    niches = filled()
    assert same(Niches.from_arrays(niches.to_arrays() | {"other": np.zeros(3)}), niches)


def short(**changes: object) -> dict[str, np.ndarray]:
    return {**Niches.empty(2, 3).to_arrays(), **changes}


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda: Niches.empty(0, 3), "targets and quota should be at least 1, got 0 and 3"),
        (lambda: Niches.empty(2, 0), "targets and quota should be at least 1, got 2 and 0"),
        (
            lambda: filled().insert(np.arange(3), seen(2, distances(2))),
            r"ids should be \(2\), got \(3,\)",
        ),
        (lambda: filled().insert(np.array([4, 4]), seen(2, distances(2))), "all different"),
        (lambda: filled().insert(np.array([4, -1]), seen(2, distances(2))), "at least 0"),
        (
            lambda: Niches.empty(2, 3).insert(np.arange(9), seen(9, distances(9))),
            "sightings should be of 2 targets, got target 11",
        ),
        (
            lambda: filled().judged(np.zeros((3, 3))),
            r"penalty should be \(12, 4\), got \(3, 3\)",
        ),
        (lambda: filled().parents(KEY, 5, 0), "nearest should be at least 1, got 0"),
        (lambda: filled().parents(KEY, 5, 1, "best"), "by should be 'evenly' or .*, got 'best'"),
        (lambda: Niches.from_arrays({"ids": np.zeros((2, 3))}), "niches should hold distance"),
        (
            lambda: Niches.from_arrays(short(view=np.zeros(3))),
            r"view of niches should be \(2, 3\), got \(3,\)",
        ),
        (lambda: NicheSettings.parse({"quota": 0}), "setting quota: .* got 0"),
        (lambda: NicheSettings.parse({"draw": "best"}), "setting draw: .* got 'best'"),
    ],
)
def test_what_cannot_be_done_is_refused(ask, message):
    with pytest.raises(BadInput, match=message):
        ask()


def test_change_of_nobody_is_empty():
    niches, change = filled().insert(np.zeros(0, np.int64), seen(0, np.ones((TARGETS, 0)) + 0))
    assert same(niches, filled())
    assert isinstance(change, Change) and not len(change.entered)
