"""The endpoint: a gRPC server with health checking, reflection, metrics, and an orderly end."""

import asyncio
import gc
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from evoskeleton.annotation.generated import (
    annotation_pb2,
    annotation_pb2_grpc,
    inference_pb2,
    inference_pb2_grpc,
)
from evoskeleton.annotation.server.annotation_service import AnnotationService
from evoskeleton.annotation.server.auth import MOST_CHECKS, TokenInterceptor, permit_of
from evoskeleton.annotation.server.http.connect import anybody
from evoskeleton.annotation.server.http.http_server import gateway
from evoskeleton.annotation.server.http.pictures import Pictures
from evoskeleton.annotation.server.inference_service import InferenceService
from evoskeleton.annotation.server.interceptors import StatusInterceptor
from evoskeleton.annotation.server.limits.last_resort import GRACE_S, end_within
from evoskeleton.annotation.server.limits.leftovers import PREFIX, SOCKET
from evoskeleton.annotation.server.probes import Probes
from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.annotation.server.telemetry import Metrics
from evoskeleton.annotation.server.tls import certificate_of, check_closed
from evoskeleton.annotation.server.tokens import Tokens
from evoskeleton.annotation.serving import trained_detectors
from evoskeleton.annotation.serving.batching import Batcher
from evoskeleton.annotation.serving.champions import Champions
from evoskeleton.annotation.serving.detection_queue import DetectionQueue, ServedDetector
from evoskeleton.annotation.serving.thread_pools import Work
from evoskeleton.annotation.store.annotation_store import AnnotationStore, store_in
from evoskeleton.errors import BadInput

_KEEPALIVE_MS = 60_000
_HANDSHAKE_MS, _IDLE_MS = 5_000, 120_000
"""A connection that says nothing is closed after the first, one without calls after the second."""
_ANSWER_BYTES = 64 << 20
_UNCOMPRESSED_ALONE = 1
"""A compressed message would be unpacked whole before anybody sees how large it is: 16 MB of zeros
take 16 kB."""

_REFUSED = 8
"""So many times `most_calls` may be under way, most of them being refused."""

_CUT_S = 0.5
"""What calls that are cut off have to tell their callers."""

_NOTICE_S = 0.2
"""Between the first refused call and the end of the port: a call that comes in the very moment in
which gRPC closes it gets CANCELLED, which nobody tries again."""


class Parts(NamedTuple):
    """What servicers are made of."""

    settings: ServeSettings
    champions: Champions
    batcher: Batcher
    pictures: DetectionQueue | None
    store: AnnotationStore | None
    work: Work
    tokens: Tokens | None


class Service(NamedTuple):
    """A servicer, its full name in the contract, and the generated function that adds it."""

    name: str
    add_to_server: Callable[[Any, Any], None]
    servicer: Any


def services(parts: Parts) -> list[Service]:
    """All services, the one place where a service is added; `auth` says which scope each needs."""
    return [
        Service(
            inference_pb2.DESCRIPTOR.services_by_name["InferenceService"].full_name,
            inference_pb2_grpc.add_InferenceServiceServicer_to_server,
            InferenceService(parts.settings, parts.champions, parts.batcher, parts.pictures),
        ),
        Service(
            annotation_pb2.DESCRIPTOR.services_by_name["AnnotationService"].full_name,
            annotation_pb2_grpc.add_AnnotationServiceServicer_to_server,
            AnnotationService(
                parts.settings,
                parts.champions,
                parts.pictures,
                parts.store,
                parts.work,
                parts.tokens,
            ),
        ),
    ]


