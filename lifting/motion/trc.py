"""TRC, the text table of markers that OpenSim opens: mm, y up."""

from pathlib import Path

import numpy as np

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.files import write_text
from evoskeleton.lifting.motion.motion import Motion


def write_trc(path: Path, motion: Motion) -> None:
    """Write one body; what is not known stays empty.

    Raises:
        BadInput: the file cannot be written.
    """
    frames, markers = motion.joints.shape[:2]
    rate = f"{motion.rate:.6g}"
    named = "".join(f"{name}\t\t\t" for name in JOINT_NAMES)
    axes = "".join(f"X{n}\tY{n}\tZ{n}\t" for n in range(1, markers + 1))
    head = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame"
        "\tOrigNumFrames",
        f"{rate}\t{rate}\t{frames}\t{markers}\tmm\t{rate}\t1\t{frames}",
        f"Frame#\tTime\t{named}".rstrip("\t"),
        f"\t\t{axes}".rstrip("\t"),
        "",
    ]
    write_text(path, "\n".join([*head, *_rows(motion)]) + "\n")


def _rows(motion: Motion) -> list[str]:
    y_up = np.stack([motion.joints[..., 0], motion.joints[..., 2], -motion.joints[..., 1]], axis=-1)
    return [
        "\t".join([f"{number + 1}", f"{number / motion.rate:.6f}", *map(_word, row.ravel())])
        for number, row in enumerate(y_up)
    ]


def _word(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else ""
