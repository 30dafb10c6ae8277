"""Actors that hold the current lifters on their device and score poses by them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from evoskeleton.evolution.archive.agreement import penalty_of
from evoskeleton.evolution.archive.novelty import novelty
from evoskeleton.evolution.archive.resemblance import Sightings
from evoskeleton.evolution.chance import key, stream
from evoskeleton.evolution.population import Population
from evoskeleton.lifting.bundle import Lifter, from_arrays, to_arrays, weight_hash
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.lifting.hardness import hardness
from evoskeleton.lifting.keypoint_views import keypoints_of
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.search.workers.answers import Answers, answers
from evoskeleton.platform.search.workers.local_search import (
    LocalSearchSettings,
    Refinable,
    refined,
)


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
        sightings: which keypoint sets the bodies resemble; None where there is no target.
    """

    error: np.ndarray
    disagreement: np.ndarray
    outside: np.ndarray
    novelty: np.ndarray | None = None
    sightings: Sightings | None = None

    @classmethod
    def unknown(cls, bodies: int) -> Self:
        """Scores of bodies that no lifter was tried on: NaN."""
        unknown = np.full(bodies, np.nan, np.float32)
        return cls(unknown, unknown, unknown)

    def given_to(self, bodies: Population) -> Population:
        """The bodies with these scores."""
        scored = bodies.scored(
            error=torch.tensor(self.error), disagreement=torch.tensor(self.disagreement)
        )
        if self.sightings is not None:
            scored = scored.scored(resemblance=-torch.tensor(self.sightings.nearest))
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


@dataclass(frozen=True, eq=False)
class Aim:
    """What bodies are to resemble, and how they are looked at for it.

    Attributes:
        file: of the keypoint sets, see `KeypointTarget.save`.
        views: virtual views that every body is seen in.
        ranges: what these are drawn from.
        most: bodies that one batch may offer to a keypoint set.
        agreement: weight of what a body disagrees with the champion's answer, beside the distance.
    """

    file: Path
    views: int
    ranges: ViewSettings
    most: int
    agreement: float = 0.0


def resemblance_views(seed: int) -> int:
    """The key that draws the views in which bodies are held to the target."""
    return key(seed, stream("views of resemblance"))


class Scorer:
    """An actor. Poses travel to it, weights stay: lifters are unpacked when their hash is new.

    It keeps nothing that a restart would lose. Thread count and chunk size are fixed, so that a
    score depends on the pose, the lifters, the archive and the target alone.
    """

    def __init__(
        self,
        seed: int,
        views: int,
        device: str = "auto",
        aim: Aim | None = None,
        threads: int = 1,
    ) -> None:
        torch.set_num_threads(threads)
        found = "cuda" if torch.cuda.is_available() else "cpu"
        self._device = found if device == "auto" else device
        self._seed = seed
        self._key = key(seed, stream("scoring views"))
        self._views_key = resemblance_views(seed)
        self._views = views
        self._hash = ""
        self._lifters: list[Lifter] = []
        self._aim = aim
        self._target = None if aim is None else KeypointTarget.load(aim.file)
        self._targets = None if self._target is None else self._target.prepared(self._device)

    def score(
        self,
        bodies: Scorable,
        champion: Champion | None,
        archived: Archived | None = None,
        worst: np.ndarray | None = None,
        opinion: np.ndarray | None = None,
    ) -> Scores:
        """Scores of (bodies,).

        Args:
            bodies: to be scored.
            champion: the lifters whose errors count; None: errors stay unknown.
            archived: what novelty is measured against, if anything.
            worst: (targets,) float32 distances; the bodies that come nearer to a keypoint set are
                found. None: resemblance is not asked for.
            opinion: (targets, 17, 3) float32 mm, answers for the target that bodies are held to.
        """
        novel = None if archived is None else self.novelty(bodies, archived)
        sightings = None if worst is None else self.sightings(bodies, worst, opinion)
        if champion is None:
            scores = Scores.unknown(len(bodies.joints))
        else:
            lifters = self._hold(champion)
            found = hardness(lifters, bodies.joints, views=self._views, key=self._key)
            scores = Scores(found.error, found.disagreement, found.outside)
        return replace(scores, novelty=novel, sightings=sightings)

    def sightings(
        self, bodies: Scorable, worst: np.ndarray, opinion: np.ndarray | None = None
    ) -> Sightings:
        """Which keypoint sets bodies resemble, in views that their ids draw."""
        assert self._aim is not None and self._targets is not None, "a campaign with a target"
        assert bodies.ids is not None, "views are drawn by id"
        joints, ids = (torch.from_numpy(np.array(part)) for part in (bodies.joints, bodies.ids))
        seen = keypoints_of(joints, ids, self._aim.views, self._aim.ranges, self._views_key)
        found = self._targets.seen(seen.to(self._device), torch.tensor(worst), self._aim.most)
        if opinion is None:
            return found
        hits = joints[torch.from_numpy(found.hit_body).long()]
        penalty = penalty_of(hits, opinion[found.hit_target], self._aim.agreement)
        return found.penalised(penalty, worst)

    def answers(self, champion: Champion, generation: int) -> Answers:
        """What the best lifter makes of every keypoint set of the target."""
        assert self._aim is not None and self._target is not None, "a campaign with a target"
        lifter = self._hold(champion)[0]
        return answers(lifter, self._target, self._aim.ranges, self._seed, generation)

    def refined(
        self, wanted: Refinable, joints: np.ndarray, settings: LocalSearchSettings
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bodies (rows, 17, 3) world mm bent towards keypoint sets, and their (rows,) distances,
        see `local_search.refined`."""
        assert self._aim is not None and self._targets is not None, "a campaign with a target"
        there = torch.from_numpy(np.array(joints)).to(self._device)
        seen_by = self._aim.ranges, self._aim.views, self._views_key
        return refined(wanted, there, self._targets, *seen_by, settings)

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
