"""Bad input to a real server: each is told in one sentence, and the others are served meanwhile."""

import asyncio
import gc
import json
import random
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("grpc", reason="the extra `serve` is not installed")

import grpc
import psutil

from evoskeleton.annotation.generated import inference_pb2 as pb
from evoskeleton.annotation.generated.common_pb2 import Box
from evoskeleton.annotation.generated.inference_pb2_grpc import InferenceServiceStub
from evoskeleton.annotation.serving.champions import BundleSource
from evoskeleton.annotation.serving.detection_queue import ServedDetector
from evoskeleton.pose2d.detector import check_boxes

SERVICE = "/evoskeleton.v1.InferenceService"
INVALID = grpc.StatusCode.INVALID_ARGUMENT
LARGE_FROM = 1_000_000
LARGE = [("grpc.max_send_message_length", 64 << 20)]


class Nobody:
    """A detector that finds people only where it is told to look for them."""

    def detect(self, image, boxes=None, watch=None):
        if boxes is not None:
            check_boxes(boxes, image.shape[1], image.shape[0])
        return []


def floats(*shape, fill=500.0) -> dict:
    return {"packed": np.full(shape, fill, "<f4").tobytes()}


def png(width: int, height: int) -> bytes:
    """A whole black picture of one bit a pixel: a few kB, whatever its size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    pack, line = zlib.compressobj(9), bytes(1 + (width + 7) // 8)
    rows = b"".join([pack.compress(line) for _ in range(height)] + [pack.flush()])
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


BOMB = png(30_000, 30_000)


@pytest.fixture
def running(serve_here, make_bundle):
    detector = ServedDetector(Nobody(), "nobody", "1", "1" * 64)
    with serve_here(BundleSource(make_bundle()), detector) as running:
        yield running


@pytest.fixture
def channel(running):
    with grpc.insecure_channel(running.address, options=LARGE) as channel:
        yield channel


def refused(call, *arguments, **named):
    with pytest.raises(grpc.RpcError) as raised:
        call(*arguments, **named)
    return raised.value


LIFT = {
    "16 joints": ({"keypoints": floats(2, 16, 2)}, "multiple of 34 numbers, got 64"),
    "17 poses of 16 joints": (
        {"keypoints": floats(17, 16, 2), "poses": 17},
        "of 17 poses, got numbers for 16",
    ),
    "half a number": ({"keypoints": {"packed": b"abc"}}, "4 bytes each, got 3"),
    "both forms": (
        {"keypoints": {"packed": bytes(136), "values": [0.0] * 34}},
        "packed or values, got both",
    ),
    "no poses": ({}, "1 to 4,096 poses, got 0"),
    "too many poses": ({"keypoints": floats(4097, 17, 2)}, "1 to 4,096 poses, got 4,097"),
    "NaN": ({"keypoints": floats(1, 17, 2, fill=np.nan)}, "Hip of pose 0 is visible.*nan"),
    "infinite": ({"keypoints": floats(1, 17, 2, fill=np.inf)}, "within 1,000,000 px, got"),
    "huge numbers": ({"keypoints": floats(1, 17, 2, fill=3e38)}, "within 1,000,000 px, got"),
    "unknown schema": ({"keypoints": floats(1, 17, 2), "schema": "smpl"}, "one of human36m,"),
    "visibility of others": (
        {"keypoints": floats(2, 17, 2), "visibility": floats(1, 17)},
        "visibility should be of 2 poses, got 1",
    ),
    "NaN visibility": (
        {"keypoints": floats(1, 17, 2), "visibility": floats(1, 17, fill=np.nan)},
        "visibility should be finite",
    ),
    "nothing visible": (
        {"keypoints": floats(1, 17, 2), "visibility": floats(1, 17, fill=0)},
        "pose 0 should have a joint that is known",
    ),
    "width alone": ({"keypoints": floats(1, 17, 2), "width": 640}, "got 640 x 0"),
}


@pytest.mark.parametrize(("fields", "sentence"), LIFT.values(), ids=LIFT)
def test_keypoints_that_cannot_be_used_are_told(channel, fields, sentence):
    call = InferenceServiceStub(channel).LiftKeypoints
    error = refused(call, pb.LiftKeypointsRequest(**fields))
    assert error.code() == INVALID
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(error.details())


PICTURES = {
    "empty": (b"", "JPEG, PNG, WebP or BMP"),
    "random bytes": (bytes(range(256)), "JPEG, PNG, WebP or BMP"),
    "cut short": (png(64, 64)[:-30], "damaged"),
    "gigabytes": (BOMB, "too large"),
    "many pixels": (png(9_000, 9_000), "40 million pixels, got 9000 x 9000"),
    "a thread": (png(4_000, 2), "10 times as long as wide, got 4000 x 2"),
}


@pytest.mark.parametrize(("image", "sentence"), PICTURES.values(), ids=PICTURES)
def test_pictures_that_cannot_be_used_are_told(channel, image, sentence):
    stub = InferenceServiceStub(channel)
    for call, request in (
        (stub.DetectPeople, pb.DetectPeopleRequest(image=image)),
        (stub.EstimatePoses, pb.EstimatePosesRequest(image=image)),
    ):
        error = refused(call, request)
        assert error.code() == INVALID and sentence in error.details()


@pytest.mark.parametrize(
    ("boxes", "sentence"),
    [
        ([Box(x0=5, x1=4, y1=9)], "x0 < x1"),
        ([Box(x0=100, y0=100, x1=120, y1=120)], "should touch"),
        ([Box(x0=-1e30, x1=1e30, y1=9)], "within 1,000,000 px"),
        ([Box(x0=float("nan"), x1=4, y1=9)], "within 1,000,000 px"),
        ([Box(x1=4, y1=9)] * 33, "32 at most, got 33"),
    ],
)
def test_boxes_that_cannot_be_used_are_told(channel, boxes, sentence):
    request = pb.DetectPeopleRequest(image=png(64, 64), boxes=boxes)
    error = refused(InferenceServiceStub(channel).DetectPeople, request)
    assert error.code() == INVALID and sentence in error.details()


@pytest.mark.parametrize("method", ["LiftKeypoints", "DetectPeople", "EstimatePoses", "GetModel"])
def test_bytes_that_are_no_message_are_told(channel, method):
    error = refused(channel.unary_unary(f"{SERVICE}/{method}"), b"\xff\xff\xff\xff")
    assert error.code() == INVALID and "protocol buffer message" in error.details()


def test_a_stream_of_bytes_that_are_no_message_is_told(channel):
    call = channel.stream_stream(f"{SERVICE}/StreamPoses")
    error = refused(list, call(iter([b"\xff\xff"])))
    assert error.code() == INVALID


def test_a_message_larger_than_the_server_reads_is_refused(channel):
    request = pb.DetectPeopleRequest(image=bytes(17 << 20))
    error = refused(InferenceServiceStub(channel).DetectPeople, request)
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_compressed_message_is_refused_and_never_unpacked(channel):
    call = channel.unary_unary(f"{SERVICE}/DetectPeople")
    error = refused(call, bytes(20 << 20), compression=grpc.Compression.Gzip)
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED and "gzip" in error.details()


def test_an_unknown_method_is_unimplemented(channel):
    error = refused(channel.unary_unary(f"{SERVICE}/Nothing"), b"")
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED


def test_slow_clients_do_not_hold_up_the_others(running, channel):
    """Connections that say nothing, or half a greeting; streams that send one frame and wait."""
    stub, waiting = InferenceServiceStub(channel), threading.Event()
    port = running.endpoint.port
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for number, connection in enumerate(idle):
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[: number + 1])

    def frames():
        yield pb.StreamPosesRequest(frame=1, image=png(64, 64))
        waiting.wait(30)

    streams = [stub.StreamPoses(frames()) for _ in range(20)]
    try:
        assert [next(stream).frame for stream in streams] == [1] * 20
        for _ in range(20):
            stub.LiftKeypoints(pb.LiftKeypointsRequest(keypoints=floats(1, 17, 2)), timeout=20)
    finally:
        waiting.set()
        for connection in idle:
            connection.close()
    assert all(list(stream) == [] for stream in streams)


def malformed(number: int) -> tuple[str, bytes]:
    """One bad request out of many kinds: a method and the bytes to send."""
    chance = random.Random(number)
    if number >= LARGE_FROM:
        return "LiftKeypoints", b"\xff" * (15 << 20)
    lift, picture = chance.choice(list(LIFT.values()))[0], png(64, 64)
    kind = number % 10
    if kind < 4:
        return "LiftKeypoints", pb.LiftKeypointsRequest(**lift).SerializeToString()
    if kind < 7:
        return "LiftKeypoints", b"\xff" + chance.randbytes(chance.randrange(1, 3000))
    image = (
        picture[: chance.randrange(len(picture) // 2)],
        chance.randbytes(3000),
        BOMB,
    )[kind - 7]
    return "EstimatePoses", pb.EstimatePosesRequest(image=image).SerializeToString()


async def send(address: str, numbers: range) -> Counter[str]:
    """How many malformed requests ended in which status; sixteen are under way at a time.

    A server that says it is busy is asked again, as it wishes.
    """
    statuses: Counter[str] = Counter()
    left = iter(numbers)
    async with grpc.aio.insecure_channel(address, options=LARGE) as channel:

        async def client() -> None:
            for number in left:
                method, message = malformed(number)
                status = grpc.StatusCode.RESOURCE_EXHAUSTED
                while status is grpc.StatusCode.RESOURCE_EXHAUSTED:
                    call = channel.unary_unary(f"{SERVICE}/{method}")(message)
                    status = await call.code()
                statuses[status.name] += 1

        await asyncio.gather(*(client() for _ in range(16)))
    return statuses


def sent(address: str, numbers: range) -> Counter[str]:
    """`send` in a process of its own, so that this one's memory is the server's."""
    arguments = [sys.executable, __file__, address, str(numbers.start), str(numbers.stop)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return Counter(json.loads(done.stdout))


@pytest.mark.slow
@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=pytest.mark.long)])
def test_thousands_of_malformed_requests_leave_nothing_behind(running, channel, count):
    stub, done, served = InferenceServiceStub(channel), threading.Event(), []

    def good_client():
        while not done.is_set():
            stub.LiftKeypoints(pb.LiftKeypointsRequest(keypoints=floats(3, 17, 2)), timeout=30)
            served.append(time.monotonic())
            time.sleep(0.01)

    other = threading.Thread(target=good_client)
    other.start()
    try:
        statuses = sent(running.address, range(count * 2 // 5))
        before = megabytes()
        statuses += sent(running.address, range(count * 2 // 5, count))
    finally:
        done.set()
        other.join()
    assert statuses == {"INVALID_ARGUMENT": count}
    assert len(served) > 50
    assert megabytes() - before < 50


@pytest.mark.slow
@pytest.mark.parametrize("count", [40, pytest.param(100, marks=pytest.mark.long)])
def test_large_requests_leave_no_memory_behind(running, count):
    sent(running.address, range(LARGE_FROM, LARGE_FROM + 20))
    time.sleep(2)
    before = resident()
    statuses = sent(running.address, range(LARGE_FROM, LARGE_FROM + count))
    assert statuses == {"INVALID_ARGUMENT": count}
    deadline = time.monotonic() + 20
    while resident() - before > 100 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert resident() - before <= 100


def megabytes() -> float:
    gc.collect()
    return resident()


def resident() -> float:
    return psutil.Process().memory_info().rss / 1e6


if __name__ == "__main__":
    print(json.dumps(asyncio.run(send(sys.argv[1], range(*map(int, sys.argv[2:]))))))
