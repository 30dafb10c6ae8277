"""Figures of what a campaign bred."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.hardness import hardness
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.record import review
from evoskeleton.platform.search.campaign.closing.lineage import Ancestors
from evoskeleton.platform.search.campaign.closing.target_figures import target_figures
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.campaign.state import State

_SHOWN, _SAMPLE = 20, 10_000


def figures(
    settings: CampaignSettings,
    folder: CampaignFolder,
    table: PoseTable,
    state: State,
    champion: Lifter,
) -> Iterator[tuple[str, Figure]]:
    """Figures of the evolved poses by name; poses are read from the snapshot, a sample at a time.

    Errors in the table are those of the lifter of the day; the galleries show the champion's.
    """
    names = ["id", "generation", "operator", "error"]
    rows = table.chosen(names, campaign=settings.name)
    poses = _poses(folder, table, state)
    ids, generation, error = (np.asarray(rows[name]) for name in ("id", "generation", "error"))
    bred = np.flatnonzero(generation > 0)
    if len(bred) == 0:
        return
    errors = {int(number): error[generation == number] for number in np.unique(generation[bred])}
    if np.isfinite(error[bred]).any():  # the first generation is bred before there is a lifter
        yield "error_by_generation", review.error_by_generation(errors)
    seeds, sample = (_spread(part) for part in (np.flatnonzero(generation == 0), bred))
    yield "limb_directions", review.limb_coverage(poses[seeds], poses[sample])
    now = hardness([champion], np.asarray(poses[sample])).error
    ancestors = Ancestors(table, settings.name)
    yield from target_figures(settings, folder, table, state, ancestors)
    for name, picked in (
        ("evolved_poses", review.evenly_by_error(now, _SHOWN)),
        ("hardest_poses", np.argsort(-now, kind="stable")[:_SHOWN]),
    ):
        shown = sample[picked]
        operators = [rows["operator"][int(place)].as_py() for place in shown]
        origins = _poses_of(ancestors.seeds_of(ids[shown]), ids[generation == 0], poses)
        errors_now = now[picked]
        yield (
            name,
            review.gallery(poses[shown], generation[shown], operators, errors_now, origins),
        )
    if state.archive is not None:
        yield "archive_map", review.archive_map(state.archive)


def _poses(folder: CampaignFolder, table: PoseTable, state: State) -> np.ndarray:
    """(rows, 17, 3) world mm, row for row those of `PoseTable.chosen`.

    The snapshot holds just these, mapped, where training did not mix them with a target's.
    """
    if state.resembling is not None:
        return table.poses(campaign=folder.name)
    snapshot: np.ndarray = np.load(folder.snapshot(state.generation), mmap_mode="r")
    return snapshot


def _poses_of(ancestors: np.ndarray, seeds: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """(n, 17, 3) seed poses, the first rows of a snapshot; NaN for ancestors who are no seeds."""
    places = np.searchsorted(seeds, ancestors).clip(max=len(seeds) - 1)
    known = seeds[places] == ancestors
    return np.where(known[:, None, None], poses[places], np.nan)


def _spread(places: np.ndarray) -> np.ndarray:
    """At most `_SAMPLE` of the places, evenly over all."""
    return places[:: max(1, len(places) // _SAMPLE)]
