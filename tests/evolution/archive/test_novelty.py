"""Novelty: exact neighbours, whatever the chunks."""

import numpy as np
import pytest
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.novelty import nearest, novelty


def whole_rows(count: int, seed: int, numbers: int = 39, reach: int = 150) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.randint(-reach, reach + 1, (count, numbers), generator=chance).float()


def slow_novelty(rows: Tensor, references: Tensor, k: int) -> list[float]:
    """One body and one reference at a time, in the definition's words."""
    found = []
    for row in rows.numpy().astype(np.float64):
        distances = sorted(np.linalg.norm(row - other) for other in references.double().numpy())
        found.append(sum(distances[:k]) / k)
    return found


@pytest.fixture(scope="module")
def crowd() -> Tensor:
    """Bodies of which some stand in groups, some twice."""
    rows = whole_rows(1500, 1)
    rows[500:1000] = rows[:500] + whole_rows(500, 2, reach=3)
    rows[1400:] = rows[:100]
    return rows


@pytest.mark.parametrize("k", [1, 2, 15, 400])
def test_it_is_the_mean_distance_to_the_k_nearest(crowd, k):
    rows = torch.cat([whole_rows(10, 3), crowd[:10]])
    assert novelty(rows, crowd, k).tolist() == pytest.approx(slow_novelty(rows, crowd, k), rel=1e-6)


@pytest.mark.parametrize("chunk", [(1, 1500), (7, 400), (64, 33), (1000, 1), (3, 1499), (50, 640)])
def test_chunks_change_nothing(crowd, chunk):
    rows = torch.cat([whole_rows(80, 3), crowd[:20]])
    assert torch.equal(novelty(rows, crowd, 5, chunk=chunk), novelty(rows, crowd, 5))
    assert torch.equal(nearest(rows, crowd, 40, chunk), nearest(rows, crowd, 40))


def test_the_order_of_the_archive_changes_nothing(crowd):
    rows = whole_rows(50, 3)
    order = torch.randperm(len(crowd), generator=torch.Generator().manual_seed(0))
    assert torch.equal(novelty(rows, crowd[order], 9), novelty(rows, crowd, 9))


def test_a_body_of_the_archive_does_not_count_as_its_own_neighbour(crowd):
    rows = torch.cat([crowd[:30], whole_rows(30, 4)])
    members = torch.arange(60) < 30
    found = novelty(rows, crowd, 3, members)
    others = [torch.cat([crowd[:i], crowd[i + 1 :]]) for i in range(30)]
    expected = [novelty(rows[i : i + 1], others[i], 3) for i in range(30)]
    assert torch.equal(found[:30], torch.cat(expected))
    assert torch.equal(found[30:], novelty(rows[30:], crowd, 3))


def test_the_nearest_of_exact_copies_are_at_nought(crowd):
    assert (nearest(crowd[1400:], crowd, 2) == 0).all()


def test_the_whole_archive_can_be_asked_for():
    references = whole_rows(4, 5)
    assert nearest(references[:1], references, 4).shape == (1, 4)
    assert novelty(whole_rows(0, 1), references, 4).shape == (0,)


@pytest.mark.parametrize(
    "ask, message",
    [
        (lambda r: novelty(r, r, 9), r"k should lie in \[1, 8\], the number of bodies.*got 9"),
        (lambda r: novelty(r, r, 0), r"k should lie in \[1, 8\].*got 0"),
        (lambda r: novelty(r, r[:0], 1), r"k should lie in \[1, 0\].*got 1"),
        (lambda r: novelty(r, r, 8, torch.ones(8, dtype=torch.bool)), r"\[1, 7\], the other.*8"),
        (lambda r: novelty(r, r, 2, torch.ones(3, dtype=torch.bool)), r"members should be \(8,\)"),
        (lambda r: novelty(r, r[:, :5], 1), r"references should be \(others, 39\).*got \(8, 5\)"),
        (lambda r: novelty(r + 0.25, r, 1), "descriptors should be whole numbers"),
        (lambda r: novelty(r, r * torch.nan, 1), "references should be whole numbers"),
    ],
)
def test_what_cannot_be_measured_is_refused(ask, message):
    with pytest.raises(BadInput, match=message):
        ask(whole_rows(8, 6))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_finds_the_same_to_the_bit(crowd):
    rows = torch.cat([whole_rows(80, 3), crowd[:20]])
    found = novelty(rows.cuda(), crowd.cuda(), 5).cpu()
    assert torch.equal(found, novelty(rows, crowd, 5))
