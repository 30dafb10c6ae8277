"""Fixtures that many tests share: real poses where they are there, small bodies where not."""

import asyncio
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks are faster so; others want the rest

import numpy as np
import pytest
import schedule

from evoskeleton.machine import cores

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = Path(os.environ.get("EVOSKELETON_SHARED_DATA", ROOT.parent / "shared" / "data"))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Side by side where that is worth it; a few files run in this process."""
    return schedule.processes(config.args, cores())


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> schedule.ByFiles:
    """See `schedule`."""
    return schedule.ByFiles(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: with two processes, the other one does the rest meanwhile."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        schedule.longest_first(items)


@dataclass(frozen=True)
class Poses:
    """Columns of the CMU table: poses (n, 17, 3) float32 world mm; the rest (n,)."""

    poses: np.ndarray
    subject: np.ndarray
    action: np.ndarray
    clip: np.ndarray
    frame: np.ndarray


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """See above; torch has a count of its own."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cmu_file() -> Path:
    path = SHARED_DATA / "cmu_poses.parquet"
    if not path.exists():
        pytest.skip("the shared CMU poses are absent; EVOSKELETON_SHARED_DATA names their folder")
    return path


@pytest.fixture(scope="session")
def cmu(cmu_file: Path) -> Poses:
    import pyarrow.parquet as pq

    table = pq.read_table(cmu_file)
    pose = np.asarray(table["pose"].combine_chunks().flatten()).reshape(-1, 17, 3)
    texts = [np.asarray(table[name].to_pylist()) for name in ("subject", "action", "clip")]
    return Poses(pose, *texts, np.asarray(table["frame"]))


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., Path]:
    """Writes the bundle of a small lifter into a folder; another seed gives other weights."""
    from evoskeleton.lifting.bundle import Lifter, save_bundle
    from evoskeleton.lifting.cascade import Cascade, CascadeSettings
    from evoskeleton.lifting.normalization import Normalization

    def write(name: str = "bundle", seed: int = 1, record: dict | None = None) -> Path:
        draw = np.random.default_rng(1)
        cascade = Cascade(CascadeSettings.parse({"width": 16, "blocks": 1, "stages": 1}), seed)
        normalization = Normalization.measure(
            "per_pose", *(_tensor(draw, side) for side in ((50, 17, 2), (50, 17, 3)))
        )
        save_bundle(Lifter(cascade, normalization), tmp_path / name, record or {})
        return tmp_path / name

    return write


def _tensor(draw: np.random.Generator, shape: tuple[int, ...]) -> Any:
    import torch

    return torch.tensor(300.0 * draw.normal(size=shape), dtype=torch.float32)


@dataclass(frozen=True)
class Served:
    """An endpoint that runs in a thread of its own."""

    endpoint: Any
    champions: Any
    loop: asyncio.AbstractEventLoop

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.endpoint.port}"

    def wait_for(self, coroutine: Any) -> Any:
        """What a coroutine gives that runs in the endpoint's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)


@contextmanager
def served(
    source: Any, detector: Any = None, wait: bool = False, **settings: Any
) -> Iterator[Served]:
    """An endpoint on a free port; `settings` are those of `ServeSettings`."""
    from evoskeleton.annotation.server.endpoint import Endpoint
    from evoskeleton.annotation.server.settings import ServeSettings
    from evoskeleton.annotation.serving.champions import Champions

    given = {"address": "127.0.0.1:0", "metrics_address": None, "drain_seconds": 5.0}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def begin() -> Served:
        champions = Champions(source, wait)
        endpoint = Endpoint(ServeSettings.parse(given | settings), champions, detector)
        await endpoint.start()
        return Served(endpoint, champions, loop)

    try:
        running = asyncio.run_coroutine_threadsafe(begin(), loop).result(60)
        try:
            yield running
        finally:
            running.wait_for(running.endpoint.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="session")
def serve_here() -> Callable[..., Any]:
    """`served`, for tests that need gRPC."""
    pytest.importorskip("grpc", reason="the extra `serve` is not installed")
    return served


@pytest.fixture(scope="session")
def raw_motion() -> Path:
    """The folder with the ASF, AMC and BVH of CMU's clip 02_01."""
    if not (SHARED_DATA / "raw" / "02.asf").exists():
        pytest.skip("the raw CMU clip is absent; EVOSKELETON_SHARED_DATA names its folder")
    return SHARED_DATA / "raw"


@pytest.fixture(scope="session")
def motion() -> np.ndarray:
    """(240, 17, 3) float32 world mm: a made-up person who walks, waves and bows in a circle."""
    return walking_figure(240)


