"""Figures of how a campaign has come near to its target."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from evoskeleton.evolution.population import generation_island_slot
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.record.target_figures import Ancestor, target_curve, target_gallery
from evoskeleton.platform.search.campaign.closing.lineage import Ancestors
from evoskeleton.platform.search.campaign.closing.nearest_bodies import explanation
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.campaign.state import State
from evoskeleton.platform.search.target.resembling import Resembling

_SHOWN = 8
_WITHIN = (0.1, 0.2)
_WHOSE = {"bred": "bred_", "with the lifters' answers": ""}


def target_figures(
    settings: CampaignSettings,
    folder: CampaignFolder,
    table: PoseTable,
    state: State,
    ancestors: Ancestors,
) -> Iterator[tuple[str, Figure]]:
    """The curve, keypoint sets from the best explained to the worst, and the worst, by name.

    Nothing without a target, or where nobody stands in its niches.
    """
    held = state.resembling
    if held is None or len(held) == 0:
        return
    yield "target_curve", _curve(state)
    target, place = KeypointTarget.load(folder.target), _shown_places(held)
    distance = np.take_along_axis(held.niches.distance, place[:, None], 1)[:, 0]
    order = np.argsort(distance, kind="stable")
    order = order[np.isfinite(distance[order])]
    picked = np.linspace(0, len(order) - 1, min(_SHOWN, len(order))).round().astype(int)
    for name, rows, title in (
        ("target_explained", order[picked], "Keypoint sets, from the best explained on"),
        ("target_worst_explained", order[::-1][:_SHOWN], "Keypoint sets that are explained worst"),
    ):
        explained = [explanation(settings, target, held, row, place[row]) for row in rows.tolist()]
        lines = _lines(held.niches.ids[rows, place[rows]], table, settings.name, ancestors)
        yield name, target_gallery(explained, lines, title)


def _shown_places(held: Resembling) -> np.ndarray:
    """(targets,) the nearest bred body of each niche, or the nearest of all where none is."""
    found: np.ndarray = np.maximum(held.bred(), 0)
    return found


def _curve(state: State) -> Figure:
    bred = [record for record in state.logbook if "target/distance" in record]
    known = {name: p for name, p in _WHOSE.items() if f"target/{p}distance" in bred[-1]}
    return target_curve(
        [int(record["generation"]) for record in bred],
        {name: _of(bred, f"target/{prefix}distance") for name, prefix in known.items()},
        {
            f"{name}, within {near:g}": _of(bred, f"target/{prefix}within_{near:g}")
            for name, prefix in known.items()
            for near in _WITHIN
        },
    )


def _of(records: Sequence[Mapping[str, float]], name: str) -> list[float]:
    """One number of each generation, NaN where it was not recorded."""
    return [float(record.get(name, np.nan)) for record in records]


def _lines(
    bodies: np.ndarray, table: PoseTable, campaign: str, ancestors: Ancestors
) -> list[list[Ancestor]]:
    """The ancestors of each of some (n,) ids."""
    names = [ancestors.line_of(int(body)) for body in bodies]
    known = np.unique(np.array([name for line in names for name in line], np.int64))
    poses = table.poses_of(known, campaign)
    return [_line(line, poses[np.searchsorted(known, line)], ancestors) for line in names]


def _line(names: Sequence[int], poses: np.ndarray, ancestors: Ancestors) -> list[Ancestor]:
    generations = generation_island_slot(torch.tensor(names, dtype=torch.int64))[0].tolist()
    parts = zip(poses, generations, ancestors.operators_of(names), strict=True)
    return [Ancestor(*part) for part in parts]
