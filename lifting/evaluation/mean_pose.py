"""The least that a lifter has to be worth: better than always answering the mean pose.

A training can diverge and stay finite, with a loss of any size; the mean of the poses themselves,
seen from the hip in each view, says from where on that is no lifter any more.
"""

from typing import NamedTuple

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.metrics import mpjpe
from evoskeleton.lifting.protocols import lift_fixed_views

MOST_POSES = 2048
DIVERGED = 2.0
"""A lifter that errs so many times as much as the mean pose has not learnt, but diverged."""


class AgainstMeanPose(NamedTuple):
    """Mean errors over the fixed views, mm: of a lifter, and of the mean pose of the same poses."""

    mpjpe: float
    mean_pose_mpjpe: float

    @property
    def is_worse(self) -> bool:
        """Whether a lifter that always answers the mean pose would be better."""
        return not self.mpjpe < self.mean_pose_mpjpe

    @property
    def has_diverged(self) -> bool:
        """Whether it errs many times as much as the mean pose, or without end."""
        return not self.mpjpe < DIVERGED * self.mean_pose_mpjpe

    def refuse_diverged(self, poses: str = "its own poses") -> None:
        """A lifter that is far from any pose is not kept.

        Raises:
            BadInput: it errs many times as much as the mean pose.
        """
        if self.has_diverged:
            raise BadInput(f"the training diverged, {self.in_words(poses)}: lower learning_rate")

    def in_words(self, poses: str = "its own poses") -> str:
        """Both errors, as part of a sentence."""
        return (
            f"its lifter errs by {self.mpjpe:.4g} mm on {poses}, one that always answers "
            f"their mean by {self.mean_pose_mpjpe:.4g} mm"
        )


def against_mean_pose(lifter: Lifter, poses: np.ndarray) -> AgainstMeanPose:
    """A lifter and the mean pose on (n, 17, 3) world mm, at most 2,048 of them, evenly chosen."""
    chosen = np.linspace(0, len(poses) - 1, min(len(poses), MOST_POSES)).astype(int)
    predicted, target = (part.flatten(0, 1) for part in lift_fixed_views(lifter, poses[chosen]))
    mean = target.mean(0, keepdim=True).expand_as(target)
    return AgainstMeanPose(
        float(mpjpe(predicted, target).mean()), float(mpjpe(mean, target).mean())
    )