def walking_figure(frames: int) -> np.ndarray:
    """Joint angles that swing like a walker's, turned into joints by plain trigonometry."""
    t = np.linspace(0.0, 4.0 * np.pi, frames)
    joints = np.zeros((frames, 17, 3))
    forward, right, up = np.eye(3)[1], np.eye(3)[0], np.eye(3)[2]

    def swing(angle: np.ndarray) -> np.ndarray:
        return np.sin(angle)[:, None] * forward - np.cos(angle)[:, None] * up

    hip = 930.0 * up + 15.0 * np.cos(2 * t)[:, None] * up + 0.0 * t[:, None] * forward
    lean = (0.15 + 0.25 * np.maximum(np.sin(t / 2), 0))[:, None]
    spine_up = np.cos(lean) * up + np.sin(lean) * forward
    joints[:, 0], joints[:, 7] = hip, hip + 220.0 * up + 10.0 * forward
    joints[:, 8] = joints[:, 7] + 233.0 * spine_up
    nod = (0.1 * np.sin(3 * t))[:, None] * forward
    joints[:, 9] = joints[:, 8] + 110.0 * spine_up + 80.0 * forward + 60.0 * nod
    joints[:, 10] = joints[:, 8] + 270.0 * spine_up + 200.0 * nod
    sides = ((1.0, 1, 2, 3, 14, 15, 16, 0.0), (-1.0, 4, 5, 6, 11, 12, 13, np.pi))
    for side, thigh, knee, foot, shoulder, elbow, wrist, phase in sides:
        angle = 0.5 * np.sin(t + phase)
        bend = 0.35 + 0.3 * np.cos(t + phase)
        joints[:, thigh] = hip + side * 90.0 * right
        joints[:, knee] = joints[:, thigh] + 405.0 * swing(angle)
        joints[:, foot] = joints[:, knee] + 437.0 * swing(angle - bend)
        spread = (0.3 + 0.25 * np.sin(t / 2 + phase))[:, None]
        arm = swing(-angle) * np.cos(spread) + side * np.sin(spread) * right
        fold = swing(-angle + 0.5 + 0.4 * np.sin(2 * t))
        joints[:, shoulder] = joints[:, 8] + side * 185.0 * right - 40.0 * up
        joints[:, elbow] = joints[:, shoulder] + 299.0 * arm
        joints[:, wrist] = joints[:, elbow] + 278.0 * fold
    heading = t / 3
    turn = np.zeros((frames, 3, 3))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(heading)
    turn[:, 0, 1], turn[:, 1, 0], turn[:, 2, 2] = -np.sin(heading), np.sin(heading), 1.0
    return np.einsum("fij,fkj->fki", turn, joints).astype(np.float32)


@pytest.fixture(scope="session")
def bundle(motion, tmp_path_factory) -> Path:
    """A small lifter of `motion` that knows its error radii."""
    from evoskeleton.lifting.bundle_training import train_bundle

    folder = tmp_path_factory.mktemp("lifter") / "bundle"
    small = ["steps=60", "batch=64", "cascade.width=32"]
    clip = np.arange(len(motion)) // 60
    train_bundle(motion, folder, changes=small, device="cpu", calibration=(motion, clip))
    return folder


STARTED = re.compile(r"serving .*? on port (\d+)(?:, HTTP on port (\d+))?")


@dataclass
class Endpoint:
    """A server that runs: its process, its ports, and the hash of what it serves."""

    process: subprocess.Popen
    port: int
    http_port: int | None
    weights: str

    @property
    def address(self) -> str:
        """Where gRPC is."""
        return f"127.0.0.1:{self.port}"

    @property
    def http(self) -> str:
        """Where HTTP is."""
        return f"127.0.0.1:{self.http_port}"


@contextmanager
def served_by_a_process(
    bundle: Path, log: Path, *options: str, port: int = 0
) -> Iterator[Endpoint]:
    """Serve a bundle until the context ends; `log` gets what the server writes."""
    command = [sys.executable, "-m", "evoskeleton.cli", "serve", "--bundle", str(bundle)]
    command += ["--address", f"127.0.0.1:{port}", "--metrics-address", "", "--no-detector"]
    with log.open("w") as file:
        process = subprocess.Popen([*command, *options], stdout=file, stderr=file)
    try:
        ports = _started(process, log)
        weights = json.loads((bundle / "bundle.json").read_text())["weight_hash"]
        yield Endpoint(process, int(ports[1]), ports[2] and int(ports[2]), weights)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGKILL), log.read_text()


def _started(process: subprocess.Popen, log: Path) -> re.Match:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if found := STARTED.search(log.read_text()):
            return found
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"the server did not start: {log.read_text()}")


@pytest.fixture(scope="session")
def serving():
    """`served_by_a_process`, for tests that want a process of their own."""
    pytest.importorskip("grpc", reason="the extra `serve` is not installed")
    return served_by_a_process


@pytest.fixture(scope="session")
def endpoint(bundle, serving, tmp_path_factory) -> Iterator[Endpoint]:
    """A real server of that lifter, with HTTP, without tokens and without detector."""
    log = tmp_path_factory.mktemp("endpoint") / "log"
    with serving(bundle, log, "--http-address", "127.0.0.1:0") as served:
        yield served


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Any]:
    """A Ray cluster of one node that all campaigns may join, as long as the tests run."""
    import ray_cluster

    with ray_cluster.running() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def ray_address(ray_cluster: Any) -> str:
    """Where that cluster answers."""
    return ray_cluster.address


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    """The socket of a PostgreSQL server that runs as long as the tests."""
    import postgres_server

    with postgres_server.running() as socket:
        yield socket


@pytest.fixture
def postgres_database(postgres: Path) -> str:
    """The URL of a database, emptied."""
    import pg8000.native
    from postgres_server import database_url

    with pg8000.native.Connection("tests", database="postgres", unix_sock=str(postgres)) as admin:
        admin.run("DROP SCHEMA public CASCADE")
        admin.run("CREATE SCHEMA public")
    return database_url(postgres, "postgres")


@pytest.fixture(autouse=True)
def quiet_root_logger() -> Iterator[None]:
    """Ray's cluster for tests gives the root logger a handler on the stream of the test that first
    asked for it, which is closed when that test is over."""
    _without_streams()
    yield
    _without_streams()


def _without_streams() -> None:
    root = logging.getLogger()
    for handler in [one for one in root.handlers if type(one) is logging.StreamHandler]:
        root.removeHandler(handler)
        root.setLevel(logging.WARNING)
