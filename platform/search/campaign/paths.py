"""Where a campaign lives on disk, and who may write to it.

<home>/poses                    the pose table, shared by all campaigns of a home
<home>/<campaign>/settings.yaml
<home>/<campaign>/lock          held while a driver runs
<home>/<campaign>/target.npz    the keypoints that are bred towards, target.json their files
<home>/<campaign>/sources/      seed, validation, test and template poses as at the start
<home>/<campaign>/state/        one file a generation, the last two kept
<home>/<campaign>/snapshots/    what each training read
<home>/<campaign>/trainings/    g0000/ holds bundle/, state/ and training.json
<home>/<campaign>/unrecorded/   what MLflow has not taken yet
<home>/<campaign>/report.json   baseline against champion
<home>/<campaign>/report.html   the same for a reviewer, with figures
"""

import fcntl
import hashlib
import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from evoskeleton.assets import cache_folder
from evoskeleton.errors import BadInput
from evoskeleton.files import is_remote, local_folder, storage_errors, whole_file

if TYPE_CHECKING:
    from evoskeleton.platform.search.campaign.mirror import Mirror
    from evoskeleton.platform.search.workers.joined.stored import Stored


class CampaignFolder:
    """The paths of one campaign."""

    def __init__(self, home: Path | str, name: str, here: Path | None = None) -> None:
        """Nothing is touched.

        Args:
            home: a folder, or the address of one on an object store.
            name: of the campaign.
            here: where a home on an object store is worked on; none: in the user's cache.

        Raises:
            BadInput: the store cannot be reached that way.
        """
        self.name = name
        self.is_remote = is_remote(str(home))
        if self.is_remote:
            self.uri = str(home).rstrip("/")
            self.home = here or _worked_on(self.uri)
        else:
            self.home = local_folder(home, "home")
            self.uri = str(self.home)
        self.path = self.home / name

    @cached_property
    def _mirror(self) -> "Mirror":
        from evoskeleton.platform.search.campaign.mirror import Mirror

        return Mirror(f"{self.uri}/{self.name}", self.path)

    def fetch(self, light: bool = False) -> None:
        """Where the home is on an object store, make the folder here like that one.

        Args:
            light: only what tells how far the campaign is.

        Raises:
            BadInput: the store or the folder here cannot be used.
        """
        if self.is_remote:
            self._mirror.fetch(light)

    def keep(self) -> None:
        """Where the home is on an object store, bring what was written here.

        Raises:
            BadInput: the store does not take it.
        """
        if self.is_remote:
            self._mirror.keep()

    def stored(self) -> "Stored":
        """The folder as nodes of a cluster see it."""
        from evoskeleton.platform.search.workers.joined.stored import Stored

        if not self.is_remote:
            return Stored(str(self.path))
        return Stored(str(self.path), f"{self.uri}/{self.name}", self.identity())

    @property
    def table(self) -> str:
        """Where the pose table of the home lies."""
        return f"{self.uri}/poses" if self.is_remote else str(self.home / "poses")

    @property
    def settings(self) -> Path:
        """The settings the campaign was started with."""
        return self.path / "settings.yaml"

    @property
    def limits(self) -> Path:
        """The joint limits the campaign was started with."""
        return self.path / "limits.npz"

    @property
    def descriptor(self) -> Path:
        """The pose descriptor of the archive, where there is one."""
        return self.path / "descriptor.npz"

    @property
    def target(self) -> Path:
        """The keypoint sets that the search breeds towards, where there are any."""
        return self.path / "target.npz"

    @property
    def target_files(self) -> Path:
        """What the files of the target were like when it was read."""
        return self.path / "target.json"

    @property
    def operators(self) -> Path:
        """Fingerprints of users' own operators."""
        return self.path / "operators.json"

    @property
    def report(self) -> Path:
        """The final comparison."""
        return self.path / "report.json"

    @property
    def page(self) -> Path:
        """The report for a reviewer, with its figures."""
        return self.path / "report.html"

    @property
    def unrecorded(self) -> Path:
        """What waits for MLflow and lies nowhere else."""
        return self.path / "unrecorded"

    def source(self, role: str) -> Path:
        """The poses of one role: seed, validation, test or templates."""
        return self.path / "sources" / f"{role}.npz"

    def state(self, generation: int) -> Path:
        """The state that one generation left."""
        return self.path / "state" / f"g{generation:06d}.npz"

    def snapshot(self, generation: int) -> Path:
        """The poses that the training after one generation reads."""
        return self.path / "snapshots" / f"g{generation:06d}.npy"

    def training(self, generation: int) -> Path:
        """What the training after one generation left."""
        return self.path / "trainings" / f"g{generation:06d}"

    def exists(self) -> bool:
        """Whether the campaign was ever started."""
        if self.is_remote:
            return self._mirror.is_there(self.settings.name)
        return self.settings.exists()

    def create(self) -> None:
        """Make the folders.

        Raises:
            BadInput: the storage cannot be written.
        """
        with storage_errors(self.path):
            for part in ("sources", "state", "snapshots", "trainings"):
                (self.path / part).mkdir(parents=True, exist_ok=True)

    def identity(self) -> str:
        """A word that names this campaign and no other of the same name, kept with it."""
        path = self.path / "identity"
        if not path.exists():
            with whole_file(path) as file:
                file.write(uuid.uuid4().hex.encode())
        return path.read_text()

    def is_locked(self) -> bool:
        """Whether a driver runs this campaign now."""
        try:
            with open(self.path / "lock") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # no lock file, or a file system that knows no locks
            return False
        return False

    @contextmanager
    def lock(self, wait: float = 0.0) -> Iterator[None]:
        """Only one driver at a time; the lock goes with the process, however it ends.

        Args:
            wait: seconds to wait for another process to end, or for a file server to notice that
                it has.

        Raises:
            BadInput: another process runs this campaign, or the storage cannot be written or
                knows no locks.
        """
        with storage_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            handle = open(self.path / "lock", "a+")  # noqa: SIM115
        with handle:
            self._locked(handle, time.monotonic() + wait)
            handle.truncate(0)
            json.dump(_this_process(), handle)
            handle.flush()
            yield

    def _locked(self, handle: IO[str], until: float) -> None:
        """Take the lock, at the latest at a time of the monotonic clock."""
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if (left := until - time.monotonic()) > 0:
                    time.sleep(min(_POLL_SECONDS, left))
                    continue
                raise BadInput(
                    f"campaign {self.name} is being run by process {_owner(handle)}"
                ) from None
            except OSError as error:
                raise BadInput(f"{self.path / 'lock'} cannot be locked: {error.strerror}") from None


