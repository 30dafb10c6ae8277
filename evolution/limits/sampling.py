"""Whole poses drawn from the joint limits: no motion, only what limbs can do.

A limb on the torso is uniform, by area, over the directions that its table allows; a child limb is
uniform over what the limits allow given its parent. Directions are drawn evenly on the sphere until
one fits, which is exact for tables of any kind and leaves nothing to integrate. A parent that
leaves its child nothing is drawn again.

The rest is no matter of the tables. The pelvis is level with a random heading; the thorax bends and
twists evenly within published ranges of motion; torso, neck and mean bone lengths are those of a
template body; the lowest joint lies just above the floor. Nothing looks for limbs that go through
each other or for balance.

Every draw is addressed by (seed, slot, attempt, stream), see `chance`: the first poses of a larger
draw are those of a smaller one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import BODY_LIMBS, CHILD_LIMBS, PARENT_LIMBS, Genomes
from evoskeleton.evolution.limits.trunk import TrunkRange
from evoskeleton.evolution.operators.build import LengthSettings, mutate_lengths
from evoskeleton.evolution.operators.ground import GroundSettings, ground
from evoskeleton.evolution.rotations import about_axis, compose, normalize
from evoskeleton.evolution.skeleton import LIMBS, TORSO
from evoskeleton.settings import Settings

CHUNK = 1024
"""Bodies drawn at once; no result depends on it."""

PROPOSALS = 16
ROUNDS = 128
"""A limb gets up to 2,048 directions for one attempt, then its parent is drawn again."""

_PADDING = 64
_ATTEMPTS = 32
_REDRAWS = 16

_LENGTHS_MM = {
    "HIP": 89.0, "SPINE": 218.0, "THORAX": 231.0, "SHOULDER": 199.0, "head": 293.0,
    "upper arm": 297.0, "forearm": 276.0, "thigh": 403.0, "shank": 440.0,
}  # fmt: skip
_SHOULDER = (0.945, -0.1, 0.31)
_NECK = (0.0, -0.045, 0.5)
_STANDING = {
    "head": (0.0, 0.0, 1.0),
    "upper arm": (0.1, -0.05, -0.99),
    "forearm": (0.55, 0.83, 0.05),
    "thigh": (0.0, 0.1, -0.99),
    "shank": (0.0, -0.2, -0.98),
}


class MarginSource(Protocol):
    """Joint limits of any kind, as `Limits` and `AkhterBlackLimits` are."""

    def limb_margins(self, genomes: Genomes) -> Tensor:
        """Degrees of every limb to its boundary, (9, bodies), negative outside."""
        ...


class SampleSettings(Settings):
    """What surrounds the limbs."""

    trunk: TrunkRange = Field(
        default_factory=TrunkRange, description="how far the thorax bends and twists"
    )
    lengths: LengthSettings = Field(
        LengthSettings(rate=1.0, template=0.0), description="how sizes of bodies differ"
    )
    ground: GroundSettings = Field(GroundSettings(), description="height of the lowest joint")


@lru_cache(maxsize=1)
def template_body() -> Genomes:
    """One standing body of mean CMU proportions (mocap.cs.cmu.edu), arms hanging, level pelvis.

    Rounded means over the 13 people among the training subjects, each person counting once.
    """
    torso = torch.tensor([_torso_direction(bone.end.name) for bone in TORSO]).T[:, :, None]
    limbs = torch.tensor([_standing(limb.name) for limb in LIMBS]).T[:, :, None]
    lengths = [_LENGTHS_MM[bone.end.name.lstrip("LR")] for bone in TORSO]
    lengths += [
        _LENGTHS_MM[limb.name.removeprefix("left ").removeprefix("right ")] for limb in LIMBS
    ]
    upright = torch.eye(3)[:, :, None].clone()
    genomes = Genomes(
        root=torch.tensor([[0.0], [0.0], [900.0]]),
        pelvis=upright,
        trunk=upright.clone(),
        torso=normalize(torso).contiguous(),
        limbs=normalize(limbs).contiguous(),
        neck=torch.tensor(_NECK)[:, None],
        lengths=torch.tensor(lengths)[:, None],
    )
    return genomes


def _torso_direction(end: str) -> tuple[float, float, float]:
    side = -1.0 if end.startswith("L") else 1.0
    if end.endswith("SHOULDER"):
        return side * _SHOULDER[0], _SHOULDER[1], _SHOULDER[2]
    return (side, 0.0, 0.0) if end.endswith("HIP") else (0.0, 0.0, 1.0)


def _standing(limb: str) -> tuple[float, float, float]:
    x, y, z = _STANDING[limb.removeprefix("left ").removeprefix("right ")]
    return (-x if limb.startswith("left") else x), y, z


def sample(
    limits: MarginSource,
    count: int,
    seed: int,
    *,
    template: Genomes | None = None,
    settings: SampleSettings | None = None,
) -> Genomes:
    """Draw bodies whose nine limbs all lie within the limits.

    Args:
        limits: the tables; the bodies are made where `template` lies.
        count: bodies to draw; the first ones do not depend on it.
        seed: of all draws.
        template: bodies that lend torso, neck and bone lengths, in turn; none: `template_body`.
        settings: bend of the trunk, spread of sizes, height above the floor.

    Returns:
        (count,) bodies, float32, grounded, heading anywhere.

    Raises:
        BadInput: nothing is wanted, or a limb is allowed no direction; the sentence names it.
    """
    if count < 1:
        raise BadInput(f"poses to sample should be at least 1, got {count}")
    settings = settings or SampleSettings()
    template = template_body() if template is None else template
    if len(template) == 0:
        raise BadInput("template should hold at least one body, got none")
    parts = [
        _within(limits, slots, seed, template, settings) for slots in _slots(count, template.device)
    ]
    return Genomes.concatenate(parts).map(lambda array: array[..., :count].contiguous())


def _slots(count: int, device: torch.device) -> Iterator[Tensor]:
    """All slots in chunks, filled up to a multiple of the padding."""
    for start in range(0, count, CHUNK):
        missing = min(CHUNK, count - start)
        yield torch.arange(start, start + missing + -missing % _PADDING, device=device)


def _within(
    limits: MarginSource, slots: Tensor, seed: int, template: Genomes, settings: SampleSettings
) -> Genomes:
    """Bodies of some slots; what rounding has put outside the limits since is drawn again."""
    bodies = _drawn(limits, slots, seed, 0, template, settings)
    for redraw in range(1, _REDRAWS):
        outside = limits.limb_margins(bodies).amin(0) < 0.0
        if not bool(outside.any()):
            return bodies
        places = outside.nonzero()[:, 0]
        again = _drawn(limits, _padded(slots[places]), seed, redraw, template, settings)
        bodies = _put(bodies, places, again)
    raise BadInput("the joint limits allow no pose that stays within them after rounding")


def _padded(numbers: Tensor) -> Tensor:
    return torch.cat([numbers, numbers[-1:].expand(-len(numbers) % _PADDING)])


def _put(bodies: Genomes, places: Tensor, others: Genomes) -> Genomes:
    """The bodies with the first of `others` at some places."""
    arrays = {}
    for name in bodies.__dataclass_fields__:
        array = getattr(bodies, name).clone()
        array[..., places] = getattr(others, name)[..., : len(places)]
        arrays[name] = array
    return Genomes(**arrays)


def _drawn(
    limits: MarginSource,
    slots: Tensor,
    seed: int,
    redraw: int,
    template: Genomes,
    settings: SampleSettings,
) -> Genomes:
    draws = Draws(seed, redraw, 0, slots=slots)
    bodies = _carriers(template.take(slots % len(template)), draws, settings)
    limbs = _Search(limits, bodies, draws, slots).run()
    bodies = mutate_lengths(replace(bodies, limbs=limbs), draws=draws, settings=settings.lengths)
    return ground(bodies, draws=draws, settings=settings.ground)[0]


def _carriers(bodies: Genomes, draws: Draws, settings: SampleSettings) -> Genomes:
    """Level pelvis with a random heading, thorax bent and twisted against it."""
    heading, around, reach, twist = draws.uniform("sample torso", 4)
    up = torch.zeros(3, len(bodies), device=bodies.device)
    up[2] = 1.0
    pelvis = about_axis(up, heading * (2.0 * torch.pi))
    bend, turn = _bend(around, reach, settings.trunk), _twist(twist, settings.trunk)
    trunk = compose(bend, about_axis(up, turn))
    return replace(bodies, root=bodies.root * up, pelvis=pelvis, trunk=trunk)


def _twist(number: Tensor, ranges: TrunkRange) -> Tensor:
    return (number * 2.0 - 1.0) * torch.deg2rad(torch.tensor(ranges.rotation_deg))


def _bend(around: Tensor, reach: Tensor, ranges: TrunkRange) -> Tensor:
    """Rotations (3, 3, bodies) towards a side by an angle, even over the ellipse of the ranges."""
    angle, radius = around * (2.0 * torch.pi), reach.sqrt()
    forwards = radius * angle.sin()
    furthest = torch.where(forwards > 0.0, ranges.flexion_deg, ranges.extension_deg)
    turn = torch.stack([-forwards * furthest, radius * angle.cos() * ranges.lateral_deg])
    turn = torch.cat([turn.deg2rad(), torch.zeros_like(turn[:1])])
    size = turn.square().sum(0).sqrt()
    return about_axis(turn / size.clamp_min(1e-12), size)


@dataclass
class _Search:
    """Finds limb directions within the limits for some bodies, (bodies,) a multiple of 64."""

    limits: MarginSource
    bodies: Genomes
    draws: Draws
    slots: Tensor

    def run(self) -> Tensor:
        """Directions (3, 9, bodies).

        Raises:
            BadInput: a limb is allowed no direction.
        """
        limbs = self.bodies.limbs.clone()
        missing = torch.ones(limbs.shape[1:], dtype=torch.bool, device=limbs.device)
        for attempt in range(_ATTEMPTS):
            for group in (BODY_LIMBS, CHILD_LIMBS):
                self._fill(limbs, missing, group, attempt)
                if attempt == 0:
                    _refuse(missing.all(1), group)
            if not bool(missing.any()):
                return limbs
            incomplete = missing[list(CHILD_LIMBS)] | missing[list(PARENT_LIMBS)]
            missing[list(CHILD_LIMBS)] = missing[list(PARENT_LIMBS)] = incomplete
        barren = missing.any(1)
        _refuse(barren, CHILD_LIMBS)
        _refuse(barren, BODY_LIMBS)
        raise AssertionError("a limb is missing that belongs to no group")

    def _fill(self, limbs: Tensor, missing: Tensor, group: tuple[int, ...], attempt: int) -> None:
        """Look for what is missing of a group of limbs, in place."""
        rows = torch.tensor(group, device=limbs.device)
        for turn in range(ROUNDS):
            wanted = missing[rows].any(0).nonzero()[:, 0]
            if len(wanted) == 0:
                return
            found, directions = self._round(limbs, _padded(wanted), group, attempt, turn)
            found, directions = found[:, : len(wanted)], directions[..., : len(wanted)]
            for row, limb in enumerate(group):
                hits = wanted[found[row] & missing[limb, wanted]]
                limbs[:, limb, hits] = directions[:, row][:, found[row] & missing[limb, wanted]]
                missing[limb, hits] = False

    def _round(
        self, limbs: Tensor, places: Tensor, group: tuple[int, ...], attempt: int, turn: int
    ) -> tuple[Tensor, Tensor]:
        """Propose directions for all limbs of a group.

        Returns:
            Whether one fits (group, places), and the first that does (3, group, places).
        """
        draws = replace(self.draws, slots=self.slots[places], attempt=attempt * ROUNDS + turn)
        name = "sample limbs" if group == BODY_LIMBS else "sample children"
        numbers = draws.uniform(name, 2 * PROPOSALS * len(group))
        proposals = _directions(numbers.view(2, PROPOSALS, len(group), len(places)))
        tried = limbs[:, :, places].repeat(1, 1, PROPOSALS)
        flat = proposals.permute(0, 2, 1, 3).flatten(2)
        tried[:, list(group)] = flat
        bodies = self.bodies.take(places.repeat(PROPOSALS))
        margins = self.limits.limb_margins(replace(bodies, limbs=tried))[list(group)]
        fits = (margins >= 0.0).view(len(group), PROPOSALS, len(places))
        first = fits.byte().argmax(1)[None, None].expand(3, -1, -1, -1)
        return fits.any(1), proposals.gather(1, first)[:, 0]


def _directions(numbers: Tensor) -> Tensor:
    """Even directions (3, ...) on the sphere from uniform numbers (2, ...)."""
    height, around = numbers[0] * 2.0 - 1.0, numbers[1] * (2.0 * torch.pi)
    across = (1.0 - height * height).clamp_min(0.0).sqrt()
    return torch.stack([across * around.cos(), across * around.sin(), height])


def _refuse(barren: Tensor, group: tuple[int, ...]) -> None:
    for limb in group:
        if bool(barren[limb]):
            parent = LIMBS[limb].parent
            given = f" for directions of the {LIMBS[parent].name}" if parent >= 0 else ""
            raise BadInput(
                f"the joint limits allow no direction of the {LIMBS[limb].name}{given}:"
                f" none of {PROPOSALS * ROUNDS:,} fits"
            )
