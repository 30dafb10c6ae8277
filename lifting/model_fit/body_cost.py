"""What a body costs that should explain 2D keypoints: reprojection, bone lengths, the build of the
torso, the joint limits, and how far it strays from the lifter.

A body is a root, a unit direction for each of the 16 bones of the tree and the log of ten lengths,
left and right alike, over a template: joints are linear in lengths times directions, which keeps
the derivatives short (45 unknowns: 3, 2 a bone on its sphere, 10). Every term is a whitened
residual, so that costs are squared standard deviations; reprojection and lifter are cut off by
Geman and McClure's function (1987), against wrong keypoints and wrong limbs.

The template, its spread and the build of the torso were measured on the CMU training subjects (all
but CMU05, CMU13, CMU07, CMU08), at most 2,000 poses of each. Spreads are widened a little, because
other skeletons put their joints elsewhere.

Arrays are row-first and float64: one row a body. Camera frame: millimetres, x right, y down,
z forward; points are on the plane z = 1, without unit.
"""

import math
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.limits.tables import Limits
from evoskeleton.evolution.skeleton import BONES, LIMBS, MIRROR, Joint
from evoskeleton.settings import Settings

UNKNOWNS = 3 + 2 * len(BONES) + 10
_NEAREST_MM = 100.0
_TURNS = slice(3, 3 + 2 * len(BONES))
_LENGTHS = slice(3 + 2 * len(BONES), UNKNOWNS)

TEMPLATE = {
    Joint.RHIP: (0.0532, 0.12),
    Joint.RKNEE: (0.2412, 0.06),
    Joint.RFOOT: (0.2608, 0.05),
    Joint.SPINE: (0.1300, 0.05),
    Joint.THORAX: (0.1376, 0.05),
    Joint.NECK: (0.0871, 0.07),
    Joint.HEAD: (0.0882, 0.07),
    Joint.RSHOULDER: (0.1189, 0.07),
    Joint.RELBOW: (0.1760, 0.05),
    Joint.RWRIST: (0.1644, 0.07),
}
"""Bone that ends in the joint: length over body height, and standard deviation of its logarithm.
Ankle, knee, hip, spine, neck and head in a row are 0.945 of the height."""

_DOTS = (
    (Joint.RHIP, Joint.LHIP, -1.0, 0.02),
    (Joint.RHIP, Joint.SPINE, 0.0, 0.06),
    (Joint.RHIP, Joint.THORAX, 0.0, 0.11),
    (Joint.RHIP, Joint.RSHOULDER, 0.937, 0.06),
    (Joint.LHIP, Joint.SPINE, 0.0, 0.06),
    (Joint.LHIP, Joint.THORAX, 0.0, 0.11),
    (Joint.LHIP, Joint.LSHOULDER, 0.937, 0.06),
    (Joint.SPINE, Joint.THORAX, 0.937, 0.08),
    (Joint.SPINE, Joint.RSHOULDER, 0.29, 0.12),
    (Joint.SPINE, Joint.LSHOULDER, 0.29, 0.12),
    (Joint.THORAX, Joint.RSHOULDER, 0.28, 0.09),
    (Joint.THORAX, Joint.LSHOULDER, 0.28, 0.09),
    (Joint.RSHOULDER, Joint.LSHOULDER, -0.813, 0.08),
    (Joint.THORAX, Joint.NECK, 0.979, 0.04),
    (Joint.NECK, Joint.HEAD, 0.947, 0.06),
    (Joint.NECK, Joint.RSHOULDER, 0.28, 0.13),
    (Joint.NECK, Joint.LSHOULDER, 0.28, 0.13),
    (Joint.HEAD, Joint.RSHOULDER, 0.26, 0.17),
    (Joint.HEAD, Joint.LSHOULDER, 0.26, 0.17),
)
"""Bones by the joints that they end in, and mean and spread of their scalar products."""

