"""Start, resume, finish: what the commands `demo` and `campaign` do.

SIGTERM and SIGINT stop what is running, see `stopping`: all three raise `Stopped` then.
"""

import json
import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from evoskeleton.errors import BadInput
from evoskeleton.evolution.limits.joint_limits import JointLimits, load_limits
from evoskeleton.evolution.limits.ranges_of_motion import fit_with_ranges
from evoskeleton.evolution.limits.tables import Limits
from evoskeleton.lifting.lifter_training import beginning
from evoskeleton.platform.data.pose_table import PoseTable, refuse_other_things
from evoskeleton.platform.data.poses import PoseSet
from evoskeleton.platform.data.target.found import Readers
from evoskeleton.platform.data.target.input_files import digests
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget, expect_same
from evoskeleton.platform.data.target.load import BUILT_IN, load_target
from evoskeleton.platform.record.mlflow_run import optional_groups
from evoskeleton.platform.record.recording import Recording
from evoskeleton.platform.record.tracking import Page
from evoskeleton.platform.search.campaign.custom_operators import check_unchanged, fingerprints
from evoskeleton.platform.search.campaign.paths import CampaignFolder, refuse_shared_name
from evoskeleton.platform.search.campaign.progress import Both, Monitor, Silent
from evoskeleton.platform.search.campaign.seeding import (
    CampaignPoses,
    begin,
    load_motion,
    seen_from,
)
from evoskeleton.platform.search.campaign.settings import (
    CampaignSettings,
    SearchSettings,
    differences,
    fits_views,
    from_surroundings,
    keep_settings,
    read_settings,
    with_elevation,
)
from evoskeleton.platform.search.campaign.state import State, committed_state
from evoskeleton.platform.search.campaign.stopping import Stop
from evoskeleton.platform.search.workers.cluster import cluster
from evoskeleton.settings import layered, with_changes


@dataclass(frozen=True)
class Outcome:
    """A finished campaign: the closing report, and where to look through it, if it was recorded."""

    report: dict[str, Any]
    how_to_open: Page | None


def template() -> str:
    """A commented settings file to start from."""
    return _packaged("template.yaml")


def demo_settings(changes: list[str]) -> CampaignSettings:
    """The main job's settings, with changes."""
    return _preset("demo.yaml", changes)


def adapt_settings(changes: list[str]) -> CampaignSettings:
    """Settings of a search towards keypoints, which the changes name."""
    return _preset("adapt.yaml", changes)


def shipped_settings(changes: list[str]) -> CampaignSettings:
    """Settings of the campaign whose rows the lifters of the package are trained on."""
    return _preset("shipped.yaml", changes)


def _preset(name: str, changes: list[str]) -> CampaignSettings:
    data = layered(yaml.safe_load(_packaged(name)), from_surroundings())
    return CampaignSettings.parse(with_changes(data, changes))


def _packaged(name: str) -> str:
    return resources.files("evoskeleton.platform.search.presets").joinpath(name).read_text()


def start(
    settings: CampaignSettings,
    monitor: Monitor,
    readers: Readers = BUILT_IN,
    until: float = math.inf,
    wait: float = 0.0,
) -> Outcome:
    """Run a new campaign to its end.

    Args:
        settings: of the campaign.
        monitor: who watches.
        readers: of targets that are no files of keypoints, such as photos.
        until: when all should be over, on the monotonic clock, see `Campaign.run`.
        wait: seconds to wait for another driver of the campaign to end.

    Raises:
        BadInput: the name is taken, or something in the settings cannot be used.
        Stopped: a signal said so.
    """
    folder = CampaignFolder(settings.home, settings.name)
    _refuse_taken(folder)
    stop = Stop(settings.machine.stop_seconds)
    with stop.heard():
        return _start(settings, folder, readers, _Run(monitor, until, wait, stop))


def start_or_resume(
    settings: CampaignSettings,
    monitor: Monitor,
    readers: Readers = BUILT_IN,
    until: float = math.inf,
    wait: float = 0.0,
) -> Outcome:
    """Run a campaign to its end, from its beginning or from wherever it is; see `start`.

    Raises:
        BadInput: something in the settings cannot be used, or the campaign was started with
            settings that make another search.
        Stopped: a signal said so.
    """
    folder = CampaignFolder(settings.home, settings.name)
    stop = Stop(settings.machine.stop_seconds)
    run = _Run(monitor, until, wait, stop)
    with stop.heard():
        if not folder.exists():
            try:
                return _start(settings, folder, readers, run)
            except _Taken:  # another driver began it while this one waited
                pass
        with folder.lock(wait):
            folder.fetch()
            return _go_on(settings, folder, readers, run)


@dataclass(frozen=True)
class _Run:
    """How a driver runs: who watches, until when, and when it stops before.

    Attributes:
        monitor: who watches.
        until: when all should be over, on the monotonic clock.
        wait: seconds to wait for another driver.
        stop: what signals ask for.
    """

    monitor: Monitor
    until: float
    wait: float
    stop: Stop


