"""Threads of the endpoint: bounded, each kind of work by itself, and nothing kept for nobody."""

import asyncio
import gc
import json
import sqlite3
import threading
import time
import urllib.request
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("grpc", reason="the extra `serve` is not installed")
pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")

from evoskeleton.annotation.client import Client, annotation_calls
from evoskeleton.annotation.serving.champions import BundleSource
from evoskeleton.annotation.serving.thread_pools import Threads


class Large:
    """Something that one can see vanish."""


def test_work_that_is_cancelled_is_not_done_and_lets_go_of_what_it_was_given():
    async def main() -> None:
        threads, gate, done = Threads(1, "test"), threading.Event(), []
        first = asyncio.create_task(threads.run(gate.wait, 30))
        large = Large()
        seen, second = weakref.ref(large), asyncio.create_task(threads.run(done.append, large))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        del large, second
        await asyncio.sleep(0)  # the loop itself knows of the task until then
        gc.collect()
        assert seen() is None and not gate.is_set(), "let go of while the thread is still busy"
        gate.set()
        assert await first
        assert await threads.run(len, "abc") == 3 and not done
        await threads.stop()

    asyncio.run(main())


def test_a_place_is_free_only_when_its_thread_is():
    async def main() -> None:
        threads, gate, began = Threads(1, "test"), threading.Event(), []

        def work() -> None:
            began.append(threading.get_ident())
            assert gate.wait(30)

        calls = [asyncio.create_task(threads.run(work)) for _ in range(3)]
        while not began:
            await asyncio.sleep(0.01)
        calls[0].cancel()
        await asyncio.sleep(0.05)
        assert len(began) == 1, "the caller has gone, the work goes on"
        gate.set()
        await asyncio.gather(*calls, return_exceptions=True)
        assert len(began) == 3 and len(set(began)) == 1
        await threads.stop()

    asyncio.run(main())


def test_http_is_answered_while_the_database_is_busy(serve_here, make_bundle, tmp_path):
    kept = {"annotations": tmp_path / "kept", "http_address": "127.0.0.1:0"}
    with (
        serve_here(BundleSource(make_bundle()), **kept) as running,
        Client(running.address) as client,
        ThreadPoolExecutor(60) as pool,
    ):
        busy = sqlite3.connect(tmp_path / "kept" / "annotations.db", isolation_level=None)
        busy.execute("BEGIN IMMEDIATE")
        made = [pool.submit(client.run, annotation_calls.make_project(f"p{n}")) for n in range(50)]
        until = time.monotonic() + 30
        while running.endpoint._metrics.calls < len(made):
            assert time.monotonic() < until
            time.sleep(0.01)
        page = f"http://127.0.0.1:{running.endpoint.http_port}/evoskeleton.v1.InferenceService"
        ask = urllib.request.Request(
            f"{page}/GetModel", b"{}", {"content-type": "application/json"}
        )
        with urllib.request.urlopen(ask, timeout=10) as answer:
            assert json.load(answer)["model"]
        assert client.run(annotation_calls.projects()) == [], "who reads does not wait either"
        busy.execute("ROLLBACK")
        busy.close()
        assert {project.result().name for project in made} == {f"p{n}" for n in range(50)}
