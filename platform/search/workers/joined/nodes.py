"""What the nodes of a cluster are like: the same code and versions, and a home that all share.

One task a node looks. Different code on two nodes, or a folder that only some of them see, would
show up hours later as a wrong row or a file that is not there.
"""

import fcntl
import hashlib
import os
import platform
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs

import evoskeleton
from evoskeleton.errors import BadInput
from evoskeleton.files import is_remote
from evoskeleton.platform.data.table.refusals import in_a_sentence
from evoskeleton.platform.data.table.storage import options_for, store

PACKAGES = ("torch", "numpy", "ray", "deltalake", "pyarrow", "moocore", "deap")
"""What decides about rows, or travels between nodes."""


@dataclass(frozen=True)
class Sight:
    """What one process sees from where it runs.

    Attributes:
        host: name of the machine.
        code: hash of the package's modules.
        versions: of Python, of the package and of `PACKAGES`.
        processor: kind and vector instructions, on which the last bits of scores may depend.
        sees_home: whether the file that the driver left in the home is there.
        trouble: why the home cannot be written, or None.
        sees_lock: whether the driver's lock on that file is seen; None where the file is not.
        sync_seconds: what it takes to write a small file to disk.
        storage: kind of the file system that the home lies on.
        clock: seconds since 1970.
    """

    host: str
    code: str
    versions: dict[str, str]
    processor: str
    sees_home: bool
    trouble: str | None
    sees_lock: bool | None
    sync_seconds: float
    storage: str
    clock: float


@dataclass(frozen=True)
class Node:
    """A node of a cluster, and what was seen from it.

    Attributes:
        name: host and address.
        cpus, gpus: processors and GPUs in all.
        memory: bytes.
        gpu_model: as Ray names it, or None.
        sight: None where nobody answered.
        problem: in words, or None.
        behind: seconds by which its clock is behind the driver's; below 0, before it.
    """

    name: str
    cpus: float
    gpus: float
    memory: float
    gpu_model: str | None
    sight: Sight | None = None
    problem: str | None = None
    behind: float = 0.0


def look(home: str | None, mark: str) -> dict[str, Any]:
    """What this process sees, as plain values.

    Args:
        home: folder that all nodes should share, if any.
        mark: name of the file that the driver has left there.
    """
    started = time.monotonic()
    there, trouble, sees_lock = _seen_of(home, mark)
    return asdict(
        Sight(
            host=socket.gethostname(),
            code=_code(),
            versions=_versions(),
            processor=_processor(),
            sees_home=there,
            trouble=trouble,
            sees_lock=sees_lock,
            sync_seconds=time.monotonic() - started,
            storage=_storage(home),
            clock=time.time(),
        )
    )


def _seen_of(home: str | None, mark: str) -> tuple[bool, str | None, bool | None]:
    """Whether the home is there, why it cannot be written, and whether a lock is seen in it."""
    if home is None:
        return True, None, None
    if is_remote(home):
        return _seen_of_store(home, mark)
    if not (Path(home) / mark).exists():
        return False, None, None
    return True, _written(home, mark), _sees_lock(Path(home) / mark)


def _seen_of_store(home: str, mark: str) -> tuple[bool, str | None, None]:
    """The same of an object store, which has no locks."""
    try:
        with in_a_sentence(f"{home} cannot be read"):
            there = store(home, options_for(home, None))
            if there.get_file_info(mark).type != pafs.FileType.File:
                return False, None, None
        own = f"{mark}.{secrets.token_hex(4)}"
        with in_a_sentence(f"{home} cannot be written"):
            there.open_output_stream(own).close()
            there.delete_file(own)
    except BadInput as error:
        return True, str(error), None
    return True, None, None


def _written(home: str, mark: str) -> str | None:
    """Why a file cannot be made beside the driver's; None where it can."""
    try:
        with tempfile.NamedTemporaryFile(prefix=f"{mark}.", dir=home) as file:
            file.write(b"written")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return None


