"""A campaign's folder that is kept on an object store, and worked on in a folder of this machine.

What stands on the store is what counts: `fetch` makes the folder here like it, `keep` brings what
was written here since. A file is whole on the store or absent, and those that others are looked for
by come last.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow.fs as pafs

from evoskeleton.platform.data.table.objects import download, names_below, upload
from evoskeleton.platform.data.table.refusals import in_a_sentence, patiently
from evoskeleton.platform.data.table.storage import options_for, store

_LAST = ("settings.yaml", "training.json", "report.json")
_TELLING = ("settings.yaml", "descriptor.npz", "training.json", "report.json")
_OF_THIS_MACHINE = ("lock",)
_UNDER_WAY = ("ray_train", ".members", ".progress", "unrecorded")

_Stamp = tuple[int, int]
"""When a file was last written, in nanoseconds, and its bytes."""


class Mirror:
    """One folder, here and there."""

    def __init__(self, uri: str, here: Path, options: Mapping[str, str] | None = None) -> None:
        """Nothing is touched.

        Args:
            uri: of the folder on the store.
            here: where it is worked on.
            options: of the store; none: those of the environment.
        """
        self.uri = uri
        self._here = here
        self._store = store(uri, options_for(uri, options))
        self._known: dict[str, _Stamp] = {}

    def is_there(self, name: str) -> bool:
        """Whether the store has a file."""
        with in_a_sentence(f"{self.uri} cannot be read"):
            return bool(self._store.get_file_info(name).type == pafs.FileType.File)

    def fetch(self, light: bool = False) -> None:
        """Make the folder here like that on the store.

        Args:
            light: only what tells how far a campaign is, and nothing is taken away here.

        Raises:
            BadInput: the store or the folder here cannot be used.
        """
        with in_a_sentence(f"{self.uri} cannot be read"):
            there = [name for name in names_below(self._store) if not _is_under_way(name)]
            for name in there:
                if not light or name.startswith("state/") or name.endswith(_TELLING):
                    download(self._store, name, self._here / name)
        if light:
            return
        for name in self._local().keys() - set(there):
            (self._here / name).unlink()
        self._known = self._local()

    def keep(self) -> None:
        """Bring what was written or removed here since the last time.

        Raises:
            BadInput: the store does not take it, for minutes.
        """
        patiently(self._bring)

    def _bring(self) -> None:
        local = self._local()
        with in_a_sentence(f"{self.uri} cannot be written"):
            for name in sorted(local, key=lambda name: (Path(name).name in _LAST, local[name])):
                if self._known.get(name) != local[name]:
                    upload(self._store, self._here / name, name)
                    self._known[name] = local[name]
            for name in self._known.keys() - local.keys():
                self._store.delete_file(name)
                del self._known[name]

    def _local(self) -> dict[str, _Stamp]:
        """Files here by name, without those that are of this machine alone, or under way."""
        return dict(self._stamps())

    def _stamps(self) -> Iterator[tuple[str, _Stamp]]:
        for path in self._here.rglob("*"):
            name = path.relative_to(self._here).as_posix()
            hidden = any(part.startswith(".") for part in name.split("/"))
            if hidden or name in _OF_THIS_MACHINE or _is_under_way(name):
                continue
            if path.is_file():
                status = path.stat()
                yield name, (status.st_mtime_ns, status.st_size)


def _is_under_way(name: str) -> bool:
    """Whether it is what a training, or the record, leaves until it is done."""
    return any(word in name for word in _UNDER_WAY)


def campaigns_in(uri: str, options: Mapping[str, str] | None = None) -> list[str]:
    """The folders of a home on an object store.

    Raises:
        BadInput: it cannot be read.
    """
    with in_a_sentence(f"{uri} cannot be read"):
        home = store(uri, options_for(uri, options))
        inside = home.get_file_info(pafs.FileSelector("", allow_not_found=True))
    return sorted(info.path.strip("/") for info in inside if info.type == pafs.FileType.Directory)