class _Taken(BadInput):
    """A campaign of that name is there."""


def _start(
    settings: CampaignSettings, folder: CampaignFolder, readers: Readers, run: _Run
) -> Outcome:
    refuse_shared_name(folder, _place_of(settings, folder)[0])
    if refuse_other_things(*_place_of(settings, folder)):
        _refuse_rows_of_another(table_of(settings, folder), settings.name)
    fingerprints(settings.search.island)
    beginning(settings.training.fit)
    motion = _motion(settings)
    target = _target(settings, motion, readers)
    settings = seen_from(settings, target, motion.seed.poses, run.monitor)
    limits = limits_of(settings, motion.seed)

    def begun() -> tuple[PoseTable, State]:
        table = PoseTable.create(*_place_of(settings, folder))
        _refuse_rows_of_another(table, settings.name)
        table.claim(settings.name)
        return table, begin(settings, motion, folder, table, limits, target)

    with folder.lock(run.wait):
        _refuse_taken(folder)
        folder.fetch()
        return _drive(settings, folder, begun, run)


def _refuse_rows_of_another(table: PoseTable, name: str) -> None:
    if table.committed_generation(name) is not None:
        raise BadInput(
            f"the pose table {table.uri} holds rows of an earlier campaign {name}: "
            f"choose another name, or another table"
        )


def _refuse_taken(folder: CampaignFolder) -> None:
    if folder.exists():
        raise _Taken(
            f"campaign {folder.name} exists in {folder.uri}: "
            f"go on with `evoskeleton campaign resume {_place(folder)}`, or choose another name"
        )


def how_to_resume(home: Path | str, name: str) -> str | None:
    """The command that goes on with a campaign from any folder; none before it was begun."""
    folder = CampaignFolder(home, name)
    return f"evoskeleton campaign resume {_place(folder)}" if folder.exists() else None


def _place(folder: CampaignFolder) -> str:
    """Name and home, as a command line wants them."""
    return shlex.join([folder.name, "--home", folder.uri])


def _motion(settings: CampaignSettings) -> CampaignPoses:
    return load_motion(settings.motion, settings.seed, settings.search.rows)


def _target(
    settings: CampaignSettings, motion: CampaignPoses, readers: Readers
) -> KeypointTarget | None:
    """The keypoint sets that are bred towards; none of a clip that the campaign is judged on."""
    asked = settings.search.target
    if asked is None:
        return None
    return load_target(asked, settings.seed, readers, judged=motion.test.clips())


def resume(
    home: str,
    name: str,
    changes: list[str],
    monitor: Monitor,
    readers: Readers = BUILT_IN,
    until: float = math.inf,
    wait: float = 0.0,
) -> Outcome:
    """Go on with a campaign from its last committed generation; see `start`.

    Raises:
        BadInput: there is no such campaign, or the changes would change the search.
        Stopped: a signal said so.
    """
    folder = CampaignFolder(home, name)
    if not folder.exists():
        raise BadInput(f"there is no campaign {name} in {home}")
    with Stop(0.0).heard(), folder.lock(wait):
        folder.fetch()
        settings = read_settings(folder.settings, changes)
        stop = Stop(settings.machine.stop_seconds)
        with stop.heard():
            return _go_on(settings, folder, readers, _Run(monitor, until, wait, stop))


def _go_on(
    settings: CampaignSettings, folder: CampaignFolder, readers: Readers, run: _Run
) -> Outcome:
    name = folder.name
    settings = settings.model_copy(update={"home": folder.uri})
    kept = read_settings(folder.settings)
    if changed := differences(kept, settings):
        raise BadInput(f"campaign {name} was started with other settings: {'; '.join(changed)}")
    if fits_views(kept):
        settings = with_elevation(settings, kept.training.fit.views.elevation_deg)
    check_unchanged(folder, settings.search.island)
    _expect_same_target(settings, folder, readers)
    table = table_of(settings, folder)
    _refuse_shorter(kept.search, settings.search, committed_state(folder, table, Silent().tell))

    def gone_on_with() -> tuple[PoseTable, State]:
        keep_settings(settings, folder.settings)
        table.claim(name)
        if committed := committed_state(folder, table, run.monitor.tell):
            return table, committed
        motion = _motion(settings)
        target = _kept_target(settings, folder) or _target(settings, motion, readers)
        limits = limits_of(settings, motion.seed)
        return table, begin(settings, motion, folder, table, limits, target)

    return _drive(settings, folder, gone_on_with, run)


def _refuse_shorter(kept: SearchSettings, asked: SearchSettings, state: State | None) -> None:
    """What is bred stays: an earlier end than that of now cannot be asked for.

    Raises:
        BadInput: it is.
    """
    if state is None:
        return
    there = {"generations": state.generation, "rows": state.rows}
    for name, done in there.items():
        wanted = getattr(asked, name)
        if wanted is not None and wanted != getattr(kept, name) and wanted < done:
            raise BadInput(
                f"search.{name} should be {done} or more, so many are there already, got {wanted}"
            )


