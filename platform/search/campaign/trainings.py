"""The trainings of a campaign: when one starts, what it reads, and whose lifter is the champion.

A training runs beside the breeding. It starts where the table has grown enough and takes effect a
fixed number of generations later, whenever it was done, so that the table does not depend on how
fast it was.
"""

import json
import shutil
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import key, stream
from evoskeleton.files import write_json
from evoskeleton.lifting.evaluation.mean_pose import AgainstMeanPose
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.record.recording import Recording
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.progress import Monitor
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.campaign.state import PendingTraining, State
from evoskeleton.platform.search.campaign.stopping import Stop
from evoskeleton.platform.search.target.mixture import write_mixture
from evoskeleton.platform.search.target.resembling import Resembling
from evoskeleton.platform.search.workers.joined.room import Resources
from evoskeleton.platform.search.workers.ray_training import run_training
from evoskeleton.platform.search.workers.training_job import (
    Job,
    load_ensemble,
    progress,
    read_record,
)

_LEAVE_SECONDS = 10.0
"""Of a training to be let go of; longer where the head of a cluster does not answer."""


class Trainings:
    """All trainings of one campaign; what is finished lies in its folder."""

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
        self._folder = folder
        self._table = table
        self._resources = resources
        self._tracker = tracker
        self._monitor = monitor
        self._stop = stop
        self._trainer = ThreadPoolExecutor(1, thread_name_prefix="training")
        self._running: dict[int, Future[dict[str, Any]]] = {}
        self._given_up = threading.Event()

    def triggered(self, state: State) -> State:
        """Start a training at the first boundary where the table has grown enough."""
        training = self._settings.training
        grown = state.rows >= training.growth * state.trained_rows
        due = training.every is not None and state.generation % training.every == 0
        room = len(state.trainings) < training.limit - 1
        if state.pending or not (grown or due) or not room:
            return state
        return replace(
            state,
            pending=PendingTraining(state.generation, state.generation + training.lag),
            trainings=(*state.trainings, state.generation),
            trained_rows=state.rows,
        )

    def launch(self, state: State) -> None:
        """Take the snapshot before anything else is committed, then train beside the breeding."""
        if state.pending and state.pending.generation not in self._running:
            self._snapshot(state, state.pending.generation)
            self._train(state.pending.generation, state.champion)

    def adopt(self, state: State, generation: int, anyway: bool = False) -> State:
        """Let a training that is due take effect; wait for it if it is not there yet."""
        pending = state.pending
        if pending is None or (pending.due > generation and not anyway):
            return state
        self._wait(pending.generation)
        self.publish(pending.generation)
        champion = self._better(state.champion, pending.generation)
        self.crown(champion)
        return replace(state, champion=champion, pending=None)

    def crown(self, champion: int) -> None:
        """Note in MLflow whose lifter is the champion; nothing before there is one."""
        if champion >= 0:
            self._tracker.mark_champion(self._record(champion)["hash"])

    def close(self, state: State) -> int:
        """The last training, on the whole table; returns the training of the best lifter."""
        champion = self.adopt(state, state.generation + 1, anyway=True).champion
        trained = len(state.trainings) >= self._settings.training.limit
        self._snapshot(state, state.generation)
        nothing_new = state.trainings[-1] == state.generation or (
            state.resembling is None and state.rows == state.trained_rows
        )
        if nothing_new or trained:
            return champion
        self._train(state.generation, champion)
        self._wait(state.generation)
        self.publish(state.generation)
        return self._better(champion, state.generation)

    def leave(self) -> None:
        """Let go of a training that is under way, before Ray is let go of; whoever goes on with the
        campaign goes on with it, from its checkpoint."""
        self._given_up.set()
        wait(self._running.values(), timeout=_LEAVE_SECONDS)
        self._trainer.shutdown(wait=False, cancel_futures=True)

    def mend(self, state: State) -> None:
        """Train again where a lifter is damaged or gone: the same snapshot makes the same one.

        Raises:
            BadInput: it started from another lifter, so that nobody knows what it was made of.
        """
        for generation in state.trainings:
            reason = self._damage(generation)
            under_way = state.pending is not None and state.pending.generation == generation
            if reason is None or (under_way and not self._folder.training(generation).exists()):
                continue
            if self._settings.training.start == "champion" and generation > 0:
                raise BadInput(f"{reason}: put it back from a copy, or breed under another name")
            self._monitor.tell(f"{reason}: it is trained again")
            shutil.rmtree(self._folder.training(generation), ignore_errors=True)
            if not under_way:
                self._train(generation, -1)
                self._wait(generation)

    def _damage(self, generation: int) -> str | None:
        """What is wrong with a training, as far as it is finished; None where nothing is."""
        folder = self._folder.training(generation)
        if read_record(folder) is None:
            return f"the training in {folder} is damaged or gone"
        try:
            load_ensemble(folder)
        except (BadInput, OSError) as error:
            return f"the training in {folder} is damaged ({error})"
        return None

    def seconds(self, state: State) -> float:
        """How long the longest of the finished trainings took; 0 before the first."""
        folders = (self._folder.training(number) for number in state.trainings)
        records = (read_record(folder) for folder in folders)
        return max((float(found["seconds"]) for found in records if found), default=0.0)

    def publish(self, generation: int) -> None:
        """What a finished training wrote, into MLflow; nothing of one that is under way."""
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

    def _snapshot(self, state: State, generation: int) -> None:
        """The poses of a training; written once, when no later generation is in the table."""
        path = self._folder.snapshot(generation)
        if path.with_suffix(".json").exists():
            return
        version = self._table.version
        held = state.resembling
        if held is None or len(held) == 0:
            self._table.snapshot(path, version, self._settings.name)
        else:
            self._mixed_snapshot(path, version, held, generation)
        rows = len(np.load(path, mmap_mode="r"))
        write_json(path.with_suffix(".json"), {"version": version, "rows": rows})
        self._folder.keep()

    def _mixed_snapshot(self, path: Path, version: int, held: Resembling, generation: int) -> None:
        """What resembles the target and what is general, in the share that the training asks for.

        A body counts once for each niche that it stands in.
        """
        name = self._settings.name
        general = path.with_name(f"{path.stem}.general.npy")
        self._table.snapshot(general, version, name, without=held.special)
        bodies = held.bodies.ids.numpy()
        poses = np.repeat(self._table.poses_of(bodies, name), held.niches.places(bodies), axis=0)
        address = key(self._settings.seed, generation, stream("training mix"))
        share = self._settings.training.target_share
        write_mixture(path, poses, np.load(general, mmap_mode="r"), share, address)
        general.unlink()

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
            stored=self._folder.stored(),
            **_taken(snapshot),
        )
        self._running[generation] = self._trainer.submit(
            run_training, job, training, self._resources, self._given_up
        )

    def _wait(self, generation: int) -> None:
        folder = self._folder.training(generation)
        training = self._running.pop(generation)
        while wait([training], timeout=0.5).not_done:
            self._stop.look()
            self._monitor.training(folder.name, *progress(folder))
        record = training.result()
        self._folder.keep()
        steps = record["curve"][-1]["step"] * self._settings.training.ensemble
        self._monitor.training(folder.name, steps, steps)

    def _better(self, champion: int, challenger: int) -> int:
        """The training whose lifter errs less on validation; the champion stays on a tie.

        With a target it is the last: validation poses say nothing of the people to be lifted,
        unless its training diverged.

        Raises:
            BadInput: the first training diverged.
        """
        against = self._against_mean_pose(challenger)
        if champion < 0:
            against.refuse_diverged("the validation poses")
            return challenger
        if self._settings.search.target is not None:
            return champion if against.has_diverged else challenger
        errors = [self._record(number)["validation"]["mpjpe"] for number in (champion, challenger)]
        return challenger if errors[1] < errors[0] else champion

    def _against_mean_pose(self, generation: int) -> AgainstMeanPose:
        """What a training is worth at the least; of those of earlier versions nobody knows."""
        known = self._record(generation).get("against_mean_pose")
        return AgainstMeanPose(**known) if known else AgainstMeanPose(0.0, 1.0)

    def _record(self, generation: int) -> dict[str, Any]:
        record = read_record(self._folder.training(generation))
        if record is None:
            raise BadInput(f"{self._folder.training(generation)} holds no finished training")
        return record


def _taken(snapshot: Path) -> dict[str, int]:
    """Version and rows of the table that a snapshot was taken of."""
    record = json.loads(snapshot.with_suffix(".json").read_text())
    return {"version": int(record["version"]), "rows": int(record["rows"])}
