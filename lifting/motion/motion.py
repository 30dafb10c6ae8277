"""One body over time."""

from typing import NamedTuple

import numpy as np


class Motion(NamedTuple):
    """Joints (frames, 17, 3) world mm, z up, NaN where they are not known; frames a second."""

    joints: np.ndarray
    rate: float

    def filled(self) -> np.ndarray:
        """The joints with unknown frames evenly between their neighbours."""
        known = np.isfinite(self.joints).all(axis=(1, 2))
        frames = np.arange(len(known))
        flat = self.joints.reshape(len(known), -1)
        columns = [np.interp(frames, frames[known], column[known]) for column in flat.T]
        return np.stack(columns, axis=1).reshape(self.joints.shape)
