"""Bodies of HTTP requests: bounded in size and time, and in size all of them together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from starlette.requests import Request

from evoskeleton.annotation.domain.rpc_errors import Refused, busy

BODY_TIMEOUT_S = 30.0
_COME_BACK_S = 1.0


class Bodies:
    """Reads bodies, and knows how many bytes of them are held."""

    def __init__(self, most_bytes: int, most_together: int) -> None:
        """`most_bytes` of one body, `most_together` of all that are under way."""
        self._most_bytes, self._most_together = most_bytes, most_together
        self._held = 0

    @asynccontextmanager
    async def whole(self, request: Request) -> AsyncIterator[bytes]:
        """The whole body of a request, which counts until the context ends.

        Raises:
            Refused: it is too large or too slow, or too much is under way.
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
            raise Refused(grpc.StatusCode.DEADLINE_EXCEEDED, sentence) from None

    def _check(self, size: int) -> None:
        if size > self._most_bytes:
            sentence = f"a request should be at most {self._most_bytes} bytes"
            raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, sentence)
        if self._held > self._most_together:
            raise busy("bytes of requests", _COME_BACK_S)
