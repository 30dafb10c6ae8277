"""Rates of a campaign, measured on this machine with the campaign's own parts, in a scratch folder.

Three generations of one island are bred, scored, selected and renewed, and two short trainings are
done, in one process; the last two generations count, since the first has few parents. What is
measured is processor time, so that a machine that does other things tells nearly the same; waits
for disks are not in it.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory
from typing import ParamSpec, TypeVar

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.operators.build import template_bodies
from evoskeleton.evolution.toolbox import build_toolbox
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.search.campaign.admission import references
from evoskeleton.platform.search.campaign.driver import limits_of
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.seeding import begin, load_motion
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.campaign.state import save
from evoskeleton.platform.search.planning.rates import Rates
from evoskeleton.platform.search.workers.islands import Island, Survivors
from evoskeleton.platform.search.workers.scorers import Champion, Scorer
from evoskeleton.platform.search.workers.training_job import Job, load_ensemble

GENERATIONS = 3
_SHORT, _LONG = 8, 40
"""Steps of the two trainings."""

Given = ParamSpec("Given")
Result = TypeVar("Result")


class _Stopwatch:
    """Seconds of a processor by what they were spent on, whatever else the machine does."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def time(
        self, name: str, step: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
    ) -> Result:
        started = time.process_time()
        result = step(*given, **named)
        self.seconds.setdefault(name, []).append(time.process_time() - started)
        return result

    def last(self, name: str) -> float:
        """The mean without the first of several."""
        seconds = self.seconds[name]
        return float(np.mean(seconds[1:] or seconds))


def measured(settings: CampaignSettings) -> Rates:
    """Rates of a campaign on this machine; takes some ten seconds of one processor and more.

    Raises:
        BadInput: the settings cannot be used, or search towards keypoints.
    """
    if settings.search.target is not None:
        raise BadInput("a search towards keypoints cannot be planned yet: leave out search.target")
    with TemporaryDirectory(prefix="evoskeleton-") as home:
        return _Bench(settings.model_copy(update={"home": home, "table": None})).rates()


class _Bench:
    def __init__(self, settings: CampaignSettings) -> None:
        motion = load_motion(settings.motion, settings.seed, settings.search.rows)
        self._limits = limits_of(settings, motion.seed)
        self._settings, self._watch = settings, _Stopwatch()
        self._folder = CampaignFolder(settings.home, settings.name)
        self._table = PoseTable.create(str(Path(settings.home) / "poses"))
        self._state = begin(settings, motion, self._folder, self._table, self._limits)
        self._templates = template_bodies(encode(motion.templates.poses))

    def rates(self) -> Rates:
        fixed, step, trained = self._trainings()
        champion = Champion.of(load_ensemble(trained))
        rows = [_as_committed(each, champion.best) for each in self._generations(champion)]
        commit, row = self._commits(rows)
        watch = self._watch
        weights = sum(array.size for arrays, _ in champion.lifters for array in arrays.values())
        return Rates(
            breed=watch.last("breed"),
            score=watch.last("score"),
            select=watch.last("select"),
            renew=watch.last("renew"),
            rescore=watch.last("rescore"),
            kept=len(rows[-1]),
            seeds=self._state.rows,
            save=watch.last("save"),
            commit=commit,
            commit_row=row,
            train=fixed,
            train_step=step,
            start=_start_seconds(),
            weights=weights,
            state_bytes=_size(self._folder.path / "state"),
            bundle_bytes=_size(trained),
        )

    def _trainings(self) -> tuple[float, float, Path]:
        """Seconds of a training without its steps, of a step, and the folder of the longer one."""
        snapshot = self._folder.snapshot(0)
        self._table.snapshot(snapshot, self._table.version, self._settings.name)
        for _ in range(2):  # the first warms up
            self._watch.time("short", self._train, snapshot, _SHORT)
        trained = self._watch.time("long", self._train, snapshot, _LONG)
        seconds = [self._watch.last(name) for name in ("short", "long")]
        step = max(0.0, (seconds[1] - seconds[0]) / (_LONG - _SHORT))
        return max(0.0, seconds[1] - _LONG * step), step, trained

    def _train(self, snapshot: Path, steps: int) -> Path:
        from evoskeleton.platform.search.workers.small_training import train_small

        folder = self._folder.training(steps)
        fit = self._settings.training.fit.model_copy(update={"steps": steps})
        training = self._settings.training.model_copy(update={"fit": fit})
        job = Job(
            name=f"measured-{steps}",
            folder=str(folder),
            storage=str(self._folder.path / "storage"),
            snapshot=str(snapshot),
            seed=str(self._folder.source("seed")),
            validation=str(self._folder.source("validation")),
            start=None,
            version=self._table.version,
            rows=self._state.rows,
        )
        train_small(job, training.model_dump(mode="json"))
        return folder

    def _generations(self, champion: Champion) -> list[Survivors]:
        """The survivors of each; the parents of the last are those of all islands afterwards."""
        search, watch = self._settings.search, self._watch
        archive = self._state.archive
        toolbox = build_toolbox(search.island.breeding, self._templates, search.island.scored_by)
        descriptor = None if archive is None else archive.descriptor
        island = Island(search.island, self._limits, toolbox, self._settings.seed, descriptor)
        scorer = Scorer(self._settings.seed, search.views)
        known = None
        if archive is not None and search.island.asks_for_novelty:
            known = references(archive, search.neighbours)
        parents, kept = self._state.islands[0], []
        for number in range(1, GENERATIONS + 1):
            offspring, bodies = watch.time("breed", island.breed, parents, number, 0)
            seen = island.known(parents)
            again = watch.time("rescore", scorer.score, seen, champion, known)
            scores = watch.time("score", scorer.score, bodies, champion, known)
            given = (parents, again, offspring, bodies, scores, number, 0)
            everyone, survivors = watch.time("select", island.select, *given)
            kept.append(survivors)
            parents, _ = watch.time("renew", island.renew, everyone, None, number, 0)
        self._state = replace(self._state, islands=(parents,) * search.islands)
        watch.time("save", save, self._state, self._folder)
        return kept

    def _commits(self, rows: list[PoseRows]) -> tuple[float, float]:
        """Seconds of a commit to the table without its rows, and of a row."""
        name, last = self._settings.name, len(rows)
        for number, few in enumerate(rows[:-1], 1):
            self._watch.time("small", self._table.commit, name, number, few.take(np.arange(1)))
        self._watch.time("large", self._table.commit, name, last, rows[-1])
        small, large = self._watch.last("small"), self._watch.last("large")
        return min(small, large), max(0.0, (large - small) / len(rows[-1]))


def _as_committed(survivors: Survivors, lifter: str) -> PoseRows:
    rows = survivors.rows.with_reason("kept")
    return rows.with_columns(lifter=np.full(len(rows), lifter))


def _start_seconds() -> float:
    """Until a process has imported what an actor needs."""
    words = [sys.executable, "-c", "import evoskeleton.platform.search.workers.pool"]
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(words, check=True, capture_output=True)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _size(place: Path) -> float:
    """Bytes of a file, or of all files in a folder."""
    files = [place] if place.is_file() else place.rglob("*")
    return float(sum(path.stat().st_size for path in files if path.is_file()))
