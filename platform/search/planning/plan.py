"""Hours, rows, memory, disk and money of a campaign, from its settings, machines and rates.

A worker takes its calls in the order in which they were made, so it waits while its island is
scored: a generation takes as long as the fullest worker or the fullest scorer, and never less than
all its work takes on all processors. A training runs beside it for `training.lag` generations and
is waited for then; the first and the last are waited for whole.
"""

import math
from dataclasses import dataclass
from typing import Any

from evoskeleton.errors import BadInput
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.planning.nodes import NodeKind
from evoskeleton.platform.search.planning.rates import Rates
from evoskeleton.platform.search.workers.joined.room import Resources, divide
from evoskeleton.platform.search.workers.training_job import is_small

CALL_S = 0.01
"""Of one step on one island, what Ray takes to call an actor and to pass poses on."""

BEFORE_STARTS, BESIDE_STARTS = 1.6, 0.7
"""What a training of Ray Train takes before its own process starts, its controller, and beside it,
in starts of a process; as measured."""

WORKER_GB, SCORER_GB, TRAINER_GB = 0.34, 0.32, 0.49
NODE_GB, HEAD_GB, DRIVER_GB = 0.15, 0.3, 0.9
"""Private memory of a campaign's processes before the first row, as measured on three hosts; the
driver with the helpers of Ray Train."""

ROW_BYTES, SNAPSHOT_BYTES, COMMIT_BYTES = 344, 204, 8192
POPULATION_BYTES, BRED_BYTES = 385, 589


@dataclass(frozen=True)
class Plan:
    """What a campaign takes.

    Attributes:
        hours: from start to end; `waiting_hours` of them breeding waits for a training, and
            `training_hours` for the first and the last.
        processor_hours: of all processes together.
        rows, generations, trainings: at the end; with an archive rows are an upper bound.
        generation_seconds: of one generation without training.
        limited_by: what would have to be faster.
        workers, scorers: processes.
        node_gigabytes: memory needed on each kind of node.
        head_gigabytes: needed on the head, in addition to what a node needs.
        disk_gigabytes: on the shared storage at the end.
        cost: hours times prices.
    """

    hours: float
    waiting_hours: float
    training_hours: float
    processor_hours: float
    rows: int
    generations: int
    trainings: int
    generation_seconds: float
    limited_by: str
    workers: int
    scorers: int
    node_gigabytes: tuple[float, ...]
    head_gigabytes: float
    disk_gigabytes: float
    cost: float

    @property
    def rows_per_hour(self) -> float:
        """Over the whole campaign."""
        return self.rows / self.hours if self.hours else 0.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return vars(self) | {"rows_per_hour": self.rows_per_hour}


def plan(settings: CampaignSettings, nodes: tuple[NodeKind, ...], rates: Rates) -> Plan:
    """What a campaign takes on machines.

    Raises:
        BadInput: it finds no room there, or nothing says when it ends.
    """
    clock = _Clock(settings, nodes, rates)
    clock.run()
    memory = _memory(settings, nodes, rates, clock.resources)
    for kind, needed in zip(nodes, memory, strict=True):
        if needed > kind.gigabytes:
            raise BadInput(
                f"a node of {kind.cpus} processors needs {needed:.1f} GB of memory for its share, "
                f"it has {kind.gigabytes:g}"
            )
    hours = clock.now / 3600
    return Plan(
        hours=hours,
        waiting_hours=clock.waited / 3600,
        training_hours=2 * clock.training / 3600,
        processor_hours=clock.used / 3600,
        rows=round(clock.rows),
        generations=clock.generation,
        trainings=clock.trainings,
        generation_seconds=clock.alone,
        limited_by=clock.limited_by(),
        workers=clock.resources.workers,
        scorers=clock.resources.scorers,
        node_gigabytes=memory,
        head_gigabytes=_head_gigabytes(settings, rates),
        disk_gigabytes=clock.disk_bytes() / 1e9,
        cost=hours * sum(kind.count * kind.price for kind in nodes),
    )


