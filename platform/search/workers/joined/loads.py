"""Looks at how busy the driver's machine and the other nodes are, while a campaign runs."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from evoskeleton.platform.record.recording import Recording
from evoskeleton.platform.record.run_page.machine_load import Load, Machine, now_ms

FIRST_SECONDS, EVERY_SECONDS = 1.0, 10.0
_LOOKS = 200
"""Later looks are so much rarer that their number grows with the logarithm of time."""

_ANSWER_SECONDS = 5.0


@contextmanager
def looked_at(record: Recording, wanted: bool) -> Iterator[None]:
    """Record loads from a thread of its own until the context ends; where Ray is connected."""
    if not wanted:
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_look, args=(record, ended), daemon=True, name="loads")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(2 * _ANSWER_SECONDS)


def _look(record: Recording, ended: threading.Event) -> None:
    here, others = Machine(), _Others()
    started, pause = time.monotonic(), FIRST_SECONDS
    with suppress(Exception):  # an outlet: whatever Ray or the machine says, breeding goes on
        while not ended.wait(pause):
            record.log_load(Load(now_ms(), {0: here.look(), **others.look()}))
            pause = max(EVERY_SECONDS, (time.monotonic() - started) / _LOOKS)


class _Others:
    """An actor on each node but this one, which reserves nothing; nodes keep their numbers."""

    def __init__(self) -> None:
        self._actors: dict[str, Any] = {}

    def look(self) -> dict[int, dict[str, float]]:
        """Of each node that answers in time."""
        import ray

        own = ray.get_runtime_context().get_node_id()
        for node in sorted(n["NodeID"] for n in ray.nodes() if n["Alive"] and n["NodeID"] != own):
            if node not in self._actors:
                self._actors[node] = _on(node)
        asked = {actor.look.remote(): n for n, actor in enumerate(self._actors.values(), start=1)}
        if not asked:
            return {}
        done, _ = ray.wait(list(asked), num_returns=len(asked), timeout=_ANSWER_SECONDS)
        found = {}
        for answer in done:
            with suppress(ray.exceptions.RayError):  # its node is gone
                found[asked[answer]] = ray.get(answer)
        return found


def _on(node: str) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    where = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=where)(Machine).remote()
