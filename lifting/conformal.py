"""How far off each joint may be: split-conformal error radii, millimetres.

Calibrating poses are seen by virtual cameras, with the noise and the missing joints of a detector,
and lifted. The radius of a joint is the quantile of its errors of rank ceil((n + 1) level) of n
(Papadopoulos 2002, https://doi.org/10.1007/3-540-36755-1_29): a further pose of the same kind lies
within it with probability `level`. Joints that were seen and joints that were hidden have radii of
their own, as in Mondrian conformal prediction (Vovk 2005): a hidden wrist is a guess.

What n counts: the poses that calibrate, not their views, of which a pose has many. Poses of one
clip depend on each other, so that even n is generous, and the promise holds for poses of the same
recordings. So every clip is cut into blocks of consecutive frames: every second block calibrates,
and the blocks between them measure the coverage. What a new recording may expect is measured too,
with radii of one half of the clips on the other half.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.evolution.chance import key, normal, stream, uniform
from evoskeleton.evolution.skeleton import JOINT_NAMES, PARENTS, Joint
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.cameras import ViewSettings, project, sample_views, world_to_camera
from evoskeleton.lifting.detections.noise import detected
from evoskeleton.lifting.detections.settings import DetectionSettings
from evoskeleton.lifting.error_radii import CalibratedRadii, by_joint
from evoskeleton.lifting.normalization import hip_centred
from evoskeleton.settings import Settings
from evoskeleton.shapes import expect_shape

_AT_ONCE = 4096
_LIMBS = tuple(
    [PARENTS[end], end] for end in (Joint.RFOOT, Joint.LFOOT, Joint.LWRIST, Joint.RWRIST)
)
"""Knee and foot, elbow and wrist: what furniture and the edge of a picture hide together."""


class RadiusSettings(Settings):
    """What error radii promise, and the detector they reckon with.

    Noise is given in shares of the person's size, the larger side of the box of the keypoints:
    detectors work on a crop of the person, so that their error grows with it.
    """

    level: float = Field(0.9, gt=0.5, lt=1, description="share of the errors that a radius holds")
    draws: int = Field(
        20_000, ge=100, description="views of calibrating poses, each under a camera of its own"
    )
    noise: float = Field(
        0.015,
        ge=0,
        description="standard deviation of a keypoint in x and in y; 6 px for a person of 400 px. "
        "An object keypoint similarity of about 0.85, a little above that of the embedded "
        "detector (0.78 to 0.81), whose figure includes the annotators' own error",
    )
    gross: float = Field(
        0.03, ge=0, lt=1, description="share of keypoints that are found in a wrong place"
    )
    gross_noise: float = Field(
        0.06, ge=0, description="standard deviation of those: about the width of a limb"
    )
    drop: float = Field(0.05, ge=0, lt=1, description="probability that a joint is missing")
    drop_limb: float = Field(
        0.05,
        ge=0,
        lt=1,
        description="probability that knee and foot, or elbow and wrist, are missing together: "
        "behind something, or outside of the picture",
    )
    detections: DetectionSettings | None = Field(
        None,
        description="keypoints as a detector of people finds them, in place of noise, gross, drop "
        "and drop_limb, as of the training; none: these",
    )
    block: int = Field(
        10,
        ge=1,
        description="consecutive frames that calibrate, or are held out, together: a quarter of a "
        "second, so that a short clip still falls into many blocks",
    )
    seed: int = Field(1, ge=0, lt=2**63, description="seed of cameras, noise and missing joints")
    views: ViewSettings = Field(
        default_factory=lambda: ViewSettings.parse({}),
        description="virtual cameras of the calibration",
    )


def radii_of(description: Mapping[str, Any]) -> CalibratedRadii | None:
    """The error radii in what a bundle says about itself, or None where it has none.

    Args:
        description: from `lifting.bundle.read_description`.

    Raises:
        BadInput: there are radii, but damaged ones.
    """
    words = description.get("training", {}).get("error_radii_mm")
    return None if words is None else CalibratedRadii.from_dict(words)


@dataclass(frozen=True)
class Errors:
    """Errors of lifted joints, one row a draw.

    Attributes:
        pose: (draws,) int64, which pose was drawn.
        mm: (draws, 17) distance from the truth, hip-centred.
        seen: (draws, 17) bool, whether the keypoint was known.
    """

    pose: np.ndarray
    mm: np.ndarray
    seen: np.ndarray

    def take(self, poses: np.ndarray) -> "Errors":
        """The draws of some poses, given as a mask over all poses."""
        rows = poses[self.pose]
        return Errors(self.pose[rows], self.mm[rows], self.seen[rows])


def calibrate(
    lifter: Lifter, poses: np.ndarray, clip: np.ndarray, settings: RadiusSettings
) -> dict[str, Any] | None:
    """Error radii of a lifter and what they are worth, for a bundle's record.

    Args:
        lifter: on any device.
        poses: (n, 17, 3) world mm, which the lifter was not trained on, clip after clip in the
            order of time.
        clip: (n,) names or numbers.
        settings: level, cameras and detector.

    Returns:
        What `CalibratedRadii.from_dict` reads, beside it the settings, the number of calibrating
        poses and clips, and the coverage per joint on held-out blocks and on clips that did not
        calibrate (null where there is but one clip). None if the poses are too few for the level.

    Raises:
        BadInput: the poses have another shape.
    """
    expect_shape("poses", poses, ("poses", len(JOINT_NAMES), 3))
    expect_shape("clip", clip, (len(poses),))
    calibrates = _every_second_block(np.asarray(clip), settings.block)
    if rank(int(calibrates.sum()), settings.level) is None:
        return None
    errors = draw_errors(lifter, poses, settings)
    radii = radii_from(errors.take(calibrates), settings.level)
    held_out = coverage(radii, errors.take(~calibrates))
    return {
        **radii.as_dict(),
        "poses": int(calibrates.sum()),
        "clips": len(np.unique(clip[calibrates])),
        "coverage_held_out": by_joint(held_out),
        "coverage_other_clips": _over_clips(errors, np.asarray(clip), settings.level),
        "settings": settings.model_dump(mode="json"),
    }


def rank(n: int, level: float) -> int | None:
    """Which of n sorted errors, from 1, bounds a further one with probability `level`; None if n
    is too small for any to do so."""
    wanted = int(np.ceil((n + 1) * level - 1e-9))
    return wanted if 0 < wanted <= n else None


def draw_errors(lifter: Lifter, poses: np.ndarray, settings: RadiusSettings) -> Errors:
    """Errors of a lifter on (n, 17, 3) world mm, drawn `settings.draws` times, evenly.

    A draw depends on the settings, on its number and on its pose alone.
    """
    pose = np.arange(settings.draws) * len(poses) // settings.draws
    parts = [
        _lifted(lifter, torch.from_numpy(np.asarray(poses[pose[at]], np.float32)), at, settings)
        for at in np.array_split(np.arange(settings.draws), -(-settings.draws // _AT_ONCE))
    ]
    mm, seen = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Errors(pose, mm, seen)


def _lifted(
    lifter: Lifter, joints: Tensor, draws: np.ndarray, settings: RadiusSettings
) -> tuple[np.ndarray, np.ndarray]:
    counters, key_ = torch.from_numpy(draws), key(settings.seed, stream("error radii"))
    cameras = sample_views(joints[:, 0], settings.views, key_, counters)
    truth = world_to_camera(joints, cameras)
    if settings.detections is not None:
        keypoints, seen = detected(
            project(truth, cameras), truth, settings.detections, key_, counters
        )
    else:
        keypoints = _detected(project(truth, cameras), settings, key_, counters)
        seen = _found(settings, key_, counters)
    lifted = lifter.lift_tensor(keypoints.to(lifter.device), seen.to(lifter.device)).cpu()
    return np.linalg.norm((lifted - hip_centred(truth)).numpy(), axis=2), (seen > 0.5).numpy()


def _detected(keypoints: Tensor, settings: RadiusSettings, key_: int, counters: Tensor) -> Tensor:
    """(n, 17, 2) px as a detector would find them."""
    joints = keypoints.shape[1]
    size = (keypoints.amax(1) - keypoints.amin(1)).amax(1)
    wrong = uniform(key(key_, stream("gross")), counters, joints) < settings.gross
    share = torch.where(wrong, settings.gross_noise, settings.noise)
    noise = normal(key(key_, stream("noise")), counters, 2 * joints).view_as(keypoints)
    return keypoints + size[:, None, None] * share[..., None] * noise


def _found(settings: RadiusSettings, key_: int, counters: Tensor) -> Tensor:
    """(n, 17) bool: whether the detector knows a joint."""
    alone = uniform(key(key_, stream("drop")), counters, len(JOINT_NAMES)) < settings.drop
    limbs = uniform(key(key_, stream("drop limb")), counters, len(_LIMBS)) < settings.drop_limb
    hidden = alone.clone()
    for number, limb in enumerate(_LIMBS):
        hidden[:, limb] |= limbs[:, number, None]
    return ~hidden


def radii_from(errors: Errors, level: float) -> CalibratedRadii:
    """Radii of errors, for joints seen and hidden."""
    sides = [
        np.array([_radius(errors, joint, side, level) for joint in range(errors.mm.shape[1])])
        for side in (True, False)
    ]
    seen, hidden = (radii.astype(np.float32) for radii in sides)
    return CalibratedRadii(seen, hidden, level)


def _radius(errors: Errors, joint: int, seen: bool, level: float) -> float:
    """The quantile of one joint's errors; its level is that of the rank among the poses."""
    rows = errors.seen[:, joint] == seen
    n = len(np.unique(errors.pose[rows]))
    at = rank(n, level)
    if at is None:
        return float("nan")
    return float(np.quantile(errors.mm[rows, joint], at / n, method="inverted_cdf"))


