"""HTTP for browsers: unary calls of the Connect protocol, and the files of the annotator.

`POST /<service>/<method>` with JSON or protobuf (https://connectrpc.com/docs/protocol) is passed on
to the gRPC server with the caller's `authorization`, and its answer or its status comes back. The
gateway checks the form of a request, and asks `permit` who may call before it reads a body; which
values are legal is decided in one place, by the servicers. A caller who leaves cancels the call.

It needs no cookies and sends no CORS headers unless origins are named. While it listens on loopback
it answers only to the names of loopback, so that a page from elsewhere cannot reach it by a name
that it makes point there (DNS rebinding).
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.rpc import status_pb2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from evoskeleton.annotation.domain.rpc_errors import RpcError, busy
from evoskeleton.annotation.server.http.pictures import Pictures, picture_route
from evoskeleton.annotation.server.limits.attempts import Attempts

CODECS = {"application/json": "json", "application/proto": "proto"}
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
DEFAULT_TIMEOUT_S = 60.0
MOST_JSON_VALUES = 500_000
"""Reading as many takes a second; 16 MB of one-digit numbers would take ten and 200 MB."""
BODY_TIMEOUT_S = 30.0
MOST_BODIES = 8
"""All bodies that are under way may be as large together as so many of the largest."""

ALLOWED_HEADERS = (
    "authorization",
    "connect-protocol-version",
    "connect-timeout-ms",
    "if-none-match",
)
EXPOSED_HEADERS = ("etag", "trailer-current-revision", "trailer-retry-after-ms")
"""What a page from elsewhere sends, and what it reads of an answer."""

Permit = Callable[[str, str | None], object]
"""Raises `RpcError` unless a method's path may be called with this header `authorization`."""

HTTP_STATUS = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DATA_LOSS: 500,
    grpc.StatusCode.UNAUTHENTICATED: 401,
}
"""Connect's HTTP status of every gRPC status."""


_COME_BACK_S = 1.0
_PART = 64 << 10
MOST_ANSWER_BYTES = 128 << 20
"""Of all answers that are being sent."""
_STATUS_DETAILS = "grpc-status-details-bin"


class Refusal(Exception):
    """What becomes an error of the Connect protocol."""

    def __init__(
        self,
        code: grpc.StatusCode,
        sentence: str,
        trailers: Iterable[tuple[str, str | bytes]] = (),
        http_status: int | None = None,
    ) -> None:
        super().__init__(sentence)
        self.code, self.trailers = code, tuple(trailers)
        self.http_status = http_status or HTTP_STATUS[code]

    def response(self) -> Response:
        """The error as Connect words it."""
        name = "canceled" if self.code is grpc.StatusCode.CANCELLED else self.code.name.lower()
        words: dict[str, Any] = {"code": name, "message": str(self)}
        if details := list(_details(self.trailers)):
            words["details"] = details
        headers = _headers(self.trailers, "trailer-")
        return Response(json.dumps(words), self.http_status, headers, "application/json")


class RequestBodies:
    """Reads bodies, each bounded in size and time, and all of them together in size."""

    def __init__(self, most_bytes: int, most_together: int) -> None:
        """`most_bytes` of one body, `most_together` of all that are under way."""
        self._most_bytes, self._most_together = most_bytes, most_together
        self._held = 0

    @asynccontextmanager
    async def whole(self, request: Request) -> AsyncIterator[bytes]:
        """The whole body of a request, which counts until the context ends.

        Raises:
            RpcError: it is too large or too slow, or too much is under way.
        """
        body = bytearray()
        try:
            await self._fill(body, request)
            yield bytes(body)
        finally:
            self._held -= len(body)

    async def _fill(self, body: bytearray, request: Request) -> None:
        self._check(int(request.headers.get("content-length", "0")))
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                async for part in request.stream():
                    body += part
                    self._held += len(part)
                    self._check(len(body))
        except TimeoutError:
            sentence = f"the request did not arrive within {BODY_TIMEOUT_S:g} s"
            raise RpcError(grpc.StatusCode.DEADLINE_EXCEEDED, sentence) from None

    def _check(self, size: int) -> None:
        if size > self._most_bytes:
            sentence = f"a request should be at most {self._most_bytes} bytes"
            raise RpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, sentence)
        if self._held > self._most_together:
            raise busy("bytes of requests", _COME_BACK_S)


class Answers:
    """Answers that are being sent, bounded in size together."""

    def __init__(self, most_together: int = MOST_ANSWER_BYTES) -> None:
        self._most, self._held = most_together, 0

    def parts(self, answer: bytes) -> "_Parts":
        """An answer bit by bit, the next when the last was taken.

        Raises:
            RpcError: too much is under way.
        """
        if self._held + len(answer) > self._most:
            raise busy("bytes of answers that nobody reads", _COME_BACK_S)
        self._held += len(answer)
        return _Parts(self, answer)

    def give_back(self, size: int) -> None:
        """An answer was sent, or nobody wants it any more."""
        self._held -= size


