"""The loop: breed, score, select, commit, and train when the table has grown.

    state file, then table commit, then MLflow: a generation counts from the commit on.

Everything that decides about rows is addressed by (seed, generation, island), so that a campaign
that was killed and resumed ends with the same table as one that ran through.
"""

import json
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import ray
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.archive import Archive
from evoskeleton.evolution.hierarchy import Genomes, encode
from evoskeleton.evolution.operators.operators import template_bodies
from evoskeleton.evolution.population import Population, ids
from evoskeleton.evolution.toolbox import build_toolbox
from evoskeleton.files import write_json
from evoskeleton.lifting.bundle import Lifter, to_arrays, weight_hash
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import read_poses
from evoskeleton.platform.record.tracking import Tracker
from evoskeleton.platform.search.campaign.admission import admit, references
from evoskeleton.platform.search.campaign.custom_operators import carry_to_workers
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.campaign.state import Pending, State, load, save
from evoskeleton.platform.search.workers.cluster import Resources
from evoskeleton.platform.search.workers.islands import IslandWorker
from evoskeleton.platform.search.workers.ray_training import (
    Job,
    load_ensemble,
    progress,
    read_record,
    run_training,
)
from evoskeleton.platform.search.workers.scorers import Scorer


class Monitor(Protocol):
    """Who watches a campaign: the progress bars of a terminal, or nobody."""

    def generation(self, done: int, total: int, record: dict[str, Any]) -> None:
        """So much of the search is done; the record is that of the last generation."""

    def starting(self) -> None:
        """The cluster is being started or joined."""

    def training(self, name: str, done: int, total: int) -> None:
        """A training that is waited for has got so far; (0, 0) before its first report."""


