"""Our own Parquet: a pose a row, as `data import` writes them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evoskeleton.files import whole_file
from evoskeleton.lifting.motion.motion import Motion


def write_parquet(path: Path, motion: Motion) -> None:
    """Write the frames whose joints are known: columns subject, action, clip, frame and pose.

    Raises:
        BadInput: the file cannot be written.
    """
    known = np.flatnonzero(np.isfinite(motion.joints).all(axis=(1, 2)))
    flat = motion.joints[known].reshape(len(known), -1).astype(np.float32)
    words = [path.stem] * len(known)
    columns = {
        "subject": words,
        "action": ["video"] * len(known),
        "clip": words,
        "frame": known,
        "pose": pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1]),
    }
    with whole_file(path) as file:
        pq.write_table(pa.table(columns), file)
