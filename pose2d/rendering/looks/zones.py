"""Which part of a body a point of the rest frame lies on, and what a person wears there."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evoskeleton.evolution.skeleton import Joint
from evoskeleton.pose2d.rendering.body.bones import ARM, LEG_AXIS
from evoskeleton.pose2d.rendering.body.figure import ANKLE_HEIGHT, ARM_AXIS, REST
from evoskeleton.pose2d.rendering.looks.look import Look

SOLE = float(REST[Joint.LFOOT, 2]) - ANKLE_HEIGHT
"""Height of the ground below a body at rest, mm."""

_NECK_TOP, _NOTCH, _NECK_WIDE = 545.0, 45.0, 85.0


@dataclass(frozen=True)
class Zones:
    """Where (n,) points lie on a body, from their places (n, 3) in the rest frame, mm."""

    rest: np.ndarray

    @cached_property
    def side(self) -> np.ndarray:
        """(n,) |x|: how far from the middle."""
        return np.asarray(np.abs(self.rest[:, 0]))

    @property
    def y(self) -> np.ndarray:
        """(n,) to the back."""
        return np.asarray(self.rest[:, 1])

    @property
    def z(self) -> np.ndarray:
        """(n,) up."""
        return np.asarray(self.rest[:, 2])

    @cached_property
    def arm(self) -> np.ndarray:
        """(n,) how far down an arm from the shoulder; -1000 where it is no arm."""
        shoulder = REST[Joint.LSHOULDER]
        x, y, z = self.side - shoulder[0], self.y - shoulder[1], self.z - shoulder[2]
        along = x * ARM_AXIS[0] + z * ARM_AXIS[2]
        off2 = x * x + y * y + z * z - along * along
        is_arm = (along > -10.0) & (off2 < 80.0**2) | (along > 420.0) & (off2 < 160.0**2)
        return np.where(is_arm, along, -1000.0)

    @cached_property
    def leg(self) -> np.ndarray:
        """(n,) how far down a leg from the hip."""
        hip, axis = REST[Joint.LHIP], LEG_AXIS.astype(np.float32)
        x = self.side - hip[0]
        return np.asarray(x * axis[0] + (self.y - hip[1]) * axis[1] + (self.z - hip[2]) * axis[2])

    @property
    def above_sole(self) -> np.ndarray:
        """(n,) height above the ground at rest."""
        return np.asarray(self.z - SOLE)


def covered_by_top(look: Look, zones: Zones) -> np.ndarray:
    """(n,) bool: below the cloth of the upper body."""
    if look.top is None:
        return np.zeros(len(zones.rest), dtype=bool)
    return (zones.z > look.hem) & (zones.arm < look.sleeve) & (zones.z < neckline(look, zones))


def neckline(look: Look, zones: Zones) -> np.ndarray:
    """(n,) height at which the top ends below the neck, mm."""
    across = zones.side / _NECK_WIDE
    shape = 1.0 - across if look.v_neck else 1.0 - across * across
    front = (zones.y < 25.0) * np.maximum(shape, 0.0)
    return np.asarray(_NECK_TOP + look.collar - (_NOTCH + look.neckline - look.collar) * front)


def covered_by_bottom(look: Look, zones: Zones) -> np.ndarray:
    """(n,) bool: below trousers, or what is worn under a skirt."""
    length = 40.0 if look.skirt else look.leg
    return (zones.z < look.waist) & (zones.leg < length) & (zones.arm < -500.0)


def covered_by_shoes(look: Look, zones: Zones) -> np.ndarray:
    """(n,) bool: in a shoe or boot."""
    return (zones.above_sole < look.shaft) & (zones.arm < -500.0)


def covered_by_socks(look: Look, zones: Zones) -> np.ndarray:
    """(n,) bool: in a sock."""
    return (zones.above_sole < look.sock) & (zones.arm < -500.0)


def covered_by_gloves(look: Look, zones: Zones) -> np.ndarray:
    """(n,) bool: in a glove."""
    return np.asarray((look.gloves is not None) & (zones.arm > ARM - 12.0))


def hair_height(look: Look, zones: Zones) -> np.ndarray:
    """(n,) mm above the hairline of a head, negative on the face and neck."""
    line = np.interp(
        zones.y,
        (-95.0, -60.0, -25.0, 5.0, 22.0, 45.0, 70.0, 120.0),
        (782.0, 776.0, 756.0, 712.0, 700.0, 690.0, 644.0, 622.0),
    )
    temple = np.maximum(1.0 - ((zones.side - 45.0) / 25.0) ** 2, 0.0) * (zones.y < -10.0)
    back = (line + look.hairline * (zones.y < 10.0)) + 12.0 * temple
    return np.asarray(zones.z - back)
