"""Local search: a body bent a little until it explains the keypoints of a picture.

The unknowns are a turn of each limb, and from where the camera looks: its azimuth, and its
elevation within the range of the views. The torso stays as it is. Steps of Adam (Kingma and Ba
2015, https://arxiv.org/abs/1412.6980) go down on

    2 * joints * distance^2 + pull * sum of the squared turns of the limbs,

with the distance of `evolution.archive.resemblance`; the first term is the sum of the squares that
remain of keypoints with a root mean square of 1. A body that is bent far explains a picture with a
wrong depth, hence the pull.

Every body is a row of a batch of fixed size, so that what becomes of it does not depend on its
company. World and camera: millimetres; keypoints: px, y down.
"""

import math
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.evolution.skeleton import BONES, LIMBS, Joint
from evoskeleton.lifting.cameras import Cameras, ViewSettings, project
from evoskeleton.lifting.model_fit.body_cost import PATHS
from evoskeleton.settings import Settings

_AT_ONCE = 512
_RATE = 0.03
_TINY = 1e-12


class RefinementSettings(Settings):
    """How far a body may be bent towards keypoints."""

    steps: int = Field(30, ge=1, description="gradient steps of a refinement")
    pull: float = Field(
        0.3,
        ge=0,
        description="weight of the squared turns of the limbs, rad^2, beside the squared distances "
        "of the keypoints: how strongly a body is pulled back to what it was",
    )
    most_deg: float = Field(
        30.0,
        gt=0,
        le=180,
        description="turn of a limb, degrees, beyond which a refined body is refused",
    )


@dataclass(frozen=True, eq=False)
class Refined:
    """Bodies after a refinement.

    Attributes:
        joints: (bodies, 17, 3) float32 world mm, as high above the ground as they were.
        seen: (bodies, 17, 2) float32 px, how the camera that has moved along sees them.
        turn_deg: (bodies,) float32, the largest turn of a limb.
    """

    joints: Tensor
    seen: Tensor
    turn_deg: Tensor


@dataclass(frozen=True, eq=False)
class Views:
    """What bodies should explain, one row a body.

    Attributes:
        points: (bodies, 17, 2) float32 px; anything finite where the weight is 0.
        weights: (bodies, 17) float32, 0 for joints that are not known.
        cameras: (bodies,) from which the bodies are seen, around a hip at the origin.
    """

    points: Tensor
    weights: Tensor
    cameras: Cameras

    def take(self, index: Tensor) -> "Views":
        """The rows at (n,) int64 `index`."""
        return Views(self.points[index], self.weights[index], self.cameras.take(index))


def refine(
    joints: Tensor, views: Views, ranges: ViewSettings, settings: RefinementSettings
) -> Refined:
    """Bodies bent towards the keypoints that they nearly explain.

    Args:
        joints: (bodies, 17, 3) float32 world mm.
        views: what they should explain, on the same device.
        ranges: of the views; the camera's elevation stays within.
        settings: steps, and what holds a body back.
    """
    if not len(joints):
        return Refined(joints, joints[..., :2], joints[:, 0, 0])
    parts = []
    for start in range(0, len(joints), _AT_ONCE):
        rows = torch.arange(start, start + _AT_ONCE, device=joints.device)
        batch = torch.where(rows < len(joints), rows, start)
        parts.append(_refined(joints[batch], views.take(batch), ranges, settings))
    columns = zip(*parts, strict=True)
    return Refined(*(torch.cat(list(column))[: len(joints)] for column in columns))


