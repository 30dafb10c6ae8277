"""All settings of a campaign, composed from those of the folders it uses."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, model_validator

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.sources import SourceSettings
from evoskeleton.platform.record.tracking import TrackingSettings
from evoskeleton.platform.search.cluster import MachineSettings
from evoskeleton.platform.search.islands import IslandSettings
from evoskeleton.platform.search.training import TrainingSettings
from evoskeleton.settings import Settings


class MotionSettings(Settings):
    """Which real poses play which part. Clips of `validation` and `test` never seed."""

    seed: SourceSettings = Field(description="poses that the first generation is made of")
    validation: SourceSettings | None = Field(
        None, description="poses that choose the champion; none: a share of the seed's clips"
    )
    validation_share: float = Field(
        0.2, gt=0, lt=1, description="share of the seed's clips held out, without `validation`"
    )
    test: SourceSettings | None = Field(
        None, description="poses of the closing comparison; none: the validation poses"
    )


class SearchSettings(Settings):
    """How the islands evolve."""

    generations: int = Field(8, ge=1, description="generations to breed; may be raised later")
    target: int | None = Field(
        None, ge=1, description="rows in the table at which the campaign ends; none: no target"
    )
    islands: int = Field(4, ge=1, le=4096, description="populations that evolve side by side")
    island: IslandSettings = Field(default_factory=IslandSettings, description="one island")
    migration_every: int = Field(2, ge=1, description="generations between migrations")
    migrants: int = Field(16, ge=0, description="bodies that move on to the next island")
    views: int = Field(4, ge=1, description="virtual views over which a pose is scored")
    limits: str = Field("default", description="joint limits: default, or a file of your own")


class CampaignSettings(Settings):
    """A whole campaign."""

    name: str = Field(
        "campaign", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="names folder and runs"
    )
    seed: int = Field(1, ge=0, lt=2**63, description="seed of every draw of the campaign")
    home: str = Field("campaigns", description="folder of campaigns, pose table and MLflow store")
    table: str | None = Field(
        None, description="URI of the pose table; none: the folder `poses` of the home"
    )
    storage_options: dict[str, str] = Field(
        default_factory=dict, description="passed on to the table's storage, such as S3 keys"
    )
    motion: MotionSettings = Field(description="real poses and their parts")
    search: SearchSettings = Field(default_factory=SearchSettings, description="the evolution")
    training: TrainingSettings = Field(
        default_factory=TrainingSettings, description="when and how the lifter is trained"
    )
    machine: MachineSettings = Field(
        default_factory=MachineSettings, description="what it runs on; never changes a row"
    )
    tracking: TrackingSettings = Field(
        default_factory=TrackingSettings, description="where MLflow keeps the record"
    )

    @model_validator(mode="after")
    def _migrants_fit(self) -> "CampaignSettings":
        if self.search.migrants >= self.search.island.population:
            raise ValueError("search.migrants should be less than search.island.population")
        return self


RUNNING = ("machine", "tracking", "home", "storage_options")
"""Settings of where a campaign runs, which a resume may change freely."""


def read_settings(path: Path, changes: list[str] | None = None) -> CampaignSettings:
    """Settings from a YAML file, with `key.key=value` changes on top.

    Raises:
        BadInput: the file is missing or not YAML, or a setting is not allowed.
    """
    try:
        data = yaml.safe_load(path.read_text())
    except OSError as error:
        raise BadInput(f"settings file {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"settings file {path} is not YAML: {reason}") from None
    if not isinstance(data, dict):
        raise BadInput(f"settings file {path} should hold settings by name")
    return CampaignSettings.parse(with_changes(data, changes or []))


def with_changes(data: dict[str, Any], changes: list[str]) -> dict[str, Any]:
    """Plain settings with `key.key=value` changes; values are read as YAML.

    Raises:
        BadInput: a change has no `=` or goes through something that is no group.
    """
    data = yaml.safe_load(yaml.safe_dump(data))
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise BadInput(f"--set wants key=value, got {change}")
        *groups, last = name.strip().split(".")
        group = data
        for part in groups:
            if group.get(part) is None:
                group[part] = {}
            group = group[part]
            if not isinstance(group, dict):
                raise BadInput(f"--set {change}: {part} is not a group of settings")
        group[last] = yaml.safe_load(value)
    return data


def write_settings(settings: CampaignSettings) -> str:
    """Settings as YAML."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)


def differences(old: CampaignSettings, new: CampaignSettings) -> list[str]:
    """What would change the search, as `name: old -> new`; more generations do not count."""
    before, after = _flat(old.model_dump(mode="json")), _flat(new.model_dump(mode="json"))
    found = []
    for name in sorted(before.keys() | after.keys()):
        free = name.split(".")[0] in RUNNING or name in ("search.generations", "search.target")
        if not free and before.get(name) != after.get(name):
            found.append(f"{name}: {before.get(name)!r} -> {after.get(name)!r}")
    return found


def _flat(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
