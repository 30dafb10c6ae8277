"""An archive with a niche for every picture: the bodies that explain its keypoints best.

Quality diversity (Mouret and Clune 2015, https://arxiv.org/abs/1504.04909) with niches that are
given from outside: one a target, with room for the `quota` nearest bodies, each with its distance
and the view in which it was so near. A body may stand in many niches. Parents are drawn from the
niches, so that a pose of which there are many pictures does not drown a rare one.

Where somebody has an opinion of the pictures, such as a lifter that answers with a body of its own,
what a body disagrees with it counts as a penalty beside the distance, and "near" below is meant by
the two together.

Of two bodies as near, the one of the lower id is the better. Batches of ascending ids therefore
give the same niches however they are cut.

Arrays are numpy and never changed in place: an insertion gives new niches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import Field

from evoskeleton.errors import BadInput
from evoskeleton.evolution import chance
from evoskeleton.evolution.archive.resemblance import Sightings
from evoskeleton.evolution.population import NOBODY
from evoskeleton.settings import Settings
from evoskeleton.shapes import expect_shape

DrawBy = Literal["evenly", "badly explained"]
"""How niches are drawn for parents: all alike, or by the distance of their best body."""

_NAMES = ("ids", "distance", "view", "penalty")
_NO_VIEW = -1
_NO_ID = NOBODY - 1


class NicheSettings(Settings):
    """How many bodies stand for a picture, and which of them breed."""

    quota: int = Field(20, ge=1, description="bodies that a niche, one a keypoint set, holds")
    parents_nearest: int = Field(
        10, ge=1, description="the nearest bodies of a niche, from which its parents are drawn"
    )
    draw: DrawBy = Field(
        "evenly",
        description="how niches are drawn for parents: all alike, or in proportion to the distance "
        "of their best body",
    )


@dataclass(frozen=True)
class Change:
    """What an insertion did.

    Attributes:
        entered: (bodies,) int64 ids that stand in a niche now and stood in none before, ascending.
        lost: (bodies,) int64 ids that stood in a niche and stand in none now, ascending.
    """

    entered: np.ndarray
    lost: np.ndarray


@dataclass(frozen=True, eq=False)
class Niches:
    """One niche a target; its bodies from the nearest to the farthest.

    Attributes:
        ids: (targets, quota) int64, -1 where a place is free.
        distance: (targets, quota) float32, see `resemblance`; inf where a place is free.
        view: (targets, quota) int32, the view in which the body was so near; -1 where free.
        penalty: (targets, quota) float32, what counts beside the distance; 0 where free.
    """

    ids: np.ndarray
    distance: np.ndarray
    view: np.ndarray
    penalty: np.ndarray

    @classmethod
    def empty(cls, targets: int, quota: int) -> "Niches":
        """Niches without a body.

        Raises:
            BadInput: no target, or no room.
        """
        if targets < 1 or quota < 1:
            raise BadInput(f"targets and quota should be at least 1, got {targets} and {quota}")
        room = (targets, quota)
        return cls(
            ids=np.full(room, NOBODY, np.int64),
            distance=np.full(room, np.inf, np.float32),
            view=np.full(room, _NO_VIEW, np.int32),
            penalty=np.zeros(room, np.float32),
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def quota(self) -> int:
        """How many bodies a niche has room for."""
        found: int = self.ids.shape[1]
        return found

    def worst(self) -> np.ndarray:
        """Distance and penalty (targets,) float32 of the last place; inf where it is free."""
        found: np.ndarray = self.distance[:, -1] + self.penalty[:, -1]
        return found

    def nearest(self) -> np.ndarray:
        """Distance (targets,) float32 of the nearest body, whatever else counts; inf for none."""
        found: np.ndarray = self.distance.min(1)
        return found

    def judged(self, penalty: np.ndarray) -> "Niches":
        """The same bodies in another order.

        Args:
            penalty: (targets, quota) of every place, at least 0; anything where it is free.

        Raises:
            BadInput: another shape.
        """
        expect_shape("penalty", penalty, self.ids.shape)
        penalty = np.where(self.ids == NOBODY, 0, penalty).astype(np.float32)
        order = np.lexsort((self.ids, self.distance + penalty), axis=1)
        parts = (self.ids, self.distance, self.view, penalty)
        return Niches(*(np.take_along_axis(part, order, 1) for part in parts))

    def insert(self, ids: np.ndarray, sightings: Sightings) -> tuple["Niches", Change]:
        """Let the bodies of a batch in.

        A body that is in a niche already stays once, with the shorter distance.

        Args:
            ids: (bodies,) int64 of those who were seen, all different.
            sightings: of the same bodies against the same targets, with at least `quota` hits a
                target where there are so many.

        Raises:
            BadInput: not one id a body, an id twice or below 0, or sightings of other targets.
        """
        ids = np.asarray(ids, np.int64)
        expect_shape("ids", ids, (len(sightings.nearest),))
        if len(_distinct(ids)) < len(ids) or (len(ids) and ids.min() < 0):
            raise BadInput("ids should be all different and at least 0")
        if len(sightings.hit_target) and sightings.hit_target.max() >= len(self):
            raise BadInput(
                f"sightings should be of {len(self)} targets, got target"
                f" {sightings.hit_target.max()}"
            )
        changed = self._with(ids[sightings.hit_body], sightings)
        before, after = self.members(), changed.members()
        entered = np.setdiff1d(after, before, assume_unique=True)
        return changed, Change(entered, np.setdiff1d(before, after, assume_unique=True))

    def _with(self, ids: np.ndarray, hits: Sightings) -> "Niches":
        touched, newcomer = np.unique(hits.hit_target, return_inverse=True)
        held, column = np.nonzero(self.ids[touched] != NOBODY)
        old = touched[held], column
        niche = np.r_[held, newcomer]
        new = (ids, hits.hit_distance, hits.hit_view, hits.hit_penalty)
        parts = [np.r_[part[old], more] for part, more in zip(self._parts(), new, strict=True)]
        kept = _once(niche, *parts)
        niche, parts = niche[kept], [part[kept] for part in parts]
        order = np.lexsort((parts[0], parts[1] + parts[3], niche))
        place = _places(niche[order])
        order, place = order[place < self.quota], place[place < self.quota]
        at = touched[niche[order]], place
        changed = [part.copy() for part in self._parts()]
        fresh = Niches.empty(len(self), self.quota)._parts()
        for whole, free, part in zip(changed, fresh, parts, strict=True):
            whole[touched] = free[touched]
            whole[at] = part[order]
        return Niches(*changed)

    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return self.ids, self.distance, self.view, self.penalty

    def members(self) -> np.ndarray:
        """(bodies,) int64 ids of all that stand in a niche, ascending, each once."""
        return _distinct(self.ids[self.ids != NOBODY])

    def places(self, ids: np.ndarray) -> np.ndarray:
        """In how many niches each of the bodies stands, (bodies,) int64."""
        members, counts = np.unique(self.ids[self.ids != NOBODY], return_counts=True)
        at, known = _find(members, ids)
        found: np.ndarray = np.where(known, np.r_[counts, 0][at], 0).astype(np.int64)
        return found

    def best_of(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The niche in which each of the bodies is nearest, the first of several.

        Returns:
            Target (bodies,) int32, distance (bodies,) float32 and view (bodies,) int32; -1, inf and
            -1 for a body that stands in no niche.
        """
        niche, column = np.nonzero(self.ids != NOBODY)
        names, distance = self.ids[niche, column], self.distance[niche, column]
        order = np.lexsort((niche, distance, names))
        members, first = np.unique(names[order], return_index=True)
        best = order[first]
        at, known = _find(members, ids)
        target = np.where(known, np.r_[niche[best], 0][at], -1).astype(np.int32)
        near = np.where(known, np.r_[distance[best], np.inf][at], np.inf).astype(np.float32)
        view = np.r_[self.view[niche, column][best], _NO_VIEW][at]
        return target, near, np.where(known, view, _NO_VIEW).astype(np.int32)

    def parents(self, key: int, count: int, nearest: int, by: DrawBy = "evenly") -> np.ndarray:
        """Ids (count,) int64 of bodies to breed from, drawn with replacement.

        Each draws a niche, of those that hold a body, and one of its `nearest` bodies evenly.

        Args:
            key: of these draws, see `chance.key`.
            count: how many.
            nearest: how many bodies of a niche take part.
            by: "evenly", or "badly explained": in proportion to the distance of the best body.

        Raises:
            BadInput: no niche holds a body, `nearest` is less than 1, or another way to draw.
        """
        if by not in ("evenly", "badly explained"):
            raise BadInput(f"by should be 'evenly' or 'badly explained', got {by!r}")
        if nearest < 1:
            raise BadInput(f"nearest should be at least 1, got {nearest}")
        held = np.flatnonzero(self.ids[:, 0] != NOBODY)
        if not len(held):
            raise BadInput("niches should hold a body before parents are drawn, got none")
        numbers = chance.uniform(key, torch.arange(count), 2).double().numpy()
        drawn = held[_drawn(numbers[:, 0], self._appeal(held, by))]
        room = np.minimum((self.ids[drawn] != NOBODY).sum(1), nearest)
        found: np.ndarray = self.ids[drawn, (numbers[:, 1] * room).astype(np.int64)]
        return found

    def _appeal(self, held: np.ndarray, by: DrawBy) -> np.ndarray:
        """Chances (niches,) float64, not normalised."""
        best = self.nearest()[held].astype(np.float64)
        return best if by == "badly explained" and best.any() else np.ones(len(held))

    def record(
        self, within: Sequence[float] = (0.1, 0.2, 0.3), who: np.ndarray | None = None
    ) -> dict[str, float]:
        """What a generation's record says of the niches; an empty one counts as distance 1.

        Args:
            within: distances; the share of the targets with a body nearer than each is told.
            who: (targets, quota) bool, the places that count; none: all.
        """
        distance = self.distance if who is None else np.where(who, self.distance, np.inf)
        best = np.minimum(distance.min(1), 1.0)
        shares = {f"niches_within_{limit:g}": float((best < limit).mean()) for limit in within}
        return {
            "niches_distance": float(np.median(best)),
            **shares,
            "niches_filled": float((self.ids != NOBODY).mean()),
        }

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Plain numpy by name."""
        return dict(zip(_NAMES, self._parts(), strict=True))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], place: str = "niches") -> "Niches":
        """Back from `to_arrays`; other names are left alone. Nothing but the distance counted in
        niches of earlier versions.

        Raises:
            BadInput: an array is missing or of another shape; the sentence starts with `place`.
        """
        if missing := {"ids", "distance", "view"} - arrays.keys():
            raise BadInput(f"{place} should hold {min(missing)}")
        expect_shape(f"ids of {place}", arrays["ids"], ("targets", "quota"))
        room = arrays["ids"].shape
        arrays = {"penalty": np.zeros(room, np.float32), **arrays}
        for name in _NAMES[1:]:
            expect_shape(f"{name} of {place}", arrays[name], room)
        return cls(
            ids=np.array(arrays["ids"], np.int64),
            distance=np.array(arrays["distance"], np.float32),
            view=np.array(arrays["view"], np.int32),
            penalty=np.array(arrays["penalty"], np.float32),
        )


def _once(
    niche: np.ndarray,
    names: np.ndarray,
    distance: np.ndarray,
    view: np.ndarray,
    penalty: np.ndarray,
) -> np.ndarray:
    """The nearest entry of each body in each niche, by index."""
    order = np.lexsort((view, distance + penalty, names, niche))
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(niche[order]) != 0) | (np.diff(names[order]) != 0)
    found: np.ndarray = order[first]
    return found


def _distinct(ids: np.ndarray) -> np.ndarray:
    """Ids ascending, each once; sooner than by `np.unique`, which hashes them."""
    ordered = np.sort(ids)
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    found: np.ndarray = ordered[first]
    return found


def _places(niche: np.ndarray) -> np.ndarray:
    """The place of each entry in its niche, from 0; niches are sorted."""
    found: np.ndarray = np.arange(len(niche)) - np.searchsorted(niche, niche)
    return found


def _find(members: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where bodies stand among ascending members, and whether they do."""
    ids = np.asarray(ids, np.int64)
    at = np.searchsorted(members, ids)
    return at, np.r_[members, _NO_ID][at] == ids


def _drawn(numbers: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """Uniform numbers to places in [0, chances), in proportion to the chances."""
    ends = chances.cumsum()
    found = np.searchsorted(ends, numbers * ends[-1], side="right")
    last: np.ndarray = np.minimum(found, len(chances) - 1)
    return last
