"""The HTTP server beside the gRPC server: what it listens on, its headers, its timeouts.

The gateway (`connect`) is served in the event loop of the gRPC server, which keeps the process's
signals. Connections that bring nothing are closed; calls under way when the server is shut down
have the time that settings give them.
"""

import asyncio
import math
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import grpc
import uvicorn
from google.protobuf import descriptor_pool
from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles
from uvicorn.protocols.http.h11_impl import H11Protocol

from evoskeleton.annotation.domain.addresses import host_and_port, is_loopback
from evoskeleton.annotation.server.http.connect import (
    LOOPBACK_NAMES,
    Permit,
    anybody,
    gateway_app,
)
from evoskeleton.annotation.server.http.page import PageFiles
from evoskeleton.annotation.server.http.pictures import Pictures
from evoskeleton.annotation.server.http.small_chunks import PatientConnection
from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.annotation.server.tls import Certificate
from evoskeleton.errors import BadInput

REQUEST_TIMEOUT_S = 30.0
FIRST_REQUEST_S = 5.0
"""In which a new connection should bring a request."""
_JSON_SIZE = 2
"""How much longer the JSON of a request may be than the message: base64 and digits take more."""
_CHANNEL = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),
)
_MOST_HEAD = 16 << 10
_RELAY_S = 1.0
"""What passing an answer on may take."""
_HEADERS = (
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "frame-ancestors 'none'"),
    ("referrer-policy", "no-referrer"),
)


@asynccontextmanager
async def gateway(
    settings: ServeSettings,
    address: str,
    services: Sequence[str],
    permit: Permit = anybody,
    pictures: Pictures | None = None,
) -> AsyncIterator[int]:
    """The gateway of a server, as long as the context lasts; yields its port.

    Args:
        settings: of the server.
        address: where the gateway calls it.
        services: full names of the services to offer.
        permit: who may call.
        pictures: to be had by GET; none: they are not.

    Raises:
        BadInput: the address cannot be listened on, or the folder is not there.
    """
    assert settings.http_address is not None
    host, port = host_and_port(settings.http_address)
    files = _files(settings)
    known = descriptor_pool.Default()
    async with grpc.aio.insecure_channel(address, _CHANNEL) as channel:
        app = gateway_app(
            channel,
            [known.FindServiceByName(name) for name in services],
            files=files,
            most_bytes=_JSON_SIZE * settings.most_message_bytes,
            origins=settings.http_origins,
            hosts=_hosts(settings),
            permit=permit,
            pictures=pictures,
        )
        try:
            http = serving(
                app,
                host,
                port,
                settings.tls_cert,
                settings.tls_key,
                most_connections=settings.most_connections,
                drain_seconds=settings.drain_seconds + _RELAY_S,
            )
            async with http as listening:
                yield listening
        except OSError as error:
            reason = error.strerror or error
            raise BadInput(f"address {settings.http_address}: {reason}") from None


def _hosts(settings: ServeSettings) -> Sequence[str]:
    """Names that requests may be addressed to."""
    assert settings.http_address is not None
    if is_loopback(settings.http_address):
        return (*LOOPBACK_NAMES, *settings.http_hosts)
    return settings.http_hosts or ("*",)


def _files(settings: ServeSettings) -> StaticFiles | None:
    """The named folder's files, or the annotator's page where there is something to annotate."""
    folder = settings.http_folder
    if folder is None:
        return PageFiles() if settings.annotations else None
    if not folder.is_dir():
        raise BadInput(f"http_folder {folder} should be a folder of files for browsers")
    return StaticFiles(directory=folder, html=True)


@asynccontextmanager
async def serving(
    app: Starlette,
    host: str = "127.0.0.1",
    port: int = 0,
    certificate: Path | None = None,
    private_key: Path | None = None,
    most_connections: int = 1000,
    drain_seconds: float = 5.0,
) -> AsyncIterator[int]:
    """Serve an application in the running loop, beside the gRPC server; yields the port.

    When the context ends, calls that are under way have `drain_seconds` to finish; those that are
    cut off then get UNAVAILABLE.

    Args:
        app: from `gateway_app`.
        host, port: where to listen; port 0 takes a free one.
        certificate, private_key: PEM files; none: plain HTTP.
        most_connections: beyond which the answer is 503.
        drain_seconds: rounded up to whole seconds.

    Raises:
        OSError: the port cannot be had, or the certificate cannot be read.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        http=_IdleClosing,
        ws="none",
        headers=list(_HEADERS),
        limit_concurrency=most_connections,
        timeout_graceful_shutdown=math.ceil(drain_seconds),
        ssl_certfile=certificate,
        ssl_keyfile=private_key,
    )
    config.load()
    if certificate and private_key and config.ssl:
        Certificate(certificate, private_key).renew(config.ssl)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=config.backlog)
    server = _SignalFreeServer(config)
    running = asyncio.create_task(server.serve([listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await running
        if cut_off := server.server_state.tasks:
            await asyncio.wait(cut_off, timeout=_RELAY_S)


class _SignalFreeServer(uvicorn.Server):
    """A server that leaves the process's signals to whom they belong."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _IdleClosing(H11Protocol):
    """Closes a connection that brings no request for a while, for which uvicorn would wait, and one
    whose answer nobody reads."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.conn = PatientConnection(_MOST_HEAD)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look_later(FIRST_REQUEST_S)

    def _look_later(self, seconds: float = REQUEST_TIMEOUT_S) -> None:
        waiting = self.transport.get_write_buffer_size()
        self.loop.call_later(seconds, self._look, self.cycle, waiting)

    def _look(self, before: object, waiting: int) -> None:
        idle = self.cycle is None or self.cycle.response_complete
        if waiting and self.transport.get_write_buffer_size() >= waiting:
            self.transport.abort()
        elif idle and self.cycle is before:
            self.transport.close()
        if not self.transport.is_closing():
            self._look_later()
