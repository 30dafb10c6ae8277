"""The loop: breed, score, select, commit, and train when the table has grown.

    state file, then table commit, then MLflow: a generation counts from the commit on.

Everything that decides about rows is addressed by (seed, generation, island), so that a campaign
that was killed and resumed ends with the same table as one that ran through.
"""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.archive import Archive
from evoskeleton.evolution.hierarchy import Genomes, encode
from evoskeleton.evolution.operators.build import template_bodies
from evoskeleton.evolution.population import ids
from evoskeleton.evolution.toolbox import build_toolbox
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import read_poses
from evoskeleton.platform.record.recording import Recording
from evoskeleton.platform.search.campaign.admission import admit, references
from evoskeleton.platform.search.campaign.custom_operators import own_modules
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.progress import Monitor
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.campaign.state import State, save
from evoskeleton.platform.search.campaign.stopping import Stop
from evoskeleton.platform.search.campaign.table_versions import trained_versions
from evoskeleton.platform.search.campaign.towards import Towards, admit_resembling, aim_of
from evoskeleton.platform.search.campaign.trainings import Trainings
from evoskeleton.platform.search.workers.islands import Survivors
from evoskeleton.platform.search.workers.joined.losses import Cramped
from evoskeleton.platform.search.workers.joined.room import Resources
from evoskeleton.platform.search.workers.pool import Pool
from evoskeleton.platform.search.workers.scorers import Archived, Champion
from evoskeleton.platform.search.workers.training_job import load_ensemble

JOIN_EVERY = 250
"""Generations after which the files of the table that a campaign has written are joined."""


