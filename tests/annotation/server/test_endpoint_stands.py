"""Callers and databases of every bad kind, against a real server: the others are served."""

import asyncio
import io
import json
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import numpy as np
import psutil
import pytest
from PIL import Image

grpc = pytest.importorskip("grpc", reason="the extra `serve` is not installed")

from evoskeleton.annotation.client import (  # noqa: E402
    CallSettings,
    Client,
    EndpointError,
    InvalidRequest,
)
from evoskeleton.annotation.domain.rpc_errors import RpcError  # noqa: E402
from evoskeleton.annotation.generated import annotation_pb2 as annotations  # noqa: E402
from evoskeleton.annotation.generated import inference_pb2 as pb  # noqa: E402
from evoskeleton.annotation.generated.inference_pb2_grpc import (  # noqa: E402
    InferenceServiceStub,
)
from evoskeleton.annotation.server import auth  # noqa: E402
from evoskeleton.annotation.server import interceptors as gate  # noqa: E402
from evoskeleton.annotation.server.limits.byte_room import ByteRoom  # noqa: E402
from evoskeleton.annotation.server.tokens import Tokens  # noqa: E402
from evoskeleton.annotation.serving.champions import BundleSource  # noqa: E402
from evoskeleton.annotation.serving.detection_queue import ServedDetector  # noqa: E402

ONCE = CallSettings.parse({"attempts": 1, "timeout_s": 30.0})
WIDE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def jpeg(scans: int = 0, size: tuple[int, int] = (64, 48)) -> bytes:
    """A progressive JPEG with more scans than it needs: its last one, again and again."""
    file = io.BytesIO()
    Image.new("RGB", size, (9, 9, 9)).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * (scans + 1) + data[-2:]


class Slow:
    """A detector that takes its time."""

    def __init__(self) -> None:
        self.began, self.on = threading.Event(), threading.Event()

    def detect(self, image, boxes=None, watch=None):
        self.began.set()
        self.on.wait(30)
        return []


def test_a_picture_of_very_many_scans_is_refused_and_others_are_taken(
    serve_here, make_bundle, tmp_path
):
    with ExitStack() as stack:
        kept = {"annotations": tmp_path / "kept"}
        running = stack.enter_context(serve_here(BundleSource(make_bundle()), **kept))
        client = stack.enter_context(Client(running.address))
        project = client.make_project("people").id
        assert client.upload(project, "a.jpg", jpeg()).width == 64
        assert client.upload(project, "b.jpg", jpeg(20)).width == 64
        with pytest.raises(InvalidRequest, match="of at most 100 scans, it has more"):
            client.upload(project, "c.jpg", jpeg(60_000))
        with pytest.raises(InvalidRequest, match="should lie within its folder"):
            client.upload(project, "../c.jpg", jpeg())


def test_room_for_bytes_is_given_in_turn_and_nobody_takes_it_all():
    async def scene() -> list[str]:
        room, outcomes = ByteRoom("bytes", 100, patience_s=0.2), []

        async def hold(size: int, who: str, seconds: float) -> None:
            try:
                async with room.room(size, who) as mine:
                    mine.shrink(size)
                    await asyncio.sleep(seconds)
                outcomes.append(f"{who} {size}")
            except RpcError as refused:
                outcomes.append(f"{who} {refused.code.name} {refused.retry_ms}")

        greedy = [asyncio.create_task(hold(25, "a", 0.5)) for _ in range(4)]
        await asyncio.sleep(0.01)
        assert room.held == 50, "half of it at most"
        await asyncio.gather(hold(40, "b", 0.0), *greedy)
        async with room.room(30, "c") as mine:
            mine.shrink(5)
            assert room.held == 5
        assert room.held == 0
        return outcomes

    outcomes = asyncio.run(scene())
    assert sorted(outcomes) == ["a 25"] * 2 + ["a RESOURCE_EXHAUSTED 1000"] * 2 + ["b 40"]


def test_answers_that_nobody_reads_are_few_and_others_get_theirs(
    serve_here, make_bundle, tmp_path, monkeypatch
):
    large = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 255, (1200, 1600, 3), np.uint8)
    Image.fromarray(noise).save(large, "BMP")
    size = len(large.getvalue())
    monkeypatch.setattr(gate, "_ANSWERS", 5 * size)
    monkeypatch.setattr(gate, "_READ_S", 0.3)
    with ExitStack() as stack:
        kept = {"annotations": tmp_path / "kept"}
        running = stack.enter_context(serve_here(BundleSource(make_bundle()), **kept))
        client = stack.enter_context(Client(running.address, settings=ONCE))
        image = client.upload(client.make_project("people").id, "a.bmp", large.getvalue())
        narrow = [*WIDE, ("grpc.http2.bdp_probe", 0)]  # or gRPC reads ahead by itself
        channel = stack.enter_context(grpc.insecure_channel(running.address, options=narrow))
        ask = channel.unary_stream("/evoskeleton.v1.AnnotationService/GetImage")
        request = annotations.GetImageRequest(image_id=image.id).SerializeToString()
        unread = [ask(request) for _ in range(12)]
        until = time.monotonic() + 20
        while sum(call.done() for call in unread) < 9:
            assert time.monotonic() < until
            time.sleep(0.02)
        codes = Counter(call.code().name for call in unread if call.done())
        assert running.endpoint.unread_bytes < 3 * size, "half of the room for one of them"
        assert set(codes) == {"RESOURCE_EXHAUSTED"} and codes["RESOURCE_EXHAUSTED"] >= 9
        assert client.picture_of(image.id) == large.getvalue()
        channel.close()
        until = time.monotonic() + 10
        while running.endpoint.unread_bytes:
            assert time.monotonic() < until
            time.sleep(0.02)


