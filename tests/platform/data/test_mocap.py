"""BVH and ASF/AMC: kinematics against a scalar twin, the CMU conversion, joints, refusals."""

import math
from pathlib import Path

import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES, Joint
from evoskeleton.platform.data.mocap.asf_amc import (
    MM_PER_UNIT_AT_0_45,
    find_asf,
    read_amc,
    read_asf,
)
from evoskeleton.platform.data.mocap.bvh import read_bvh
from evoskeleton.platform.data.mocap.joint_maps import find_joint_map
from evoskeleton.platform.data.mocap.motion import UPRIGHT, Motion, to_h36m
from evoskeleton.platform.data.mocap.naming import Naming, namings
from evoskeleton.platform.data.mocap.rigs import Rig
from evoskeleton.platform.data.poses import check_poses, single_clip
from evoskeleton.platform.data.sources.load import load, settings_from_text

FRAMES = 4

# Scalar twins, written from the definitions: one frame, one vector, one axis at a time


def turned(axis: str, degrees: float, vector: list[float]) -> list[float]:
    """A vector after a right-handed turn about a coordinate axis."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y, z = vector
    return {
        "x": [x, c * y - s * z, s * y + c * z],
        "y": [c * x + s * z, y, c * z - s * x],
        "z": [c * x - s * y, s * x + c * y, z],
    }[axis]


def added(a: list[float], b: list[float]) -> list[float]:
    return [p + q for p, q in zip(a, b, strict=True)]


def bvh_point(tree: dict, values: dict, name: str, point: list[float]) -> list[float]:
    """A point in a joint's axes, brought into the world: up the tree, a channel at a time."""
    parent, offset, channels = tree[name]
    place = list(offset)
    for channel, value in reversed(list(zip(channels, values[name], strict=True))):
        if channel.endswith("rotation"):
            point = turned(channel[0].lower(), value, point)
        else:
            place["XYZ".index(channel[0])] = value
    point = added(point, place)
    return point if parent is None else bvh_point(tree, values, parent, point)


def asf_turned(bones: dict, values: dict, name: str, vector: list[float]) -> list[float]:
    """A vector of the rest pose as the motion of a bone, and of all it hangs on, turns it."""
    if name == "root":
        for axis, degrees in zip("xyz", values["root"][3:], strict=True):
            vector = turned(axis, degrees, vector)
        return vector
    bone = bones[name]
    order = [(axis, bone["axis"]["xyz".index(axis)]) for axis in bone["order"].lower()]
    for axis, degrees in reversed(order):
        vector = turned(axis, -degrees, vector)
    for channel, degrees in zip(bone["dof"], values.get(name, []), strict=True):
        vector = turned(channel[1], degrees, vector)
    for axis, degrees in order:
        vector = turned(axis, degrees, vector)
    return asf_turned(bones, values, bone["parent"], vector)


def asf_point(bones: dict, values: dict, name: str) -> list[float]:
    """The end of a bone."""
    if name == "root":
        return list(values["root"][:3])
    start = asf_point(bones, values, bones[name]["parent"])
    return added(start, asf_turned(bones, values, name, bones[name]["vector"]))


# Writers of small files


def bvh_text(tree: dict, ends: dict, frames: list[dict], time: float = 0.01) -> str:
    """A file of `{joint: (parent, offset, channels)}`, End Sites by joint, and values by frame."""

    def nested(name: str) -> list[str]:
        parent, offset, channels = tree[name]
        inside = [f"OFFSET {' '.join(f'{value:.9g}' for value in offset)}"]
        inside += [f"CHANNELS {len(channels)} {' '.join(channels)}"] if channels else []
        for child in (child for child in tree if tree[child][0] == name):
            inside += nested(child)
        if name in ends:
            inside += ["End Site", "{", "OFFSET " + " ".join(map(str, ends[name])), "}"]
        return [f"{'JOINT' if parent else 'ROOT'} {name}", "{", *inside, "}"]

    root, written = next(iter(tree)), []

    def in_file_order(name: str) -> list[str]:
        children = [child for child in tree if tree[child][0] == name]
        return [name, *(below for child in children for below in in_file_order(child))]

    for frame in frames:
        row = [value for name in in_file_order(root) for value in frame[name]]
        written.append(" ".join(f"{value:.9f}" for value in row))
    head = ["MOTION", f"Frames: {len(frames)}", f"Frame Time: {time}"]
    return "\n".join(["HIERARCHY", *nested(root), *head, *written, ""])


def asf_text(bones: dict, length: float = 0.45, angle: str = "deg") -> str:
    scale = 1.0 if angle == "deg" else math.pi / 180.0
    lines = ["# made up", ":version 1.10", ":name made-up", ":units"]
    lines += ["  mass 1.0", f"  length {length}", f"  angle {angle}", ":documentation", "  none"]
    lines += [":root", "  order TX TY TZ RX RY RZ", "  axis XYZ"]
    lines += ["  position 0 0 0", "  orientation 0 0 0", ":bonedata"]
    for number, (name, bone) in enumerate(bones.items(), start=1):
        long = math.sqrt(sum(value * value for value in bone["vector"]))
        way = " ".join(f"{value / long:.12f}" for value in bone["vector"])
        axis = " ".join(f"{scale * value:.12f}" for value in bone["axis"])
        lines += ["  begin", f"    id {number}", f"    name {name}", f"    direction {way}"]
        lines += [f"    length {long:.12f}", f"    axis {axis} {bone['order']}"]
        if bone["dof"]:
            lines += [f"    dof {' '.join(bone['dof'])}"]
            lines += ["    limits (-180 180)", *["      (-180 180)"] * (len(bone["dof"]) - 1)]
        lines += ["  end"]
    lines += [":hierarchy", "  begin"]
    for parent in ["root", *bones]:
        children = [name for name, bone in bones.items() if bone["parent"] == parent]
        lines += [f"    {parent} {' '.join(children)}"] if children else []
    return "\n".join([*lines, "  end", ""])


def amc_text(frames: list[dict], first: int = 1, degrees: bool = True) -> str:
    lines = ["#!made up", ":FULLY-SPECIFIED", ":DEGREES" if degrees else ":RADIANS"]
    for number, frame in enumerate(frames, start=first):
        lines.append(str(number))
        for name, values in frame.items():
            place, angles = (values[:3], values[3:]) if name == "root" else ([], values)
            angles = angles if degrees else [math.radians(angle) for angle in angles]
            lines.append(" ".join([name, *(f"{value:.12f}" for value in [*place, *angles])]))
    return "\n".join([*lines, ""])


