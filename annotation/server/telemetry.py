"""What an operator sees: Prometheus metrics, and logs of one JSON object a line.

Neither holds what was in a picture, where keypoints were, or any token: method, status, time,
counts, and the sentence that a refused caller got.
"""

import atexit
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from socket import AF_INET, AF_INET6
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.core import InfoMetricFamily
from prometheus_client.registry import Collector

from evoskeleton.annotation.domain.addresses import host_and_port, is_loopback
from evoskeleton.annotation.server.loopback_only import of_loopback
from evoskeleton.annotation.server.probes import Probes
from evoskeleton.annotation.serving.champions import ServedChampion
from evoskeleton.errors import BadInput

LOG = logging.getLogger(__name__)

CALLER: ContextVar[str] = ContextVar("caller", default="")
"""Name of the token of the running call; empty on a server without tokens."""

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_POSES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)


@dataclass
class CallRecord:
    """How one call went."""

    method: str
    code: str = "OK"

    def refuse(self, code: str, sentence: str) -> None:
        """The call ends otherwise than OK; `sentence` is what the caller gets."""
        self.code = code
        fields = {"method": self.method, "code": code, "sentence": sentence}
        fields |= {"caller": CALLER.get()}
        LOG.info("a call was refused", extra={"fields": fields})

    def cancel(self, late: bool) -> None:
        """Nobody waits for the answer any more: its deadline has passed, or the caller is gone."""
        self.code = "DEADLINE_EXCEEDED" if late else "CANCELLED"


class Metrics:
    """Counters of one server, in a Prometheus registry of its own.

    Attributes:
        calls: calls that are running now.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = 0
        self._ended = Counter(
            "evoskeleton_calls", "Calls that ended", ["method", "code"], registry=self.registry
        )
        self._seconds = Histogram(
            "evoskeleton_call_seconds",
            "Duration of calls",
            ["method"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._batches = Histogram(
            "evoskeleton_batch_poses",
            "Poses that were lifted together",
            buckets=_POSES,
            registry=self.registry,
        )
        self.gauge("evoskeleton_calls_running", "Calls that run", lambda: self.calls)

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A number that is asked for whenever somebody reads the metrics."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def batch(self, poses: int) -> None:
        """Count one batch."""
        self._batches.observe(poses)

    @contextmanager
    def call(self, method: str) -> Iterator[CallRecord]:
        """Count and time one call; cancelled where the caller goes away."""
        record, started = CallRecord(method), time.perf_counter()
        self.calls += 1
        try:
            yield record
        except BaseException:
            if record.code == "OK":
                record.code = "CANCELLED"
            raise
        finally:
            self.calls -= 1
            self._ended.labels(method, record.code).inc()
            self._seconds.labels(method).observe(time.perf_counter() - started)

    def champion(self, held: Callable[[], ServedChampion | None]) -> None:
        """Tell name, version and weights of the champion of the moment."""
        self.registry.register(_ChampionInfo(held))

    def serve(self, address: str, probes: Probes) -> tuple[int, Callable[[], None]]:
        """Answer Prometheus and probes on host:port; the port, and what ends it.

        Raises:
            BadInput: the address cannot be listened on.
        """
        host, port = host_and_port(address)
        metrics = make_wsgi_app(self.registry)
        application = probes.before(of_loopback(metrics) if is_loopback(address) else metrics)
        try:
            server = _ThreadingServer.bound(host, port)
        except OSError as error:
            reason = error.strerror or error
            raise BadInput(f"metrics address {address} cannot be used: {reason}") from None
        server.set_app(application)
        thread = Thread(target=server.serve_forever, daemon=True, name="metrics")
        thread.start()

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return server.server_port, stop


class _Quiet(WSGIRequestHandler):
    timeout = 30.0

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: programs ask every few seconds."""


class _ThreadingServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    @classmethod
    def bound(cls, host: str, port: int) -> "_ThreadingServer":
        """Listening; an address with colons is IPv6."""
        family = AF_INET6 if ":" in host else AF_INET
        return type("_Server", (cls,), {"address_family": family})((host, port), _Quiet)  # type: ignore[no-any-return]

    def server_bind(self) -> None:
        """See `WSGIServer`, which would look for the host's name, and may wait for it."""
        TCPServer.server_bind(self)
        host, self.server_port = self.server_address[:2]
        self.server_name = str(host)
        self.setup_environ()


class _ChampionInfo(Collector):
    def __init__(self, held: Callable[[], ServedChampion | None]) -> None:
        self._held = held

    def collect(self) -> Iterator[InfoMetricFamily]:
        champion = self._held()
        if champion is None:
            return
        labels = {
            "name": champion.name,
            "version": champion.version,
            "weight_hash": champion.weight_hash,
        }
        yield InfoMetricFamily("evoskeleton_champion", "The champion that is served", labels)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the fields of the record."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        words = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            words["traceback"] = self.formatException(record.exc_info)
        return json.dumps(words, default=str)


def log_to_standard_error() -> None:
    """All logs of this process as JSON lines, and all else that is written to standard error, by
    Python or by libraries in C, as lines of the logger `stderr`."""
    kept = os.dup(2)
    handler = logging.StreamHandler(os.fdopen(kept, "w", buffering=1))
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    os.close(writing)
    threading.Thread(target=_log_lines, args=(reading,), name="stderr", daemon=True).start()
    atexit.register(_give_back, kept)


def _log_lines(pipe: int) -> None:
    with open(pipe, errors="replace") as lines:
        for line in lines:
            if text := line.rstrip():
                logging.getLogger("stderr").warning(text)


def _give_back(kept: int) -> None:
    """What is written from now on comes out as it is; what is in the pipe is read to its end."""
    sys.stderr.flush()
    os.dup2(kept, 2)
    for thread in threading.enumerate():
        if thread.name == "stderr":
            thread.join(1.0)
