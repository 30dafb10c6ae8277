"""A study: searches and plain data sets compared by the lifters that are trained on them.

Rows are data sets: real poses alone, or a campaign's table. Every row is made for every fraction
of the seed and every random seed, and a lifter is trained on it for every number of steps, by
`lifting` directly: all lifters see the same views. What is made is kept by name in the study's
folder, so that a study that was stopped goes on where it was, within its budget of core hours.

    <home>/data/<set>.npy, .json        poses of a row, and how long they took
    <home>/data/<set>.read.npz          hashes of all poses that were read for them
    <home>/results/<cell>.json, .npz    errors of a lifter; errors of every test pose
    <home>/campaigns/                   the searches
    <home>/spent.json                   core hours of everything, what was stopped included
"""

import hashlib
import json
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from evoskeleton.errors import BadInput
from evoskeleton.files import whole_file, write_arrays, write_json
from evoskeleton.lifting.fitting import FitSettings, fit, lifter_from
from evoskeleton.lifting.protocols import evaluate, rarity
from evoskeleton.platform.data.annotated import refuse_annotated
from evoskeleton.platform.data.sources.load import SourceSettings, load
from evoskeleton.platform.record.mlflow_store import TrackingSettings
from evoskeleton.platform.search.campaign.driver import resume, start, table_of
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import (
    RUNNING,
    CampaignSettings,
    differences,
    read_settings,
)
from evoskeleton.platform.search.study.budget import Clock, Spending
from evoskeleton.settings import Settings, layered, read_yaml, with_changes


class RowSettings(Settings):
    """One row: where its poses come from, and what else differs."""

    base: Literal["seed", "real"] = Field("seed", description="the seed's poses, or all real ones")
    max_per_subject: int | None = Field(None, ge=1, description="most rows of one subject")
    campaign: dict[str, Any] | None = Field(
        None, description="settings of a search that starts from the base; none: the base alone"
    )
    fit: dict[str, Any] = Field(
        default_factory=dict, description="what differs in the lifter's training, such as views"
    )


class StudySettings(Settings):
    """What is compared, on whom, and for how long."""

    home: str = Field("study", description="folder of everything that the study makes")
    seed: SourceSettings = Field(description="poses that searches start from")
    validation: SourceSettings = Field(description="clips of the seed's subjects, for champions")
    real: SourceSettings = Field(description="real poses of all training subjects")
    tests: dict[str, SourceSettings] = Field(min_length=1, description="test poses by name")
    rows: dict[str, RowSettings] = Field(min_length=1, description="data sets by name")
    lower: str = Field("seed only", description="row at 0 % of the gap")
    upper: list[str] = Field(
        default_factory=lambda: ["real", "real capped"], description="rows; the better is 100 %"
    )
    fractions: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        [0.01, 1.0], min_length=1, description="of the seed's poses"
    )
    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        [1, 2, 3], min_length=1, description="random seeds"
    )
    steps: list[Annotated[int, Field(ge=1)]] = Field(
        [1500, 6000], min_length=1, description="of a lifter's training"
    )
    fit: dict[str, Any] = Field(
        default_factory=lambda: {"cascade": {"width": 512}}, description="the lifters"
    )
    tracking: TrackingSettings = Field(
        default_factory=TrackingSettings, description="where MLflow keeps the study's record"
    )
    budget_core_hours: float = Field(10.0, gt=0, description="processors times hours, in all")

    @model_validator(mode="after")
    def _rows_are_there(self) -> "StudySettings":
        for name in (self.lower, *self.upper):
            if name not in self.rows:
                raise ValueError(f"lower and upper should name rows, got {name}")
        if len({_plain(name) for name in self.rows}) < len(self.rows):
            raise ValueError("names of rows should differ by more than blanks and signs")
        if odd := [name for name in self.rows if not re.match("[A-Za-z0-9]", name)]:
            raise ValueError(f"names of rows should begin with a letter or a digit, got {odd[0]}")
        return self


@dataclass(frozen=True)
class Cell:
    """One lifter of a study."""

    row: str
    fraction: float
    seed: int
    steps: int

    @property
    def data(self) -> str:
        """Name of the data set it is trained on."""
        return f"{_plain(self.row)}-f{self.fraction:g}-s{self.seed}"

    @property
    def name(self) -> str:
        """Name of its result."""
        return f"{self.data}-n{self.steps}"


