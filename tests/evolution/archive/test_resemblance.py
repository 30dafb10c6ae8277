"""Resemblance: what bodies have to do with keypoints, beside a slow twin."""

import numpy as np
import pytest
import torch
from resemblance_twin import slow_distance
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.resemblance import Sightings, Targets

JOINTS, VIEWS = 17, 4
MIRRORED = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]


def scattered(*shape: int, seed: int, spread: float = 100.0) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return 500.0 + spread * torch.randn(*shape, generator=chance)


def crowd(bodies: int, seed: int = 0, common: float = 0.6) -> Tensor:
    """Views (bodies, views, joints, 2) px of bodies that have something in common."""
    shape = scattered(JOINTS, 2, seed=99) - 500.0
    return scattered(bodies, VIEWS, JOINTS, 2, seed=seed, spread=60.0) + common * shape


def targets(count: int, seed: int = 1, weights: str = "mixed") -> Targets:
    points = crowd(count, seed)[:, 0]
    chance = torch.Generator().manual_seed(seed)
    known = torch.rand(count, JOINTS, generator=chance)
    if weights == "mixed":
        known[known < 0.3] = 0.0
        known[:, :6] += 0.2
    elif weights == "alike":
        known = known[:1].expand(count, -1).contiguous()
    else:
        known = torch.ones(count, JOINTS)
    return Targets(points, known)


def slow_distances(wanted: Targets, views: Tensor) -> np.ndarray:
    """(targets, bodies, views)."""
    points, weights = wanted.points.numpy(), wanted.weights.numpy()
    return np.array(
        [
            [[slow_distance(point, weight, view.numpy()) for view in body] for body in views]
            for point, weight in zip(points, weights, strict=True)
        ]
    )


def unlimited(wanted: Targets) -> Tensor:
    return torch.full((len(wanted),), torch.inf)


def same(first: Sightings, second: Sightings) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in first.__dataclass_fields__
    )


@pytest.mark.parametrize("weights", ["mixed", "alike", "even"])
def test_the_nearest_target_is_the_twins(weights):
    wanted, views = targets(30, weights=weights), crowd(25)
    found = wanted.seen(views, unlimited(wanted))
    distances = slow_distances(wanted, views).min(2)
    assert found.nearest == pytest.approx(distances.min(0), abs=2e-7)
    assert found.target.tolist() == distances.argmin(0).tolist()


def test_targets_of_many_kinds_of_weights_are_compared_side_by_side():
    """So many of each kind that some share their products, others not."""
    kinds = [targets(150, 1, "even"), targets(90, 2), targets(140, 3, "alike"), targets(60, 4)]
    order = torch.randperm(440, generator=torch.Generator().manual_seed(0))
    points = torch.cat([kind.points for kind in kinds])[order]
    weights = torch.cat([kind.weights for kind in kinds])[order]
    wanted, views = Targets(points, weights), crowd(6)
    found = wanted.seen(views, unlimited(wanted), most=2)
    distances = slow_distances(wanted, views).min(2)
    assert found.nearest == pytest.approx(distances.min(0), abs=2e-7)
    assert found.target.tolist() == distances.argmin(0).tolist()
    assert found.hit_body.reshape(440, 2).tolist() == distances.argsort(1)[:, :2].tolist()


@pytest.mark.parametrize("weights", ["mixed", "alike", "even"])
def test_the_hits_of_a_target_are_the_twins_nearest_bodies(weights):
    wanted, views = targets(12, weights=weights), crowd(70)
    found = wanted.seen(views, unlimited(wanted), most=5)
    distances = slow_distances(wanted, views)
    for target in range(12):
        own = found.hit_target == target
        order = distances[target].min(1).argsort(kind="stable")[:5]
        assert found.hit_body[own].tolist() == order.tolist()
        assert found.hit_view[own].tolist() == distances[target][order].argmin(1).tolist()
        expected = distances[target][order].min(1)
        assert found.hit_distance[own] == pytest.approx(expected, abs=2e-7)