def written(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


# Small made-up bodies

TREE = {
    "Pelvis": (
        None,
        (0, 0, 0),
        ["Xposition", "Yposition", "Zposition", "Zrotation", "Xrotation", "Yrotation"],
    ),
    "Belly": ("Pelvis", (0.5, 2, -1), ["Yrotation", "Zrotation", "Xrotation"]),
    "Slider": ("Belly", (1, 1, 0), ["Xrotation", "Yposition", "Zrotation"]),
    "Hinge": ("Slider", (0, 3, 0.25), ["Zrotation"]),
    "Stiff": ("Hinge", (0, 1.5, 0), []),
    "Euler": ("Stiff", (2, 0, 0), ["Zrotation", "Xrotation", "Zrotation"]),
    "Leg": ("Pelvis", (-1, -2, 0), ["Xrotation", "Yrotation", "Zrotation"]),
}
ENDS = {"Euler": (1, 2, 3), "Leg": (0, -4, 0.5)}

BONES_MIXED = {
    "back": dict(parent="root", vector=[0.1, 2, -0.2], axis=[10, 20, 30], order="XYZ", dof=[]),
    "neck": dict(
        parent="back", vector=[0, 1.5, 0.3], axis=[-40, 5, 70], order="ZYX", dof=["rx", "ry", "rz"]
    ),
    "arm": dict(parent="back", vector=[2, 0, 1], axis=[15, -60, 5], order="YZX", dof=["rz", "rx"]),
    "hand": dict(parent="arm", vector=[0.5, -1, 0], axis=[0, 90, 45], order="XYZ", dof=["ry"]),
}


def random_frames(channels: dict[str, int]) -> list[dict]:
    random = np.random.default_rng(7)
    return [
        {name: random.uniform(-90, 90, count).tolist() for name, count in channels.items()}
        for _ in range(FRAMES)
    ]


@pytest.fixture
def tree_frames() -> list[dict]:
    return random_frames({name: len(TREE[name][2]) for name in TREE})


@pytest.fixture
def bvh(tmp_path, tree_frames) -> Path:
    return written(tmp_path, "made_up.bvh", bvh_text(TREE, ENDS, tree_frames))


@pytest.fixture
def bone_frames() -> list[dict]:
    moving = {name: len(bone["dof"]) for name, bone in BONES_MIXED.items() if bone["dof"]}
    return random_frames({"root": 6, **moving})


@pytest.fixture
def amc(tmp_path, bone_frames) -> Path:
    written(tmp_path, "07.asf", asf_text(BONES_MIXED))
    return written(tmp_path, "07_02.amc", amc_text(bone_frames))


def cmu_bone(parent: str, vector: tuple, dof: str = "", axis: tuple = (0, 0, 0)) -> dict:
    return dict(parent=parent, vector=list(vector), axis=axis, order="XYZ", dof=dof.split())


def cmu_body() -> dict:
    """A made-up body with the names and degrees of freedom of the CMU database."""
    three = "rx ry rz"
    bones = {}
    for side, x in (("l", 1.0), ("r", -1.0)):
        bones[f"{side}hipjoint"] = cmu_bone("root", (1.6 * x, -1.8, 0.6))
        bones[f"{side}femur"] = cmu_bone(f"{side}hipjoint", (2.5 * x, -7, 0), three, (0, 0, 20 * x))
        bones[f"{side}tibia"] = cmu_bone(f"{side}femur", (2.5 * x, -6.8, 0), "rx", (0, 0, 20 * x))
        bones[f"{side}foot"] = cmu_bone(f"{side}tibia", (0.2 * x, -0.5, 2), "rx rz", (-90, 0, 20))
        bones[f"{side}toes"] = cmu_bone(f"{side}foot", (0, 0, 1.1), "rx", (-90, 0, 20 * x))
    bones["lowerback"] = cmu_bone("root", (0.02, 2.05, -0.14), three)
    bones["upperback"] = cmu_bone("lowerback", (0.01, 2.06, -0.06), three)
    bones["thorax"] = cmu_bone("upperback", (0.0, 2.07, 0.01), three)
    bones["lowerneck"] = cmu_bone("thorax", (0.01, 1.56, 0.15), three)
    bones["upperneck"] = cmu_bone("lowerneck", (0.03, 1.55, -0.1), three)
    bones["head"] = cmu_bone("upperneck", (0.01, 1.62, -0.05), three)
    for side, x in (("l", 1.0), ("r", -1.0)):
        arm = (180, -30 * x, -90 * x)
        bones[f"{side}clavicle"] = cmu_bone("thorax", (3.5 * x, 0.9, -0.2), "ry rz")
        bones[f"{side}humerus"] = cmu_bone(f"{side}clavicle", (4.9 * x, 0, 0), three, arm)
        bones[f"{side}radius"] = cmu_bone(f"{side}humerus", (3.3 * x, 0, 0), "rx", arm)
        bones[f"{side}wrist"] = cmu_bone(f"{side}radius", (1.65 * x, 0, 0), "ry", (0, 90, 90 * x))
        bones[f"{side}hand"] = cmu_bone(f"{side}wrist", (0.6 * x, 0, 0), "rx rz", (0, 90, 90 * x))
        bones[f"{side}fingers"] = cmu_bone(f"{side}hand", (0.5 * x, 0, 0), "rx", (0, 90, 90 * x))
        bones[f"{side}thumb"] = cmu_bone(f"{side}wrist", (0.5 * x, 0, 0.5), "rx rz", (-90, 45, 0))
    return bones


CMU_SIDES = {
    "{short}HipJoint": "{s}hipjoint",
    "{long}UpLeg": "{s}femur",
    "{long}Leg": "{s}tibia",
    "{long}Foot": "{s}foot",
    "{long}ToeBase": "{s}toes",
    "{long}Shoulder": "{s}clavicle",
    "{long}Arm": "{s}humerus",
    "{long}ForeArm": "{s}radius",
    "{long}Hand": "{s}wrist",
    "{long}FingerBase": "{s}hand",
    "{long}HandIndex1": "{s}fingers",
    "{short}Thumb": "{s}thumb",
}
CMU_TRUNK = {
    "LowerBack": "lowerback",
    "Spine": "upperback",
    "Spine1": "thorax",
    "Neck": "lowerneck",
    "Neck1": "upperneck",
    "Head": "head",
}


def cmu_joints() -> dict[str, str]:
    """The bone that begins at, and turns with, each joint of the common conversion."""
    joints = {"Hips": "root", **CMU_TRUNK}
    for short, long in (("L", "Left"), ("R", "Right")):
        for joint, bone in CMU_SIDES.items():
            joints[joint.format(short=short, long=long)] = bone.format(s=short.lower())
    return joints


def zyx_degrees(turn: np.ndarray) -> list[float]:
    """Angles of a rotation as z, y, x, the first outermost."""
    z, x = math.atan2(turn[1, 0], turn[0, 0]), math.atan2(turn[2, 1], turn[2, 2])
    return np.degrees([z, -math.asin(turn[2, 0]), x]).tolist()


def local_turn(bones: dict, values: dict, name: str) -> np.ndarray:
    alone = bones if name == "root" else {name: {**bones[name], "parent": "root"}}
    still = values if name == "root" else {**values, "root": [0] * 6}
    return np.array([asf_turned(alone, still, name, list(axis)) for axis in np.eye(3)]).T


def cmu_conversion(
    bones: dict, frames: list[dict], t_pose: bool = True, whole: bool = False
) -> str:
    """The conversion's BVH of a body and its AMC frames, with its faults unless `whole`."""
    joints = cmu_joints()
    starts = {bone: joint for joint, bone in joints.items()}
    spins = ["Zrotation", "Yrotation", "Xrotation"]
    tree: dict = {"Hips": (None, (0, 0, 0), ["Xposition", "Yposition", "Zposition", *spins])}
    for joint, bone in list(joints.items())[1:]:
        above = bones[bone]["parent"]
        left_out = above in ("thorax", "lwrist", "rwrist") and not whole
        offset = (0, 0, 0) if above == "root" or left_out else bones[above]["vector"]
        tree[joint] = (starts[above], offset, spins)
    parents = {bone["parent"] for bone in bones.values()}
    ends = {starts[bone]: bones[bone]["vector"] for bone in bones if bone not in parents}
    rows = [
        {joint: zyx_degrees(local_turn(bones, frame, bone)) for joint, bone in joints.items()}
        for frame in frames
    ]
    still = dict.fromkeys(joints, [0.0, 0.0, 0.0]) | {"LeftUpLeg": [-21.0, 0.0, 0.0]}
    rows = [still, *rows] if t_pose else rows
    places = [frames[0], *frames] if t_pose else frames
    for row, frame in zip(rows, places, strict=True):
        row["Hips"] = [*frame["root"][:3], *row["Hips"]]
    return bvh_text(tree, ends, rows, time=0.0083333)


@pytest.fixture
def cmu_frames() -> list[dict]:
    """Bends of up to 30 degrees, the hips at 17 units."""
    bones = cmu_body()
    counts = {"root": 6} | {name: len(bone["dof"]) for name, bone in bones.items() if bone["dof"]}
    frames = [
        {name: [value / 3 for value in values] for name, values in frame.items()}
        for frame in random_frames(counts)
    ]
    return [{**frame, "root": [1.0, 17.0, 2.0, *frame["root"][3:]]} for frame in frames]


@pytest.fixture
def cmu_files(tmp_path, cmu_frames) -> Path:
    """A folder with 07.asf, 07_02.amc and 07_02.bvh."""
    bones = cmu_body()
    written(tmp_path, "07.asf", asf_text(bones))
    written(tmp_path, "07_02.amc", amc_text(cmu_frames))
    written(tmp_path, "07_02.bvh", cmu_conversion(bones, cmu_frames))
    return tmp_path


def furthest(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b, axis=-1).max())


