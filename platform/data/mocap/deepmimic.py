"""Motion that comes inside a package: the 15 human clips of DeepMimic in the pybullet wheel.

Peng 2018 (https://arxiv.org/abs/1804.02717). The files hold joint rotations of one figure, y up,
x forward, z to the figure's right; the figure's bones come from its URDF, which is drawn four
times too large. What leaves this module: 17 Human3.6M joints, world millimetres, z up, x forward
at the start, y to the left.

Joints that the figure has: hips, knees, ankles, shoulders, elbows, wrists (ends of the forearms).
Placed by us: Spine where the chest link begins, Thorax where the neck link begins, Head on the top
of the head's sphere, and Neck halfway between Thorax and Head, as in the CMU poses (141 of
285 mm).
"""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from evoskeleton.assets import Asset, fetch
from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.platform.data.poses import PoseSet, single_clip

SUBJECT = "deepmimic"
URDF = "pybullet_data/humanoid/humanoid.urdf"
_CLIP = "pybullet_data/data/motions/humanoid3d_{}.txt"
_CLIP_SHA256 = {
    "backflip": "ffc5e117f69364e239eeedc86d6a30ab854500a375a1c137a405f1b7652905e6",
    "cartwheel": "17453459a40ec4ea08346072748ae3c7c384b49e619753e9779637fa8a9f7c49",
    "crawl": "104a3b675131a43e7a214e24c0ed631c6a0d814b85c8b66b71ce63b23a5731ae",
    "dance_a": "15ef3731f594edc9ed078170f1075815cc164acaca9e35a46db12a31ac64b717",
    "dance_b": "b5a9d7a3f2304f6242776d7ff6d19d1f6bcb98d78d68622761c3843b614a92b5",
    "getup_facedown": "1bd1a96e9175f65eb66e10f225473b4467bd70c68e283f4006b2ab090e337c0b",
    "getup_faceup": "5936c32d51dad9b0cd5e61df681079d160436cdce845c312f200d7a347c4040d",
    "jump": "a433557e94b193d8a95530572a0e32f387eb6d9996987b4216efb65444c3c641",
    "kick": "177cfb399466309ba7f4a8a987c3b6f6edde1cbe8b2d476e53dc6061ec5d4bac",
    "punch": "1ab4b654cecdb4ff3b2a4bf4086e50397bef28435bb59ab3aedd6a6bdc926fde",
    "roll": "50d75c2243b2859f8dcae4ad8fa14b59054dd9ee529b4fb52ec14470cd982c55",
    "run": "2cbe488023b243e5769299158ce7c78875ec4b701a2ffe6c0beeaf83d16ca87b",
    "spin": "9614f10b92e7a8b123990ad5bcfafc65aa4d8fa8ac7f10ade3c3591122d34425",
    "spinkick": "60ec9c200d96e0cd71693061f24db0bd8da9eb295daf487f6f60f8dfb324075a",
    "walk": "32d082c3599bc40aac50b1afa196ff1e2cf3842bb40f0541ab088845f6328a41",
}
CLIPS = tuple(_CLIP_SHA256)

MOTION = Asset(
    name="deepmimic-motion",
    package="pybullet",
    version="3.2.7",
    members={
        URDF: "4a449f923dcbd242c1c6a3ad15e62047c6cb2fc1d275bf31a339bf60d27a6894",
        **{_CLIP.format(clip): sha256 for clip, sha256 in _CLIP_SHA256.items()},
    },
    python_version="3.11",
    abi="cp311",
    platform="manylinux_2_17_x86_64",
    megabytes=103,
)

URDF_UNIT_MM = 250.0
FILE_UNIT_MM = 1000.0
CROWN = 0.70 + 0.41
"""Top of the head above the start of the neck link, in the URDF's unit: centre plus radius."""

_FRAME_LENGTH = 44
_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])

_LINKS: tuple[tuple[str, str, int], ...] = (
    ("chest", "root", 8),
    ("neck", "chest", 12),
    ("right_hip", "root", 16),
    ("right_knee", "right_hip", 20),
    ("right_ankle", "right_knee", 21),
    ("right_shoulder", "chest", 25),
    ("right_elbow", "right_shoulder", 29),
    ("left_hip", "root", 30),
    ("left_knee", "left_hip", 34),
    ("left_ankle", "left_knee", 35),
    ("left_shoulder", "chest", 39),
    ("left_elbow", "left_shoulder", 43),
)
"""(link, its parent, first column of its rotation in a frame), parents first."""

_HINGES = ("right_knee", "right_elbow", "left_knee", "left_elbow")
"""Links that turn about the z axis by one angle; the others have a quaternion, w x y z."""

