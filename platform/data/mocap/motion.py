"""A recorded motion as its file has it, and its way to Human3.6M's 17 joints.

The ground that readers of motion-capture text files share: rotations are (frames, 3, 3) matrices
that turn column vectors, angles are radians, positions (frames, joints, 3) float64 in the file's
own unit and axes. What leaves `to_h36m` is world millimetres, z up.
"""

import codecs
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.mocap.joint_maps import OwnPlace, find_joint_map
from evoskeleton.platform.data.mocap.places import JointMap, Place
from evoskeleton.platform.data.mocap.rigs import Rig
from evoskeleton.safe_npy import printable
from evoskeleton.shapes import expect_shape

MM_PER_UNIT = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "inch": 25.4}

UPRIGHT: Mapping[str, np.ndarray] = {
    "x": np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
    "y": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]),
    "z": np.eye(3),
}
"""The rotation that brings the file's up axis to z; none of them mirrors."""

_SAME_UNIT = 1e-3

FAR_MM = 1e6
"""Beyond a kilometre, float32 rounds coordinates by more than a twentieth of a millimetre."""

SAME_RATE = 0.01
"""Frame rates that differ by this share, or less, are the same."""


@dataclass(frozen=True)
class Motion:
    """Joint positions of one clip.

    Attributes:
        source: the file, for messages.
        joints: names as the file has them.
        positions: (frames, joints, 3) float64, file units, file axes.
        frame_rate: frames a second, or None where the format does not declare it.
        unit_mm: millimetres in a file unit, or None where the format does not declare it.
        up: "x", "y" or "z", or None where the format does not declare it.
        first_frame: the file's own number of the first row of `positions`.
        notes: sentences about what was changed or made up while reading.
        parents: place of each joint's parent, -1 for a root; None where the format has no tree.
        places: of joints among the 17 that the reader knows.
        gaps: whether joints may be NaN where they were not seen.
        person: what the file calls who it is, where it holds several; empty otherwise.
        subject, clip: names of them that the file tells better than its own name; empty otherwise.
        at_ends: whether joints are the ends of the bones of that name, as in ASF files.
        rarely: joints that were seen in too few of the frames to be made use of.
    """

    source: Path
    joints: tuple[str, ...]
    positions: np.ndarray
    frame_rate: float | None = None
    unit_mm: float | None = None
    up: str | None = None
    first_frame: int = 0
    notes: tuple[str, ...] = ()
    parents: tuple[int, ...] | None = None
    places: Mapping[str, Place] = field(default_factory=dict)
    gaps: bool = False
    person: str = ""
    subject: str = ""
    clip: str = ""
    at_ends: bool = False
    rarely: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        expect_shape("positions", self.positions, ("frames", len(self.joints), 3))


def _joint_map(motion: Motion, rig: Rig, joints: Mapping[str, OwnPlace] | None) -> JointMap:
    try:
        return find_joint_map(rig, joints, str(motion.source), motion.places)
    except BadInput as error:
        if not motion.rarely:
            raise
        listed = printable(", ".join(motion.rarely))
        raise BadInput(f"{error}; seen in less than half of the frames: {listed}") from None


def to_h36m(
    motion: Motion,
    units: str | float | None = None,
    up: str | None = None,
    joints: Mapping[str, OwnPlace] | None = None,
) -> tuple[np.ndarray, list[str]]:
    """Bring a motion to the joints, unit and axes that are used everywhere here.

    Args:
        motion: as read.
        units: "mm", "cm", "m", "inch" or the millimetres in a file unit; None: as declared.
        up: "x", "y" or "z"; None: as declared.
        joints: the user's own names; see `joint_maps.find_joint_map`.

    Returns:
        (frames, 17, 3) float32 world mm, z up, NaN where a motion with gaps does not know them;
        and sentences about what is approximated.

    Raises:
        BadInput: unit or up axis is neither declared nor given, or is given otherwise than
            declared; a joint is not found; a coordinate is not finite.
    """
    scale, turn = unit_mm(motion, units), UPRIGHT[up_axis(motion, up)]
    rig = Rig(motion.joints, motion.parents, motion.positions, motion.at_ends)
    chosen = _joint_map(motion, rig, joints)
    with np.errstate(over="ignore", invalid="ignore"):
        placed = _placed(chosen.weights(motion.joints), motion)
        exact, moved = nearer_the_origin(scale * placed @ turn.T)
        poses = exact.astype(np.float32)
    if not motion.gaps:
        _refuse_infinite(motion, poses)
    return poses, [*motion.notes, *chosen.approximations(), *moved]


def _placed(weights: np.ndarray, motion: Motion) -> np.ndarray:
    """(frames, 17, 3) of (17, joints) weights; a joint is NaN where one that it needs is."""
    if not motion.gaps:
        mixed: np.ndarray = weights @ motion.positions
        return mixed
    known = np.isfinite(motion.positions).all(axis=2)
    placed: np.ndarray = weights @ np.where(known[..., None], motion.positions, 0.0)
    placed[(~known) @ (weights != 0.0).T] = np.nan
    return placed


