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
from evoskeleton.evolution.archive.correlation import ERROR, GROUP, Correlation, Looks, Workspace
from evoskeleton.shapes import expect_shape

_BODIES = {"cpu": 512, "cuda": 4096}
_PAIRS = 2048
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
        hit_penalty: (hits,) float32, what counts against them beside the distance; 0 unless
            somebody has an opinion, see `penalised`.
    """

    nearest: np.ndarray
    target: np.ndarray
    hit_target: np.ndarray
    hit_body: np.ndarray
    hit_view: np.ndarray
    hit_distance: np.ndarray
    hit_penalty: np.ndarray

    @classmethod
    def one_each(cls, target: np.ndarray, distance: np.ndarray) -> "Sightings":
        """Bodies of which each was made for a target: (bodies,) targets and distances, no view."""
        target = np.asarray(target, np.int32)
        bodies = np.arange(len(target), dtype=np.int32)
        distance = np.asarray(distance, np.float32)
        no_view = np.full(len(target), -1, np.int32)
        return cls(distance, target, target, bodies, no_view, distance, np.zeros_like(distance))

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
            hit_penalty=self.hit_penalty[hits],
        )

    def without_hits_of(self, bodies: np.ndarray) -> "Sightings":
        """All bodies, but those of a (bodies,) bool mask are no hits."""
        return self._with_hits(~bodies[self.hit_body])

    def penalised(self, penalty: np.ndarray, worst: np.ndarray) -> "Sightings":
        """All bodies; what counts against each hit is known, and some are none for it.

        Args:
            penalty: (hits,) at least 0, added to the distance.
            worst: (targets,) float32 that distance and penalty together have to stay below.
        """
        judged = replace(self, hit_penalty=penalty.astype(np.float32))
        return judged._with_hits(self.hit_distance + judged.hit_penalty < worst[self.hit_target])

    def _with_hits(self, which: np.ndarray) -> "Sightings":
        names = (field.name for field in fields(Sightings) if field.name.startswith("hit_"))
        return replace(self, **{name: getattr(self, name)[which] for name in names})

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
        self._pull, self._sums = _columns(self._planar, shares)
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
        planar = views.transpose(2, 3).contiguous()
        pairs = self._distances(planar, self._candidates(planar, worst.to(planar), most))
        best, hits = pairs.take(slice(len(views))), pairs.take(slice(len(views), None))
        near = hits.distance < worst.to(planar).clamp(max=1)[hits.target]
        nearest, target = best.distance.cpu().numpy(), best.target.int().cpu().numpy()
        found = _ordered(hits.take(near), most)
        return Sightings(nearest, target, *found, np.zeros_like(found[-1]))

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

    def _candidates(self, views: Tensor, worst: Tensor, most: int) -> "_Candidates":
        """Every body with the target that correlates best, then pairs among which all hits are."""
        sieve = _Sieve(self._correlation, worst, most)
        size = _BODIES.get(views.device.type, _BODIES["cpu"])
        workspace = Workspace(self._correlation, min(size, len(views)), views.shape[1])
        nearest, inverse, rows = [], [], []
        for start in range(0, len(views), size):
            rows.append(_standard(views[start : start + size]))
            looks = workspace.looks(rows[-1])
            nearest.append(looks.nearest()[: len(rows[-1])])
            inverse.append(looks.inverse)
            sieve.add(looks, start)
        column, body = sieve.left()
        target = self._correlation.target[torch.cat([*nearest, column])]
        everyone = torch.arange(len(views), device=views.device)
        return _Candidates(
            target, torch.cat([everyone, body]), torch.cat(rows), torch.cat(inverse, 1)
        )

    def _distances(self, views: Tensor, candidates: "_Candidates") -> "_Pairs":
        """Distances in the best view, and which it is."""
        pairs = []
        for target, body in candidates.split(_PAIRS):
            inverse = candidates.inverse[self._correlation.kind[target], body]
            view = self._best_view(candidates.rows[body], inverse, target)
            distance = self._exact(views[body, view].double(), target)
            pairs.append(_Pairs(target, body, view, distance))
        return _Pairs.concatenate(pairs)

    def _best_view(self, rows: Tensor, inverse: Tensor, targets: Tensor) -> Tensor:
        """Which of the views (pairs, views, 2 joints) correlates best, the first of several."""
        correlation = torch.bmm(rows, self._pull[targets])[..., 0] * inverse
        mixed = self._correlation.mixed[targets].nonzero()[:, 0]
        if len(mixed):
            correlation[mixed] *= _inverse(rows[mixed], self._sums[targets[mixed]])
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
    """Pairs whose distance is asked for.

    Attributes:
        target, body: (pairs,) int64.
        rows: (bodies, views, 2 joints) float32, standardised.
        inverse: (kinds, bodies, views), see `Looks`.
    """

    target: Tensor
    body: Tensor
    rows: Tensor
    inverse: Tensor

    def split(self, size: int) -> "zip[tuple[Tensor, Tensor]]":
        """Targets and bodies of so many pairs at a time."""
        return zip(torch.split(self.target, size), torch.split(self.body, size), strict=True)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs (pairs,) of target and body, both int64, the best view, int64, and float32 distance."""

    target: Tensor
    body: Tensor
    view: Tensor
    distance: Tensor

    def take(self, which: Tensor | slice) -> "_Pairs":
        """Some of them."""
        return _Pairs(*(getattr(self, field.name)[which] for field in fields(_Pairs)))

    @staticmethod
    def concatenate(parts: Sequence["_Pairs"]) -> "_Pairs":
        """Those of several batches, in order."""
        names = (field.name for field in fields(_Pairs))
        return _Pairs(*(torch.cat([getattr(part, name) for part in parts]) for name in names))


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

    def add(self, looks: Looks, start: int) -> None:
        """Bodies from number `start` on."""
        group, column = _places(looks.groups >= self._bar)
        if len(group) > _MANY * len(self._bar):
            self._raise(looks.groups)
            group, column = _places(looks.groups >= self._bar)
        values = torch.unflatten(looks.correlation, 0, (-1, GROUP))[group, :, column]
        which, offset = _places(values >= self._bar[column, None])
        body = group[which] * GROUP + offset + start
        self._found.append((column[which], body, values[which, offset]))

    def _raise(self, best: Tensor) -> None:
        self._leaders = torch.cat([self._leaders, best.T], dim=1)
        if self._leaders.shape[1] >= self._most:
            self._leaders = self._leaders.topk(self._most, dim=1).values
            self._bar = torch.maximum(self._bar, self._leaders[:, -1] - 2 * ERROR)

    def left(self) -> tuple[Tensor, Tensor]:
        """Columns and bodies (pairs,) int64 of all that pass the bar, after those that were found
        have raised it for the last time."""
        column, body, value = (torch.cat(parts) for parts in zip(*self._found, strict=True))
        passes = value >= self._bar[column]
        column, body, value = column[passes], body[passes], value[passes]
        order = ((column << 32) - value.view(torch.int32)).argsort()
        column, body, value = column[order], body[order], value[order]
        last = (column.bincount(minlength=len(self._bar)).cumsum(0) - 1)[column]
        first = torch.searchsorted(column, column)
        lowest = value[torch.minimum(first + self._most - 1, last)]
        passes = value >= lowest - 2 * ERROR
        return column[passes], body[passes]


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


