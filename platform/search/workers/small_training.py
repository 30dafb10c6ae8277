"""A small training in one process, which goes on from its checkpoint when it is tried again."""

import shutil
import threading
import time
from pathlib import Path

import numpy as np
import ray
import torch
from ray.exceptions import RayActorError, RayTaskError

from evoskeleton.errors import BadInput
from evoskeleton.lifting.lifter_training import train_lifter
from evoskeleton.platform.search.workers.joined.awaiting import awaited, expect_wanted
from evoskeleton.platform.search.workers.joined.room import Resources
from evoskeleton.platform.search.workers.training_job import (
    Job,
    Place,
    TrainingSettings,
    begin,
    keep_member,
    publish,
    tell_progress,
)


class SmallTraining:
    """A process of its own for a training.

    An actor and no task: the cluster tells that an actor is lost with its node, while an answer of
    a task whose node has lost its power is awaited until the connection is given up, for minutes.
    """

    def train(self, job: Job, plain: dict[str, object]) -> None:
        """See `train_small`."""
        train_small(job, plain)


def train_in_an_actor(
    job: Job,
    settings: TrainingSettings,
    resources: Resources,
    given_up: threading.Event | None = None,
) -> None:
    """Train, on the processors that Ray Train would have.

    Raises:
        GivenUp: it is not wanted any more.
        BadInput: its process ended more often than `max_failures` allows, or its folder cannot be
            written.
    """
    left = settings.max_failures
    while True:
        expect_wanted(given_up)
        try:
            return _trained_once(job, settings, resources, given_up)
        except RayActorError as error:
            preempted = bool(getattr(error, "preempted", False))
            if left == 0 and not preempted:
                reason = str(error).splitlines()[0]
                raise BadInput(f"training {job.name} could not be run: {reason}") from error
            left -= not preempted
        except RayTaskError as error:
            cause = getattr(error, "cause", None) or error
            if not isinstance(cause, OSError):
                raise
            reason = str(cause).splitlines()[0]
            raise BadInput(f"training {job.name} could not be run: {reason}") from error


def _trained_once(
    job: Job, settings: TrainingSettings, resources: Resources, given_up: threading.Event | None
) -> None:
    """Train from where the last checkpoint is, in a new process, which ends with its handle."""
    where = {"label_selector": resources.trainer_labels} if resources.trainer_labels else {}
    trainer = ray.remote(num_cpus=resources.trainer_cpus, **where)(SmallTraining).remote()
    awaited(trainer.train.remote(job, settings.model_dump(mode="json")), given_up)


def train_small(job: Job, plain: dict[str, object]) -> None:
    """Train an ensemble from where its last checkpoint is, and publish it.

    All that is known between two attempts lies in the job's storage.
    """
    job, settings = job.here(), TrainingSettings.parse(plain)
    torch.set_num_threads(settings.threads)
    checkpoint = Path(job.storage) / job.name / "checkpoint"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    started, at = time.monotonic(), begin(job, 0)
    if checkpoint.exists():
        at = Place.load(checkpoint)
    while at.member < settings.ensemble:
        at = _trained(job, settings, at, checkpoint)
        keep_member(job, at)
        at = begin(job, at.member + 1)
    publish(job, settings, time.monotonic() - started)
    shutil.rmtree(checkpoint.parent, ignore_errors=True)


def _trained(job: Job, settings: TrainingSettings, at: Place, checkpoint: Path) -> Place:
    """One lifter of the ensemble to its end, a checkpoint a report."""
    fit = settings.fit.model_copy(update={"seed": settings.fit.seed + at.member})
    poses = np.load(job.snapshot, mmap_mode="r")
    for report in train_lifter(poses, fit, device="cpu", start=at.state):
        at = at.after(report)
        tell_progress(job, settings, at, report)
        at.save(checkpoint)
    return at
