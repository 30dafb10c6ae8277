"""Correlations of keypoint sets with views of bodies, for all pairs, by products of matrices.

Bodies and targets meet in chunks of one size, filled up where there are fewer, so that the result
for a pair does not depend on its company. What was found in a chunk is searched while it is near
the processor. float32; it chooses, and decides nothing by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from evoskeleton.evolution.archive.kinds import Block, Kind, Mixed, kinds_of

GROUP = 8
"""Chunks of bodies are multiples of this."""

ERROR = 5e-5
"""What a correlation may be off by, for views whose known joints are not all close together."""

_CHUNKS = {"cpu": (64, 512), "cuda": (1024, 4096)}
_WIDTH = 64


@dataclass(frozen=True, eq=False)
class Looks:
    """What all targets have to do with some bodies.

    Attributes:
        correlation: (bodies, columns) float32 in the best view of each body; bodies are filled up
            to whole chunks with some that correlate with nothing.
        groups: (bodies / GROUP, columns), the best of each group of bodies.
        inverse: (kinds, bodies, views) float32, one over the root of the variance of a view with
            the shares of each kind of targets; 1 where they have not all the same.
    """

    correlation: Tensor
    groups: Tensor
    inverse: Tensor

    def nearest(self) -> Tensor:
        """Column (bodies,) int64 of the best correlation, the first of several."""
        if self.correlation.device.type == "cpu":  # by far the faster of the two there
            return torch.from_numpy(self.correlation.numpy().argmax(1))
        return self.correlation.argmax(1)


class Correlation:
    """Keypoint sets as matrices.

    Attributes:
        target: (columns,) int64, the target of each column of a result; some stand twice.
        spare: (columns,) bool, the columns whose target stands before them already.
        kind: (targets,) int64, which kind they are of.
        mixed: (targets,) bool, those whose shares are not those of all of their kind.
        kinds: those kinds, and the numbers of their blocks.
        blocks: of columns.
        coordinates: (2 joints,) int64, the known joints, x before y.
        bodies: how many make a chunk.
    """

    def __init__(self, standard: Tensor, shares: Tensor) -> None:
        """Standardised coordinates (targets, joints, 2) and shares (targets, joints), float64."""
        self.bodies, width = _CHUNKS.get(shares.device.type, _CHUNKS["cpu"])
        known = (shares > 0).any(0).nonzero()[:, 0]
        self.coordinates = torch.cat([known, known + shares.shape[1]])
        planar = standard.transpose(1, 2).flatten(1)[:, self.coordinates]
        self.kind, kinds = kinds_of(shares[:, known])
        mixed = torch.tensor([isinstance(kind, Mixed) for kind in kinds], device=shares.device)
        self.mixed = mixed[self.kind]
        self.kinds: list[tuple[Kind, range]] = []
        self.blocks: list[Block] = []
        columns: list[Tensor] = []
        for number, kind in enumerate(kinds):
            parts = torch.split(_filled((self.kind == number).nonzero()[:, 0]), width)
            self.kinds.append((kind, range(len(columns), len(columns) + len(parts))))
            self.blocks += [kind.block(planar[part], shares[part][:, known]) for part in parts]
            columns += parts
        self.target = torch.cat(columns)
        self.spare = _repeated(self.target)

    def rows(self, views: Tensor) -> Tensor:
        """Known coordinates (chunks, views x bodies, 2 joints) of (bodies, views, 2 joints)."""
        bodies, many = views.shape[:2]
        chunks = -(-bodies // self.bodies)
        filled = views.new_zeros(chunks * self.bodies, many, len(self.coordinates))
        torch.index_select(views, 2, self.coordinates, out=filled[:bodies])
        return filled.view(chunks, self.bodies, many, -1).transpose(1, 2).flatten(1, 2)


@dataclass(frozen=True, eq=False)
class _Step:
    """A chunk of bodies meets a block of targets; tensors are places of the workspace."""

    block: Block
    out: Tensor
    room: Tensor
    by_view: Tensor
    best: Tensor
    by_group: Tensor
    group: Tensor

    def take(self, kind: Kind, prepared: Sequence[Tensor]) -> None:
        """Write what the bodies have to do with the targets."""
        kind.correlate(self.block, self.out, self.room, *prepared)
        torch.amax(self.by_view, 0, out=self.best)
        torch.amax(self.by_group, 1, out=self.group)


class Workspace:
    """Where bodies meet all targets, some at a time; every time writes over the last."""

    def __init__(self, correlation: Correlation, bodies: int, views: int) -> None:
        """For at most so many bodies at a time, in so many views each."""
        self._of, self._views = correlation, views
        size, chunks = correlation.bodies, -(-bodies // correlation.bodies)
        self._starts = [0]
        for block in correlation.blocks:
            self._starts.append(self._starts[-1] + len(block))
        new = correlation.blocks[0].pull.new_empty
        self._correlation = new(chunks, size, self._starts[-1])
        self._groups = new(chunks, size // GROUP, self._starts[-1])
        self._rooms = new(2, views * size * max(map(len, correlation.blocks)))
        self._steps = [
            [[self._step(chunk, number) for number in numbers] for chunk in range(chunks)]
            for _, numbers in correlation.kinds
        ]

    def _step(self, chunk: int, number: int) -> _Step:
        """Of a chunk of bodies and the block of that number."""
        columns, block = slice(*self._starts[number : number + 2]), self._of.blocks[number]
        rows = self._views * self._of.bodies
        out, room = self._rooms[:, : rows * len(block)].view(2, rows, len(block))
        best = self._correlation[chunk, :, columns]
        return _Step(
            block=block,
            out=out,
            room=room,
            by_view=torch.unflatten(out, 0, (self._views, -1)),
            best=best,
            by_group=torch.unflatten(best, 0, (-1, GROUP)),
            group=self._groups[chunk, :, columns],
        )

    def looks(self, views: Tensor) -> Looks:
        """How bodies correlate with all targets; holds until the next are looked at.

        Args:
            views: (bodies, views, 2 joints) float32, x before y, mean 0 and root mean square 1, or
                all 0.
        """
        inverse = []
        rows = self._of.rows(views)
        for (kind, _), steps in zip(self._of.kinds, self._steps, strict=True):
            *prepared, scale = kind.prepared(rows)
            inverse.append(scale.view(len(rows), self._views, -1).transpose(1, 2).flatten(0, 1))
            for mine, *chunk in zip(steps, *prepared, strict=False):
                for step in mine:
                    step.take(kind, chunk)
        return Looks(
            self._correlation[: len(rows)].flatten(0, 1),
            self._groups[: len(rows)].flatten(0, 1),
            torch.stack(inverse)[:, : len(views)],
        )


def _filled(members: Tensor) -> Tensor:
    """Up to whole columns, by the last of them."""
    return torch.cat([members, members[-1:].expand(-len(members) % _WIDTH)])


def _repeated(target: Tensor) -> Tensor:
    """(columns,) bool, those whose target stands before them already."""
    order = target.sort(stable=True)
    again = torch.zeros_like(order.values, dtype=torch.bool)
    again[1:] = order.values[1:] == order.values[:-1]
    return torch.zeros_like(again).scatter_(0, order.indices, again)