def _expect_same_target(
    settings: CampaignSettings, folder: CampaignFolder, readers: Readers
) -> None:
    """What the files of the target say now, where they are still there, has to be what was kept.

    Files that have not changed are not read again: in photos and videos that takes a detector.
    """
    asked, kept = settings.search.target, _kept_target(settings, folder)
    if asked is None or asked.poses is not None or kept is None:
        return
    there = all(Path(path).expanduser().exists() for path in asked.keypoints)
    if there and not _unchanged(asked.keypoints, folder):
        expect_same(kept, load_target(asked, settings.seed, readers))


def _kept_target(settings: CampaignSettings, folder: CampaignFolder) -> KeypointTarget | None:
    """The target that a campaign began with, where it has one."""
    if settings.search.target is None or not folder.target.exists():
        return None
    return KeypointTarget.load(folder.target)


def _unchanged(paths: Sequence[str], folder: CampaignFolder) -> bool:
    """Whether the files of the target are as they were; of old campaigns nobody knows."""
    if not folder.target_files.exists():
        return False
    known: dict[str, str] = json.loads(folder.target_files.read_text())
    return known == digests(paths)


def table_of(settings: CampaignSettings, folder: CampaignFolder) -> PoseTable:
    """The pose table of a campaign that was begun.

    Raises:
        BadInput: it is not there, or cannot be read.
    """
    return PoseTable.open(*_place_of(settings, folder))


def _place_of(
    settings: CampaignSettings, folder: CampaignFolder
) -> tuple[str, dict[str, str] | None]:
    return settings.table or folder.table, settings.storage_options or None


def limits_of(settings: CampaignSettings, seeds: PoseSet) -> JointLimits:
    """The joint limits that the settings name, for a campaign that starts from these seeds."""
    name = settings.search.limits
    if name == "none":
        return Limits.constant(180.0)
    if name == "ranges":
        return fit_with_ranges(seeds.poses, source=f"the seeds of campaign {settings.name}")
    return load_limits(None if name == "default" else name)


def _drive(
    settings: CampaignSettings,
    folder: CampaignFolder,
    opened: Callable[[], tuple[PoseTable, State]],
    run: _Run,
) -> Outcome:
    """Join or start the cluster, and only then open or begin the campaign, and run it."""
    _refuse_a_record_beside(settings, folder)
    run.monitor.starting()
    islands, shards = settings.search.islands, settings.training.fit.gradient_shards
    home = folder.uri if folder.is_remote else folder.home
    with cluster(settings.machine, islands, shards, home, run.monitor.tell) as there:
        from evoskeleton.platform.search.campaign.closing.closing_report import conclude
        from evoskeleton.platform.search.campaign.closing.facts import used_poses
        from evoskeleton.platform.search.campaign.closing.report_page import asked_in_markdown
        from evoskeleton.platform.search.campaign.loop import Campaign
        from evoskeleton.platform.search.workers.gauges import CampaignGauges
        from evoskeleton.platform.search.workers.joined.head import watched_head
        from evoskeleton.platform.search.workers.joined.loads import looked_at

        table, first = opened()
        tracker = _tracker(settings, folder)
        try:
            tracker.log_sources(used_poses(settings, folder))
            tracker.describe(asked_in_markdown(settings, folder))
            monitor = Both(run.monitor, CampaignGauges(settings.name))
            wanted = settings.tracking.enabled and settings.tracking.system_metrics
            with (
                looked_at(tracker, wanted),
                run.stop.between_generations(),
                watched_head(run.stop.at_once, run.monitor.tell),
            ):
                campaign = Campaign(settings, folder, table, there, tracker, monitor, run.stop)
                try:
                    last = campaign.run(first, run.until)
                    champion = campaign.close(last)
                finally:
                    campaign.leave()
            report = conclude(settings, folder, table, last, champion, tracker)
        except KeyboardInterrupt:
            tracker.leave()
            raise
        except BaseException as error:
            tracker.finish("FAILED")
            if isinstance(refusal := getattr(error, "cause", None), BadInput):
                raise BadInput(str(refusal)) from None  # a worker's, without Ray's traceback
            raise
        tracker.finish("FINISHED")
        return Outcome(report, tracker.how_to_open())


def _refuse_a_record_beside(settings: CampaignSettings, folder: CampaignFolder) -> None:
    """MLflow's database cannot lie on an object store."""
    if folder.is_remote and settings.tracking.enabled and settings.tracking.uri is None:
        raise BadInput(
            f"a home on an object store, {folder.uri}, wants an MLflow server or database "
            f"elsewhere: set tracking.uri, or tracking.enabled to false"
        )


def _tracker(settings: CampaignSettings, folder: CampaignFolder) -> Recording:
    """The record of the campaign's own MLflow run, the same one after a resume."""
    tracker = Recording(settings.tracking, folder.home, unwritten=folder.unrecorded)
    plain, groups = settings.model_dump(mode="json"), optional_groups(settings)
    tracker.start(settings.name, plain, key=folder.identity(), groups=groups)
    return tracker
