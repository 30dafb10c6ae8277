"""Settings of a study: what is compared, and what every lifter of it is made with."""

import hashlib
import json
import re
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.files import local_folder
from evoskeleton.lifting.lifter_training import LifterSettings
from evoskeleton.platform.data.sources.settings import Source
from evoskeleton.platform.record.mlflow_store import TrackingSettings
from evoskeleton.platform.search.campaign.settings import RUNNING, CampaignSettings
from evoskeleton.platform.search.study.choice import ChoiceSettings
from evoskeleton.settings import Settings, layered, read_yaml, with_changes

PROTOCOLS = ("human36m", "mpi-inf-3dhp")
"""Protocols of the field for which there is a settings file."""


class RowSettings(Settings):
    """One row: where its poses come from, and what else differs."""

    base: Literal["seed", "real", "target"] = Field(
        "seed",
        description="start from the seed's poses, from all real ones, or from those of the study's "
        "`target`",
    )
    max_per_subject: int | None = Field(None, ge=1, description="most rows of one subject")
    campaign: dict[str, Any] | None = Field(
        None, description="settings of a search that starts from the base; none: the base alone"
    )
    choose: ChoiceSettings | None = Field(
        None, description="which of another row's poses are kept, in place of base and campaign"
    )
    fit: dict[str, Any] = Field(
        default_factory=dict,
        description="what this row's lifters are trained with instead, such as other views",
    )

    @model_validator(mode="after")
    def _chosen_from_a_row_alone(self) -> "RowSettings":
        own = {"base", "max_per_subject", "campaign"} & self.model_fields_set
        if self.choose is not None and own:
            raise ValueError(
                f"a row that chooses takes what row {self.choose.row} is made of: leave out "
                + " and ".join(sorted(own))
            )
        return self


class JudgingSettings(Settings):
    """How lifters are judged on a test: under which cameras, by which joints."""

    cameras: str | None = Field(
        None,
        description="the data set's own cameras: Human3.6M's cameras.npy, or `own` where the "
        "source holds what they saw (mpi-inf-3dhp); none: four fixed virtual views",
    )
    leave_out: list[str] = Field(
        default_factory=list,
        description="joints that do not count, such as Neck, which MPI-INF-3DHP has elsewhere",
    )

    @field_validator("leave_out")
    @classmethod
    def _joints_are_known(cls, names: list[str]) -> list[str]:
        for name in names:
            if name not in JOINT_NAMES[1:]:
                raise ValueError(f"should name joints, such as Neck, and not Hip; {name} is none")
        return names


