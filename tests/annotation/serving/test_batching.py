"""Poses of several calls in one batch."""

import asyncio
import time

import numpy as np
import pytest

pytest.importorskip("grpc", reason="the extra `serve` is not installed")

from evoskeleton.annotation.serving.batching import Batcher
from evoskeleton.annotation.serving.champions import ServedChampion


class Slow:
    """A network that says how many poses came at once, and takes its time."""

    def lift(self, keypoints, visibility, image_size):
        time.sleep(0.1)
        return np.full((len(keypoints), 17, 3), len(keypoints), np.float32)


CHAMPION = ServedChampion(Slow(), "slow", "1", "0" * 64, {}, None)
ONE = np.zeros((1, 17, 2), np.float32), np.ones((1, 17), np.float32)


def sizes(calls, **given) -> list[int]:
    """Poses of every batch that `calls`, a coroutine of a batcher, leads to."""
    seen: list[int] = []

    async def main():
        batcher = Batcher(lambda: CHAMPION, 1000, given.get("most_at_once", 1024), seen.append)
        batcher.start()
        try:
            await calls(batcher)
        finally:
            await batcher.stop()

    asyncio.run(main())
    return seen


async def one_by_one(batcher: Batcher, count: int) -> list[asyncio.Task]:
    """Calls that come in different turns of the event loop."""
    tasks = []
    for _ in range(count):
        tasks.append(asyncio.create_task(batcher.lift(*ONE)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return tasks


def test_a_lone_call_is_lifted_at_once_and_what_comes_meanwhile_together():
    async def calls(batcher):
        await asyncio.gather(*await one_by_one(batcher, 6))

    assert sizes(calls) == [1, 5]


def test_after_many_calls_the_network_rests_until_more_have_come():
    async def calls(batcher):
        await asyncio.gather(*await one_by_one(batcher, 18))
        await asyncio.gather(*await one_by_one(batcher, 4))

    assert sizes(calls) == [1, 17, 4]


def test_after_a_single_call_it_does_not_rest():
    async def calls(batcher):
        await batcher.lift(*ONE)
        await asyncio.gather(*await one_by_one(batcher, 4))

    assert sizes(calls) == [1, 1, 3]


def test_enough_poses_end_a_rest():
    async def calls(batcher):
        await asyncio.gather(*await one_by_one(batcher, 18))
        await asyncio.gather(*await one_by_one(batcher, 40))

    first, second, *rest = sizes(calls)
    assert (first, second, sum(rest)) == (1, 17, 40)
    assert 32 <= rest[0] < 40


def test_a_batch_holds_no_more_than_it_may():
    async def calls(batcher):
        await asyncio.gather(*await one_by_one(batcher, 8))

    assert sizes(calls, most_at_once=3) == [1, 3, 3, 1]


def test_every_call_gets_its_own_poses():
    async def calls(batcher):
        found = await asyncio.gather(*await one_by_one(batcher, 6))
        assert [lifted.joints.shape for lifted in found] == [(1, 17, 3)] * 6
        assert [float(lifted.joints[0, 0, 0]) for lifted in found] == [1.0] + [5.0] * 5

    sizes(calls)
