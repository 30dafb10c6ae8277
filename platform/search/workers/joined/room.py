"""How the processors and GPUs of a cluster are divided, and whether what is asked for finds room.

Nothing here changes a row: rows do not depend on who breeds and scores, or on how many do.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evoskeleton.errors import BadInput
from evoskeleton.platform.search.workers.machine import MachineSettings

_LEAST_CPUS = 0.05
"""Of a worker where there is hardly room."""

_SCORER_BESIDE_TRAINER, _TRAINER_BESIDE_SCORER = 0.6, 0.4
"""Shares of a GPU on a cluster with several: two scorers never share one, and a training fits."""


@dataclass(frozen=True)
class Resources:
    """How the processors are divided, once the cluster is known.

    Attributes:
        workers, scorers: how many actors.
        worker, scorer: what each of them reserves, as options of a Ray actor.
        trainer_cpus, trainer_gpus: what a training reserves in all.
        always_ray_train: whether small trainings use Ray Train too.
        trainer_labels: of the nodes that trainings run on.
    """

    workers: int
    scorers: int
    worker: dict[str, Any]
    scorer: dict[str, Any]
    trainer_cpus: float
    trainer_gpus: float
    always_ray_train: bool = False
    trainer_labels: dict[str, str] = field(default_factory=dict)


def divide(machine: MachineSettings, islands: int, there: Mapping[str, float]) -> Resources:
    """Give every kind of work its share of what is there.

    Args:
        machine: what is asked for.
        islands: of the search; more workers than islands would have nothing to do.
        there: processors (CPU) and GPUs (GPU) in all.

    Raises:
        BadInput: more is asked for than this one machine has; a cluster may add nodes.
    """
    cpus, gpus = there.get("CPU", 1.0), there.get("GPU", 0.0)
    scorers = machine.scorers or _scorers(machine, gpus)
    spare = cpus - machine.trainer_cpus - scorers * machine.scorer_cpus
    if machine.address is None and spare < _LEAST_CPUS * (machine.workers or 1):
        raise BadInput(
            f"machine: {scorers} scorers of {machine.scorer_cpus:g} processors, a trainer"
            f" of {machine.trainer_cpus:g} and {machine.workers or 1} workers find no room on"
            f" {cpus:g} processors"
        )
    workers = _workers(machine, islands, spare)
    each = min(machine.worker_cpus, max(_LEAST_CPUS, spare / workers))
    scorer_gpus = _share(machine.scorer_gpus, gpus, _of_a_scorer(machine, scorers, gpus))
    return Resources(
        workers=workers,
        scorers=scorers,
        worker={"num_cpus": each} | _selector(machine.worker_labels),
        scorer={"num_cpus": machine.scorer_cpus, "num_gpus": scorer_gpus}
        | _selector(machine.scorer_labels),
        trainer_cpus=machine.trainer_cpus,
        trainer_gpus=_share(machine.trainer_gpus, gpus, _of_the_trainer(machine, gpus)),
        always_ray_train=machine.always_ray_train,
        trainer_labels=machine.trainer_labels,
    )


def _workers(machine: MachineSettings, islands: int, spare: float) -> int:
    """As many as were asked for, on a cluster no more than fit now: nobody waits for a node."""
    fit = int(spare / machine.worker_cpus + 1e-9)
    if machine.workers is None:
        return max(1, min(islands, fit))
    if machine.address is None:
        return machine.workers
    squeezed = int(max(spare, 0.0) / _LEAST_CPUS + 1e-9)
    return max(1, min(machine.workers, squeezed))


def _scorers(machine: MachineSettings, gpus: float) -> int:
    """Where nobody said: one, and one a GPU on a cluster of several."""
    shared = machine.scorer_gpus is not None and machine.scorer_gpus < 1
    return int(gpus) if machine.address is not None and gpus > 1 and not shared else 1


def _of_a_scorer(machine: MachineSettings, scorers: int, gpus: float) -> float:
    if machine.address is None or gpus <= 1:
        return 0.25 / scorers
    return _SCORER_BESIDE_TRAINER if scorers <= gpus else 0.5 * gpus / scorers


def _of_the_trainer(machine: MachineSettings, gpus: float) -> float:
    return 0.5 if machine.address is None or gpus <= 1 else _TRAINER_BESIDE_SCORER


def _share(asked: float | None, there: float, default: float) -> float:
    if asked is not None:
        return asked
    return default if there >= 1 else 0.0


def _selector(labels: Mapping[str, str]) -> dict[str, Any]:
    return {"label_selector": dict(labels)} if labels else {}


@dataclass(frozen=True)
class Need:
    """What one process reserves on one node."""

    what: str
    cpus: float
    gpus: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{self.cpus:g} processors"] + ([f"{self.gpus:g} GPUs"] if self.gpus else [])
        named = ", ".join(f"{name}: {value}" for name, value in self.labels.items())
        where = f" on nodes with {named}" if named else ""
        return f"{self.what} of {' and '.join(parts)}{where}"


@dataclass
class Room:
    """What a node has that nobody has taken yet."""

    cpus: float
    gpus: float
    labels: Mapping[str, str]

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> "Room":
        """Of a node as Ray describes it, as if nobody used it."""
        there = node["Resources"]
        return cls(there.get("CPU", 0.0), there.get("GPU", 0.0), node.get("Labels", {}))

    def takes(self, need: Need) -> bool:
        """Whether it has room, which is gone then."""
        fits = self.cpus >= need.cpus - 1e-6 and self.gpus >= need.gpus - 1e-6
        if not fits or not _labelled(self.labels, need.labels):
            return False
        self.cpus -= need.cpus
        self.gpus -= need.gpus
        return True


def _labelled(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """As Ray compares them; of what is more than a plain value, Ray alone can tell."""
    plain = {name: value for name, value in wanted.items() if "(" not in value and value[:1] != "!"}
    return all(labels.get(name) == value for name, value in plain.items())


def needs(resources: Resources, shards: int, workers: int = 1) -> list[Need]:
    """What a campaign cannot do without, largest first; `workers` of those that breed."""
    trainer = Need(
        "a training" if shards == 1 else f"one of {shards} gradient shards of a training",
        resources.trainer_cpus / shards,
        resources.trainer_gpus / shards,
        resources.trainer_labels,
    )
    found = [trainer] * shards
    found += [_actor("a scorer", resources.scorer)] * resources.scorers
    found += [_actor("a worker", resources.worker)] * workers
    return sorted(found, key=lambda need: (-need.gpus, -need.cpus))


def _actor(what: str, options: Mapping[str, Any]) -> Need:
    labels = options.get("label_selector", {})
    return Need(what, options["num_cpus"], options.get("num_gpus", 0.0), labels)


def without_room(wanted: Sequence[Need], nodes: Sequence[Mapping[str, Any]]) -> Need | None:
    """The first need for which no node has room; None where all find some.

    Args:
        wanted: largest first.
        nodes: as Ray describes them.
    """
    rooms = [Room.of(node) for node in nodes]
    return next((need for need in wanted if not any(room.takes(need) for room in rooms)), None)


def packed(resources: Resources, shards: int, nodes: Sequence[Mapping[str, Any]]) -> Resources:
    """The same with no more workers than find a place on a node beside scorers and a training.

    Processors that are left on several nodes in parts too small for a worker are nobody's.

    Args:
        resources: how the processors were divided, as if they were one machine's.
        shards: processes of a training.
        nodes: as Ray describes them.
    """
    rooms = [Room.of(node) for node in nodes]
    for need in needs(resources, shards, workers=0):
        any(room.takes(need) for room in rooms)
    worker, places = _actor("a worker", resources.worker), 0
    while places < resources.workers and any(room.takes(worker) for room in rooms):
        places += 1
    return replace(resources, workers=max(1, places))


def described(nodes: Sequence[Mapping[str, Any]]) -> str:
    """Such as `2 nodes with 8 processors and 1 GPUs in all`."""
    rooms = [Room.of(node) for node in nodes]
    cpus, gpus = sum(room.cpus for room in rooms), sum(room.gpus for room in rooms)
    count = f"{len(rooms)} node{'s' * (len(rooms) != 1)}"
    return f"{count} with {cpus:g} processors and {gpus:g} GPUs in all"


def bundles(wanted: Sequence[Need]) -> list[dict[str, float]]:
    """For Ray's autoscaler, which counts whole processors and GPUs."""
    gpus = math.ceil(sum(need.gpus for need in wanted) - 1e-9)
    whole = [{"CPU": 1.0}] * math.ceil(sum(need.cpus for need in wanted) - 1e-9)
    return whole + [{"GPU": 1.0}] * gpus
