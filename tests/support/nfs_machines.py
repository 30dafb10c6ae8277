"""Machines with kernels of their own that share a folder by NFSv4: a server, and clients.

They are user-mode Linux (Debian: user-mode-linux, nfs-kernel-server, nfs-common, kmod), which boots
in seconds with the root of this machine; so server, client and locks are those of the kernel, and
power can be cut. It takes root.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SHARED = Path("/mnt/shared")
"""Where clients see the folder."""

LEASE_SECONDS = 10
"""After which the server takes back the locks of a client that is gone."""

_MODULES = Path("/usr/lib/uml/modules")
_NETWORK = "10.78.0"
_PROGRAMS = ("linux.uml", "ip", "modprobe", "exportfs", "rpc.nfsd", "mount.nfs")

_BOOT = """#!/bin/bash
export PATH="$BIN:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/mnt
mount -t proc proc /proc; mount -t sysfs sys /sys
for place in /run /dev/shm /mnt; do mount -t tmpfs tmpfs $place; done
mkdir -p /mnt/modules/lib /mnt/nfs/v4recovery /mnt/shared /run/lock
ln -s /usr/lib/uml/modules /mnt/modules/lib/modules
ip link set lo up; ip addr add $ADDRESS/24 dev vec0; ip link set vec0 up; hostname $NAME
"""

_SERVER = """
mount -t tmpfs tmpfs /srv; mkdir /srv/shared; touch /mnt/nfs/{etab,rmtab,xtab}
mount --bind /mnt/nfs /var/lib/nfs
modprobe -d /mnt/modules nfsd; mount -t nfsd nfsd /proc/fs/nfsd
echo $LEASE > /proc/fs/nfsd/nfsv4leasetime; echo $LEASE > /proc/fs/nfsd/nfsv4gracetime
exportfs -o rw,no_root_squash,insecure,no_subtree_check,fsid=0 '*:/srv/shared'
rpc.mountd --no-nfs-version 3; rpc.nfsd --no-nfs-version 3 8
touch $OUT; while :; do sleep 100; done
"""

_CLIENT = """
modprobe -d /mnt/modules nfsv4
until mount -t nfs -o vers=4.2 $SERVER:/ /mnt/shared; do sleep 1; done
cd /mnt; python -u $CODE > $OUT 2>&1; echo "left with $?" >> $OUT
echo o > /proc/sysrq-trigger; sleep 60
"""


def why_not() -> str | None:
    """What keeps this machine from having them; None where nothing does."""
    if os.geteuid() != 0:
        return "machines that share by NFS want root"
    searched = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    if lacking := [name for name in _PROGRAMS if shutil.which(name, path=searched) is None]:
        return f"{', '.join(lacking)} is not installed"
    return None if Path("/dev/net/tun").exists() else "there is no /dev/net/tun"


@dataclass
class Machine:
    """One that runs.

    Attributes:
        output: what its program has written.
    """

    output: Path
    _process: "subprocess.Popen[bytes]"

    @property
    def text(self) -> str:
        """All of it so far."""
        return self.output.read_text() if self.output.exists() else ""

    def power_off(self) -> None:
        """At once: nobody is told, no lock is given back."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def told(self, words: str, seconds: float = 120.0) -> str:
        """All of the output, once it holds some words."""
        until = time.monotonic() + seconds
        while words not in self.text:
            assert time.monotonic() < until, f"no {words!r} in {self.text!r}"
            time.sleep(0.1)
        return self.text


class Network:
    """The machines of one test."""

    def __init__(self, folder: Path) -> None:
        """Nothing is started.

        Args:
            folder: for scripts and output, on this machine.
        """
        self._folder = folder
        self._name = f"evonfs{os.getpid()}"
        self._machines: list[Machine] = []

    def up(self) -> None:
        """The network, and the server."""
        _ip("netns", "add", self._name)
        _ip("-n", self._name, "link", "add", "lan", "type", "bridge")
        _ip("-n", self._name, "link", "set", "lan", "up")
        server = self._boot(_SERVER, LEASE=str(LEASE_SECONDS))
        until = time.monotonic() + 60
        while not server.output.exists():
            assert time.monotonic() < until, "the NFS server did not start"
            time.sleep(0.1)

    def down(self) -> None:
        """All of it."""
        for machine in self._machines:
            machine.power_off()
        _ip("netns", "del", self._name)

    def run(self, code: str) -> Machine:
        """A new machine that runs a Python program beside the shared folder."""
        program = self._folder / f"program{len(self._machines)}.py"
        program.write_text(code)
        return self._boot(_CLIENT, CODE=str(program), SERVER=f"{_NETWORK}.10")

    def _boot(self, what: str, **told: str) -> Machine:
        number = len(self._machines)
        cable, output = f"tap{number}", self._folder / f"output{number}"
        _ip("-n", self._name, "tuntap", "add", cable, "mode", "tap")
        _ip("-n", self._name, "link", "set", cable, "master", "lan", "up")
        told |= {"NAME": f"nfs{number}", "ADDRESS": f"{_NETWORK}.{10 + number}"}
        told |= {"OUT": str(output), "BIN": str(Path(sys.executable).parent)}
        told |= {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
        script = self._folder / f"boot{number}.sh"
        given = "".join(f"export {name}='{value}'\n" for name, value in told.items())
        script.write_text(_BOOT.replace("\n", f"\n{given}", 1) + what)
        script.chmod(0o755)
        linux = "linux.uml mem=1500M root=/dev/root rootfstype=hostfs rootflags=/ rw con=null quiet"
        words = [*linux.split(), f"init={script}", f"vec0:transport=tap,ifname={cable},depth=64"]
        process = subprocess.Popen(
            ["ip", "netns", "exec", self._name, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._machines.append(Machine(output, process))
        return self._machines[-1]


@contextmanager
def running(folder: Path) -> Iterator[Network]:
    """A server, and whatever clients are asked for, until the end of the block."""
    network = Network(folder)
    try:
        network.up()
        yield network
    finally:
        network.down()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, stdout=subprocess.DEVNULL)
