"""Actors that hold the current lifters on their device and score poses by them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch

from evoskeleton.evolution.archive.novelty import novelty
from evoskeleton.evolution.chance import key, stream
from evoskeleton.evolution.population import Population
from evoskeleton.lifting.bundle import Lifter, from_arrays, to_arrays, weight_hash
from evoskeleton.lifting.hardness import hardness


@dataclass(frozen=True, eq=False)
class Scorable:
    """What a scorer needs of bodies.

    Attributes:
        joints: (bodies, 17, 3) float32 world mm.
        ids: (bodies,) int64.
        measures: (bodies, 39) float32 of the pose descriptor, where there is one.
    """

    joints: np.ndarray
    ids: np.ndarray | None = None
    measures: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores (bodies,) float32 of one batch.

    Attributes:
        error, disagreement: mm.
        outside: share of the keypoints outside the images.
        novelty: mm a joint; None where there is no archive.
    """

    error: np.ndarray
    disagreement: np.ndarray
    outside: np.ndarray
    novelty: np.ndarray | None = None

    def given_to(self, bodies: Population) -> Population:
        """The bodies with these scores."""
        scored = bodies.scored(
            error=torch.tensor(self.error), disagreement=torch.tensor(self.disagreement)
        )
        return scored if self.novelty is None else with_novelty(scored, self.novelty)


def with_novelty(bodies: Population, novelty: np.ndarray) -> Population:
    """The bodies with another (bodies,) novelty."""
    return bodies.scored(novelty=torch.tensor(novelty))


@dataclass(frozen=True, eq=False)
class Champion:
    """The lifters that score, as they travel to a scorer.

    Attributes:
        hash: of all their weights.
        lifters: arrays and configuration of each, see `lifting.bundle.to_arrays`.
    """

    hash: str
    lifters: tuple[tuple[dict[str, np.ndarray], dict[str, Any]], ...]

    @classmethod
    def of(cls, lifters: Sequence[Lifter]) -> Self:
        """Ready to travel."""
        hashes = "+".join(weight_hash(lifter) for lifter in lifters)
        return cls(hashes, tuple(to_arrays(lifter) for lifter in lifters))

    @property
    def best(self) -> str:
        """Hash of the first lifter's weights, the best on validation."""
        return self.hash.partition("+")[0]


@dataclass(frozen=True, eq=False)
class Archived:
    """What novelty is measured against.

    Attributes:
        ids: (others,) int64 of the archived bodies.
        measures: (others, 39) float32 of the pose descriptor.
        neighbours: how many of the nearest count.
        unit_mm: mm a joint of one unit of the descriptor.
    """

    ids: np.ndarray
    measures: np.ndarray
    neighbours: int
    unit_mm: float


class Scorer:
    """An actor. Poses travel to it, weights stay: lifters are unpacked when their hash is new.

    It keeps nothing that a restart would lose. Thread count and chunk size are fixed, so that a
    score depends on the pose, the lifters and the archive alone.
    """

    def __init__(self, seed: int, views: int, device: str = "auto", threads: int = 1) -> None:
        torch.set_num_threads(threads)
        found = "cuda" if torch.cuda.is_available() else "cpu"
        self._device = found if device == "auto" else device
        self._key = key(seed, stream("scoring views"))
        self._views = views
        self._hash = ""
        self._lifters: list[Lifter] = []

    def score(
        self, bodies: Scorable, champion: Champion, archived: Archived | None = None
    ) -> Scores:
        """Scores of (bodies,); novelty only against an archive."""
        lifters = self._hold(champion)
        found = hardness(lifters, bodies.joints, views=self._views, key=self._key)
        novel = None if archived is None else self.novelty(bodies, archived)
        return Scores(found.error, found.disagreement, found.outside, novel)

    def novelty(self, bodies: Scorable, archived: Archived) -> np.ndarray:
        """Novelty (bodies,) float32 alone, mm a joint: it changes with the archive."""
        assert bodies.ids is not None and bodies.measures is not None, "an archive has one"
        asked, known = (
            torch.from_numpy(np.array(part)).to(self._device)
            for part in (bodies.measures, archived.measures)
        )
        elites = torch.from_numpy(np.isin(bodies.ids, archived.ids)).to(self._device)
        distance = novelty(asked, known, archived.neighbours, elites)
        return (distance * archived.unit_mm).cpu().numpy()

    def _hold(self, champion: Champion) -> list[Lifter]:
        if self._hash != champion.hash:
            self._lifters = [
                _folded(from_arrays(*one)).to(self._device) for one in champion.lifters
            ]
            self._hash = champion.hash
        return self._lifters


def _folded(lifter: Lifter) -> Lifter:
    """The same answers from fewer multiplications."""
    return Lifter(lifter.cascade.folded(), lifter.normalization)