# Kinematics


def test_bvh_kinematics_agree_with_the_scalar_twin_for_any_channels(bvh, tree_frames):
    motion = read_bvh(bvh)
    assert set(motion.joints) == {*TREE, "Euler End", "Leg End"}
    for row, values in enumerate(tree_frames):
        for at, name in enumerate(motion.joints):
            owner = name.removesuffix(" End")
            point = list(ENDS[owner]) if name != owner else [0.0, 0.0, 0.0]
            wanted = bvh_point(TREE, values, owner, point)
            np.testing.assert_allclose(motion.positions[row, at], wanted, atol=1e-6)


def test_bvh_declares_its_rate_and_neither_unit_nor_up_axis(bvh):
    motion = read_bvh(bvh)
    assert motion.frame_rate == pytest.approx(100.0)
    assert motion.unit_mm is None and motion.up is None and motion.first_frame == 0


@pytest.mark.parametrize("angle", ["deg", "rad"])
def test_asf_kinematics_agree_with_the_scalar_twin_for_any_axes(angle, tmp_path, bone_frames):
    asf = written(tmp_path, "any.asf", asf_text(BONES_MIXED, angle=angle))
    amc = written(tmp_path, "clip.amc", amc_text(bone_frames, degrees=angle == "deg"))
    motion = read_amc(amc, asf)
    for row, values in enumerate(bone_frames):
        for at, name in enumerate(motion.joints):
            wanted = asf_point(BONES_MIXED, values, name)
            np.testing.assert_allclose(motion.positions[row, at], wanted, atol=1e-8)


def test_the_root_may_list_its_values_in_another_order(amc, bone_frames):
    before = read_amc(amc)
    asf = amc.parent / "07.asf"
    asf.write_text(asf.read_text().replace("TX TY TZ RX RY RZ", "RX TZ RY TX RZ TY"))
    shuffled = [
        {**frame, "root": [frame["root"][at] for at in (3, 2, 4, 0, 5, 1)]} for frame in bone_frames
    ]
    amc.write_text(amc_text(shuffled))
    np.testing.assert_allclose(read_amc(amc).positions, before.positions, atol=1e-9)


def test_an_asf_of_the_cmu_database_declares_its_unit_and_an_amc_its_first_frame(amc, bone_frames):
    amc.write_text(amc_text(bone_frames, first=12))
    motion = read_amc(amc)
    assert motion.unit_mm == pytest.approx(25.4 / 0.45)
    assert motion.first_frame == 12 and motion.frame_rate is None and motion.up is None


