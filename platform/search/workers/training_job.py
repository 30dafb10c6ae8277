"""One training: what it reads, where it is, and what it leaves.

A training reads one snapshot of the pose table and leaves one folder: the bundle, the full training
state, and `training.json` with the curve, the validation error and the joints' error radii. An
ensemble is trained one lifter after the other, each from a seed of its own; the best on validation
is `bundle` and `state`, the others follow as `bundle_1`, `state_1` and so on. The folder appears
whole or not at all, so that asking for the same training twice does the work once. Randomness is
addressed by step, so a training that was killed and went on from its checkpoint ends with the same
weights.
"""

import json
import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from evoskeleton.files import whole_folder, write_json
from evoskeleton.lifting.bundle import Lifter, load_bundle, save_bundle, weight_hash
from evoskeleton.lifting.conformal import RadiusSettings, calibrate
from evoskeleton.lifting.evaluation.mean_pose import against_mean_pose
from evoskeleton.lifting.lifter_training import (
    LifterSettings,
    Report,
    TrainingState,
    lifter_from,
)
from evoskeleton.lifting.protocols import evaluate, rarity
from evoskeleton.platform.data.poses import PoseSet, read_poses
from evoskeleton.platform.search.workers.joined.room import Resources
from evoskeleton.platform.search.workers.joined.stored import Stored
from evoskeleton.settings import Settings


class TrainingSettings(Settings):
    """When the lifter is trained, and how."""

    growth: float = Field(
        1.5,
        gt=1.0,
        description="train again when the table has this many times the rows of the last training",
    )
    every: int | None = Field(
        None,
        ge=1,
        description="train after every so many generations as well; none: growth alone decides",
    )
    target_share: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="share of the training poses that resemble the target, where there is one; the "
        "others are all that was kept besides",
    )
    lag: int = Field(
        1, ge=1, description="generations between the start of a training and the use of its lifter"
    )
    limit: int = Field(8, ge=2, description="most trainings, the first and the last included")
    start: Literal["scratch", "champion"] = Field(
        "scratch", description="where a training starts: fresh weights, or the champion's state"
    )
    ensemble: int = Field(
        1,
        ge=1,
        le=4,
        description="lifters, each of another seed, that are trained and score poses together",
    )
    threads: int = Field(1, ge=1, description="processor threads of each gradient shard")
    max_failures: int = Field(5, ge=0, description="most restarts of a training whose worker died")
    fit: LifterSettings = Field(
        default_factory=LifterSettings, description="the lifter and its training"
    )
    radii: RadiusSettings = Field(
        default_factory=lambda: RadiusSettings.parse({}),
        description="error radii of the joints, measured on the validation poses",
    )


_SMALL = 400_000
"""Poses that a training draws, in all, up to which Ray Train's helpers would cost more."""


def is_small(settings: TrainingSettings, resources: Resources) -> bool:
    """Whether a training is done by one process rather than by Ray Train."""
    fit = settings.fit
    drawn = settings.ensemble * fit.total * fit.batch
    one_processor = fit.gradient_shards == 1 and resources.trainer_gpus == 0
    return one_processor and drawn <= _SMALL and not resources.always_ray_train


@dataclass(frozen=True)
class Job:
    """One training, in plain values that travel to any node."""

    name: str
    folder: str
    storage: str
    snapshot: str
    seed: str
    validation: str
    start: str | None
    version: int
    rows: int
    stored: Stored | None = None

    @property
    def kept_in(self) -> Stored:
        """The campaign's folder; without a word on it, all nodes see the paths."""
        return self.stored or Stored("/")

    def here(self) -> "Job":
        """The same on this node: what it reads is there, and what it makes has a place.

        Where the campaign's folder is on a store, `publish` brings the result to it.
        """
        if self.stored is None or self.stored.uri is None:
            return self
        stored = self.stored
        snapshot = stored.fetched(self.snapshot)
        _keep_one_snapshot(snapshot)
        return replace(
            self,
            folder=str(stored.here(self.folder)),
            storage=str(stored.here(self.storage)),
            snapshot=str(snapshot),
            seed=str(stored.fetched(self.seed)),
            validation=str(stored.fetched(self.validation)),
            start=None if self.start is None else str(stored.fetched(self.start)),
            stored=Stored(str(stored.here(stored.path)), stored.uri, stored.identity),
        )


def _keep_one_snapshot(path: Path) -> None:
    """One training runs at a time: what earlier ones have read is in nobody's way any more."""
    for other in path.parent.glob("*.npy"):
        if other != path:
            other.unlink(missing_ok=True)


def read_record(folder: Path) -> dict[str, Any] | None:
    """What a finished training wrote; nothing where it wrote nothing, or that is damaged."""
    try:
        record = json.loads((folder / "training.json").read_text())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and "hash" in record else None


def progress(folder: Path) -> tuple[int, int]:
    """Steps done and steps in all of a training that is under way; (0, 0) before the first."""
    try:
        done, total = json.loads(progress_file(folder).read_text())
    except (OSError, ValueError):
        return 0, 0
    return done, total


def progress_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.progress")


