"""Motion-capture files as poses: a BVH, or an AMC with its ASF; one clip a file.

The clip is the file's name. So is the action, and the subject is what stands before the first "_"
(as in the CMU database, where 02_01 is the first clip of subject 02), unless both are given.
"""

import logging
import math
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.mocap.asf_amc import read_amc
from evoskeleton.platform.data.mocap.bvh import read_bvh
from evoskeleton.platform.data.mocap.motion import SAME_RATE, Motion, to_h36m
from evoskeleton.platform.data.poses import PoseSet
from evoskeleton.platform.data.sources.settings import RecordingSource

_log = logging.getLogger(__name__)


def load_mocap(path: Path, settings: RecordingSource) -> PoseSet:
    """The poses of one file; what is approximated is logged as a warning.

    Args:
        path: a BVH or AMC file.
        settings: what is declared of it.

    Raises:
        BadInput: the file is damaged, its unit or up axis is neither declared nor given, or a joint
            is not found.
    """
    motion = read_motion(path, settings.skeleton)
    poses, notes = to_h36m(motion, settings.units, settings.up, settings.joints)
    for note in notes:
        _log.warning("%s: %s", path.name, note)
    rows = np.arange(0, len(poses), _step(motion, settings.fps))
    return PoseSet(
        poses=poses[rows],
        subject=np.full(len(rows), settings.subject or path.stem.split("_")[0]),
        action=np.full(len(rows), settings.action or path.stem),
        clip=np.full(len(rows), path.stem),
        frame=(motion.first_frame + rows).astype(np.int32),
    )


def read_motion(path: Path, skeleton: str | None) -> Motion:
    """A file by its suffix."""
    asf = Path(skeleton).expanduser() if skeleton else None
    return read_amc(path, asf) if path.suffix.lower() == ".amc" else read_bvh(path, asf)


def _step(motion: Motion, fps: float | None) -> int:
    """Every how many frames one is kept."""
    if fps is None:
        return 1
    if motion.frame_rate is None:
        raise BadInput(f"{motion.source} does not declare its frame rate: leave out --fps")
    step = round(motion.frame_rate / fps)
    if step < 1 or not math.isclose(step * fps, motion.frame_rate, rel_tol=SAME_RATE):
        raise BadInput(
            f"--fps should divide the {motion.frame_rate:.6g} frames a second of {motion.source}, "
            f"got {fps:g}"
        )
    return step
