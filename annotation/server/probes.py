"""What programs ask that start and stop servers: `/livez` and `/readyz`, plain HTTP.

They are answered where the metrics are, in threads: alive is a server whose event loop turns, and
ready one that can lift, reaches the database of its annotations, and is not being stopped. The
answer is 200 or 503 and a few words, as of https://kubernetes.io/docs/reference/using-api/health-checks.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import CancelledError
from typing import Any

from evoskeleton.annotation.server.settings import PROBE_SECONDS

Check = Callable[[], Coroutine[Any, Any, str]]
"""Awaited in the server's event loop; why the answer is no, or empty."""

Start = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]


async def _turns() -> str:
    return ""


class Probes:
    """Answers of one server; called in other threads than the one of its event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ready: Check) -> None:
        self._loop = loop
        self._checks: dict[str, Check] = {"/livez": _turns, "/readyz": ready}

    def answer(self, path: str) -> str | None:
        """Why a server is not alive, or not ready; empty where it is, None for another path."""
        if path not in self._checks:
            return None
        check = self._checks[path]()
        try:
            waiting = asyncio.run_coroutine_threadsafe(check, self._loop)
        except RuntimeError:
            check.close()
            return "the event loop has ended"
        try:
            return waiting.result(PROBE_SECONDS)
        except TimeoutError:
            waiting.cancel()
            return f"no answer of the event loop within {PROBE_SECONDS:g} s"
        except CancelledError:
            return "the event loop has ended"

    def before(self, others: Application) -> Application:
        """An application that answers the probes, and leaves other paths to `others`."""

        def application(request: dict[str, Any], start: Start) -> Iterable[bytes]:
            problem = self.answer(request.get("PATH_INFO", ""))
            if problem is None:
                return others(request, start)
            start(
                "503 Service Unavailable" if problem else "200 OK",
                [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")],
            )
            return [f"{problem or 'ok'}\n".encode()]

        return application