@dataclass(frozen=True)
class Place:
    """How far a training is: which lifter of the ensemble, its state and its curve."""

    member: int
    state: TrainingState | None
    curve: list[dict[str, float]]

    def after(self, report: Report) -> "Place":
        """The place that a report has got to."""
        return Place(self.member, report.state, [*self.curve, point(report)])

    def save(self, folder: Path) -> None:
        """Into a folder, which appears whole or not at all."""
        assert self.state is not None, "a training yields at least one report"
        with whole_folder(folder, replace=True) as made:
            self.state.save(made)
            write_json(made / "place.json", {"member": self.member, "curve": self.curve})

    @classmethod
    def load(cls, folder: Path) -> "Place":
        """Back from `save`."""
        place = json.loads((folder / "place.json").read_text())
        return cls(place["member"], TrainingState.load(folder), place["curve"])


def tell_progress(job: Job, settings: TrainingSettings, at: Place, report: Report) -> None:
    """Leave how far it is where `progress` looks."""
    done = at.member * report.total + report.step
    write_json(progress_file(Path(job.folder)), [done, settings.ensemble * report.total])


def member_folder(job: Job, member: int) -> Path:
    """Where a lifter of the ensemble waits, done, for the others."""
    return Path(f"{job.folder}.members") / str(member)


def keep_member(job: Job, at: Place) -> None:
    """Leave a lifter of the ensemble, done, where it waits for the others."""
    folder = member_folder(job, at.member)
    at.save(folder)
    job.kept_in.keep(folder)


def _numbered(name: str, member: int) -> str:
    return f"{name}_{member}" if member else name


def begin(job: Job, member: int) -> Place:
    """The place where a lifter of the ensemble starts."""
    return Place(member, _start(job, member), [])


def _start(job: Job, member: int) -> TrainingState | None:
    if job.start is None:
        return None
    state = Path(job.start) / _numbered("state", member)
    return TrainingState.load(state).restarted() if state.exists() else None


def point(report: Report) -> dict[str, float]:
    """One point of the training curve."""
    return {
        "step": report.step,
        "stage": report.stage,
        "loss": report.loss,
        "learning_rate": report.learning_rate,
    }


def publish(job: Job, settings: TrainingSettings, seconds: float) -> None:
    """Leave the result of a training under its name, all of it at once; the best lifter first."""
    members = [member_folder(job, member) for member in range(settings.ensemble)]
    places = [Place.load(job.kept_in.fetched(member)) for member in members]
    records = [_record(job, at, settings.radii) | {"seconds": seconds} for at in places]
    errors = [record["validation"]["mpjpe"] for record in records]
    order = sorted(range(len(places)), key=lambda place: (math.isnan(errors[place]), errors[place]))
    with whole_folder(Path(job.folder), replace=True) as result:
        for member, place in enumerate(order):
            lifter = lifter_from(_state(places[place]))
            save_bundle(lifter, result / _numbered("bundle", member), records[place])
            state = result / _numbered("state", member)
            _state(places[place]).save(state)
        best = records[order[0]] | {"curve": places[order[0]].curve}
        if settings.ensemble > 1:
            best["ensemble"] = [errors[place] for place in order]
        write_json(result / "training.json", best)
    job.kept_in.keep(job.folder)
    clean_up(job)


def clean_up(job: Job) -> None:
    """What only a training under way needs."""
    shutil.rmtree(member_folder(job, 0).parent, ignore_errors=True)
    job.kept_in.drop(member_folder(job, 0).parent)
    progress_file(Path(job.folder)).unlink(missing_ok=True)


def _state(at: Place) -> TrainingState:
    assert at.state is not None, "a member that was saved has a state"
    return at.state


def _record(job: Job, at: Place, radii: RadiusSettings) -> dict[str, Any]:
    """What is known of a lifter that was trained."""
    lifter = lifter_from(_state(at))
    validation = read_poses(Path(job.validation))
    in_time = validation.ordered()
    return {
        "name": job.name,
        "table_version": job.version,
        "rows": job.rows,
        "hash": weight_hash(lifter),
        "validation": _validated(lifter, validation, read_poses(Path(job.seed))),
        "against_mean_pose": against_mean_pose(lifter, validation.poses)._asdict(),
        "error_radii_mm": calibrate(lifter, in_time.poses, in_time.clip_number(), radii),
    }


def _validated(lifter: Lifter, validation: PoseSet, seeds: PoseSet) -> dict[str, float]:
    """Errors on validation poses, in all and by decile of the distance to the seeds."""
    rare = rarity(validation.poses, seeds.poses)
    scores = evaluate(
        lifter, validation.poses, validation.action, validation.clip_label(), rare
    ).as_dict()
    deciles = {
        f"rarity_{place:02d}_mpjpe": part["mpjpe"]
        for place, part in enumerate(scores["by_rarity"], start=1)
    }
    overall: dict[str, float] = scores["overall"]
    return overall | deciles


def load_ensemble(folder: Path) -> list[Lifter]:
    """All lifters of a finished training, the best on validation first.

    Raises:
        BadInput: a bundle is damaged, or of another keypoint schema.
    """
    return [load_bundle(folder / "bundle")] + [
        load_bundle(path)
        for path in sorted(folder.glob("bundle_*"), key=lambda path: int(path.name[7:]))
    ]
