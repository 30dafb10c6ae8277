"""Ray Train around any generator of reports.

A training reads one snapshot of the pose table and leaves one folder: the bundle, the full training
state, and `training.json` with the curve, the validation error and the joints' error radii. The
folder appears whole or not at all, so that asking for the same training twice does the work once.
Randomness is addressed by step, so a training that was killed and went on from its checkpoint ends
with the same weights.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from evoskeleton.lifting.bundle import save_bundle, weight_hash
from evoskeleton.lifting.conformal import RadiusSettings, calibrate
from evoskeleton.lifting.fitting import FitSettings, Report, TrainingState, fit, lifter_from
from evoskeleton.lifting.protocols import evaluate
from evoskeleton.platform.search.cluster import Resources
from evoskeleton.platform.search.folder import read_poses, write_json
from evoskeleton.settings import Settings


class TrainingSettings(Settings):
    """When the lifter is trained, and how."""

    growth: float = Field(
        1.5, gt=1.0, description="train when the table has grown to this many times its rows"
    )
    lag: int = Field(1, ge=1, description="generations until a training takes effect")
    limit: int = Field(8, ge=2, description="trainings at most, the first and the last included")
    start: Literal["scratch", "champion"] = Field(
        "scratch", description="where a training starts: fresh weights, or the champion's state"
    )
    threads: int = Field(1, ge=1, description="processor threads of each gradient shard")
    max_failures: int = Field(5, ge=0, description="restarts of a training whose worker died")
    fit: FitSettings = Field(default_factory=FitSettings, description="the lifter and its training")
    radii: RadiusSettings = Field(
        default_factory=lambda: RadiusSettings.parse({}),
        description="error radii of the joints, measured on the validation poses",
    )


@dataclass(frozen=True)
class Job:
    """One training, in plain values that travel to any node."""

    name: str
    folder: str
    storage: str
    snapshot: str
    validation: str
    start: str | None
    version: int
    rows: int


def run_training(job: Job, settings: TrainingSettings, resources: Resources) -> dict[str, Any]:
    """Train once and return the record in `training.json`; a finished training is not repeated."""
    if (record := read_record(Path(job.folder))) is not None:
        return record
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    shards = settings.fit.gradient_shards
    gpus = resources.trainer_gpus / shards
    TorchTrainer(
        _train,
        train_loop_config={"job": vars(job), "settings": settings.model_dump(mode="json")},
        scaling_config=ScalingConfig(
            num_workers=shards,
            use_gpu=gpus > 0,
            resources_per_worker={"CPU": resources.trainer_cpus / shards}
            | ({"GPU": gpus} if gpus else {}),
        ),
        run_config=RunConfig(
            name=job.name,
            storage_path=job.storage,
            failure_config=FailureConfig(
                max_failures=settings.max_failures, controller_failure_limit=2
            ),
            checkpoint_config=CheckpointConfig(num_to_keep=1),
        ),
    ).fit()
    record = read_record(Path(job.folder))
    if record is None:
        raise RuntimeError(f"training {job.name} ended without a result")
    shutil.rmtree(Path(job.storage) / job.name, ignore_errors=True)
    return record


def read_record(folder: Path) -> dict[str, Any] | None:
    """What a finished training wrote, or nothing."""
    path = folder / "training.json"
    return json.loads(path.read_text()) if path.exists() else None


def progress(folder: Path) -> tuple[int, int]:
    """Steps done and steps in all of a training that is under way; (0, 0) before the first."""
    try:
        done, total = json.loads(_progress_file(folder).read_text())
    except (OSError, ValueError):
        return 0, 0
    return done, total


def _progress_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.progress")


def _train(config: dict[str, Any]) -> None:
    """The loop of one Ray Train worker, which is one gradient shard."""
    import ray.train

    job, settings = Job(**config["job"]), TrainingSettings.parse(config["settings"])
    torch.set_num_threads(settings.threads)
    shard = ray.train.get_context().get_world_rank()
    started, curve, state = time.monotonic(), [], _start(job)
    if (checkpoint := ray.train.get_checkpoint()) is not None:
        with checkpoint.as_directory() as folder:
            state = TrainingState.load(Path(folder))
            curve = json.loads((Path(folder) / "curve.json").read_text())
    for report in _reports(job, settings, shard, state):
        state = report.state
        if shard != 0:
            ray.train.report({"step": report.step})
            continue
        curve.append(point(report))
        write_json(_progress_file(Path(job.folder)), [report.step, report.total])
        with tempfile.TemporaryDirectory() as folder:
            report.state.save(Path(folder))
            (Path(folder) / "curve.json").write_text(json.dumps(curve))
            ray.train.report(curve[-1], checkpoint=ray.train.Checkpoint.from_directory(folder))
    if shard == 0:
        assert state is not None, "a training yields at least one report"
        publish(job, settings.radii, state, curve, time.monotonic() - started)


def _start(job: Job) -> TrainingState | None:
    return TrainingState.load(Path(job.start)).restarted() if job.start else None


def _reports(
    job: Job, settings: TrainingSettings, shard: int, state: TrainingState | None
) -> Iterator[Report]:
    import ray.train.torch

    wrap = ray.train.torch.prepare_model if settings.fit.gradient_shards > 1 else None
    return fit(
        np.load(job.snapshot, mmap_mode="r"),
        settings.fit,
        device=ray.train.torch.get_device(),
        shard=shard,
        start=state,
        wrap=wrap,
    )


def point(report: Report) -> dict[str, float]:
    """One point of the training curve."""
    return {
        "step": report.step,
        "stage": report.stage,
        "loss": report.loss,
        "learning_rate": report.learning_rate,
    }


def publish(
    job: Job,
    radii: RadiusSettings,
    state: TrainingState,
    curve: list[dict[str, float]],
    seconds: float,
) -> None:
    """Leave the result of a training under its name, all of it at once."""
    lifter = lifter_from(state)
    validation = read_poses(Path(job.validation))
    scores = evaluate(lifter, validation.poses, validation.action, validation.clip).as_dict()
    in_time = validation.ordered()
    record = {
        "name": job.name,
        "table_version": job.version,
        "rows": job.rows,
        "hash": weight_hash(lifter),
        "validation": scores["overall"],
        "error_radii_mm": calibrate(lifter, in_time.poses, in_time.clip_number(), radii),
        "curve": curve,
        "seconds": seconds,
    }
    target = Path(job.folder)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        result = Path(folder) / "result"
        save_bundle(lifter, result / "bundle", {k: v for k, v in record.items() if k != "curve"})
        (result / "state").mkdir()
        state.save(result / "state")
        write_json(result / "training.json", record)
        shutil.rmtree(target, ignore_errors=True)
        result.rename(target)
    _progress_file(target).unlink(missing_ok=True)
