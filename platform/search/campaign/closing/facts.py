"""What is known of a campaign, read from its folder: what pages for reviewers are made of."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.origin import Origin
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import read_poses
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.record.mlflow_run import flatten, public_settings
from evoskeleton.platform.record.run_page.data_sets import UsedPoses
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.settings import (
    CampaignSettings,
    read_settings,
)
from evoskeleton.platform.search.campaign.state import State, load
from evoskeleton.platform.search.workers.training_job import read_record

ROLES = ("seed", "validation", "test")
_CONTEXTS = {"test": "testing"}
_OF_THE_SEARCH = ("seed", "search.", "training.", "preset")


@dataclass(frozen=True)
class Facts:
    """A campaign that is done.

    Attributes:
        folder, settings, state: of the campaign; the state is that of its last generation.
        table: that it wrote to.
        report: baseline against champion, as in `report.json`.
        trainings: (generation, record) of every finished one, in order.
    """

    folder: CampaignFolder
    settings: CampaignSettings
    state: State
    table: PoseTable
    report: dict[str, Any]
    trainings: list[tuple[int, dict[str, Any]]]

    @property
    def name(self) -> str:
        """The campaign's."""
        return self.settings.name

    @property
    def errors(self) -> tuple[float, float]:
        """Mean error on the test poses, of the baseline and of the champion, MPJPE in mm."""
        sides = (self.report[side]["overall"]["mpjpe"] for side in ("baseline", "evolved"))
        before, after = map(float, sides)
        return before, after

    @property
    def code(self) -> dict[str, str | None]:
        """Version and commit that closed the campaign; of earlier reports nobody knows."""
        return dict(self.report.get("code") or {"version": None, "commit": None})

    def by_clip(self, side: str) -> dict[str, float]:
        """MPJPE of every test clip, mm."""
        clips = self.report[side]["by_clip"]
        return {clip: float(scores["mpjpe"]) for clip, scores in clips.items()}

    def origins(self) -> list[Origin]:
        """Where the real poses are from, as the table's first commit says; else as settings do."""
        return self.table.origins(self.name) or [
            Origin(
                source.kind if source.path is None else Path(source.path).name,
                source.kind,
                source.licence or "",
                source.acknowledgement or "",
            )
            for source in (self.settings.motion.seed, self.settings.motion.templates)
            if source is not None and source.kind != "standard"
        ]

    def changed_settings(self) -> list[tuple[str, str, str]]:
        """Settings of search and training that differ from the defaults: name, value, default."""
        return changed_settings(self.settings)

    def sources(self) -> list[tuple[str, int, int, int, str]]:
        """Role, poses, clips and subjects of each set of real poses, and where they are from."""
        return sources_of(self.settings, self.folder)


def changed_settings(settings: CampaignSettings) -> list[tuple[str, str, str]]:
    """Settings of search and training that differ from the defaults: name, value, default."""
    motion = settings.motion.model_dump(mode="json")
    plain = CampaignSettings.parse({"name": settings.name, "motion": motion})
    before, after = (flatten(each.model_dump(mode="json")) for each in (plain, settings))
    names = sorted(before.keys() | after.keys())
    rows = [(name, after.get(name, "none"), before.get(name, "none")) for name in names]
    return [row for row in rows if row[1] != row[2] and row[0].startswith(_OF_THE_SEARCH)]


def sources_of(
    settings: CampaignSettings, folder: CampaignFolder
) -> list[tuple[str, int, int, int, str]]:
    """Role, poses, clips and subjects of each set of real poses, and where they are from."""
    motion = public_settings(settings.motion.model_dump(mode="json"))
    rows = []
    for role in ROLES:
        poses = read_poses(folder.source(role))
        subjects = len(set(poses.subject.tolist()))
        rows.append((role, len(poses), len(poses.clips()), subjects, _of_source(motion.get(role))))
    return rows


def used_poses(settings: CampaignSettings, folder: CampaignFolder) -> list[UsedPoses]:
    """The sets of real poses that a campaign is made of and judged by."""
    motion = public_settings(settings.motion.model_dump(mode="json"))
    found = []
    for role in ROLES:
        poses = read_poses(folder.source(role))
        digest = hashlib.sha256(np.ascontiguousarray(poses.poses).tobytes()).hexdigest()[:12]
        counts = {"poses": len(poses), "clips": len(poses.clips())}
        context = _CONTEXTS.get(role, role)
        source = _of_source(motion.get(role))
        found.append(UsedPoses(f"{role} of {settings.name}", context, digest, source, counts))
    return [*found, *_used_target(settings, folder)]


def _used_target(settings: CampaignSettings, folder: CampaignFolder) -> Iterator[UsedPoses]:
    """The keypoint sets that the search goes towards, where it does."""
    if settings.search.target is None or not folder.target.exists():
        return
    target = KeypointTarget.load(folder.target)
    counts = {"keypoint_sets": len(target), "clips": len(set(target.clip.tolist()))}
    yield UsedPoses(
        f"target of {settings.name}", "target", target.hash[:12], "2D keypoints", counts
    )


def bred_poses(settings: CampaignSettings, version: int, rows: int) -> UsedPoses:
    """The version of the pose table that a campaign ended with."""
    counts = {"poses": rows}
    return UsedPoses(f"poses of {settings.name}", "table", f"v{version}", "pose table", counts)


def facts_of(home: str, name: str) -> Facts:
    """What is known of a campaign that is done.

    Raises:
        BadInput: there is none of that name, it is not done yet, or its table cannot be read.
    """
    folder = CampaignFolder(home, name)
    if not folder.exists():
        raise BadInput(f"there is no campaign {name} in {home}")
    if not folder.report.exists():
        raise BadInput(f"campaign {name} is not done yet, `evoskeleton campaign status` tells more")
    settings = read_settings(folder.settings)
    uri = settings.table or str(folder.home / "poses")
    table = PoseTable.open(uri, settings.storage_options or None)
    report = json.loads(folder.report.read_text())
    state = load(folder, int(report["generations"]))
    return Facts(folder, settings, state, table, report, finished_trainings(folder))


def finished_trainings(folder: CampaignFolder) -> list[tuple[int, dict[str, Any]]]:
    """(generation, record) of every training that is finished, in order."""
    paths = sorted(folder.path.glob("trainings/g*/training.json"))
    records = [(int(path.parent.name[1:]), read_record(path.parent)) for path in paths]
    return [(generation, record) for generation, record in records if record is not None]


def interval_over_clips(differences_mm: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean of (clips,) differences, by drawing clips anew 10,000 times."""
    draw = np.random.Generator(np.random.Philox(0))
    picked = draw.integers(0, len(differences_mm), (10_000, len(differences_mm)))
    low, high = np.quantile(differences_mm[picked].mean(1), [0.025, 0.975])
    return float(low), float(high)


def _of_source(source: dict[str, Any] | None) -> str:
    """A source in a few words: kind, file, and what was chosen of it."""
    if not source:
        return "held out of the seed's clips"
    quiet: tuple[Any, ...] = (None, [], {}, "", 0, 1.0)
    given = {name: value for name, value in source.items() if value not in quiet}
    kind = given.pop("kind", "")
    return ", ".join([str(kind), *(f"{name} {_listed(v)}" for name, v in given.items())])


def _listed(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
