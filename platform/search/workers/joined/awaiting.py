"""Waiting, in a thread, for what Ray does, until that is given up.

A process that uses Ray in one thread while another lets go of Ray is ended by it, with an exit code
of its own: so whoever waits has to be told before.
"""

import threading
from typing import Any

import ray

_LOOK_SECONDS = 0.5


class GivenUp(Exception):
    """What was waited for is not wanted any more."""


def awaited(reference: Any, given_up: threading.Event | None = None) -> Any:
    """What a reference stands for, as `ray.get` gives it.

    Args:
        reference: to the one thing that is waited for.
        given_up: when it is not wanted any more; none: it always is.

    Raises:
        GivenUp: that came first.
    """
    while not ray.wait([reference], timeout=_LOOK_SECONDS)[0]:
        expect_wanted(given_up)
    return ray.get(reference)


def expect_wanted(given_up: threading.Event | None) -> None:
    """Go on only with what is still wanted.

    Raises:
        GivenUp: it is not.
    """
    if given_up is not None and given_up.is_set():
        raise GivenUp
