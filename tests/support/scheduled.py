"""A campaign on several hosts, kept going as a scheduler does: by running its one command again.

Each host runs a node of one Ray cluster, with a token and the settings of `deploy/`; the driver
runs beside the head. Whoever lost the head starts all nodes anew; whoever lost another, that one.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import tiny_campaign
from hosts import Host

PORT = 6379

PATIENCE_SECONDS = float(os.environ.get("EVOSKELETON_PATIENCE_SECONDS", "300"))
"""Until a campaign that does not go on is given up; more where the machine has other work."""

_RAY = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "5",
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "20",
    "EVOSKELETON_MACHINE__WAIT_SECONDS": "600",
    "HOME": "/tmp/home",
    "OMP_NUM_THREADS": "1",
}
_BIN = Path(sys.executable).parent


class Scheduler:
    """Starts nodes and the driver, and starts them again.

    Attributes:
        hosts: the head's first.
        folder: that all hosts share; the campaign's home is `home` in it.
        told: what the driver wrote on standard error, line by line, with when.
        runs: of the driver so far.
        codes: exit codes of those that ended.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        folder: Path,
        settings: Path,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing is started.

        Args:
            hosts: the head's first.
            folder: that all hosts share.
            settings: of the campaign.
            more: variables of the environment of nodes and driver.
        """
        self._more = dict(more or {})
        self.hosts = hosts
        self.folder = folder
        self.told: list[tuple[float, str]] = []
        self.runs = 0
        self.codes: list[int] = []
        self._settings = settings
        self._changes: list[str] = []
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}
        self._driver: subprocess.Popen[str] | None = None
        self._token = folder / "token"
        self._token.write_text(secrets.token_hex(32))

    @property
    def address(self) -> str:
        return f"{self.hosts[0].address}:{PORT}"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def start(self, **changes: object) -> None:
        """Nodes where there are none, and the driver; `changes` are of its settings' machine."""
        if changes:
            self._changes = [f"machine.{name}={value}" for name, value in changes.items()]
        for host in self.hosts:
            if not self._runs(host):
                self.start_node(host)
        self.run()

    def start_node(self, host: Host) -> None:
        """A node of the cluster, on a host that has power."""
        common = "--disable-usage-stats --block --num-cpus=1 --object-store-memory=100000000"
        own = f"--node-ip-address={host.address} --min-worker-port=0 --max-worker-port=0"
        ends = f"--address={self.address}"
        if host is self.hosts[0]:
            ends = f"--head --port={PORT} --include-dashboard=false"
        line = f"exec ray start {ends} {own} {common}"
        log = (self.folder / f"{host.name}.log").open("ab")
        self._nodes[host.name] = subprocess.Popen(
            host.inside("bash", "-c", line), env=self.surroundings(), stdout=log, stderr=log
        )

    def join_all(self, seconds: float = 120.0) -> None:
        """Nodes on all hosts, which are in the cluster when this returns."""
        for host in self.hosts:
            self.start_node(host)
        until = time.monotonic() + seconds
        for host in self.hosts:
            log = self.folder / f"{host.name}.log"
            while "This command will now block" not in log.read_text(errors="replace"):
                assert time.monotonic() < until, f"{host.name} has not joined"
                time.sleep(0.2)

    def run(self) -> None:
        """The one command, once."""
        words = ["evoskeleton", "campaign", "run", "--or-resume", str(self._settings)]
        words += ["--address", self.address, "--wait", "60"]
        for change in self._changes:
            words += ["--set", change]
        self._driver = subprocess.Popen(
            self.hosts[0].inside(*words),
            env=self.surroundings(),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.runs += 1
        threading.Thread(target=self._listen, args=(self._driver,), daemon=True).start()

    def _listen(self, driver: "subprocess.Popen[str]") -> None:
        assert driver.stderr is not None
        for line in driver.stderr:
            self.told.append((time.monotonic(), line.rstrip()))
        self.told.append((time.monotonic(), ""))

    def look_after(self) -> bool:
        """Once: nodes that are gone and a driver that failed are started again; whether it ended
        with nothing left to do."""
        code = None if self._driver is None else self._driver.poll()
        if code is not None:
            self.codes.append(code)
            self._driver = None
        if code in (0, 2):
            return True
        if not self._runs(self.hosts[0]) and self.hosts[0].is_on:
            self.end_nodes()
        self._mend()
        return False

    def _mend(self) -> None:
        """Start what is gone on hosts that have power; a node waits for its head, a driver too."""
        for host in self.hosts:
            if host.is_on and not self._runs(host):
                self.start_node(host)
        if self._driver is None and self.hosts[0].is_on:
            self.run()

    def _runs(self, host: Host) -> bool:
        node = self._nodes.get(host.name)
        return node is not None and node.poll() is None

    def ended(self) -> int:
        """Stop the campaign as it is asked to, and close it; the last generation."""
        for number in self.driver():
            os.kill(number, signal.SIGTERM)
        code = self.wait(PATIENCE_SECONDS)
        assert code == 75, (code, self.told[-20:])
        end = tiny_campaign.generation_of(self.folder) + 1
        tiny_campaign.settings_file(self.folder, generations=end)
        self.run()
        assert self.wait(PATIENCE_SECONDS) == 0, self.told[-20:]
        return end

    def driver(self) -> list[int]:
        """Its process."""
        return self.hosts[0].processes("campaign run") if self.hosts[0].is_on else []

    def drives(self) -> bool:
        """Whether the driver was started and has not ended, from its first moment on."""
        return self._driver is not None and self._driver.poll() is None

    def wait(self, seconds: float) -> int:
        """The exit code of the driver, which ends by itself."""
        assert self._driver is not None
        return self._driver.wait(seconds)

    def end_nodes(self) -> None:
        """All nodes of the cluster, as a scheduler ends a job: kill -9."""
        for host in self.hosts:
            for number in host.processes("ray") if host.is_on else []:
                with suppress(ProcessLookupError):
                    os.kill(number, 9)
        for node in self._nodes.values():
            node.wait()
        self._nodes.clear()

    def generations(self) -> list[tuple[float, int]]:
        """Generations that the driver told of, with when."""
        found = []
        for when, line in list(self.told):
            record = _parsed(line)
            if "generation" in record:
                found.append((when, int(record["generation"])))
        return found

    def sentences(self, since: float) -> list[str]:
        """What it told besides."""
        return [
            line for when, line in self.told if when >= since and "generation" not in _parsed(line)
        ]

    def surroundings(self) -> Mapping[str, str]:
        """Variables of the environment of nodes and driver."""
        path = f"{_BIN}{os.pathsep}{os.environ['PATH']}"
        own = {"RAY_AUTH_TOKEN_PATH": str(self._token), "PATH": path}
        return os.environ | _RAY | own | self._more


def _parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