def test_only_bodies_nearer_than_the_worst_of_a_niche_are_hits():
    wanted, views = targets(9), crowd(200)
    everything = wanted.seen(views, unlimited(wanted))
    worst = np.array([everything.hit_distance[everything.hit_target == n][7] for n in range(9)])
    found = wanted.seen(views, torch.from_numpy(worst))
    assert np.bincount(found.hit_target).tolist() == [7] * 9
    assert (found.hit_distance < worst[found.hit_target]).all()
    assert np.array_equal(found.nearest, everything.nearest)


@pytest.mark.parametrize("most", [3, 20, 100])
def test_of_many_bodies_the_nearest_are_kept(most):
    wanted, views = targets(5), crowd(3000)
    everything = wanted.seen(views, unlimited(wanted), most=3000)
    found = wanted.seen(views, unlimited(wanted), most=most)
    assert np.bincount(found.hit_target).tolist() == [most] * 5
    for target in range(5):
        own, among = found.hit_target == target, everything.hit_target == target
        assert found.hit_body[own].tolist() == everything.hit_body[among][:most].tolist()
        assert np.array_equal(found.hit_distance[own], everything.hit_distance[among][:most])


def test_crowds_of_equal_bodies_leave_the_first():
    wanted, views = targets(5), crowd(1).expand(2000, -1, -1, -1)
    found = wanted.seen(views, unlimited(wanted), most=4)
    assert found.hit_body.tolist() == list(range(4)) * 5


def test_a_worst_of_nought_asks_for_nothing():
    wanted = targets(4)
    assert len(wanted.seen(wanted.points[:, None], torch.zeros(4)).hit_body) == 0


@pytest.mark.parametrize("weights", ["mixed", "even"])
def test_size_and_place_count_for_nothing(weights):
    wanted, views = targets(20, weights=weights), crowd(40)
    scale, shift = 0.25 + torch.rand(40, VIEWS, 1, 1), scattered(40, VIEWS, 1, 2, seed=5)
    found = wanted.seen(views, unlimited(wanted), most=3)
    moved = wanted.seen(views * scale + shift, unlimited(wanted), most=3)
    assert moved.nearest == pytest.approx(found.nearest, abs=1e-5)
    assert moved.hit_body.tolist() == found.hit_body.tolist()
    larger = Targets(wanted.points * 3.0 + 1000.0, wanted.weights)
    assert larger.seen(views, unlimited(wanted)).nearest == pytest.approx(found.nearest, abs=1e-5)


def test_weights_count_as_shares():
    wanted, views = targets(10), crowd(30)
    louder = Targets(wanted.points, wanted.weights * 8.0)
    assert same(louder.seen(views, unlimited(wanted)), wanted.seen(views, unlimited(wanted)))


def test_a_body_that_was_the_target_is_at_nought_and_its_mirror_image_is_not():
    wanted = targets(20, weights="even")
    itself = wanted.points[:, None]
    found = wanted.seen(itself, unlimited(wanted))
    assert found.nearest.max() < 1e-6
    assert found.target.tolist() == list(range(20))
    mirrored = itself[:, :, MIRRORED] * torch.tensor([-1.0, 1.0])
    assert wanted.seen(mirrored, unlimited(wanted)).nearest.min() > 0.1
    upside_down = -itself
    assert wanted.seen(upside_down[:1], unlimited(wanted)).nearest[0] > 0.1


def test_unknown_joints_of_a_target_count_for_nothing():
    wanted, views = targets(10), crowd(30)
    points = wanted.points.clone()
    points[wanted.weights == 0] = torch.nan
    changed = Targets(points, wanted.weights).seen(views, unlimited(wanted))
    assert same(changed, wanted.seen(views, unlimited(wanted)))
    single = Targets(wanted.points[:1], wanted.weights[:1])
    elsewhere = views.clone()
    elsewhere[:, :, single.weights[0] == 0] += 1000.0
    moved = single.seen(elsewhere, unlimited(single))
    assert moved.nearest == pytest.approx(single.seen(views, unlimited(single)).nearest, abs=1e-6)


