"""Several hosts on one machine: namespaces with addresses of their own, joined by a bridge.

A host has its own network, processes, host name, /tmp and shared memory; power is cut and given
back, and its cable pulled and put in again. It takes root and iproute2.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]

NETWORK = "10.77.0"

_BOOT = """
set -e
hostname "$NAME"; mount -t proc proc /proc
mount --bind /tmp /mnt; mount -t tmpfs tmpfs /tmp; chmod 1777 /tmp
for kept in $KEPT; do mkdir -p "$kept"; mount --rbind "/mnt/${kept#/tmp/}" "$kept"; done
umount -l /mnt
mount -t tmpfs -o size=1g tmpfs /dev/shm
mkdir -p /tmp/home
printf '127.0.0.1 localhost\\n%b' "$ADDRESSES" > /tmp/hosts; mount --bind /tmp/hosts /etc/hosts
touch /tmp/booted
trap : TERM
while :; do sleep 1000 & wait $! || :; done
"""
"""What process 1 of a host does: a root of its own, and then it takes in orphans."""


def why_not() -> str | None:
    """What keeps this machine from having hosts; None where nothing does."""
    if os.geteuid() != 0:
        return "hosts made of namespaces want root"
    if lacking := [name for name in ("ip", "unshare", "nsenter") if shutil.which(name) is None]:
        return f"{', '.join(lacking)} is not installed"
    name = f"evo{os.getpid()}try"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        return "network namespaces cannot be made here"
    _ip("netns", "del", name)
    return None


@dataclass
class Host:
    """One of them.

    Attributes:
        name: its host name, and that of its network namespace.
        address: on the network that all share.
        port: the bridge's end of its cable, and the namespace the bridge is in.
        kept: folders of /tmp that it shares with this machine.
        names: host names by address.
    """

    name: str
    address: str
    port: tuple[str, str]
    kept: Sequence[Path]
    names: Mapping[str, str]
    _outer: subprocess.Popen[bytes] | None = None
    _inner: int = 0

    @property
    def is_on(self) -> bool:
        """Whether it has power."""
        return self._outer is not None and self._outer.poll() is None

    def power_on(self) -> None:
        """Boot, and put the cable in."""
        self.heal()
        told = {
            "NAME": self.name,
            "KEPT": " ".join(str(path) for path in self.kept),
            "ADDRESSES": "".join(f"{at} {name}\\n" for at, name in self.names.items()),
        }
        apart = "unshare --mount --uts --ipc --pid --fork --kill-child --propagation private"
        self._outer = subprocess.Popen(
            ["ip", "netns", "exec", self.name, *apart.split(), "bash", "-c", _BOOT],
            env=os.environ | told,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._inner = _booted(self._outer)

    def power_off(self) -> None:
        """At once: nobody is told, no connection is closed."""
        self.cut()
        os.kill(self._inner, signal.SIGKILL)
        if self._outer is not None:
            self._outer.wait()

    def cut(self) -> None:
        """Pull the cable."""
        _ip("-n", self.port[1], "link", "set", self.port[0], "down")

    def heal(self) -> None:
        """Put the cable in."""
        _ip("-n", self.port[1], "link", "set", self.port[0], "up")

    def inside(self, *words: str) -> list[str]:
        """A command line of this machine that runs a command on the host."""
        return ["nsenter", "-t", str(self._inner), "-m", "-u", "-i", "-n", "-p", "--", *words]

    def processes(self, title: str) -> list[int]:
        """Numbers, as this machine counts them, of the host's processes of a title."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                same = os.readlink(folder / "ns" / "pid") == self._namespace
            except OSError:
                continue
            if same and title.encode() in words:
                found.append(int(folder.name))
        return sorted(found)

    @property
    def _namespace(self) -> str:
        return os.readlink(f"/proc/{self._inner}/ns/pid")


def _booted(outer: subprocess.Popen[bytes]) -> int:
    """The number of process 1, once its host is up."""
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    until = time.monotonic() + 30
    while time.monotonic() < until and outer.poll() is None:
        inner = _below(children)
        if inner and Path(f"/proc/{inner}/root/tmp/booted").exists():
            return inner
        time.sleep(0.05)
    raise RuntimeError("a host did not boot")


def _below(children: Path) -> int | None:
    """`ip netns exec` becomes unshare, whose child is process 1."""
    found = children.read_text().split()
    return int(found[0]) if found else None


@contextmanager
def running(count: int, folder: Path) -> Iterator[list[Host]]:
    """Hosts, powered on, until the end of the block.

    Args:
        count: of hosts.
        folder: what they share with this machine, beside this checkout; all else of /tmp is their
            own.
    """
    kept = [path for path in (folder, _CHECKOUT) if path.is_relative_to("/tmp")]
    prefix = f"evo{os.getpid()}"
    lan = f"{prefix}lan"
    names = {f"{NETWORK}.{10 + number}": f"{prefix}h{number}" for number in range(count)}
    hosts: list[Host] = []
    _ip("netns", "add", lan)
    try:
        _ip("-n", lan, "link", "add", "br0", "type", "bridge")
        for link in ("br0", "lo"):
            _ip("-n", lan, "link", "set", link, "up")
        for number, (address, name) in enumerate(names.items()):
            _wire(name, address, f"p{number}", lan)
            hosts.append(Host(name, address, (f"p{number}", lan), kept, names))
            hosts[-1].power_on()
        yield hosts
    finally:
        for host in hosts:
            if host.is_on:
                host.power_off()
        for name in [*names.values(), lan]:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def _wire(name: str, address: str, port: str, lan: str) -> None:
    """A namespace with a cable to the bridge."""
    _ip("netns", "add", name)
    _ip("-n", lan, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("-n", lan, "link", "set", port, "master", "br0", "up")
    _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
    for link in ("eth0", "lo"):
        _ip("-n", name, "link", "set", link, "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
