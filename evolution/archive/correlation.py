"""Correlations of keypoint sets with views of bodies, for all pairs, by products of matrices.

With the weights w of a keypoint set t as shares, its standardised coordinates s (mean 0, variance
1) and a view c, the correlation is sum(w s c) / sqrt(sum(w c^2) - sum(w c)^2): sums that are
products of (views x joints) with (joints x targets). Where many targets have the same shares, views
are standardised once for all of them, and one product is left.

Bodies and targets meet in chunks of one size, filled up where there are fewer, so that the result
for a pair does not depend on its company. float32; it chooses, and decides nothing by itself.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

GROUP = 8
"""Chunks of bodies are multiples of this."""

ERROR = 5e-5
"""What a correlation may be off by, for views whose known joints are not all close together."""

_CHUNKS = {"cpu": (64, 512), "cuda": (1024, 4096)}
_WIDTH = 64
_ALIKE = 128
_TINY = 1e-6


class _Block(Protocol):
    """Some targets; `columns` are theirs in the result."""

    @property
    def columns(self) -> slice:
        """Which they are."""

    def prepared(self, rows: Tensor) -> tuple[Tensor, ...]:
        """What `correlate` wants of rows (chunks, rows, 2 joints), x before y."""

    def correlate(self, out: Tensor, room: Tensor, *prepared: Tensor) -> Tensor:
        """Correlations (rows, targets), written into `out`; `room` is of the same size."""


@dataclass(frozen=True, eq=False)
class _Alike:
    """Targets of the same shares: (joints,), and weighted coordinates (2 joints, targets)."""

    columns: slice
    shares: Tensor
    pull: Tensor

    def prepared(self, rows: Tensor) -> tuple[Tensor, ...]:
        x_y = torch.unflatten(rows, -1, (2, -1))
        apart = x_y - (x_y * self.shares).sum(-1, keepdim=True)
        variance = (apart.square() * self.shares).sum((-1, -2), keepdim=True)
        return ((apart * variance.add_(_TINY**2).rsqrt_()).flatten(-2),)

    def correlate(self, out: Tensor, room: Tensor, *prepared: Tensor) -> Tensor:
        return torch.mm(prepared[0], self.pull, out=out)


@dataclass(frozen=True, eq=False)
class _Mixed:
    """Targets of different shares (joints, targets)."""

    columns: slice
    shares: Tensor
    pull: Tensor

    def prepared(self, rows: Tensor) -> tuple[Tensor, ...]:
        x, y = torch.unflatten(rows, -1, (2, -1)).unbind(-2)
        return rows, x.contiguous(), y.contiguous(), x.square() + y.square() + _TINY

    def correlate(self, out: Tensor, room: Tensor, *prepared: Tensor) -> Tensor:
        rows, x, y, squares = prepared
        variance = torch.mm(squares, self.shares, out=room)
        for axis in (x, y):
            mean = torch.mm(axis, self.shares, out=out)
            variance.addcmul_(mean, mean, value=-1.0)
        return torch.mm(rows, self.pull, out=out).mul_(variance.rsqrt_())


class Correlation:
    """Keypoint sets as matrices.

    Attributes:
        target: (columns,) int64, the target of each column of a result; some stand twice.
        spare: (columns,) bool, the columns whose target stands before them already.
    """

    def __init__(self, standard: Tensor, shares: Tensor) -> None:
        """Standardised coordinates (targets, joints, 2) and shares (targets, joints), float64."""
        self._device = shares.device
        self._bodies, self._width = _CHUNKS.get(self._device.type, _CHUNKS["cpu"])
        pull = (standard * shares[..., None]).transpose(1, 2).flatten(1).float()
        self._known = (shares > 0).any(0).nonzero()[:, 0]
        self._coordinates = torch.cat([self._known, self._known + shares.shape[1]])
        columns: list[Tensor] = []
        self._blocks: list[_Block] = []
        for members, alike in _kinds(shares):
            filled = torch.cat([members, members[-1:].expand(-len(members) % _WIDTH)])
            for part in torch.split(filled, self._width):
                start = sum(len(each) for each in columns)
                columns.append(part)
                self._blocks.append(
                    self._block(pull, shares.float(), part, slice(start, start + len(part)), alike)
                )
        self.target = torch.cat(columns)
        order = self.target.sort(stable=True)
        repeated = torch.zeros_like(order.values, dtype=torch.bool)
        repeated[1:] = order.values[1:] == order.values[:-1]
        self.spare = torch.zeros_like(repeated).scatter_(0, order.indices, repeated)

    def _block(
        self, pull: Tensor, shares: Tensor, part: Tensor, columns: slice, alike: bool
    ) -> _Block:
        own, weighted = shares[part][:, self._known], pull[part][:, self._coordinates]
        weighted = weighted.T.contiguous()
        if alike:
            return _Alike(columns, own[0], weighted)
        return _Mixed(columns, own.T.contiguous(), weighted)

    def best(self, views: Tensor) -> Tensor:
        """Correlations (bodies, columns) float32 in the best view of each body.

        Args:
            views: (bodies, views, joints, 2) float32, mean 0 and root mean square 1 or all 0.

        Returns:
            Bodies are filled up to whole chunks with some that correlate with nothing.
        """
        rows = self._rows(views)
        chunks, many = len(rows), views.shape[1]
        found = rows.new_empty(chunks, self._bodies, len(self.target))
        rooms = rows.new_empty(2, many * self._bodies * self._width)
        for block in self._blocks:
            width = block.columns.stop - block.columns.start
            out, room = rooms[:, : many * self._bodies * width].view(2, -1, width)
            prepared = block.prepared(rows)
            for chunk in range(chunks):
                pairs = block.correlate(out, room, *(part[chunk] for part in prepared))
                by_view = pairs.view(many, self._bodies, width)
                torch.amax(by_view, 0, out=found[chunk, :, block.columns])
        return found.flatten(0, 1)

    def _rows(self, views: Tensor) -> Tensor:
        """(chunks, views x bodies, 2 joints): the known joints, x before y."""
        bodies, many = views.shape[:2]
        chunks = -(-bodies // self._bodies)
        filled = views.new_zeros(chunks * self._bodies, many, 2 * len(self._known))
        planar = views.transpose(2, 3).flatten(2)
        torch.index_select(planar, 2, self._coordinates, out=filled[:bodies])
        return filled.view(chunks, self._bodies, many, -1).transpose(1, 2).flatten(1, 2)


def _kinds(shares: Tensor) -> list[tuple[Tensor, bool]]:
    """Targets (members,) int64 that have the same shares, where there are many; then all others."""
    _, kind, counts = torch.unique(shares, dim=0, return_inverse=True, return_counts=True)
    common = (counts >= _ALIKE).nonzero()[:, 0].tolist()
    if len(counts) == 1:
        common = [0]
    kinds = [((kind == each).nonzero()[:, 0], True) for each in common]
    others = (~torch.isin(kind, torch.tensor(common, device=kind.device))).nonzero()[:, 0]
    return [*kinds, (others, False)] if len(others) else kinds
