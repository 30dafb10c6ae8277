"""Where a campaign lives on disk, and who may write to it.

<home>/poses                    the pose table, shared by all campaigns of a home
<home>/<campaign>/settings.yaml
<home>/<campaign>/lock          held while a driver runs
<home>/<campaign>/target.npz    the keypoints that are bred towards, target.json their files
<home>/<campaign>/sources/      seed, validation, test and template poses as at the start
<home>/<campaign>/state/        one file a generation, the last two kept
<home>/<campaign>/snapshots/    what each training read
<home>/<campaign>/trainings/    g0000/ holds bundle/, state/ and training.json
<home>/<campaign>/report.json   baseline against champion
<home>/<campaign>/report.html   the same for a reviewer, with figures
"""

import fcntl
import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from evoskeleton.errors import BadInput
from evoskeleton.files import storage_errors, whole_file


class CampaignFolder:
    """The paths of one campaign."""

    def __init__(self, home: Path | str, name: str) -> None:
        self.home = Path(home).expanduser().resolve()
        self.name = name
        self.path = self.home / name

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
