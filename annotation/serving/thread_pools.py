"""Work in threads, a few for each kind of it, so that a slow disk holds up nothing else."""

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer")

STOP_S = 2.0
"""How long work that is cut off may go on before it is left behind."""
_LOOK_S = 0.02

_BEHIND = 5
"""Niceness of threads that let the event loop go first: a third of its share of a processor."""


class Threads:
    """A bounded number of threads; a place is free when its thread is.

    Work whose caller is cancelled before its turn is not done, and what it was given is let go of
    at once.

    Attributes:
        held: pieces of work that wait or are being done.
    """

    def __init__(self, count: int, name: str, behind: bool = False) -> None:
        """`behind`: they let the event loop go first where both want a processor."""
        self._name = name
        self._pool = ThreadPoolExecutor(count, name, _let_others_go_first if behind else None)
        self.held = 0

    async def run(self, work: Callable[..., Answer], *arguments: Any) -> Answer:
        """What the work gives, when its turn has come."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()

        def end(result: Any, error: BaseException | None) -> None:
            loop.call_soon_threadsafe(self._end, answer, result, error)

        job = _Job(_Held(work, arguments, end))
        self._pool.submit(job).add_done_callback(job.drop)
        self.held += 1
        try:
            return await answer
        finally:
            if job.take():
                self.held -= 1

    def _end(self, answer: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
        self.held -= 1
        if answer.done():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    async def stop(self, seconds: float = STOP_S) -> bool:
        """Wait for what is being done, but no longer than some seconds; what waits is cancelled.

        Returns:
            Whether everything has ended. A thread that has not goes on: nobody can end it.
        """
        self._pool.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + seconds
        while self.held and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_S)
        if self.held:
            LOG.warning("work is left behind", extra={"fields": {"threads": self._name}})
        return not self.held


def _let_others_go_first() -> None:
    """Of this thread; Linux alone knows how nice a thread is."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BEHIND)


class _Held(NamedTuple):
    """Work, its arguments, and whom to tell what came of it."""

    work: Callable[..., Any]
    arguments: tuple[Any, ...]
    end: Callable[[Any, BaseException | None], None]


class _Job:
    """What lies in the queue: emptied by whoever comes first, its thread or a caller who leaves.

    The queue keeps it until a thread comes to it, and would keep all that it holds.
    """

    def __init__(self, held: _Held) -> None:
        self._held = [held]

    def take(self) -> _Held | None:
        """What it holds, once."""
        try:
            return self._held.pop()
        except IndexError:
            return None

    def __call__(self) -> None:
        if held := self.take():
            try:
                result = held.work(*held.arguments)
            except BaseException as error:
                held.end(None, error)
            else:
                held.end(result, None)

    def drop(self, job: "Future[None]") -> None:
        """Its turn has come, or never will, as the threads are stopped."""
        if held := self.take():
            held.end(None, asyncio.CancelledError())


class Work:
    """The threads of the annotation service.

    Attributes:
        reading: questions to the database and the image folder, which wait for no writer.
        writing: changes of them, of which SQLite takes one at a time.
        decoding: pictures that come in.
        fitting: bodies to keypoints.
        files: imports and exports.
    """

    def __init__(self) -> None:
        self.reading, self.writing = Threads(4, "reading"), Threads(8, "writing")
        self.decoding = Threads(2, "decoding", behind=True)
        self.fitting, self.files = Threads(1, "fitting"), Threads(2, "files", behind=True)

    async def stop(self) -> None:
        """Wait for what is being done, as `Threads.stop`; what waits is cancelled."""
        pools = self.reading, self.writing, self.decoding, self.fitting, self.files
        await asyncio.gather(*(threads.stop() for threads in pools))
