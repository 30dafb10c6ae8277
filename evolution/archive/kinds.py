"""Two kinds of keypoint sets, by how views of bodies are correlated with them.

With the weights w of a keypoint set t as shares, its standardised coordinates s (mean 0, variance
1) and a view c, the correlation is sum(w s c) / sqrt(sum(w c^2) - sum(w c)^2): sums that are
products of (views x joints) with (joints x targets). Where many targets have the same shares, views
are standardised once for all of them, in coordinates that do not say where they stand, and one
product is left.

Coordinates are (2 joints,), x before y.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

_ALIKE = 128
"""Targets of the same shares from which on they are a kind of their own."""

_TINY = 1e-6
"""Least length, and part of the variance, of views whose root mean square is 1: none is 0."""


@dataclass(frozen=True, eq=False)
class Block:
    """Some targets of a kind.

    Attributes:
        pull: (coordinates, targets) that prepared views are multiplied with.
        shares: (joints, targets).
    """

    pull: Tensor
    shares: Tensor

    def __len__(self) -> int:
        return self.pull.shape[1]


class Kind(Protocol):
    """Targets that are compared in the same way."""

    def block(self, standard: Tensor, shares: Tensor) -> Block:
        """Targets by their (targets, 2 joints) coordinates and (targets, joints) shares."""

    def prepared(self, rows: Tensor) -> tuple[Tensor, ...]:
        """What `correlate` wants of rows (chunks, rows, 2 joints), and last one over the root of
        their variance (chunks, rows, 1), or 1 where targets have none in common."""

    def correlate(self, block: Block, out: Tensor, room: Tensor, *prepared: Tensor) -> Tensor:
        """Correlations (rows, targets), written into `out`; `room` is of the same size."""


class Alike:
    """Targets of the same shares.

    A view times the roots of the shares, in an orthonormal basis of all that is at right angles to
    them, has two coordinates less, no mean, and its variance for the square of its length.
    """

    def __init__(self, shares: Tensor) -> None:
        """Shares (joints,) float64."""
        known = (shares > 0).nonzero()[:, 0]
        across = torch.linalg.qr(shares[known, None].sqrt(), mode="complete").Q[:, 1:]
        basis = shares.new_zeros(len(shares), across.shape[1])
        basis[known] = across
        both = torch.kron(torch.eye(2, dtype=basis.dtype, device=basis.device), basis)
        self._weighted = both * shares.sqrt().repeat(2)[:, None]
        self._rows = self._weighted.float()

    def block(self, standard: Tensor, shares: Tensor) -> Block:
        pull = (standard @ self._weighted).float().T.contiguous()
        return Block(pull, shares.float().T.contiguous())

    def prepared(self, rows: Tensor) -> tuple[Tensor, ...]:
        across = torch.bmm(rows, self._rows.expand(len(rows), -1, -1))
        length = torch.linalg.vector_norm(across, dim=-1, keepdim=True)
        inverse = length.clamp_(min=_TINY).reciprocal_()
        return across.mul_(inverse), inverse

    def correlate(self, block: Block, out: Tensor, room: Tensor, *prepared: Tensor) -> Tensor:
        return torch.mm(prepared[0], block.pull, out=out)


class Mixed:
    """Targets of different shares."""

    def block(self, standard: Tensor, shares: Tensor) -> Block:
        pull = (standard * shares.repeat(1, 2)).float().T.contiguous()
        return Block(pull, shares.float().T.contiguous())

    def prepared(self, rows: Tensor) -> tuple[Tensor, ...]:
        x, y = torch.unflatten(rows, -1, (2, -1)).unbind(-2)
        squares = x.square() + y.square() + _TINY
        return rows, x.contiguous(), y.contiguous(), squares, torch.ones_like(rows[..., :1])

    def correlate(self, block: Block, out: Tensor, room: Tensor, *prepared: Tensor) -> Tensor:
        rows, x, y, squares = prepared
        variance = torch.mm(squares, block.shares, out=room)
        for axis in (x, y):
            mean = torch.mm(axis, block.shares, out=out)
            variance.addcmul_(mean, mean, value=-1.0)
        return torch.mm(rows, block.pull, out=out).mul_(variance.rsqrt_())


def kinds_of(shares: Tensor) -> tuple[Tensor, list[Kind]]:
    """Which kind targets are of: those of the same shares, where there are many; last all others.

    Args:
        shares: (targets, joints) float64.

    Returns:
        (targets,) int64 places in the kinds, and these.
    """
    unique, same, counts = torch.unique(shares, dim=0, return_inverse=True, return_counts=True)
    common = counts >= _ALIKE if len(counts) > 1 else counts > 0
    place = torch.where(common, common.cumsum(0) - 1, common.sum())
    kinds: list[Kind] = [Alike(one) for one in unique[common]]
    return place[same], kinds if bool(common.all()) else [*kinds, Mixed()]