class StudySettings(Settings):
    """What is compared, on whom, and for how long."""

    home: str = Field("study", description="folder of everything that the study makes")
    seed: Source = Field(description="poses that searches start from")
    validation: Source = Field(
        description="poses that choose the champions: clips of the seed's subjects"
    )
    real: Source = Field(description="all real poses that may be trained on")
    target: Source | None = Field(
        None,
        description="real poses whose keypoints alone are known to searches towards them; a row "
        "may be made of them, as the ceiling",
    )
    tests: dict[str, Source] = Field(
        min_length=1, description="by name, poses that the lifters are compared on"
    )
    judging: dict[str, JudgingSettings] = Field(
        default_factory=dict, description="by name of a test, how it judges if not as usual"
    )
    by_action: list[Literal["mpjpe", "p_mpjpe", "n_mpjpe", "pck", "auc"]] = Field(
        default_factory=list,
        description="metrics that the report shows by action too, with the mean of the actions",
    )
    rows: dict[str, RowSettings] = Field(
        min_length=1, description="by name, data sets that are compared"
    )
    lower: str = Field("seed only", description="name of the row that counts as 0 %")
    upper: list[str] = Field(
        default_factory=lambda: ["real", "real capped"],
        description="names of rows; the better of them counts as 100 %",
    )
    fractions: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        [0.01, 1.0], min_length=1, description="shares of the seed's poses that are tried"
    )
    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        [1, 2, 3], min_length=1, description="random seeds that are tried"
    )
    steps: list[Annotated[int, Field(ge=1)]] = Field(
        [1500, 6000], min_length=1, description="training steps that are tried"
    )
    fit: dict[str, Any] = Field(
        default_factory=lambda: {"cascade": {"width": 512}},
        description="settings of every lifter's training",
    )
    tracking: TrackingSettings = Field(
        default_factory=TrackingSettings, description="where MLflow keeps the study's record"
    )
    budget_core_hours: float = Field(10.0, gt=0, description="most processors times hours, in all")

    @model_validator(mode="after")
    def _choices_have_rows(self) -> "StudySettings":
        for name, how in self.rows.items():
            if how.choose is None:
                continue
            if how.choose.row not in self.rows:
                raise ValueError(f"choose.row should name a row, got {how.choose.row}")
            if self.rows[how.choose.row].choose is not None:
                raise ValueError(f"row {name} should choose from a row that does not itself choose")
        return self

    @model_validator(mode="after")
    def _judged_tests_are_there(self) -> "StudySettings":
        for name in self.judging:
            if name not in self.tests:
                raise ValueError(f"judging should name tests, got {name}")
        return self

    @model_validator(mode="after")
    def _rows_are_there(self) -> "StudySettings":
        for name in (self.lower, *self.upper):
            if name not in self.rows:
                raise ValueError(f"lower and upper should name rows, got {name}")
        if self.target is None and any(row.base == "target" for row in self.rows.values()):
            raise ValueError("a row of base target wants a target: set it beside seed and real")
        if len({_as_a_name(name) for name in self.rows}) < len(self.rows):
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
        return f"{_as_a_name(self.row)}-f{self.fraction:g}-s{self.seed}"

    @property
    def name(self) -> str:
        """Name of its result."""
        return f"{self.data}-n{self.steps}"


def _as_a_name(row: str) -> str:
    """A row's name as names of campaigns may be."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", row)


def read_study(path: Path, changes: list[str] | None = None) -> StudySettings:
    """Settings from a YAML file, with `key.key=value` changes on top.

    Raises:
        BadInput: the file is missing or not YAML, or a setting is not allowed.
    """
    return StudySettings.parse(with_changes(read_yaml(path), changes or []))


def template(name: str = "study") -> str:
    """A commented settings file to start from.

    Args:
        name: study: rows of searches; choices: rows that choose; target: rows that search towards
            keypoints; or one of `PROTOCOLS`, the field's
            own, for those who own its data.

    Raises:
        BadInput: there is no such file.
    """
    if name not in ("study", "choices", "target", *PROTOCOLS):
        raise BadInput(f"protocol should be one of {', '.join(PROTOCOLS)}, got {name}")
    file = f"study-{name}.yaml" if name in PROTOCOLS else f"{name}.yaml"
    return resources.files("evoskeleton.platform.search.presets").joinpath(file).read_text()


def cells(settings: StudySettings) -> list[Cell]:
    """All lifters; short trainings and the first random seed come first.

    A fraction of the seed makes no difference to real poses without a search, which stand once.
    """
    return [
        Cell(row, fraction, seed, steps)
        for steps in sorted(settings.steps)
        for seed in settings.seeds
        for row in settings.rows
        for fraction in (settings.fractions if made_of(settings, row).base == "seed" else [1.0])
    ]


def made_of(settings: StudySettings, row: str) -> RowSettings:
    """What a row's poses are made of: the row itself, or the one that it chooses from."""
    choice = settings.rows[row].choose
    return settings.rows[row if choice is None else choice.row]


def refuse_other_settings(settings: StudySettings) -> None:
    """What a study's folder holds has to be made with these settings.

    Rows, fractions, random seeds, steps and the budget may change; what a data set or a lifter that
    is there was made with may not.

    Raises:
        BadInput: a record was made with other settings.
    """
    home = home_of(settings)
    for cell in cells(settings):
        for path, wanted in (
            (home / "data" / f"{cell.data}.json", data_settings(settings, cell)),
            (home / "results" / f"{cell.name}.json", result_settings(settings, cell)),
        ):
            if path.exists() and json.loads(path.read_text()).get("settings") != wanted:
                raise BadInput(
                    f"{path} was made with other settings of seed, validation, real, tests, fit or "
                    f"row {cell.row}: choose another home"
                )


