"""What a record should say about the code and the machine that made it."""

import getpass
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import evoskeleton
from evoskeleton.machine import cores


def package_version() -> str:
    """The version of the installed package."""
    try:
        return version("evoskeleton")
    except PackageNotFoundError:
        return "unknown"


def code_commit() -> str | None:
    """The git commit of the package's own repository, `+changes` where files differ from it; None
    for an installed package, even one that lies inside somebody else's repository."""
    folder = Path(str(evoskeleton.__file__)).resolve().parent
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no", ":/")
    return f"{commit}+changes" if commit and changed else commit


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def user() -> str | None:
    """Who runs this process; None in a container that has no names."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None


def device() -> str:
    """The graphics cards of this machine, or its processor and how many cores we may use."""
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return ", ".join(names)
    return f"{_processor()}, {cores()} cores"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