def test_an_unknown_length_factor_declares_no_unit(amc):
    asf = written(amc.parent, "07.asf", asf_text(BONES_MIXED, length=1.0))
    assert read_asf(asf).unit_mm is None


def test_layout_of_a_bvh_text_does_not_matter(bvh):
    before = read_bvh(bvh).positions
    text = bvh.read_text().replace("Belly\n{", "Belly {").replace("Frames: ", "Frames:\t")
    bvh.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n\r\n").encode())
    assert np.array_equal(read_bvh(bvh).positions, before)


def test_a_bvh_in_utf_16_is_that_of_utf_8(bvh, tmp_path):
    (tmp_path / "wide.bvh").write_text(bvh.read_text(), encoding="utf-16")
    wide = read_bvh(tmp_path / "wide.bvh")
    assert np.array_equal(wide.positions, read_bvh(bvh).positions)


def test_an_offset_of_the_root_that_its_positions_replace_is_told(bvh):
    before = read_bvh(bvh)
    bvh.write_text(bvh.read_text().replace("OFFSET 0 0 0", "OFFSET 0 90 0", 1))
    motion = read_bvh(bvh)
    assert np.array_equal(motion.positions, before.positions) and before.notes == ()
    assert motion.notes == ("the OFFSET 0 90 0 of Pelvis is not added to its position channels",)


# The common conversion of the CMU database


def test_bvh_with_its_skeleton_amc_and_asf_give_the_same_poses(cmu_files):
    from_amc, _ = to_h36m(read_amc(cmu_files / "07_02.amc"), up="y")
    bvh = read_bvh(cmu_files / "07_02.bvh", cmu_files / "07.asf")
    from_bvh, notes = to_h36m(bvh, up="y")
    assert bvh.unit_mm == MM_PER_UNIT_AT_0_45 and bvh.first_frame == 1
    assert from_bvh.shape == (FRAMES, 17, 3) and furthest(from_amc, from_bvh) < 1e-2
    assert sum("is that of" in note for note in notes) == 3
    check_poses(single_clip(from_bvh, "S7", "walk", "07_02"))


def test_bones_left_out_are_made_up_from_their_neighbours_and_told(cmu_files):
    from_amc, _ = to_h36m(read_amc(cmu_files / "07_02.amc"), up="y")
    bvh = read_bvh(cmu_files / "07_02.bvh")
    from_bvh, notes = to_h36m(bvh, MM_PER_UNIT_AT_0_45, "y")
    assert furthest(from_amc, from_bvh) < 2.0
    for bone, long in (("thorax", "2.061"), ("lwrist", "1.65"), ("rwrist", "1.65")):
        [note] = [note for note in notes if note.startswith(f"the bone {bone} is left out")]
        assert f"as {long} file units long" in note


def test_a_first_frame_that_was_recorded_stays(cmu_files, cmu_frames):
    file = written(cmu_files, "other.bvh", cmu_conversion(cmu_body(), cmu_frames, t_pose=False))
    motion = read_bvh(file)
    assert len(motion.positions) == FRAMES and motion.first_frame == 0
    assert not any("T-pose" in note for note in motion.notes)


def test_bones_that_are_there_are_not_touched(cmu_files, cmu_frames):
    file = written(cmu_files, "whole.bvh", cmu_conversion(cmu_body(), cmu_frames, whole=True))
    motion, amc = read_bvh(file), read_amc(cmu_files / "07_02.amc")
    assert motion.notes == ("the first frame, an artificial T-pose, is left out",)
    neck = motion.positions[:, motion.joints.index("Neck")]
    assert furthest(neck, amc.positions[:, amc.joints.index("thorax")]) < 1e-6


def test_a_bvh_of_other_origin_is_left_as_it_is(tmp_path):
    still = [{name: [0.0] * len(TREE[name][2]) for name in TREE}] * 2
    tree = TREE | {"Belly": ("Pelvis", (0, 0, 0), TREE["Belly"][2])}
    motion = read_bvh(written(tmp_path, "other.bvh", bvh_text(tree, ENDS, still)))
    assert len(motion.positions) == 2 and motion.notes == ()
    assert not motion.positions[:, motion.joints.index("Belly")].any()


def test_a_skeleton_of_another_body_is_refused(cmu_files):
    bones = cmu_body()
    bones["lfemur"]["vector"] = [2.5, -7.2, 0]
    asf = written(cmu_files, "08.asf", asf_text(bones))
    sentence = r"08\.asf is of another body .* lfemur should be 2\.5 -7 0 as the offset of LeftLeg"
    with pytest.raises(BadInput, match=sentence):
        read_bvh(cmu_files / "07_02.bvh", asf)


def test_a_skeleton_for_a_bvh_of_other_origin_is_refused(bvh, amc):
    with pytest.raises(BadInput, match=r"made_up\.bvh: a skeleton is for the common conversion"):
        read_bvh(bvh, amc.parent / "07.asf")


def test_a_skeleton_without_the_bones_is_refused(cmu_files):
    asf = written(cmu_files, "other.asf", asf_text(BONES_MIXED))
    with pytest.raises(BadInput, match=r"other\.asf should have a bone thorax"):
        read_bvh(cmu_files / "07_02.bvh", asf)


def test_a_conversion_that_is_nothing_but_its_t_pose_is_refused(cmu_files, cmu_frames):
    lines = cmu_conversion(cmu_body(), cmu_frames).replace(f"Frames: {FRAMES + 1}", "Frames: 1")
    file = written(cmu_files, "t.bvh", "\n".join(lines.split("\n")[: -FRAMES - 1]))
    with pytest.raises(BadInput, match=r"t\.bvh holds no motion"):
        read_bvh(file)


# Real files


@pytest.fixture(scope="session")
def raw(cmu_file) -> Path:
    folder = cmu_file.parent / "raw"
    if not (folder / "02_01.bvh").exists():
        pytest.skip("the shared files of clip 02_01 are absent")
    return folder


