"""How near the bodies in a target's niches come to the true 3D, and what would choose better ones.

    python tests/benchmarks/niche_truth.py HOME CAMPAIGN cmu_poses.parquet

For a campaign whose target are views of real poses (`search.target.poses`), whose 3D the search has
never seen. P-MPJPE, mm, of the bodies of a niche against the pose that was seen, by subject: the
last lifter's answers; the nearest that were bred; and of those bred the ones that a niche would
put first if something else counted beside the distance: the disagreement with that answer
(`search.niches.agreement`); or how far a body, seen from elsewhere, is from the nearest keypoint
set of all, the mean of 16 views.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from evoskeleton.evolution.archive.agreement import disagreement
from evoskeleton.evolution.chance import key, stream
from evoskeleton.evolution.hierarchy import decode
from evoskeleton.evolution.operators.codes import LIFTED
from evoskeleton.evolution.population import NOBODY
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.lifting.keypoint_views import keypoints_of
from evoskeleton.lifting.metrics import p_mpjpe
from evoskeleton.platform.data.formats.parquet import load_parquet
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.search.campaign.driver import table_of
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.progress import Silent
from evoskeleton.platform.search.campaign.settings import read_settings
from evoskeleton.platform.search.campaign.state import committed_state
from evoskeleton.platform.search.target.resembling import Resembling

KEPT = (1, 5, 10)
WEIGHTS = (0.2, 0.4, 0.75, 2.0)
VIEWS = 16

Metric = Callable[[Tensor, Tensor], Tensor]


def niches_of(folder: CampaignFolder) -> tuple[Resembling, KeypointTarget, ViewSettings]:
    """What the last generation holds, the target, and the cameras of the campaign."""
    settings = read_settings(folder.settings)
    state = committed_state(folder, table_of(settings, folder), Silent().tell)
    assert state is not None and state.resembling is not None, "a campaign with a target"
    return state.resembling, KeypointTarget.load(folder.target), settings.training.fit.views


def true_poses(target: KeypointTarget, file: Path) -> Tensor:
    """The poses (targets, 17, 3) that were seen, by the names of the keypoint sets."""
    poses = load_parquet(file)
    rows = enumerate(zip(poses.subject, poses.clip, poses.frame, strict=True))
    place = {f"{subject}/{clip} frame {frame}": row for row, (subject, clip, frame) in rows}
    return torch.from_numpy(poses.poses[[place[name] for name in target.name]])


def apart(metric: Metric, bodies: Tensor, one: Tensor) -> np.ndarray:
    """A metric (targets, places) of bodies (targets, places, 17, 3) and one a target."""
    other = one[:, None].expand_as(bodies).flatten(0, 1)
    found: np.ndarray = metric(bodies.flatten(0, 1), other).view(bodies.shape[:2]).numpy()
    return found


def from_elsewhere(held: Resembling, target: KeypointTarget, ranges: ViewSettings) -> np.ndarray:
    """(bodies,) distance to the nearest keypoint set of all, the mean of views of each body."""
    joints, address = decode(held.bodies.genomes), key(0, stream("seen from elsewhere"))
    seen, targets = keypoints_of(joints, held.bodies.ids, VIEWS, ranges, address), target.prepared()
    near = (targets.seen(seen[:, [view]], torch.zeros(len(target))) for view in range(VIEWS))
    found: np.ndarray = np.mean([one.nearest for one in near], axis=0)
    return found


def by_subject(name: str, errors: np.ndarray, subjects: np.ndarray) -> None:
    """One line: the mean of (targets,) errors over each subject's."""
    means = (
        f"{subject} {errors[subjects == subject].mean():.1f}" for subject in np.unique(subjects)
    )
    print(f"{name:44}", *means)


def report(held: Resembling, target: KeypointTarget, ranges: ViewSettings, truth: Tensor) -> None:
    """All lines."""
    ids = held.niches.ids
    full = (ids != NOBODY).all(1)
    ids, truth = ids[full], truth[torch.from_numpy(full)]
    subjects = np.array([name.partition("/")[0] for name in target.name])[full]
    bodies = held.of(ids.ravel())
    joints = torch.unflatten(decode(bodies.genomes), 0, ids.shape)
    lifted = (bodies.operators == LIFTED).numpy().reshape(ids.shape)
    last = np.where(lifted, ids, NOBODY).argmax(1)
    answer = joints[torch.arange(len(ids)), torch.from_numpy(last)]
    errors = apart(p_mpjpe, joints, truth)
    by_subject("answers", np.take_along_axis(errors, last[:, None], 1)[:, 0], subjects)
    distance = np.where(lifted, np.inf, held.niches.distance[full])
    beside = {
        "disagreement": apart(disagreement, joints, answer),
        "from elsewhere": from_elsewhere(held, target, ranges)[
            np.searchsorted(held.bodies.ids.numpy(), ids)
        ],
    }
    fitness: Mapping[str, np.ndarray] = {"distance": distance} | {
        f"distance + {weight:g} x {name}": distance + weight * count
        for name, count in beside.items()
        for weight in WEIGHTS
    }
    for by, worth in fitness.items():
        for kept in KEPT:
            best = worth.argsort(1, kind="stable")[:, :kept]
            means = np.take_along_axis(errors, best, 1).mean(1)
            by_subject(f"{kept} bred, by {by}", means, subjects)


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("campaign")
    parser.add_argument("poses", type=Path, help="Parquet file of the poses that were the target")
    options = parser.parse_args()
    held, target, ranges = niches_of(CampaignFolder(options.home, options.campaign))
    report(held, target, ranges, true_poses(target, options.poses))


if __name__ == "__main__":
    main()
