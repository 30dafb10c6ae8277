"""Agreement in depth: what is left between two bodies whatever their scale, place and turn."""

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.agreement import disagreement
from evoskeleton.lifting.metrics import p_mpjpe


def turned(bodies: np.ndarray, seed: int) -> np.ndarray:
    """The same bodies, each at another scale, in another place and turned any way."""
    random = np.random.default_rng(seed)
    turns = np.linalg.qr(random.normal(size=(len(bodies), 3, 3)))[0]
    turns *= np.sign(np.linalg.det(turns))[:, None, None]
    scale = random.uniform(0.1, 5, (len(bodies), 1, 1))
    moved: np.ndarray = scale * bodies @ turns + random.normal(size=(len(bodies), 1, 3)) * 1000
    return moved


def of(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return disagreement(torch.from_numpy(first), torch.from_numpy(second)).numpy()


def test_scale_place_and_turn_do_not_matter(motion):
    first, second = motion[:60].astype(float), motion[60:120].astype(float)
    known = of(first, second)
    assert of(turned(first, 0), turned(second, 1)) == pytest.approx(known, abs=1e-6)
    assert of(second, first) == pytest.approx(known, abs=1e-6)
    assert of(turned(first, 2), first).max() < 1e-5
    assert known.min() > 0.01 and known.max() < 1


def test_it_is_what_the_best_fit_leaves_over_as_a_share_of_the_spread(motion):
    """The best of many scales and turns found by descent is never below it, and comes near."""
    first, second = motion[:8].astype(float), motion[120:128].astype(float)
    known = of(first, second)
    for body, other, expected in zip(first, second, known, strict=True):
        assert left_over(body, other) == pytest.approx(expected, abs=1e-3)


def left_over(body: np.ndarray, other: np.ndarray) -> float:
    """By a quaternion that is descended to."""
    moved, goal = (torch.from_numpy(part - part.mean(0)) for part in (body, other))
    best = []
    for seed in range(4):
        turn = torch.randn(4, generator=torch.Generator().manual_seed(seed)).double()
        turn.requires_grad_()
        search = torch.optim.LBFGS([turn], max_iter=200, line_search_fn="strong_wolfe")

        def left(turn: torch.Tensor = turn) -> torch.Tensor:
            w, x, y, z = turn / turn.norm()
            rows = [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
            there = moved @ torch.stack([torch.stack(row) for row in rows]).T
            scale = (there * goal).sum() / there.square().sum()
            return (scale * there - goal).square().sum() / goal.square().sum()

        def step(search: torch.optim.LBFGS = search, left=left) -> torch.Tensor:
            search.zero_grad()
            loss = left()
            loss.backward()
            return loss

        search.step(step)
        best.append(float(left().detach()))
    return float(np.sqrt(min(best)))


def test_a_mirror_image_is_another_body(motion):
    mirrored = motion[:40] * np.float32([-1, 1, 1])
    assert of(motion[:40], mirrored).min() > 0.02


def test_it_puts_bodies_in_the_order_of_the_metric(motion):
    first, second = motion[:120], motion[120:]
    rank = np.argsort(np.argsort(of(first, second)))
    other = np.argsort(np.argsort(p_mpjpe(first, second)))
    assert np.corrcoef(rank, other)[0, 1] > 0.95


def test_what_is_no_body_agrees_with_nobody(motion):
    nothing, unknown = np.zeros((1, 17, 3), np.float32), np.full((1, 17, 3), np.nan, np.float32)
    for body in (nothing, unknown):
        assert of(body, motion[:1]).tolist() == of(motion[:1], body).tolist() == [1.0]
    assert of(motion[:0], motion[:0]).shape == (0,)


def test_pairs_do_not_depend_on_their_company(motion):
    first, second = motion[:129], motion[100:229]
    whole = of(first, second)
    parts = [of(first[i : i + 1], second[i : i + 1])[0] for i in range(0, 129, 16)]
    assert whole[::16].tolist() == parts


def test_other_shapes_are_refused(motion):
    with pytest.raises(BadInput, match=r"others should be \(5, 17, 3\), got \(4, 17, 3\)"):
        of(motion[:5], motion[:4])
