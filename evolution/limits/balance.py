"""Balance: whether the feet that a standing body touches the floor with can carry it.

Grounding puts the lowest joint of every body on the floor, so that no body floats as a whole; what
can still go wrong is that the feet are on the floor and the rest hangs in the air beside them.
Only bodies that stand are judged: no joint but the feet is near the floor, and the line from the
hip to the lower foot goes on with that of the trunk. So those who sit on a chair that a pose does
not show, kneel, bend down or walk on their hands pass. A body leans by the angle between the
vertical and the line to its centre of mass from the nearest point between the feet that are on the
floor.

People in motion do lean, and forces that a pose does not show (a bar in the hand, a push, a turn at
speed) let them; hence a bound on the lean, where statics would want the centre of mass above the
feet themselves. Of the CMU training subjects 99 % of the poses lean by less than 28 degrees, each
subject on its own, but for the climber CMU01, who holds bars: 39 degrees.

Masses and centres of body segments: Winter 2009, "Biomechanics and Motor Control of Human
Movement", table 4.1, https://doi.org/10.1002/9780470549148. Joints are component-first, (17, 3,
bodies) world mm with z up, see `hierarchy.joint_places`.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from evoskeleton.evolution.rotations import dot
from evoskeleton.evolution.skeleton import Joint

_FLOOR = 0.2
"""What is this near to the lower foot is on the floor, as a share of the trunk's length."""
_IN_LINE = math.cos(math.radians(30.0))


class Segment(NamedTuple):
    """A part of the body: share of the mass, and where between two joints its centre lies."""

    start: Joint
    end: Joint
    mass: float
    centre: float


SEGMENTS = (
    Segment(Joint.NECK, Joint.HEAD, 0.081, 0.5),
    Segment(Joint.HIP, Joint.THORAX, 0.497, 0.5),
    Segment(Joint.RSHOULDER, Joint.RELBOW, 0.028, 0.436),
    Segment(Joint.LSHOULDER, Joint.LELBOW, 0.028, 0.436),
    Segment(Joint.RELBOW, Joint.RWRIST, 0.022, 0.682),
    Segment(Joint.LELBOW, Joint.LWRIST, 0.022, 0.682),
    Segment(Joint.RHIP, Joint.RKNEE, 0.1, 0.433),
    Segment(Joint.LHIP, Joint.LKNEE, 0.1, 0.433),
    Segment(Joint.RKNEE, Joint.RFOOT, 0.061, 0.606),
    Segment(Joint.LKNEE, Joint.LFOOT, 0.061, 0.606),
)
"""Hands are counted with the forearms, feet with the shanks."""


def _joint_masses() -> dict[Joint, float]:
    """The segments' masses on the joints, so that the centre of mass is one sum over joints."""
    masses = dict.fromkeys(Joint, 0.0)
    for segment in SEGMENTS:
        masses[segment.start] += segment.mass * (1.0 - segment.centre)
        masses[segment.end] += segment.mass * segment.centre
    return {joint: mass for joint, mass in masses.items() if mass}


_MASSES = _joint_masses()
_OFF_FEET = (
    slice(Joint.HIP, Joint.RFOOT),
    slice(Joint.LHIP, Joint.LFOOT),
    slice(Joint.SPINE, len(Joint)),
)


def centres_of_mass(places: Tensor) -> Tensor:
    """(3, bodies) world mm."""
    centre = torch.zeros_like(places[0])
    for joint, mass in _MASSES.items():
        centre.add_(places[joint], alpha=mass)
    return centre


def leans_deg(places: Tensor) -> Tensor:
    """How far standing bodies lean, (bodies,) degrees; 0 for those that do not stand.

    Args:
        places: (17, 3, bodies) world mm.
    """
    lower, step = _feet(places[Joint.RFOOT], places[Joint.LFOOT])
    trunk = places[Joint.THORAX] - places[Joint.HIP]
    near = dot(trunk, trunk).sqrt_().mul_(_FLOOR)
    step.mul_(step[2] <= near)
    centre = centres_of_mass(places)
    lean = torch.atan2(_away(centre - lower, step), centre[2] - lower[2]).rad2deg_()
    leg = places[Joint.HIP] - lower.add(step, alpha=0.5)
    return lean.mul_(_in_line(leg, trunk) & (_lowest_but_feet(places) > lower[2] + near))


def _feet(right: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
    """The lower foot, and the step (3, bodies) from it to the other."""
    lower = torch.where(left[2] < right[2], left, right)
    return lower, (right + left).sub_(lower, alpha=2.0)


def _away(offset: Tensor, step: Tensor) -> Tensor:
    """Distance (bodies,) along the floor of what lies at `offset` from the line along `step`."""
    share = _flat(step, offset).div_(_flat(step, step).clamp_min_(1e-6)).clamp_(0.0, 1.0)
    aside = offset.addcmul_(step, share, value=-1.0)
    return _flat(aside, aside).sqrt_()


def _flat(left: Tensor, right: Tensor) -> Tensor:
    return (left[0] * right[0]).addcmul_(left[1], right[1])


def _in_line(leg: Tensor, trunk: Tensor) -> Tensor:
    """(bodies,) bool: the trunk goes on where the leg comes from."""
    return dot(leg, trunk) >= (dot(leg, leg) * dot(trunk, trunk)).sqrt_().mul_(_IN_LINE)


def _lowest_but_feet(places: Tensor) -> Tensor:
    return torch.stack([places[part, 2].amin(0) for part in _OFF_FEET]).amin(0)
