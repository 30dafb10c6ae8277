"""Callers of an endpoint who mean no good, and an honest one, each in a process of its own.

python bad_callers.py honest ADDRESS SECONDS              seconds of each round of two calls
python bad_callers.py bad GRPC_PORT HTTP_PORT IMAGE PROJECT    every kind, until it is ended
"""

import contextlib
import http.client
import io
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

import grpc
import numpy as np
from PIL import Image

from evoskeleton.annotation.client import CallSettings, Client
from evoskeleton.annotation.generated import annotation_pb2 as pb

OWN = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),
]
SERVICE = "/evoskeleton.v1.AnnotationService"
LIST = f"{SERVICE}/ListProjects"


def honest(address: str, seconds: float) -> list[float]:
    """What a round of two small calls takes, again and again."""
    points = np.full((1, 17, 2), 500.0, np.float32) + np.arange(17, dtype=np.float32)[:, None]
    taken, end = [], time.monotonic() + seconds
    with Client(address, settings=CallSettings.parse({"timeout_s": 60.0})) as client:
        client.lift(points)
        while time.monotonic() < end:
            began = time.perf_counter()
            client.lift(points)
            client.projects()
            taken.append(time.perf_counter() - began)
            time.sleep(0.02)
    return taken


class Bad:
    """Every kind of bad caller; each method goes on for ever."""

    def __init__(self, port: int, http_port: int, image: int, project: int) -> None:
        self.port, self.http_port, self.image, self.project = port, http_port, image, project

    @contextlib.contextmanager
    def channel(self) -> Iterator[grpc.Channel]:
        with grpc.insecure_channel(f"127.0.0.1:{self.port}", options=OWN) as channel:
            yield channel

    def connected(self, port: int, words: bytes) -> Iterator[socket.socket]:
        """Up to 100 connections that have said something."""
        for _ in range(100):
            with contextlib.suppress(OSError):
                connection = socket.create_connection(("127.0.0.1", port), 2)
                connection.sendall(words)
                yield connection

    def silent(self) -> None:
        """Connections that say nothing, and half a greeting."""
        while True:
            held = [*self.connected(self.port, b"PRI * HT"), *self.connected(self.http_port, b"")]
            time.sleep(5)
            for connection in held:
                connection.close()

    def dripping(self) -> None:
        """Bodies that come byte by byte."""
        head = f"POST {LIST} HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\n"
        head += "transfer-encoding: chunked\r\n\r\n"
        while True:
            held = list(self.connected(self.http_port, head.encode()))
            for _ in range(20):
                for connection in held:
                    with contextlib.suppress(OSError):
                        connection.sendall(b"1\r\n \r\n")
                time.sleep(0.5)
            for connection in held:
                connection.close()

    def unread(self) -> None:
        """Large answers that are never read."""
        with self.channel() as channel:
            ask = channel.unary_stream(f"{SERVICE}/GetImage")
            asked = pb.GetImageRequest(image_id=self.image).SerializeToString()
            held = [ask(asked) for _ in range(50)]
            threading.Event().wait()
            del held

    def holding(self) -> None:
        """Calls that never send their message."""
        with self.channel() as channel:
            method = "/evoskeleton.v1.InferenceService/LiftKeypoints"
            held = [channel.stream_stream(method)(self._nothing()) for _ in range(30)]
            threading.Event().wait()
            del held

    def _nothing(self) -> Iterator[bytes]:
        threading.Event().wait()
        yield b""

    def resetting(self) -> None:
        """Calls that are taken back as soon as they are made."""
        with self.channel() as channel:
            call = channel.stream_stream("/evoskeleton.v1.InferenceService/GetModel")
            while True:
                for each in [call(iter(())) for _ in range(50)]:
                    each.cancel()
                time.sleep(0.05)

    def uploading(self) -> None:
        """Large files that are no pictures, and pictures that take long."""
        file = io.BytesIO()
        Image.new("RGB", (6000, 6000)).save(file, "JPEG", progressive=True)
        files = bytes(15 << 20), file.getvalue(), file.getvalue()[:-9000]
        with self.channel() as channel:
            upload = channel.unary_unary(f"{SERVICE}/UploadImage")
            words = {"project_id": self.project, "name": "bad"}
            sent = [
                pb.UploadImageRequest(image=each, **words).SerializeToString() for each in files
            ]
            while True:
                for message in sent:
                    self.try_out(upload, message)

    def shouting(self) -> None:
        """Metadata of all sizes, and compressed messages of zeros."""
        with self.channel() as channel:
            call = channel.unary_unary("/evoskeleton.v1.InferenceService/GetModel")
            while True:
                for size in (7_000, 16_000, 200_000):
                    self.try_out(call, b"", metadata=[("x", "y" * size)])
                self.try_out(call, bytes(32 << 20), compression=grpc.Compression.Gzip)
                time.sleep(0.2)

    def guessing(self) -> None:
        """Tokens that nobody has, under names that are not the server's."""
        while True:
            for host in ("localhost", "elsewhere.example"):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    asked = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=5)
                    token = {"authorization": "Bearer evo_" + "x" * 500, "host": host}
                    asked.request("POST", LIST, b"{}", token | {"content-type": "application/json"})
                    asked.getresponse().read()
                    asked.close()
            time.sleep(0.02)

    def try_out(self, call: Callable[..., object], message: bytes, **named: object) -> None:
        try:
            call(message, timeout=20, **named)
        except grpc.RpcError:
            time.sleep(0.1)

    def all(self) -> None:
        """All kinds at once, with less processor time than the others get."""
        os.nice(10)
        kinds = (self.silent, self.dripping, self.unread, self.holding, self.resetting)
        kinds += (self.uploading, self.uploading, self.uploading, self.shouting, self.guessing)
        for kind in kinds:
            threading.Thread(target=kind, daemon=True).start()
        threading.Event().wait()


if __name__ == "__main__":
    if sys.argv[1] == "honest":
        print(json.dumps(honest(sys.argv[2], float(sys.argv[3]))))
    else:
        Bad(*map(int, sys.argv[2:])).all()
