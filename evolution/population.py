"""A population: a struct of arrays, with lineage and scores beside the genomes.

Bodies are columns of the component-first genomes and entries of the (bodies,) arrays. An id is a
function of where a body was bred, so that it is the same on any number of workers:
`generation << 40 | island << 28 | slot`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.operators.codes import SEED, has_mark
from evoskeleton.evolution.operators.orientation import TUMBLE

_SLOT_BITS = 28
_ISLAND_BITS = 12
_GENERATION_BITS = 23
NOBODY = -1
"""Mother and father of a seed."""


def ids(generation: int, island: int, slots: Tensor) -> Tensor:
    """Ids (bodies,) int64 of the int64 `slots` of one island in one generation.

    Raises:
        BadInput: a number does not fit its place in the id.
    """
    _expect_below("generation", generation, 1 << _GENERATION_BITS)
    _expect_below("island", island, 1 << _ISLAND_BITS)
    if len(slots):
        _expect_below("slot", int(slots.max()), 1 << _SLOT_BITS)
    return slots + ((generation << (_SLOT_BITS + _ISLAND_BITS)) | (island << _SLOT_BITS))


def _expect_below(name: str, number: int, bound: int) -> None:
    if not 0 <= number < bound:
        raise BadInput(f"{name} should lie in [0, {bound}), got {number}")


def generation_island_slot(ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The inverse of `ids`."""
    island = (ids >> _SLOT_BITS) & ((1 << _ISLAND_BITS) - 1)
    return ids >> (_SLOT_BITS + _ISLAND_BITS), island, ids & ((1 << _SLOT_BITS) - 1)


@dataclass(frozen=True)
class Population:
    """Many bodies with what is known of them.

    Attributes:
        ids: (bodies,) int64.
        genomes: the bodies.
        mothers, fathers: (bodies,) int64 ids, -1 for seeds and immigrants.
        operators: (bodies,) int64 codes, see `operators.codes`.
        error: (bodies,) float32 score, how wrong the lifters get the body; NaN while unscored.
        disagreement: (bodies,) float32 score, how far their answers are apart.
        novelty: (bodies,) float32 score, how far the body is from those that are archived.
        resemblance: (bodies,) float32 score, minus the distance to the nearest keypoint set of a
            target, so that more is fitter: 0 explains one, -1 none (see `archive.resemblance`).
        margin: (bodies,) float32 degrees inside the joint limits, negative outside.
    """

    ids: Tensor
    genomes: Genomes
    mothers: Tensor
    fathers: Tensor
    operators: Tensor
    error: Tensor
    disagreement: Tensor
    novelty: Tensor
    resemblance: Tensor
    margin: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def tumbled(self) -> Tensor:
        """Which bodies (bodies,) bool were given any orientation; they do not breed."""
        return has_mark(self.operators, TUMBLE)

    @classmethod
    def seeds(cls, genomes: Genomes, margin: Tensor | None = None, island: int = 0) -> "Population":
        """Generation 0: real bodies without parents or scores."""
        slots = torch.arange(len(genomes), device=genomes.device)
        return cls.orphans(ids(0, island, slots), genomes, SEED, margin)

    @classmethod
    def orphans(
        cls, ids: Tensor, genomes: Genomes, kind: int, margin: Tensor | None = None
    ) -> "Population":
        """Bodies without parents or scores, of the `kind` `codes.SEED` or `codes.IMMIGRANT`."""
        nobody = torch.full_like(ids, NOBODY)
        return cls.unscored(
            ids=ids,
            genomes=genomes,
            mothers=nobody,
            fathers=nobody,
            operators=torch.full_like(ids, kind),
            margin=torch.full(ids.shape, torch.nan, device=ids.device)
            if margin is None
            else margin,
        )

    @classmethod
    def unscored(cls, **columns: Any) -> "Population":
        """Bodies that nothing has scored yet."""
        unknown = torch.full(columns["ids"].shape, torch.nan, device=columns["ids"].device)
        scores: dict[str, Any] = dict.fromkeys(SCORES, unknown)
        return cls(**columns, **scores)

    def take(self, index: Tensor) -> "Population":
        """The bodies at (n,) int64 or boolean `index`."""
        if index.dtype == torch.bool:
            index = index.nonzero()[:, 0]
        columns = {name: getattr(self, name).index_select(0, index) for name in _COLUMNS}
        return Population(genomes=self.genomes.take(index), **columns)

    def scored(self, error: Tensor | None = None, **others: Tensor) -> "Population":
        """The same bodies with (bodies,) scores: error, and others of `SCORES` by name.

        Raises:
            BadInput: not one score a body.
        """
        scores = others if error is None else {"error": error, **others}
        for name, score in scores.items():
            if score.shape != self.error.shape:
                raise BadInput(f"{name} should be ({len(self)},), got {tuple(score.shape)}")
        changed: dict[str, Any] = {name: score.to(self.error) for name, score in scores.items()}
        return replace(self, **changed)

    def to(self, device: torch.device | str) -> "Population":
        """The same bodies on a device."""
        columns = {name: getattr(self, name).to(device) for name in _COLUMNS}
        return Population(genomes=self.genomes.to(device), **columns)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Plain numpy by name, the arrays of the genomes beside the columns."""
        columns = {name: getattr(self, name).cpu().numpy() for name in _COLUMNS}
        return columns | self.genomes.to_arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Population":
        """Back from `to_arrays`; other names are left alone and the arrays are copied.

        What an earlier version wrote holds no resemblance: it is NaN then.
        """
        arrays = {"resemblance": np.full_like(arrays["error"], np.nan), **arrays}
        columns = {name: torch.tensor(arrays[name]) for name in _COLUMNS}
        return cls(genomes=Genomes.from_arrays(arrays), **columns)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Populations travel between processes as plain numpy."""
        return _arrived, (self.to_arrays(),)

    @staticmethod
    def concatenate(parts: Sequence["Population"]) -> "Population":
        """All bodies of all parts, in order."""
        columns = {name: torch.cat([getattr(part, name) for part in parts]) for name in _COLUMNS}
        return Population(genomes=Genomes.concatenate([p.genomes for p in parts]), **columns)


def _arrived(arrays: Mapping[str, np.ndarray]) -> Population:
    """A function of the module, whose name is sent: a method of a class is sent by its code."""
    return Population.from_arrays(arrays)


SCORES = ("error", "disagreement", "novelty", "resemblance")
"""What scorers find out about a body; NaN while they have not."""

_COLUMNS = ("ids", "mothers", "fathers", "operators", *SCORES, "margin")
