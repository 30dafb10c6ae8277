"""Joining or starting a Ray cluster, quietly, and dividing its processors among the kinds of work.

The environment has to be set before Ray is imported; nothing else in the project imports it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psutil
from pydantic import Field

from evoskeleton.errors import BadInput
from evoskeleton.machine import cores
from evoskeleton.settings import Settings

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",
    "RAY_health_check_initial_delay_ms": "0",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "5",
}

_ALONE = {"RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "30"}
_JOINED = {"RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "3600"}
"""On a cluster others may hold the processors, or nodes may have to be added first."""

_STARTS = 3

_AUTHENTICATION = "RAY_AUTH_MODE"
"""Where Ray says to itself, and to its child processes, whether tokens are wanted."""


class MachineSettings(Settings):
    """What the search runs on. Nothing here changes a row of the table."""

    address: str | None = Field(None, description="Ray cluster to join; none starts one here")
    workers: int | None = Field(
        None, ge=1, description="processes that breed; none: as many as fit"
    )
    scorers: int = Field(1, ge=1, description="processes that score poses with the lifters")
    worker_cpus: float = Field(
        0.4, gt=0, description="processors that each of the `workers` reserves"
    )
    scorer_cpus: float = Field(
        0.2, gt=0, description="processors that each of the `scorers` reserves"
    )
    trainer_cpus: float = Field(1.0, gt=0, description="processors that a training reserves in all")
    always_ray_train: bool = Field(
        False,
        description="train by Ray Train also where a training is so small that its helpers take "
        "longer; the lifters are the same",
    )
    scorer_gpus: float | None = Field(
        None,
        ge=0,
        description="share of a GPU that each of the `scorers` reserves; none: a quarter GPU for "
        "all, where there is one",
    )
    trainer_gpus: float | None = Field(
        None,
        ge=0,
        description="GPUs that a training reserves in all; none: half a GPU where there is one",
    )
    stop_seconds: float = Field(
        20.0,
        ge=0,
        description="seconds that a generation in flight has to end after SIGTERM or Ctrl-C, "
        "before it is given up",
    )


@dataclass(frozen=True)
class Resources:
    """How the processors are divided, once the cluster is known."""

    workers: int
    scorers: int
    worker: dict[str, Any]
    scorer: dict[str, Any]
    trainer_cpus: float
    trainer_gpus: float
    always_ray_train: bool = False


def prepare_environment(joins: bool) -> None:
    """Tell Ray how to behave, where nobody said otherwise; to be called before it is imported."""
    for name, value in (_ENVIRONMENT | (_JOINED if joins else _ALONE)).items():
        os.environ.setdefault(name, value)


@contextmanager
def cluster(machine: MachineSettings, islands: int) -> Iterator[Resources]:
    """A connection to Ray for the time of a campaign.

    Raises:
        BadInput: nobody answers at the address, or Ray cannot be started here.
    """
    prepare_environment(joins=machine.address is not None)
    with _authentication_as_it_was():
        yield from _connected(machine, islands)


def _connected(machine: MachineSettings, islands: int) -> Iterator[Resources]:
    import ray

    try:
        if machine.address:
            ray.init(address=machine.address, log_to_driver=False, logging_level="error")
        else:
            _start_local()
    except Exception as error:  # Ray has no class of its own for a start that failed
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        what = f"joined at {machine.address}" if machine.address else "started here"
        raise BadInput(f"no Ray cluster could be {what}: {reason}") from None
    try:
        yield divide(machine, islands, ray.cluster_resources())
    finally:
        ray.shutdown()


@contextmanager
def _authentication_as_it_was() -> Iterator[None]:
    """Ray switches token authentication on in a process that starts a cluster, for good.

    A cluster that the process joins later may have none: Ray would then lose its actors before they
    start.
    """
    before = os.environ.get(_AUTHENTICATION)
    try:
        yield
    finally:
        if before is None and os.environ.pop(_AUTHENTICATION, None) is not None:
            _forget_token()


def _forget_token() -> None:
    """Ray looks at its environment and at its token once a process, unless it is told to again."""
    import ray._raylet as core

    core.Config.initialize("")  # type: ignore[attr-defined]
    core.AuthenticationTokenLoader.instance().reset_cache()  # type: ignore[attr-defined]


def _start_local() -> None:
    """Ray on this machine; again if one of its processes hangs, as happens in a busy one."""
    import ray

    before = _children()
    for left in reversed(range(_STARTS)):
        try:
            ray.init(
                address="local",
                num_cpus=max(2, cores()),
                include_dashboard=False,
                log_to_driver=False,
                logging_level="error",
            )
            return
        except Exception:
            ray.shutdown()
            _end(_children() - before)
            if not left:
                raise


def _children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def _end(processes: set[psutil.Process]) -> None:
    """What Ray leaves running when its start fails half way."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


def divide(machine: MachineSettings, islands: int, there: dict[str, float]) -> Resources:
    """Give every kind of work its share of what is there."""
    cpus, gpus = there.get("CPU", 1.0), there.get("GPU", 0.0)
    spare = cpus - machine.trainer_cpus - machine.scorers * machine.scorer_cpus
    if machine.address is None and spare < 0.05 * (machine.workers or 1):
        raise BadInput(
            f"machine: {machine.scorers} scorers of {machine.scorer_cpus:g} processors, a trainer"
            f" of {machine.trainer_cpus:g} and {machine.workers or 1} workers find no room on"
            f" {cpus:g} processors"
        )
    workers = machine.workers or max(1, min(islands, int(spare / machine.worker_cpus + 1e-9)))
    scorer_gpus = _share(machine.scorer_gpus, gpus, 0.25 / machine.scorers)
    return Resources(
        workers=workers,
        scorers=machine.scorers,
        worker={"num_cpus": min(machine.worker_cpus, max(0.05, spare / workers))},
        scorer={"num_cpus": machine.scorer_cpus, "num_gpus": scorer_gpus},
        trainer_cpus=machine.trainer_cpus,
        trainer_gpus=_share(machine.trainer_gpus, gpus, 0.5),
        always_ray_train=machine.always_ray_train,
    )


def _share(asked: float | None, there: float, default: float) -> float:
    if asked is not None:
        return asked
    return default if there >= 1 else 0.0
