"""Clients of the endpoint: `Client` waits, `AsyncClient` is awaited.

    with Client("127.0.0.1:50051") as endpoint:
        joints = endpoint.lift(keypoints).joints
        image = endpoint.lease(endpoint.make_project("street").id, "ann")

Numpy goes in, numpy and dataclasses come out (`inference_calls`, `annotation_calls`); torch is not
needed. A call has one deadline for all of its attempts. It is tried again, after a pause that
doubles and is drawn at random between half of itself and the whole, while the server cannot be
reached (UNAVAILABLE), and while it has too much to do and says when to come back
(RESOURCE_EXHAUSTED with `retry-after-ms`).
"""

import asyncio
import random
import time
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
)
from functools import wraps
from pathlib import Path
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload

import grpc
from pydantic import Field

from evoskeleton.annotation.client import annotation_calls, managing_calls
from evoskeleton.annotation.client import inference_calls as calls
from evoskeleton.annotation.client.endpoint_error import (
    endpoint_error,
)
from evoskeleton.annotation.client.inference_calls import (
    Call,
    FileContent,
    Frame,
)
from evoskeleton.annotation.domain.addresses import stays_here
from evoskeleton.annotation.generated import inference_pb2
from evoskeleton.errors import BadInput
from evoskeleton.settings import Settings

Answer = TypeVar("Answer")
Given = ParamSpec("Given")

RETRY_AFTER = "retry-after-ms"
_TRIED_AGAIN = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED
"""Nobody but the server cancels a call that a client sends: it is being shut down."""
_CHANNEL = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.dns_min_time_between_resolutions_ms", 5000),
)
_NO_PROXY = (("grpc.enable_http_proxy", 0),)
"""A proxy that the environment names knows nothing of this machine."""


class CallSettings(Settings):
    """How long a client waits, and how it tries again."""

    timeout_s: float = Field(30.0, gt=0, description="deadline of a call with all its attempts")
    first_pause_s: float = Field(0.1, gt=0, description="longest pause before the second attempt")
    longest_pause_s: float = Field(
        5.0, gt=0, description="longest pause between attempts; pauses double until there"
    )
    attempts: int = Field(100, ge=1, description="most attempts of a call")


class _Attempts:
    """The attempts of one call: when its deadline is, and whether and when to try again."""

    def __init__(self, settings: CallSettings) -> None:
        self._settings, self._made = settings, 0
        self._deadline = time.monotonic() + settings.timeout_s

    @property
    def left_s(self) -> float:
        """Until the deadline, never less than a moment."""
        return max(1e-3, self._deadline - time.monotonic())

    def pause(self, error: grpc.RpcError) -> float:
        """Seconds until the next attempt.

        Raises:
            EndpointError: there is none.
        """
        hint = float(dict(error.trailing_metadata() or ()).get(RETRY_AFTER, 0.0)) / 1000.0
        busy = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and hint > 0.0
        longest = min(
            self._settings.first_pause_s * 2.0**self._made, self._settings.longest_pause_s
        )
        pause = longest * random.uniform(0.5, 1.0) + (hint if busy else 0.0)
        self._made += 1
        again = busy or error.code() in _TRIED_AGAIN
        if not again or self._made == self._settings.attempts or pause >= self.left_s:
            raise endpoint_error(error) from None
        return pause


class _Connection:
    """What both clients know of the server, and how they open a channel to it."""

    _grpc: Any

    def __init__(
        self,
        address: str = "127.0.0.1:50051",
        token: str | None = None,
        tls: bool = False,
        certificates: Path | str | None = None,
        settings: CallSettings | None = None,
    ) -> None:
        """
        Args:
            address: host and port, or a gRPC target such as dns:///endpoint:50051; where the name
                stands for several servers, calls go to one after the other.
            token: bearer token.
            tls: whether to encrypt.
            certificates: PEM file of who may sign the server's certificate, which asks for TLS;
                none: those that gRPC brings along.
            settings: deadlines and attempts.

        Raises:
            BadInput: a token would travel unencrypted, or the certificates cannot be read.
        """
        secure = tls or certificates is not None
        if token is not None and not secure and not stays_here(address):
            raise BadInput(f"a token is sent to {address} over TLS only: set tls or certificates")
        self._settings = settings or CallSettings.parse({})
        self._metadata = [] if token is None else [("authorization", f"Bearer {token}")]
        self._stubs: dict[type, Any] = {}
        options = (*_CHANNEL, *(_NO_PROXY if stays_here(address) else ()))
        if secure:
            self._channel = self._grpc.secure_channel(address, _credentials(certificates), options)
        else:
            self._channel = self._grpc.insecure_channel(address, options)

    def _method(self, stub: type, name: str) -> Any:
        if stub not in self._stubs:
            self._stubs[stub] = stub(self._channel)
        return getattr(self._stubs[stub], name)

    def _named(self, attempts: _Attempts) -> dict[str, Any]:
        return {"timeout": attempts.left_s, "metadata": self._metadata}


def _credentials(certificates: Path | str | None) -> grpc.ChannelCredentials:
    try:
        roots = None if certificates is None else Path(certificates).read_bytes()
    except OSError as error:
        raise BadInput(f"certificates {certificates}: {error.strerror}") from None
    return grpc.ssl_channel_credentials(roots)