def coverage(radii: CalibratedRadii, errors: Errors) -> np.ndarray:
    """(17,) share of the errors within the radii; NaN without errors."""
    if len(errors.mm) == 0:
        return np.full(len(JOINT_NAMES), np.nan)
    shares: np.ndarray = (errors.mm <= radii.of(errors.seen)).mean(0)
    return shares


def _every_second_block(clip: np.ndarray, block: int) -> np.ndarray:
    """(n,) bool: whether a pose lies in an even block of its clip's rows."""
    even = np.zeros(len(clip), bool)
    for name in np.unique(clip):
        rows = np.flatnonzero(clip == name)
        even[rows] = np.arange(len(rows)) // block % 2 == 0
    return even


def _over_clips(errors: Errors, clip: np.ndarray, level: float) -> dict[str, Any] | None:
    """Coverage per joint on each half of the clips with the radii of the other half."""
    parts = list(_halves(clip))
    sides = [(radii_from(errors.take(~part), level), errors.take(part)) for part in parts]
    if not sides or any(np.isnan(radii.of(rest.seen)).any() for radii, rest in sides):
        return None
    counts = [len(rest.mm) for _, rest in sides]
    return by_joint(np.average([coverage(*side) for side in sides], axis=0, weights=counts))


def _halves(clip: np.ndarray) -> Iterator[np.ndarray]:
    """Two masks of every second clip, from the longest to the shortest; none for a single clip."""
    names, counts = np.unique(clip, return_counts=True)
    order = names[np.argsort(-counts, kind="stable")]
    if len(order) > 1:
        for start in (0, 1):
            yield np.isin(clip, order[start::2])
