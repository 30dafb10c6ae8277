"""One Ray cluster for all tests that breed: campaigns join it as they join anybody's."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psutil

from evoskeleton.platform.search.workers.cluster import prepare_environment

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

STARTS = 4

HEAD = {
    "num_cpus": 2,
    "include_dashboard": False,
    "include_log_monitor": False,
    "no_monitor": True,
}
"""Nobody reads along, and nodes come and go by hand."""


@contextmanager
def running(cpus: int = 2) -> Iterator["Cluster"]:
    """A head with so many processors; its `address` is what `machine.address` takes.

    A start that hangs or crashes is tried again, as the driver does: it is not what tests are
    about.
    """
    prepare_environment(joins=False)
    cluster = _started(HEAD | {"num_cpus": cpus})
    try:
        yield cluster
    finally:
        cluster.shutdown()


def _started(head: dict[str, Any]) -> "Cluster":
    from ray.cluster_utils import Cluster

    before = _children()
    for left in reversed(range(STARTS)):
        try:
            return Cluster(initialize_head=True, head_node_args=head)
        except Exception:  # Ray has no class of its own for a start that failed
            _end(_children() - before)
            if not left:
                raise
    raise AssertionError("the last start returns or raises")


def _children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def _end(processes: set[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)