def _worked_on(uri: str) -> Path:
    """The folder of this machine for a home on an object store."""
    return cache_folder() / "homes" / hashlib.sha256(uri.encode()).hexdigest()[:16]


_TAKEN = ("mlartifacts", "mlruns", "mlflow.db")
"""Names in a home that MLflow uses."""


def refuse_shared_name(folder: CampaignFolder, table: str) -> None:
    """A campaign's folder holds nothing else, and lies in nothing else.

    Args:
        folder: of the campaign.
        table: URI of the pose table.

    Raises:
        BadInput: the table, or MLflow, has that place.
    """
    another = f"choose another name than {folder.name}"
    if folder.name in _TAKEN:
        raise BadInput(f"{folder.path} is where MLflow keeps its files: {another}")
    if "://" in table:
        return
    place = Path(table).expanduser().resolve()
    if place == folder.path or folder.path in place.parents or place in folder.path.parents:
        raise BadInput(
            f"the pose table {place} and the campaign's folder {folder.path} should not be one in "
            f"the other: {another}, or another table"
        )


_POLL_SECONDS = 0.5


def _this_process() -> dict[str, Any]:
    """Who holds a lock: in containers, process numbers say little."""
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "pod": os.environ.get("HOSTNAME"),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _owner(handle: IO[str]) -> str:
    """Who holds a lock, in words; earlier versions wrote the number of the process alone."""
    handle.seek(0)
    text = handle.read().strip()
    try:
        owner = json.loads(text)
    except ValueError:
        return text or "unknown"
    if not isinstance(owner, dict):
        return text
    pod = owner.get("pod")
    where = f" ({pod})" if pod and pod != owner.get("host") else ""
    return (
        f"{owner.get('pid')} on {owner.get('host')}{where} since {owner.get('since')}; "
        f"--wait SECONDS waits for its end"
    )