def test_calls_that_send_nothing_make_room_for_those_that_do(serve_here, make_bundle, monkeypatch):
    monkeypatch.setattr(gate, "_SLOW_S", 0.2)
    with serve_here(BundleSource(make_bundle())) as running, ExitStack() as stack:
        waiting = threading.Event()
        stack.callback(waiting.set)

        def nothing() -> Iterator[bytes]:
            waiting.wait(60)
            yield from ()

        for _ in range(3):
            local = [("grpc.use_local_subchannel_pool", 1)]
            channel = stack.enter_context(grpc.insecure_channel(running.address, local))
            silent = channel.stream_stream("/evoskeleton.v1.InferenceService/GetModel")
            calls = [silent(nothing()) for _ in range(8)]
        assert len(calls) == 8
        with Client(running.address, settings=CallSettings.parse({"timeout_s": 8})) as client:
            assert client.served().model


def is_closed(connection: socket.socket) -> bool:
    """Waits until the other side has closed a connection, whatever it says before."""
    with suppress(ConnectionError):
        while connection.recv(1000):
            pass
    return True


def test_silent_connections_are_closed_and_others_get_in(serve_here, make_bundle, monkeypatch):
    from evoskeleton.annotation.server import endpoint
    from evoskeleton.annotation.server.http import http_server

    monkeypatch.setattr(endpoint, "_HANDSHAKE_MS", 1_000)
    monkeypatch.setattr(http_server, "FIRST_REQUEST_S", 1.0)
    limits = {"http_address": "127.0.0.1:0", "most_connections": 20}
    with serve_here(BundleSource(make_bundle()), **limits) as running, ExitStack() as stack:
        for port in (running.endpoint.port, running.endpoint.http_port):
            silent = [stack.enter_context(socket.socket()) for _ in range(40)]
            for one in silent:
                one.settimeout(20)
                one.connect(("127.0.0.1", port))
            assert all(map(is_closed, silent))
        with Client(running.address, settings=CallSettings.parse({"timeout_s": 20})) as client:
            assert client.served().model
        ask = urllib.request.Request(
            f"http://127.0.0.1:{running.endpoint.http_port}"
            "/evoskeleton.v1.InferenceService/GetModel",
            b"{}",
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(ask, timeout=20) as answer:
            assert answer.status == 200


# Tokens


@pytest.fixture
def tokens(tmp_path) -> Tokens:
    return Tokens(tmp_path / "tokens.json")


def test_a_token_that_is_revoked_ends_its_streams(
    serve_here, make_bundle, tokens, tmp_path, monkeypatch
):
    monkeypatch.setattr(auth, "_LOOK_S", 0.1)
    secret, waiting = tokens.add("ann", ["infer"]), threading.Event()
    detector = Slow()
    detector.on.set()
    served = ServedDetector(detector, "slow", "1", "1" * 64)
    with (
        serve_here(BundleSource(make_bundle()), served, tokens=tmp_path / "tokens.json") as running,
        grpc.insecure_channel(running.address) as channel,
    ):

        def frames() -> Iterator[pb.StreamPosesRequest]:
            yield pb.StreamPosesRequest(frame=1, image=jpeg())
            waiting.wait(30)

        bearer = [("authorization", f"Bearer {secret}")]
        answers = InferenceServiceStub(channel).StreamPoses(frames(), metadata=bearer)
        assert next(answers).frame == 1
        tokens.revoke("ann")
        with pytest.raises(grpc.RpcError) as refusal:
            next(answers)
        assert refusal.value.code() is grpc.StatusCode.UNAUTHENTICATED
        waiting.set()


def test_a_token_expires(serve_here, make_bundle, tokens, tmp_path):
    secret, brief = tokens.add("ann", ["infer"], days=1), tokens.add("bob", ["infer"], days=1e-5)
    assert [token.until - time.time() for token in tokens.list()] == pytest.approx(
        [86_400, 0.9], abs=3
    )
    with serve_here(BundleSource(make_bundle()), tokens=tmp_path / "tokens.json") as running:
        with Client(running.address, token=secret) as ann:
            assert ann.who_am_i().name == "ann"
        time.sleep(max(0.0, tokens.list()[1].until - time.time()))
        with Client(running.address, token=brief) as bob, pytest.raises(EndpointError) as refusal:
            bob.who_am_i()
        assert refusal.value.code == "UNAUTHENTICATED"


def test_changes_of_the_token_file_at_once_lose_nothing_and_keep_owner_and_mode(tokens, tmp_path):
    file = tmp_path / "tokens.json"
    tokens.add("first", ["infer"])
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 65534, 65534)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: Tokens(file).add(f"t{n}", ["infer"]), range(16)))
    assert len(tokens.list()) == 17
    stat = file.stat()
    assert stat.st_mode & 0o777 == 0o640
    assert os.geteuid() != 0 or (stat.st_uid, stat.st_gid) == (65534, 65534)


