"""Minutes of bad callers of every kind: the honest are served, memory comes back, SIGTERM ends it.

EVOSKELETON_LOAD_SECONDS says for how long; figures are printed.
"""

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

pytest.importorskip("grpc", reason="the extra `serve` is not installed")
pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")

from PIL import Image  # noqa: E402

from evoskeleton.annotation.client import CallSettings, Client  # noqa: E402

SCRIPT = Path(__file__).parents[2] / "support" / "bad_callers.py"
SECONDS = float(os.environ.get("EVOSKELETON_LOAD_SECONDS", "60"))
DRAIN_S = 3.0


def picture() -> bytes:
    """A picture of 15 MB."""
    file = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 255, (2000, 2500, 3), np.uint8)
    Image.fromarray(noise).save(file, "BMP")
    return file.getvalue()


def p99_ms(address: str, seconds: float) -> float:
    words = [sys.executable, str(SCRIPT), "honest", address, str(seconds)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=seconds + 120)
    assert done.returncode == 0, done.stderr
    return 1000.0 * float(np.quantile(json.loads(done.stdout), 0.99))


@pytest.mark.long
def test_the_honest_are_served_among_bad_callers_of_every_kind(serving, bundle, tmp_path):
    options = ("--annotations", str(tmp_path / "kept"), "--http-address", "127.0.0.1:0")
    options += ("--set", f"drain_seconds={DRAIN_S:g}")
    with serving(bundle, tmp_path / "log", *options) as running:
        process = psutil.Process(running.process.pid)
        with Client(running.address, settings=CallSettings.parse({"timeout_s": 60.0})) as client:
            project = client.make_project("p").id
            image = client.upload(project, "a", picture()).id
        quiet, before = p99_ms(running.address, 10.0), resident(process)
        with bad_callers(running, image, project):
            time.sleep(3.0)
            loaded, most = p99_ms(running.address, SECONDS), resident(process)
        time.sleep(10.0)
        after = resident(process)
        with bad_callers(running, image, project):
            time.sleep(3.0)
            began = time.monotonic()
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(60)
            ended = time.monotonic() - began
    print(f"p99 {quiet:.0f} ms, among bad callers {loaded:.0f} ms; ends after {ended:.1f} s")
    print(f"memory {before:.0f} MB, then {most:.0f}, afterwards {after:.0f} MB")
    assert ended < DRAIN_S + 5.0
    assert after - before < 100.0
    assert loaded < max(20.0 * quiet, 2000.0)


@contextmanager
def bad_callers(running, image, project):
    """Every kind of bad caller, in a process of their own."""
    words = [sys.executable, str(SCRIPT), "bad", *map(str, (running.port, running.http_port))]
    process = subprocess.Popen([*words, str(image), str(project)], stderr=subprocess.DEVNULL)
    yield
    process.kill()
    process.wait()


def resident(process: psutil.Process) -> float:
    return process.memory_info().rss / 1e6
