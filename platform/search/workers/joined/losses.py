"""Actors and nodes that are lost while a campaign waits, told in one line each.

Ray makes lost actors again and repeats their calls; it says so in many lines, or, where there is no
room for them, says nothing and waits.
"""

import math
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

import ray

_LOOK_SECONDS = 2.0
_PATIENCE_SECONDS = 60.0
_ROOM_SECONDS = 12.0

Tell = Callable[[str], None]


class Cramped(Exception):
    """Actors wait for room on a cluster that has become smaller: begin again with fewer."""


class Losses:
    """What has become of some actors; it looks while somebody waits for what they make."""

    def __init__(self, tell: Tell) -> None:
        """Nobody is looked after yet.

        Args:
            tell: gets a sentence for each loss.
        """
        self._tell = tell
        self._actors: dict[str, str] = {}
        self._restarts: dict[str, int] = {}
        self._where: dict[str, str] = {}
        self._nodes: dict[str, str] = {}
        self._waiting_since: float | None = None
        self._told_at = 0.0
        self._cpus = math.inf

    def fit_for(self, cpus: float) -> None:
        """How many processors the cluster had when its actors were asked for."""
        self._cpus = cpus

    def look_after(self, kind: str, actors: Sequence[Any]) -> None:
        """Actors of a kind, such as `worker`, in place of those that were known of it."""
        self._actors = {name: other for name, other in self._actors.items() if other != kind}
        self._actors |= {actor._actor_id.hex(): kind for actor in actors}

    def gathered(self, references: Sequence[Any]) -> list[Any]:
        """What all references stand for, as `ray.get` gives it.

        Raises:
            Cramped: actors that were lost find no room on what is left of the cluster.
        """
        left = list(references)
        while left:
            _, left = ray.wait(left, num_returns=len(left), timeout=_LOOK_SECONDS)
            self.look()
        return list(ray.get(list(references)))

    def on(self, nodes: Collection[str]) -> set[str]:
        """Who runs on some nodes, by their ids."""
        if not nodes:
            return set()
        import ray._private.state as states

        with suppress(AttributeError, KeyError):
            table = states.actors()
            return {
                name
                for name in self._actors.keys() & table.keys()
                if table[name]["Address"]["NodeID"] in nodes
            }
        return set()

    def look(self) -> None:
        """Tell what was lost since the last look."""
        self._look_at_nodes()
        with suppress(AttributeError, KeyError):  # what Ray tells of actors is no public interface
            self._look_at_actors()

    def _look_at_nodes(self) -> None:
        alive = {
            node["NodeID"]: f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
            for node in ray.nodes()
            if node["Alive"]
        }
        for node in self._nodes.keys() - alive.keys():
            self._tell(
                f"node {self._nodes[node]} has left the cluster; what it had under way is done "
                f"again on others"
            )
        self._nodes = alive

    def _look_at_actors(self) -> None:
        import ray._private.state as states

        table = states.actors()
        pending = 0
        for name, kind in self._actors.items():
            actor = table.get(name)
            if actor is None:
                continue
            restarts, where = int(actor["NumRestarts"]), self._where.get(name)
            if restarts > self._restarts.get(name, 0):
                at = f" on {where}" if where else ""
                self._tell(f"a {kind}{at} was lost: it is made again, and no row changes")
            self._restarts[name] = restarts
            self._where[name] = actor["Address"]["IPAddress"] or (where or "")
            pending += actor["State"] != "ALIVE"
        self._tell_of_pending(pending)

    def _tell_of_pending(self, pending: int) -> None:
        """Raise where fewer would find room, and say so where nothing but a node would help."""
        now = time.monotonic()
        if not pending:
            self._waiting_since = None
            return
        self._waiting_since = self._waiting_since or now
        there = ray.cluster_resources()
        if now - self._waiting_since > _ROOM_SECONDS and there.get("CPU", 0.0) < self._cpus:
            self._waiting_since = None
            raise Cramped
        if now - max(self._waiting_since, self._told_at) > _PATIENCE_SECONDS:
            self._told_at = now + 9 * _PATIENCE_SECONDS
            self._tell(
                f"{pending} workers or scorers wait for room on the cluster, which has "
                f"{there.get('CPU', 0):g} processors and {there.get('GPU', 0):g} GPUs in all"
            )


def draining() -> set[str]:
    """Ids of the nodes that are asked to leave, and will."""
    import ray._private.state as states

    with suppress(Exception):  # no public interface; a node that leaves unseen is one that is lost
        return set(states.state.get_draining_nodes())
    return set()
