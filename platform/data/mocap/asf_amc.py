"""Acclaim motion: a skeleton (ASF) and the angles of its bones, frame by frame (AMC).

A bone is a vector in the skeleton's rest pose. Its axis C turns its own axes; with the motion M of
its degrees of freedom, its turn in the world is that of its parent times C M C^-1, and the joint
of its name is its end. Rotations about several axes are applied in the order in which they are
listed: "XYZ" is x first. The three numbers of an axis are about x, y and z, whatever the order.
"root" is the joint where all begins.

Units: the CMU database's files, and others of the same laboratory software, declare
`length 0.45`, with which a unit is 1 / 0.45 inch, 56.44 mm. What another factor means is not
agreed on, so that such a file counts as one that does not declare its unit. The up axis (y in the
CMU database) and the frame rate (120 a second there, 60 in some clips) are not declared.

Clip 02_01 against the pose table in Human3.6M's order (see `joint_maps`): the table holds every
third frame of 120 a second, its column `frame` counts from the clip's start (AMC frame 1 is 0),
and nothing is shifted or put on the ground. Hips and legs are the same. In the table the bones
Hip-Spine, Spine-Thorax, Thorax-Neck and Neck-Head have one length for all clips of the subject,
with the direction that the file gives them, while in the file they change a little from frame to
frame, since those joints are no neighbours there (Hip-Spine: 219 to 221 mm, in the table 215.8).
What hangs on the trunk so stands 4 to 6 mm elsewhere; with the table's four lengths it is within
0.01 mm. This module leaves the lengths as they were recorded.
"""

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.mocap.motion import Motion, numbers, read_lines, turns
from evoskeleton.safe_npy import printable

MM_PER_UNIT_AT_0_45 = 25.4 / 0.45
ROOT = "root"

_ROTATIONS = ("rx", "ry", "rz")
_TRANSLATIONS = ("tx", "ty", "tz")
_CMU_CLIP = re.compile(r"(\d+)_\d+")

Line = tuple[int, list[str]]
"""A line's number in its file, from 1, and its words."""

LooseBone = tuple[np.ndarray, np.ndarray, tuple[str, ...]]
"""Vector, axis and degrees of freedom of a bone whose parent is not yet known."""


@dataclass(frozen=True)
class Bone:
    """One bone of the rest pose.

    Attributes:
        name: of the bone and of the joint at its end.
        parent: name of the bone it hangs on, or "root".
        vector: (3,) from its start to its end, file units and axes.
        axis: (3, 3) rotation C.
        dof: rotations about its own axes, in the order of the AMC's values.
    """

    name: str
    parent: str
    vector: np.ndarray
    axis: np.ndarray
    dof: tuple[str, ...]


@dataclass(frozen=True)
class Skeleton:
    """What an ASF says; bones are listed after those they hang on.

    Attributes:
        source: the file.
        unit_mm: millimetres in a file unit, or None.
        in_degrees: whether angles are, in this file, and in an AMC that does not say.
        root_order: what the root's values in an AMC are.
        bones: by name.
    """

    source: Path
    unit_mm: float | None
    in_degrees: bool
    root_order: tuple[str, ...]
    bones: dict[str, Bone]

    def channels(self) -> dict[str, tuple[str, ...]]:
        """What an AMC gives for the root and for each bone that moves."""
        moving = {name: bone.dof for name, bone in self.bones.items() if bone.dof}
        return {ROOT: self.root_order, **moving}


def read_amc(path: Path, asf: Path | None = None) -> Motion:
    """The ends of all bones in all frames.

    Args:
        path: an AMC file.
        asf: its skeleton; None for the one beside it, see `find_asf`.

    Raises:
        BadInput: a file cannot be read, or the two do not fit; the sentence names the line.
    """
    skeleton = read_asf(find_asf(path) if asf is None else asf)
    in_degrees, first, values = _read_frames(path, skeleton)
    joints = (ROOT, *skeleton.bones)
    return Motion(
        source=path,
        joints=joints,
        positions=_joint_positions(skeleton, values, in_degrees),
        unit_mm=skeleton.unit_mm,
        first_frame=first,
        parents=(-1, *(joints.index(bone.parent) for bone in skeleton.bones.values())),
        at_ends=True,
    )