def with_lengths_of(poses: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Each bone in its own direction, as long as the model's are on average."""
    rebuilt = poses.astype(np.float64)
    for start, end in sorted(BONES, key=lambda bone: bone[1]):
        bone = poses[:, end] - poses[:, start]
        length = np.linalg.norm(model[:, end] - model[:, start], axis=1).mean()
        unit = bone / np.linalg.norm(bone, axis=1, keepdims=True)
        rebuilt[:, end] = rebuilt[:, start] + length * unit
    return rebuilt


@pytest.fixture(scope="session")
def clip(cmu) -> tuple[np.ndarray, np.ndarray]:
    """Poses and frame numbers of clip 02_01 in the table."""
    rows = cmu.clip == "02_01"
    return cmu.poses[rows], cmu.frame[rows]


@pytest.mark.parametrize("form", ["amc", "bvh"])
def test_the_real_clip_agrees_with_the_table(form, raw, clip):
    motion = read_amc(raw / "02_01.amc") if form == "amc" else None
    poses, _ = to_h36m(motion or read_bvh(raw / "02_01.bvh", raw / "02.asf"), up="y")
    wanted, frame = clip
    assert np.array_equal(frame, np.arange(0, len(poses), 3))
    legs = [joint for joint in Joint if joint <= Joint.LFOOT]
    assert furthest(poses[frame][:, legs], wanted[:, legs]) < 0.05
    assert furthest(with_lengths_of(poses[frame], wanted), wanted) < 0.05


def test_the_lengths_that_the_table_made_equal_are_those_of_the_trunk_alone(raw, clip):
    wanted, frame = clip
    poses = to_h36m(read_amc(raw / "02_01.amc"), up="y")[0][frame]
    differs = set()
    for start, end in BONES:
        ours, theirs = (
            np.linalg.norm(set_of[:, end] - set_of[:, start], axis=1) for set_of in (poses, wanted)
        )
        if np.abs(ours - theirs).max() > 0.05:
            differs.add(f"{JOINT_NAMES[start]}-{JOINT_NAMES[end]}")
    assert differs == {"Hip-Spine", "Spine-Thorax", "Thorax-Neck", "Neck-Head"}
    assert 4.0 < furthest(poses, wanted) < 7.0


@pytest.mark.parametrize(("with_skeleton", "within"), [(True, 0.05), (False, 1.0)])
def test_the_real_conversion_agrees_with_the_real_amc(with_skeleton, within, raw):
    amc = to_h36m(read_amc(raw / "02_01.amc"), up="y")[0]
    motion = read_bvh(raw / "02_01.bvh", raw / "02.asf" if with_skeleton else None)
    poses, notes = to_h36m(motion, MM_PER_UNIT_AT_0_45, "y")
    assert furthest(poses, amc) < within
    wrists = [Joint.LWRIST, Joint.RWRIST]
    forearms = poses[:, wrists] - poses[:, [Joint.LELBOW, Joint.RELBOW]]
    assert furthest(forearms, amc[:, wrists] - amc[:, [Joint.LELBOW, Joint.RELBOW]]) < 0.1
    assert motion.first_frame == 1 and any("T-pose" in note for note in notes)


# Unit, axes and joints


def test_no_up_axis_mirrors_and_each_becomes_z():
    for axis, turn in UPRIGHT.items():
        assert np.linalg.det(turn) == pytest.approx(1.0)
        assert (turn @ np.eye(3)["xyz".index(axis)]).tolist() == [0.0, 0.0, 1.0]


def h36m_motion(**declared: object) -> Motion:
    positions = np.random.default_rng(3).normal(size=(2, 17, 3))
    return Motion(Path("mine.bvh"), JOINT_NAMES, positions, **declared)  # type: ignore[arg-type]


SELF = {name: name for name in JOINT_NAMES}


@pytest.mark.parametrize(
    ("units", "mm"), [("mm", 1), ("cm", 10), ("m", 1000), ("inch", 25.4), (7, 7), ("56.4", 56.4)]
)
def test_units_are_names_or_millimetres(units, mm):
    motion = h36m_motion()
    poses, notes = to_h36m(motion, units, "z", SELF)
    np.testing.assert_allclose(poses, mm * motion.positions, rtol=1e-6)
    assert poses.dtype == np.float32 and notes == []


def test_what_is_neither_declared_nor_given_is_asked_for():
    with pytest.raises(BadInput, match=r"mine\.bvh does not declare its unit: .* --units"):
        to_h36m(h36m_motion(), None, "y", SELF)
    with pytest.raises(BadInput, match=r"mine\.bvh does not declare which axis is up: .* --up"):
        to_h36m(h36m_motion(), "mm", None, SELF)


def test_what_is_declared_may_be_repeated_but_not_contradicted():
    motion = h36m_motion(unit_mm=MM_PER_UNIT_AT_0_45, up="y")
    silent, _ = to_h36m(motion, joints=SELF)
    assert np.array_equal(to_h36m(motion, "56.44", "y", SELF)[0], silent)
    with pytest.raises(BadInput, match=r"declares units of 56\.4444 mm, got --units inch"):
        to_h36m(motion, "inch", None, SELF)
    with pytest.raises(BadInput, match="declares y up, got --up z"):
        to_h36m(motion, None, "z", SELF)


@pytest.mark.parametrize("units", ["feet", "-1", 0, "nan", "inf"])
def test_a_unit_that_is_none_is_refused(units):
    with pytest.raises(BadInput, match="--units should be mm, cm, m, inch, or the millimetres"):
        to_h36m(h36m_motion(), units, "y", SELF)


def test_an_up_axis_that_is_none_is_refused():
    with pytest.raises(BadInput, match="--up should be one of x, y, z, got -y"):
        to_h36m(h36m_motion(), "mm", "-y", SELF)


def test_a_pose_too_large_for_its_numbers_is_told_with_joint_and_frame():
    motion = h36m_motion(first_frame=5)
    motion.positions[1, 3, 0] = 1e300
    with pytest.raises(BadInput, match=r"mine\.bvh, frame 6: joint RFoot should be finite"):
        to_h36m(motion, "mm", "z", SELF)


def named(joints) -> Rig:
    return Rig(tuple(joints))


def parts_of(given: str | list[str]) -> list[str]:
    """The first alternative of each name that a naming gives."""
    return [names.split("|")[0] for names in ([given] if isinstance(given, str) else given)]


def file_joints(naming: Naming, right: str = "Right{}", left: str = "Left{}") -> list[str]:
    """Joints of a file of a naming, the head's end by its name."""
    limbs = [side.format(parts_of(p)[0]) for side in (right, left) for p in naming.limbs.values()]
    trunk = [naming.thorax, naming.head or naming.crown, *([naming.spine] if naming.spine else [])]
    names = [part for given in [*trunk, naming.neck or []] for part in parts_of(given)]
    return list(dict.fromkeys([*limbs, *names, *naming.signs, "Head End"]))


def found_in(naming: Naming, prefix: str = "", **sides: str):
    joints = [prefix + name for name in file_joints(naming, **sides)]
    rig = Rig((*joints, f"{prefix}Extra"), at_ends=naming.at_ends)
    return find_joint_map(rig, None, "f")


SPELLINGS = (
    {},
    dict(right="r{}", left="l{}", prefix="mixamorig12:"),
    dict(right="{}_r", left="{}_l", prefix="J_Bip_"),
    dict(right="R {}", left="L {}", prefix="Bip01 "),
)


@pytest.mark.parametrize("naming", namings(), ids=lambda naming: naming.name)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_known_naming_is_recognised_with_its_sides(naming, spelling):
    joints = {**SPELLINGS[0], **spelling}
    found = found_in(naming, **joints)
    assert set(found.places) == set(JOINT_NAMES)
    right, left = spelling.get("right", "Right{}"), spelling.get("left", "Left{}")
    for joint, part in naming.limbs.items():
        for letter, side in (("R", right), ("L", left)):
            [name] = found.places[f"{letter}{joint}"].weights
            assert name == spelling.get("prefix", "") + side.format(parts_of(part)[0])
    for place in found.places.values():
        assert sum(place.weights.values()) == pytest.approx(1.0)


def test_a_joint_is_the_start_of_its_bone_but_in_an_asf_its_end():
    names = (*file_joints(naming_of("CMU ASF/AMC")), "Rightfoot", "Leftfoot", "Rightradius")
    start, end = (
        find_joint_map(Rig((*names, "Leftradius"), at_ends=ends), None, "f").places
        for ends in (False, True)
    )
    assert [set(each["RKnee"].weights) for each in (start, end)] == [
        {"Righttibia"}, {"Rightfemur"},
    ]  # fmt: skip
    with pytest.raises(BadInput, match="such as {RHip: RightUpLeg}; .* each the end of its"):
        find_joint_map(Rig(tuple(file_joints(naming_of("Mixamo"))), at_ends=True), None, "f")


def naming_of(name: str) -> Naming:
    [found] = [naming for naming in namings() if naming.name == name]
    return found


def test_what_is_approximated_is_said_and_what_is_not_is_not():
    said = found_in(naming_of("Xsens MVN")).approximations()
    assert sorted(sentence.split()[0] for sentence in said) == ["Neck", "Spine", "Thorax"]
    assert any("0.5 Head End" in sentence for sentence in said)
    mixamo = found_in(naming_of("Mixamo"), "mixamorig:").approximations()
    wanted = "Spine is approximated by the mean of mixamorig:Spine, mixamorig:Spine1"
    assert any(sentence.startswith(wanted) for sentence in mixamo)


def test_own_places_are_names_means_and_weights():
    joints = [*JOINT_NAMES, "extra"]
    own = SELF | {"Spine": ["Hip", "Thorax"], "Neck": {"Thorax": 1, "Head": 3}}
    positions = np.random.default_rng(0).normal(size=(2, 18, 3))
    weights = find_joint_map(named(joints), own, "f").weights(joints)
    poses = weights @ positions
    np.testing.assert_allclose(poses[:, Joint.SPINE], positions[:, [0, 8]].mean(axis=1))
    head_heavy = 0.25 * positions[:, Joint.THORAX] + 0.75 * positions[:, Joint.HEAD]
    np.testing.assert_allclose(poses[:, Joint.NECK], head_heavy)


def test_own_places_come_before_a_known_naming_and_complete_it():
    joints = [j for j in file_joints(naming_of("CMU BVH conversion")) if j != "Head End"]
    with pytest.raises(BadInput, match="no joint was found for Head; .* setting joints"):
        find_joint_map(named(joints), None, "f")
    found = find_joint_map(named(joints), {"Head": "Head", "Neck": "Neck1"}, "f")
    assert found.places["Head"].weights == {"Head": 1.0}
    assert found.places["Hip"].weights == {"RightUpLeg": 0.5, "LeftUpLeg": 0.5}
    assert found.approximations() == []


def test_joints_that_nothing_was_found_for_are_named_with_those_of_the_file(bvh):
    sentence = (
        r"made_up\.bvh: no joint was found for Hip, RHip, .*RWrist; .* has Leg, Pelvis, Belly, S"
    )
    with pytest.raises(BadInput, match=sentence):
        to_h36m(read_bvh(bvh), "cm", "y")


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ({"Hips": "Hip"}, "names should be among Hip, .*, got Hips"),
        ({"Hip": "Root"}, "Hip should be made of joints of f, got Root; the file has Hip, RHip"),
        ({"Hip": []}, "Hip should be a joint of the file, a list of them, or weights"),
        ({"Hip": {"Hip": "much"}}, "Hip should be a joint of the file"),
        ({"Hip": {"Hip": 1, "Head": -1}}, "Hip .* weights with a positive sum"),
        ({"Hip": 3}, "Hip should be a joint of the file"),
    ],
)
def test_own_places_that_cannot_be_are_refused(own, sentence):
    with pytest.raises(BadInput, match=f"setting joints: {sentence}"):
        find_joint_map(named(JOINT_NAMES), own, "f")


