"""Novelty: how far a body is from its nearest neighbours in an archive.

Lehman and Stanley 2011 (https://doi.org/10.1162/EVCO_a_00025): the mean distance to the k nearest.
Neighbours are exact, by matrix products over all pairs. Descriptors are whole numbers whose
products float32 sums without error (see `descriptor`), so that the result is the same, to the bit,
for any size of chunks and on any device.

The k nearest of many are found in two steps. References are dealt into columns of a few; a pass
over all squared distances keeps the least of each column. The k nearest cannot lie in more than the
k columns with the least minima, so only those are looked at one by one.
"""

import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.descriptor import expect_whole

_DEEP = 32
_CHUNKS = {"cpu": (128, 8192), "cuda": (4096, 32_768)}


def nearest(
    descriptors: Tensor, references: Tensor, k: int, chunk: tuple[int, int] | None = None
) -> Tensor:
    """Squared distances (bodies, k) float32 to the k nearest references, the nearest first.

    Args:
        descriptors: (bodies, numbers) float32, whole numbers.
        references: (others, numbers) float32, whole numbers, on the same device.
        k: how many neighbours.
        chunk: how many bodies and references meet at once; decides speed and memory alone.

    Raises:
        BadInput: k is no count of references, the widths differ, or numbers are not whole.
    """
    expect_whole("descriptors", descriptors)
    expect_whole("references", references)
    if descriptors.shape[1] != references.shape[1]:
        raise BadInput(
            f"references should be (others, {descriptors.shape[1]}) like descriptors,"
            f" got {tuple(references.shape)}"
        )
    if not 1 <= k <= len(references):
        raise BadInput(
            f"k should lie in [1, {len(references)}], the number of bodies in the archive, got {k}"
        )
    bodies, others = chunk or _CHUNKS.get(descriptors.device.type, _CHUNKS["cpu"])
    tables = [_table(part) for part in torch.split(references, others)]
    rows = [_nearest_rows(part, tables, k) for part in torch.split(descriptors, bodies)]
    return torch.cat(rows) if rows else descriptors.new_zeros(0, k)


def _table(references: Tensor) -> tuple[Tensor, Tensor]:
    """-2 references as columns, and their squared lengths (1, others)."""
    return (references * -2.0).T.contiguous(), references.square().sum(1)[None]


def _nearest_rows(rows: Tensor, tables: list[tuple[Tensor, Tensor]], k: int) -> Tensor:
    own = rows.square().sum(1, keepdim=True)
    found: Tensor | None = None
    for columns, squares in tables:
        least = _least(torch.addmm(squares, rows, columns), k)
        found = least if found is None else _smallest(torch.cat([found, least], dim=1), k)
    assert found is not None
    return found.sort(dim=1).values + own


def _smallest(values: Tensor, k: int) -> Tensor:
    return values.topk(min(k, values.shape[1]), dim=1, largest=False, sorted=False).values


def _least(values: Tensor, k: int) -> Tensor:
    """The (at most) k least values of every row, in any order."""
    rows, others = values.shape
    wide = others // _DEEP
    if wide < 4 * k:
        return _smallest(values, k)
    columns = torch.unflatten(values[:, : _DEEP * wide], 1, (_DEEP, wide))
    chosen = columns.amin(1).topk(k, dim=1, largest=False, sorted=False).indices
    inside = columns.gather(2, chosen[:, None].expand(-1, _DEEP, -1)).flatten(1)
    return _smallest(torch.cat([inside, values[:, _DEEP * wide :]], dim=1), k)


def novelty(
    descriptors: Tensor,
    references: Tensor,
    k: int = 15,
    members: Tensor | None = None,
    chunk: tuple[int, int] | None = None,
) -> Tensor:
    """Mean distance (bodies,) float32 to the k nearest references, in units of the descriptor.

    Args:
        descriptors, references, k, chunk: see `nearest`.
        members: (bodies,) bool, which bodies stand among the references themselves; their distance
            to their own copy does not count, and they look at one neighbour more.

    Raises:
        BadInput: see `nearest`; with members, k has to be less than the number of references.
    """
    if members is None:
        return _mean_root(nearest(descriptors, references, k, chunk))
    if members.shape != descriptors.shape[:1] or members.dtype != torch.bool:
        raise BadInput(
            f"members should be ({len(descriptors)},) bool, got {tuple(members.shape)}"
            f" {members.dtype}"
        )
    if not 1 <= k < len(references):
        raise BadInput(
            f"k should lie in [1, {len(references) - 1}], the other bodies in the archive, got {k}"
        )
    squares = nearest(descriptors, references, k + 1, chunk)
    return _mean_root(torch.where(members[:, None], squares[:, 1:], squares[:, :-1]))


def _mean_root(squares: Tensor) -> Tensor:
    """One addition after the other, so that no device has an order of its own."""
    roots = squares.double().sqrt_()
    total = torch.zeros_like(roots[:, 0])
    for column in roots.unbind(1):
        total += column
    return (total / roots.shape[1]).float()
