"""A campaign's folder as any node works on it: shared by all, or kept on an object store.

Where it is on a store, what a node reads is copied to it once, and what it makes is brought back;
what is looked for by others comes last.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evoskeleton.assets import cache_folder
from evoskeleton.files import NameTaken, whole_folder
from evoskeleton.platform.data.table.objects import download, names_below, upload
from evoskeleton.platform.data.table.refusals import in_a_sentence, patiently
from evoskeleton.platform.data.table.storage import options_for, store

_LAST = "training.json"


@dataclass(frozen=True)
class Stored:
    """One folder.

    Attributes:
        path: where the driver has it.
        uri: of the folder on the store; None: all nodes see `path`.
        identity: a word that no other campaign of that name has.
    """

    path: str
    uri: str | None = None
    identity: str = ""

    def here(self, path: str | Path) -> Path:
        """Where this node has what the driver has at a path; nothing is touched."""
        if self.uri is None:
            return Path(path)
        return cache_folder() / "nodes" / self.identity / self._name(path)

    def fetched(self, path: str | Path) -> Path:
        """The same, with the file or the folder there, whole."""
        place = self.here(path)
        if self.uri is not None and not place.exists():
            patiently(lambda: self._fetch(self._name(path), place))
        return place

    def keep(self, path: str | Path) -> None:
        """Bring to the store what this node has made there, as a file or as a folder."""
        if self.uri is not None:
            patiently(lambda: self._keep(self._name(path), self.here(path)))

    def bring(self, path: str | Path) -> None:
        """Copy to the driver what a node has kept."""
        if self.uri is not None:
            patiently(lambda: self._fetch(self._name(path), Path(path)))

    def drop(self, path: str | Path) -> None:
        """Take a folder from the store."""
        if self.uri is not None:
            patiently(lambda: self._drop(self._name(path)))

    def file(self, path: str | Path) -> "StoredFile":
        """One file that can be sent to nodes."""
        return StoredFile(self, str(path))

    def for_ray(self, path: str | Path) -> tuple[str, Any]:
        """A folder as Ray Train takes it: its path, and the file system that it is a path of."""
        if self.uri is None:
            return str(path), None
        return self._name(path), self._store

    def _name(self, path: str | Path) -> str:
        return Path(path).relative_to(self.path).as_posix()

    @property
    def _store(self) -> Any:
        assert self.uri is not None, "it is on a store"
        return store(self.uri, options_for(self.uri, None))

    def _fetch(self, name: str, place: Path) -> None:
        with in_a_sentence(f"{self.uri}/{name} cannot be read"):
            there = names_below(self._store, name)
            if not there:
                return download(self._store, name, place)
            try:
                with whole_folder(place, replace=True) as whole:
                    for one in there:
                        download(self._store, one, whole / Path(one).relative_to(name))
            except NameTaken as taken:  # by another process of this node, with the same
                shutil.rmtree(taken.kept)

    def _keep(self, name: str, place: Path) -> None:
        with in_a_sentence(f"{self.uri}/{name} cannot be written"):
            for path in sorted(_files(place), key=lambda path: _last(path.name)):
                below = path.relative_to(place)
                upload(self._store, path, (Path(name) / below).as_posix())

    def _drop(self, name: str) -> None:
        with in_a_sentence(f"{self.uri}/{name} cannot be removed"):
            for one in names_below(self._store, name):
                self._store.delete_file(one)


def _last(name: str) -> bool:
    return Path(name).name == _LAST


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    yield from (path for path in place.rglob("*") if path.is_file())


@dataclass(frozen=True)
class StoredFile:
    """A path that is the file's on whichever node asks for it."""

    folder: Stored
    path: str

    def __fspath__(self) -> str:
        return str(self.folder.fetched(self.path))