class _Clock:
    """A campaign, generation by generation."""

    def __init__(
        self, settings: CampaignSettings, nodes: tuple[NodeKind, ...], rates: Rates
    ) -> None:
        self._settings, self._rates = settings, rates
        self._islands = settings.search.islands
        self._cpus = float(sum(kind.count * kind.cpus for kind in nodes))
        there = {"CPU": self._cpus, "GPU": float(sum(kind.count * kind.gpus for kind in nodes))}
        self.resources = divide(settings.machine, self._islands, there)
        self.alone, self._work, self._driven = self._generation()
        small = is_small(settings.training, self.resources)
        before, beside = (0.0, 0.0) if small else (BEFORE_STARTS, BESIDE_STARTS)
        steps = settings.training.fit.steps * rates.train_step
        self.training = (1.0 + before) * rates.start + rates.train + steps
        self._training_work = self.training + beside * rates.start
        self.now = self.waited = self.used = 0.0
        self.rows, self.generation, self.trainings = rates.seeds, 0, 1
        self._snapshots = rates.seeds
        self._trained, self._due, self._ready = rates.seeds, 0, 0.0

    def _generation(self) -> tuple[float, float, float]:
        """Seconds of a generation; of processors in it, those of the driver last and apart."""
        rates, there = self._rates, self.resources
        breed, score = rates.breed + CALL_S, rates.score + CALL_S
        select, renew = rates.select + CALL_S, rates.renew + CALL_S
        each = math.ceil(self._islands / there.workers)
        queue = breed + math.ceil(self._islands / there.scorers) * score + select
        path = max(each * (breed + score + select), queue) + each * renew
        work = self._islands * (breed + score + select + renew)
        rows = self._islands * rates.kept
        driver = rates.save + rates.commit + rows * rates.commit_row
        return max(path, work / self._cpus) + driver, work, driver

    def run(self) -> None:
        """From the start to the last training."""
        search = self._settings.search
        rates, there = self._rates, self.resources
        self.now = 3 * rates.start + self.training
        self.used = (3 + there.workers + there.scorers) * rates.start + self._training_work
        seeds = round(rates.seeds)
        while not search.enough(self.generation, round(self.rows), seeds):
            self._step()
        if self.trainings < self._settings.training.limit:
            self.now += max(0.0, self._ready - self.now) if self._due else 0.0
            self.now += self.training
            self.used += self._training_work
            self._snapshots += self.rows
            self.trainings += 1

    def _step(self) -> None:
        training = self._settings.training
        self.generation += 1
        if self._due == self.generation:
            waits = max(0.0, self._ready - self.now)
            self.waited, self.now, self._due = self.waited + waits, self.now + waits, 0
            share = math.ceil(self._islands / self.resources.scorers)
            self.now += share * self._rates.rescore
            self.used += self._islands * self._rates.rescore
        self.used += self._work + self._driven
        self.now += self.alone * (self._crowding() if self._due else 1.0)
        self.rows += self._islands * self._rates.kept
        every = training.every is not None and self.generation % training.every == 0
        grown = self.rows >= training.growth * self._trained
        if not self._due and (grown or every) and self.trainings < training.limit - 1:
            self._due = self.generation + training.lag
            self._ready = self.now + self.training * self._crowding()
            self.used += self._training_work
            self._trained, self._snapshots = self.rows, self._snapshots + self.rows
            self.trainings += 1

    def _crowding(self) -> float:
        """How much longer everything takes while breeding and a training share the processors."""
        busy = self._work / self.alone + self._settings.training.threads
        return max(1.0, busy / self._cpus)

    def limited_by(self) -> str:
        """What the most hours are spent on."""
        whole = self.waited + 2 * self.training
        if whole > self.now / 2:
            return "trainings, which more workers do not shorten"
        rates, there = self._rates, self.resources
        if self._work / self._cpus > 0.8 * self.alone:
            return "processors"
        queue = math.ceil(self._islands / there.scorers) * rates.score
        each = math.ceil(self._islands / there.workers)
        busy = each * (rates.breed + rates.score + rates.select)
        if max(queue, busy) < 0.5 * self.alone:
            return "the driver, which writes state and table"
        return "scorers" if queue > busy else "workers"

    def disk_bytes(self) -> float:
        """Of table, states, snapshots and trainings."""
        rates = self._rates
        table = self.rows * ROW_BYTES + self.generation * COMMIT_BYTES
        trainings = self.trainings * rates.bundle_bytes
        return table + self._snapshots * SNAPSHOT_BYTES + trainings + 2 * rates.state_bytes


def _memory(
    settings: CampaignSettings, nodes: tuple[NodeKind, ...], rates: Rates, there: Resources
) -> tuple[float, ...]:
    """Gigabytes on each kind of node: processes by its share of the processors, and the trainer."""
    cpus = sum(kind.count * kind.cpus for kind in nodes)
    bodies = settings.search.islands * (rates.kept * (BRED_BYTES + POPULATION_BYTES))
    store = 2.0 * bodies / 1e9
    scorer = SCORER_GB + 4.0 * rates.weights / 1e9
    trainer = TRAINER_GB + 16.0 * rates.weights / 1e9
    found = []
    for kind in nodes:
        share = kind.cpus / cpus
        processes = math.ceil(there.workers * share) * WORKER_GB
        processes += math.ceil(there.scorers * share) * scorer
        found.append(NODE_GB + processes + trainer + store * share)
    return tuple(found)


def _head_gigabytes(settings: CampaignSettings, rates: Rates) -> float:
    rows = settings.search.islands * rates.kept
    return HEAD_GB + DRIVER_GB + 2.0 * rows * (POPULATION_BYTES + BRED_BYTES) / 1e9