def _places(found: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column (n,) int64 of what is true of a (rows, columns) bool."""
    flat = found.flatten()
    if flat.device.type == "cpu":
        at = torch.from_numpy(np.flatnonzero(flat.numpy()))
    else:
        at = flat.nonzero()[:, 0]
    row = torch.div(at, found.shape[1], rounding_mode="floor")
    return row, at - row * found.shape[1]


def _standard(views: Tensor) -> Tensor:
    """Views (bodies, views, 2, joints) about their mean, of root mean square 1, as (bodies, views,
    2 joints); 0 for those of no extent or not finite."""
    apart = (views - views.mean(3, keepdim=True)).flatten(2)
    size = apart.square().mean(2, keepdim=True).sqrt_()
    return torch.where(torch.isfinite(size) & (size > 0), apart / size, 0.0)


def _columns(planar: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """What each target weighs a view by: covariance (targets, 2 joints, 1); means of x and of y and
    squares (targets, 2 joints, 3)."""
    pull = (planar * shares[:, None]).flatten(1)[..., None]
    none = torch.zeros_like(shares)
    parts = torch.stack([shares, none, shares]), torch.stack([none, shares, shares])
    return pull.float(), torch.cat(parts, dim=2).permute(1, 2, 0).float()


def _inverse(rows: Tensor, sums: Tensor) -> Tensor:
    """One over the root of the variance of views (pairs, views, 2 joints), each for its target."""
    means = torch.bmm(rows, sums[..., :2]).square_().sum(2)
    squares = torch.bmm(rows.square(), sums[..., 2:])[..., 0]
    return (squares - means).clamp_(min=_TINY).rsqrt_()


def _ordered(hits: _Pairs, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Hits in order of target, distance and body, at most so many of a target."""
    parts = (hits.target.int(), hits.body.int(), hits.view.int(), hits.distance)
    target, body, view, distance = (part.cpu().numpy() for part in parts)
    near = distance.view(np.int32)  # in the same order, of numbers that are not negative
    order = np.lexsort((body, target.astype(np.int64) << 32 | near))
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
        hit_penalty=np.zeros(0, np.float32),
    )