class _Method(Generic[Given, Answer]):
    """A function that makes a call, as a method of both clients: it makes the call and sends it."""

    def __init__(self, make: Callable[Given, Call[Answer]]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...

    @overload
    def __get__(self, client: "Client", owner: type) -> Callable[Given, Answer]: ...

    @overload
    def __get__(
        self, client: "AsyncClient", owner: type
    ) -> Callable[Given, Coroutine[Any, Any, Answer]]: ...

    def __get__(self, client: "Client | AsyncClient | None", owner: type) -> Any:
        if client is None:
            return self

        @wraps(self._make)
        def send(*given: Given.args, **named: Given.kwargs) -> Any:
            return client.run(self._make(*given, **named))

        return send


class _Methods:
    """Every unary method of the endpoint; what each takes and gives stands with its function."""

    lift = _Method(calls.lift)
    detect = _Method(calls.detect)
    estimate = _Method(calls.estimate)
    served = _Method(calls.served)
    refresh = _Method(calls.refresh)

    make_project = _Method(annotation_calls.make_project)
    projects = _Method(annotation_calls.projects)
    upload = _Method(annotation_calls.upload)
    images = _Method(annotation_calls.images)
    picture_of = _Method(annotation_calls.picture_of)
    lease = _Method(annotation_calls.lease)
    lease_several = _Method(annotation_calls.lease_several)
    renew = _Method(annotation_calls.renew)
    release = _Method(annotation_calls.release)
    skip = _Method(annotation_calls.skip)
    unskip = _Method(annotation_calls.unskip)
    annotation = _Method(annotation_calls.annotation)
    history = _Method(annotation_calls.history)
    suggest = _Method(annotation_calls.suggest)
    refit = _Method(annotation_calls.refit)
    check_bodies = _Method(annotation_calls.check_bodies)
    submit = _Method(annotation_calls.submit)
    undo = _Method(annotation_calls.undo)
    review = _Method(annotation_calls.review)
    import_coco = _Method(annotation_calls.import_coco)
    export = _Method(annotation_calls.export)

    who_am_i = _Method(managing_calls.who_am_i)
    image_page = _Method(managing_calls.image_page)
    counts = _Method(managing_calls.counts)
    rename_project = _Method(managing_calls.rename_project)
    delete_project = _Method(managing_calls.delete_project)
    rename_image = _Method(managing_calls.rename_image)
    delete_image = _Method(managing_calls.delete_image)
    assign = _Method(managing_calls.assign)
    lease_for_review = _Method(managing_calls.lease_for_review)
    review_many = _Method(managing_calls.review_many)
    add_comment = _Method(managing_calls.add_comment)
    resolve_comment = _Method(managing_calls.resolve_comment)
    comments = _Method(managing_calls.comments)


class Client(_Connection, _Methods):
    """A client that waits for its answers; threads may share it.

    All calls raise `InvalidRequest` for what the server cannot use and `EndpointError` for what
    else went wrong; their arguments are those of the functions of the same name in
    `inference_calls` and `annotation_calls`.
    """

    _grpc = grpc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; calls under way are cancelled."""
        self._channel.close()

    def run(self, call: Call[Answer]) -> Answer:
        """Send any call of `inference_calls` or `annotation_calls`."""
        attempts, send = _Attempts(self._settings), self._method(call.stub, call.method)
        while True:
            try:
                return call.read(send(call.request, **self._named(attempts)))
            except grpc.RpcError as error:
                time.sleep(attempts.pause(error))

    def stream(self, images: Iterable[FileContent]) -> Iterator[Frame]:
        """The frames of one video, one answer each; not tried again."""
        requests = (calls.frame_request(*numbered) for numbered in enumerate(images))
        send = self._method(calls.INFERENCE, "StreamPoses")
        try:
            yield from map(calls.frame, send(requests, metadata=self._metadata))
        except grpc.RpcError as error:
            raise endpoint_error(error) from None


class AsyncClient(_Connection, _Methods):
    """The same to be awaited; make it in the loop that uses it."""

    _grpc = grpc.aio

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection; calls under way are cancelled."""
        await self._channel.close()

    async def run(self, call: Call[Answer]) -> Answer:
        """Send any call of `inference_calls` or `annotation_calls`."""
        attempts, send = _Attempts(self._settings), self._method(call.stub, call.method)
        while True:
            try:
                return call.read(await send(call.request, **self._named(attempts)))
            except grpc.RpcError as error:
                await asyncio.sleep(attempts.pause(error))

    async def stream(
        self, images: Iterable[FileContent] | AsyncIterable[FileContent]
    ) -> AsyncIterator[Frame]:
        """The frames of one video, one answer each; not tried again."""
        send = self._method(calls.INFERENCE, "StreamPoses")
        try:
            async for answer in send(_frames(images), metadata=self._metadata):
                yield calls.frame(answer)
        except grpc.RpcError as error:
            raise endpoint_error(error) from None


async def _frames(
    images: Iterable[FileContent] | AsyncIterable[FileContent],
) -> AsyncIterator[inference_pb2.StreamPosesRequest]:
    number = 0
    if isinstance(images, AsyncIterable):
        async for image in images:
            yield calls.frame_request(number, image)
            number += 1
    else:
        for number, image in enumerate(images):
            yield calls.frame_request(number, image)