class Campaign:
    """One driver of one campaign. Everything it remembers between generations is a `State`."""

    def __init__(
        self,
        settings: CampaignSettings,
        folder: CampaignFolder,
        table: PoseTable,
        resources: Resources,
        tracker: Recording,
        monitor: Monitor,
        stop: Stop,
    ) -> None:
        self._settings = settings
        self._search = settings.search
        self._folder = folder
        self._table = table
        self._tracker = tracker
        self._monitor = monitor
        self._stop = stop
        self._pool = _pool(settings, folder, resources, monitor.tell)
        self._trainings = Trainings(settings, folder, table, resources, tracker, monitor, stop)
        self._towards = Towards(settings, self._pool)
        self._held: tuple[int, str] | None = None

    def run(self, state: State, until: float = math.inf) -> State:
        """Breed until the generations or the rows are reached, from any state.

        Args:
            state: to go on from.
            until: when all should be over, on the monotonic clock; breeding ends sooner by as much
                as the last training took, but not before the first generation.

        Raises:
            Stopped: that was asked for, and no generation is under way.
        """
        self._tracker.sync_generations(list(state.logbook))
        self._trainings.mend(state)
        for generation in state.trainings:
            self._trainings.publish(generation)
        self._trainings.crown(state.champion)
        self._trainings.launch(state)
        self._pool.sort_into(None if state.archive is None else state.archive.centroids)
        self._show(state)
        while not self.done(state) and (state.generation == 0 or self._has_time(state, until)):
            self._stop.look()
            state = self._advance(state)
        return state

    def _has_time(self, state: State, until: float) -> bool:
        """Whether another generation and the last training are likely to be done in time."""
        generation = float(state.logbook[-1].get("seconds", 0.0))
        return time.monotonic() + generation + self._trainings.seconds(state) < until

    def done(self, state: State) -> bool:
        """Whether nothing is left to breed."""
        return self._search.enough(state.generation, state.rows, state.seeds)

    def close(self, state: State) -> int:
        """The last training, on the whole table; returns the training of the best lifter.

        Its result is an outlet: breeding that goes on later starts from the state as it was, so
        that an extended campaign equals one that was planned longer.
        """
        self._pool.close()
        return self._trainings.close(state)

    def leave(self) -> None:
        """Let go of what is under way, before Ray is let go of."""
        self._trainings.leave()

    def _advance(self, state: State) -> State:
        """One generation, from breeding to commit."""
        state = self._trainings.adopt(state, state.generation + 1)
        lifter = self._hold(state.champion)
        while True:
            shards = self._settings.training.fit.gradient_shards
            self._pool.fit(self._settings.machine, self._search.islands, shards)
            try:
                following, rows = self._bred(state)
                break
            except Cramped:  # nothing of it was kept, and the same is bred by fewer
                self._monitor.tell("the cluster has become smaller: fewer workers go on")
        return self._committed(self._trainings.triggered(following), rows, lifter)

    def _bred(self, state: State) -> tuple[State, PoseRows]:
        """The state after one more generation, and its rows; a function of the state alone.

        Raises:
            Cramped: workers find no room on what is left of a cluster.
        """
        generation = state.generation + 1
        state = self._towards.informed(self._rescored(state), generation)
        started = time.monotonic()
        everyone, survivors = self._pool.evolve(
            self._towards.parents(state, generation),
            generation,
            state.scored_by != state.champion,
            self._archived(state),
            *self._towards.bounds(state),
        )
        _refuse_nobody(survivors, generation)
        survivors = self._towards.with_answers(survivors, state, generation)
        survivors = self._towards.with_refined(survivors, state, generation)
        archive, rows, counts = _admitted(state.archive, survivors)
        resembling, rows, seen = admit_resembling(state.resembling, rows, survivors)
        bred_on = None if archive is None else rows.id
        populations, records = self._pool.renew(
            everyone, bred_on, generation, self._migrants(generation)
        )
        following = replace(
            state,
            generation=generation,
            islands=self._towards.kept(state.islands, populations),
            scored_by=state.champion,
            rows=state.rows + _growth(rows),
            archive=archive,
            resembling=resembling,
        )
        record = _logbook_row(survivors, records, time.monotonic() - started)
        record = {"generation": generation, "rows": following.rows} | record | counts | seen
        return replace(following, logbook=(*state.logbook, record)), rows

    def _committed(self, state: State, rows: PoseRows, lifter: str) -> State:
        """The state, saved, its rows in the table, and a training of it under way if one is due."""
        save(state, self._folder)
        rows = rows.with_columns(lifter=np.full(len(rows), lifter))
        self._table.commit(self._settings.name, state.generation, rows)
        self._trainings.launch(state)
        self._tidy(state.generation)
        self._tracker.sync_generations(list(state.logbook))
        self._tracker.log_gallery(state.generation, rows)
        self._show(state)
        return state

    def _tidy(self, generation: int) -> None:
        """Join the files of the last generations: what a commit takes, in time and in memory, grows
        with the files that the table has. Those that were joined long ago go, if that is asked for.
        """
        if generation % JOIN_EVERY == 0:
            with suppress(BadInput):  # rows are in the table either way, and it is tried again
                self._table.compact(self._settings.name)
                self._vacuum(self._settings.machine.vacuum_hours)

    def _vacuum(self, hours: int | None) -> None:
        if hours is not None:
            read = trained_versions(self._folder.home)
            self._table.vacuum_own(self._settings.name, read, hours)

    def _hold(self, training: int) -> str:
        """Give the champion's lifters to the pool, once; the hash of the best."""
        if self._held is None or self._held[0] != training:
            champion = Champion.of(load_ensemble(self._folder.training(training)))
            self._pool.hold(champion)
            self._held = training, champion.best
        return self._held[1]

    def _rescored(self, state: State) -> State:
        """The archive as a new champion sees it; seeds enter with the first one."""
        archive = state.archive
        if archive is None or state.scored_by == state.champion:
            return state
        if len(archive):
            errors = self._errors(archive.elite_ids())
            return replace(state, archive=archive.rescored(errors))
        seeds = encode(read_poses(self._folder.source("seed")).poses)
        names = ids(0, 0, torch.arange(len(seeds))).numpy()
        measures = archive.descriptor.describe(seeds)
        return replace(state, archive=archive.add(names, measures, self._errors(names))[0])

    def _errors(self, names: np.ndarray) -> np.ndarray:
        """How wrong the champion gets rows of the table, (ids,) float32 mm."""
        return self._pool.errors(self._table.poses_of(names, self._settings.name))

    def _archived(self, state: State) -> Archived | None:
        """The archive after the last generation, for all scorers, where novelty counts."""
        if state.archive is None or not self._search.island.asks_for_novelty:
            return None
        return references(state.archive, self._search.neighbours)

    def _migrants(self, generation: int) -> int:
        """How many bodies move on from every island after a generation."""
        due = self._search.islands > 1 and not generation % self._search.migration_every
        return self._search.migrants if due else 0

    def _show(self, state: State) -> None:
        done, total = self._search.progress(state.generation, state.rows, state.seeds)
        self._monitor.generation(done, total, state.logbook[-1] | {"champion": state.champion})