# Refusals: BVH


def refused(read, file: Path, *more: object) -> str:
    with pytest.raises(BadInput) as refusal:
        read(file, *more)
    assert str(file) in str(refusal.value) and "\n" not in str(refusal.value)
    return str(refusal.value).replace(str(file), "FILE")


@pytest.mark.parametrize("read", [read_bvh, read_amc, read_asf])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "there is no such file"), (b" \n", "but is empty"), (b"ab\0c", "but is binary")],
)
def test_files_that_are_missing_empty_or_binary_are_refused(read, content, sentence, tmp_path, amc):
    file = tmp_path / "x.file"
    if content is not None:
        file.write_bytes(content)
    assert sentence in refused(read, file, *([amc.parent / "07.asf"] if read is read_amc else []))


@pytest.mark.parametrize("read", [read_bvh, read_amc, read_asf])
def test_a_folder_and_bytes_without_sense_are_refused(read, tmp_path, amc):
    more = [amc.parent / "07.asf"] if read is read_amc else []
    assert "cannot be read" in refused(read, tmp_path, *more)
    noise = bytes(np.random.default_rng(1).integers(1, 256, 4000, dtype=np.uint8))
    (tmp_path / "noise").write_bytes(noise)
    assert "should be here" in refused(read, tmp_path / "noise", *more) or read is read_asf


