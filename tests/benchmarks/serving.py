"""What the endpoint costs beside the network: calls and poses a second, waiting times, memory.

    python tests/benchmarks/serving.py
    python tests/benchmarks/serving.py --model BUNDLE --seconds 10 --rounds 5

Every server runs in a process of its own and the clients in another, on the same cores, over
loopback. Servers are compared within one run, in turns, by the median of the rounds: trust the
ratios. "Identity" is the same server with a network that costs nothing; "one by one" lifts every
call by itself. Without a bundle, the network is an untrained one of 4.3 million weights.
"""

import argparse
import asyncio
import gc
import multiprocessing as mp
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import torch

from evoskeleton.annotation.generated import inference_pb2 as pb
from evoskeleton.annotation.server.endpoint import Endpoint
from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.annotation.serving.champions import BundleSource, Champions, ServedChampion
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.cascade import Cascade, CascadeSettings
from evoskeleton.lifting.normalization import Normalization

METHOD = "/evoskeleton.v1.InferenceService/LiftKeypoints"
CLIENTS, MANY = 32, 1024
LARGE = [("grpc.max_receive_message_length", 64 << 20)]
UNIT = (torch.zeros(17, 2), torch.ones(17, 2), torch.zeros(16, 3), torch.ones(16, 3))


class Identity:
    """A network that costs nothing."""

    def lift(
        self, keypoints: np.ndarray, visibility: np.ndarray, image_size: np.ndarray
    ) -> np.ndarray:
        return np.zeros((len(keypoints), 17, 3), np.float32)


class Given:
    """A source of one champion."""

    def __init__(self, lifter: Any) -> None:
        self._champion = ServedChampion(lifter, "given", "", "0" * 64, {}, None)

    def look(self, held: ServedChampion | None) -> ServedChampion:
        return held or self._champion


def untrained() -> Lifter:
    cascade = Cascade(CascadeSettings.parse({"width": 1024, "blocks": 2, "stages": 1}))
    return Lifter(cascade, Normalization("per_pose", *UNIT))


def source_of(kind: str, bundle: Path | None) -> Any:
    if kind == "identity":
        return Given(Identity())
    return BundleSource(bundle) if bundle else Given(untrained())


def serve(kind: str, bundle: Path | None, pipe: Connection) -> None:
    """A server process: sends its port, and stops when it is told to."""

    async def main() -> None:
        batch = 1 if kind == "one by one" else MANY
        settings = ServeSettings(address="127.0.0.1:0", metrics_address=None, batch_poses=batch)
        endpoint = Endpoint(settings, Champions(source_of(kind, bundle)))
        await endpoint.start()
        gc.collect()
        gc.freeze()
        pipe.send(endpoint.port)
        await asyncio.to_thread(pipe.recv)
        await endpoint.stop()

    asyncio.run(main())


class Server:
    """A running server process."""

    def __init__(self, kind: str, bundle: Path | None) -> None:
        self._pipe, theirs = mp.Pipe()
        self._process = mp.get_context("spawn").Process(target=serve, args=(kind, bundle, theirs))
        self._process.start()
        self.address = f"127.0.0.1:{self._pipe.recv()}"

    def megabytes(self) -> float:
        return psutil.Process(self._process.pid).memory_info().rss / 1e6

    def stop(self) -> None:
        self._pipe.send("stop")
        self._process.join()


def request(poses: int) -> bytes:
    points = 500 + 100 * np.random.default_rng(1).normal(size=(poses, 17, 2))
    packed = points.astype("<f4").tobytes()
    return pb.LiftKeypointsRequest(keypoints={"packed": packed}).SerializeToString()


async def closed_loop(address: str, clients: int, poses: int, seconds: float) -> float:
    """Calls a second of clients that send their next call when they have their answer."""
    message, done = request(poses), 0
    stop = time.perf_counter() + seconds

    async def client() -> None:
        nonlocal done
        async with grpc.aio.insecure_channel(address, options=LARGE) as channel:
            call = channel.unary_unary(METHOD)
            while time.perf_counter() < stop:
                await call(message)
                done += 1

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return done / (time.perf_counter() - started)