class Campaign:
    """One driver of one campaign. Everything it remembers between generations is a `State`."""

    def __init__(
        self,
        settings: CampaignSettings,
        folder: CampaignFolder,
        table: PoseTable,
        resources: Resources,
        tracker: Tracker,
        monitor: Monitor,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._table = table
        self._resources = resources
        self._tracker = tracker
        self._monitor = monitor
        island, search = settings.search.island, settings.search
        toolbox = build_toolbox(island.breeding, _templates(folder))
        carry_to_workers(island.breeding.operators)
        worker, scorer = _actor(IslandWorker, resources.worker), _actor(Scorer, resources.scorer)
        descriptor = str(folder.descriptor) if search.archive else None
        self._workers = [
            worker.remote(island, str(folder.limits), toolbox, settings.seed, descriptor)
            for _ in range(resources.workers)
        ]
        device = "auto" if resources.scorer["num_gpus"] else "cpu"
        self._scorers = [
            scorer.remote(settings.seed, search.views, device) for _ in range(resources.scorers)
        ]
        self._trainer = ThreadPoolExecutor(1, thread_name_prefix="training")
        self._running: dict[int, Future[dict[str, Any]]] = {}
        self._champion: tuple[int, str, ray.ObjectRef] | None = None

    def run(self, state: State) -> State:
        """Breed until the generations or the target are reached, from any state."""
        self._tracker.sync_generations(list(state.logbook))
        for generation in state.trainings:
            self._record_training(generation, state)
        self._launch(state)
        self._show(state)
        while not self.done(state):
            state = self._advance(state)
        return state

    def done(self, state: State) -> bool:
        """Whether nothing is left to breed."""
        return self._settings.search.enough(state.generation, state.rows, state.seeds)

    def close(self, state: State) -> int:
        """The last training, on the whole table; returns the training of the best lifter.

        Its result is an outlet: breeding that goes on later starts from the state as it was, so
        that an extended campaign equals one that was planned longer.
        """
        champion = self._adopt(state, state.generation + 1, anyway=True).champion
        trained = len(state.trainings) >= self._settings.training.limit
        self._snapshot(state.generation)
        if state.rows == state.trained_rows or trained:
            return champion
        self._train(state.generation, champion)
        self._wait(state.generation)
        self._record_training(state.generation, state)
        return self._better(champion, state.generation)

    def _advance(self, state: State) -> State:
        """One generation, from breeding to commit."""
        generation = state.generation + 1
        state = self._rescored(self._adopt(state, generation))
        started = time.monotonic()
        everyone, outcomes = self._evolve(state, generation)
        kept = _joined([outcome["columns"] for outcome in outcomes])
        if len(kept["id"]) == 0:
            raise BadInput(
                f"generation {generation}: none of the offspring is within the joint limits and "
                f"the bands of search.island.bands"
            )
        archive, columns, counts = _admitted(state, kept)
        rows = None if archive is None else columns["id"]
        populations, records = self._renew(everyone, rows, generation)
        following = replace(
            state,
            generation=generation,
            islands=tuple(populations),
            scored_by=state.champion,
            rows=state.rows + _growth(columns),
            archive=archive,
        )
        following = self._triggered(following)
        record = _logbook_row(outcomes, kept, records, time.monotonic() - started)
        record = {"generation": generation, "rows": following.rows} | record | counts
        following = replace(following, logbook=(*state.logbook, record))
        save(following, self._folder)
        columns["lifter"] = np.full(len(columns["id"]), self._champion_ref(state.champion)[0])
        self._table.commit(self._settings.name, generation, columns)
        self._launch(following)
        self._tracker.sync_generations(list(following.logbook))
        self._show(following)
        return following

    def _rescored(self, state: State) -> State:
        """The archive as a new champion sees it; seeds enter with the first one."""
        archive = state.archive
        if archive is None or state.scored_by == state.champion:
            return state
        if len(archive):
            errors = self._errors(state, archive.member_ids())
            return replace(state, archive=archive.rescored(errors))
        seeds = encode(read_poses(self._folder.source("seed")).poses)
        names = ids(0, 0, torch.arange(len(seeds))).numpy()
        rows = archive.descriptor.describe(seeds)
        return replace(state, archive=archive.insert(names, rows, self._errors(state, names))[0])

    def _errors(self, state: State, names: np.ndarray) -> np.ndarray:
        """How wrong the champion gets rows of the table, (ids,) float32 mm; all scorers share."""
        _, champion = self._champion_ref(state.champion)
        poses = self._table.poses_of(names, self._settings.name)
        parts = np.array_split(poses, len(self._scorers))
        scores = [
            scorer.score.remote({"joints": part}, champion)
            for scorer, part in zip(self._scorers, parts, strict=True)
        ]
        return np.concatenate([part["error"] for part in ray.get(scores)])

    def _show(self, state: State) -> None:
        done, total = self._settings.search.progress(state.generation, state.rows, state.seeds)
        self._monitor.generation(done, total, state.logbook[-1])

    def _evolve(
        self, state: State, generation: int
    ) -> tuple[list[ray.ObjectRef], list[dict[str, Any]]]:
        """Breed, score, select on all islands; one wait at the end."""
        _, champion = self._champion_ref(state.champion)
        archived = self._archived(state)
        known = state.scored_by == state.champion
        everyone, outcomes = [], []
        for number, island in enumerate(state.islands):
            worker = self._worker(number)
            scorer = self._scorers[number % len(self._scorers)]
            population = ray.put(island.to_arrays())
            brood, parents = worker.breed.options(num_returns=2).remote(
                population, generation, number
            )
            if not known:
                rescored = scorer.score.remote(parents, champion, archived)
            else:
                rescored = archived and scorer.novelty.remote(parents, archived)
            scores = scorer.score.remote(brood, champion, archived)
            bodies, outcome = worker.select.options(num_returns=2).remote(
                population, rescored, brood, scores, generation, number
            )
            everyone.append(bodies)
            outcomes.append(outcome)
        return everyone, ray.get(outcomes)

    def _renew(
        self, everyone: list[ray.ObjectRef], rows: np.ndarray | None, generation: int
    ) -> tuple[list[Population], list[dict[str, float]]]:
        """The next parents of all islands; migration when it is time."""
        populations, records = [], []
        shared = None if rows is None else ray.put(rows)
        for number, bodies in enumerate(everyone):
            following, record = (
                self._worker(number)
                .renew.options(num_returns=2)
                .remote(bodies, shared, generation, number)
            )
            populations.append(following)
            records.append(record)
        if self._migrates(generation):
            populations = self._migrate(populations)
        arrays = ray.get(populations)
        return [Population.from_arrays(part) for part in arrays], ray.get(records)

    def _worker(self, island: int) -> Any:
        return self._workers[island % len(self._workers)]

    def _archived(self, state: State) -> ray.ObjectRef | None:
        """The archive after the last generation, for all scorers, where novelty counts."""
        if state.archive is None or not self._settings.search.island.asks_for_novelty:
            return None
        return ray.put(references(state.archive, self._settings.search.neighbours))

    def _migrates(self, generation: int) -> bool:
        search = self._settings.search
        return (
            search.islands > 1 and search.migrants > 0 and not generation % search.migration_every
        )

    def _migrate(self, populations: list[ray.ObjectRef]) -> list[ray.ObjectRef]:
        """A ring: every island receives from the one before it."""
        count = self._settings.search.migrants
        return [
            self._worker(number).migrate.remote(
                receiver, populations[number - 1], count, (number, (number or len(populations)) - 1)
            )
            for number, receiver in enumerate(populations)
        ]

    def _triggered(self, state: State) -> State:
        """Start a training at the first boundary where the table has grown enough."""
        training = self._settings.training
        grown = state.rows >= training.growth * state.trained_rows
        room = len(state.trainings) < training.limit - 1
        if state.pending or not grown or not room:
            return state
        return replace(
            state,
            pending=Pending(state.generation, state.generation + training.lag),
            trainings=(*state.trainings, state.generation),
            trained_rows=state.rows,
        )

    def _launch(self, state: State) -> None:
        """Take the snapshot before anything else is committed, then train beside the breeding."""
        if state.pending and state.pending.generation not in self._running:
            self._snapshot(state.pending.generation)
            self._train(state.pending.generation, state.champion)

    def _snapshot(self, generation: int) -> None:
        path = self._folder.snapshot(generation)
        if path.with_suffix(".json").exists():
            return
        version = self._table.version
        self._table.snapshot(path, version, self._settings.name)
        rows = len(np.load(path, mmap_mode="r"))
        write_json(path.with_suffix(".json"), {"version": version, "rows": rows})

    def _train(self, generation: int, champion: int) -> None:
        training = self._settings.training
        warm = training.start == "champion" and champion >= 0
        snapshot = self._folder.snapshot(generation)
        job = Job(
            name=f"{self._settings.name}-g{generation:06d}",
            folder=str(self._folder.training(generation)),
            storage=str(self._folder.path / "ray_train"),
            snapshot=str(snapshot),
            seed=str(self._folder.source("seed")),
            validation=str(self._folder.source("validation")),
            start=str(self._folder.training(champion)) if warm else None,
            **_taken(snapshot),
        )
        self._running[generation] = self._trainer.submit(
            run_training, job, training, self._resources
        )

    def _adopt(self, state: State, generation: int, anyway: bool = False) -> State:
        """Let a training that is due take effect; wait for it if it is not there yet."""
        pending = state.pending
        if pending is None or (pending.due > generation and not anyway):
            return state
        self._wait(pending.generation)
        self._record_training(pending.generation, state)
        champion = self._better(state.champion, pending.generation)
        self._tracker.mark_champion(self.record(champion)["hash"])
        return replace(state, champion=champion, pending=None)

    def _wait(self, generation: int) -> None:
        folder = self._folder.training(generation)
        training = self._running.pop(generation)
        while wait([training], timeout=0.5).not_done:
            self._monitor.training(folder.name, *progress(folder))
        steps = training.result()["curve"][-1]["step"] * self._settings.training.ensemble
        self._monitor.training(folder.name, steps, steps)

    def _better(self, champion: int, challenger: int) -> int:
        """The training whose lifter errs less on validation; the champion stays on a tie."""
        if champion < 0:
            return challenger
        errors = [self.record(number)["validation"]["mpjpe"] for number in (champion, challenger)]
        return challenger if errors[1] < errors[0] else champion

    def record(self, generation: int) -> dict[str, Any]:
        """What the training after a generation wrote."""
        record = read_record(self._folder.training(generation))
        if record is None:
            raise BadInput(f"{self._folder.training(generation)} holds no finished training")
        return record

    def _record_training(self, generation: int, state: State) -> None:
        folder = self._folder.training(generation)
        record = read_record(folder)
        if record is None:
            return
        self._tracker.log_training(
            {
                **record,
                "campaign": self._settings.name,
                "generation": generation,
                "bundle": str(folder / "bundle"),
                "table": self._table.uri,
                "settings": self._settings.training.fit.model_dump(mode="json"),
            }
        )

    def _champion_ref(self, training: int) -> tuple[str, ray.ObjectRef]:
        """The champion's hash, and its ensemble in the object store, put there once."""
        if self._champion is None or self._champion[0] != training:
            lifters = load_ensemble(self._folder.training(training))
            hashes = [weight_hash(lifter) for lifter in lifters]
            there = ray.put({"hash": "+".join(hashes), "lifters": [_plain(one) for one in lifters]})
            self._champion = training, hashes[0], there
        return self._champion[1], self._champion[2]


def _logbook_row(
    outcomes: list[dict[str, Any]],
    kept: dict[str, np.ndarray],
    records: list[dict[str, float]],
    seconds: float,
) -> dict[str, Any]:
    """Counts of all islands, scores of all that were kept, means over those that breed next."""
    counts = [outcome["counts"] for outcome in outcomes]
    tried, bred, survivors = (
        sum(c[name] for c in counts) for name in ("tried", "bred", "survivors")
    )
    scored = {
        f"{name}_mean": float(kept[name].mean())
        for name in ("error", "disagreement", "novelty", "margin", "outside")
        if not np.isnan(kept[name]).any()
    }
    return {
        "tried": tried,
        "bred": bred,
        "survivors": survivors,
        "survival": bred / max(1, tried),
        "error_max": float(kept["error"].max()),
        **scored,
        **{name: float(np.mean([record[name] for record in records])) for name in records[0]},
        "offspring_per_second": bred / seconds,
        "seconds": seconds,
    }


def _admitted(
    state: State, kept: dict[str, np.ndarray]
) -> tuple[Archive | None, dict[str, np.ndarray], dict[str, float]]:
    """The rows of a generation, chosen by the archive where there is one."""
    if state.archive is None:
        return None, kept | {"why": np.full(len(kept["id"]), "kept")}, {}
    archive, columns, counts = admit(state.archive, kept)
    return (
        archive,
        columns,
        counts | {name.replace("_", "/", 1): n for name, n in archive.record().items()},
    )


def _actor(kind: type, needs: dict[str, Any]) -> Any:
    """A class of actors that are made again, and their calls repeated, however they end."""
    return ray.remote(max_restarts=-1, max_task_retries=-1, **needs)(kind)


def _plain(lifter: Lifter) -> dict[str, Any]:
    """A lifter as a scorer takes it."""
    arrays, config = to_arrays(lifter)
    return {"arrays": arrays, "config": config}


def _templates(folder: CampaignFolder) -> Genomes:
    """The bodies that lend offspring their build."""
    return template_bodies(encode(read_poses(folder.source("templates")).poses))


def _growth(columns: dict[str, np.ndarray]) -> int:
    """How many more poses the data set has: new rows without those that they replace."""
    replaced = columns.get("replaces", np.zeros(0))
    return len(columns["id"]) - int((replaced >= 0).sum())


def _joined(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _taken(snapshot: Path) -> dict[str, int]:
    return json.loads(snapshot.with_suffix(".json").read_text())


def committed_state(folder: CampaignFolder, table: PoseTable) -> State | None:
    """The state of the last generation that the table holds, or nothing before the first."""
    generation = table.committed_generation(folder.name)
    return None if generation is None else load(folder, generation)
