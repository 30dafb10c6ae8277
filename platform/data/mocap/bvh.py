"""Biovision hierarchy (BVH): a tree of offsets, and the channels of its joints frame by frame.

A joint turns what hangs on it by the product of its rotation channels, the first one listed
outermost; any order and number of channels is read. A position channel stands for the whole of
that coordinate, and the OFFSET is not added to it: most programs write it so, and for the root,
whose OFFSET is mostly zero, the two ways differ by where the body stands only, of which a note
tells. Angles are degrees, and the frame time is declared; units and up axis are not.

An End Site is a joint of its own here, "<joint> End". Frames count from 0.

The common conversion of the CMU database has faults that are known, see `cmu_bvh`: with the ASF
of its subject, clip 02_01 agrees with its AMC within 0.1 mm, BVH frame 1 being AMC frame 1; how
that agrees with the pose table stands in `asf_amc`.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.mocap.asf_amc import Skeleton, read_asf
from evoskeleton.platform.data.mocap.cmu_bvh import is_conversion, is_t_pose, restore_bones
from evoskeleton.platform.data.mocap.motion import Motion, numbers, read_text, turns
from evoskeleton.safe_npy import printable

_CHANNEL = re.compile(r"([xyz])(position|rotation)", re.IGNORECASE)
_MOTION = re.compile(r"^[^\S\n]*MOTION[^\S\n]*$", re.IGNORECASE | re.MULTILINE)
_KEYWORDS = ("ROOT", "JOINT", "END", "OFFSET", "CHANNELS", "{", "}")

_AT_ONCE = 2048
"""Frames whose turns are in memory at once."""

_SURPLUS = "a row more than the {count:g} frames that the header says is left out"

Line = tuple[int, list[str]]
"""A line's number in its file, from 1, and its words."""


@dataclass(frozen=True)
class Node:
    """A joint of the tree.

    Attributes:
        name: "<parent> End" for an End Site.
        parent: place in the list of all nodes, -1 for the root.
        offset: (3,) from its parent, file units; None until it was read.
        channels: (axis, "position" or "rotation") in the file's order; None until they were read.
    """

    name: str
    parent: int
    offset: np.ndarray | None = None
    channels: tuple[tuple[str, str], ...] | None = None

    @property
    def place(self) -> np.ndarray:
        """(3,) the offset, once the tree is whole."""
        assert self.offset is not None, "checked where the joint was closed"
        return self.offset


def read_bvh(path: Path, skeleton: Path | None = None) -> Motion:
    """All joints and End Sites in all frames.

    Args:
        path: a BVH file.
        skeleton: ASF of the subject, for the common conversion of the CMU database; it declares
            the unit, too.

    Raises:
        BadInput: a file cannot be read, is not whole, or the two do not fit; the sentence names
            the line.
    """
    body = None if skeleton is None else read_asf(skeleton)
    text = read_text(path, "a BVH motion")
    start = _MOTION.search(text)
    nodes, last = _read_tree(path, text[: start.end() if start else len(text)].split("\n"))
    assert start is not None, "a tree ends where the motion begins"
    channels = sum(len(node.channels or ()) for node in nodes)
    frame_time, values, surplus = _read_motion(path, text, start.end(), last, channels)
    del text  # as large as the file
    nodes, first, notes = _put_right(path, nodes, values, body)
    return Motion(
        source=path,
        joints=tuple(node.name for node in nodes),
        positions=joint_positions(nodes, values[first:]),
        frame_rate=1.0 / frame_time,
        unit_mm=None if body is None else body.unit_mm,
        first_frame=first,
        notes=tuple(surplus + notes + _root_note(nodes)),
        parents=tuple(node.parent for node in nodes),
    )


def _root_note(nodes: Sequence[Node]) -> list[str]:
    root = nodes[0]
    moved = {axis for axis, kind in root.channels or () if kind == "position"}
    if not any(root.place["xyz".index(axis)] for axis in moved):
        return []
    offset = " ".join(f"{value:g}" for value in root.place)
    return [f"the OFFSET {offset} of {root.name} is not added to its position channels"]


# The tree


def _read_tree(path: Path, lines: Sequence[str]) -> tuple[list[Node], int]:
    """All joints, parents first, and the number of the line MOTION."""
    nodes: list[Node] = []
    opened: list[int] = []
    awaits_brace = False
    content = _words(lines)
    number, words = next(content, (1, []))
    if [word.upper() for word in words] != ["HIERARCHY"]:
        raise BadInput(f"{path}, line {number}: HIERARCHY should be here, got {_shown(words)}")
    for number, words in content:
        where, word = f"{path}, line {number}", words[0].upper()
        if word == "MOTION" and nodes and not opened and not awaits_brace:
            return nodes, number
        if awaits_brace != (word == "{") or word not in _KEYWORDS:
            wanted = "{" if awaits_brace else "a joint, OFFSET, CHANNELS, } or MOTION"
            raise BadInput(f"{where}: {wanted} should be here, got {_shown(words)}")
        awaits_brace = word in ("ROOT", "JOINT", "END")
        if awaits_brace:
            nodes.append(_node(where, words, nodes, opened))
        elif word == "{":
            opened.append(len(nodes) - 1)
        elif not opened:
            raise BadInput(f"{where}: ROOT or MOTION should be here, got {_shown(words)}")
        elif word == "}":
            _refuse_no_offset(where, nodes[opened.pop()])
        else:
            nodes[opened[-1]] = _described(where, words, nodes[opened[-1]])
    raise BadInput(f"{path}, line {number}: the file ends within its hierarchy, before MOTION")


