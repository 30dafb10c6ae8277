"""What a campaign holds of its target: the niches of the keypoint sets, and who stands in them.

A body that takes a place in a niche becomes a row of the table, and one that loses its last place
leaves the data set again, unless the objectives of its island have kept it anyway (`general`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from evoskeleton.evolution.archive.agreement import penalty_of
from evoskeleton.evolution.archive.niches import DrawBy, Niches
from evoskeleton.evolution.archive.resemblance import Sightings
from evoskeleton.evolution.hierarchy import decode
from evoskeleton.evolution.operators.codes import LIFTED
from evoskeleton.evolution.population import NOBODY, Population


@dataclass(frozen=True, eq=False)
class Resembling:
    """The niches and their bodies.

    Attributes:
        niches: one a keypoint set, places by id.
        bodies: everybody who has a place, by id.
        general: (bodies,) bool, who is part of the data set whatever the target is.
        opinion: (targets, 17, 3) float32 mm, what the champion makes of the keypoint sets, which
            bodies of the niches are held to; none before somebody was asked.
    """

    niches: Niches
    bodies: Population
    general: np.ndarray
    opinion: np.ndarray | None = None

    @classmethod
    def nobody(cls, targets: int, quota: int, like: Population) -> "Resembling":
        """Empty niches; `like` is any population."""
        nobody = like.take(torch.zeros(0, dtype=torch.int64))
        return cls(Niches.empty(targets, quota), nobody, np.zeros(0, bool))

    def __len__(self) -> int:
        return len(self.bodies)

    @property
    def special(self) -> np.ndarray:
        """(bodies,) int64 ids of those who are in the data set for the target alone."""
        found: np.ndarray = self.bodies.ids.numpy()[~self.general]
        return found

    def taken(self, bodies: Population, sightings: Sightings) -> tuple["Resembling", np.ndarray]:
        """Let bodies in where they are nearer.

        Args:
            bodies: (bodies,) unknown so far.
            sightings: of them.

        Returns:
            The niches after it; and (n,) int64 sorted ids of those that have lost their last place
            and were in the data set for it alone.
        """
        niches, change = self.niches.insert(bodies.ids.numpy(), sightings)
        everybody = Population.concatenate([self.bodies, bodies])
        general = np.concatenate([self.general, np.zeros(len(bodies), bool)])
        stays = np.isin(everybody.ids.numpy(), niches.members())
        order = np.flatnonzero(stays)[everybody.ids.numpy()[stays].argsort()]
        lost = np.intersect1d(change.lost, self.special)
        following = everybody.take(torch.from_numpy(order))
        return Resembling(niches, following, general[order], self.opinion), lost

    def held_to(self, opinion: np.ndarray, weight: float) -> "Resembling":
        """The same bodies, in the order in which another opinion puts them.

        Args:
            opinion: (targets, 17, 3) float32 mm.
            weight: of the disagreement beside the distance.
        """
        target, place = np.nonzero(self.niches.ids != NOBODY)
        bodies = self.of(self.niches.ids[target, place])
        penalty = np.zeros(self.niches.ids.shape, np.float32)
        penalty[target, place] = penalty_of(decode(bodies.genomes), opinion[target], weight)
        return replace(self, niches=self.niches.judged(penalty), opinion=opinion)

    def with_general(self, ids: np.ndarray) -> "Resembling":
        """The same, with (n,) ids known as part of the data set whatever the target is."""
        return replace(self, general=self.general | np.isin(self.bodies.ids.numpy(), ids))

    def parents(self, key: int, count: int, nearest: int, draw: DrawBy) -> Population:
        """(count,) bodies to breed from, see `Niches.parents`."""
        return self.of(self.niches.parents(key, count, nearest, draw))

    def of(self, ids: np.ndarray) -> Population:
        """(n,) bodies by their ids, all of which stand in a niche."""
        return self.bodies.take(torch.from_numpy(np.searchsorted(self.bodies.ids.numpy(), ids)))

    def bred(self) -> np.ndarray:
        """(targets,) int64, the first place of each niche that no lifter's answer has taken.

        A lifter answers with a body that explains the keypoints, whether people stand so or not;
        what was bred says more. -1 where nobody else stands.
        """
        theirs = self._theirs()
        found: np.ndarray = np.where(theirs.any(1), theirs.argmax(1), -1)
        return found

    def _theirs(self) -> np.ndarray:
        """(targets, quota) bool, places that are taken by others than a lifter's answers."""
        lifted = self.bodies.ids.numpy()[self.bodies.operators.numpy() == LIFTED]
        found: np.ndarray = (self.niches.ids != NOBODY) & ~np.isin(self.niches.ids, lifted)
        return found

    def record(self) -> dict[str, float]:
        """What a generation's record says of the niches, and of what was bred into them."""
        whole, part = self.niches.record(), self.niches.record(who=self._theirs())
        del part["niches_filled"]
        return whole | {f"niches_bred{name.removeprefix('niches')}": n for name, n in part.items()}

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Plain numpy by name."""
        parts: dict[str, Mapping[str, np.ndarray]] = {
            "niches": self.niches.to_arrays(),
            "bodies": self.bodies.to_arrays(),
        }
        named = {f"{part}/{n}": a for part, arrays in parts.items() for n, a in arrays.items()}
        opinion = {} if self.opinion is None else {"opinion": self.opinion}
        return named | {"general": self.general} | opinion

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Resembling":
        """Back from `to_arrays`."""

        def part(prefix: str) -> dict[str, Any]:
            names = [name for name in arrays if name.startswith(prefix)]
            return {name.removeprefix(prefix): arrays[name] for name in names}

        return cls(
            Niches.from_arrays(part("niches/")),
            Population.from_arrays(part("bodies/")),
            np.asarray(arrays["general"], bool),
            arrays.get("opinion"),
        )