def test_of_equal_targets_the_first_and_of_equal_bodies_the_first_count():
    wanted = targets(40)
    twice = Targets(
        torch.cat([wanted.points, wanted.points]), torch.cat([wanted.weights, wanted.weights])
    )
    views = crowd(100)
    everyone = torch.cat([views, views])
    found = twice.seen(everyone, unlimited(twice), most=8)
    assert found.target.max() < 40
    assert np.array_equal(found.nearest[:100], found.nearest[100:])
    for target in range(80):
        body = found.hit_body[found.hit_target == target]
        assert body[1::2].tolist() == (body[::2] + 100).tolist()
        assert (body[::2] < 100).all()


def test_of_equal_views_the_first_counts():
    wanted = targets(10)
    views = crowd(20)[:, :1].expand(-1, VIEWS, -1, -1)
    assert not wanted.seen(views, unlimited(wanted)).hit_view.any()


@pytest.mark.parametrize("weights", ["mixed", "alike"])
def test_what_is_found_for_a_pair_does_not_depend_on_its_company(weights):
    wanted, views = targets(150, weights=weights), crowd(300)
    worst = torch.full((150,), 0.8)
    found = wanted.seen(views, worst, most=300)
    for start, end in ((0, 1), (1, 65), (65, 130), (130, 300)):
        part = wanted.seen(views[start:end], worst, most=300)
        own = (found.hit_body >= start) & (found.hit_body < end)
        assert np.array_equal(part.nearest, found.nearest[start:end])
        assert np.array_equal(part.target, found.target[start:end])
        assert np.array_equal(part.hit_body + start, found.hit_body[own])
        assert np.array_equal(part.hit_distance, found.hit_distance[own])
        assert np.array_equal(part.hit_view, found.hit_view[own])
    few = Targets(wanted.points[7:50], wanted.weights[7:50]).seen(views, worst[7:50], most=300)
    own = (found.hit_target >= 7) & (found.hit_target < 50)
    assert np.array_equal(few.hit_target + 7, found.hit_target[own])
    assert np.array_equal(few.hit_body, found.hit_body[own])
    assert np.array_equal(few.hit_distance, found.hit_distance[own])


def test_views_that_show_nothing_resemble_nothing():
    wanted, views = targets(6), crowd(5)
    views[0] = 300.0
    views[1, 2, 3, 0] = torch.nan
    views[2] = torch.inf
    views[3, 1:] = torch.nan
    found = wanted.seen(views, unlimited(wanted))
    assert found.nearest[[0, 2]].tolist() == [1.0, 1.0]
    assert not np.isin(found.hit_body, [0, 2]).any()
    assert not (found.hit_view[found.hit_body == 1] == 2).any()
    assert not found.hit_view[found.hit_body == 3].any()
    assert (found.nearest[[1, 3, 4]] < 1).all()


def test_nobody_and_no_view_find_nothing():
    wanted = targets(6)
    assert len(wanted.seen(crowd(3)[:0], unlimited(wanted)).nearest) == 0
    blind = wanted.seen(crowd(3)[:, :0], unlimited(wanted))
    assert blind.nearest.tolist() == [1.0] * 3
    assert len(blind.hit_body) == 0