def _refined(
    joints: Tensor, views: Views, ranges: ViewSettings, settings: RefinementSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """The tensors of `Refined` for a full batch."""
    body = _Body(joints, views, ranges)
    goal = _Goal(views)
    turns = torch.zeros(len(joints), len(LIMBS), 3, device=joints.device)
    orbit = torch.zeros(len(joints), 2, device=joints.device)
    with torch.inference_mode(False), torch.enable_grad():
        unknowns = [part.clone().requires_grad_() for part in (turns, orbit)]
        adam = torch.optim.Adam(unknowns, lr=_RATE, foreach=False)
        for _ in range(settings.steps):
            misfit = goal.misfit(body.seen(*unknowns))
            away = misfit + settings.pull * unknowns[0].square().sum((1, 2))
            slopes = torch.autograd.grad(away.sum(), unknowns)
            for unknown, slope in zip(unknowns, slopes, strict=True):
                unknown.grad = slope
            adam.step()
    turns, orbit = (part.detach() for part in unknowns)
    bent = body.bent(turns)
    return body.standing(bent), body.seen(turns, orbit), body.largest_turn(bent)


class _Body:
    """Bodies with limbs that turn, before cameras that move around them."""

    def __init__(self, joints: Tensor, views: Views, ranges: ViewSettings) -> None:
        parents, children = (list(side) for side in zip(*BONES, strict=True))
        self._joints = joints
        self._bones = joints[:, children] - joints[:, parents]
        self._paths = PATHS.to(joints)
        self._limb_of = torch.tensor(_LIMB_OF, device=joints.device)
        self._cameras = views.cameras
        rotation = views.cameras.rotation
        self._hip = -(rotation @ views.cameras.position[..., None])[..., 0]
        looks_down = torch.asin((-rotation[:, 2, 2]).clamp(-1.0, 1.0))
        low, high = (math.radians(angle) for angle in ranges.elevation_deg)
        self._lower = (low - looks_down).clamp(max=0.0)
        self._higher = (high - looks_down).clamp(min=0.0)

    def bent(self, turns: Tensor) -> Tensor:
        """Joints (bodies, 17, 3) about the hip after (bodies, 9, 3) turns of the limbs."""
        none = torch.zeros_like(turns[:, :1])
        turned = _turned(torch.cat([turns, none], dim=1)[:, self._limb_of], self._bones)
        return self._paths @ turned

    def seen(self, turns: Tensor, orbit: Tensor) -> Tensor:
        """Keypoints (bodies, 17, 2) px after turns of the limbs, and (bodies, 2) of the camera:
        radians to the side and upwards."""
        azimuth = orbit[:, 0, None]
        up = torch.minimum(torch.maximum(orbit[:, 1], self._lower), self._higher)[:, None]
        x, y, z = self.bent(turns).unbind(-1)
        cos, sin = torch.cos(azimuth), torch.sin(azimuth)
        aside = torch.stack([cos * x + sin * y, cos * y - sin * x, z], dim=-1)
        x, y, z = torch.bmm(aside, self._cameras.rotation.transpose(1, 2)).unbind(-1)
        cos, sin = torch.cos(up), torch.sin(up)
        raised = torch.stack([x, cos * y - sin * z, sin * y + cos * z], dim=-1)
        return project(raised + self._hip[:, None], self._cameras)

    def standing(self, bent: Tensor) -> Tensor:
        """Joints in the world, where the body stood."""
        there = bent + self._joints[:, Joint.HIP, None]
        sunk = self._joints[..., 2].amin(1) - there[..., 2].amin(1)
        return there + torch.nn.functional.pad(sunk[:, None], (2, 0))[:, None]

    def largest_turn(self, bent: Tensor) -> Tensor:
        """(bodies,) degrees between the directions of a limb before and after."""
        chord = _limb_directions(bent) - _limb_directions(self._joints)
        half = torch.linalg.vector_norm(chord, dim=-1).amax(1) / 2.0
        return torch.rad2deg(2.0 * torch.asin(half.clamp(max=1.0)))


class _Goal:
    """Keypoints about their mean, of unit variance."""

    def __init__(self, views: Views) -> None:
        weights = views.weights
        self._share = (weights / weights.sum(1, keepdim=True))[..., None]
        points = torch.where(weights[..., None] > 0, views.points, 0.0)
        apart = points - (points * self._share).sum(1, keepdim=True)
        variance = (apart.square() * self._share).sum((1, 2))
        self._standard = apart / variance.sqrt()[:, None, None]

    def misfit(self, seen: Tensor) -> Tensor:
        """(bodies,) squared distance of (bodies, 17, 2) px, summed over the coordinates."""
        apart = seen - (seen * self._share).sum(1, keepdim=True)
        pulled = apart * self._share
        above = (pulled * self._standard).sum((1, 2))
        variance = (pulled * apart).sum((1, 2)).clamp_min(_TINY)
        explained = above * above.clamp_min(0.0) / variance
        found: Tensor = 2 * len(Joint) * (1.0 - explained)
        return found


def _turned(turns: Tensor, vectors: Tensor) -> Tensor:
    """Vectors (..., 3) after rotations (..., 3): quaternions (1, turn / 2), so that small turns are
    in radians."""
    half = turns / 2.0
    across = torch.linalg.cross(half, vectors)
    twice = torch.linalg.cross(half, across)
    swing: Tensor = 2.0 * (across + twice) / (1.0 + half.square().sum(-1, keepdim=True))
    return vectors + swing


def _limb_directions(joints: Tensor) -> Tensor:
    """(bodies, 9, 3) unit vectors."""
    starts, ends = [limb.start for limb in LIMBS], [limb.end for limb in LIMBS]
    bones = joints[:, ends] - joints[:, starts]
    found: Tensor = bones / torch.linalg.vector_norm(bones, dim=-1, keepdim=True)
    return found


def _limb_of(child: Joint) -> int:
    """Which limb carries the bone that ends in a joint; past the last one: the torso."""
    if child == Joint.NECK:
        child = Joint.HEAD
    ends = [limb.end for limb in LIMBS]
    return ends.index(child) if child in ends else len(LIMBS)


_LIMB_OF = [_limb_of(child) for _, child in BONES]