_JOINTS = {
    Joint.HIP: "root",
    Joint.RHIP: "right_hip",
    Joint.RKNEE: "right_knee",
    Joint.RFOOT: "right_ankle",
    Joint.LHIP: "left_hip",
    Joint.LKNEE: "left_knee",
    Joint.LFOOT: "left_ankle",
    Joint.SPINE: "chest",
    Joint.THORAX: "neck",
    Joint.LSHOULDER: "left_shoulder",
    Joint.LELBOW: "left_elbow",
    Joint.LWRIST: "left_wrist",
    Joint.RSHOULDER: "right_shoulder",
    Joint.RELBOW: "right_elbow",
    Joint.RWRIST: "right_wrist",
}


def load_deepmimic(path: Path | None = None) -> PoseSet:
    """All frames of all clips, at each file's own rate (16 to 62 frames a second).

    Args:
        path: None for the asset in the cache, else a pybullet wheel or a folder in which one was
            unpacked.
    """
    folder = path if path is not None and path.is_dir() else fetch(MOTION, path)
    offsets = read_offsets(folder / URDF)
    clips = []
    for clip in CLIPS:
        frames = read_frames(folder / _CLIP.format(clip))
        clips.append(single_clip(frames_to_joints(frames, offsets), SUBJECT, clip, clip))
    return PoseSet.concat(clips)


def read_offsets(urdf: Path) -> dict[str, np.ndarray]:
    """Where each link begins in its parent's frame, (3,) mm, by link."""
    try:
        robot = ElementTree.fromstring(urdf.read_bytes().rstrip(b"\0"))  # the file ends in a NUL
    except (OSError, ElementTree.ParseError) as error:
        raise BadInput(f"the figure {urdf} cannot be read: {error}") from None
    offsets = {}
    for joint in robot.findall("joint"):
        child, origin = joint.find("child"), joint.find("origin")
        assert child is not None and origin is not None, "the URDF was checked by its SHA-256"
        xyz = np.array(origin.get("xyz", "").split(), dtype=np.float64)
        offsets[str(child.get("link"))] = URDF_UNIT_MM * xyz
    return offsets


def read_frames(path: Path) -> np.ndarray:
    """The (frames, 44) numbers of a motion file: duration, root position, rotations."""
    try:
        frames = np.array(json.loads(path.read_text())["Frames"], dtype=np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"the motion file {path} cannot be read: {error}") from None
    if frames.ndim != 2 or frames.shape[1] != _FRAME_LENGTH:
        raise BadInput(f"{path} should hold frames of {_FRAME_LENGTH} numbers, got {frames.shape}")
    return frames


def frames_to_joints(frames: np.ndarray, offsets: dict[str, np.ndarray]) -> np.ndarray:
    """Forward kinematics: (n, 44) frames to (n, 17, 3) float32 joints, world mm, z up."""
    place = {"root": FILE_UNIT_MM * frames[:, 1:4]}
    turn = {"root": quaternion_to_matrix(frames[:, 4:8])}
    for link, parent, column in _LINKS:
        place[link] = place[parent] + turn[parent] @ offsets[link]
        turn[link] = turn[parent] @ _own_turn(frames, link, column)
    for side in ("right", "left"):
        elbow, wrist = f"{side}_elbow", f"{side}_wrist"
        place[wrist] = place[elbow] + turn[elbow] @ offsets[wrist]
    joints = np.empty((len(frames), 17, 3))
    for joint, link in _JOINTS.items():
        joints[:, joint] = place[link]
    crown = turn["neck"] @ np.array([0.0, CROWN * URDF_UNIT_MM, 0.0])
    joints[:, Joint.HEAD] = place["neck"] + crown
    joints[:, Joint.NECK] = place["neck"] + 0.5 * crown
    poses: np.ndarray = (joints @ _Z_UP.T).astype(np.float32)
    return poses


def _own_turn(frames: np.ndarray, link: str, column: int) -> np.ndarray:
    if link in _HINGES:
        return hinge_to_matrix(frames[:, column])
    return quaternion_to_matrix(frames[:, column : column + 4])


def hinge_to_matrix(angle: np.ndarray) -> np.ndarray:
    """(n, 3, 3) rotations about z by (n,) radians; negative bends a hanging limb backwards."""
    turn = np.zeros((len(angle), 3, 3))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(angle)
    turn[:, 1, 0] = np.sin(angle)
    turn[:, 0, 1] = -turn[:, 1, 0]
    turn[:, 2, 2] = 1.0
    return turn


def quaternion_to_matrix(quaternion: np.ndarray) -> np.ndarray:
    """(n, 3, 3) rotations of (n, 4) quaternions w x y z, normalised first: files are rounded."""
    unit = quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)
    w, xyz = unit[:, 0, None, None], unit[:, 1:]
    x, y, z = xyz.T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    turn: np.ndarray = np.eye(3) + 2.0 * w * cross + 2.0 * cross @ cross
    return turn
