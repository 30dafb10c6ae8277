"""How far campaigns are, read from their folders; neither Ray nor MLflow is needed."""

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evoskeleton.errors import BadInput
from evoskeleton.files import is_remote, local_folder
from evoskeleton.lifting.error_radii import CalibratedRadii
from evoskeleton.platform.record.metric_names import in_counts
from evoskeleton.platform.search.campaign.driver import table_of
from evoskeleton.platform.search.campaign.mirror import campaigns_in
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import read_settings
from evoskeleton.platform.search.campaign.state import load
from evoskeleton.platform.search.workers.training_job import read_record


@dataclass(frozen=True)
class Status:
    """Where a campaign stands.

    Attributes:
        name: of the campaign.
        generation: the last one committed; -1 before the seeds.
        generations: planned.
        rows: poses in the table.
        trainings: finished ones.
        state: running, stopped or finished; `no table` where its pose table cannot be read,
            `damaged` where its own files cannot.
        champion: weight hash of the lifter that was registered when the campaign closed; before
            that, of the lifter that scores, if there is one.
        error_radii_mm: the champion's error radii, see `lifting.conformal`, if it has any.
        last: the last record of the logbook, counts as `metric_names.COUNTS` names them.
    """

    name: str
    generation: int
    generations: int
    rows: int
    trainings: int
    state: str
    champion: str | None
    error_radii_mm: dict[str, Any] | None
    last: dict[str, Any]

    def row(self) -> tuple[str, str, int, int, str]:
        """Cells of the list of campaigns."""
        done = f"{self.generation}/{self.generations}"
        return self.name, done, self.rows, self.trainings, self.state

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def status_of(home: str, name: str) -> Status:
    """Status of one campaign.

    Raises:
        BadInput: there is none of that name.
    """
    with tempfile.TemporaryDirectory() as here:
        folder = CampaignFolder(home, name, Path(here))
        if not folder.exists():
            raise BadInput(f"there is no campaign {name} in {home}")
        folder.fetch(light=True)
        return _of(folder)


def _of(folder: CampaignFolder) -> Status:
    name = folder.name
    settings = read_settings(folder.settings)
    planned = settings.search.generations
    try:
        generation = table_of(settings, folder).committed_generation(name)
    except BadInput:
        return Status(name, -1, planned, 0, 0, "no table", None, None, {})
    if generation is None:
        return Status(name, -1, planned, 0, 0, _activity(folder), None, None, {})
    state = load(folder, generation)
    champion = _registered(folder, state.champion)
    record = read_record(folder.training(champion)) if champion >= 0 else None
    return Status(
        name=name,
        generation=generation,
        generations=planned,
        rows=state.rows,
        trainings=len(list(folder.path.glob("trainings/g*/training.json"))),
        state=_activity(folder),
        champion=record["hash"] if record else None,
        error_radii_mm=_radii(record or {}),
        last=in_counts(state.logbook[-1]),
    )


def _registered(folder: CampaignFolder, scoring: int) -> int:
    """Generation of the training that a campaign closed with, else of the one that scores."""
    try:
        return int(json.loads(folder.report.read_text())["champion_training"])
    except (OSError, ValueError, KeyError, TypeError):
        return scoring


def statuses(home: str) -> list[Status]:
    """Status of every campaign of a home, by name.

    Raises:
        BadInput: there is no such folder.
    """
    if is_remote(home):
        names = campaigns_in(home)
    else:
        folder = local_folder(home, "home")
        if not folder.is_dir():
            raise BadInput(f"there is no folder {home}: --home names the one that holds campaigns")
        names = sorted(path.parent.name for path in folder.glob("*/settings.yaml"))
    return [_or_damaged(home, name) for name in names]


def _or_damaged(home: str, name: str) -> Status:
    """One campaign that cannot be read hides no other; `status_of` says what is wrong."""
    try:
        return status_of(home, name)
    except BadInput:
        return Status(name, -1, 0, 0, 0, "damaged", None, None, {})


def _radii(record: dict[str, Any]) -> dict[str, Any] | None:
    """Level and radii of a training's record, without how they were made."""
    words = record.get("error_radii_mm")
    return words and CalibratedRadii.from_dict(words).as_dict()


def _activity(folder: CampaignFolder) -> str:
    if folder.is_locked():
        return "running"
    return "finished" if folder.report.exists() else "stopped"
