"""An object store of this machine's own that speaks S3, in a process of its own."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


@dataclass(frozen=True)
class Store:
    """Where it answers, and how a pose table reaches it."""

    url: str

    @property
    def options(self) -> dict[str, str]:
        """Storage options of a table."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_ALLOW_HTTP": "true", **KEYS}

    def make_bucket(self, name: str) -> None:
        self.put(name, "", b"")

    def put(self, bucket: str, name: str, content: bytes) -> None:
        """An object; without a name, the bucket."""
        place = f"{self.url}/{bucket}/{name}".rstrip("/")
        with urllib.request.urlopen(urllib.request.Request(place, content, method="PUT")):
            pass

    def names(self, bucket: str) -> Any:
        """All objects of a bucket, as XML."""
        with urllib.request.urlopen(f"{self.url}/{bucket}?list-type=2") as answer:
            return answer.read().decode()


@contextmanager
def running() -> Iterator[Store]:
    """The store, empty, until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(program, stdout=quiet, stderr=quiet)
    try:
        _wait_for(port, server)
        yield Store(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait()


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise RuntimeError("the S3 server did not start")