def _plain(row: str) -> str:
    """A row's name as names of campaigns may be."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", row)


def read_study(path: Path, changes: list[str] | None = None) -> StudySettings:
    """Settings from a YAML file, with `key.key=value` changes on top.

    Raises:
        BadInput: the file is missing or not YAML, or a setting is not allowed.
    """
    return StudySettings.parse(with_changes(read_yaml(path), changes or []))


def template() -> str:
    """A commented settings file to start from."""
    return resources.files("evoskeleton.platform.search.presets").joinpath("study.yaml").read_text()


def cells(settings: StudySettings) -> list[Cell]:
    """All lifters; short trainings and the first random seed come first.

    A fraction of the seed makes no difference to real poses without a search, which stand once.
    """
    return [
        Cell(row, fraction, seed, steps)
        for steps in sorted(settings.steps)
        for seed in settings.seeds
        for row, how in settings.rows.items()
        for fraction in (settings.fractions if how.base == "seed" else [1.0])
    ]


class Study:
    """Makes what is missing, cell by cell."""

    def __init__(self, settings: StudySettings, monitor: Any) -> None:
        self._settings = settings
        self._monitor = monitor
        self._home = _home(settings)
        self._spending = Spending(self._home / "spent.json")
        self._tests = {name: load(source) for name, source in settings.tests.items()}
        for name, test in self._tests.items():
            refuse_annotated(test, f"test {name}")
        refuse_annotated(load(settings.validation), "validation")
        self._refuse_shared_clips()
        self._refuse_what_cannot_be_made()
        refuse_other_settings(settings)

    def _refuse_what_cannot_be_made(self) -> None:
        """Settings of rows are looked at before the first hour is spent."""
        for cell in cells(self._settings):
            try:
                _fit_settings(self._settings, cell)
                _campaign(self._settings, cell)
            except BadInput as error:
                raise BadInput(f"row {cell.row}: {error}") from None

    def _refuse_shared_clips(self) -> None:
        """No test clip may be among the poses that anything is made from or chosen by."""
        settings = self._settings
        for role in ("seed", "validation", "real"):
            taken = set(load(getattr(settings, role)).clips())
            for name, test in self._tests.items():
                if shared := taken & set(test.clips()):
                    subject, clip = min(shared)
                    raise BadInput(f"clip {clip} of {subject} is in {role} and in the test {name}")

    def run(self) -> list[Cell]:
        """Make all cells, as far as the budget goes; returns those that are left."""
        left = [cell for cell in cells(self._settings) if not self.result(cell).exists()]
        while left and self.spent() < self._settings.budget_core_hours:
            with self._spending.counted():
                self._make(left.pop(0))
        return left

    def spent(self) -> float:
        """Core hours that the study took so far, what was stopped or killed included."""
        return self._spending.core_hours()

    def result(self, cell: Cell) -> Path:
        """Where a cell's errors are."""
        return self._home / "results" / f"{cell.name}.json"

    def _make(self, cell: Cell) -> None:
        poses = self._data(cell)
        took = Clock()
        settings = _fit_settings(self._settings, cell)
        report = None
        for report in fit(poses, settings, device=_device()):
            self._monitor.training(cell.name, report.step, report.total)
        assert report is not None, "a training reports at least once"
        lifter = lifter_from(report)
        seeds = np.load(self._base_file(cell))
        found: dict[str, Any] = {}
        errors: dict[str, np.ndarray] = {}
        for name, test in self._tests.items():
            rare = rarity(test.poses, seeds)
            evaluation = evaluate(lifter, test.poses, test.action, test.clip_label(), rare)
            found[name] = evaluation.as_dict()
            errors |= {f"{name}/errors": evaluation.errors, f"{name}/clip": evaluation.clip}
        write_arrays(self.result(cell).with_suffix(".npz"), errors)
        made_with = _result_settings(self._settings, cell)
        record = {"cell": vars(cell), "poses": len(poses), "tests": found, "settings": made_with}
        write_json(self.result(cell), record | {"core_hours": took.core_hours()})

    def _data(self, cell: Cell) -> np.ndarray:
        """Poses (n, 17, 3) of a row, made once."""
        path = self._home / "data" / f"{cell.data}.npy"
        if not path.with_suffix(".json").exists():
            took = Clock()
            base = load(_base(self._settings, cell))
            validation = load(self._settings.validation)
            campaign = _campaign(self._settings, cell)
            poses = base.poses if campaign is None else self._search(campaign)
            path.parent.mkdir(parents=True, exist_ok=True)
            _save(self._base_file(cell), base.poses)
            _save(path, poses)
            read = {"base": hashes(base.poses), "validation": hashes(validation.poses)}
            write_arrays(path.with_suffix(".read.npz"), read)
            made_with = _data_settings(self._settings, cell)
            record = {"rows": len(poses), "core_hours": took.core_hours(), "settings": made_with}
            write_json(path.with_suffix(".json"), record)
        return np.load(path, mmap_mode="r")

    def _base_file(self, cell: Cell) -> Path:
        return self._home / "data" / f"{cell.data}.base.npy"

    def _search(self, settings: CampaignSettings) -> np.ndarray:
        """The table of a campaign, which starts from the base and never sees a test pose."""
        folder = CampaignFolder(settings.home, settings.name)
        if folder.exists():
            if changed := differences(read_settings(folder.settings), settings):
                raise BadInput(
                    f"search {settings.name} was started with other settings: {'; '.join(changed)}"
                )
            resume(settings.home, settings.name, _running(settings), self._monitor)
        else:
            start(settings, self._monitor)
        return table_of(settings, folder).poses(campaign=settings.name)