def data_settings(settings: StudySettings, cell: Cell) -> str:
    """A hash of all that a data set depends on, defaults included."""
    choice = settings.rows[cell.row].choose
    if choice is not None:
        return _chosen_settings(settings, cell, choice)
    campaign = campaign_settings(settings, cell)
    return _digest(
        {
            "base": base_of(settings, cell).model_dump(mode="json"),
            "validation": settings.validation.model_dump(mode="json"),
            "campaign": campaign and campaign.model_dump(mode="json", exclude=set(RUNNING)),
        }
    )


def _chosen_settings(settings: StudySettings, cell: Cell, choice: ChoiceSettings) -> str:
    judged = judgement_settings(settings, cell, choice) if choice.judged else None
    offered = data_settings(settings, replace(cell, row=choice.row))
    return _digest({"offered": offered, "choice": choice.model_dump(mode="json"), "judged": judged})


def judgement_settings(settings: StudySettings, cell: Cell, choice: ChoiceSettings) -> str:
    """A hash of all that judges and what they judge depend on; other choices may share them."""
    training = lifter_settings(settings, cell)
    return _digest(
        {
            "offered": data_settings(settings, replace(cell, row=choice.row)),
            "keep": choice.keep,
            "judges": choice.judges.model_dump(mode="json"),
            "fit": training.model_dump(mode="json", exclude={"steps", "seed", "report_every"}),
            "seed": cell.seed,
        }
    )


def result_settings(settings: StudySettings, cell: Cell) -> str:
    """A hash of all that a lifter's errors depend on."""
    plain = {
        "data": data_settings(settings, cell),
        "fit": lifter_settings(settings, cell).model_dump(mode="json"),
        "tests": {name: test.model_dump(mode="json") for name, test in settings.tests.items()},
    }
    judging = {name: how.model_dump(mode="json") for name, how in settings.judging.items()}
    return _digest(plain | ({"judging": judging} if judging else {}))


def _digest(plain: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=16).hexdigest()


def lifter_settings(settings: StudySettings, cell: Cell) -> LifterSettings:
    """What a lifter is trained with."""
    row = settings.rows[cell.row]
    return LifterSettings.parse(
        layered(layered(settings.fit, row.fit), {"steps": cell.steps, "seed": cell.seed})
    )


def campaign_settings(settings: StudySettings, cell: Cell) -> CampaignSettings | None:
    """The search that breeds a row's poses, where one does."""
    how = settings.rows[cell.row].campaign
    if how is None:
        return None
    motion = {"seed": base_of(settings, cell), "validation": settings.validation}
    fixed = {
        "name": cell.data,
        "seed": cell.seed,
        "home": str(home_of(settings) / "campaigns"),
        "motion": {role: source.model_dump(mode="json") for role, source in motion.items()},
    }
    return CampaignSettings.parse(layered({"tracking": {"enabled": False}}, layered(how, fixed)))


def home_of(settings: StudySettings) -> Path:
    """The folder of everything that the study makes."""
    return local_folder(settings.home, "home")


def base_of(settings: StudySettings, cell: Cell) -> Source:
    """The real poses that a row starts from."""
    row = made_of(settings, cell.row)
    sources = {"seed": settings.seed, "real": settings.real, "target": settings.target}
    source = sources[row.base]
    assert source is not None, "a study with a row of its target has one"
    drawn: dict[str, Any] = {"fraction_seed": cell.seed}
    if row.base == "seed":
        drawn["fraction"] = cell.fraction
    if row.max_per_subject is not None:
        drawn["max_per_subject"] = row.max_per_subject
    return source.model_copy(update=drawn)
