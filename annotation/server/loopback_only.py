"""A WSGI application that answers to the names of loopback alone.

So no page from elsewhere reads it by a name that it makes point here (DNS rebinding).
"""

from collections.abc import Callable, Iterable
from typing import Any

_NAMES = ("localhost", "127.0.0.1", "[::1]")
Application = Callable[..., Iterable[bytes]]


def of_loopback(application: Application) -> Application:
    """The application, for requests that are addressed to a name of loopback."""

    def guarded(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        host = str(environ.get("HTTP_HOST", ""))
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name not in _NAMES:
            start("400 Bad Request", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"the host of the request should be a name of this machine, such as localhost"]
        return application(environ, start)

    return guarded