_TRIPLES = (
    (Joint.THORAX, Joint.SPINE, Joint.RHIP, 0.30, 0.16),
    (Joint.NECK, Joint.THORAX, Joint.RSHOULDER, -0.10, 0.15),
    (Joint.HEAD, Joint.NECK, Joint.RSHOULDER, 0.13, 0.22),
    (Joint.THORAX, Joint.RSHOULDER, Joint.LSHOULDER, -0.19, 0.10),
)
"""The same for a . (b x c), which tells forwards from backwards."""


_TRUST = {
    Joint.NECK: 1.5,
    Joint.HEAD: 2.0,
    Joint.LELBOW: 1.5,
    Joint.RELBOW: 1.5,
    Joint.LWRIST: 2.0,
    Joint.RWRIST: 2.0,
}
"""How much more than by hips, legs and shoulders a lifter errs by the bone that ends in the joint;
measured on four subjects that it had not seen (CMU02, CMU35, CMU06, CMU12)."""


class CostSettings(Settings):
    """What a fitted body is held to."""

    height_mm: float = Field(
        1700.0,
        gt=0,
        description="height of the body, which one view does not show: it sets the scale, mm",
    )
    noise_px: float = Field(
        3.0,
        gt=0,
        description="assumed standard deviation of a keypoint, px at a focal length of 1145 px; "
        "twice the true one does best, as the lifter is misled by the same noise",
    )
    outlier: float = Field(
        10.0, gt=0, description="standard deviations beyond which a keypoint counts as wrong"
    )
    lifter_deg: float = Field(
        6.0,
        gt=0,
        description="assumed standard deviation of the lifter's directions of hips and legs, "
        "degrees",
    )
    lifter_outlier: float = Field(
        3.0, gt=0, description="standard deviations beyond which the lifter's bone counts as wrong"
    )
    limit_deg: float = Field(
        1.0, gt=0, description="degrees beyond the joint limits that cost one standard deviation"
    )
    limit_buffer_deg: float = Field(
        1.0, ge=0, description="degrees within the joint limits at which they begin to push back"
    )
    build: float = Field(
        2.0,
        gt=0,
        description="factor on the spread of bone lengths and torso angles that was measured on "
        "real bodies",
    )


@dataclass(frozen=True)
class Bodies:
    """Bodies before a camera.

    Attributes:
        root: (rows, 3) hip, camera mm.
        directions: (rows, 16, 3) unit vectors of `BONES`, camera frame.
        log_lengths: (rows, 10) logarithm of the lengths over those of the template.
    """

    root: Tensor
    directions: Tensor
    log_lengths: Tensor

    def __len__(self) -> int:
        return len(self.root)

    def take(self, index: Tensor) -> "Bodies":
        """The bodies at (n,) int64 or boolean `index`."""
        return Bodies(self.root[index], self.directions[index], self.log_lengths[index])

    def where(self, chosen: Tensor, other: "Bodies") -> "Bodies":
        """These bodies where (rows,) bool `chosen`, the others elsewhere."""
        pick = chosen[:, None]
        return Bodies(
            torch.where(pick, self.root, other.root),
            torch.where(pick[..., None], self.directions, other.directions),
            torch.where(pick, self.log_lengths, other.log_lengths),
        )

    def copy(self) -> "Bodies":
        """The same bodies in memory of their own."""
        return Bodies(self.root.clone(), self.directions.clone(), self.log_lengths.clone())

    def put(self, index: Tensor, other: "Bodies") -> None:
        """Overwrite the bodies at (n,) int64 `index` by n others."""
        self.root[index] = other.root
        self.directions[index] = other.directions
        self.log_lengths[index] = other.log_lengths

    @staticmethod
    def concatenate(parts: "list[Bodies]") -> "Bodies":
        """All bodies of all parts, in order."""
        fields = zip(*((p.root, p.directions, p.log_lengths) for p in parts), strict=True)
        return Bodies(*(torch.cat(list(field)) for field in fields))


