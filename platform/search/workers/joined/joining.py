"""Whether a Ray cluster is at an address, found out within a deadline.

Ray itself waits a quarter of an hour for a head that is gone, without a word.
"""

import os
import re
import socket
import threading
import time
from contextlib import suppress

from evoskeleton.errors import BadInput

_PAUSE_SECONDS = 0.5


def expect_answer(address: str, seconds: float) -> None:
    """Wait until a cluster answers.

    Args:
        address: host:port, or `auto` for the one that was last started on this machine.
        seconds: after which it is given up.

    Raises:
        BadInput: nobody answers, or somebody who is no head of a Ray cluster.
    """
    until = time.monotonic() + seconds
    place = _place(address)
    _connect(address, place, until)
    _ask(address, place, until)


def _place(address: str) -> str:
    """Host and port of the head.

    Raises:
        BadInput: none is known.
    """
    from ray._private import services

    if address != "auto":
        return address
    with suppress(Exception):  # Ray has no class of its own for a file that cannot be read
        if (found := services.canonicalize_bootstrap_address("auto")) is not None:
            return str(found)
    raise BadInput(
        "no Ray cluster runs on this machine: start one with `ray start --head`, or give the "
        "address of its head as host:port"
    )


def _connect(address: str, place: str, until: float) -> None:
    """Until somebody listens at a host and port."""
    host, _, port = place.rpartition(":")
    while True:
        try:
            with socket.create_connection((host.strip("[]"), int(port)), _PAUSE_SECONDS * 4):
                return
        except OSError as error:
            if time.monotonic() + _PAUSE_SECONDS > until:
                raise BadInput(
                    f"no Ray cluster answers at {_named(address, place)}: "
                    f"{error.strerror or error}; `--address` names another"
                ) from None
            time.sleep(_PAUSE_SECONDS)


def _named(address: str, place: str) -> str:
    return place if address == place else f"{place}, which `{address}` stands for"


def _ask(address: str, place: str, until: float) -> None:
    """Whether who listens is the head of a Ray cluster that lets us in."""
    import ray._raylet as core

    answer: list[str | None] = []

    def ask() -> None:
        try:
            core.GcsClient(address=place)  # type: ignore[attr-defined]
            answer.append(None)
        except Exception as error:  # whatever Ray raises
            answer.append(_reason(error))

    asking = threading.Thread(target=ask, daemon=True, name="head of the cluster")
    asking.start()
    asking.join(max(_PAUSE_SECONDS * 10, until - time.monotonic()))
    reason = answer[0] if answer else "what listens there is no head of a Ray cluster"
    if reason is not None:
        raise BadInput(f"no Ray cluster answers at {_named(address, place)}: {reason}")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if re.search(r"auth|token", text, re.IGNORECASE):
        mode = os.environ.get("RAY_AUTH_MODE", "disabled")
        return (
            f"it does not take this process's token (RAY_AUTH_MODE is {mode}): set "
            f"RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH to the same token as on its nodes"
        )
    if "imed out" in text:
        return "what listens there is no head of a Ray cluster"
    return text or type(error).__name__