def _running(settings: CampaignSettings) -> list[str]:
    """Settings of where a search runs, as changes: a stopped one may go on elsewhere."""
    plain = settings.model_dump(mode="json")
    return [f"{name}={json.dumps(plain[name])}" for name in RUNNING if name != "home"]


def refuse_other_settings(settings: StudySettings) -> None:
    """What a study's folder holds has to be made with these settings.

    Rows, fractions, random seeds, steps and the budget may change; what a data set or a lifter that
    is there was made with may not.

    Raises:
        BadInput: a record was made with other settings.
    """
    home = _home(settings)
    for cell in cells(settings):
        for path, wanted in (
            (home / "data" / f"{cell.data}.json", _data_settings(settings, cell)),
            (home / "results" / f"{cell.name}.json", _result_settings(settings, cell)),
        ):
            if path.exists() and json.loads(path.read_text()).get("settings") != wanted:
                raise BadInput(
                    f"{path} was made with other settings of seed, validation, real, tests, fit or "
                    f"row {cell.row}: choose another home"
                )


def _data_settings(settings: StudySettings, cell: Cell) -> str:
    """A hash of all that a data set depends on, defaults included."""
    campaign = _campaign(settings, cell)
    return _digest(
        {
            "base": _base(settings, cell).model_dump(mode="json"),
            "validation": settings.validation.model_dump(mode="json"),
            "campaign": campaign and campaign.model_dump(mode="json", exclude=set(RUNNING)),
        }
    )


def _result_settings(settings: StudySettings, cell: Cell) -> str:
    """A hash of all that a lifter's errors depend on."""
    return _digest(
        {
            "data": _data_settings(settings, cell),
            "fit": _fit_settings(settings, cell).model_dump(mode="json"),
            "tests": {name: test.model_dump(mode="json") for name, test in settings.tests.items()},
        }
    )


def _digest(plain: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=16).hexdigest()


def _fit_settings(settings: StudySettings, cell: Cell) -> FitSettings:
    row = settings.rows[cell.row]
    return FitSettings.parse(
        layered(layered(settings.fit, row.fit), {"steps": cell.steps, "seed": cell.seed})
    )


def _campaign(settings: StudySettings, cell: Cell) -> CampaignSettings | None:
    """The search that breeds a row's poses, where one does."""
    how = settings.rows[cell.row].campaign
    if how is None:
        return None
    motion = {"seed": _base(settings, cell), "validation": settings.validation}
    fixed = {
        "name": cell.data,
        "seed": cell.seed,
        "home": str(_home(settings) / "campaigns"),
        "motion": {role: source.model_dump(mode="json") for role, source in motion.items()},
    }
    return CampaignSettings.parse(layered({"tracking": {"enabled": False}}, layered(how, fixed)))


def _home(settings: StudySettings) -> Path:
    return Path(settings.home).expanduser().resolve()


def _base(settings: StudySettings, cell: Cell) -> SourceSettings:
    row = settings.rows[cell.row]
    source = settings.seed if row.base == "seed" else settings.real
    drawn: dict[str, Any] = {"fraction_seed": cell.seed}
    if row.base == "seed":
        drawn["fraction"] = cell.fraction
    if row.max_per_subject is not None:
        drawn["max_per_subject"] = row.max_per_subject
    return source.model_copy(update=drawn)


def hashes(poses: np.ndarray) -> np.ndarray:
    """(n,) uint64 of (n, 17, 3) poses, to show what a stage read and what it did not."""
    rows = (np.ascontiguousarray(pose, np.float32).tobytes() for pose in poses)
    digests = b"".join(hashlib.blake2b(row, digest_size=8).digest() for row in rows)
    return np.frombuffer(digests, np.uint64)


def _save(path: Path, poses: np.ndarray) -> None:
    with whole_file(path) as file:
        np.save(file, np.asarray(poses, np.float32))


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"