@dataclass(frozen=True)
class Evidence:
    """What the bodies should explain, a row each.

    Attributes:
        points: (rows, 17, 2) keypoints on the plane z = 1; any finite value where not visible.
        precision: (rows, 17) one over their standard deviation there, 0 where not visible.
        lifted: (rows, 16, 3) unit directions of the lifter's bones.
        ordered: (rows, 16, 3) unit vectors that bones should go along and not against, such as the
            ray of a bone's far end where that is known to be the farther one; 0 for bones of which
            nothing is known. None: nothing is known of any.
    """

    points: Tensor
    precision: Tensor
    lifted: Tensor
    ordered: Tensor | None = None

    def take(self, index: Tensor) -> "Evidence":
        """The rows at (n,) int64 or boolean `index`."""
        ordered = None if self.ordered is None else self.ordered[index]
        return Evidence(self.points[index], self.precision[index], self.lifted[index], ordered)


def _group_of(joint: Joint) -> int:
    names = list(TEMPLATE)
    return names.index(joint if joint in TEMPLATE else Joint(MIRROR[joint]))


def _paths() -> Tensor:
    """(17, 16) which bones lie between the root and a joint."""
    paths = torch.zeros(len(Joint), len(BONES), dtype=torch.float64)
    for bone, (parent, child) in enumerate(BONES):
        paths[child] = paths[parent]
        paths[child, bone] = 1.0
    return paths


GROUP = torch.tensor([_group_of(child) for _, child in BONES])
"""(16,) which of the ten lengths a bone has."""

_ERRS = torch.tensor([_TRUST.get(child, 1.0) for _, child in BONES], dtype=torch.float64)
PATHS = _paths()
"""(17, 16) float64, 1 where a bone lies between the root and a joint."""

_GROUPS = torch.nn.functional.one_hot(GROUP).double()
_RATIO = torch.tensor([ratio for ratio, _ in TEMPLATE.values()], dtype=torch.float64)
_LENGTH_SPREAD = torch.tensor([spread for _, spread in TEMPLATE.values()], dtype=torch.float64)
_DOT_BONES = torch.tensor([row[:2] for row in _DOTS]).T - 1
_TRIPLE_BONES = torch.tensor([row[:3] for row in _TRIPLES]).T - 1
_BUILD_MEAN = torch.tensor([row[-2] for row in (*_DOTS, *_TRIPLES)], dtype=torch.float64)
_BUILD_SPREAD = torch.tensor([row[-1] for row in (*_DOTS, *_TRIPLES)], dtype=torch.float64)


def lengths_mm(log_lengths: Tensor, settings: CostSettings) -> Tensor:
    """(rows, 16) mm of (rows, 10) logarithms over the template."""
    template = _RATIO.to(log_lengths) * settings.height_mm
    return (template * log_lengths.exp())[:, GROUP]


def body_joints(bodies: Bodies, settings: CostSettings) -> Tensor:
    """Joints (rows, 17, 3), camera mm."""
    offsets = bodies.directions * lengths_mm(bodies.log_lengths, settings)[..., None]
    return bodies.root[:, None] + PATHS @ offsets


def length_deviations(joints: Tensor, height_mm: float) -> Tensor:
    """(rows, 16) how far bones of joints (rows, 17, 3), mm, are longer than those of the template,
    standard deviations of real bodies' logarithms."""
    parents, children = (list(side) for side in zip(*BONES, strict=True))
    lengths = torch.linalg.vector_norm(joints[:, children] - joints[:, parents], dim=2)
    template = _RATIO.to(joints)[GROUP] * height_mm
    spread = _LENGTH_SPREAD.to(joints)[GROUP]
    found: Tensor = (lengths.clamp_min(1e-6) / template).log() / spread
    return found


def bone_directions(joints: Tensor) -> Tensor:
    """Unit directions (rows, 16, 3) of joints (rows, 17, 3)."""
    parents, children = (list(side) for side in zip(*BONES, strict=True))
    return torch.nn.functional.normalize(joints[:, children] - joints[:, parents], dim=2)


