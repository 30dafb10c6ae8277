"""Resemblance: how near projected bodies come to keypoints of pictures, for all pairs at once.

The distance of a keypoint set and a projected body is what remains of the keypoints after the best
positive scale and shift of the body, as a share of their spread: with the weighted correlation
r = cov(t, c) / sqrt(var(t) var(c)) of the coordinates about their means, it is sqrt(1 - r^2), and
1 where r is not positive. Nothing turns, since a picture knows where down is, and a mirror image is
another body. The closed form is that of a similarity without rotation (Umeyama 1991,
https://doi.org/10.1109/34.88573).

Of all pairs, those that matter are found by products of matrices (see `correlation`); their
distances are then summed joint by joint, in float64. What is found for a pair does not depend on
its company.

Keypoints and projections are in pixels, x right, y down; any scale and shift will do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.correlation import ERROR, GROUP, Correlation
from evoskeleton.shapes import expect_shape

_BODIES = {"cpu": 512, "cuda": 4096}
_PAIRS = 4096
_MANY = 2
_LEAST = 2e-4
_NOTHING = 1e-13
_TINY = 1e-6
_EQUAL = 1e-6


@dataclass(frozen=True, eq=False)
class Sightings:
    """What many bodies, each seen in several views, have to do with the targets.

    Attributes:
        nearest: (bodies,) float32 distance to the nearest target over all views, in [0, 1].
        target: (bodies,) int32 which one that is, the lowest index of several as near.
        hit_target, hit_body, hit_view: (hits,) int32, bodies that are near enough to a target, each
            in its best view, the lowest of several as good; in order of target, distance and body.
        hit_distance: (hits,) float32.
    """

    nearest: np.ndarray
    target: np.ndarray
    hit_target: np.ndarray
    hit_body: np.ndarray
    hit_view: np.ndarray
    hit_distance: np.ndarray

    @classmethod
    def one_each(cls, target: np.ndarray, distance: np.ndarray) -> "Sightings":
        """Bodies of which each was made for a target: (bodies,) targets and distances, no view."""
        target = np.asarray(target, np.int32)
        bodies = np.arange(len(target), dtype=np.int32)
        distance = np.asarray(distance, np.float32)
        no_view = np.full(len(target), -1, np.int32)
        return cls(distance, target, target, bodies, no_view, distance)

    def hit(self) -> np.ndarray:
        """(bodies,) bool, which of them are hits of a target."""
        found = np.zeros(len(self.nearest), bool)
        found[self.hit_body] = True
        return found

    def take(self, bodies: np.ndarray) -> "Sightings":
        """Of some of the bodies: (n,) ascending places of those that stay."""
        place = np.full(len(self.nearest), -1, np.int32)
        place[bodies] = np.arange(len(bodies), dtype=np.int32)
        hits = np.flatnonzero(place[self.hit_body] >= 0)
        return Sightings(
            nearest=self.nearest[bodies],
            target=self.target[bodies],
            hit_target=self.hit_target[hits],
            hit_body=place[self.hit_body[hits]],
            hit_view=self.hit_view[hits],
            hit_distance=self.hit_distance[hits],
        )

    def without_hits_of(self, bodies: np.ndarray) -> "Sightings":
        """All bodies, but those of a (bodies,) bool mask are no hits."""
        hits = np.flatnonzero(~bodies[self.hit_body])
        names = ("hit_target", "hit_body", "hit_view", "hit_distance")
        return replace(self, **{name: getattr(self, name)[hits] for name in names})

    @staticmethod
    def concatenate(parts: Sequence["Sightings"]) -> "Sightings":
        """Those of several batches of bodies, in order."""
        starts = np.cumsum([0, *(len(part.nearest) for part in parts)])[:-1].astype(np.int32)
        columns = {
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Sightings)
        }
        shifted = [part.hit_body + start for part, start in zip(parts, starts, strict=True)]
        return Sightings(**columns | {"hit_body": np.concatenate(shifted)})


class Targets:
    """Keypoint sets, prepared for comparison with many bodies."""

    def __init__(self, points: Tensor, weights: Tensor) -> None:
        """Prepare keypoint sets on the device where they are.

        Args:
            points: (targets, joints, 2) float32 px; anything where the weight is 0.
            weights: (targets, joints) float32, at least 0; 0 for joints that are not known.

        Raises:
            BadInput: other shapes, no target, a weight that is negative or not finite, a known
                joint that is not finite, or a target whose known joints all lie in one place.
        """
        expect_shape("points", points, ("targets", "joints", 2))
        expect_shape("weights", weights, tuple(points.shape[:2]))
        self.points, self.weights = _known(points.float(), weights.float())
        shares = self.weights.double() / self.weights.double().sum(1, keepdim=True)
        apart = self.points.double()
        apart = apart - (apart * shares[..., None]).sum(1, keepdim=True)
        spread = (apart.square().sum(2) * shares).sum(1)
        _expect_spread(spread)
        self._shares = shares
        standard = apart / spread.sqrt()[:, None, None]
        self._planar = standard.transpose(1, 2).contiguous()
        self._weights = _columns(self._planar, shares)
        self._correlation = Correlation(standard, shares)

    def __len__(self) -> int:
        return len(self.points)

    @property
    def joints(self) -> int:
        """How many joints a keypoint set has."""
        return self.points.shape[1]

    def to(self, device: torch.device | str) -> "Targets":
        """The same targets on a device."""
        return Targets(self.points.to(device), self.weights.to(device))

    def seen(self, views: Tensor, worst: Tensor, most: int = 20) -> Sightings:
        """What bodies in several views each have to do with the targets.

        Args:
            views: (bodies, views, joints, 2) float32 px; one with a joint that is not finite
                resembles nothing.
            worst: (targets,) float32: only bodies nearer than this, and than 1, are hits.
            most: how many hits of a target are kept: the nearest, of several as near those that
                come first.

        Raises:
            BadInput: other shapes, or `most` is less than 1.
        """
        expect_shape("views", views, ("bodies", "views", self.joints, 2))
        expect_shape("worst", worst, (len(self),))
        if most < 1:
            raise BadInput(f"most should be at least 1, got {most}")
        if not len(views) or not views.shape[1]:
            return _nothing(len(views))
        views = views.to(self.points.device).float()
        standard = _standard(views)
        target, hits = self._candidates(standard, worst.to(views), most)
        everyone = torch.arange(len(views), device=views.device)
        nearest, _ = self._distances(views, standard, everyone, target)
        distance, view = self._distances(views, standard, hits.body, hits.target)
        ordered = _ordered(hits, distance, view, worst.to(distance), most)
        return Sightings(nearest.cpu().numpy(), target.int().cpu().numpy(), *ordered)

    def distances(self, seen: Tensor, targets: Tensor | None = None) -> Tensor:
        """Distance (bodies,) float32 of bodies and a target each.

        Args:
            seen: (bodies, joints, 2) float32 px, on the device of the targets.
            targets: (bodies,) int64, which one of each; none: the first body is held to the first
                target, and so on.

        Raises:
            BadInput: not one body a target.
        """
        if targets is None:
            targets = torch.arange(len(self), device=seen.device)
        expect_shape("seen", seen, (len(targets), self.joints, 2))
        return self._exact(seen.transpose(1, 2).double(), targets)

    def _candidates(self, views: Tensor, worst: Tensor, most: int) -> tuple[Tensor, "_Candidates"]:
        """The target (bodies,) that correlates best, and pairs among which all hits are."""
        sieve = _Sieve(self._correlation, worst, most)
        best = []
        size = _BODIES.get(views.device.type, _BODIES["cpu"])
        for start in range(0, len(views), size):
            part = views[start : start + size]
            correlation = self._correlation.best(part)
            best.append(correlation[: len(part)].max(1).indices)
            sieve.add(correlation, start)
        return self._correlation.target[torch.cat(best)], sieve.left()

    def _distances(
        self, views: Tensor, standard: Tensor, bodies: Tensor, targets: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Distances (pairs,) float32 of bodies and targets in the best view, and which it is."""
        planar, alike = (part.transpose(2, 3).contiguous() for part in (views, standard))
        parts = zip(torch.split(bodies, _PAIRS), torch.split(targets, _PAIRS), strict=True)
        distances, which = [], []
        for some, those in parts:
            view = self._best_view(alike[some], those)
            which.append(view)
            distances.append(self._exact(planar[some, view].double(), those))
        return torch.cat(distances), torch.cat(which)

    def _best_view(self, seen: Tensor, targets: Tensor) -> Tensor:
        """Which of the views (pairs, views, 2, joints) correlates best, the first of several."""
        weights = self._weights[targets]
        sums = torch.bmm(seen.flatten(2), weights[..., :3])
        squares = torch.bmm(seen.square().flatten(2), weights[..., 3:])[..., 0]
        variance = squares - sums[..., 1].square() - sums[..., 2].square()
        correlation = sums[..., 0] * variance.clamp_(min=_TINY).rsqrt_()
        best = correlation >= correlation.amax(1, keepdim=True) - _EQUAL
        return best.byte().argmax(1)

    def _exact(self, seen: Tensor, targets: Tensor) -> Tensor:
        """Distances (pairs,) float32 of (pairs, 2, joints) float64 and a target each."""
        shares = self._shares[targets][:, None]
        mean = (seen * shares).sum(2, keepdim=True)
        apart = seen - mean
        pull = apart * shares
        spread = (pull * apart).flatten(1).sum(1)
        above = (pull * self._planar[targets]).flatten(1).sum(1)
        there = (above > 0) & (spread > _NOTHING * mean.square().flatten(1).sum(1))
        squares = torch.where(there, above.square() / spread, 0.0)
        return (1.0 - squares).clamp_(min=0).sqrt_().float()


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Pairs: target (pairs,) int64 and body (pairs,) int64."""

    target: Tensor
    body: Tensor


class _Sieve:
    """Keeps the pairs that may be hits while bodies come by.

    The bar of a target is the correlation that its worst hit has at least. Among the best of many
    groups of bodies the `most` best are as many different bodies, so the bar can be raised to the
    last of them.
    """

    def __init__(self, correlation: Correlation, worst: Tensor, most: int) -> None:
        self._target, self._most = correlation.target, most
        bar = (1.0 - worst.clamp(0.0, 1.0).square()).sqrt()[self._target]
        self._bar = (bar - ERROR).clamp_(min=_LEAST).masked_fill_(correlation.spare, torch.inf)
        self._leaders = bar.new_empty(len(bar), 0)
        self._found: list[tuple[Tensor, Tensor, Tensor]] = []

    def add(self, correlation: Tensor, start: int) -> None:
        """Bodies from number `start` on, (bodies, columns)."""
        groups = correlation.view(-1, GROUP, correlation.shape[1])
        best = groups.amax(1)
        group, column = (best >= self._bar).nonzero().unbind(1)
        if len(group) > _MANY * len(self._bar):
            self._raise(best)
            group, column = (best >= self._bar).nonzero().unbind(1)
        values = groups[group, :, column]
        which, offset = (values >= self._bar[column, None]).nonzero().unbind(1)
        body = group[which] * GROUP + offset + start
        self._found.append((column[which], body, values[which, offset]))

    def _raise(self, best: Tensor) -> None:
        self._leaders = torch.cat([self._leaders, best.T], dim=1)
        if self._leaders.shape[1] >= self._most:
            self._leaders = self._leaders.topk(self._most, dim=1).values
            self._bar = torch.maximum(self._bar, self._leaders[:, -1] - 2 * ERROR)

    def left(self) -> _Candidates:
        """All that pass the bar, after those that were found have raised it for the last time."""
        column, body, value = (torch.cat(parts) for parts in zip(*self._found, strict=True))
        passes = value >= self._bar[column]
        column, body, value = column[passes], body[passes], value[passes]
        order = value.argsort(descending=True)
        order = order[column[order].argsort(stable=True)]
        column, body, value = column[order], body[order], value[order]
        last = (column.bincount(minlength=len(self._bar)).cumsum(0) - 1)[column]
        first = torch.searchsorted(column, column)
        lowest = value[torch.minimum(first + self._most - 1, last)]
        passes = value >= lowest - 2 * ERROR
        return _Candidates(self._target[column[passes]], body[passes])


def _known(points: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The same with zeros at unknown joints."""
    if not len(points):
        raise BadInput("points should hold at least one target, got none")
    if not bool((torch.isfinite(weights) & (weights >= 0)).all()):
        raise BadInput("weights should be finite and at least 0")
    known = weights > 0
    points = torch.where(known[..., None], points, 0.0)
    if not bool(torch.isfinite(points).all()):
        raise BadInput("points should be finite where the weight is not 0")
    counts = known.sum(1)
    if int(counts.min()) < 2:
        which = int(counts.argmin())
        raise BadInput(
            f"targets should have at least 2 known joints, got {int(counts[which])} of target"
            f" {which}"
        )
    return points, weights


