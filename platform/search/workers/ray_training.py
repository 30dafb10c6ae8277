"""Trainings on Ray: by Ray Train, or by one task where the training is small.

Ray Train's helpers, several processes that import torch each, cost more than a small training does.
Both ways train the same lifter.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evoskeleton.lifting.lifter_training import Report, train_lifter
from evoskeleton.platform.search.workers.joined.room import Resources
from evoskeleton.platform.search.workers.ray_shards import (
    fit_by_ray,
    shard_device,
    shard_number,
    shared,
)
from evoskeleton.platform.search.workers.small_training import train_in_an_actor
from evoskeleton.platform.search.workers.training_job import (
    Job,
    Place,
    TrainingSettings,
    begin,
    clean_up,
    is_small,
    keep_member,
    publish,
    read_record,
    tell_progress,
)


def run_training(
    job: Job,
    settings: TrainingSettings,
    resources: Resources,
    given_up: threading.Event | None = None,
) -> dict[str, Any]:
    """Train once and return the record in `training.json`; a finished training is not repeated.

    Args:
        job: where it reads and writes.
        settings: of the training.
        resources: what it may have.
        given_up: when it is not wanted any more; none: it always is.

    Raises:
        GivenUp: it is not wanted any more; who trains it again goes on from its checkpoint.
        BadInput: no processors for it came free, or its folder cannot be written.
    """
    if (record := read_record(Path(job.folder))) is not None:
        clean_up(job)
        return record
    if is_small(settings, resources):
        train_in_an_actor(job, settings, resources, given_up)
    else:
        _by_ray_train(job, settings, resources, given_up)
    job.kept_in.bring(job.folder)
    record = read_record(Path(job.folder))
    if record is None:
        raise RuntimeError(f"training {job.name} ended without a result")
    shutil.rmtree(Path(job.storage) / job.name, ignore_errors=True)
    job.kept_in.drop(Path(job.storage) / job.name)
    return record


def _by_ray_train(
    job: Job, settings: TrainingSettings, resources: Resources, given_up: threading.Event | None
) -> None:
    storage, filesystem = job.kept_in.for_ray(job.storage)
    fit_by_ray(
        _train,
        {"job": vars(job), "settings": settings.model_dump(mode="json")},
        name=job.name,
        storage=storage,
        filesystem=filesystem,
        shards=settings.fit.gradient_shards,
        resources=resources,
        max_failures=settings.max_failures,
        given_up=given_up,
    )


def _train(config: dict[str, Any]) -> None:
    """The loop of one Ray Train worker, which is one gradient shard."""
    import ray.train

    job, settings = Job(**config["job"]).here(), TrainingSettings.parse(config["settings"])
    torch.set_num_threads(settings.threads)
    first = shard_number() == 0
    started, at = time.monotonic(), begin(job, 0)
    if (checkpoint := ray.train.get_checkpoint()) is not None:
        with checkpoint.as_directory() as folder:
            at = Place.load(Path(folder))
    while at.member < settings.ensemble:
        for report in _reports(job, settings, at, gpu=config["gpu"]):
            at = at.after(report)
            if first:
                _report_with_checkpoint(job, settings, at, report)
            else:
                ray.train.report({"step": report.step})
        if first:
            keep_member(job, at)
        at = begin(job, at.member + 1)
    if first:
        publish(job, settings, time.monotonic() - started)


def _report_with_checkpoint(
    job: Job, settings: TrainingSettings, at: Place, report: Report
) -> None:
    import ray.train

    tell_progress(job, settings, at, report)
    with tempfile.TemporaryDirectory() as folder:
        at.save(Path(folder) / "place")
        checkpoint = ray.train.Checkpoint.from_directory(Path(folder) / "place")
        ray.train.report(at.curve[-1], checkpoint=checkpoint)


def _reports(job: Job, settings: TrainingSettings, at: Place, gpu: bool) -> Iterator[Report]:
    seed = settings.fit.seed + at.member
    return train_lifter(
        np.load(job.snapshot, mmap_mode="r"),
        settings.fit.model_copy(update={"seed": seed}),
        device=shard_device(gpu),
        shard=shard_number(),
        start=at.state,
        wrap=shared(gpu) if settings.fit.gradient_shards > 1 else None,
    )
