"""How many actions a body takes to be right, by an annotator who knows the truth and sees well.

Bodies are fitted to exact keypoints of motion that the package's lifter has not seen, from four
sides.
"""

from pathlib import Path

import numpy as np
import pytest
from page_browsing import opened

from evoskeleton.annotation.serving.refits import RefitAsked, assumed_focal_px, refit
from evoskeleton.lifting.bundle import load_bundle
from evoskeleton.lifting.bundles import shipped
from evoskeleton.lifting.cameras import FOCAL_PX

SCRIPT = (Path(__file__).parent / "simulated.js").read_text()
SUBJECTS = ("CMU05", "CMU13")
FRAME = {"schema": "human36m", "width": 1000, "height": 1000}
WORTH_MM = 5.0
"""What an action should bring; less is not seen by a person."""


def seen_from(pose, degrees):
    """(17, 3) camera mm of a body 4 m away, and (17, 2) px."""
    turn = np.radians(degrees)
    x, y, z = (pose - pose[0]).T
    right, away = np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y
    joints = np.stack([right, -z, away + 4000.0], axis=1)
    return joints, 500.0 + FOCAL_PX * joints[:, :2] / joints[:, 2:]


def items(cmu, lifter, poses, views):
    draw = np.random.default_rng(1)
    for row in draw.choice(np.flatnonzero(np.isin(cmu.subject, SUBJECTS)), poses, replace=False):
        for view in range(views):
            joints, points = seen_from(cmu.poses[row], 20.0 + 360.0 * view / views)
            yield joints, points, bodies_of(lifter, points)


def bodies_of(lifter, points):
    """(bodies, 17, 3) mm, the five cheapest that the server offers, hip at 0."""
    height = 1700.0
    asked = RefitAsked(
        points, np.ones(17), 1000, 1000, assumed_focal_px(1000, 1000), height, None, None, 5
    )
    return refit(lifter, asked).joints


def simulated(page, found, most=12):
    words = [
        {
            "keypoints": points.tolist(),
            "truth": (joints - joints[0]).tolist(),
            "bodies": bodies.tolist(),
        }
        for joints, points, bodies in found
    ]
    return np.array(
        page.evaluate(f"(given) => ({SCRIPT}).simulate(given)", [words, FRAME, WORTH_MM, most])
    )


@pytest.mark.long
def test_a_body_is_right_after_few_actions(annotating, chromium, cmu):
    found = list(items(cmu, load_bundle(shipped()), 20, 4))
    with annotating(1) as street, opened(chromium, street.address("ann")) as page:
        before, after, actions = simulated(page, found).T
    print(
        f"{len(found)} bodies: {before.mean():.1f} mm as fitted, {after.mean():.1f} mm after "
        f"{actions.mean():.1f} actions (90 %: {np.quantile(actions, 0.9):.0f})"
    )
    assert actions.mean() <= 2.8 and np.quantile(actions, 0.9) <= 5 and after.mean() <= 35.0
