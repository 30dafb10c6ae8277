"""Servers that start at once: a process that has loaded everything makes one for every line.

Each line of standard input is a log file and the arguments of `evoskeleton serve`, as JSON; the
answer is the new process's id. For tests that kill a server many times.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


class WarmServers:
    """Starts servers, one after the other."""

    def __init__(self) -> None:
        """Loads everything, which takes as long as a start does else."""
        words = [sys.executable, __file__]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._maker = subprocess.Popen(words, text=True, **pipes)

    def start(self, log: Path, *arguments: str) -> int:
        """The id of a new server that takes calls."""
        assert self._maker.stdin and self._maker.stdout
        self._maker.stdin.write(json.dumps([str(log), *arguments]) + "\n")
        self._maker.stdin.flush()
        process = int(self._maker.stdout.readline())
        deadline = time.monotonic() + 120
        while not log.exists() or "serving" not in log.read_text():
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.02)
        return process

    def close(self) -> None:
        """No more servers; those that run go on."""
        self._maker.kill()
        self._maker.wait()


def _make_servers() -> None:
    import evoskeleton.annotation.server.endpoint
    import evoskeleton.annotation.server.http.http_server
    import evoskeleton.lifting.bundle  # noqa: F401
    from evoskeleton.cli import main

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        log, *arguments = json.loads(line)
        process = os.fork()
        if not process:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, 1)
            os.dup2(file, 2)
            main(["serve", *arguments])
            os._exit(0)
        print(process, flush=True)


if __name__ == "__main__":
    _make_servers()