async def open_loop(address: str, rate: float, seconds: float) -> list[float]:
    """Waiting times, s, of calls that come at random moments whether others wait or not."""
    message, chance = request(1), np.random.default_rng(2)
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.unary_unary(METHOD)

        async def one(due: float) -> float:
            await call(message)
            return time.perf_counter() - due

        tasks, due = [], time.perf_counter()
        stop = due + seconds
        while due < stop:
            due += chance.exponential(1.0 / rate)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(one(due)))
        return list(await asyncio.gather(*tasks))


def bare(lifter: Lifter, seconds: float) -> float:
    """Batches of `MANY` a second without any server."""
    points = np.random.default_rng(1).normal(size=(MANY, 17, 2)).astype(np.float32)
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        lifter.lift(points)
        done += 1
    return done / (time.perf_counter() - started)


def in_process(function: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """The result of a coroutine in a process of its own."""
    with mp.get_context("spawn").Pool(1) as pool:
        return pool.apply(_run, (function, arguments))


def _run(function: Callable[..., Awaitable[Any]], arguments: tuple[Any, ...]) -> Any:
    async def main() -> Any:
        gc.collect()
        gc.freeze()
        return await function(*arguments)

    return asyncio.run(main())


def compare_servers(bundle: Path | None, seconds: float, rounds: int) -> float:
    """One-pose calls of many clients; returns the peak of the batching server, calls a second."""
    kinds = ("one by one", "batched", "identity")
    servers = {kind: Server(kind, bundle) for kind in kinds}
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(rounds + 1):
        for kind, server in servers.items():
            rate = in_process(closed_loop, server.address, CLIENTS, 1, seconds)
            if turn:
                rates[kind].append(rate)
    for server in servers.values():
        server.stop()
    middle = {kind: statistics.median(found) for kind, found in rates.items()}
    print(f"{CLIENTS} clients x 1 pose, calls a second: {_words(middle)}")
    batched = middle["batched"]
    print(f"  batched / one by one {batched / middle['one by one']:.2f} (aim 2.5)")
    print(f"  batched / identity {batched / middle['identity']:.2f} (aim 0.70)")
    return batched


def large_batches(bundle: Path | None, seconds: float, rounds: int) -> None:
    """Batches of `MANY` from one client against the bare network in this process."""
    lifter = BundleSource(bundle).look(None).lifter if bundle else untrained()
    server = Server("batched", bundle)
    pairs = []
    for turn in range(rounds + 1):
        alone = bare(lifter, seconds)
        served = in_process(closed_loop, server.address, 2, MANY, seconds)
        if turn:
            pairs.append((served, alone))
    server.stop()
    served, alone = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"batches of {MANY} a second: served {served:.1f}, bare {alone:.1f}")
    print(f"  served / bare, median of the rounds, {ratio:.2f} (aim 0.9)")


def waiting_times(bundle: Path | None, peak: float, seconds: float, rounds: int) -> None:
    """Open-loop arrivals at half of the peak, and memory over all of it."""
    server = Server("batched", bundle)
    in_process(closed_loop, server.address, CLIENTS, 1, seconds)
    in_process(open_loop, server.address, peak / 2, seconds)
    warm, ratios = server.megabytes(), []
    for _ in range(rounds):
        waits = in_process(open_loop, server.address, peak / 2, seconds)
        middle, late = np.percentile(waits, (50, 99))
        ratios.append(late / middle)
        print(f"  {len(waits)} arrivals: median {1e3 * middle:.1f} ms, p99 {1e3 * late:.1f} ms")
        in_process(closed_loop, server.address, CLIENTS, 1, seconds)
        in_process(closed_loop, server.address, 2, MANY, seconds)
    print(f"open loop at half the peak: p99 / median {statistics.median(ratios):.1f} (aim 3)")
    grown = server.megabytes() - warm
    print(f"memory after warm-up {warm:.0f} MB, {grown:+.0f} MB since (aim 50)")
    server.stop()


def _words(numbers: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:,.0f}" for name, value in numbers.items())


def main() -> None:
    """Print all comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="folder of a lifter bundle")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    given = options.model, options.seconds, options.rounds
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before this began")
    peak = compare_servers(*given)
    large_batches(*given)
    waiting_times(options.model, peak, *given[1:])


if __name__ == "__main__":
    main()