def line_of(file: Path, text: str) -> int:
    """Number of the first line that holds a text."""
    lines = file.read_text().split("\n")
    return next(at for at, line in enumerate(lines, start=1) if text in line)


def test_a_bvh_cut_anywhere_in_its_hierarchy_is_refused(bvh):
    lines = bvh.read_text().split("\n")
    for cut in range(1, line_of(bvh, "MOTION")):
        bvh.write_text("\n".join(lines[:cut]))
        refusal = refused(read_bvh, bvh)
        assert refusal == f"FILE, line {cut}: the file ends within its hierarchy, before MOTION"


@pytest.mark.parametrize(
    ("left", "sentence"),
    [
        (0, "FILE ends before Frames: and their number"),
        (1, "FILE ends before Frame Time: and seconds"),
        (2, "4 frames should be here, as line {frames} says, got 0"),
        (5, "4 frames should be here, as line {frames} says, got 3"),
    ],
)
def test_a_bvh_cut_in_its_frames_is_refused(left, sentence, bvh):
    lines, motion = bvh.read_text().split("\n"), line_of(bvh, "MOTION")
    bvh.write_text("\n".join(lines[: motion + left]))
    assert sentence.format(frames=motion + 1) in refused(read_bvh, bvh)


def test_a_bvh_cut_within_a_frame_or_with_a_number_too_many_is_refused(bvh):
    text = bvh.read_text().rstrip("\n")
    last = len(text.split("\n"))
    for changed, got in ((text.rpartition(" ")[0], 18), (text + " 1.5", 20)):
        bvh.write_text(changed)
        refusal = refused(read_bvh, bvh)
        assert refusal == (
            f"FILE, line {last}, frame 3: 19 numbers should be here, one a channel, got {got}"
        )


@pytest.mark.parametrize("word", ["nan", "inf", "1e999", "1_0", "abc", "1,5", "0x1"])
def test_what_is_no_number_in_a_frame_is_told_with_line_and_frame(word, bvh):
    lines = bvh.read_text().rstrip("\n").split("\n")
    lines[-2] = " ".join([word, *lines[-2].split()[1:]])
    bvh.write_text("\n".join(lines))
    assert refused(read_bvh, bvh) == (
        f"FILE, line {len(lines) - 1}, frame 2: a finite number should be here, got {word}"
    )


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("HIERARCHY", "HIERARCHIE", "line 1: HIERARCHY should be here, got HIERARCHIE"),
        ("ROOT Pelvis", "JOINT Pelvis", "line 2: ROOT should be here, got JOINT Pelvis"),
        ("JOINT Belly", "ROOT Belly", "a JOINT or End Site of the one ROOT should be here"),
        ("JOINT Belly", "JOINT", "line 6: a joint should have a name"),
        ("JOINT Belly", "JOINT Pelvis", "line 6: a second joint is named Pelvis"),
        ("JOINT Belly\n{", "JOINT Belly\n", "{ should be here, got OFFSET 0.5 2 -1"),
        ("OFFSET 0 0 0", "OFFSET 0 0", "line 4: one OFFSET of 3 numbers should be here"),
        ("OFFSET 0 0 0", "OFFSET 0 0 x", "line 4: a finite number should be here, got x"),
        ("OFFSET 0 0 0", "OFFSET 0 nan 0", "line 4: a finite number should be here, got nan"),
        ("OFFSET -1 -2 0\n", "", "Leg ends here without an OFFSET"),
        ("CHANNELS 6", "CHANNELS 5", "line 5: CHANNELS, their number, and as many of"),
        ("CHANNELS 6 X", "CHANNELS 6 W", "line 5: CHANNELS, their number, and as many of"),
        ("6 Xposition Y", "6 Yposition Y", "line 5: each position channel should be here once"),
        ("CHANNELS 6", "CANALS 6", "line 5: a joint, OFFSET, CHANNELS, } or MOTION should be"),
        ("MOTION", "JOINT Tail\n{\n}\nMOTION", "ROOT should be here"),
        ("MOTION", "}\nMOTION", "ROOT or MOTION should be here, got }"),
        ("Frames: 4", "Frames: many", "a finite number should be here, got many"),
        ("Frames: 4", "Frames: 0", "a whole number of frames, and a frame time above 0, got 0"),
        ("Frames: 4", "Frames: 2", "2 frames should be here, as line"),
        ("Frames: 4", "Count: 4", "Frames: and their number should be here, got Count: 4"),
        ("Frame Time: 0.01", "Frame Time: -1", "frame time above 0, got 4 and -1"),
    ],
)
def test_a_bvh_with_a_wrong_line_is_refused_by_that_line(old, new, sentence, bvh):
    text = bvh.read_text()
    assert old in text
    bvh.write_text(text.replace(old, new, 1))
    assert sentence in refused(read_bvh, bvh)


# Refusals: ASF and AMC


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("\n9", "\nhand 1\n9", "hand is there twice"),
        ("\nhand ", "\ntail ", "frame 8: SKELETON has no such bone: tail"),
        ("\nhand ", "\nback 1\nhand ", "SKELETON has no degrees of freedom: back"),
        ("\narm ", "\narm 1 ", "arm should have 2 values (rz rx in SKELETON), got 3"),
        ("\narm ", "\narm nan\n", "arm should have 2 values (rz rx in SKELETON), got 1"),
        ("\nhand ", "\nhand x", "a finite number should be here, got x"),
        ("\n9", "\n10", "frame 9 should be here, got 10"),
        ("\n8\n", "\n", "line 4: a frame's number should be here, got root"),
    ],
)
def test_an_amc_that_does_not_fit_is_refused_by_line_and_frame(
    old, new, sentence, amc, bone_frames
):
    text = amc_text(bone_frames, first=8)
    assert old in text
    amc.write_text(text.replace(old, new, 1))
    refusal = refused(read_amc, amc).replace(str(amc.parent / "07.asf"), "SKELETON")
    assert sentence in refusal and "FILE, line " in refusal