def tangents(directions: Tensor) -> Tensor:
    """(..., 3, 2) two axes across each unit direction (Duff 2017, "Building an orthonormal basis,
    revisited")."""
    x, y, z = directions.unbind(-1)
    sign = torch.copysign(torch.ones_like(z), z)
    a = -1.0 / (sign + z)
    b = x * y * a
    first = torch.stack([1.0 + sign * x * x * a, sign * b, -sign * x], dim=-1)
    second = torch.stack([b, sign + y * y * a, -y], dim=-1)
    return torch.stack([first, second], dim=-1)


def moved(bodies: Bodies, step: Tensor) -> Bodies:
    """Bodies after a step (rows, 45) in their unknowns."""
    turn = torch.unflatten(step[:, _TURNS], 1, (-1, 2, 1))
    directions = bodies.directions + (tangents(bodies.directions) @ turn)[..., 0]
    return Bodies(
        bodies.root + step[:, :3],
        torch.nn.functional.normalize(directions, dim=2),
        bodies.log_lengths + step[:, _LENGTHS],
    )


class BodyCost:
    """Cost of bodies, and its Gauss-Newton model, under one set of settings."""

    def __init__(self, limits: Limits, settings: CostSettings) -> None:
        self._limits, self._settings = limits, settings

    def cost(self, bodies: Bodies, evidence: Evidence) -> Tensor:
        """(rows,) cost."""
        return self._sum(*self._residuals(bodies, evidence))

    def unpulled(self, bodies: Bodies, evidence: Evidence) -> Tensor:
        """(rows,) cost without that of straying from the lifter."""
        pixels, pulls, plain = self._residuals(bodies, evidence)
        return self._sum(pixels, torch.zeros_like(pulls), plain)

    def model(self, bodies: Bodies, evidence: Evidence) -> tuple[Tensor, Tensor, Tensor]:
        """Cost (rows,), half its gradient (rows, 45) and half its curvature (rows, 45, 45)."""
        pixels, pulls, plain = residuals = self._residuals(bodies, evidence)
        across = tangents(bodies.directions)
        slopes = [
            self._reprojection_slopes(bodies, evidence, across)
            * _weight(pixels, self._settings.outlier)[..., None],
            self._pull_slopes(across) * _weight(pulls, self._settings.lifter_outlier)[..., None],
            self._plain_slopes(bodies, across, plain, evidence.ordered),
        ]
        weighted = [
            pixels * _weight(pixels, self._settings.outlier),
            pulls * _weight(pulls, self._settings.lifter_outlier),
            plain,
        ]
        jacobian = torch.cat([slope.flatten(1, -2) for slope in slopes], dim=1)
        residual = torch.cat([part.flatten(1) for part in weighted], dim=1)
        transposed = jacobian.transpose(1, 2)
        gradient = (transposed @ residual[..., None])[..., 0]
        return self._sum(*residuals), gradient, transposed @ jacobian

    def _sum(self, pixels: Tensor, pulls: Tensor, plain: Tensor) -> Tensor:
        robust = _robust(pixels, self._settings.outlier)
        return robust + _robust(pulls, self._settings.lifter_outlier) + plain.square().sum(1)

    def _residuals(self, bodies: Bodies, evidence: Evidence) -> tuple[Tensor, Tensor, Tensor]:
        """Reprojection (rows, 17, 2), lifter (rows, 16, 3), and the rest: (rows, 42), or with bones
        that are ordered in depth (rows, 58)."""
        joints = body_joints(bodies, self._settings)
        plane = joints[..., :2] / joints[..., 2:].clamp_min(_NEAREST_MM)
        pixels = (plane - evidence.points) * evidence.precision[..., None]
        pulls = (bodies.directions - evidence.lifted) * self._pull[:, None]
        build = (_build(bodies.directions) - _BUILD_MEAN) / self._spread(_BUILD_SPREAD)
        lengths = bodies.log_lengths / self._spread(_LENGTH_SPREAD)
        limits = self._over(self.margins(bodies.directions))
        plain = [lengths, build, limits]
        if evidence.ordered is not None:
            along = (bodies.directions * evidence.ordered).sum(2)
            known = evidence.ordered.square().sum(2)
            plain.append((known * ORDER_MARGIN - along).clamp_min(0.0) / _ORDER_SPREAD)
        return pixels, pulls, torch.cat(plain, dim=1)

    @property
    def _pull(self) -> Tensor:
        """(16,) one over the lifter's standard deviation, radians."""
        return 1.0 / (_ERRS * math.radians(self._settings.lifter_deg))

    def _spread(self, spread: Tensor) -> Tensor:
        return spread * self._settings.build

    def _over(self, margins: Tensor) -> Tensor:
        over = self._settings.limit_buffer_deg - margins
        return over.clamp_min(0.0) / self._settings.limit_deg

    def margins(self, directions: Tensor) -> Tensor:
        """(rows, 9) degrees to the joint limits; they do not depend on bone lengths, but for the
        head's, whose limb is two bones."""
        offsets = directions * _RATIO[GROUP][:, None] * self._settings.height_mm
        return self._limits.limb_margins(encode(PATHS @ offsets)).T.double()

    def _reprojection_slopes(self, bodies: Bodies, evidence: Evidence, across: Tensor) -> Tensor:
        """(rows, 17, 2, 45)."""
        lengths = lengths_mm(bodies.log_lengths, self._settings)[..., None]
        offsets = bodies.directions * lengths
        joints = bodies.root[:, None] + PATHS @ offsets
        turns = PATHS[:, None, :, None] * (across * lengths[..., None]).transpose(1, 2)[:, None]
        grown = torch.einsum("jb,rbc,bg->rjcg", PATHS, offsets, _GROUPS)
        shift = torch.eye(3, dtype=joints.dtype).expand(*joints.shape, 3)
        slopes = torch.cat([shift, turns.flatten(-2), grown], dim=-1)
        depth = joints[..., 2:].clamp_min(_NEAREST_MM)
        plane = (joints[..., :2] / depth)[..., None]
        scale = (evidence.precision[..., None] / depth)[..., None]
        return (slopes[..., :2, :] - plane * slopes[..., 2:, :]) * scale

    def _pull_slopes(self, across: Tensor) -> Tensor:
        """(rows, 16, 3, 45)."""
        rows, bones = across.shape[:2]
        slopes = across.new_zeros(rows, bones, 3, UNKNOWNS)
        bone = torch.arange(bones)[:, None]
        scaled = across * self._pull[:, None, None]
        slopes[:, bone, :, 3 + 2 * bone + torch.arange(2)] = scaled.permute(1, 3, 0, 2)
        return slopes

    def _plain_slopes(
        self, bodies: Bodies, across: Tensor, plain: Tensor, ordered: Tensor | None
    ) -> Tensor:
        """(rows, 42, 45), or with bones that are ordered in depth (rows, 58, 45)."""
        groups, features = len(_LENGTH_SPREAD), len(_BUILD_SPREAD)
        limits = slice(groups + features, groups + features + len(LIMBS))
        slopes = plain.new_zeros(*plain.shape, UNKNOWNS)
        slopes[:, :groups, _LENGTHS] = torch.diag(1.0 / self._spread(_LENGTH_SPREAD))
        build = torch.einsum("rfbc,rbck->rfbk", _build_slopes(bodies.directions), across)
        slopes[:, groups : groups + features, _TURNS] = (
            build.flatten(2) / self._spread(_BUILD_SPREAD)[:, None]
        )
        pushed = (plain[:, limits] > 0).any(1).nonzero()[:, 0]
        if len(pushed):
            margins = self._margin_slopes(bodies.directions[pushed], across[pushed])
            active = plain[pushed, limits, None] > 0
            slopes[pushed, limits, _TURNS] = torch.where(
                active, -margins / self._settings.limit_deg, 0.0
            )
        if ordered is not None:
            along = torch.einsum("rbc,rbck->rbk", ordered, across) / _ORDER_SPREAD
            along = torch.where(plain[:, limits.stop :, None] > 0, -along, 0.0)
            bone = torch.arange(len(BONES))[:, None]
            slopes[:, limits.stop + bone, 3 + 2 * bone + torch.arange(2)] = along
        return slopes

    def _margin_slopes(self, directions: Tensor, across: Tensor) -> Tensor:
        """(rows, 9, 32) degrees a radian, by differences: bones that no limb shares turn together.

        The span of the differences smooths the kinks of the tables.
        """
        steps = _SPAN * torch.einsum("rbck,gb,sk->rgsbc", across, _COLOURS, _AXES)
        turned = torch.nn.functional.normalize(directions[:, None, None] + steps, dim=-1)
        margins = self.margins(turned.flatten(0, 2)).view(*turned.shape[:3], len(LIMBS))
        forth, back = margins[:, :, :2], margins[:, :, 2:]
        slopes = (forth - back) / (2.0 * _SPAN)
        return torch.einsum("rgkl,lgb->rlbk", slopes, _DEPENDS).flatten(2)


