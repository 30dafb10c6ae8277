"""The search towards keypoints: parents out of the niches, the champion's answers, and the rows
that resemble."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from evoskeleton.evolution.archive.agreement import penalty_of
from evoskeleton.evolution.archive.resemblance import Sightings
from evoskeleton.evolution.chance import key, stream
from evoskeleton.evolution.hierarchy import decode
from evoskeleton.evolution.population import NOBODY, Population, generation_island_slot
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.campaign.state import State
from evoskeleton.platform.search.target.resembling import Resembling
from evoskeleton.platform.search.workers.islands import Sighted, Survivors
from evoskeleton.platform.search.workers.local_search import refinable
from evoskeleton.platform.search.workers.pool import Pool
from evoskeleton.platform.search.workers.scorers import Aim

RESEMBLES = "resembles"
"""`why` of rows that are there for the target alone."""


def aim_of(settings: CampaignSettings, folder: CampaignFolder) -> Aim | None:
    """What scorers look for, where there is a target."""
    if settings.search.target is None:
        return None
    niches = settings.search.niches
    views = settings.training.fit.views
    return Aim(folder.target, niches.views, views, niches.quota, niches.agreement)


class Towards:
    """What a generation does for the target; without one, nothing."""

    def __init__(self, settings: CampaignSettings, pool: Pool) -> None:
        self._search = settings.search
        self._seed = settings.seed
        self._pool = pool
        begun = settings.training.fit.begin is not None
        self._first_asked = 0 if begun else 1  # the first knows the seeds alone, unless it began

    def parents(self, state: State, generation: int) -> list[Population]:
        """The parents of all islands; those of the targeted ones out of the niches.

        Until somebody stands there, they breed from the seeds that they were dealt.
        """
        held = state.resembling
        if held is None or len(held) < 2:
            return list(state.islands)
        return [
            self._out_of_niches(held, generation, number)
            if self._search.island.is_targeted(number)
            else population
            for number, population in enumerate(state.islands)
        ]

    def _out_of_niches(self, held: Resembling, generation: int, island: int) -> Population:
        niches = self._search.niches
        address = key(self._seed, generation, island, stream("parents out of niches"))
        count = self._search.island.offspring_on(island, len(held))
        return held.parents(address, max(2, count), niches.parents_nearest, niches.draw)

    def informed(self, state: State, generation: int) -> State:
        """The state, its niches in the order that a new champion's answers give them, where
        agreement with it counts."""
        weight = self._search.niches.agreement
        if not weight or not self._has_news(state):
            return state
        assert state.resembling is not None, "news of a target"
        opinion = self._pool.answers(generation).joints
        return replace(state, resembling=state.resembling.held_to(opinion, weight))

    def bounds(self, state: State) -> tuple[np.ndarray | None, np.ndarray | None]:
        """How near to the target bodies have to come, (targets,), and the (targets, 17, 3) mm of
        the answers that they are held to."""
        held = state.resembling
        return (None, None) if held is None else (held.niches.worst(), held.opinion)

    def kept(
        self, before: Sequence[Population], after: Sequence[Population]
    ) -> tuple[Population, ...]:
        """The populations of the next generation; targeted islands keep the seeds they have."""
        targeted = self._search.island.is_targeted
        pairs = enumerate(zip(before, after, strict=True))
        return tuple(old if targeted(number) else new for number, (old, new) in pairs)

    def with_answers(self, survivors: Survivors, state: State, generation: int) -> Survivors:
        """The survivors, and what a new champion makes of the target, on an island of its own."""
        if not self._search.niches.answers or not self._has_news(state):
            return survivors
        island = self._search.islands
        bodies, distance = self._pool.lifted(generation, island)
        target = generation_island_slot(bodies.ids)[2].numpy()
        made = self._made_for_targets(bodies, target, distance, state, generation, island)
        return Survivors.concatenate([survivors, made])

    def with_refined(self, survivors: Survivors, state: State, generation: int) -> Survivors:
        """The survivors, and what stood in the niches before them, bent towards the keypoints, on
        an island of its own."""
        settings, held = self._search.niches.refine, state.resembling
        if settings is None or held is None:
            return survivors
        wanted = refinable(held.niches, generation, settings)
        if not len(wanted):
            return survivors
        joints = decode(held.of(wanted.ids).genomes).numpy()
        island = self._search.islands + 1
        bodies, distance = self._pool.refined(wanted, joints, settings, generation, island)
        target = generation_island_slot(bodies.ids)[2].numpy() // settings.nearest
        made = self._made_for_targets(bodies, target, distance, state, generation, island)
        return Survivors.concatenate([survivors, made])

    def _made_for_targets(
        self,
        bodies: Population,
        target: np.ndarray,
        distance: np.ndarray,
        state: State,
        generation: int,
        island: int,
    ) -> Survivors:
        """Bodies that were not bred but made, each for one keypoint set."""
        joints = decode(bodies.genomes)
        rows = PoseRows.of(bodies, joints.numpy(), generation, island)
        unknown = np.full(len(bodies), np.nan, np.float32)
        target = target.astype(np.int32)
        rows = rows.with_columns(outside=unknown, distance=distance, target=target)
        measures = None
        if state.archive is not None:
            measures = state.archive.descriptor.describe(bodies.genomes).numpy()
        return Survivors(
            rows=rows,
            measures=measures,
            tried=0,
            bred=0,
            general=np.zeros(len(bodies), bool),
            sighted=Sighted(bodies, self._one_each(joints, target, distance, state)),
            cells=np.full(len(bodies), -1),
        )

    def _has_news(self, state: State) -> bool:
        """Whether there is a target, and a champion that is to be asked what it makes of it."""
        known = state.resembling is not None
        return known and state.scored_by != state.champion >= self._first_asked

    def _one_each(
        self, joints: Tensor, target: np.ndarray, distance: np.ndarray, state: State
    ) -> Sightings:
        """Of (bodies, 17, 3) mm and the keypoint set that each was made for."""
        found = Sightings.one_each(target, distance)
        assert state.resembling is not None, "bodies are made for a target"
        opinion, worst = state.resembling.opinion, state.resembling.niches.worst()
        if opinion is None:
            return found
        weight = self._search.niches.agreement
        return found.penalised(penalty_of(joints, opinion[target], weight), worst)


def admit_resembling(
    held: Resembling | None, rows: PoseRows, survivors: Survivors
) -> tuple[Resembling | None, PoseRows, dict[str, float]]:
    """Let survivors into the niches of the target.

    Args:
        held: the niches before the generation; none without a target.
        rows: what becomes a row whatever the target is.
        survivors: of the generation.

    Returns:
        The niches after it; all new rows, with `view` and `retires`; and what the logbook says.
    """
    if held is None or survivors.sighted is None:
        return held, rows, {}
    held, lost = held.taken(survivors.sighted.bodies, survivors.sighted.sightings)
    names = survivors.rows.id
    entered = np.isin(names, held.bodies.ids.numpy()) & ~np.isin(names, rows.id)
    others = survivors.rows.take(entered).with_reason(RESEMBLES)
    if rows.replaces is not None:
        others = others.with_columns(replaces=np.full(len(others), NOBODY))
    held = held.with_general(rows.id)
    rows = _with_places(PoseRows.concatenate([rows, others]), held)
    counts = {"target/entered": len(others), "target/left": len(lost)}
    record = {_metric(name): value for name, value in held.record().items()}
    return held, rows.with_columns(retires=_dealt(lost, len(rows))), counts | record


def _with_places(rows: PoseRows, held: Resembling) -> PoseRows:
    """Rows that have a place in a niche with the keypoint set, distance and view of the nearest."""
    assert rows.distance is not None and rows.target is not None, "survivors of a target have them"
    there = np.isin(rows.id, held.bodies.ids.numpy())
    target, distance, view = held.niches.best_of(rows.id[there])
    views = np.full(len(rows), -1, np.int32)
    targets, distances = rows.target.copy(), rows.distance.copy()
    targets[there], distances[there], views[there] = target, distance, view
    return rows.with_columns(target=targets, distance=distances, view=views)


def _dealt(ids: np.ndarray, rows: int) -> np.ndarray:
    """(rows,) lists of the ids, one each in turn; None where there is none."""
    lists = np.empty(rows, object)
    for place in range(min(rows, len(ids))):
        lists[place] = ids[place::rows].tolist()
    return lists


def _metric(name: str) -> str:
    return f"target/{name.removeprefix('niches_')}"