def find_asf(amc: Path) -> Path:
    """The skeleton of an AMC in its folder: `02.asf` for `02_01.amc`, or the only one there.

    Raises:
        BadInput: none fits, or several.
    """
    if not amc.exists():
        raise BadInput(f"{amc}: there is no such file")
    there = sorted(file for file in amc.parent.iterdir() if file.suffix.lower() == ".asf")
    named = [
        file for file in there if amc.stem == file.stem or amc.stem.startswith(f"{file.stem}_")
    ]
    fitting = named or [file for file in there if not _of_another_subject(amc, file)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise BadInput(f"{amc}: its skeleton is not in the folder, name it with the setting asf")
    names = ", ".join(file.name for file in fitting)
    raise BadInput(
        f"{amc}: several skeletons in the folder could be its own ({names}), "
        "name one with the setting asf"
    )


def _of_another_subject(amc: Path, asf: Path) -> bool:
    clip = _CMU_CLIP.fullmatch(amc.stem)
    return clip is not None and asf.stem.isdigit() and int(asf.stem) != int(clip[1])


# The skeleton


def read_asf(path: Path) -> Skeleton:
    """A skeleton.

    Raises:
        BadInput: the file cannot be read, or is no whole skeleton; the sentence names the line.
    """
    sections = _sections(path)
    units = _units(path, sections["units"])
    degrees = units.get("angle", "") == "deg"
    if units.get("angle") not in ("deg", "rad"):
        got = printable(units.get("angle", "nothing"))
        raise BadInput(f"{path}: units should say angle deg or angle rad, got {got}")
    loose: dict[str, LooseBone] = {}
    for block in _blocks(path, sections["bonedata"]):
        name, bone = _bone(path, block, degrees)
        if name in loose or name == ROOT:
            raise BadInput(f"{path}, line {block[0][0]}: a second bone is named {printable(name)}")
        loose[name] = bone
    parents = _parents(path, sections["hierarchy"], loose)
    bones = {name: Bone(name, parents[name], *loose[name]) for name in parents}
    return Skeleton(path, _unit_mm(path, units), degrees, _root_order(path, sections), bones)


def _sections(path: Path) -> dict[str, list[Line]]:
    """The lines of each section, the one of its name first, without comments."""
    sections: dict[str, list[Line]] = {}
    for number, line in enumerate(read_lines(path, "an Acclaim skeleton"), start=1):
        words = line.split("#")[0].split()
        if words and words[0].startswith(":"):
            keyword = words[0][1:].lower()
            if keyword in sections:
                raise BadInput(f"{path}, line {number}: there is a second section {words[0]}")
            sections[keyword] = [(number, words[1:])]
        elif words and not sections:
            raise BadInput(
                f"{path}, line {number}: an Acclaim skeleton should begin with a section such as "
                f":version, got {printable(line)}"
            )
        elif words:
            list(sections.values())[-1].append((number, words))
    for wanted in ("units", "root", "bonedata", "hierarchy"):
        if wanted not in sections:
            raise BadInput(f"{path} should have a section :{wanted}, and ends without one")
    return sections


def _units(path: Path, lines: Sequence[Line]) -> dict[str, str]:
    return {words[0].lower(): words[1].lower() for _, words in lines if len(words) == 2}


def _unit_mm(path: Path, units: dict[str, str]) -> float | None:
    [factor] = numbers([units.get("length", "1")], f"{path}, length of the section units")
    return MM_PER_UNIT_AT_0_45 if math.isclose(factor, 0.45) else None


def _root_order(path: Path, sections: dict[str, list[Line]]) -> tuple[str, ...]:
    entries = {words[0].lower(): (number, words[1:]) for number, words in sections["root"] if words}
    number, order = entries.get("order", (sections["root"][0][0], []))
    channels = tuple(word.lower() for word in order)
    if sorted(channels) != sorted(_TRANSLATIONS + _ROTATIONS):
        got = printable(" ".join(order)) or "nothing"
        raise BadInput(
            f"{path}, line {number}: order of the root should list TX TY TZ RX RY RZ, got {got}"
        )
    for name in ("position", "orientation"):
        number, words = entries.get(name, (0, ["0", "0", "0"]))
        if any(numbers(words, f"{path}, line {number}")):
            raise BadInput(
                f"{path}, line {number}: {name} of the root should be 0 0 0, "
                f"got {printable(' '.join(words))}"
            )
    return channels


def _blocks(path: Path, lines: Sequence[Line]) -> Iterator[list[Line]]:
    """What stands between each begin and its end."""
    block: list[Line] | None = None
    for number, words in lines[1:]:
        word = words[0].lower()
        if (word == "begin") != (block is None):
            wanted = "begin" if block is None else "end"
            raise BadInput(
                f"{path}, line {number}: {wanted} should be here, got {printable(words[0])}"
            )
        if block is None:
            block = []
        elif word == "end":
            yield block
            block = None
        else:
            block.append((number, words))
    if block is not None:
        raise BadInput(f"{path}, line {lines[-1][0]}: an end should follow")


def _bone(path: Path, block: Sequence[Line], degrees: bool) -> tuple[str, LooseBone]:
    """Name, and the rest, of one bone."""
    entries = {words[0].lower(): (number, words[1:]) for number, words in block}
    for wanted in ("name", "direction", "length", "axis"):
        if len(entries.get(wanted, (0, []))[1]) == 0:
            line = block[0][0] if block else "?"
            raise BadInput(f"{path}, line {line}: the bone that begins here should have a {wanted}")
    vector = _vector(path, entries["direction"], entries["length"])
    number, words = entries.get("dof", (0, []))
    dof = tuple(word.lower() for word in words)
    if not set(dof) <= set(_ROTATIONS) or len(set(dof)) < len(dof):
        got = printable(" ".join(words))
        raise BadInput(f"{path}, line {number}: dof should be among rx ry rz, got {got}")
    return entries["name"][1][0], (vector, _axis(path, entries["axis"], degrees), dof)


def _vector(path: Path, direction: Line, length: Line) -> np.ndarray:
    """(3,) file units; directions are rounded in files, so that they are normalised first."""
    way = np.array(_exactly(path, direction, 3))
    [far] = _exactly(path, length, 1)
    norm = np.linalg.norm(way)
    if far and not norm:
        raise BadInput(f"{path}, line {direction[0]}: a direction should not be 0 0 0")
    return far * way / norm if far else np.zeros(3)


def _axis(path: Path, line: Line, degrees: bool) -> np.ndarray:
    """(3, 3) rotation of three angles and the order of their axes, such as XYZ."""
    number, words = line
    order = words[-1].lower()
    if sorted(order) != ["x", "y", "z"]:
        got = printable(words[-1])
        raise BadInput(f"{path}, line {number}: an axis should end in an order as XYZ, got {got}")
    angles = dict(zip("xyz", _exactly(path, (number, words[:-1]), 3), strict=True))
    radians = _radians([[angles[axis] for axis in order[::-1]]], degrees)
    turn: np.ndarray = turns(order[::-1], radians)[0]
    return turn


def _radians(angles: object, degrees: bool) -> np.ndarray:
    values = np.asarray(angles, dtype=np.float64)
    return np.deg2rad(values) if degrees else values


def _exactly(path: Path, line: Line, count: int) -> list[float]:
    number, words = line
    if len(words) != count:
        got = printable(" ".join(words)) or "nothing"
        wanted = "a number" if count == 1 else f"{count} numbers"
        raise BadInput(f"{path}, line {number}: {wanted} should be here, got {got}")
    return numbers(words, f"{path}, line {number}")


def _parents(path: Path, lines: Sequence[Line], bones: Collection[str]) -> dict[str, str]:
    """The bone that each bone hangs on, those nearer the root first."""
    children: dict[str, list[str]] = {}
    parents: dict[str, str] = {}
    for number, words in (line for block in _blocks(path, lines) for line in block):
        for name in words:
            if name != ROOT and name not in bones:
                raise BadInput(
                    f"{path}, line {number}: there is no bone {printable(name)} in its bonedata"
                )
        for child in words[1:]:
            if child in parents or child == ROOT:
                raise BadInput(f"{path}, line {number}: {child} hangs on two bones")
            parents[child] = words[0]
        children.setdefault(words[0], []).extend(words[1:])
    reached = [ROOT]
    for name in reached:
        reached.extend(children.get(name, []))
    _refuse_unreached(path, set(bones) - set(reached), parents)
    return {name: parents[name] for name in reached[1:]}


def _refuse_unreached(path: Path, unreached: set[str], parents: dict[str, str]) -> None:
    dangling = sorted(name for name in unreached if name not in parents)
    if dangling:
        raise BadInput(f"{path}: the bone {dangling[0]} hangs on nothing in the hierarchy")
    if unreached:
        chain = [min(unreached)]
        while parents[chain[-1]] not in chain:
            chain.append(parents[chain[-1]])
        cycle = chain[chain.index(parents[chain[-1]]) :]
        raise BadInput(f"{path}: the hierarchy goes in a circle through {', '.join(cycle)}")


# The frames


def _read_frames(path: Path, skeleton: Skeleton) -> tuple[bool, int, dict[str, np.ndarray]]:
    """Whether in degrees, the first frame's number, and (frames, values) by root or bone."""
    channels = skeleton.channels()
    in_degrees, first = skeleton.in_degrees, -1
    rows: dict[str, list[list[float]]] = {name: [] for name in channels}
    frames = 0
    for number, line in enumerate(read_lines(path, "Acclaim motion"), start=1):
        words = line.split("#")[0].split()
        if not words:
            continue
        where = f"{path}, line {number}"
        if words[0].startswith(":"):
            in_degrees = {":degrees": True, ":radians": False}.get(words[0].lower(), in_degrees)
        elif len(words) == 1 and words[0].isdecimal():
            _refuse_incomplete(path, skeleton, rows, first, frames)
            first = int(words[0]) if frames == 0 else first
            if int(words[0]) != first + frames:
                raise BadInput(
                    f"{where}: frame {first + frames} should be here, got {printable(words[0])}"
                )
            frames += 1
        elif frames == 0:
            raise BadInput(f"{where}: a frame's number should be here, got {printable(line)}")
        else:
            _add(rows, words, channels, frames, f"{where}, frame {first + frames - 1}", skeleton)
    if frames == 0:
        raise BadInput(f"{path} holds no frames")
    _refuse_incomplete(path, skeleton, rows, first, frames)
    return in_degrees, first, {name: np.array(values) for name, values in rows.items()}


def _add(
    rows: dict[str, list[list[float]]],
    words: Sequence[str],
    channels: dict[str, tuple[str, ...]],
    frames: int,
    where: str,
    skeleton: Skeleton,
) -> None:
    """Take one bone's line into its rows."""
    name = words[0]
    wanted = channels.get(name)
    if wanted is None:
        still = "no degrees of freedom" if name in skeleton.bones else "no such bone"
        raise BadInput(f"{where}: {skeleton.source} has {still}: {printable(name)}")
    if len(words) - 1 != len(wanted):
        raise BadInput(
            f"{where}: {name} should have {len(wanted)} values ({' '.join(wanted)} "
            f"in {skeleton.source}), got {len(words) - 1}"
        )
    if len(rows[name]) == frames:
        raise BadInput(f"{where}: {name} is there twice")
    rows[name].append(numbers(words[1:], where))


def _refuse_incomplete(
    path: Path, skeleton: Skeleton, rows: dict[str, list[list[float]]], first: int, frames: int
) -> None:
    for name, values in rows.items():
        if len(values) < frames:
            raise BadInput(
                f"{path}, frame {first + frames - 1}: {name} of {skeleton.source} is missing"
            )


def _joint_positions(
    skeleton: Skeleton, values: dict[str, np.ndarray], in_degrees: bool
) -> np.ndarray:
    """Forward kinematics: (frames, joints, 3) of the root and the ends of the bones."""
    order = skeleton.root_order
    place = {ROOT: values[ROOT][:, [order.index(name) for name in _TRANSLATIONS]]}
    spins = [at for at, name in enumerate(order) if name in _ROTATIONS]
    turn = {ROOT: _motion([order[at] for at in spins], values[ROOT][:, spins], in_degrees)}
    for name, bone in skeleton.bones.items():
        turn[name] = turn[bone.parent]
        if bone.dof:
            own = _motion(bone.dof, values[name], in_degrees)
            turn[name] = turn[name] @ (bone.axis @ own @ bone.axis.T)
        place[name] = place[bone.parent] + turn[name] @ bone.vector
    return np.stack(list(place.values()), axis=1)


def _motion(dof: Sequence[str], values: np.ndarray, in_degrees: bool) -> np.ndarray:
    """(frames, 3, 3): the first of the listed rotations is applied first."""
    axes = "".join(name[1] for name in reversed(dof))
    return turns(axes, _radians(values[:, ::-1], in_degrees))