def _pool(
    settings: CampaignSettings,
    folder: CampaignFolder,
    resources: Resources,
    tell: Callable[[str], None],
) -> Pool:
    island, stored = settings.search.island, folder.stored()
    return Pool(
        island,
        build_toolbox(island.breeding, _templates(folder), island.scored_by),
        settings.seed,
        resources,
        own_modules(island),
        views=settings.search.views,
        limits=stored.file(folder.limits),
        descriptor=stored.file(folder.descriptor) if settings.search.archive else None,
        aim=aim_of(settings, folder),
        tell=tell,
    )


def _templates(folder: CampaignFolder) -> Genomes:
    """The bodies that lend offspring their build."""
    return template_bodies(encode(read_poses(folder.source("templates")).poses))


def _refuse_nobody(survivors: Survivors, generation: int) -> None:
    if len(survivors.rows) == 0 and (survivors.sighted is None or survivors.bred == 0):
        raise BadInput(
            f"generation {generation}: none of the offspring is within the joint limits and "
            f"the bands of search.island.bands"
        )


def _logbook_row(
    survivors: Survivors, records: list[dict[str, float]], seconds: float
) -> dict[str, Any]:
    """Counts of all islands, scores of all that were kept, means over those that breed next."""
    columns = survivors.rows.take(survivors.general).columns()
    names = ("error", "disagreement", "novelty", "margin", "outside")
    scored = {
        f"{name}_mean": float(columns[name].mean())
        for name in names
        if len(columns[name]) and not np.isnan(columns[name]).any()
    }
    if "error_mean" in scored:
        scored["error_max"] = float(columns["error"].max())
    return {
        "tried": survivors.tried,
        "bred": survivors.bred,
        "survivors": len(survivors.rows),
        "survival": survivors.bred / max(1, survivors.tried),
        **scored,
        **_means(records),
        "offspring_per_second": survivors.bred / seconds,
        "seconds": seconds,
    }


def _means(records: list[dict[str, float]]) -> dict[str, float]:
    """Over the islands that report; none may."""
    names = records[0] if records else ()
    return {name: float(np.mean([record[name] for record in records])) for name in names}


def _admitted(
    archive: Archive | None, kept: Survivors
) -> tuple[Archive | None, PoseRows, dict[str, float]]:
    """The rows of a generation that objectives and bands keep, and the archive where there is one.

    Those that are there for the target alone come later, see `admit_resembling`.
    """
    general = kept.rows.take(kept.general)
    if archive is None or kept.measures is None:
        return None, general.with_reason("kept"), {}
    cells = None if kept.cells is None else kept.cells[kept.general]
    archive, rows, counts = admit(archive, general, kept.measures[kept.general], cells)
    return (
        archive,
        rows,
        counts | {name.replace("_", "/", 1): n for name, n in archive.stats().items()},
    )


def _growth(rows: PoseRows) -> int:
    """How many more poses the data set has: new rows without those that leave for them."""
    replaced = 0 if rows.replaces is None else int((rows.replaces >= 0).sum())
    retired = 0 if rows.retires is None else sum(len(ids or ()) for ids in rows.retires)
    return len(rows) - replaced - retired
