"""Resemblance: how near projected bodies come to keypoints of pictures, for all pairs at once.

The distance of a keypoint set and a projected body is what remains of the keypoints after the best
positive scale and shift of the body, as a share of their spread: with the weighted correlation
r = cov(t, c) / sqrt(var(t) var(c)) of the coordinates about their means, it is sqrt(1 - r^2), and
1 where r is not positive. Nothing turns, since a picture knows where down is, and a mirror image is
another body. The closed form is that of a similarity without rotation (Umeyama 1991,
https://doi.org/10.1109/34.88573).

For many pairs, all sums over joints are products of matrices in chunks of one size, so that what is
found for a pair does not depend on its company. They only choose; the distances that are handed
out are summed again joint by joint, in float64.

Keypoints and projections are in pixels, x right, y down; any scale and shift will do.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.shapes import expect_shape

_BODIES = 64
_SLACK = 2e-5


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
        self._standard = apart / spread.sqrt()[:, None, None]
        self._pull = (self._standard * shares[..., None]).flatten(1).float().T.contiguous()
        self._share = shares.float().T.contiguous()

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
        device = self.points.device
        views = _centred(views.to(device).float())
        near = _at_least(worst.to(device).float())
        if not len(views) or not views.shape[1]:
            return _nothing(len(views))
        best, bodies, targets = [], [], []
        for start in range(0, len(views), _BODIES):
            likeness = self._likeness(views[start : start + _BODIES])
            best.append(likeness.max(1).indices)
            rows, found = (likeness >= near).nonzero().unbind(1)
            bodies.append(rows + start)
            targets.append(found)
        target = torch.cat(best)
        everyone = torch.arange(len(views), device=device)
        nearest = self._distance(views, everyone, target)[0]
        body, which = torch.cat(bodies), torch.cat(targets)
        distance, columns_seen = self._distance(views, body, which)
        hits = _ordered(which, distance, body, columns_seen, worst.to(device), most)
        return Sightings(nearest.cpu().numpy(), target.int().cpu().numpy(), *hits)

    def _likeness(self, views: Tensor) -> Tensor:
        """Squared correlations (bodies, targets), the best of all views; 0 where negative."""
        bodies, many = views.shape[:2]
        flat = views.new_zeros(_BODIES * many, self.joints, 2)
        flat[: bodies * many] = views.flatten(0, 1)
        covariance = torch.mm(flat.flatten(1), self._pull)
        spread = torch.mm(flat.square().sum(2), self._share)
        for axis in range(2):
            spread -= torch.mm(flat[:, :, axis].contiguous(), self._share).square_()
        likeness = covariance.clamp_(min=0).square_().div_(spread.clamp_(min=1e-6))
        return likeness[: bodies * many].view(bodies, many, -1).amax(1)

    def _distance(self, views: Tensor, bodies: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Distances (pairs,) float32 of bodies and targets in the best view, and which it is."""
        found = [self._pairs(views[:, view], bodies, targets) for view in range(views.shape[1])]
        nearest, view = torch.stack(found).min(0)
        return nearest, view

    def _pairs(self, bodies: Tensor, which: Tensor, targets: Tensor) -> Tensor:
        """One addition after the other, so that no device has an order of its own."""
        seen, standard = bodies[which].double(), self._standard[targets]
        shares = self._shares[targets]
        mean = torch.zeros_like(seen[:, 0])
        for joint in range(self.joints):
            mean += seen[:, joint] * shares[:, joint, None]
        covariance = torch.zeros_like(mean)
        spread = torch.zeros_like(mean)
        for joint in range(self.joints):
            apart = (seen[:, joint] - mean) * shares[:, joint, None]
            covariance += apart * standard[:, joint]
            spread += apart * (seen[:, joint] - mean)
        above, below = covariance.sum(1), spread.sum(1)
        squares = torch.where((above > 0) & (below > 1e-14), above.square() / below, 0.0)
        return (1.0 - squares).clamp_(min=0).sqrt_().float()


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


def _centred(views: Tensor) -> Tensor:
    """Views about their mean, of root mean square 1; 0 for those of no extent or not finite."""
    apart = views - views.mean(2, keepdim=True)
    size = apart.square().mean((2, 3), keepdim=True).sqrt()
    return torch.where(torch.isfinite(size) & (size > 0), apart / size, 0.0)


def _at_least(worst: Tensor) -> Tensor:
    """The squared correlation (targets,) above which a body may be nearer than `worst`."""
    return (1.0 - worst.clamp(0, 1).square() - _SLACK).clamp_(min=1e-12)


def _ordered(
    targets: Tensor, distances: Tensor, bodies: Tensor, views: Tensor, worst: Tensor, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Hits in order of target, distance and body, at most so many of a target."""
    near = distances < worst.clamp(max=1)[targets]
    target, body, view = (part[near].int().cpu().numpy() for part in (targets, bodies, views))
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