def nearer_the_origin(poses: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Poses (n, 17, 3) float64 mm of a clip without an offset that float32 cannot hold, and a note.

    Along an axis on which a clip lies more than a kilometre from the origin, the place of its
    first hip, to the metre, is taken off.
    """
    known = np.flatnonzero(np.isfinite(poses[:, 0]).all(axis=1))
    first = poses[known[0], 0] if len(known) else np.zeros(3)
    offset = np.where(np.abs(first) > FAR_MM, np.round(first, -3), 0.0)
    if not np.isfinite(offset).all() or not offset.any():
        return poses, []
    shown = ", ".join(f"{metres:.0f}" for metres in offset / 1000.0)
    return poses - offset, [f"the offset of the clip from the origin, ({shown}) m, is taken off"]


def unit_mm(motion: Motion, units: str | float | None) -> float:
    """Millimetres in a unit of the file, as declared or as given.

    Raises:
        BadInput: it is neither, or they contradict each other.
    """
    wanted = f"{', '.join(MM_PER_UNIT)}, or the millimetres in a unit of the file"
    if units is None:
        if motion.unit_mm is None:
            raise BadInput(
                f"{motion.source} does not declare its unit: name it with --units ({wanted})"
            )
        return motion.unit_mm
    try:
        given = MM_PER_UNIT.get(str(units)) or float(units)
    except (TypeError, ValueError):
        given = math.nan
    if not 0 < given < math.inf:
        raise BadInput(f"--units should be {wanted}, got {printable(str(units))}")
    if motion.unit_mm is not None and not math.isclose(given, motion.unit_mm, rel_tol=_SAME_UNIT):
        raise BadInput(
            f"{motion.source} declares units of {motion.unit_mm:.6g} mm, "
            f"got --units {units}: leave it out"
        )
    return given if motion.unit_mm is None else motion.unit_mm


def up_axis(motion: Motion, up: str | None) -> str:
    """The file's axis that points up, as declared or as given.

    Raises:
        BadInput: it is neither, or they contradict each other.
    """
    wanted = ", ".join(UPRIGHT)
    if up is None and motion.up is None:
        raise BadInput(
            f"{motion.source} does not declare which axis is up: name it with --up ({wanted})"
        )
    if up is not None and up not in UPRIGHT:
        raise BadInput(f"--up should be one of {wanted}, got {printable(str(up))}")
    if up is not None and motion.up is not None and up != motion.up:
        raise BadInput(f"{motion.source} declares {motion.up} up, got --up {up}: leave it out")
    return up or motion.up or ""


def _refuse_infinite(motion: Motion, poses: np.ndarray) -> None:
    bad = np.argwhere(~np.isfinite(poses))
    if len(bad):
        frame, joint, axis = bad[0]
        raise BadInput(
            f"{motion.source}, frame {motion.first_frame + frame}: joint {JOINT_NAMES[joint]} "
            f"should be finite, got {poses[frame, joint, axis]}"
        )


# What the readers share


def read_lines(path: Path, kind: str) -> list[str]:
    """The lines of a text file, see `read_text`."""
    return read_text(path, kind).split("\n")


def read_text(path: Path, kind: str) -> str:
    """A text file with plain ends of lines; `kind` says what should be in it.

    Raises:
        BadInput: the file is missing, cannot be read, is empty or is not text.
    """
    if not path.exists():
        raise BadInput(f"{path}: there is no such file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    if not content.strip():
        raise BadInput(f"{path} should hold {kind}, but is empty")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = content.decode("utf-16", "replace").encode()
    if b"\0" in content:
        raise BadInput(f"{path} should hold {kind}, which is text, but is binary")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # names in an older encoding; the numbers are the same
    del content  # files are large
    return text.replace("\r\n", "\n").replace("\r", "\n")


def numbers(words: Sequence[str], where: str) -> list[float]:
    """The finite numbers that words are.

    Raises:
        BadInput: one of them is no number, or is not finite.
    """
    try:
        values = [float(word) for word in words]
        whole = all(map(math.isfinite, values)) and "_" not in "".join(words)
    except ValueError:
        whole = False
    return values if whole else [_number(word, where) for word in words]


def _number(word: str, where: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in word:
        raise BadInput(f"{where}: a finite number should be here, got {printable(word)}")
    return value


def turns(axes: str, angles: np.ndarray) -> np.ndarray:
    """Products of rotations about coordinate axes, the first one outermost.

    Args:
        axes: letters of "xyz", one a factor.
        angles: (frames, factors) radians.

    Returns:
        (frames, 3, 3): "zx" is the rotation about z times the one about x.
    """
    product = np.tile(np.eye(3), (len(angles), 1, 1))
    for axis, angle in zip(axes, angles.T, strict=True):
        fixed = "xyz".index(axis)
        first, second = (fixed + 1) % 3, (fixed + 2) % 3
        cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
        before, after = product[:, :, first].copy(), product[:, :, second].copy()
        product[:, :, first] = cosine * before + sine * after
        product[:, :, second] = cosine * after - sine * before
    return product
