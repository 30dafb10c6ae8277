"""What all services share: every call is parsed, ends in a known status, and is counted.

Servicers raise `BadInput` and `RpcError`; here they become status codes. A message that is no
message is INVALID_ARGUMENT. Anything else that is raised is our mistake: INTERNAL, with the
traceback in the log and nothing of it in the answer. Methods that stream answers are asynchronous
generators.
"""

import asyncio
import logging
import sys
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from evoskeleton.annotation.domain.rpc_errors import RpcError, busy, cut
from evoskeleton.annotation.server.limits.byte_room import ByteRoom, Room
from evoskeleton.annotation.server.limits.memory import MemoryTrimmer
from evoskeleton.annotation.server.telemetry import CALLER, CallRecord, Metrics
from evoskeleton.errors import BadInput

LOG = logging.getLogger(__name__)

OURS = "/evoskeleton."
"""How the methods of our services begin; health and reflection are left as they are where they are
not refused."""

Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]
_COME_BACK_S = 0.1
_CLOCKS_S = 0.05
_DOWN = grpc.StatusCode.UNAVAILABLE, "the server is being shut down"

MESSAGE_S, _SLOW_S = 30.0, 2.0
"""How long a message may take to arrive; and how long before it makes room for others that wait."""

_SHARE = 0.75
"""Of the calls that may run, so many are one token's at most."""

_MESSAGES, _ANSWERS, _PATIENCE_S, _READ_S = 8, 128 << 20, 10.0, 2.0
"""All requests that are under way may be as large together as so many of the largest, with pictures
and without; answers that are not read, as large as this."""

_SMALL = 64 << 10
"""Answers up to this size are not counted: so much lies in the buffers of a call anyway."""

_MOST_STREAMS = 64

_WITH_PICTURES = (
    "/evoskeleton.v1.InferenceService/DetectPeople",
    "/evoskeleton.v1.InferenceService/EstimatePoses",
    "/evoskeleton.v1.AnnotationService/UploadImage",
    "/evoskeleton.v1.AnnotationService/ImportCoco",
)
"""Methods whose messages may be large: room for them is not that of the others."""


_LARGE_ANSWERS = ("/evoskeleton.v1.AnnotationService/GetImage",)
"""Methods that have room for their answer before it is made: each costs the event loop copies of a
whole picture, which many at once would have it make before the first of them is refused."""


class StatusInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """The outermost interceptor."""

    def __init__(self, metrics: Metrics, most_calls: int, most_message_bytes: int) -> None:
        self._metrics, self._most_calls = metrics, most_calls
        self._largest = most_message_bytes
        self._closing, self._memory = False, MemoryTrimmer()
        most = _MESSAGES * most_message_bytes
        self._requests = ByteRoom("bytes of requests", most, _PATIENCE_S)
        self._pictures = ByteRoom("bytes of pictures", most, _PATIENCE_S)
        self._answers = ByteRoom("bytes of answers that nobody reads", _ANSWERS, _READ_S)
        self._streams, self._of, self._running = 0, Counter[str](), set[asyncio.Task[Any]]()
        self._cutting = False
        self._coming: dict[asyncio.Future[bytes], tuple[str, float]] = {}
        self._requests.crowded = self._pictures.crowded = self._make_room

    @property
    def unread_bytes(self) -> int:
        """Of answers that are being sent."""
        return self._answers.held

    def close(self) -> None:
        """Refuse all calls from now on; those that run are left alone."""
        self._closing = True

    def cut(self) -> None:
        """End the calls that still run: they get UNAVAILABLE, and may be tried elsewhere."""
        self._cutting = True
        for task in list(self._running):
            task.cancel()

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
        if kind(handler) == "unary_unary":
            return self._unary(handler, method, partial(_answer_of, behaviour, parse))
        if kind(handler) != "stream_stream":
            return self._other(handler, method, behaviour, parse)

        async def stream(requests: Any, context: Any) -> AsyncIterator[Any]:
            if isinstance(behaviour, _Refusal):
                await behaviour.wait(context)
            admitted = not isinstance(behaviour, _Refusal)
            async with self._as_status(method, context, admitted), self._as_stream(handler):
                received = self._each(parse, requests, _who(context))
                async for answer in behaviour(received, context):
                    yield answer

        return replaced(handler, stream)

    def _other(self, handler: Any, method: str, behaviour: Any, parse: Any) -> Any:
        """A handler of a kind that no service of ours has."""

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            async with self._as_status(method, context):
                async for answer in behaviour(parse(request), context):
                    yield answer

        return replaced(handler, stream)

    def _unary(self, handler: Any, method: str, answer_of: Callable[..., Awaitable[Any]]) -> Any:
        """A handler that reads its message, and gives its answer, only when there is room for it;
        the answer has its room until it was read, or its caller has left. On the wire a call of one
        message is a stream of one."""
        rooms = self._pictures if method in _WITH_PICTURES else self._requests
        most = self._largest if method in _LARGE_ANSWERS else 0

        async def stream(requests: Any, context: Any) -> AsyncIterator[Any]:
            async with self._as_status(method, context):
                who = _who(context)
                async with rooms.room(self._largest, who) as room:
                    message = await self._received(requests, who)
                    room.shrink(len(message))
                    self._tidy_after(context, len(message))
                    try:
                        taken = await self._for_answer(context, most, who)
                        answer = await answer_of(message, context)
                    finally:
                        del message
                size = answer.ByteSize() if isinstance(answer, Message) else 0
                if size >= _SMALL:
                    self._tidy_after(context, size)
                if size >= _SMALL and not most:
                    try:
                        taken = await self._for_answer(context, size, who)
                    except BaseException:
                        del answer
                        raise
                taken.shrink(size)
                yield answer

        return grpc.stream_stream_rpc_method_handler(
            stream, response_serializer=handler.response_serializer
        )

    async def _for_answer(self, context: Any, size: int, who: str) -> Room:
        """Room for an answer until its call has ended."""
        taken = await self._answers.take(size, who) if size else Room(self._answers, 0, who)
        context.add_done_callback(lambda _: taken.shrink(0))
        return taken

    def _tidy_after(self, context: Any, size: int) -> None:
        """What a call has held of `size` bytes is looked for when it has ended, however it ends."""
        if size >= _SMALL:
            context.add_done_callback(lambda _: self._memory.count(size))

    async def _received(self, requests: AsyncIterator[bytes], who: str) -> bytes:
        """The message of a call, which comes in time, or while nobody waits for its room."""
        loop = asyncio.get_running_loop()
        coming = asyncio.ensure_future(first_message(requests, MESSAGE_S))
        self._coming[coming] = who, loop.time()
        try:
            return await asyncio.shield(coming)
        except asyncio.CancelledError:
            if coming.cancelled():
                raise busy("bytes of requests", _COME_BACK_S) from None
            raise
        finally:
            del self._coming[coming]
            coming.cancel()

    def _make_room(self) -> None:
        """Of who has most messages that are slow to come: those have to come back."""
        late = asyncio.get_running_loop().time() - _SLOW_S
        slow = [(one, who) for one, (who, began) in self._coming.items() if began < late]
        most = Counter(who for _, who in slow).most_common(1)
        for one, who in slow:
            if who == most[0][0]:
                one.cancel()

    @asynccontextmanager
    async def _as_stream(self, handler: Any) -> AsyncIterator[None]:
        if refuses(handler):
            yield
            return
        if self._streams >= _MOST_STREAMS:
            raise busy("streams", _COME_BACK_S)
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    async def _each(self, parse: Any, messages: AsyncIterator[bytes], who: str) -> Any:
        async for message in messages:
            async with self._pictures.room(len(message), who):
                yield parse(message)

    def _parsed(self, parse: Callable[[bytes], Any], message: bytes) -> Any:
        self._memory.count(len(message))
        return parse(message)

    def _admit(self, who: str) -> None:
        if self._closing:
            raise RpcError(*_DOWN)
        mine = self._of[who] if CALLER.get() else 0
        if self._metrics.calls > self._most_calls or mine > max(1, _SHARE * self._most_calls):
            raise busy("calls", _COME_BACK_S)

    @contextmanager
    def _counted(self, who: str) -> Iterator[None]:
        """The call runs; `cut` can end it."""
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        self._of[who] += 1
        try:
            yield
        finally:
            self._running.discard(task)
            self._of[who] -= 1
            if not self._of[who]:
                del self._of[who]

    @asynccontextmanager
    async def _as_status(
        self, method: str, context: Any, wanted: bool = True
    ) -> AsyncIterator[None]:
        """Runs a call, and turns what it raises into its status; one that is not `wanted` is only
        to be refused."""
        who = _who(context)
        with self._metrics.call(method) as record, self._counted(who):
            try:
                if wanted:
                    self._admit(who)
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
                if self._cutting and (task := asyncio.current_task()):
                    task.uncancel()
                    await _abort(context, record, RpcError(*_DOWN))
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
    if error := sys.exception():
        # the call's context keeps the error, and that the locals of all that it came through
        traceback.clear_frames(error.__traceback__)
    sentence = cut(str(refused))
    record.refuse(refused.code.name, sentence)
    hint = () if refused.retry_ms is None else (("retry-after-ms", str(refused.retry_ms)),)
    try:
        await context.abort(refused.code, sentence, (*hint, *refused.trailers))
    except grpc.aio.AbortError:
        raise
    except Exception:
        # gRPC has ended the call itself, such as one whose message is larger than it reads
        raise asyncio.CancelledError from None