def _robust(residuals: Tensor, outlier: float) -> Tensor:
    """Geman and McClure: (rows, n, k) to (rows,); each of the n costs at most `outlier` squared."""
    squared = residuals.square().sum(2)
    return (squared / (1.0 + squared / outlier**2)).sum(1)


def _weight(residuals: Tensor, outlier: float) -> Tensor:
    """Square root (rows, n, 1) of the weight of (rows, n, k) in Gauss-Newton."""
    return 1.0 / (1.0 + residuals.square().sum(2, keepdim=True) / outlier**2)


def _build(directions: Tensor) -> Tensor:
    """(rows, features) scalar and triple products of the torso's bones."""
    a, b = (directions[:, bones] for bones in _DOT_BONES)
    c, d, e = (directions[:, bones] for bones in _TRIPLE_BONES)
    triples = (c * torch.linalg.cross(d, e)).sum(2)
    return torch.cat([(a * b).sum(2), triples], dim=1)


def _build_slopes(directions: Tensor) -> Tensor:
    """(rows, features, 16, 3)."""
    features, dots = len(_BUILD_MEAN), len(_DOTS)
    slopes = directions.new_zeros(len(directions), features, len(BONES), 3)
    a, b = (directions[:, bones] for bones in _DOT_BONES)
    c, d, e = (directions[:, bones] for bones in _TRIPLE_BONES)
    first = torch.arange(dots)
    slopes[:, first, _DOT_BONES[0]] = b
    slopes[:, first, _DOT_BONES[1]] = a
    rest = torch.arange(dots, features)
    for bones, slope in zip(
        _TRIPLE_BONES,
        (torch.linalg.cross(d, e), torch.linalg.cross(e, c), torch.linalg.cross(c, d)),
        strict=True,
    ):
        slopes[:, rest, bones] = slope
    return slopes


ORDER_MARGIN = 0.05
"""Sine of the angle by which bones that are ordered in depth go along their ray at least."""

_ORDER_SPREAD = 0.01

_SPAN = 0.035
"""Radians of the differences that stand for the slope of the limit tables."""

_AXES = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]).double()


def _depends() -> Tensor:
    """(9, 5, 16): the bone of each colour that a limb's margin depends on."""
    depends = torch.zeros(len(LIMBS), 5, len(BONES), dtype=torch.float64)
    pelvis = (Joint.RHIP, Joint.LHIP, Joint.SPINE)
    thorax = (Joint.RSHOULDER, Joint.LSHOULDER, Joint.THORAX)
    for i, limb in enumerate(LIMBS):
        carrier = LIMBS[limb.parent] if limb.frame == "bone" else limb
        first = Joint.NECK if limb.end == Joint.HEAD else carrier.end
        chain = [*(pelvis if carrier.frame == "pelvis" else thorax), first]
        chain += [limb.end] if limb.end != first else []
        for colour, joint in enumerate(chain):
            depends[i, colour, joint - 1] = 1.0
    return depends


_DEPENDS = _depends()
_COLOURS = _DEPENDS.amax(0)
