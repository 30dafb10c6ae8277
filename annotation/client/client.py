"""Clients of the endpoint: `Client` waits, `AsyncClient` is awaited.

    with Client("127.0.0.1:50051") as endpoint:
        joints = endpoint.lift(keypoints).joints

Numpy goes in, numpy and dataclasses come out (`calls.py`); torch is not needed. A call has one
deadline for all of its attempts. It is tried again, after a pause that doubles and is drawn at
random between half of itself and the whole, while the server cannot be reached (UNAVAILABLE), and
while it has too much to do and says when to come back (RESOURCE_EXHAUSTED with `retry-after-ms`).
"""

import asyncio
import random
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import grpc
import numpy as np
from pydantic import Field

from evoskeleton.annotation.client import inference_calls as calls
from evoskeleton.annotation.client.inference_calls import (
    Call,
    Frame,
    Image,
    Lifted,
    Model,
    People,
    Served,
)
from evoskeleton.annotation.domain.addresses import stays_here
from evoskeleton.annotation.generated import inference_pb2
from evoskeleton.errors import BadInput
from evoskeleton.settings import Settings

Answer = TypeVar("Answer")

RETRY_AFTER = "retry-after-ms"
_CHANNEL = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
)


class EndpointError(Exception):
    """A call that failed; the text is the server's sentence.

    Attributes:
        code: name of the gRPC status, such as `UNAVAILABLE`.
        trailers: what else the server said, as metadata.
    """

    def __init__(
        self, code: str, sentence: str, trailers: Sequence[tuple[str, str | bytes]] = ()
    ) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.trailers = tuple(trailers)


class InvalidRequest(EndpointError, BadInput):
    """The request itself is at fault (INVALID_ARGUMENT)."""


class CallSettings(Settings):
    """How long a client waits, and how it tries again."""

    timeout_s: float = Field(30.0, gt=0, description="deadline of a call with all its attempts")
    first_pause_s: float = Field(0.1, gt=0, description="longest pause before the second attempt")
    longest_pause_s: float = Field(5.0, gt=0, description="where the pauses stop doubling")
    attempts: int = Field(100, ge=1, description="of one call, at most")


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
        again = busy or error.code() is grpc.StatusCode.UNAVAILABLE
        if not again or self._made == self._settings.attempts or pause >= self.left_s:
            raise _told(error) from None
        return pause


def _told(error: grpc.RpcError) -> EndpointError:
    kind = InvalidRequest if error.code() is grpc.StatusCode.INVALID_ARGUMENT else EndpointError
    trailers = tuple((key, value) for key, value in error.trailing_metadata() or ())
    return kind(error.code().name, error.details() or "no reason was given", trailers)


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
            address: host and port.
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
        if secure:
            self._channel = self._grpc.secure_channel(address, _credentials(certificates), _CHANNEL)
        else:
            self._channel = self._grpc.insecure_channel(address, _CHANNEL)

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


class Client(_Connection):
    """A client that waits for its answers; threads may share it.

    All calls raise `InvalidRequest` for what the server cannot use and `EndpointError` for what
    else went wrong; their arguments are those of the functions of the same name in `calls.py`.
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
        """Send any call of `calls.py` or `annotation_calls.py`."""
        attempts, send = _Attempts(self._settings), self._method(call.stub, call.method)
        while True:
            try:
                return call.read(send(call.request, **self._named(attempts)))
            except grpc.RpcError as error:
                time.sleep(attempts.pause(error))

    def lift(
        self,
        keypoints: np.ndarray,
        visibility: np.ndarray | None = None,
        schema: str = "human36m",
        size: tuple[int, int] = (0, 0),
    ) -> Lifted:
        """2D keypoints to 3D joints."""
        return self.run(calls.lift(keypoints, visibility, schema, size))

    def detect(self, image: Image, boxes: np.ndarray | None = None) -> People:
        """People of a picture in 2D."""
        return self.run(calls.detect(image, boxes))

    def estimate(self, image: Image, boxes: np.ndarray | None = None) -> People:
        """People of a picture in 2D and 3D."""
        return self.run(calls.estimate(image, boxes))

    def served(self) -> Served:
        """What is being served now."""
        return self.run(calls.served())

    def refresh(self) -> tuple[Model, bool]:
        """Ask the registry for the champion now."""
        return self.run(calls.refresh())

    def stream(self, images: Iterable[Image]) -> Iterator[Frame]:
        """The frames of one video, one answer each; not tried again."""
        requests = (calls.frame_request(*numbered) for numbered in enumerate(images))
        send = self._method(calls.INFERENCE, "StreamPoses")
        try:
            yield from map(calls.frame, send(requests, metadata=self._metadata))
        except grpc.RpcError as error:
            raise _told(error) from None


class AsyncClient(_Connection):
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
        """Send any call of `calls.py` or `annotation_calls.py`."""
        attempts, send = _Attempts(self._settings), self._method(call.stub, call.method)
        while True:
            try:
                return call.read(await send(call.request, **self._named(attempts)))
            except grpc.RpcError as error:
                await asyncio.sleep(attempts.pause(error))

    async def lift(
        self,
        keypoints: np.ndarray,
        visibility: np.ndarray | None = None,
        schema: str = "human36m",
        size: tuple[int, int] = (0, 0),
    ) -> Lifted:
        """2D keypoints to 3D joints."""
        return await self.run(calls.lift(keypoints, visibility, schema, size))

    async def detect(self, image: Image, boxes: np.ndarray | None = None) -> People:
        """People of a picture in 2D."""
        return await self.run(calls.detect(image, boxes))

    async def estimate(self, image: Image, boxes: np.ndarray | None = None) -> People:
        """People of a picture in 2D and 3D."""
        return await self.run(calls.estimate(image, boxes))

    async def served(self) -> Served:
        """What is being served now."""
        return await self.run(calls.served())

    async def refresh(self) -> tuple[Model, bool]:
        """Ask the registry for the champion now."""
        return await self.run(calls.refresh())

    async def stream(self, images: Iterable[Image] | AsyncIterable[Image]) -> AsyncIterator[Frame]:
        """The frames of one video, one answer each; not tried again."""
        send = self._method(calls.INFERENCE, "StreamPoses")
        try:
            async for answer in send(_frames(images), metadata=self._metadata):
                yield calls.frame(answer)
        except grpc.RpcError as error:
            raise _told(error) from None


async def _frames(
    images: Iterable[Image] | AsyncIterable[Image],
) -> AsyncIterator[inference_pb2.StreamPosesRequest]:
    number = 0
    if isinstance(images, AsyncIterable):
        async for image in images:
            yield calls.frame_request(number, image)
            number += 1
    else:
        for number, image in enumerate(images):
            yield calls.frame_request(number, image)
