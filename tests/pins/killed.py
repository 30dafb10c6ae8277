"""The pinned campaign again: its driver is killed at random moments, and it is extended later."""

import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import yaml
from killing import killed_after
from pins import kernels
from pins.campaign import settings, write_motion

TRACKED = ("--set", "tracking.enabled=true")


def run(folder: Path, kills: int, *joined: str) -> None:
    """Three generations, killed `kills` times at most, then gone on with to a fourth.

    Without `joined`, the words that name a cluster, each start has a Ray of its own.
    """
    write_motion(folder / "poses.parquet")
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings()))
    moments = random.Random(5)
    resume = ("resume", "pinned", "--home", "home", *TRACKED, *joined)
    arguments = ("run", "settings.yaml", *TRACKED, *joined, "--set", "search.generations=3")
    killed = 0
    while killed < kills and _killed(folder, arguments, moments.uniform(0, 8)):
        killed += 1
        arguments = resume
    assert killed > 0
    _ended(folder, (*resume, "--set", "search.generations=4"))


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "evoskeleton.cli", "campaign", *arguments]


def _killed(folder: Path, arguments: tuple[str, ...], seconds: float) -> bool:
    """Whether a campaign had to be killed so long after it was at work; it may have ended before.

    Until a training has moved, there would be nothing to lose.
    """
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    before = _trained(folder)
    process = subprocess.Popen(_command(arguments), cwd=folder, env=kernels.environment(), **quiet)
    while process.poll() is None and _trained(folder) == before:
        time.sleep(0.1)
    return killed_after(process, seconds)


def _trained(folder: Path) -> set[tuple[str, int]]:
    """What trainings have left or said so far, and when."""
    found = set()
    for path in (folder / "home" / "pinned" / "trainings").glob("*"):
        with suppress(FileNotFoundError):
            found.add((path.name, path.stat().st_mtime_ns))
    return found


def _ended(folder: Path, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        _command(arguments),
        cwd=folder,
        env=kernels.environment(),
        capture_output=True,
        text=True,
        timeout=550,
    )
    assert done.returncode == 0, done.stderr[-3000:]
