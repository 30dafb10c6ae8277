"""A set of poses in numbers: builds, heights, directions of limbs, rarity, duplicates.

What is compared with another set, such as the seeds or somebody else's data, says how much of it is
covered and how far away the rest is.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES, LIMBS
from evoskeleton.lifting.protocols import rarity
from evoskeleton.platform.data.held_out import is_among
from evoskeleton.platform.data.poses import PoseSet, body_height

_BINS = (24, 12)
"""Columns of azimuth and rows of equal height: all bins of the sphere have the same area."""
_MOST = 20_000
_QUANTILES = {"least": 0.0, "tenth": 0.1, "median": 0.5, "ninetieth": 0.9, "most": 1.0}


def described(poses: PoseSet, other: PoseSet | None = None) -> dict[str, Any]:
    """Plain numbers of a set, and of what another set holds of it.

    Args:
        poses: at least one.
        other: to be compared with; none: alone.
    """
    chosen = sample(poses.poses)
    numbers: dict[str, Any] = {
        "poses": len(poses),
        "subjects": len(set(poses.subject.tolist())),
        "clips": len(poses.clips()),
        "duplicates": len(poses) - _distinct(poses.poses),
        "height_mm": _quantiles(body_height(poses.poses)),
        "hip_height_mm": _quantiles(poses.poses[:, 0, 2]),
        "bones_mm": _bones(poses.poses),
        "limb_directions": _shares(_occupied(chosen)),
    }
    if other is not None:
        numbers["against"] = _against(poses.poses, other.poses)
    return numbers


def _against(poses: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    """What the other set has that this one has too, and how rare these poses are in it."""
    here, there = _occupied(sample(poses)), _occupied(sample(other))
    both = (here & there).sum((1, 2)) / np.maximum(1, there.sum((1, 2)))
    new = (here & ~there).sum((1, 2)) / here[0].size
    return {
        "poses": len(other),
        "shared_poses": int(is_among(poses, other).sum()),
        "covered": _by_limb(both),
        "directions_it_lacks": _by_limb(new),
        "distance_to_nearest_mm": _quantiles(rarity(sample(poses), sample(other))),
    }


def sample(poses: np.ndarray) -> np.ndarray:
    """At most 20,000 poses, evenly over all."""
    return poses[:: max(1, -(-len(poses) // _MOST))]


def _distinct(poses: np.ndarray) -> int:
    rows = np.rint(10 * (poses - poses[:, :1])).astype(np.int32).reshape(len(poses), -1)
    return len({row.tobytes() for row in rows})


def _quantiles(values: np.ndarray) -> dict[str, float]:
    found = np.quantile(values, list(_QUANTILES.values()))
    return {name: round(float(v), 1) for name, v in zip(_QUANTILES, found, strict=True)}


def _bones(poses: np.ndarray) -> dict[str, float]:
    """Mean length of each bone, mm."""
    return {
        f"{JOINT_NAMES[a]}-{JOINT_NAMES[b]}": round(
            float(np.linalg.norm(poses[:, b] - poses[:, a], axis=1).mean()), 1
        )
        for a, b in BONES
    }


def _occupied(poses: np.ndarray) -> np.ndarray:
    """(limbs, rows, columns) bool: bins of the sphere in which each limb ever points."""
    limbs = encode(torch.from_numpy(np.array(poses, np.float32))).limbs.numpy().astype(float)
    columns, rows = _BINS
    azimuth = (np.arctan2(limbs[0], limbs[1]) / (2 * np.pi) + 0.5) * columns
    height = (limbs[2] + 1) / 2 * rows
    occupied = np.zeros((len(LIMBS), rows, columns), bool)
    limb = np.repeat(np.arange(len(LIMBS))[:, None], len(poses), axis=1)
    row = np.clip(height.astype(int), 0, rows - 1)
    occupied[limb, row, np.clip(azimuth.astype(int), 0, columns - 1)] = True
    return occupied


def _shares(occupied: np.ndarray) -> Mapping[str, float]:
    return _by_limb(occupied.mean((1, 2)))


def _by_limb(values: np.ndarray) -> dict[str, float]:
    return {limb.name: round(float(v), 3) for limb, v in zip(LIMBS, values, strict=True)}
