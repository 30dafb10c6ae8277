"""What all services share: every call is parsed, ends in a known status, and is counted.

Servicers raise `BadInput` and `RpcError`; here they become status codes. A message that is no
message is INVALID_ARGUMENT. Anything else that is raised is our mistake: INTERNAL, with the
traceback in the log and nothing of it in the answer. Methods that stream answers are asynchronous
generators.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from evoskeleton.annotation.domain.rpc_errors import RpcError, busy, cut
from evoskeleton.annotation.server.memory import MemoryTrimmer
from evoskeleton.annotation.server.telemetry import CallRecord, Metrics
from evoskeleton.errors import BadInput

LOG = logging.getLogger(__name__)

OURS = "/evoskeleton."
"""How the methods of our services begin; health and reflection are left as they are where they are
not refused."""

Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]
_COME_BACK_S = 0.1
_CLOCKS_S = 0.05


class StatusInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """The outermost interceptor."""

    def __init__(self, metrics: Metrics, most_calls: int) -> None:
        self._metrics, self._most_calls = metrics, most_calls
        self._closing, self._memory = False, MemoryTrimmer()

    def close(self) -> None:
        """Refuse all calls from now on; those that run are left alone."""
        self._closing = True

    async def intercept_service(
        self, continuation: Continuation, details: grpc.HandlerCallDetails
    ) -> Any:
        """See `grpc.aio.ServerInterceptor`."""
        handler = await continuation(details)
        if handler is None or not (details.method.startswith(OURS) or refuses(handler)):
            return handler
        return self._attended(handler, details.method)

    def _attended(self, handler: Any, method: str) -> Any:
        behaviour = getattr(handler, kind(handler))
        parse = partial(self._parsed, handler.request_deserializer or bytes)
        if handler.request_streaming:
            parse = partial(_each, parse)

        async def unary(request: Any, context: Any) -> Any:
            async with self._as_status(method, context):
                return await behaviour(parse(request), context)

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            async with self._as_status(method, context):
                async for answer in behaviour(parse(request), context):
                    yield answer

        return replaced(handler, stream if handler.response_streaming else unary)

    def _parsed(self, parse: Callable[[bytes], Any], message: bytes) -> Any:
        self._memory.count(len(message))
        return parse(message)

    def _admit(self) -> None:
        if self._closing:
            raise RpcError(grpc.StatusCode.UNAVAILABLE, "the server is being shut down")
        if self._metrics.calls > self._most_calls:
            raise busy("calls", _COME_BACK_S)

    @asynccontextmanager
    async def _as_status(self, method: str, context: Any) -> AsyncIterator[None]:
        """Runs a call, and turns what it raises into its status."""
        with self._metrics.call(method) as record:
            try:
                self._admit()
                yield
            except RpcError as refused:
                await _abort(context, record, refused)
            except BadInput as error:
                code = grpc.StatusCode.INVALID_ARGUMENT
                await _abort(context, record, RpcError(code, str(error)))
            except DecodeError:
                sentence = f"the request should be a protocol buffer message of {method}, it is not"
                code = grpc.StatusCode.INVALID_ARGUMENT
                await _abort(context, record, RpcError(code, sentence))
            except asyncio.CancelledError:
                record.cancel(_is_late(context))
                raise
            except Exception:
                LOG.exception("a call failed", extra={"fields": {"method": method}})
                sentence = "the server made a mistake, which its log tells"
                await _abort(context, record, RpcError(grpc.StatusCode.INTERNAL, sentence))


def _is_late(context: Any) -> bool:
    """Whether the deadline of a call has passed; the caller's clock and ours differ a little."""
    left = context.time_remaining()
    return left is not None and left < _CLOCKS_S


async def _abort(context: Any, record: CallRecord, refused: RpcError) -> None:
    sentence = cut(str(refused))
    record.refuse(refused.code.name, sentence)
    hint = () if refused.retry_ms is None else (("retry-after-ms", str(refused.retry_ms)),)
    await context.abort(refused.code, sentence, (*hint, *refused.trailers))


async def _each(parse: Callable[[bytes], Any], messages: AsyncIterator[bytes]) -> Any:
    async for message in messages:
        yield parse(message)


def kind(handler: Any) -> str:
    """Name of the handler's behaviour, such as `unary_stream`."""
    sides = (handler.request_streaming, handler.response_streaming)
    return "_".join("stream" if side else "unary" for side in sides)


def replaced(handler: Any, behaviour: Callable[..., Any]) -> Any:
    """A handler of the same kind that gets its requests as bytes and does something else."""
    return handler._replace(request_deserializer=None, **{kind(handler): behaviour})


class _Refusal:
    """What a handler does that refuses every call."""

    def __init__(self, refused: RpcError) -> None:
        self._refused = refused

    async def __call__(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        raise self._refused
        yield


def refusing(refused: RpcError) -> Any:
    """A handler that refuses a call of any kind at once.

    It takes a stream of messages, so that nobody waits for one: a call that never sends its message
    would else keep its place for ever.
    """
    return grpc.stream_stream_rpc_method_handler(_Refusal(refused))


def refuses(handler: Any) -> bool:
    """Whether `refusing` has made the handler."""
    return isinstance(handler.stream_stream, _Refusal)