POINTS, EVEN = scattered(3, JOINTS, 2, seed=3), torch.ones(3, JOINTS)


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda: Targets(POINTS[..., :1], EVEN), r"points should be \(targets, joints, 2\)"),
        (lambda: Targets(POINTS, EVEN[:2]), r"weights should be \(3, 17\), got \(2, 17\)"),
        (lambda: Targets(POINTS[:0], EVEN[:0]), "points should hold at least one target"),
        (lambda: Targets(POINTS, -EVEN), "weights should be finite and at least 0"),
        (lambda: Targets(POINTS, EVEN / 0.0), "weights should be finite"),
        (lambda: Targets(POINTS / 0.0, EVEN), "points should be finite where the weight"),
        (lambda: Targets(POINTS, EVEN.tril(-1).T[:, :3].T * EVEN), "at least 2 known joints, got"),
        (lambda: Targets(POINTS * 0.0 + 7.0, EVEN), "not all lie in one place.*target 0"),
        (
            lambda: Targets(POINTS, EVEN).seen(crowd(2)[..., :9, :], torch.ones(3)),
            r"views should be \(bodies, views, 17, 2\), got \(2, 4, 9, 2\)",
        ),
        (lambda: Targets(POINTS, EVEN).seen(crowd(2), torch.ones(2)), r"worst should be \(3\)"),
        (lambda: Targets(POINTS, EVEN).seen(crowd(2), torch.ones(3), most=0), "most should be"),
    ],
)
def test_what_cannot_be_compared_is_refused(ask, message):
    with pytest.raises(BadInput, match=message):
        ask()


def found_in(views: Tensor) -> Sightings:
    wanted = targets(20)
    return wanted.seen(views, torch.full((20,), 0.55), most=60)


def test_sightings_of_some_bodies_are_those_they_have_alone():
    views = crowd(60)
    some = np.array([3, 4, 17, 30, 59])
    assert same(found_in(views).take(some), found_in(views[some]))


def test_sightings_of_parts_make_those_of_all_but_for_the_order_of_hits():
    views = crowd(60)
    whole, joined = (
        found_in(views),
        Sightings.concatenate([found_in(views[:25]), found_in(views[25:25]), found_in(views[25:])]),
    )
    assert np.array_equal(whole.nearest, joined.nearest)
    assert np.array_equal(whole.target, joined.target)
    order = np.lexsort((joined.hit_body, joined.hit_distance, joined.hit_target))
    for name in ("hit_target", "hit_body", "hit_view", "hit_distance"):
        assert np.array_equal(getattr(whole, name), getattr(joined, name)[order]), name


def test_bodies_without_hits_are_still_somewhere():
    found = found_in(crowd(60))
    hit = found.hit()
    assert 0 < hit.sum() < 60 and set(np.flatnonzero(hit)) == set(found.hit_body.tolist())
    first = np.flatnonzero(hit)[:2]
    fewer = found.without_hits_of(np.isin(np.arange(60), first))
    assert set(np.flatnonzero(hit & ~fewer.hit())) == set(first.tolist())
    assert np.array_equal(fewer.nearest, found.nearest)


def test_bodies_made_for_a_target_each_are_hits_of_it_in_no_view():
    found = Sightings.one_each(np.array([4, 7]), np.array([0.25, 0.5]))
    assert found.hit_target.tolist() == found.target.tolist() == [4, 7]
    assert found.hit_body.tolist() == [0, 1] and found.hit_view.tolist() == [-1, -1]
    assert found.hit_distance.tolist() == found.nearest.tolist() == [0.25, 0.5]


def test_the_distance_of_a_body_for_each_target_is_the_twins():
    wanted, seen = targets(12), crowd(12, seed=5)[:, 0]
    found = wanted.distances(seen).numpy()
    for each in range(12):
        expected = slow_distance(
            wanted.points[each].numpy(), wanted.weights[each].numpy(), seen[each].numpy()
        )
        assert found[each] == pytest.approx(expected, abs=1e-5)
    with pytest.raises(BadInput, match="seen should be"):
        wanted.distances(seen[:3])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_finds_the_same():
    wanted, views = targets(150), crowd(500)
    found = wanted.to("cuda").seen(views.cuda(), unlimited(wanted))
    assert same(found, wanted.seen(views, unlimited(wanted)))
