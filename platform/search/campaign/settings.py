"""All settings of a campaign, composed from those of the folders it uses."""

import math
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from evoskeleton.evolution.archive.archive import ArchiveSettings
from evoskeleton.evolution.archive.descriptor import DescriptorSettings
from evoskeleton.evolution.archive.niches import NicheSettings
from evoskeleton.files import atomic_file, storage_errors
from evoskeleton.platform.data.sources.settings import Source
from evoskeleton.platform.data.target.settings import TargetSettings
from evoskeleton.platform.record.tracking import TrackingSettings
from evoskeleton.platform.search.workers.islands import IslandSettings
from evoskeleton.platform.search.workers.local_search import LocalSearchSettings
from evoskeleton.platform.search.workers.machine import MachineSettings
from evoskeleton.platform.search.workers.training_job import TrainingSettings
from evoskeleton.settings import Settings, layered, read_yaml, with_changes
from evoskeleton.settings_environment import from_environment, without


class MotionSettings(Settings):
    """Which real poses play which part. Clips of `validation` and `test` never seed."""

    seed: Source = Field(description="poses that the first generation is made of")
    validation: Source | None = Field(
        None, description="poses that choose the champion; none: a share of the seed's clips"
    )
    validation_share: float = Field(
        0.2, gt=0, lt=1, description="share of the seed's clips held out, without `validation`"
    )
    test: Source | None = Field(
        None, description="poses of the closing comparison; none: the validation poses"
    )
    templates: Source | None = Field(
        None,
        description="bodies that lend offspring their bone lengths and shoulders, such as kind: "
        "standard; none: those of the seeds",
    )


class TargetNicheSettings(NicheSettings):
    """Niches of a target, and how bodies are looked at for them."""

    views: int = Field(4, ge=1, description="virtual views in which a body is held to keypoints")
    answers: bool = Field(
        True,
        description="whether what a new champion makes of the target joins the niches, from the "
        "second lifter on",
    )
    agreement: float = Field(
        0.0,
        ge=0,
        description="weight of what a body of a niche disagrees with the champion's answer for the "
        "keypoints in 3D, beside its distance from them in the picture; 0: the distance alone",
    )
    refine: LocalSearchSettings | None = Field(
        None,
        description="local search beside breeding: the nearest bodies of every keypoint set are "
        "bent towards it by gradient steps; none: breeding alone",
    )


