"""A study: searches and plain data sets compared by the lifters that are trained on them.

Rows are data sets: real poses alone, a campaign's table, or some of another row's. Every row is
made for every fraction of the seed and every random seed, and a lifter is trained on it for every
number of steps, by `lifting` directly: all lifters see the same views. What is made is kept by name
in the study's folder, so that a study that was stopped goes on where it was, within its budget of
core hours.

    <home>/data/<set>.npy, .json        poses of a row, and how long they took
    <home>/data/<set>.read.npz          hashes of all poses that were read for them
    <home>/data/judged-<hash>.npz       what judges say of the poses that rows choose from
    <home>/results/<cell>.json, .npz    errors of a lifter; errors of every test pose
    <home>/campaigns/                   the searches
    <home>/spent.json                   core hours of everything, what was stopped included
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evoskeleton.errors import BadInput
from evoskeleton.files import whole_file, write_arrays, write_json
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.evaluation.own_views import OwnViews
from evoskeleton.lifting.lifter_training import lifter_from, train_lifter
from evoskeleton.lifting.protocols import Evaluation, evaluate, rarity
from evoskeleton.npz import read_npz
from evoskeleton.platform.data.annotated import refuse_annotated
from evoskeleton.platform.data.own_cameras import own_views
from evoskeleton.platform.data.poses import PoseSet
from evoskeleton.platform.data.sources.load import load
from evoskeleton.platform.data.target.load import refuse_judged
from evoskeleton.platform.search.campaign.driver import resume, start, table_of
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.progress import Monitor
from evoskeleton.platform.search.campaign.settings import (
    RUNNING,
    CampaignSettings,
    differences,
    read_settings,
)
from evoskeleton.platform.search.study.budget import Clock, Spending
from evoskeleton.platform.search.study.choice import (
    ChoiceSettings,
    Judgement,
    Report,
    choose,
    expect_enough,
    judge,
)
from evoskeleton.platform.search.study.settings import (
    Cell,
    JudgingSettings,
    StudySettings,
    base_of,
    campaign_settings,
    cells,
    data_settings,
    home_of,
    judgement_settings,
    lifter_settings,
    refuse_other_settings,
    result_settings,
)


class Study:
    """Makes what is missing, cell by cell."""

    def __init__(self, settings: StudySettings, monitor: Monitor) -> None:
        self._settings = settings
        self._monitor = monitor
        self._home = home_of(settings)
        self._spending = Spending(self._home / "spent.json")
        self._tests = {name: load(source) for name, source in settings.tests.items()}
        for name, test in self._tests.items():
            refuse_annotated(test, f"test {name}")
        self._views = {name: self._own_views(name) for name in settings.judging}
        refuse_annotated(load(settings.validation), "validation")
        self._refuse_shared_clips()
        self._refuse_what_cannot_be_made()
        refuse_other_settings(settings)

    def _own_views(self, test: str) -> OwnViews | None:
        """How the data set's own cameras see a test; none: the fixed views do."""
        cameras = self._settings.judging[test].cameras
        if cameras is None:
            return None
        return own_views(self._tests[test], self._settings.tests[test], cameras)

    def _refuse_what_cannot_be_made(self) -> None:
        """Settings of rows are looked at before the first hour is spent."""
        for cell in cells(self._settings):
            try:
                lifter_settings(self._settings, cell)
                campaign = campaign_settings(self._settings, cell)
                self._refuse_judged_target(campaign)
            except BadInput as error:
                raise BadInput(f"row {cell.row}: {error}") from None

    def _refuse_judged_target(self, campaign: CampaignSettings | None) -> None:
        """Keypoints of test clips are no target, unless the row declares it."""
        target = None if campaign is None else campaign.search.target
        if target is None or target.poses is None or target.transductive:
            return
        judged = {clip for test in self._tests.values() for clip in test.clips()}
        refuse_judged(load(target.poses).clips(), judged)

    def _refuse_shared_clips(self) -> None:
        """No test clip may be among the poses that anything is made from or chosen by."""
        settings = self._settings
        for role in ("seed", "validation", "real", "target"):
            source = getattr(settings, role)
            taken = set() if source is None else set(load(source).clips())
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
        settings = lifter_settings(self._settings, cell)
        report = None
        for report in train_lifter(poses, settings, device=_device()):
            self._monitor.training(cell.name, report.step, report.total)
        assert report is not None, "a training reports at least once"
        lifter = lifter_from(report)
        seeds = np.load(self._base_file(cell))
        found: dict[str, Any] = {}
        errors: dict[str, np.ndarray] = {}
        for name, test in self._tests.items():
            evaluation = self._evaluation(name, lifter, rarity(test.poses, seeds))
            found[name] = evaluation.as_dict()
            errors |= {f"{name}/errors": evaluation.errors, f"{name}/clip": evaluation.clip}
        write_arrays(self.result(cell).with_suffix(".npz"), errors)
        made_with = result_settings(self._settings, cell)
        record = {"cell": vars(cell), "poses": len(poses), "tests": found, "settings": made_with}
        write_json(self.result(cell), record | {"core_hours": took.core_hours()})

    def _evaluation(self, test: str, lifter: Lifter, rare: np.ndarray) -> Evaluation:
        poses, how = self._tests[test], self._settings.judging.get(test, JudgingSettings())
        return evaluate(
            lifter,
            poses.poses,
            poses.action,
            poses.clip_label(),
            rare,
            views=self._views.get(test),
            leave_out=how.leave_out,
        )

    def _data(self, cell: Cell) -> np.ndarray:
        """Poses (n, 17, 3) of a row, made once."""
        path = self._home / "data" / f"{cell.data}.npy"
        if not path.with_suffix(".json").exists():
            took = Clock()
            base = load(base_of(self._settings, cell))
            validation = load(self._settings.validation)
            poses = self._poses(cell, base)
            path.parent.mkdir(parents=True, exist_ok=True)
            _save(self._base_file(cell), base.poses)
            _save(path, poses)
            read = {"base": hashes(base.poses), "validation": hashes(validation.poses)}
            write_arrays(path.with_suffix(".read.npz"), read)
            made_with = data_settings(self._settings, cell)
            record = {"rows": len(poses), "core_hours": took.core_hours(), "settings": made_with}
            write_json(path.with_suffix(".json"), record)
        mapped: np.ndarray = np.load(path, mmap_mode="r")
        return mapped

    def _poses(self, cell: Cell, base: PoseSet) -> np.ndarray:
        choice = self._settings.rows[cell.row].choose
        if choice is not None:
            return self._chosen(cell, choice, base.poses)
        campaign = campaign_settings(self._settings, cell)
        return base.poses if campaign is None else self._search(campaign)

    def _chosen(self, cell: Cell, choice: ChoiceSettings, seeds: np.ndarray) -> np.ndarray:
        """(keep, 17, 3) of the poses of the row that is chosen from."""
        poses = self._data(replace(cell, row=choice.row))
        expect_enough(choice, len(poses), cell.row)
        judgement = self._judgement(cell, choice, poses) if choice.judged else None
        found: np.ndarray = poses[choose(choice, poses, seeds, judgement, cell.seed)]
        return found

    def _judgement(self, cell: Cell, choice: ChoiceSettings, poses: np.ndarray) -> Judgement:
        """What judges say of a table, made once for all choices from it."""
        made_with = judgement_settings(self._settings, cell, choice)
        path = self._home / "data" / f"judged-{made_with}.npz"
        if not path.exists():
            training = lifter_settings(self._settings, cell)
            found = judge(poses, choice, training, cell.seed, _device(), self._tell(cell))
            write_arrays(path, vars(found))
        return Judgement(**read_npz(path, "judgement", ("error", "disagreement", "progress")))

    def _tell(self, cell: Cell) -> Report:
        return lambda step, total: self._monitor.training(f"judges of {cell.data}", step, total)

    def _base_file(self, cell: Cell) -> Path:
        return self._home / "data" / f"{cell.data}.base.npy"

    def _search(self, settings: CampaignSettings) -> np.ndarray:
        """What a campaign's last training reads; it starts from the base and sees no test pose.

        That is its table, and with a target the mix of what resembles it and what is general.
        """
        folder = CampaignFolder(settings.home, settings.name)
        if folder.exists():
            if changed := differences(read_settings(folder.settings), settings):
                raise BadInput(
                    f"search {settings.name} was started with other settings: {'; '.join(changed)}"
                )
            resume(settings.home, settings.name, _running(settings), self._monitor)
        else:
            start(settings, self._monitor)
        last = table_of(settings, folder).committed_generation(settings.name)
        assert last is not None, "a campaign that ended has committed its seeds"
        poses: np.ndarray = np.load(folder.snapshot(last), mmap_mode="r")
        return poses


def _running(settings: CampaignSettings) -> list[str]:
    """Settings of where a search runs, as changes: a stopped one may go on elsewhere."""
    plain = settings.model_dump(mode="json")
    return [f"{name}={json.dumps(plain[name])}" for name in RUNNING if name != "home"]


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
