"""Error radii of joints as clients and servers keep them; neither torch nor a lifter is needed.

How they are measured stands in `conformal`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES


@dataclass(frozen=True)
class ErrorRadii:
    """Within which distance from the truth joints are: (17,) float32, mm.

    NaN where too few poses calibrated a joint.

    Attributes:
        seen: of joints whose keypoint was known.
        hidden: of joints whose keypoint was missing.
    """

    seen: np.ndarray
    hidden: np.ndarray

    def of(self, visibility: np.ndarray) -> np.ndarray:
        """Radii (..., 17), mm, of joints with (..., 17) visibility, above 0.5 where known."""
        return np.where(np.asarray(visibility) > 0.5, self.seen, self.hidden)


@dataclass(frozen=True)
class CalibratedRadii(ErrorRadii):
    """Radii with what they promise.

    Attributes:
        level: share of errors that a radius promises to hold, 0 to 1.
    """

    level: float

    def as_dict(self) -> dict[str, Any]:
        """Level and radii by joint name, for JSON; a radius that is not known is null."""
        sides = {"seen": self.seen, "hidden": self.hidden}
        return {"level": self.level} | {side: by_joint(radii) for side, radii in sides.items()}

    @classmethod
    def from_dict(cls, words: Mapping[str, Any]) -> "CalibratedRadii":
        """Back from `as_dict`.

        Raises:
            BadInput: something is missing.
        """
        try:
            seen, hidden = (
                np.array([words[side][name] for name in JOINT_NAMES], dtype=np.float32)
                for side in ("seen", "hidden")
            )
            return cls(seen, hidden, float(words["level"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"the error radii are damaged: {error!r}") from None


def by_joint(values: np.ndarray) -> dict[str, float | None]:
    """(17,) numbers by joint name; NaN, which JSON does not have, becomes None."""
    words = (None if np.isnan(value) else round(float(value), 4) for value in values)
    return dict(zip(JOINT_NAMES, words, strict=True))
