"""Who may call a server with tokens: others are refused before a message is read.

Every call is judged when its headers are there, whatever service it is of. Open to everybody is the
health check alone, which programs ask that have no token; few of those may wait at a time, so that
calls that never send their message do not take the places of the others.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from evoskeleton.annotation.domain.rpc_errors import RpcError, busy
from evoskeleton.annotation.server.interceptors import OURS, Continuation, refusing
from evoskeleton.annotation.server.telemetry import CALLER, Metrics
from evoskeleton.annotation.server.tokens import Scope, Token, Tokens

HEALTH_CHECK = "/grpc.health.v1.Health/Check"
MOST_CHECKS = 64
_CHECK_S = 5.0
_COME_BACK_S = 0.1


SCOPE_OF_SERVICE: dict[str, Scope] = {
    "/evoskeleton.v1.InferenceService": "infer",
    "/evoskeleton.v1.AnnotationService": "annotate",
}
"""What a token needs for the methods of a service; `admin` for services that are not here."""

SCOPE_OF_METHOD: dict[str, Scope] = {
    "/evoskeleton.v1.InferenceService/RefreshModel": "admin",
} | {
    f"/evoskeleton.v1.AnnotationService/{method}": "admin"
    for method in (
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
}
"""Methods that need another scope than their service."""

ANY_SCOPE = ("/evoskeleton.v1.AnnotationService/WhoAmI",)
"""Methods that every token is good for."""


class TokenInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Lets calls in whose token has the scope; the others are refused unread."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens, self._checks = tokens, 0

    async def intercept_service(
        self, continuation: Continuation, details: grpc.HandlerCallDetails
    ) -> Any:
        """See `grpc.aio.ServerInterceptor`."""
        handler = await continuation(details)
        if handler is None:
            return None
        if details.method == HEALTH_CHECK:
            return self._checking(handler)
        try:
            _judge(self._tokens, details.method, _authorization(details.invocation_metadata))
        except RpcError as refused:
            return refusing(refused)
        return handler

    def _checking(self, handler: Any) -> Any:
        """The health check, of which few may wait for their message, and none for long."""
        if self._checks >= MOST_CHECKS:
            return refusing(busy("health checks", _COME_BACK_S))

        async def stream(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[Any]:
            with self._counted():
                message = await _first(requests, context)
                try:
                    request = handler.request_deserializer(message)
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


async def _first(messages: AsyncIterator[bytes], context: Any) -> bytes:
    """The message of a call that has one."""
    try:
        async with asyncio.timeout(_CHECK_S):
            return await anext(aiter(messages))
    except (TimeoutError, StopAsyncIteration):
        sentence = f"the message did not arrive within {_CHECK_S:g} s"
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, sentence)
        raise


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
