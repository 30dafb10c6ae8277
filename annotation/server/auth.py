"""Who may call a server with tokens: others are refused before a message is read.

Every call is judged when its headers are there, whatever service it is of. Open to everybody is the
health check alone, which programs ask that have no token; few of those may wait at a time, so that
calls that never send their message do not take the places of the others.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from evoskeleton.annotation.domain.rpc_errors import RpcError, busy
from evoskeleton.annotation.server.interceptors import (
    OURS,
    Continuation,
    first_message,
    refusing,
)
from evoskeleton.annotation.server.limits.attempts import Attempts, host_of
from evoskeleton.annotation.server.telemetry import CALLER, Metrics
from evoskeleton.annotation.server.tokens import Scope, Token, Tokens

HEALTH_CHECK = "/grpc.health.v1.Health/Check"
MOST_CHECKS = 64
_CHECK_S = 5.0
_LOOK_S = 1.0
_END = object()
_COME_BACK_S = 0.1


SCOPE_OF_SERVICE: dict[str, Scope] = {
    "/evoskeleton.v1.InferenceService": "infer",
    "/evoskeleton.v1.AnnotationService": "annotate",
}
"""What a token needs for the methods of a service; `admin` for services that are not here."""

_FOR_ADMINS = (
    "MakeProject",
    "RenameProject",
    "DeleteProject",
    "RenameImage",
    "DeleteImage",
    "AssignImages",
    "LeaseForReview",
    "Review",
    "ReviewMany",
    "ImportCoco",
    "Export",
)

SCOPE_OF_METHOD: dict[str, Scope] = {
    "/evoskeleton.v1.InferenceService/RefreshModel": "admin",
    **{f"/evoskeleton.v1.AnnotationService/{method}": "admin" for method in _FOR_ADMINS},
}
"""Methods that need another scope than their service."""

ANY_SCOPE = ("/evoskeleton.v1.AnnotationService/WhoAmI",)
"""Methods that every token is good for."""


class TokenInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Lets calls in whose token has the scope; the others are refused unread."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens, self._checks, self._attempts = tokens, 0, Attempts()

    async def intercept_service(
        self, continuation: Continuation, details: grpc.HandlerCallDetails
    ) -> Any:
        """See `grpc.aio.ServerInterceptor`."""
        handler = await continuation(details)
        if handler is None:
            return None
        if details.method == HEALTH_CHECK:
            return self._checking(handler)
        authorization = _authorization(details.invocation_metadata)
        try:
            _judge(self._tokens, details.method, authorization)
        except RpcError as refused:
            return refusing(refused, self._slow_down(refused, details.method))
        if handler.response_streaming and details.method.startswith(OURS):
            return self._while_good(handler, details.method, authorization)
        return handler

    def _slow_down(self, refused: RpcError, method: str) -> Callable[[str], Awaitable[None]] | None:
        """What is done before a caller whose token is unknown is told so."""
        if refused.code is not grpc.StatusCode.UNAUTHENTICATED:
            return None

        async def wait(peer: str) -> None:
            await self._attempts.slow_down(host_of(peer), method)

        return wait

    def _while_good(self, handler: Any, method: str, authorization: str | None) -> Any:
        """A stream that ends when its token does."""
        behaviour = handler.stream_stream

        async def stream(requests: Any, context: Any) -> AsyncIterator[Any]:
            answers = aiter(behaviour(requests, context))
            while True:
                coming = asyncio.ensure_future(anext(answers, _END))
                try:
                    while not coming.done():
                        await asyncio.wait({coming}, timeout=_LOOK_S)
                        _judge(self._tokens, method, authorization)
                finally:
                    coming.cancel()
                if (answer := coming.result()) is _END:
                    return
                yield answer

        return handler._replace(stream_stream=stream)

    def _checking(self, handler: Any) -> Any:
        """The health check, of which few may wait for their message, and none for long."""
        if self._checks >= MOST_CHECKS:
            return refusing(busy("health checks", _COME_BACK_S))

        async def stream(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[Any]:
            with self._counted():
                try:
                    message = await first_message(requests, _CHECK_S)
                    request = handler.request_deserializer(message)
                except RpcError as late:
                    await context.abort(late.code, str(late))
                except DecodeError:
                    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "this is no health check")
                yield await handler.unary_unary(request, context)

        return grpc.stream_stream_rpc_method_handler(
            stream, response_serializer=handler.response_serializer
        )

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._checks += 1
        try:
            yield
        finally:
            self._checks -= 1


def _judge(tokens: Tokens, method: str, authorization: str | None) -> None:
    """Raises `RpcError` unless the token is good for the method; the log knows its name then."""
    token = known_token(tokens, authorization)
    CALLER.set(token.name)
    check_scope(token, method)


def permit_of(tokens: Tokens, metrics: Metrics) -> Callable[[str, str | None], None]:
    """Raises `RpcError` unless a method may be called with this `authorization`; counts those."""

    def permit(method: str, authorization: str | None) -> None:
        try:
            _judge(tokens, method, authorization)
        except RpcError as refused:
            with metrics.call(method) as record:
                record.refuse(refused.code.name, str(refused))
            raise

    return permit


def _authorization(metadata: Any) -> str | None:
    """The value that a call has sent, if there is one."""
    values = (value for key, value in metadata or () if key == "authorization")
    return next((value for value in values if isinstance(value, str)), None)


def needed_scope(method: str) -> Scope:
    """The scope for a method, such as `/evoskeleton.v1.InferenceService/GetModel`."""
    service = method.rpartition("/")[0]
    return SCOPE_OF_METHOD.get(method, SCOPE_OF_SERVICE.get(service, "admin"))


def known_token(tokens: Tokens, authorization: str | None) -> Token:
    """The token in the metadata, or the header, `authorization` of a call.

    Raises:
        RpcError: there is none that is good.
    """
    token = tokens.find(_secret(authorization or ""))
    if token is None:
        raise RpcError(
            grpc.StatusCode.UNAUTHENTICATED,
            "metadata authorization should be Bearer and a token that this server knows",
        )
    return token


def check_scope(token: Token, method: str) -> None:
    """A token is good for a method; any is for methods of services that are not ours.

    Raises:
        RpcError: it is not.
    """
    if not method.startswith(OURS) or method in ANY_SCOPE:
        return
    if (scope := needed_scope(method)) not in token.scopes:
        raise RpcError(
            grpc.StatusCode.PERMISSION_DENIED,
            f"{method} needs a token with scope {scope}, "
            f"{token.name} has {', '.join(token.scopes)}",
        )


def _secret(authorization: str) -> str:
    return authorization[7:].strip() if authorization[:7].lower() == "bearer " else ""
