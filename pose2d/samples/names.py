"""Keypoints by name across data sets: which are the same point, which lie above the hips.

A name is brought to COCO's spelling; Human3.6M's and MPII's names of the same points are known.
"""

from collections.abc import Sequence

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.keypoints.keypoint_formats import COCO, SAME_JOINT, plain_name
from evoskeleton.lifting.keypoints.layouts import LAYOUTS

LEAST_SHARED = 6
"""Keypoints that two sets should share for one to be learnt from the other."""

_ELSEWHERE = {"hip": "pelvis", "mid_hip": "pelvis"}
"""The middle of the hips by definition, everywhere; a head or a neck differs from set to set."""

SCHEMAS = {"coco": COCO, "human36m": JOINT_NAMES, "mpii": LAYOUTS["mpii"].names}
"""Keypoints that a detector may be asked for by one word."""

_LOWER = ("hip", "pelvis", "knee", "ankle", "foot", "heel", "toe")


def same_name(name: str) -> str:
    """One spelling for a point, whatever data set names it."""
    plain = SAME_JOINT.get(name) or plain_name(name)
    return _ELSEWHERE.get(plain, plain)


def matching(have: Sequence[str], want: Sequence[str], where: str) -> np.ndarray:
    """(wanted,) int64: the place of every wanted keypoint among those at hand, or -1.

    Raises:
        BadInput: fewer than six are there.
    """
    place = {same_name(name): at for at, name in enumerate(have)}
    places = np.array([place.get(same_name(name), -1) for name in want], np.int64)
    shared = int((places >= 0).sum())
    if shared < min(LEAST_SHARED, len(want)):
        raise BadInput(
            f"{where} should have at least {LEAST_SHARED} of the keypoints {_few(want)}, "
            f"it has {_few(have)}: {shared} are the same"
        )
    return places


def lacking(have: Sequence[str], want: Sequence[str]) -> list[str]:
    """Wanted keypoints that are not among those at hand."""
    known = {same_name(name) for name in have}
    return [name for name in want if same_name(name) not in known]


def upper_body(names: Sequence[str]) -> np.ndarray:
    """(keypoints,) bool: what lies above the hips."""
    return np.array([not any(part in same_name(name) for part in _LOWER) for name in names])


def known_schema(words: str | Sequence[str]) -> tuple[str, ...]:
    """Keypoints by the name of their set, or as a list of names.

    Raises:
        BadInput: there is no such set.
    """
    if not isinstance(words, str):
        return tuple(words)
    if words not in SCHEMAS:
        raise BadInput(f"keypoints should be one of {', '.join(SCHEMAS)}, or names, got {words}")
    return SCHEMAS[words]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
