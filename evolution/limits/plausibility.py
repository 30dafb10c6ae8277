"""What no body does although every limb is within its limits: going through itself, and standing
where it must fall.

A body is twelve capsules (a bone's axis with a radius about it): thighs, shanks, upper arms and
forearms, the chest as two side by side, the abdomen and the head. Axes come near each other where
soft tissue gives way, where clothes hide the joints and where markers slip, so two parts count as
one through the other only when their axes come nearer than `firmness` times the sum of their
radii. Parts that share a joint are not compared; the upper two fifths of upper arms and thighs
belong to no capsule. Nor do hands and feet, of which a body of 17 joints knows nothing.

Radii are girths / 2 pi and half breadths and depths of 507 adults, rounded, both ends of a part
averaged (Heinz et al. 2003, "Exploring Relationships in Body Dimensions", Journal of Statistics
Education 11(2), http://jse.amstat.org/v11n2/datasets.heinz.html), the head's from the usual breadth
and length of a head. They are shares of `size`, one arm and one leg, 1410 mm in the mean of the CMU
training poses. Only `firmness` and the bound on the lean (see `balance`) were chosen on poses:
of the CMU training subjects, 98.8 % of the poses of CMU02, with its swordplay, pass,
99.5 % of the climber's and 99.9 % or more of everybody else's. Of the test subjects CMU05, CMU13,
CMU07 and CMU08, 98.9, 100, 100 and 100 % pass. `tests/benchmarks/plausibility.py` prints these
shares.

Arrays are component-first, the last axis counts the bodies; middles and halves of capsules are
(3, 12, bodies) mm, `half` leading from the middle to one end.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.evolution.hierarchy import Genomes, joint_places
from evoskeleton.evolution.limits.balance import leans_deg
from evoskeleton.evolution.rotations import dot
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.settings import Settings
from evoskeleton.shapes import expect_shape

_MEAN_SIZE = 1410.0
_CHUNK = 8_192
_FREE = 1.0
"""Margin of every body where the check is not enabled."""


class Part(NamedTuple):
    """A capsule: its name and its radius in mm in a body of the mean size."""

    name: str
    radius_mm: float


PARTS = (
    Part("right thigh", 66.0),
    Part("left thigh", 66.0),
    Part("right shank", 46.0),
    Part("left shank", 46.0),
    Part("left upper arm", 43.0),
    Part("right upper arm", 43.0),
    Part("left forearm", 33.0),
    Part("right forearm", 33.0),
    Part("left chest", 96.0),
    Part("right chest", 96.0),
    Part("head", 80.0),
    Part("abdomen", 105.0),
)
"""The capsules, in the order of the arrays here."""


class PlausibilitySettings(Settings):
    """Physical sense beyond the joint limits."""

    enabled: bool = Field(default=True, description="refuse bodies without physical sense")
    firmness: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="how near the axes of two body parts may come, as a share of the sum of their"
        " radii; 0: bodies may go through themselves",
    )
    lean_deg: float | None = Field(
        default=45.0,
        gt=0,
        le=90,
        description="how far from the vertical the line from a standing body's feet to its centre"
        " of mass may lean, degrees; none: no matter",
    )


@dataclass(frozen=True)
class Capsules:
    """Many bodies as capsules.

    Attributes:
        middle, half: (3, 12, bodies) mm.
        size: (bodies,) mm, one arm and one leg, the mean of left and right.
    """

    middle: Tensor
    half: Tensor
    size: Tensor


class _Limb(NamedTuple):
    """Two capsules, one a side: the last `share` of the bone up to its end."""

    start: slice
    end: slice
    share: float


def _both(first: Joint, second: Joint) -> slice:
    return slice(first, second + 1, second - first)


_KNEES, _ELBOWS = _both(Joint.RKNEE, Joint.LKNEE), _both(Joint.LELBOW, Joint.RELBOW)
_SHOULDERS = _both(Joint.LSHOULDER, Joint.RSHOULDER)
_LIMB_PAIRS = (
    _Limb(_both(Joint.RHIP, Joint.LHIP), _KNEES, 0.6),
    _Limb(_KNEES, _both(Joint.RFOOT, Joint.LFOOT), 1.0),
    _Limb(_SHOULDERS, _ELBOWS, 0.6),
    _Limb(_ELBOWS, _both(Joint.LWRIST, Joint.RWRIST), 1.0),
)
_CHEST, _HEAD, _ABDOMEN = slice(8, 10), 10, 11
_CHEST_ASIDE = 0.22
"""Half breadth less half depth of a chest, as a share of the way from Thorax to a shoulder."""


def capsules(places: Tensor) -> Capsules:
    """The capsules of joints (17, 3, bodies) world mm, see `hierarchy.joint_places`."""
    at = places.transpose(0, 1)
    middle = torch.empty(3, len(PARTS), at.shape[-1], device=at.device)
    half = torch.empty_like(middle)
    size = torch.zeros(at.shape[-1], device=at.device)
    for slot, limb in enumerate(_LIMB_PAIRS):
        sides = slice(2 * slot, 2 * slot + 2)
        bones = at[:, limb.end] - at[:, limb.start]
        size.add_(dot(bones, bones).sqrt_().sum(0), alpha=0.5)
        torch.mul(bones, 0.5 * limb.share, out=half[:, sides])
        torch.sub(at[:, limb.end], half[:, sides], out=middle[:, sides])
    _trunk_and_head(at, middle, half)
    return Capsules(middle, half, size.clamp_min_(1.0))


def _trunk_and_head(at: Tensor, middle: Tensor, half: Tensor) -> None:
    thorax = at[:, Joint.THORAX : Joint.THORAX + 1]
    chest = thorax - at[:, Joint.SPINE : Joint.SPINE + 1]
    aside = (at[:, _SHOULDERS] - thorax).mul_(_CHEST_ASIDE)
    half[:, _CHEST] = 0.35 * chest
    middle[:, _CHEST] = aside.add_(thorax).sub_(chest, alpha=0.5)
    half[:, _HEAD] = 0.45 * (at[:, Joint.HEAD] - at[:, Joint.NECK])
    middle[:, _HEAD] = at[:, Joint.NECK] + half[:, _HEAD]
    half[:, _ABDOMEN] = 0.5 * (at[:, Joint.SPINE] - at[:, Joint.HIP])
    middle[:, _ABDOMEN] = at[:, Joint.HIP] + half[:, _ABDOMEN]


class _Crossing(NamedTuple):
    """Parts against parts: two views of (..., 12, bodies) that broadcast to (..., k, l, bodies)."""

    first: Callable[[Tensor], Tensor]
    second: Callable[[Tensor], Tensor]


_LEGS, _ARMS, _UPPER = slice(0, 4), slice(4, 8), slice(8, 12)
_CROSSINGS = (
    # Right leg and left arm against left leg and right arm.
    _Crossing(lambda a: a[..., 0:8:2, None, :], lambda a: a[..., None, 1:8:2, :]),
    # Each leg against the arm of the other side.
    _Crossing(
        lambda a: torch.unflatten(a[..., _LEGS, :], -2, (2, 1, 2)),
        lambda a: torch.unflatten(a[..., _ARMS, :], -2, (1, 2, 2)),
    ),
    # Arms, then legs against trunk and head.
    _Crossing(lambda a: a[..., _ARMS, None, :], lambda a: a[..., None, _UPPER, :]),
    _Crossing(lambda a: a[..., _LEGS, None, :], lambda a: a[..., None, _UPPER, :]),
)
_NEIGHBOURS = ({"right thigh", "abdomen"}, {"left thigh", "abdomen"})
_NEVER = 1e20
"""Takes the place of a scale, so that neighbours are never the nearest."""


def _crossed_numbers(crossing: _Crossing) -> list[tuple[int, int]]:
    numbers = torch.arange(len(PARTS))[:, None]
    ends = (crossing.first(numbers), crossing.second(numbers))
    first, second = torch.broadcast_tensors(*ends)  # type: ignore[no-untyped-call]  # torch's gap
    return list(zip(first.flatten().tolist(), second.flatten().tolist(), strict=True))


def _pairs() -> tuple[tuple[str, str], ...]:
    crossed = itertools.chain.from_iterable(map(_crossed_numbers, _CROSSINGS))
    pairs = ((PARTS[i].name, PARTS[j].name) for i, j in crossed)
    return tuple(pair for pair in pairs if set(pair) not in _NEIGHBOURS)


PAIRS = _pairs()
"""Names of the 54 pairs of parts that are compared."""


@lru_cache(maxsize=64)
def _scales(device: torch.device) -> tuple[Tensor, ...]:
    """(pairs, 1) for each of the crossings: 1 / (sum of the two radii) squared, sizes left out.

    Kept, so made outside of inference mode: gradients may flow past them.
    """
    with torch.inference_mode(False):
        return tuple(
            torch.tensor(
                [[_scale(PARTS[i], PARTS[j])] for i, j in _crossed_numbers(c)], device=device
            )
            for c in _CROSSINGS
        )


def _scale(first: Part, second: Part) -> float:
    if {first.name, second.name} in _NEIGHBOURS:
        return _NEVER
    return (_MEAN_SIZE / (first.radius_mm + second.radius_mm)) ** 2


_THIN = 1e-6


def squared_distances(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
    """Squared distances between segments, exact for parallel and for pointlike ones too.

    The distance is convex in the places s and t on the two segments, both in [-1, 1]: the best s
    of the two lines, clamped, then the best t for it, clamped, and the best s for that are the
    answer (Ericson 2005, "Real-Time Collision Detection", section 5.1.9).

    Args:
        first: middle and half, (3, ...) each.
        second: the same, of shapes that broadcast with the first.

    Returns:
        (...), in the squared unit of the segments.
    """
    (middle, half), (other_middle, other_half) = first, second
    p, q = half.unbind(0), other_half.unbind(0)
    r = [a - b for a, b in zip(middle.unbind(0), other_middle.unbind(0), strict=True)]
    pp, qq = (_dot(v, v).clamp_min_(_THIN) for v in (p, q))
    pq, pr, qr = _dot(p, q), _dot(p, r), _dot(q, r)
    squared = r[0].mul_(r[0]).addcmul_(r[1], r[1]).addcmul_(r[2], r[2])
    area = torch.mul(pp, qq, out=r[1]).addcmul_(pq, pq, value=-1.0).clamp_min_(_THIN)
    s = torch.mul(pq, qr, out=r[2]).addcmul_(pr, qq, value=-1.0).div_(area).clamp_(-1.0, 1.0)
    t = torch.addcmul(qr, pq, s).div_(qq).clamp_(-1.0, 1.0)
    pull = pq.mul_(t).sub_(pr)
    s = torch.div(pull, pp, out=s).clamp_(-1.0, 1.0)
    squared.addcmul_(t, torch.mul(qq, t, out=area).sub_(qr, alpha=2.0))
    squared.addcmul_(s, torch.mul(pp, s, out=area).sub_(pull, alpha=2.0))
    return squared.clamp_min_(0.0)


def _dot(left: Sequence[Tensor], right: Sequence[Tensor]) -> Tensor:
    total = left[0] * right[0]
    return total.addcmul_(left[1], right[1]).addcmul_(left[2], right[2])


def _crossed(bodies: Capsules) -> Iterator[Tensor]:
    """(pairs, bodies) for each of the crossings: squared distance over squared sum of radii."""
    for crossing, scale in zip(_CROSSINGS, _scales(bodies.size.device), strict=True):
        squared = squared_distances(
            (crossing.first(bodies.middle), crossing.first(bodies.half)),
            (crossing.second(bodies.middle), crossing.second(bodies.half)),
        )
        yield squared.view(len(scale), -1).mul_(scale)


def _least(bodies: Capsules) -> Tensor:
    """(bodies,) nearness of the nearest two parts."""
    nearest = torch.stack([squared.amin(0) for squared in _crossed(bodies)]).amin(0)
    return nearest.sqrt_().div_(bodies.size)


def pair_nearness(joints: Tensor | np.ndarray) -> Tensor:
    """How near the parts of bodies come: (54, bodies) float32, in the order of `PAIRS`.

    Distance of the two axes as a share of the sum of the two radii: 1 where skins touch, 0 where
    axes meet.

    Args:
        joints: (bodies, 17, 3) world mm.

    Raises:
        BadInput: another shape.
    """
    bodies = capsules(_places(joints))
    return _kept(torch.cat(list(_crossed(bodies)))).sqrt_().div_(bodies.size)


def _kept(rows: Tensor) -> Tensor:
    """Rows of all pairs without those of neighbours."""
    return rows[(torch.cat(_scales(rows.device)) < _NEVER)[:, 0]]


def _places(joints: Tensor | np.ndarray) -> Tensor:
    """(bodies, 17, 3) to (17, 3, bodies) float32."""
    expect_shape("joints", joints, ("bodies", len(Joint), 3))
    if isinstance(joints, np.ndarray):
        joints = torch.tensor(joints)
    return joints.float().permute(1, 2, 0).contiguous()


class Plausibility:
    """The check beside the joint limits: `margin` negative means refused."""

    def __init__(self, settings: PlausibilitySettings | None = None) -> None:
        self.settings = settings or PlausibilitySettings()

    def margin(self, genomes: Genomes) -> Tensor:
        """How far bodies are from what is refused, (bodies,) float32, negative outside.

        The lesser of two shares: the nearness of the nearest two parts less the firmness (see
        `pair_nearness`), and how much of the lean is left. All bodies get 1 where the check is not
        enabled.
        """
        if not self.settings.enabled:
            return torch.full((len(genomes),), _FREE, device=genomes.device)
        return self.margin_of_places(joint_places(genomes))

    def margin_of_joints(self, joints: Tensor | np.ndarray) -> Tensor:
        """`margin` of joints (bodies, 17, 3) world mm.

        Raises:
            BadInput: another shape.
        """
        return self.margin_of_places(_places(joints))

    @torch.no_grad()
    def margin_of_places(self, places: Tensor) -> Tensor:
        """`margin` of joints (17, 3, bodies) world mm, see `hierarchy.joint_places`."""
        if not self.settings.enabled:
            return torch.full((places.shape[-1],), _FREE, device=places.device)
        parts = torch.split(places, _CHUNK, dim=-1) if places.device.type == "cpu" else (places,)
        return torch.cat([self._margin(part) for part in parts])

    def _margin(self, places: Tensor) -> Tensor:
        firmness, lean = self.settings.firmness, self.settings.lean_deg
        margin = _least(capsules(places)).sub_(firmness)
        if lean is not None:
            margin = torch.minimum(margin, 1.0 - leans_deg(places) / lean)
        return margin