def test_wrong_tokens_are_logged_with_their_peer_and_slowed_down(
    serve_here, make_bundle, tokens, tmp_path, caplog
):
    secret = tokens.add("ann", ["infer"])
    with serve_here(BundleSource(make_bundle()), tokens=tmp_path / "tokens.json") as running:
        with Client(running.address, token="evo_wrong", settings=ONCE) as wrong:
            started = time.monotonic()
            for _ in range(5):
                with pytest.raises(EndpointError, match="UNAUTHENTICATED"):
                    wrong.served()
            assert time.monotonic() - started > 0.55, "0.2 s and 0.4 s after three free ones"
        with Client(running.address, token=secret, settings=ONCE) as right:
            started = time.monotonic()
            assert right.served() and time.monotonic() - started < 5.0
    calls = [record.fields for record in caplog.records if "refused" in record.message]
    peers = {fields["peer"] for fields in calls if "peer" in fields}
    assert peers == {"ipv4:127.0.0.1"}
    assert "evo_wrong" not in caplog.text


# Ends


def test_calls_that_are_cut_off_are_told_so_and_tried_again(serve_here, make_bundle):
    detector = Slow()
    served = ServedDetector(detector, "slow", "1", "1" * 64)
    with ExitStack() as stack:
        stack.callback(detector.on.set)
        source = BundleSource(make_bundle())
        running = stack.enter_context(serve_here(source, served, drain_seconds=0.2))
        pool = stack.enter_context(ThreadPoolExecutor(1))
        client = stack.enter_context(Client(running.address, settings=ONCE))
        call = pool.submit(client.detect, jpeg())
        assert detector.began.wait(20)
        running.wait_for(running.endpoint.stop())
        with pytest.raises(EndpointError) as refusal:
            call.result(10)
        assert refusal.value.code == "UNAVAILABLE", refusal.value
        detector.on.set()


@contextmanager
def asleep(socket_file: os.PathLike) -> Iterator[None]:
    """PostgreSQL does not answer as long as the context lasts."""
    number = int(os.path.dirname(socket_file) and _postmaster(socket_file))
    server = psutil.Process(number)
    everybody = [server, *server.children(recursive=True)]
    for process in everybody:
        process.suspend()
    try:
        yield
    finally:
        for process in everybody:
            process.resume()


def _postmaster(socket_file: os.PathLike) -> str:
    folder = os.path.dirname(socket_file)
    with open(os.path.join(folder, "data", "postmaster.pid")) as file:
        return file.readline()


def test_the_process_ends_though_its_database_does_not_answer(
    serving, bundle, postgres, postgres_database, tmp_path
):
    options = ["--annotations", str(tmp_path / "kept"), "--annotations-url", postgres_database]
    options += ["--set", "drain_seconds=1"]
    log = tmp_path / "log"
    with serving(bundle, log, *options) as served:
        brief = CallSettings.parse({"attempts": 1, "timeout_s": 1.0})
        with Client(served.address, settings=brief) as client:
            client.make_project("people")
            with asleep(postgres):
                with pytest.raises(EndpointError, match="DEADLINE_EXCEEDED"):
                    client.projects()
                assert client.served().model, "others are served"
                started = time.monotonic()
                served.process.send_signal(signal.SIGTERM)
                assert served.process.wait(30) == 0
                assert time.monotonic() - started < 1.0 + 5.0
    lines = [line for line in log.read_text().splitlines() if not line.startswith("serving ")]
    assert [json.loads(line) for line in lines], "standard error is lines of JSON alone"


def test_pages_from_elsewhere_read_no_metrics_by_a_name_of_theirs(serve_here, make_bundle):
    with serve_here(BundleSource(make_bundle()), metrics_address="127.0.0.1:0") as running:
        url = f"http://127.0.0.1:{running.endpoint.metrics_port}/metrics"
        with urllib.request.urlopen(url) as answer:
            assert b"evoskeleton_calls" in answer.read()
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(urllib.request.Request(url, headers={"host": "evil.example"}))