class _Parts:
    """One answer that is being sent; its room is given back when it goes, however far it came."""

    def __init__(self, answers: Answers, answer: bytes) -> None:
        self._answers, self._answer, self._place = answers, answer, 0

    def __aiter__(self) -> "_Parts":
        return self

    async def __anext__(self) -> bytes:
        if self._place >= len(self._answer):
            raise StopAsyncIteration
        start, self._place = self._place, self._place + _PART
        return self._answer[start : self._place]

    def __del__(self) -> None:
        self._answers.give_back(len(self._answer))


def _whole(answer: bytes, headers: Mapping[str, str], kind: str, answers: Answers) -> Response:
    """A response; a large one goes out as fast as it is read."""
    if len(answer) <= _PART:
        return Response(answer, headers=headers, media_type=kind)
    sized = {**headers, "content-length": str(len(answer))}
    return StreamingResponse(answers.parts(answer), headers=sized, media_type=kind)


@dataclass(frozen=True)
class _Way:
    """To the gRPC server: its channel, how bodies are read, and who may call."""

    channel: grpc.aio.Channel
    bodies: RequestBodies
    permit: Permit
    answers: Answers
    attempts: Attempts


def anybody(path: str, authorization: str | None) -> None:
    """A `Permit` of a server without tokens."""


def gateway_app(
    channel: grpc.aio.Channel,
    services: Sequence[ServiceDescriptor],
    *,
    files: StaticFiles | None = None,
    most_bytes: int = 32 << 20,
    origins: Sequence[str] = (),
    hosts: Sequence[str] = LOOPBACK_NAMES,
    permit: Permit = anybody,
    pictures: Pictures | None = None,
) -> Starlette:
    """The ASGI application.

    Args:
        channel: to the gRPC server.
        services: whose unary methods are offered.
        files: for browsers; none: calls only.
        most_bytes: of the body of a call.
        origins: pages from elsewhere that may call, such as `https://annotator.example`.
        hosts: names that requests may be addressed to; `*` allows any.
        permit: who may call, asked before a body is read.
        pictures: to be had by GET; none: they are not.
    """
    way = _Way(
        channel, RequestBodies(most_bytes, MOST_BODIES * most_bytes), permit, Answers(), Attempts()
    )
    calls = [
        Route(
            f"/{service.full_name}/{method.name}",
            partial(_call, way, method),
            methods=["POST"],
        )
        for service in services
        for method in service.methods
    ]
    unknown = Route("/{service}/{method}", _unknown, methods=["POST"])
    looks = (
        [] if pictures is None else [picture_route(pictures, partial(_permitted, way), _refused)]
    )
    rest = [] if files is None else [Mount("/", files)]
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)]
    if origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(origins),
                allow_methods=["GET", "POST"],
                allow_headers=ALLOWED_HEADERS,
                expose_headers=EXPOSED_HEADERS,
            )
        )
    return Starlette(
        routes=[*calls, unknown, *looks, *rest],
        middleware=middleware,
        exception_handlers={Exception: _our_mistake},
    )


async def _call(way: _Way, method: MethodDescriptor, request: Request) -> Response:
    """One unary call: to gRPC and back."""
    try:
        codec = _codec(request, method)
        timeout = _timeout(request.headers)
        await _permitted(way, _path(method), request)
        async with way.bodies.whole(request) as message:
            if codec == "json":
                message = await asyncio.to_thread(_from_json, method, message)
            answer, headers = await _forwarded(way.channel, method, message, request, timeout)
        if codec == "json":
            answer = await asyncio.to_thread(_to_json, method, answer)
        return _whole(answer, headers, f"application/{codec}", way.answers)
    except Refusal as refusal:
        return refusal.response()
    except RpcError as refused:
        return _refused(refused)
    except ClientDisconnect:
        return Response(status_code=499)
    except asyncio.CancelledError:
        sentence = "the server is being shut down"
        return Refusal(grpc.StatusCode.UNAVAILABLE, sentence).response()


async def _permitted(way: _Way, path: str, request: Request) -> None:
    """Who may not call is told so; who brings a wrong token, after a while.

    Raises:
        RpcError: they may not.
    """
    try:
        way.permit(path, request.headers.get("authorization"))
    except RpcError as refused:
        if refused.code is grpc.StatusCode.UNAUTHENTICATED:
            host = request.client.host if request.client else ""
            await way.attempts.slow_down(host, path)
        raise


def _path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def _refused(refused: RpcError) -> Response:
    return _refusal(refused).response()


