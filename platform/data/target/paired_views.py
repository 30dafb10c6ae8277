"""Pairs of poses and the keypoints that were found of them in the pictures of known cameras.

Poses and keypoints belong together by subject, clip and frame, and a clip of keypoints names its
camera: EvoSkeleton's `threeDPose_*.npy`, `twoDPose_*.npy` and `cameras.npy`, or VideoPose3D's
`data_3d_h36m.npz` and `data_2d_h36m_*.npz` with the same cameras.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.evaluation.own_views import OwnViews
from evoskeleton.lifting.keypoints.plausible_keypoints import reasons
from evoskeleton.platform.data.poses import PoseSet
from evoskeleton.platform.data.target.found import FoundKeypoints

_CAMERA = "camera "


class Paired(NamedTuple):
    """Poses that all their cameras' keypoints are known of.

    Attributes:
        rows: (pairs,) which poses.
        views: of these poses.
        left_out: poses without keypoints in every view.
    """

    rows: np.ndarray
    views: OwnViews
    left_out: int


def paired_views(poses: PoseSet, views: OwnViews, found: FoundKeypoints) -> Paired:
    """Poses as cameras saw them, by the keypoints that were found.

    Args:
        poses: of any clips.
        views: the cameras that see them.
        found: keypoints of the same clips; others are left alone.

    Raises:
        BadInput: no pose has keypoints in every view, a camera is not among the views, or a pose
            has two keypoint sets in one view.
    """
    places = _places(views, found)
    keys = zip(poses.subject.tolist(), poses.clip.tolist(), poses.frame.tolist(), strict=True)
    pairs = np.array(
        [[places.get((*key, view), -1) for view in range(len(views.names))] for key in keys],
        np.int64,
    ).reshape(len(poses), len(views.names))
    rows = np.flatnonzero((pairs >= 0).all(axis=1))
    if not len(rows):
        raise BadInput(_no_pair(poses, views, found))
    mine = pairs[rows]
    seen = replace(
        views,
        camera=views.camera[rows],
        keypoints=found.keypoints[mine],
        known=found.confidence[mine] > 0.0,
    )
    return Paired(rows, seen, len(poses) - len(rows))


def _places(views: OwnViews, found: FoundKeypoints) -> dict[tuple[str, str, int, int], int]:
    """Rows of keypoints that a lifter can use, by subject, clip, frame and view."""
    view = [_view(views, clip.part) for clip in found.clips]
    useless = reasons(found.keypoints, found.confidence > 0.0)
    places: dict[tuple[str, str, int, int], int] = {}
    for row, (clip, number) in enumerate(zip(found.clip, found.number, strict=True)):
        if row in useless:
            continue
        of = found.clips[clip]
        key = (of.subject, of.name, int(number), view[clip])
        if key in places:
            raise BadInput(
                f"keypoints of {of.subject}, {of.name} {of.part} hold frame {number} twice: there "
                "should be one person"
            )
        places[key] = row
    return places


def _view(views: OwnViews, part: str) -> int:
    """Which view a clip is of: by the camera's name, or its number from 0 on."""
    camera = part.removeprefix(_CAMERA)
    if camera in views.names:
        return views.names.index(camera)
    if not camera and len(views.names) == 1:
        return 0
    if camera.isdecimal() and int(camera) < len(views.names):
        return int(camera)
    listed = ", ".join(views.names)
    raise BadInput(f"keypoints should be of the cameras {listed}, got {part or 'none'}")


def _no_pair(poses: PoseSet, views: OwnViews, found: FoundKeypoints) -> str:
    ours = f"{poses.subject[0]}, {poses.clip[0]}, frame {poses.frame[0]}"
    theirs = next(_named(found), "nothing")
    cameras = "its camera" if len(views.names) == 1 else f"each of its {len(views.names)} cameras"
    return (
        "keypoints should be of the same subjects, clips and frames as the poses: there is no pose "
        f"with keypoints in {cameras}; poses begin with {ours}, keypoints with {theirs}"
    )


def _named(found: FoundKeypoints) -> Iterator[str]:
    for clip, number in zip(found.clip.tolist(), found.number.tolist(), strict=True):
        of = found.clips[clip]
        words = [of.subject, of.name or of.file, of.part, f"frame {number}"]
        yield ", ".join(word for word in words if word)