@pytest.mark.parametrize("frame", [0, 1, FRAMES - 1])
def test_a_bone_that_a_frame_lacks_is_told(frame, amc, bone_frames):
    del bone_frames[frame]["arm"]
    amc.write_text(amc_text(bone_frames))
    refusal = refused(read_amc, amc)
    assert refusal.startswith(f"FILE, frame {frame + 1}: arm of ") and refusal.endswith(
        "is missing"
    )


def test_nan_in_an_amc_is_told_with_line_and_frame(amc, bone_frames):
    bone_frames[2]["hand"] = [math.nan]
    amc.write_text(amc_text(bone_frames))
    assert "frame 3: a finite number should be here, got nan" in refused(read_amc, amc)


def test_an_amc_without_frames_is_refused(amc):
    amc.write_text(":FULLY-SPECIFIED\n:DEGREES\n")
    assert refused(read_amc, amc) == "FILE holds no frames"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (":version", "version", "line 2: an Acclaim skeleton should begin with a section"),
        (":root", ":units", "there is a second section :units"),
        (":hierarchy", ":tree", "FILE should have a section :hierarchy"),
        ("angle deg", "angle turns", "units should say angle deg or angle rad, got turns"),
        ("angle deg", "", "units should say angle deg or angle rad, got nothing"),
        ("TX TY TZ", "TX TY", "order of the root should list TX TY TZ RX RY RZ, got TX TY RX"),
        ("position 0 0 0", "position 0 9 0", "position of the root should be 0 0 0, got 0 9 0"),
        ("orientation 0", "orientation 90", "orientation of the root should be 0 0 0, got 90"),
        ("name hand", "name arm", "a second bone is named arm"),
        ("name hand", "", "should have a name"),
        ("dof ry", "dof ty", "dof should be among rx ry rz, got ty"),
        ("dof ry", "dof ry ry", "dof should be among rx ry rz, got ry ry"),
        (
            "length 2.01",
            "length nan 2.01",
            "a number should be here, got nan 2.01",
        ),
        ("XYZ\n  end", "XYX\n  end", "an axis should end in an order as XYZ, got XYX"),
        ("XYZ\n  end", "5 XYZ\n  end", "3 numbers should be here"),
        ("  end\n  begin\n    id 2", "  begin\n    id 2", "end should be here, got begin"),
        ("arm hand", "arm claw", "there is no bone claw in its bonedata"),
        ("arm hand", "arm hand neck", "neck hangs on two bones"),
        ("arm hand", "", "the bone hand hangs on nothing in the hierarchy"),
        ("root back", "root", "the bone back hangs on nothing in the hierarchy"),
        ("root back", "hand back", "the hierarchy goes in a circle through arm, back, hand"),
        ("arm hand\n  end", "arm hand", "an end should follow"),
    ],
)
def test_a_skeleton_with_a_wrong_line_is_refused(old, new, sentence, amc):
    asf = amc.parent / "07.asf"
    text = asf.read_text()
    assert old in text
    asf.write_text(text.replace(old, new, 1))
    assert sentence in refused(read_asf, asf)


def test_a_skeleton_with_a_direction_of_zero_is_refused(amc):
    asf = amc.parent / "07.asf"
    lines = asf.read_text().split("\n")
    at = next(at for at, line in enumerate(lines) if "direction" in line)
    lines[at] = "direction 0 0 0"
    asf.write_text("\n".join(lines))
    assert f"line {at + 1}: a direction should not be 0 0 0" in refused(read_asf, asf)


# The skeleton of an AMC


def test_the_skeleton_is_the_one_of_the_subject_or_the_only_one(amc):
    folder = amc.parent
    assert find_asf(amc) == folder / "07.asf"
    written(folder, "08.asf", asf_text(BONES_MIXED))
    assert find_asf(amc) == folder / "07.asf"
    (folder / "07.asf").unlink()
    with pytest.raises(BadInput, match=r"07_02\.amc: its skeleton is not in the folder, .* asf"):
        find_asf(amc)
    (folder / "08.asf").rename(folder / "body.asf")
    assert find_asf(amc) == folder / "body.asf"


def test_skeletons_that_could_all_fit_are_named(amc):
    for name in ("one.asf", "two.ASF"):
        written(amc.parent, name, asf_text(BONES_MIXED))
    (amc.parent / "07.asf").unlink()
    with pytest.raises(BadInput, match=r"several skeletons .* \(one\.asf, two\.ASF\), name one"):
        find_asf(amc)


def test_a_skeleton_can_be_named(amc, tmp_path):
    before = read_amc(amc).positions
    other = tmp_path / "elsewhere"
    other.mkdir()
    (amc.parent / "07.asf").rename(other / "08.asf")
    assert np.array_equal(read_amc(amc, other / "08.asf").positions, before)


def test_a_thing_beside_the_person_is_a_root_of_its_own(tmp_path):
    text = (Path(__file__).parent / "cases" / "plain.bvh").read_text()
    head, _, motion = text.partition("MOTION")
    lines = motion.splitlines()
    rows = [
        f"{line} 1 2 3" if line.strip() and line[0] in "-0123456789" else line for line in lines
    ]
    thing = "ROOT Sword {\nOFFSET 0 0 0\nCHANNELS 3 Xposition Yposition Zposition\n}\n"
    (tmp_path / "two.bvh").write_text(head + thing + "MOTION" + "\n".join(rows) + "\n")
    read = [load(settings_from_text(str(path), ["units=cm", "up=y"])).poses for path in (
        tmp_path / "two.bvh", Path(__file__).parent / "cases" / "plain.bvh")]  # fmt: skip
    assert np.array_equal(*read)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a.fbx", "export the motion of such a file as BVH"),
        ("a.csv", "2D keypoints are for `lift`"),
    ],
)
def test_a_file_of_another_kind_leads_to_what_is_read(name, sentence, tmp_path):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(BadInput, match=f"not read as poses: .* {sentence}"):
        load(settings_from_text(str(tmp_path / name), ["units=cm"]))