def _words(lines: Sequence[str]) -> Iterator[Line]:
    """Lines that are not empty; a brace at the end of one counts as a line of its own."""
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if len(words) > 1 and words[-1] == "{":
            yield number, words[:-1]
            yield number, ["{"]
        elif words:
            yield number, words


def _shown(words: Sequence[str]) -> str:
    return printable(" ".join(words))


def _node(where: str, words: Sequence[str], nodes: Sequence[Node], opened: Sequence[int]) -> Node:
    is_root = words[0].upper() == "ROOT"
    if is_root == bool(opened):
        wanted = "a JOINT or End Site of the one ROOT" if opened else "ROOT"
        raise BadInput(f"{where}: {wanted} should be here, got {_shown(words)}")
    if words[0].upper() == "END":
        same = f"{nodes[opened[-1]].name} End"
        taken = sum(node.name.startswith(same) for node in nodes)
        return Node(f"{same} {taken + 1}" if taken else same, opened[-1], channels=())
    name = " ".join(words[1:])
    if not name or any(node.name == name for node in nodes):
        why = f"a second joint is named {printable(name)}" if name else "a joint should have a name"
        several = name and any(node.parent < 0 for node in nodes[1:])
        lead = ", as of a second person: a file is of one person, though it may have things"
        raise BadInput(f"{where}: {why}{lead if several or is_root else ''}")
    return Node(name, opened[-1] if opened else -1)


def _described(where: str, words: Sequence[str], node: Node) -> Node:
    """The joint, with what an OFFSET or CHANNELS line says of it."""
    if words[0].upper() == "OFFSET":
        if len(words) != 4 or node.offset is not None:
            raise BadInput(f"{where}: one OFFSET of 3 numbers should be here, got {_shown(words)}")
        return replace(node, offset=np.array(numbers(words[1:], where)))
    found = [_CHANNEL.fullmatch(word) for word in words[2:]]
    channels = tuple((match[1].lower(), match[2].lower()) for match in found if match)
    if len(channels) != len(found) or words[1:2] != [str(len(found))] or node.channels is not None:
        raise BadInput(
            f"{where}: CHANNELS, their number, and as many of Xposition to Zrotation should be "
            f"here once for a joint, got {_shown(words)}"
        )
    positions = [axis for axis, kind in channels if kind == "position"]
    if len(set(positions)) < len(positions):
        raise BadInput(f"{where}: each position channel should be here once, got {_shown(words)}")
    return replace(node, channels=channels)


def _refuse_no_offset(where: str, node: Node) -> None:
    if node.offset is None:
        raise BadInput(f"{where}: {printable(node.name)} ends here without an OFFSET")


# The frames


def _read_motion(
    path: Path, text: str, after: int, last: int, channels: int
) -> tuple[float, np.ndarray, list[str]]:
    """Seconds of a frame, (frames, channels) values, and notes.

    `last` is the line MOTION, and `after` the place in the text where it ends.

    One row more than the header says is told and left out: some programs write it always.
    """
    content = list(islice(_filled(text, after, last), 2))
    count = _header(path, content, 0, r"Frames\s*:\s*(\S+)", "Frames: and their number")
    time = _header(path, content, 1, r"Frame\s*Time\s*:\s*(\S+)", "Frame Time: and seconds")
    if count < 1 or count != int(count) or time <= 0:
        raise BadInput(
            f"{path}, line {content[0][0]}: there should be a whole number of frames, and a "
            f"frame time above 0, got {count:g} and {time:g}"
        )
    if (quick := _all_numbers(text, after, int(count), channels)) is not None:
        return time, quick, []
    content = list(_filled(text, after, last))
    frames, surplus = content[2:], []
    if len(frames) == count + 1 and len(frames[-1][1].split()) == channels:
        frames, surplus = frames[:-1], [_SURPLUS.format(count=count)]
    for frame, (number, line) in enumerate(frames[: int(count)]):
        if (width := len(line.split())) != channels:
            raise BadInput(
                f"{path}, line {number}, frame {frame}: {channels} numbers should be here, one a "
                f"channel, got {width}"
            )
    if len(frames) != count:
        raise BadInput(
            f"{path}, line {content[-1][0]}: {count:g} frames should be here, as line "
            f"{content[0][0]} says, got {len(frames)}"
        )
    return time, _values(path, frames, channels), surplus


def _filled(text: str, after: int, last: int) -> Iterator[tuple[int, str]]:
    """Number and text of the lines that are not empty, from a place on; one line at a time."""
    number = last
    while (end := text.find("\n", after)) >= 0 or after < len(text):
        line = text[after : end if end >= 0 else len(text)]
        if line.strip():
            yield number, line
        if end < 0:
            return
        after, number = end + 1, number + 1