def _sees_lock(path: Path) -> bool | None:
    """Whether the lock that the driver has on a file keeps others out here."""
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return None


def _storage(home: str | None) -> str:
    """Such as `ext4`, `nfs4` or `fuse.s3fs`: of the longest mount point that holds the home."""
    if home is None or is_remote(home):
        return (home or "").partition("://")[0]
    best, kind = "", ""
    with suppress(OSError):
        for line in Path("/proc/mounts").read_text().splitlines():
            _, place, system, *_ = line.split(" ")
            if len(place) >= len(best) and Path(home).is_relative_to(place):
                best, kind = place, system
    return kind


def _code() -> str:
    """Hash of all modules and data of the package as they lie here."""
    found = hashlib.sha256()
    root = Path(evoskeleton.__file__).parent
    for path in sorted(_modules(root)):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:12]


def _modules(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root, followlinks=True):
        yield from (Path(folder) / name for name in names if name.endswith((".py", ".yaml")))


def _versions() -> dict[str, str]:
    found = {"Python": ".".join(map(str, sys.version_info[:2]))}
    for name in ("evoskeleton", *PACKAGES):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _processor() -> str:
    """Such as `x86_64 avx512f`: what torch chooses its kernels by."""
    with suppress(OSError):
        flags = set(Path("/proc/cpuinfo").read_text().split())
        best = next((name for name in ("avx512f", "avx2", "sve") if name in flags), "")
        return f"{platform.machine()} {best}".strip()
    return platform.machine()


@contextmanager
def marked(home: Path | str | None) -> Iterator[str]:
    """A file in the home for a time, by which nodes know that it is the same folder.

    Raises:
        BadInput: the home cannot be written from here.
    """
    mark = f".evoskeleton-{secrets.token_hex(8)}"
    if home is None:
        yield mark
        return
    if is_remote(str(home)):
        with _marked_on_store(str(home), mark):
            yield mark
        return
    home = Path(home)
    try:
        home.mkdir(parents=True, exist_ok=True)
        file = (home / mark).open("wb")
    except OSError as error:
        raise BadInput(f"{home} cannot be written: {error.strerror or error}") from None
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield mark
    finally:
        file.close()
        with suppress(OSError):
            (home / mark).unlink()


@contextmanager
def _marked_on_store(home: str, mark: str) -> Iterator[None]:
    with in_a_sentence(f"{home} cannot be written"):
        there = store(home, options_for(home, None))
        there.open_output_stream(mark).close()
    try:
        yield
    finally:
        with suppress(OSError):
            there.delete_file(mark)


def nodes_of(home: Path | str | None, seconds: float) -> tuple[Sight, list[Node]]:
    """All nodes of the cluster that this process has joined, each looked at by a task there.

    Args:
        home: folder that all should share.
        seconds: how long to wait for them.

    Returns:
        What the driver sees, and what the nodes do.

    Raises:
        BadInput: the home cannot be written from here.
    """
    import ray

    with marked(home) as mark:
        place = None if home is None else str(home)
        own = Sight(**look(place, mark))
        alive = [node for node in ray.nodes() if node["Alive"]]
        looking = [_task(node).remote(place, mark) for node in alive]
        ray.wait(looking, num_returns=len(looking), timeout=seconds)
        pairs = zip(alive, looking, strict=True)
        return own, [_seen(node, task, own, home) for node, task in pairs]


def _task(node: dict[str, Any]) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
    return ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=where)(look)


def _seen(node: dict[str, Any], task: Any, own: Sight, home: Path | str | None) -> Node:
    import ray
    from ray.exceptions import GetTimeoutError

    resources = node["Resources"]
    models = [key.split(":")[1] for key in resources if key.startswith("accelerator_type:")]
    facts = Node(
        name=f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})",
        cpus=resources.get("CPU", 0.0),
        gpus=resources.get("GPU", 0.0),
        memory=resources.get("memory", 0.0),
        gpu_model=models[0] if models else None,
    )
    try:
        sight = Sight(**ray.get(task, timeout=0))
    except GetTimeoutError:
        return replace(facts, problem="does not answer")
    except Exception as error:  # whatever ended the task there
        return replace(facts, problem=_unable(error))
    problem = _problem(sight, own, home)
    return replace(facts, sight=sight, problem=problem, behind=_behind(sight, own))


