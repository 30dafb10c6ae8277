"""A head that is lost ends the driver soon, with a sentence and the exit code that asks for more.

Ray waits a minute for its head and then ends the process itself, in the middle of whatever it does,
with a page of its own; and a head that was started anew knows nothing of this campaign's actors.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from evoskeleton.errors import STOPPED

PATIENCE_SECONDS = 20.0
"""Without an answer: below the half minute after which a campaign should go on, and below Ray's."""

REFUSED_SECONDS = 5.0
"""The same where the machine says that nobody listens: the head has ended, no cable is pulled."""

_LOOK_SECONDS = 2.0
_END_SECONDS = 10.0


@contextmanager
def watched_head(stop: Callable[[], bool], tell: Callable[[str], None]) -> Iterator[None]:
    """Look from a thread of its own whether the head answers, until the context ends.

    Args:
        stop: asks the main thread to stop at once; whether it can.
        tell: gets the sentence.
    """
    import ray

    address = ray.get_runtime_context().gcs_address
    ended = threading.Event()
    watch = _Watch(address, stop, tell, ended)
    thread = threading.Thread(target=watch.run, daemon=True, name="head of the cluster")
    thread.start()
    try:
        yield
    finally:
        ended.set()


class _Watch:
    def __init__(
        self,
        address: str,
        stop: Callable[[], bool],
        tell: Callable[[str], None],
        ended: threading.Event,
    ) -> None:
        self._address = address
        self._stop = stop
        self._tell = tell
        self._ended = ended

    def run(self) -> None:
        """Until the context ends, or the head is lost."""
        own = identity(self._address)
        answered = time.monotonic()
        while not self._ended.wait(_LOOK_SECONDS):
            now = identity(self._address)
            if now is not None and own is not None and now != own:
                return self._give_up("was started anew")
            if now is not None or own is None:
                answered, own = time.monotonic(), own or now
                continue
            refused = is_refused(self._address)
            silent = time.monotonic() - answered
            if silent > (REFUSED_SECONDS if refused else PATIENCE_SECONDS):
                unheard = f"has not answered for {PATIENCE_SECONDS:.0f} seconds"
                return self._give_up("is gone" if refused else unheard)

    def _give_up(self, what: str) -> None:
        """Ask the driver to stop; where it waits for the head for good, end it."""
        if self._ended.is_set() or not self._stop():
            return
        self._tell(
            f"the head of the Ray cluster at {self._address} {what}: this driver ends with exit "
            f"code {STOPPED}, and `campaign run --or-resume` goes on from the last generation"
        )
        if _is_connected_after(_END_SECONDS):
            os._exit(STOPPED)


def _is_connected_after(seconds: float) -> bool:
    """Whether the driver has not let go of Ray by then: it waits for who will not answer."""
    import ray

    until = time.monotonic() + seconds
    while ray.is_initialized():
        if time.monotonic() > until:
            return True
        time.sleep(0.2)
    return False


def identity(address: str) -> str | None:
    """A word that a head keeps as long as it runs; None where nobody answers in time."""
    import ray._raylet as core

    with suppress(Exception):  # Ray has no class of its own for a head that is gone
        _connect(address)
        return str(core.GcsClient(address=address).cluster_id.hex())  # type: ignore[attr-defined]
    return None


def is_refused(address: str) -> bool:
    """Whether the machine is there and says that nobody listens."""
    try:
        _connect(address)
    except OSError as error:
        return isinstance(error, ConnectionRefusedError)
    return False


def _connect(address: str) -> None:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), _LOOK_SECONDS):
        pass