async def _answer_of(
    behaviour: Callable[..., Awaitable[Any]],
    parse: Callable[[bytes], Any],
    message: bytes,
    context: Any,
) -> Any:
    return await behaviour(parse(message), context)


async def first_message(messages: AsyncIterator[bytes], seconds: float) -> bytes:
    """The message of a call that has one."""
    try:
        async with asyncio.timeout(seconds):
            return await anext(aiter(messages))
    except StopAsyncIteration:
        code = grpc.StatusCode.INVALID_ARGUMENT
        raise RpcError(
            code, "the call should have a message, it has none that can be read"
        ) from None
    except TimeoutError:
        sentence = f"the message did not arrive within {seconds:g} s"
        raise RpcError(grpc.StatusCode.DEADLINE_EXCEEDED, sentence) from None


def _who(context: Any) -> str:
    """Who shares room and places with whom: the token, or the connection on a server without."""
    return CALLER.get() or str(context.peer())


def kind(handler: Any) -> str:
    """Name of the handler's behaviour, such as `unary_stream`."""
    sides = (handler.request_streaming, handler.response_streaming)
    return "_".join("stream" if side else "unary" for side in sides)


def replaced(handler: Any, behaviour: Callable[..., Any]) -> Any:
    """A handler of the same kind that gets its requests as bytes and does something else."""
    return handler._replace(request_deserializer=None, **{kind(handler): behaviour})


class _Refusal:
    """What a handler does that refuses every call."""

    def __init__(self, refused: RpcError, before: Callable[[str], Awaitable[None]] | None) -> None:
        self._refused, self._before = refused, before

    async def wait(self, context: Any) -> None:
        """What comes before; calls that wait do not count as running."""
        if self._before is not None:
            await self._before(str(context.peer()))

    async def __call__(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        raise self._refused
        yield


def refusing(refused: RpcError, before: Callable[[str], Awaitable[None]] | None = None) -> Any:
    """A handler that refuses a call of any kind, at once or when what is done `before` has ended,
    which is told the peer.

    It takes a stream of messages, so that nobody waits for one: a call that never sends its message
    would else keep its place for ever.
    """
    return grpc.stream_stream_rpc_method_handler(_Refusal(refused, before))


def refuses(handler: Any) -> bool:
    """Whether `refusing` has made the handler."""
    return isinstance(handler.stream_stream, _Refusal)