def _expect_spread(spread: Tensor) -> None:
    if not bool((spread > 0).all()):
        raise BadInput(
            "known joints of a target should not all lie in one place, as those of target"
            f" {int(spread.argmin())} do"
        )


def _standard(views: Tensor) -> Tensor:
    """Views about their mean, of root mean square 1; 0 for those of no extent or not finite."""
    apart = views - views.mean(2, keepdim=True)
    size = apart.square().mean((2, 3), keepdim=True).sqrt()
    return torch.where(torch.isfinite(size) & (size > 0), apart / size, 0.0)


def _columns(standard: Tensor, shares: Tensor) -> Tensor:
    """What each target weighs a view by (targets, 2 joints, 4): covariance, means, squares."""
    x, y = standard.float().unbind(1)
    share = shares.float()
    none = torch.zeros_like(share)
    parts = [[x * share, share, none, share], [y * share, none, share, share]]
    return torch.cat([torch.stack(part, dim=2) for part in parts], dim=1)


def _ordered(
    hits: _Candidates, distances: Tensor, views: Tensor, worst: Tensor, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Hits in order of target, distance and body, at most so many of a target."""
    near = distances < worst.clamp(max=1)[hits.target]
    parts = (hits.target, hits.body, views)
    target, body, view = (part[near].int().cpu().numpy() for part in parts)
    distance = distances[near].cpu().numpy()
    order = np.lexsort((body, distance, target))
    order = order[_rank(target[order]) < most]
    return target[order], body[order], view[order], distance[order]


def _rank(groups: np.ndarray) -> np.ndarray:
    """The how-manieth of its group each entry of a sorted array is, from 0."""
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]]) if len(groups) else groups[:0]
    sizes = np.diff(np.r_[starts, len(groups)])
    found: np.ndarray = np.arange(len(groups)) - np.repeat(starts, sizes)
    return found


def _nothing(bodies: int) -> Sightings:
    none = np.zeros(0, np.int32)
    return Sightings(
        nearest=np.ones(bodies, np.float32),
        target=np.zeros(bodies, np.int32),
        hit_target=none,
        hit_body=none,
        hit_view=none,
        hit_distance=np.zeros(0, np.float32),
    )
