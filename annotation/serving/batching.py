"""Poses of all clients through the network together.

Drain batching: whenever the network is free it takes all that is queued, up to a limit. A lone
client is answered at once; many clients share a batch. The network runs in a thread of its own, and
the event loop goes on meanwhile. A batch of five poses takes nearly as long as one of fifty: a
network that never rested would take the time of the event loop, and find but a few poses each time
it looks. So it rests after a batch of several calls, the longer the more there were, or until
enough poses are queued. Only large batches are worth more than one processor: below, threads that
wait for each other take the time of the event loop and of the clients.

The model goes with the batch: everything in one batch is lifted by the champion of the moment in
which it was taken from the queue, and the answer names that champion.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import torch

from evoskeleton.annotation.domain.rpc_errors import busy
from evoskeleton.annotation.serving.champions import ServedChampion

UNKNOWN = (0, 0)
"""The size of an image where nobody gave it."""

_LARGE = 256
"""Poses of a batch that more than one processor works on."""

_ENOUGH = 32
"""Queued poses for which the network does not rest."""

_LONGEST_REST_S = 0.05

_SMOOTHING = 0.9


class LiftedRow(NamedTuple):
    """(n, 17, 3) mm of one call, and the champion that made them."""

    joints: np.ndarray
    champion: ServedChampion


class _Work(NamedTuple):
    keypoints: np.ndarray
    visibility: np.ndarray
    image_size: tuple[int, int]
    answer: "asyncio.Future[LiftedRow]"


class Batcher:
    """One queue, one thread, one network at a time; made and used in the running event loop."""

    def __init__(
        self,
        champion: Callable[[], ServedChampion],
        most_queued: int,
        most_at_once: int,
        observe: Callable[[int], object] = lambda poses: None,
    ) -> None:
        """Nothing runs before `start`.

        Args:
            champion: asked once for every batch.
            most_queued: poses that wait or are being lifted; more are refused.
            most_at_once: poses of one batch; a call of more is a batch of its own.
            observe: gets the poses of every batch.
        """
        self._champion, self._observe = champion, observe
        self._most_queued, self._most_at_once = most_queued, most_at_once
        self._queue: deque[_Work] = deque()
        self._filled, self._enough = asyncio.Event(), asyncio.Event()
        self._rested = 0.0
        self._thread = ThreadPoolExecutor(1, "lifter")
        self._processors = torch.get_num_threads()
        self._seconds_a_pose = 0.0
        self.poses = 0
        """Poses that wait or are being lifted."""

    def start(self) -> None:
        """Begin to work, as a task of the running loop."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Stop working; calls that still wait are cancelled."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for work in self._queue:
            work.answer.cancel()
        await asyncio.to_thread(self._thread.shutdown)

    async def lift(
        self, keypoints: np.ndarray, visibility: np.ndarray, image_size: tuple[int, int] = UNKNOWN
    ) -> LiftedRow:
        """Lift (n, 17, 2) px with (n, 17) visibility, both checked by the caller.

        The answer is that of `Lifter.lift`, whoever else is in the batch.

        A caller that is cancelled before its turn costs nothing.

        Raises:
            RpcError: RESOURCE_EXHAUSTED, the queue is full; UNAVAILABLE, there is no champion yet.
        """
        self._champion()
        if self.poses and self.poses + len(keypoints) > self._most_queued:
            raise busy("poses", self.poses * self._seconds_a_pose)
        work = _Work(keypoints, visibility, image_size, asyncio.get_running_loop().create_future())
        self.poses += len(keypoints)
        self._queue.append(work)
        self._filled.set()
        if self.poses >= _ENOUGH:
            self._enough.set()
        return await work.answer

    async def _work(self) -> None:
        while True:
            await self._filled.wait()
            await self._rest()
            batch = self._drain()
            if batch:
                await self._answer(batch)

    async def _rest(self) -> None:
        left = self._rested - time.perf_counter()
        if left > 0.0 and self.poses < _ENOUGH:
            self._enough.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), left)

    def _drain(self) -> list[_Work]:
        """What is queued and still wanted, up to the limit; the first always."""
        batch: list[_Work] = []
        poses = 0
        while self._queue:
            work = self._queue[0]
            wanted = not work.answer.done()
            if wanted and batch and poses + len(work.keypoints) > self._most_at_once:
                return batch
            self._queue.popleft()
            if wanted:
                batch.append(work)
                poses += len(work.keypoints)
            else:
                self.poses -= len(work.keypoints)
        self._filled.clear()
        return batch

    async def _answer(self, batch: list[_Work]) -> None:
        champion, loop = self._champion(), asyncio.get_running_loop()
        started, poses = time.perf_counter(), sum(len(work.keypoints) for work in batch)
        try:
            threads = self._processors if poses >= _LARGE else 1
            joints = await loop.run_in_executor(self._thread, _lift, champion, batch, threads)
        except Exception as error:
            _fail(batch, error)
        else:
            _deliver(batch, joints, champion)
        finally:
            self.poses -= poses
        ended = time.perf_counter()
        self._rested = ended + _rest_s(len(batch), ended - started)
        self._measure(poses, ended - started)

    def _measure(self, poses: int, seconds: float) -> None:
        known = self._seconds_a_pose or seconds / poses
        self._seconds_a_pose = _SMOOTHING * known + (1.0 - _SMOOTHING) * seconds / poses
        self._observe(poses)


def _rest_s(calls: int, took_s: float) -> float:
    """How long to rest after a batch: not at all for one call, twice what it took for many."""
    return min(min(calls - 1, 16) / 8 * took_s, _LONGEST_REST_S)


def _lift(champion: ServedChampion, batch: list[_Work], threads: int) -> np.ndarray:
    torch.set_num_threads(threads)
    keypoints = np.concatenate([work.keypoints for work in batch])
    visibility = np.concatenate([work.visibility for work in batch])
    sizes = np.repeat(
        [work.image_size for work in batch], [len(work.keypoints) for work in batch], axis=0
    )
    return champion.lifter.lift(keypoints, visibility, sizes)


def _deliver(batch: list[_Work], joints: np.ndarray, champion: ServedChampion) -> None:
    start = 0
    for work in batch:
        stop = start + len(work.keypoints)
        if not work.answer.done():
            work.answer.set_result(LiftedRow(joints[start:stop], champion))
        start = stop


def _fail(batch: list[_Work], error: Exception) -> None:
    for work in batch:
        if not work.answer.done():
            work.answer.set_exception(error)
