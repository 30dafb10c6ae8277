"""MLflow's server as a campaign's printed command starts it, in a process of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from evoskeleton.platform.record.mlflow_store import Store
from evoskeleton.platform.record.run_page.opening import serve_command


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextlib.contextmanager
def served_pages(store: Store, folder: Path, port: int | None = None) -> Iterator[int]:
    """The server on a free port, or the one that is named; what it says goes into a folder."""
    port = port or free_port()
    command = serve_command(store, port)
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            f"exec env {command}", shell=True, stdout=log, stderr=log, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.2)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
