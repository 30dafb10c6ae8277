"""Room for bytes in memory: of requests that come in, and of answers that nobody has read yet.

Whoever needs room waits for it for a while, in turn, and is then told to come back. One caller gets
half of it at most, so that nobody is kept out by another.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from evoskeleton.annotation.domain.rpc_errors import busy

_COME_BACK_S, _AGAIN_S = 1.0, 2.5


class _Waiting(NamedTuple):
    turn: "asyncio.Future[None]"
    size: int
    who: str


class Room:
    """Room that somebody has; may become smaller."""

    def __init__(self, of: "ByteRoom", size: int, who: str) -> None:
        self._of, self._size, self._who = of, size, who

    def shrink(self, size: int) -> None:
        """Give back what is more than `size`."""
        size = min(size, self._size)
        self._of.give_back(self._size - size, self._who)
        self._size = size


class ByteRoom:
    """Room for `most` bytes; used in one event loop.

    Attributes:
        held: bytes that are taken.
        crowded: called when somebody waits, and once more after a while.
    """

    def __init__(self, what: str, most: int, patience_s: float) -> None:
        """`what` is for the sentence of those who have waited `patience_s` in vain."""
        self._what, self._most, self._patience_s = what, most, patience_s
        self.held = 0
        self.crowded: Callable[[], None] = lambda: None
        self._of: Counter[str] = Counter()
        self._waiting: list[_Waiting] = []

    @asynccontextmanager
    async def room(self, size: int, who: str) -> AsyncIterator[Room]:
        """Room for `size` bytes of a caller as long as the context lasts.

        Raises:
            RpcError: RESOURCE_EXHAUSTED, there was none for too long.
        """
        taken = await self.take(size, who)
        try:
            yield taken
        finally:
            taken.shrink(0)

    async def take(self, size: int, who: str) -> Room:
        """The same until it is shrunk to nothing."""
        size = min(size, self._most)
        if self._waiting or not self._fits(size, who):
            await self._turn(size, who)
        else:
            self._take(size, who)
        return Room(self, size, who)

    def _fits(self, size: int, who: str) -> bool:
        share = self._of[who]
        mine = share == 0 or share + size <= self._most // 2
        return mine and self.held + size <= self._most

    def _take(self, size: int, who: str) -> None:
        self.held += size
        self._of[who] += size

    async def _turn(self, size: int, who: str) -> None:
        """Wait until there is room, which is taken then."""
        waiting = _Waiting(asyncio.get_running_loop().create_future(), size, who)
        self._waiting.append(waiting)
        self._call_next()
        if not waiting.turn.done():
            self.crowded()
            asyncio.get_running_loop().call_later(_AGAIN_S, self.crowded)
        try:
            async with asyncio.timeout(self._patience_s):
                await waiting.turn
        except BaseException as error:
            if waiting.turn.done() and not waiting.turn.cancelled():
                self.give_back(size, who)
            if isinstance(error, TimeoutError):
                raise busy(self._what, _COME_BACK_S) from None
            raise
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    def give_back(self, size: int, who: str) -> None:
        """Somebody needs `size` bytes no more."""
        self.held -= size
        self._of[who] -= size
        if not self._of[who]:
            del self._of[who]
        self._call_next()

    def _call_next(self) -> None:
        """Those who have waited longest and now have room."""
        for waiting in list(self._waiting):
            if self._fits(waiting.size, waiting.who) and not waiting.turn.done():
                self._take(waiting.size, waiting.who)
                self._waiting.remove(waiting)
                waiting.turn.set_result(None)