def _refusal(refused: RpcError) -> Refusal:
    hint = [] if refused.retry_ms is None else [("retry-after-ms", str(refused.retry_ms))]
    return Refusal(refused.code, str(refused), [*hint, *refused.trailers])


async def _our_mistake(_: Request, error: Exception) -> Response:
    """Starlette raises the error again for the log."""
    sentence = "the gateway made a mistake, which its log tells"
    return Refusal(grpc.StatusCode.INTERNAL, sentence).response()


async def _unknown(request: Request) -> Response:
    name = "/".join(request.path_params.values())[:100]
    return Refusal(grpc.StatusCode.UNIMPLEMENTED, f"there is no method {name}").response()


def _codec(request: Request, method: MethodDescriptor) -> str:
    """json or proto, of a request that can be a unary call of the protocol."""
    if method.client_streaming or method.server_streaming:
        sentence = f"{method.name} is a stream, which only gRPC clients can call"
        raise Refusal(grpc.StatusCode.UNIMPLEMENTED, sentence)
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in CODECS:
        sentence = f"content-type should be one of {', '.join(CODECS)}, got {given[:100]!r}"
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, sentence, http_status=415)
    expected = {"connect-protocol-version": "1", "content-encoding": "identity"}
    for name, value in expected.items():
        if (found := request.headers.get(name, value)) != value:
            sentence = f"{name} should be {value}, got {found[:100]!r}"
            raise Refusal(grpc.StatusCode.UNIMPLEMENTED, sentence)
    return CODECS[given]


def _timeout(headers: Mapping[str, str]) -> float:
    """Seconds until the caller's deadline."""
    text = headers.get("connect-timeout-ms")
    if text is None:
        return DEFAULT_TIMEOUT_S
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        sentence = f"connect-timeout-ms should be a number of at most 10 digits, got {text[:100]!r}"
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, sentence)
    return max(1, int(text)) / 1000.0


async def _forwarded(
    channel: grpc.aio.Channel,
    method: MethodDescriptor,
    message: bytes,
    request: Request,
    timeout: float,
) -> tuple[bytes, dict[str, str]]:
    """The server's answer, and its metadata as headers."""
    token = request.headers.get("authorization")
    if token is not None and not (token.isascii() and token.isprintable()):
        sentence = "authorization should be Bearer and a token"
        raise Refusal(grpc.StatusCode.UNAUTHENTICATED, sentence)
    call = channel.unary_unary(_path(method))(
        message, timeout=timeout, metadata=None if token is None else [("authorization", token)]
    )
    try:
        answer = await _while_there(request, call)
        headers = _headers(await call.initial_metadata())
        return answer, headers | _headers(await call.trailing_metadata(), "trailer-")
    except grpc.aio.AioRpcError as error:
        trailers = error.trailing_metadata() or ()
        raise Refusal(error.code(), error.details() or "", trailers) from None


async def _while_there(request: Request, call: Any) -> bytes:
    """The answer of a call, which is cancelled where the caller does not wait for it.

    Raises:
        ClientDisconnect: the caller has gone.
    """
    answering = asyncio.ensure_future(call)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise ClientDisconnect
        answer: bytes = answering.result()
        return answer
    finally:
        leaving.cancel()
        call.cancel()


async def _left(request: Request) -> None:
    """Waits until the caller has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _from_json(method: MethodDescriptor, text: bytes) -> bytes:
    if text.count(b",") >= MOST_JSON_VALUES:
        sentence = f"JSON should hold at most {MOST_JSON_VALUES} values; protobuf may hold more"
        raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, sentence)
    message = message_factory.GetMessageClass(method.input_type)()
    try:
        return bytes(json_format.Parse(text, message).SerializeToString())
    except (json_format.ParseError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        sentence = f"{method.input_type.name} cannot be read from this JSON: {reason}"
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, sentence) from None


def _to_json(method: MethodDescriptor, answer: bytes) -> bytes:
    message = message_factory.GetMessageClass(method.output_type).FromString(answer)
    return str(json_format.MessageToJson(message, indent=None)).encode()


def _headers(
    metadata: Iterable[tuple[str, str | bytes]] | None, prefix: str = ""
) -> dict[str, str]:
    """gRPC metadata as HTTP headers; bytes in base64."""
    return {
        prefix + name: _base64(value) if isinstance(value, bytes) else value
        for name, value in metadata or ()
        if name != _STATUS_DETAILS
    }


def _details(trailers: Iterable[tuple[str, str | bytes]]) -> Iterator[dict[str, str]]:
    """Details of a status (google.rpc.Status) as Connect words them."""
    for name, value in trailers:
        if name == _STATUS_DETAILS and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                yield {"type": detail.type_url.rpartition("/")[2], "value": _base64(detail.value)}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode().rstrip("=")