class SearchSettings(Settings):
    """How the islands evolve."""

    generations: int = Field(8, ge=0, description="generations to breed; may be raised later")
    target: TargetSettings | None = Field(
        None,
        description="2D keypoints of the people whom the lifter is for: the search breeds bodies "
        "that resemble them. None: it does not know whom it is for",
    )
    niches: TargetNicheSettings = Field(
        default_factory=lambda: TargetNicheSettings.parse({}),
        description="where there is a target: how many bodies stand for a keypoint set, and which "
        "of them breed",
    )
    rows: int | None = Field(
        None, ge=1, description="rows in the table at which the campaign ends; none: no such number"
    )
    rows_ratio: float | None = Field(
        None,
        gt=1,
        description="rows at which the campaign ends, as a multiple of the seed poses; none: no "
        "such number",
    )
    extra_generations: int = Field(
        0, ge=0, description="most generations to add while the rows are not reached"
    )
    islands: int = Field(4, ge=1, le=4096, description="populations that evolve side by side")
    island: IslandSettings = Field(
        default_factory=IslandSettings, description="what one island does in a generation"
    )
    migration_every: int = Field(2, ge=1, description="generations between migrations")
    migrants: int = Field(
        16, ge=0, description="bodies that move to the next island in a migration"
    )
    views: int = Field(
        4, ge=1, description="virtual views in which the lifter is tried on a pose, for its error"
    )
    archive: ArchiveSettings | None = Field(
        None,
        description="a quality-diversity archive that chooses which bodies become rows; none: all "
        "survivors do",
    )
    descriptor: DescriptorSettings = Field(
        default_factory=DescriptorSettings, description="what makes two poses different"
    )
    neighbours: int = Field(
        15, ge=1, description="nearest bodies of the archive that novelty looks at"
    )
    limits: str = Field(
        "default",
        description="joint limits: default; ranges, out of the seeds and published ranges of "
        "motion; none; a file that `limits fit` wrote; or a folder with jointAngleModel_v2.npy and "
        "staticPose.npy",
    )

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, data: Any) -> Any:
        """Under the names of today, and with objectives where there is a target."""
        if not isinstance(data, dict):
            return data
        return _with_half_the_islands_for_the_target(_with_names_of_today(data))

    @model_validator(mode="after")
    def _resemblance_has_a_target(self) -> "SearchSettings":
        if self.target is None and self.island.asks_for_resemblance:
            raise ValueError("resemblance is measured against a target: set search.target as well")
        if self.target is not None and self.islands > 4094:
            raise ValueError("islands should be 4094 or fewer where there is a target")
        return self

    @model_validator(mode="after")
    def _cells_find_poses(self) -> "SearchSettings":
        if self.archive is None:
            return self
        for poses, what in (
            (self.rows, "{} rows asked for"),
            (self._most_bred(), "{} poses to be bred"),
        ):
            if poses is not None and self.archive.cells > poses:
                raise ValueError(
                    f"an archive of {self.archive.cells} cells has more cells than the "
                    + what.format(poses)
                )
        return self

    def _most_bred(self) -> int | None:
        """Offspring and immigrants of all generations; none: no such number, or none yet."""
        generations, island = self.generations + self.extra_generations, self.island
        if generations == 0 or (island.pairs_share is not None and island.population is None):
            return None
        each = island.offspring_of(island.population or 0) + island.immigrants
        return generations * self.islands * each

    @model_validator(mode="after")
    def _novelty_has_an_archive(self) -> "SearchSettings":
        if self.archive is None and self.island.asks_for_novelty:
            raise ValueError("novelty is measured against an archive: set search.archive as well")
        return self

    @model_validator(mode="after")
    def _archive_has_room(self) -> "SearchSettings":
        if self.archive is None:
            return self
        room = self.archive.cells * self.archive.quota
        if self.neighbours >= room:
            raise ValueError(f"neighbours should be less than the {room} bodies of a full archive")
        if self.island.breeding.lengths.when == "storing":
            raise ValueError(
                "an archive wants bodies as they are scored: set breeding.lengths.when to breeding"
            )
        return self

    @model_validator(mode="after")
    def _one_number_of_rows(self) -> "SearchSettings":
        if self.rows is not None and self.rows_ratio is not None:
            raise ValueError("rows and rows_ratio say the same: set one of them")
        if self.extra_generations and self.rows is None and self.rows_ratio is None:
            raise ValueError("extra_generations are for reaching rows or rows_ratio: set one")
        return self

    def wanted(self, seeds: int) -> int | None:
        """Rows at which a campaign of so many seed poses ends; none: no such number."""
        return self.rows if self.rows_ratio is None else math.ceil(self.rows_ratio * seeds)

    def enough(self, generation: int, rows: int, seeds: int) -> bool:
        """Whether a campaign that is so far is done."""
        wanted = self.wanted(seeds)
        full = wanted is not None and rows >= wanted
        if self.extra_generations == 0:
            return full or generation >= self.generations
        last = self.generations + self.extra_generations
        return generation >= (self.generations if full else last)

    def progress(self, generation: int, rows: int, seeds: int) -> tuple[int, int]:
        """How much is done, of how much: generations, or rows where they decide."""
        wanted = self.wanted(seeds)
        if self.extra_generations and wanted is not None:
            return min(rows, wanted), wanted
        return generation, self.generations


class CampaignSettings(Settings):
    """A whole campaign."""

    name: str = Field(
        "campaign",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="name of the campaign, of its folder and of its MLflow runs",
    )
    seed: int = Field(1, ge=0, lt=2**63, description="seed of every draw of the campaign")
    home: str = Field("campaigns", description="folder of campaigns, pose table and MLflow store")
    table: str | None = Field(
        None, description="URI of the pose table; none: the folder `poses` of the home"
    )
    storage_options: dict[str, str] = Field(
        default_factory=dict,
        description="options of the table's storage, such as AWS_ENDPOINT_URL; they are written "
        "into the campaign's folder, so that keys belong into the environment",
    )
    motion: MotionSettings = Field(description="which real poses are used, and what for")
    search: SearchSettings = Field(default_factory=SearchSettings, description="how poses evolve")
    training: TrainingSettings = Field(
        default_factory=TrainingSettings, description="when and how the lifter is trained"
    )
    machine: MachineSettings = Field(
        default_factory=MachineSettings, description="what it runs on; never changes a row"
    )
    tracking: TrackingSettings = Field(
        default_factory=TrackingSettings, description="where MLflow keeps the record"
    )

    preset: Literal["default", "li2020"] = Field(
        "default",
        description="li2020: search and training as published; other settings change it",
    )

    @field_validator("table")
    @classmethod
    def _wherever_it_is_resumed(cls, table: str | None) -> str | None:
        """A local table by its absolute path."""
        if table is None or "://" in table:
            return table
        return str(Path(table).expanduser().resolve())

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return layered(preset(str(data.get("preset", "default"))), data)

    @model_validator(mode="after")
    def _migrants_fit(self) -> "CampaignSettings":
        population = self.search.island.population
        if population is not None and self.search.migrants >= population:
            raise ValueError("search.migrants should be less than search.island.population")
        return self


