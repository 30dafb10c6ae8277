"""Slurm on several hosts: a controller on the first, a node on each, as Debian packages them."""

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import hosts
from hosts import Host

_CONFIGURATION = """
ClusterName=evo
SlurmctldHost={head}({address})
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmUser=root
SlurmdUser=root
SlurmdSpoolDir=/tmp/slurmd
StateSaveLocation={folder}/controller
SlurmctldPidFile=/tmp/slurmctld.pid
SlurmdPidFile=/tmp/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%h.log
ReturnToService=2
MpiDefault=none
JobRequeue=1
KillWait=30
SlurmdTimeout=10
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
_CGROUPS = "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\nCgroupMountpoint=/sys/fs/cgroup\n"
_BOOT = """
set -e
mkdir -p /tmp/slurmd /run/munge /etc/slurm
mount --bind "$FOLDER" /etc/slurm
mount -t tmpfs -o mode=755 tmpfs /run/munge
install -m 400 "$FOLDER/munge.key" /tmp/munge.key
munged --force --key-file=/tmp/munge.key --socket=/run/munge/munge.socket.2 \\
  --pid-file=/tmp/munged.pid --log-file=/tmp/munged.log --seed-file=/tmp/munged.seed
if [ -n "$CONTROLS" ]; then slurmctld; fi
slurmd -N "$(hostname)"
"""
_BIN = Path(sys.executable).parent


def why_not() -> str | None:
    """What keeps this machine from having it; None where nothing does."""
    for name in ("slurmctld", "slurmd", "munged", "sbatch", "scontrol"):
        if shutil.which(name) is None:
            return f"{name} is not installed"
    return hosts.why_not()


@dataclass
class Slurm:
    """A cluster; the first host controls it."""

    hosts: Sequence[Host]
    folder: Path

    def boot(self, host: Host) -> None:
        """Join a host that has power."""
        own = {"FOLDER": str(self.folder), "CONTROLS": "yes" if host is self.hosts[0] else ""}
        log = (self.folder / "boot.log").open("ab")
        done = subprocess.run(
            host.inside("bash", "-c", _BOOT), env=os.environ | own, stdout=log, stderr=log
        )
        assert done.returncode == 0, (self.folder / "boot.log").read_text()

    def ask(self, *words: str, **surroundings: str) -> str:
        """What a command of Slurm's says on the first host."""
        path = f"{_BIN}{os.pathsep}{os.environ['PATH']}"
        own = {"PATH": path, "HOME": "/tmp/home", **surroundings}
        done = subprocess.run(
            self.hosts[0].inside(*words), env=os.environ | own, capture_output=True, text=True
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def job(self, number: int) -> dict[str, str]:
        """What the controller says of a job, by name."""
        words = self.ask("scontrol", "--oneliner", "show", "job", str(number)).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def wait_for(self, number: int, state: str, seconds: float) -> dict[str, str]:
        """The job, once it is in a state; one that waits for its time is let go at once."""
        until = time.monotonic() + seconds
        while (found := self.job(number))["JobState"] != state:
            if found["JobState"] == "PENDING" and found.get("Reason") == "BeginTime":
                self.ask("scontrol", "update", f"jobid={number}", "StartTime=now")
            assert time.monotonic() < until, found
            time.sleep(0.5)
        return found


@contextmanager
def running(count: int, shared: Path) -> Iterator[Slurm]:
    """A cluster of so many hosts until the end of the block.

    Args:
        count: of hosts.
        shared: a folder that all hosts see; `slurm` in it is for the configuration and logs.
    """
    folder = shared / "slurm"
    (folder / "controller").mkdir(parents=True)
    (folder / "munge.key").write_bytes(secrets.token_bytes(128))
    with hosts.running(count, shared) as there:
        nodes = (
            f"NodeName={host.name} NodeAddr={host.address} CPUs=2 RealMemory=2000 State=UNKNOWN"
            for host in there
        )
        text = _CONFIGURATION.format(
            head=there[0].name, address=there[0].address, folder=folder, nodes="\n".join(nodes)
        )
        (folder / "slurm.conf").write_text(text)
        (folder / "cgroup.conf").write_text(_CGROUPS)
        slurm = Slurm(there, folder)
        for host in there:
            slurm.boot(host)
        yield slurm
