"""What no body does, in sentences that name the declaration that would mend it."""

from collections.abc import Callable, Mapping

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.bodies import Bodies, measure, pointing
from evoskeleton.platform.data.poses import PoseSet

ADULT_MM = (1200.0, 2300.0)
"""Heights that nobody asks about; children of less than a metre and a fifth are warned of."""

LIKELY_MM = (1500.0, 2000.0)

_MM_PER_UNIT = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "inch": 25.4, "56.4444 (CMU)": 25.4 / 0.45}
_NEVER, _ALWAYS = 0.02, 0.9
LEAST_BENT = 10
WRONG_WAY = 0.3
_MOST_SPREAD = 0.05
_MOST_UNEVEN = 0.15


def warnings(
    bodies: Bodies, unit_mm: float | None = None, turn: np.ndarray | None = None
) -> list[str]:
    """Sentences about what no body does; none of poses that look right.

    Args:
        bodies: as measured.
        unit_mm: millimetres that a unit of the file was taken for, where a file leaves it open.
        turn: (3, 3) from the file's axes to the world's, where a file leaves them open.
    """
    checks: list[Callable[[], str]] = [
        lambda: _height(bodies, unit_mm),
        lambda: _lying(bodies, turn),
        lambda: _sides(bodies),
        lambda: _lengths(bodies),
        lambda: _uneven(bodies),
    ]
    return [sentence for check in checks if (sentence := check())]


def likely_unit(height_mm: float, unit_mm: float) -> str:
    """The unit that would make a body 1.5 to 2 m tall, in words; empty where none does."""
    for name, other in _MM_PER_UNIT.items():
        height = height_mm / unit_mm * other
        if LIKELY_MM[0] <= height <= LIKELY_MM[1]:
            return f"--units {name.split()[0]} would make it {height / 1000:.2f} m"
    return ""


def _height(bodies: Bodies, unit_mm: float | None) -> str:
    low, high = ADULT_MM
    if low <= bodies.height_mm <= high:
        return ""
    sentence = f"the body is {bodies.height_mm / 1000:.2f} m tall, crown to ankle"
    better = "" if unit_mm is None else likely_unit(bodies.height_mm, unit_mm)
    return f"{sentence}; {better}" if better else sentence


def lies_along(upright: Mapping[str, float]) -> str:
    """The axis along which everybody lies who never stands, such as "y"; empty otherwise."""
    if upright["z"] > _NEVER:
        return ""
    axis, share = max(upright.items(), key=lambda entry: entry[1])
    return axis if share >= _ALWAYS else ""


def _lying(bodies: Bodies, turn: np.ndarray | None) -> str:
    axis = lies_along(bodies.upright)
    if not axis:
        return ""
    if axis == "-z":
        return "everybody stands on their head: the axis that points up points down in the file"
    sentence = f"nobody is upright, {bodies.upright[axis]:.0%} of the poses lie along {axis}"
    own = "" if turn is None else _own_axis(axis, turn)
    if not own:
        return f"{sentence}: another axis seems to point up"
    way = f"--up {own} would stand them up" if len(own) == 1 else "which no --up can say"
    return f"{sentence}: {own} of the file seems to point up, {way}"


def _own_axis(axis: str, turn: np.ndarray) -> str:
    """The file's own axis that became a world axis."""
    row = turn["xyz".index(axis[-1])] * (-1.0 if axis[0] == "-" else 1.0)
    column = int(np.abs(row).argmax())
    return f"{'-' if row[column] < 0 else ''}{'xyz'[column]}"


def _sides(bodies: Bodies) -> str:
    knees = bodies.knees
    if knees.bent < LEAST_BENT or knees.forward > WRONG_WAY:
        return ""
    return (
        f"{1 - knees.forward:.0%} of the bent knees bend backward: left and right seem to be "
        "swapped, or the axes mirrored; swap_sides: true swaps them"
    )


def _lengths(bodies: Bodies) -> str:
    worst = max(bodies.spread, key=lambda name: bodies.spread[name])
    if bodies.spread[worst] <= _MOST_SPREAD:
        return ""
    return f"the bone to {worst} changes its length by {bodies.spread[worst]:.0%} within a clip"


def _uneven(bodies: Bodies) -> str:
    for name, length in bodies.lengths_mm.items():
        other = bodies.lengths_mm.get(f"L{name[1:]}", length) if name[0] == "R" else length
        if abs(length - other) > _MOST_UNEVEN * max(length, other):
            return f"the bones to {name} and L{name[1:]} are {length:.0f} and {other:.0f} mm long"
    return ""


def refuse_other_order(poses: PoseSet, where: str) -> None:
    """Joints of files that do not name them are in the order of the 17.

    Raises:
        BadInput: of three limb bones or more, those of both sides are of quite other lengths.
    """
    some = poses.poses[:: max(1, len(poses) // _LOOKED_AT)]
    lengths = measure(some, np.zeros(len(some), np.int64)).lengths_mm
    pairs = [(f"R{name}", f"L{name}") for name in _PAIRED]
    uneven = [
        f"{right} {lengths[right]:.0f} and {left} {lengths[left]:.0f}"
        for right, left in pairs
        if abs(lengths[right] - lengths[left]) > _NO_BODY * max(lengths[right], lengths[left])
    ]
    if len(uneven) >= _LEAST_UNEVEN:
        raise BadInput(
            f"{where}: joints should be in the order Hip, RHip, RKnee, RFoot, LHip, ..., these "
            f"cannot be: the bones to {', '.join(uneven[:2])} mm are no body's; "
            "docs/your-own-data.md has the order"
        )


_PAIRED = ("Hip", "Knee", "Foot", "Shoulder", "Elbow", "Wrist")
_NO_BODY, _LEAST_UNEVEN, _LOOKED_AT = 0.35, 3, 2000


def refuse_lying(poses: PoseSet, where: str) -> None:
    """Poses of which nobody ever stands have another axis up.

    Raises:
        BadInput: all lie along one axis.
    """
    shares = pointing(poses.poses)
    axis = lies_along(shares)
    if axis:
        raise BadInput(
            f"{where}: nobody is upright, {shares[axis]:.0%} of the poses lie along {axis}, which "
            f"seems to point up; {_mended(axis)}, or lying: true says that they are meant to lie"
        )


def _mended(axis: str) -> str:
    """How to turn coordinates so that an axis becomes z, without mirroring."""
    turned = {
        "x": "(y, z, x)", "-x": "(y, -z, -x)", "y": "(x, -z, y)", "-y": "(x, z, -y)",
        "-z": "(x, -y, -z)",
    }  # fmt: skip
    return f"write (x, y, z) as {turned[axis]}"