def _behind(sight: Sight, own: Sight) -> float:
    """How far a clock is off, as far as can be told by when an answer was asked for and came."""
    if sight.clock < own.clock:
        return own.clock - sight.clock
    return min(0.0, time.time() - sight.clock)


def _unable(error: Exception) -> str:
    """Why a task could not look: most often, the package is not there, or is another one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = lines[-1] if lines else type(error).__name__
    missing = next((line for line in lines if "ModuleNotFoundError" in line), None)
    if missing or "AttributeError" in last:
        return f"has no evoskeleton of this version ({missing or last})"
    return f"cannot run a task: {last}"


def _problem(sight: Sight, own: Sight, home: Path | str | None) -> str | None:
    """What makes a node unfit, in words; None where nothing does."""
    for name in own.versions.keys() | sight.versions.keys():
        there, here = sight.versions.get(name, "none"), own.versions.get(name, "none")
        if there != here:
            return f"has {name} {there}, the driver {here}"
    if sight.code != own.code:
        return f"has other code of evoskeleton ({sight.code}, the driver {own.code})"
    if not sight.sees_home:
        return f"does not see {home}, which all nodes should share"
    if sight.trouble is not None:
        return f"cannot write {home}: {sight.trouble}"
    return None


def expect_alike(
    home: Path | str | None, seconds: float, tell: Callable[[str], None], scores_on_gpus: bool
) -> None:
    """Refuse a cluster whose nodes differ in what decides about rows, or do not share the home.

    Nothing is looked at where this machine is the only node.

    Args:
        home: folder that all nodes should share.
        seconds: how long to wait for their answers.
        tell: gets a sentence where processors differ.
        scores_on_gpus: whether poses are scored on whichever GPU comes.

    Raises:
        BadInput: a node has a problem, or GPUs differ.
    """
    if _is_alone():
        return
    own, nodes = nodes_of(home, seconds)
    if (ill := next((node for node in nodes if node.problem), None)) is not None:
        raise BadInput(f"node {ill.name} {ill.problem}; `evoskeleton deploy check` shows all nodes")
    models = sorted({node.gpu_model for node in nodes if node.gpu_model})
    if scores_on_gpus and len(models) > 1:
        raise BadInput(
            f"the cluster has GPUs of several models ({', '.join(models)}), whose scores differ in "
            f"their last bits: choose one by machine.scorer_labels="
            f"'{{ray.io/accelerator-type: {models[0]}}}'"
        )
    for sentence in (kinds_of_processors(own, nodes), locks_unseen(nodes)):
        if sentence is not None:
            tell(sentence)


def locks_unseen(nodes: Sequence[Node]) -> str | None:
    """A sentence where a lock in the home keeps nobody out on another node; None elsewhere."""
    blind = [node.name for node in nodes if node.sight and node.sight.sees_lock is False]
    if not blind:
        return None
    return (
        f"locks of files in the home are not seen on {', '.join(blind)} (Lustre wants -o flock, "
        f"BeeGFS tuneUseGlobalFileLocks): of two drivers of a campaign, the pose table alone stops "
        f"the earlier one"
    )


def kinds_of_processors(own: Sight, nodes: Sequence[Node]) -> str | None:
    """A sentence where processors differ; None where they do not."""
    kinds = sorted({own.processor, *(node.sight.processor for node in nodes if node.sight)})
    if len(kinds) == 1:
        return None
    return (
        f"the nodes have processors of several kinds ({', '.join(kinds)}): scores may differ in "
        f"their last bits, so that another run need not make the same table"
    )


def _is_alone() -> bool:
    import ray
    from ray.util import get_node_ip_address

    alive = [node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]]
    return alive == [get_node_ip_address()]
