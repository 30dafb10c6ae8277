"""Layouts of keypoints by name: what each number of a file is, for files that do not say.

Names as makers use them: OpenPose (Cao 2019, https://arxiv.org/abs/1812.08008: BODY_25 and COCO of
18 points), AlphaPose's Halpe (Fang 2022, https://arxiv.org/abs/2211.03375: 26 and 136 points),
COCO-WholeBody (Jin 2020, https://arxiv.org/abs/2007.11858: 133), MPII (Andriluka 2014: 16),
LSP (Johnson 2010: 14), CrowdPose (Li 2019: 14), AI Challenger (Wu 2017: 14), OpenPose's BODY_25B
and MPI of 15 points. Of hands and faces nothing is taken. Joints that a layout has not are mixed
as in `keypoint_formats`.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import H36M_32_INDEX, JOINT_NAMES
from evoskeleton.lifting.keypoints.keypoint_formats import (
    BLAZEPOSE_POINTS,
    COCO,
    KeypointSet,
    set_of_names,
)
from evoskeleton.lifting.keypoints.plausible_keypoints import limb_misfit

_OPENPOSE_18 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip

_BODY_25 = (
    *_OPENPOSE_18[:8], "mid_hip", *_OPENPOSE_18[8:], "left_big_toe", "left_small_toe", "left_heel",
    "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip

_HALPE_26 = (
    *COCO, "head_top", "neck", "mid_hip", "left_big_toe", "right_big_toe", "left_small_toe",
    "right_small_toe", "left_heel", "right_heel",
)  # fmt: skip

_MPII = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis",
    "thorax", "upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder",
    "left_shoulder", "left_elbow", "left_wrist",
)  # fmt: skip

_LSP = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist",
    "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck",
    "head_top",
)  # fmt: skip

_BODY_25B = (
    *COCO, "neck", "head_top", "left_big_toe", "left_small_toe", "left_heel", "right_big_toe",
    "right_small_toe", "right_heel",
)  # fmt: skip

_CROWDPOSE = (
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "head_top",
    "neck",
)  # fmt: skip

_AI_CHALLENGER = (
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "head_top",
    "neck",
)  # fmt: skip

_MPI_15 = ("head_top", *_OPENPOSE_18[1:14], "chest")

_MPII_OURS = {"Hip": "pelvis", "Thorax": "thorax", "Head": "head_top"}


def _with_more(names: Sequence[str], count: int) -> tuple[str, ...]:
    """Names, and further points without any that we take."""
    return (*names, *(f"point_{number}" for number in range(len(names), count)))


def _of_mpii() -> KeypointSet:
    """Spine and Neck lie on the lines between their neighbours; all others are there."""
    plain = set_of_names(_MPII)
    weights = plain.weights.copy()
    unit = dict(zip(_MPII, np.eye(len(_MPII)), strict=True))
    for ours, theirs in _MPII_OURS.items():
        weights[JOINT_NAMES.index(ours)] = unit[theirs]
    weights[JOINT_NAMES.index("Spine")] = 0.5 * (unit["pelvis"] + unit["thorax"])
    weights[JOINT_NAMES.index("Neck")] = 0.5 * (unit["thorax"] + unit["head_top"])
    return KeypointSet(_MPII, weights)


def _with_head_top(names: tuple[str, ...]) -> KeypointSet:
    """As MPII, with the middle of the hips and the neck for its pelvis and thorax."""
    plain = set_of_names(names)
    weights = plain.weights.copy()
    unit = dict(zip(names, np.eye(len(names)), strict=True))
    hip, neck, top = 0.5 * (unit["right_hip"] + unit["left_hip"]), unit["neck"], unit["head_top"]
    ours = {"Spine": 0.5 * (hip + neck), "Thorax": neck, "Neck": 0.5 * (neck + top), "Head": top}
    for joint, row in ours.items():
        weights[JOINT_NAMES.index(joint)] = row
    return KeypointSet(names, weights)


def _of_32_joints() -> KeypointSet:
    names, weights = [""] * 32, np.zeros((len(JOINT_NAMES), 32))
    for joint, place in enumerate(H36M_32_INDEX):
        names[place], weights[joint, place] = JOINT_NAMES[joint], 1.0
    return KeypointSet(tuple(names), weights)


def _of_16_joints() -> KeypointSet:
    """Without the nose, as hourglass detections of Human3.6M are kept; Neck is mixed."""
    names = tuple(name for name in JOINT_NAMES if name != "Neck")
    unit = dict(zip(names, np.eye(len(names)), strict=True))
    unit["Neck"] = 0.5 * (unit["Thorax"] + unit["Head"])
    return KeypointSet(names, np.stack([unit[name] for name in JOINT_NAMES]))


LAYOUTS: Mapping[str, KeypointSet] = {
    "human36m": set_of_names(JOINT_NAMES),
    "human36m_32": _of_32_joints(),
    "human36m_16": _of_16_joints(),
    "coco17": set_of_names(COCO),
    "coco18": set_of_names(_OPENPOSE_18),
    "body25": set_of_names(_BODY_25),
    "blazepose": set_of_names(BLAZEPOSE_POINTS),
    "halpe26": set_of_names(_HALPE_26),
    "halpe136": set_of_names(_with_more(_HALPE_26, 136)),
    "wholebody": set_of_names(_with_more(COCO, 133)),
    "mpii": _of_mpii(),
    "lsp14": _with_head_top(_LSP),
    "crowdpose": _with_head_top(_CROWDPOSE),
    "aic": _with_head_top(_AI_CHALLENGER),
    "body25b": set_of_names(_BODY_25B),
    "mpi15": _with_head_top(_MPI_15),
}
"""Layouts by the name that `--points` takes."""

_ALIASES = {
    "h36m": "human36m", "h36m17": "human36m", "human36m17": "human36m", "h36m32": "human36m_32",
    "h36m16": "human36m_16", "coco": "coco17", "openpose18": "coco18", "openpose": "body25",
    "openpose25": "body25", "mediapipe": "blazepose", "blazepose33": "blazepose",
    "halpe": "halpe26", "wholebody133": "wholebody", "cocowholebody": "wholebody",
    "cocowholebody133": "wholebody", "mpii16": "mpii", "lsp": "lsp14", "crowdpose14": "crowdpose",
    "aichallenger": "aic", "aic14": "aic", "openpose15": "mpi15", "mpi": "mpi15",
}  # fmt: skip


def layout(name: str) -> KeypointSet:
    """A layout by its name or by what others call it, in any spelling.

    Raises:
        BadInput: there is no such layout.
    """
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    known = {re.sub(r"[^a-z0-9]", "", each): each for each in LAYOUTS}
    found = known.get(plain) or _ALIASES.get(plain)
    if found is None:
        raise BadInput(f"--points should be one of {', '.join(LAYOUTS)}, got {name[:40]}")
    return LAYOUTS[found]


def same_count(count: int) -> str:
    """Names of the layouts of so many points, in brackets; empty without any."""
    names = [name for name, each in LAYOUTS.items() if len(each.names) == count]
    return f" ({', '.join(names)})" if names else ""


def expect_best_order(
    where: str, chosen: KeypointSet, points: np.ndarray, known: np.ndarray
) -> None:
    """Points of a layout that only their number tells should not look far more like another's.

    Args:
        where: the file, for messages.
        chosen: the layout that they are taken for.
        points: (people, points, 2) px.
        known: (people, points) bool.

    Raises:
        BadInput: limbs of another layout of as many points are far more those of a body.
    """
    named = next((name for name, each in LAYOUTS.items() if each is chosen), "")
    count = len(chosen.names)
    others = [name for name, each in LAYOUTS.items() if len(each.names) == count and name != named]
    if not named or not others or named == "human36m":
        return
    misfits = {}
    for name in (named, *others):
        ours, sure = LAYOUTS[name].to_human36m(points, known.astype(np.float64))
        misfits[name] = limb_misfit(ours, sure > 0.0) + _SURE_OF_ORDER
    best = min(others, key=lambda name: misfits[name])
    if misfits[named] > 1.5 * misfits[best]:
        raise BadInput(
            f"{where}: {count} points a person are {', '.join((named, *others))} here, and these "
            f"look like {best}: --points says which"
        )


_SURE_OF_ORDER = 0.1
"""Added to misfits before they are compared, so that two good ones are alike."""


def of_count(count: int, among: Sequence[str]) -> KeypointSet | None:
    """The layout of so many points among some that are named; None where there is none."""
    fitting = (LAYOUTS[name] for name in among)
    return next((each for each in fitting if len(each.names) == count), None)


def of_names(names: Sequence[str]) -> KeypointSet:
    """The layout of these very names, or what `set_of_names` makes of any others.

    Raises:
        BadInput: fewer than six of our joints are among them.
    """
    known = (each for each in LAYOUTS.values() if each.names == tuple(names))
    return next(known, None) or set_of_names(names)
