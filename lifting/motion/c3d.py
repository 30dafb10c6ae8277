"""C3D, the binary file of markers of motion capture: mm, z up; written by `ezc3d`."""

from pathlib import Path

import numpy as np

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.extras import require
from evoskeleton.files import scratch_beside, storage_errors
from evoskeleton.lifting.motion.motion import Motion


def write_c3d(path: Path, motion: Motion) -> None:
    """Write one body; what is not known is NaN.

    Raises:
        BadInput: the file cannot be written, or `ezc3d` is not installed.
    """
    ezc3d = require("ezc3d", "C3D needs ezc3d, which is not installed; try pip install ezc3d")
    file = ezc3d.c3d()
    points = np.ones((4, motion.joints.shape[1], len(motion.joints)))
    points[:3] = motion.joints.transpose(2, 1, 0)
    file["parameters"]["POINT"]["RATE"]["value"] = [motion.rate]
    file["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    file["parameters"]["POINT"]["LABELS"]["value"] = list(JOINT_NAMES)
    file["data"]["points"] = points
    with storage_errors(path), scratch_beside(path) as made:
        file.write(str(made))
        made.replace(path)
