"""The pinned campaign again: its driver is killed at random moments, and it is extended later."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import yaml
from pins import kernels
from pins.campaign import settings, write_motion

TRACKED = ("--set", "tracking.enabled=true")


def run(folder: Path, kills: int) -> None:
    """Three generations, killed `kills` times at most and resumed to the end, then a fourth."""
    write_motion(folder / "poses.parquet")
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings()))
    moments = random.Random(5)
    resume = ("resume", "pinned", "--home", "home", *TRACKED)
    arguments = ("run", "settings.yaml", *TRACKED, "--set", "search.generations=3")
    killed = 0
    while killed < kills and _killed(folder, arguments, moments.uniform(8, 24)):
        killed += 1
        if (folder / "home" / "pinned" / "settings.yaml").exists():
            arguments = resume
    assert killed > 0
    if killed == kills:
        _ended(folder, arguments)
    _ended(folder, (*resume, "--set", "search.generations=4"))


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "evoskeleton.cli", "campaign", *arguments]


def _killed(folder: Path, arguments: tuple[str, ...], seconds: float) -> bool:
    """Whether a campaign had to be killed after so many seconds; it may have ended before."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(_command(arguments), cwd=folder, env=kernels.environment(), **quiet)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    assert process.returncode == 0
    return False


def _ended(folder: Path, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        _command(arguments),
        cwd=folder,
        env=kernels.environment(),
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
