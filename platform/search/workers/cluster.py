"""Joining or starting a Ray cluster, quietly, and making sure that it can do what is asked for.

The environment has to be set before Ray is imported; nothing else in the project imports it.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from evoskeleton.errors import BadInput
from evoskeleton.machine import cores
from evoskeleton.platform.search.workers.joined.joining import expect_answer
from evoskeleton.platform.search.workers.joined.nodes import expect_alike
from evoskeleton.platform.search.workers.joined.room import (
    Need,
    Resources,
    bundles,
    described,
    divide,
    needs,
    packed,
    without_room,
)
from evoskeleton.platform.search.workers.machine import MachineSettings

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
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

_ALONE = {
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "30",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
}
_JOINED = {"RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "3600"}
"""On a cluster others may hold the processors, or nodes may have to be added first."""

_STARTS = 3
_PAUSE_SECONDS = 0.5

_AUTHENTICATION = "RAY_AUTH_MODE"
"""Where Ray says to itself, and to its child processes, whether tokens are wanted."""


def prepare_environment(joins: bool) -> None:
    """Tell Ray how to behave, where nobody said otherwise; to be called before it is imported."""
    for name, value in (_ENVIRONMENT | (_JOINED if joins else _ALONE)).items():
        os.environ.setdefault(name, value)


@contextmanager
def cluster(
    machine: MachineSettings,
    islands: int,
    shards: int = 1,
    home: Path | str | None = None,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Resources]:
    """A connection to Ray for the time of a campaign; nothing of the campaign is written before.

    Args:
        machine: what is asked for.
        islands: of the search.
        shards: processes of a training.
        home: folder that all nodes of a joined cluster should share, or its address on a store.
        tell: gets sentences for a person.

    Raises:
        BadInput: nobody answers at the address in time, Ray cannot be started here, what is asked
            for is not there, or the nodes differ or do not share the home.
    """
    prepare_environment(joins=machine.address is not None)
    with _authentication_as_it_was(), connected(machine):
        there = found_room(machine, islands, shards)
        if machine.address is not None and home is not None:
            on_any = there.scorer["num_gpus"] > 0 and not machine.scorer_labels
            expect_alike(home, max(30.0, machine.wait_seconds), tell or _to_nobody, on_any)
        try:
            yield there
        finally:
            if machine.address is not None:
                _ask_for_nodes([])


def _to_nobody(sentence: str) -> None:
    """Nobody is told."""


@contextmanager
def connected(machine: MachineSettings) -> Iterator[None]:
    """A connection to Ray.

    Raises:
        BadInput: nobody answers at the address in time, or Ray cannot be started here.
    """
    import ray

    if machine.address not in (None, "local"):
        expect_answer(machine.address, machine.wait_seconds)
    try:
        with _heard_as_before():
            if machine.address:
                _join(machine.address, machine.wait_seconds)
            else:
                _start_local()
    except Exception as error:  # Ray has no class of its own for a start that failed
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        what = f"joined at {machine.address}" if machine.address else "started here"
        raise BadInput(f"no Ray cluster could be {what}: {reason}") from None
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _heard_as_before() -> Iterator[None]:
    """Ray puts a handler of SIGTERM of its own in place of the program's, and ends with code 15."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if callable(before) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _join(address: str, seconds: float) -> None:
    """Join a cluster; again within a deadline, as a head answers before its node is ready."""
    import ray

    until = time.monotonic() + seconds
    while True:
        try:
            ray.init(address=address, log_to_driver=False, logging_level="error")
            return
        except Exception:  # Ray has no class of its own for a start that failed
            ray.shutdown()
            if time.monotonic() + _PAUSE_SECONDS > until:
                raise
            time.sleep(_PAUSE_SECONDS)


def found_room(machine: MachineSettings, islands: int, shards: int) -> Resources:
    """The division of what is there, once that is enough to begin with.

    A cluster that was joined is asked for nodes and waited for.

    Raises:
        BadInput: what is asked for is not there, or not in time.
    """
    import ray

    until = time.monotonic() + (0.0 if machine.address is None else machine.wait_seconds)
    if machine.address is not None:
        first = divide(machine, islands, ray.cluster_resources())
        workers = [Need("a worker", machine.worker_cpus)] * (machine.workers or islands)
        _ask_for_nodes(needs(first, shards, workers=0) + workers)
    while True:
        there = divide(machine, islands, ray.cluster_resources())
        nodes = [node for node in ray.nodes() if node["Alive"]]
        lacking = without_room(needs(there, shards), nodes)
        if lacking is None:
            return there if machine.address is None else packed(there, shards, nodes)
        if time.monotonic() >= until:
            where = f" at {machine.address}" if machine.address else " of this machine"
            raise BadInput(
                f"machine: {lacking} finds no room on the cluster{where}, which has "
                f"{described(nodes)}"
            )
        time.sleep(_PAUSE_SECONDS)


def _ask_for_nodes(wanted: Sequence[Need]) -> None:
    """Tell Ray's autoscaler, where there is one, what is wanted: what comes later gets islands."""
    from ray.autoscaler.sdk import request_resources

    with suppress(Exception):  # a wish; clusters without an autoscaler may refuse it
        request_resources(bundles=bundles(wanted))


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