class Endpoint:
    """One server, made and used in the running event loop.

    Attributes:
        port: that calls come to, after `start`.
        metrics_port: that metrics are read from, or None.
        http_port: of the gateway for browsers, or None.
    """

    def __init__(
        self, settings: ServeSettings, champions: Champions, detector: ServedDetector | None = None
    ) -> None:
        """Check that the settings are safe; nothing runs before `start`.

        Raises:
            BadInput: the address can be reached from outside and TLS or tokens are missing, or
                certificate, key, tokens or annotations cannot be used.
        """
        check_closed(settings)
        self._certificate = certificate_of(settings)
        self._settings, self._champions = settings, champions
        self._metrics = Metrics()
        self._batcher = Batcher(
            lambda: champions.current,
            settings.most_queued_poses,
            settings.batch_poses,
            self._metrics.batch,
        )
        self._pictures = detector and DetectionQueue(
            detector,
            settings.most_pixels,
            settings.most_queued_pictures,
            settings.picture_threads,
        )
        self._store, self._work = _store(settings), Work()
        self._health = health.aio.HealthServicer()
        self._server = self._build()
        self._tell_metrics()
        self.port = 0
        self.metrics_port: int | None = None
        self.http_port: int | None = None
        self._open = AsyncExitStack()
        self._stopping = False
        self._asked: asyncio.Future[bool] | None = None

    def _build(self) -> grpc.aio.Server:
        settings = self._settings
        self._outcomes = StatusInterceptor(
            self._metrics, settings.most_calls, settings.most_message_bytes
        )
        interceptors: list[grpc.aio.ServerInterceptor] = [self._outcomes]
        self._tokens = None if settings.tokens is None else Tokens(settings.tokens)
        if self._tokens:
            self._tokens.list()
            interceptors.append(TokenInterceptor(self._tokens))
        server = grpc.aio.server(
            interceptors=interceptors,
            options=_options(settings),
            maximum_concurrent_rpcs=_REFUSED * settings.most_calls + MOST_CHECKS,
        )
        parts = Parts(
            settings,
            self._champions,
            self._batcher,
            self._pictures,
            self._store,
            self._work,
            self._tokens,
        )
        self._names = []
        for service in services(parts):
            service.add_to_server(service.servicer, server)
            self._names.append(service.name)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        health = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
        reflection.enable_server_reflection([*self._names, health, reflection.SERVICE_NAME], server)
        return server

    def _tell_metrics(self) -> None:
        gauge = self._metrics.gauge
        self._metrics.champion(lambda: self._champions.held)
        gauge("evoskeleton_poses_queued", "Poses queued or lifted", lambda: self.queued_poses)
        gauge("evoskeleton_pictures_queued", "Pictures queued", lambda: self.queued_pictures)
        gauge("evoskeleton_unread_bytes", "Bytes of answers under way", lambda: self.unread_bytes)

    @property
    def champion_name(self) -> str:
        """What is served now, in words."""
        champion = self._champions.held
        if champion is None:
            return "no champion yet, which is waited for,"
        version = f" version {champion.version}" if champion.version else ""
        return f"{champion.name}{version} ({champion.weight_hash[:12]})"

    @property
    def drain_seconds(self) -> float:
        """What calls have to end after `stop`."""
        return self._settings.drain_seconds

    @property
    def unread_bytes(self) -> int:
        """Of large answers that are being sent."""
        return self._outcomes.unread_bytes

    @property
    def queued_poses(self) -> int:
        """Poses that wait or are being lifted."""
        return self._batcher.poses

    @property
    def queued_pictures(self) -> int:
        """Pictures that wait or are being looked at."""
        return self._pictures.queued if self._pictures else 0

    async def start(self) -> None:
        """Take calls.

        Raises:
            BadInput: an address cannot be listened on.
        """
        self.port = self._listen()
        if self._settings.http_address:
            permit = permit_of(self._tokens, self._metrics) if self._tokens else anybody
            most, store = self._settings.most_pixels, self._store
            pictures = None if store is None else Pictures(store.files, self._work, most)
            private = self._private_socket()
            http = gateway(self._settings, private, self._names, permit, pictures)
            self.http_port = await self._open.enter_async_context(http)
        self._stop_metrics: Callable[[], None] = lambda: None
        if self._settings.metrics_address:
            probes = Probes(asyncio.get_running_loop(), self._not_ready)
            self.metrics_port, self._stop_metrics = self._metrics.serve(
                self._settings.metrics_address, probes
            )
        self._batcher.start()
        watch = self._champions.watch(self._settings.refresh_seconds)
        await self._tell_health(self._champions.held is not None)
        await self._server.start()
        self._tasks = [asyncio.create_task(watch), asyncio.create_task(self._first_champion())]
        if self._pictures:
            look = trained_detectors.watch(self._pictures, self._settings.refresh_seconds)
            self._tasks.append(asyncio.create_task(look))

    async def _first_champion(self) -> None:
        await self._champions.first()
        await self._tell_health(True)

    async def _tell_health(self, serving: bool) -> None:
        answer = health_pb2.HealthCheckResponse
        for name in ("", *self._names):
            await self._health.set(name, answer.SERVING if serving else answer.NOT_SERVING)

    async def _not_ready(self) -> str:
        """Why no call should be sent here now; empty where calls should."""
        if self._stopping:
            return "the server is being stopped"
        if self._champions.held is None:
            return f"no champion yet: {self._champions.problem or 'it is looked for'}"
        if self._store and not await self._reached(self._store):
            return "the database of the annotations cannot be reached"
        return ""

    async def _reached(self, store: AnnotationStore) -> bool:
        """Whether the database answers; one question at a time, however many wait for it."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.ensure_future(asyncio.to_thread(store.reachable))
        return await asyncio.shield(self._asked)

    def _listen(self) -> int:
        address = self._settings.address
        try:
            if self._certificate is None:
                return int(self._server.add_insecure_port(address))
            return int(self._server.add_secure_port(address, self._certificate.credentials()))
        except RuntimeError:
            raise BadInput(f"address {address} cannot be listened on: it may be in use") from None

    def _private_socket(self) -> str:
        """One more way in, for the gateway, in a folder that only this user can look into."""
        folder = self._open.enter_context(TemporaryDirectory(prefix=PREFIX))
        socket = f"unix:{folder}/{SOCKET}"
        self._server.add_insecure_port(socket)
        return socket

    async def stop(self) -> None:
        """Take no new calls, let those that run end within `drain_seconds`, and stop."""
        self._stopping = True
        await self._health.enter_graceful_shutdown()
        self._outcomes.close()
        await asyncio.gather(self._open.aclose(), self._stop_calls())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._batcher.stop()
        if self._pictures:
            await self._pictures.stop()
        await self._work.stop()
        await asyncio.to_thread(self._stop_metrics)
        if self._store:
            self._store.close()

    async def _stop_calls(self) -> None:
        await asyncio.sleep(_NOTICE_S)
        drain = self._settings.drain_seconds
        cut = asyncio.get_running_loop().call_later(drain, self._outcomes.cut)
        await self._server.stop(drain + _CUT_S)
        cut.cancel()


def _store(settings: ServeSettings) -> AnnotationStore | None:
    if settings.annotations is not None:
        return store_in(settings.annotations, settings.annotations_url)
    if settings.annotations_url is not None:
        raise BadInput("annotations in a database need a folder for their images: --annotations")
    return None


def _options(settings: ServeSettings) -> list[tuple[str, int]]:
    age = settings.max_connection_age_seconds
    return [
        *([("grpc.max_connection_age_ms", max(1, round(1000 * age)))] if age else []),
        ("grpc.max_receive_message_length", settings.most_message_bytes),
        ("grpc.max_send_message_length", _ANSWER_BYTES),
        ("grpc.compression_enabled_algorithms_bitset", _UNCOMPRESSED_ALONE),
        ("grpc.per_message_decompression", 0),
        ("grpc.so_reuseport", 0),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_MS // 3),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", _KEEPALIVE_MS // 6),
        ("grpc.server_handshake_timeout_ms", _HANDSHAKE_MS),
        ("grpc.max_connection_idle_ms", _IDLE_MS),
        ("grpc.max_allowed_incoming_connections", settings.most_connections),
        ("grpc.max_concurrent_streams", max(100, settings.most_calls)),
    ]


async def run(endpoint: Endpoint, started: Callable[[Endpoint], None]) -> None:
    """Serve until SIGTERM or SIGINT, then drain; `started` is called when calls are taken.

    What was loaded by then is never looked at again by the garbage collector: it would hold up all
    calls for 0.2 s each time that it finds nothing.

    Raises:
        BadInput: an address cannot be listened on.
    """
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    await endpoint.start()
    gc.collect()
    gc.freeze()
    started(endpoint)
    await asked_to_stop.wait()
    end_within(endpoint.drain_seconds + GRACE_S)
    await endpoint.stop()