def _with_names_of_today(data: dict[str, Any]) -> dict[str, Any]:
    """Files of before there were targets: a number of rows was called `target`."""
    data = dict(data)
    if "target_ratio" in data:
        data["rows_ratio"] = data.pop("target_ratio")
    if isinstance(data.get("target"), int | float | str) and _is_number(data["target"]):
        data["rows"] = data.pop("target")
    return data


def _with_half_the_islands_for_the_target(data: dict[str, Any]) -> dict[str, Any]:
    """With a target, and nothing said of objectives, every other island breeds towards it."""
    island = data.get("island", {})
    asked = isinstance(island, dict) and "objectives" not in island
    if data.get("target") is None or not asked:
        return data
    return data | {"island": island | {"objectives": [["resemblance"], ["error"]]}}


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def preset(name: str) -> dict[str, Any]:
    """Plain settings that a preset fills in; nothing for the default, or for a name unknown."""
    file = resources.files("evoskeleton.platform.search.presets").joinpath(f"{name}.yaml")
    return yaml.safe_load(file.read_text()) if name in _PRESETS else {}


_PRESETS = ("li2020",)

RUNNING = ("machine", "tracking", "home", "storage_options")
"""Settings of where a campaign runs, which a resume may change freely."""

EXTENDING = tuple(
    f"search.{name}" for name in ("generations", "rows", "rows_ratio", "extra_generations")
)
"""Settings of when a campaign ends: a resume may change them and so extend it."""


FITTED = "training.fit.views.elevation_deg"
"""Measured when a campaign begins, where `search.target.fit_views` says so."""


def from_surroundings() -> dict[str, Any]:
    """Settings of where a campaign runs that the environment holds, EVOSKELETON_MACHINE__WORKERS.

    Raises:
        BadInput: one of them cannot be read.
    """
    return from_environment("EVOSKELETON_", RUNNING)


def read_settings(path: Path, changes: list[str] | None = None) -> CampaignSettings:
    """Settings from a YAML file, those of the environment, and `key.key=value` changes on top.

    Raises:
        BadInput: the file is missing or not YAML, or a setting is not allowed.
    """
    data = layered(read_yaml(path), from_surroundings())
    return CampaignSettings.parse(with_changes(data, changes or []))


def write_settings(settings: CampaignSettings) -> str:
    """Settings as YAML, without what the environment says: it may be secret, and says it again."""
    data = without(settings.model_dump(mode="json"), from_surroundings())
    return yaml.safe_dump(data, sort_keys=False)


def keep_settings(settings: CampaignSettings, path: Path) -> None:
    """Settings into a file, readable by nobody else where they hold options of a storage.

    Raises:
        BadInput: the file cannot be written.
    """
    private = bool(settings.storage_options)
    with storage_errors(path), atomic_file(path, private=private) as file:
        file.write(write_settings(settings).encode())


def differences(old: CampaignSettings, new: CampaignSettings) -> list[str]:
    """What would change the search, as `name: old -> new`; a later end does not count."""
    before, after = _flat(old.model_dump(mode="json")), _flat(new.model_dump(mode="json"))
    found = []
    for name in sorted(before.keys() | after.keys()):
        free = name.split(".")[0] in RUNNING or name in EXTENDING
        free |= name == FITTED and fits_views(old) and fits_views(new)
        if not free and before.get(name) != after.get(name):
            found.append(f"{name}: {before.get(name)!r} -> {after.get(name)!r}")
    return found


def fits_views(settings: CampaignSettings) -> bool:
    """Whether the elevation of the cameras is taken from the target's keypoints."""
    target = settings.search.target
    return target is not None and target.fit_views


def with_elevation(settings: CampaignSettings, degrees: tuple[float, float]) -> CampaignSettings:
    """The same settings, trained with cameras of another range of elevations."""
    training = settings.training
    views = training.fit.views.model_copy(update={"elevation_deg": degrees})
    fit = training.fit.model_copy(update={"views": views})
    return settings.model_copy(update={"training": training.model_copy(update={"fit": fit})})


def _flat(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
