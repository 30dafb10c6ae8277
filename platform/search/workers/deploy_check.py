"""`evoskeleton deploy check`: what a campaign would find on a cluster, before there is one."""

from dataclasses import dataclass
from pathlib import Path

from evoskeleton.platform.search.workers.cluster import connected, prepare_environment
from evoskeleton.platform.search.workers.joined.nodes import (
    Node,
    Sight,
    kinds_of_processors,
    locks_unseen,
    nodes_of,
)
from evoskeleton.platform.search.workers.machine import MachineSettings

_MOST_BEHIND_SECONDS = 5.0
_NO_PLACE_FOR_A_HOME = ("s3fs", "gcsfuse", "goofys", "rclone", "blobfuse")


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        driver: what this process sees.
        nodes: the cluster's.
        warnings: sentences about what is allowed and not good.
    """

    driver: Sight
    nodes: list[Node]
    warnings: list[str]

    @property
    def fit(self) -> bool:
        """Whether a campaign would begin."""
        return not any(node.problem for node in self.nodes)


def check(machine: MachineSettings, home: Path | str) -> Checked:
    """Join a cluster and look at each of its nodes; nothing stays of it.

    Args:
        machine: `address` and `wait_seconds` count.
        home: folder that all nodes should share, or its address on a store.

    Raises:
        BadInput: nobody answers at the address, or the home cannot be written from here.
    """
    prepare_environment(joins=machine.address is not None)
    with connected(machine):
        own, nodes = nodes_of(home, max(30.0, machine.wait_seconds))
    return Checked(own, nodes, list(_warnings(own, nodes)))


def _warnings(own: Sight, nodes: list[Node]) -> list[str]:
    found = [kinds_of_processors(own, nodes), locks_unseen(nodes)]
    models = sorted({node.gpu_model for node in nodes if node.gpu_model})
    if len(models) > 1:
        found.append(
            f"GPUs of several models ({', '.join(models)}): choose one by machine.scorer_labels"
        )
    for node in nodes:
        if abs(node.behind) > _MOST_BEHIND_SECONDS:
            found.append(f"the clock of {node.name} is {node.behind:.0f} s behind the driver's")
    if own.storage.startswith("fuse") and any(n in own.storage for n in _NO_PLACE_FOR_A_HOME):
        found.append(f"the home lies on {own.storage}, which renames by copying and knows no locks")
    return [sentence for sentence in found if sentence is not None]