def _header(path: Path, content: Sequence[tuple[int, str]], at: int, form: str, what: str) -> float:
    if at >= len(content):
        raise BadInput(f"{path} ends before {what}")
    number, line = content[at]
    found = re.fullmatch(form, line.strip(), re.IGNORECASE)
    if found is None:
        raise BadInput(f"{path}, line {number}: {what} should be here, got {printable(line)}")
    return numbers([found[1]], f"{path}, line {number}")[0]


def _all_numbers(text: str, after: int, count: int, channels: int) -> np.ndarray | None:
    """(count, channels) float64 where all lines are as they should be; None otherwise."""
    if 2 * count * channels > len(text):
        return None
    values, row = np.empty((count, channels)), 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what is left over of a line is a warning or an error
        for _, line in islice(_filled(text, after, 0), 2, None):
            try:
                numbers_there = np.fromstring(line, np.float64, sep=" ")
            except (ValueError, DeprecationWarning):
                return None
            if row == count or len(numbers_there) != channels:
                return None
            values[row] = numbers_there
            row += 1
    return values if row == count and np.isfinite(values).all() else None


def _values(path: Path, frames: Sequence[tuple[int, str]], channels: int) -> np.ndarray:
    """(frames, channels) float64, all at once; line by line only to tell what is wrong."""
    text = " ".join(line for _, line in frames)
    try:
        values = np.array(text.split(), dtype=np.float64)
        whole = bool(np.isfinite(values).all()) and "_" not in text
    except ValueError:
        whole = False
    if not whole:
        for frame, (number, line) in enumerate(frames):
            numbers(line.split(), f"{path}, line {number}, frame {frame}")
    return values.reshape(len(frames), channels)


# Forward kinematics


def joint_positions(nodes: Sequence[Node], values: np.ndarray) -> np.ndarray:
    """(frames, joints, 3) file units, of (frames, channels) values in the order of the joints."""
    positions = np.empty((len(values), len(nodes), 3))
    for start in range(0, len(values), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        positions[part] = _positions(nodes, values[part])
    return positions


def _positions(nodes: Sequence[Node], values: np.ndarray) -> np.ndarray:
    place: list[np.ndarray] = []
    turn: list[np.ndarray] = []
    for node, own in zip(nodes, _by_node(nodes, values), strict=True):
        offset = _offsets(node, own)
        axes, angles = _rotations(node, own)
        spin = turns(axes, np.deg2rad(angles))
        if node.parent < 0:
            place.append(offset)
            turn.append(spin)
        else:
            carried = (turn[node.parent] @ offset[:, :, None])[:, :, 0]
            place.append(place[node.parent] + carried)
            turn.append(turn[node.parent] @ spin if axes else turn[node.parent])
    return np.stack(place, axis=1)


def _by_node(nodes: Sequence[Node], values: np.ndarray) -> list[np.ndarray]:
    """(frames, own channels) of each joint."""
    widths = [len(node.channels or ()) for node in nodes]
    return np.split(values, np.cumsum(widths)[:-1], axis=1)


def _offsets(node: Node, values: np.ndarray) -> np.ndarray:
    """(frames, 3) from the parent, in its axes."""
    offsets = np.tile(node.place, (len(values), 1))
    for column, (axis, kind) in enumerate(node.channels or ()):
        if kind == "position":
            offsets[:, "xyz".index(axis)] = values[:, column]
    return offsets


def _rotations(node: Node, values: np.ndarray) -> tuple[str, np.ndarray]:
    """Axes of the rotation channels, and their (frames, axes) degrees."""
    columns = [at for at, (_, kind) in enumerate(node.channels or ()) if kind == "rotation"]
    return "".join((node.channels or ())[at][0] for at in columns), values[:, columns]


# The common conversion of the CMU database


def _put_right(
    path: Path, nodes: list[Node], values: np.ndarray, skeleton: Skeleton | None
) -> tuple[list[Node], int, list[str]]:
    """The tree with all its bones, the first frame that was recorded, and notes."""
    if not is_conversion([node.name for node in nodes]):
        if skeleton is not None:
            raise BadInput(
                f"{path}: a skeleton is for the common conversion of the CMU database, "
                "whose joints this file has not"
            )
        return nodes, 0, []
    restored, notes = restore_bones({n.name: n.place for n in nodes}, skeleton, path)
    nodes = [replace(node, offset=restored.get(node.name, node.place)) for node in nodes]
    if not is_t_pose(_first_rotations(nodes, values)):
        return nodes, 0, notes
    if len(values) == 1:
        raise BadInput(f"{path} holds no motion: its only frame is the T-pose of the conversion")
    return nodes, 1, [*notes, "the first frame, an artificial T-pose, is left out"]


def _first_rotations(nodes: Sequence[Node], values: np.ndarray) -> dict[str, np.ndarray]:
    """Degrees in the first frame, by joint."""
    split = _by_node(nodes, values[:1])
    return {node.name: _rotations(node, own)[1][0] for node, own in zip(nodes, split, strict=True)}
