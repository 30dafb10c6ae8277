"""What may befall a campaign on several hosts, and how long it pauses for it."""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from hosts import Host
from scheduled import PATIENCE_SECONDS, Scheduler

_LOOK_SECONDS = 0.2
AFTER = 4
"""Generations that are committed after a fault before the campaign counts as going on."""

Befalls = Callable[[Scheduler, random.Random], None]


@dataclass(frozen=True)
class Pause:
    """What a fault cost.

    Attributes:
        kind: of fault.
        seconds: the longest time between two generations around it.
        runs: of the driver that it took.
        told: sentences of the driver about it.
    """

    kind: str
    seconds: float
    runs: int
    told: list[str]


def befall(scheduler: Scheduler, kind: str, draw: random.Random) -> Pause:
    """Let a fault happen, and wait until the campaign has gone on for some generations."""
    runs, started = scheduler.runs, time.monotonic()
    (KINDS | BY_RAY_TRAIN)[kind](scheduler, draw)
    happened = time.monotonic()
    _go_on(scheduler, lambda: _since(scheduler, happened) >= AFTER, happened + PATIENCE_SECONDS)
    times = [when for when, _ in scheduler.generations()]
    around = [when for when in times if when > started - 5.0]
    gaps = [after - before for before, after in zip(around, around[1:], strict=False)]
    return Pause(kind, max(gaps), scheduler.runs - runs, scheduler.sentences(started))


def _since(scheduler: Scheduler, when: float) -> int:
    return sum(told > when for told, _ in scheduler.generations())


def _go_on(scheduler: Scheduler, enough: Callable[[], bool], until: float) -> None:
    while not enough():
        if time.monotonic() > until:
            words = [line for _, line in scheduler.told[-20:]]
            raise AssertionError(f"the campaign does not go on: {words}")
        assert not scheduler.look_after(), scheduler.told[-20:]
        time.sleep(_LOOK_SECONDS)


def _meanwhile(scheduler: Scheduler, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        scheduler.look_after()
        time.sleep(_LOOK_SECONDS)


def _other(scheduler: Scheduler, draw: random.Random) -> Host:
    """A host that is not the head's."""
    return draw.choice(scheduler.hosts[1:])


def _power_of_a_node(scheduler: Scheduler, draw: random.Random) -> None:
    host = _other(scheduler, draw)
    host.power_off()
    _meanwhile(scheduler, 20.0)
    host.power_on()


def _power_of_the_head(scheduler: Scheduler, draw: random.Random) -> None:
    scheduler.hosts[0].power_off()
    time.sleep(1.0)
    scheduler.hosts[0].power_on()


def _cable(seconds: float) -> Befalls:
    def pulled(scheduler: Scheduler, draw: random.Random) -> None:
        host = _other(scheduler, draw)
        host.cut()
        _meanwhile(scheduler, seconds)
        host.heal()

    return pulled


def _cable_of_the_head(scheduler: Scheduler, draw: random.Random) -> None:
    scheduler.hosts[0].cut()
    _meanwhile(scheduler, 15.0)
    scheduler.hosts[0].heal()


def _grace_of_a_node(scheduler: Scheduler, draw: random.Random) -> None:
    """What a scheduler does to a node that it wants back."""
    for number in _other(scheduler, draw).processes("ray start"):
        os.kill(number, signal.SIGTERM)


def _of_the_driver(number: signal.Signals) -> Befalls:
    def signalled(scheduler: Scheduler, draw: random.Random) -> None:
        for process in scheduler.driver():
            os.kill(process, number)

    return signalled


def _killed(title: str) -> Befalls:
    """One process of a title on any host, as soon as there is one."""

    def killed(scheduler: Scheduler, draw: random.Random) -> None:
        found: list[int] = []

        def kill() -> bool:
            hosts = [host for host in scheduler.hosts if host.is_on]
            found[:] = [number for host in hosts for number in host.processes(title)]
            return bool(found)

        _go_on(scheduler, kill, time.monotonic() + PATIENCE_SECONDS)
        with suppress(ProcessLookupError):
            os.kill(draw.choice(found), signal.SIGKILL)

    return killed


KINDS: dict[str, Befalls] = {
    "an island": _killed("ray::IslandWorker"),
    "a scorer": _killed("ray::Scorer"),
    "a trainer": _killed("ray::SmallTraining"),
    "a raylet": _killed("raylet/raylet"),
    "the driver": _of_the_driver(signal.SIGKILL),
    "SIGTERM to the driver": _of_the_driver(signal.SIGTERM),
    "SIGTERM to a node": _grace_of_a_node,
    "power of a node": _power_of_a_node,
    "power of the head": _power_of_the_head,
    "cable of a node, 3 s": _cable(3.0),
    "cable of a node, 20 s": _cable(20.0),
    "cable of the head, 15 s": _cable_of_the_head,
}
BY_RAY_TRAIN: dict[str, Befalls] = {
    "a worker of Ray Train": _killed("ray::RayTrainWorker"),
    "the controller of Ray Train": _killed("ray::TrainController"),
}
"""Where trainings are Ray Train's, see `machine.always_ray_train`."""
