"""A file of bearer tokens with scopes.

A token is 256 random bits, shown once, when it is made; the file holds its SHA-256 (no salt: there
is nothing to guess in random bits) with a name and scopes. The file is read again when it changes,
so that a revoked token ends at once.
"""

import calendar
import hashlib
import hmac
import json
import logging
import math
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import Field

from evoskeleton.errors import BadInput
from evoskeleton.files import atomic_file
from evoskeleton.settings import Settings

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOG = logging.getLogger(__name__)

_ISO = "%Y-%m-%dT%H:%M:%SZ"
_MOST_DAYS = 36_500

Scope = Literal["infer", "annotate", "admin"]
SCOPES: tuple[Scope, ...] = ("infer", "annotate", "admin")


class Token(Settings):
    """What is known of one token: everything but the token."""

    name: str = Field(min_length=1, max_length=100, description="whose it is")
    scopes: tuple[Scope, ...] = Field(min_length=1, description="what it is good for")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the token, in hex")
    created: str = Field("", description="UTC, ISO 8601")
    expires: str = Field(
        "", pattern=r"^$|^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", description="the same; empty: never"
    )

    @property
    def until(self) -> float:
        """When it ends, seconds since 1970; infinite where it does not."""
        return calendar.timegm(time.strptime(self.expires, _ISO)) if self.expires else math.inf


class _File(Settings):
    tokens: tuple[Token, ...] = ()


class Tokens:
    """A file of tokens."""

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self._path = path
        self._read_at: tuple[int, ...] | None = None
        self._known: tuple[Token, ...] = ()

    def list(self) -> tuple[Token, ...]:
        """All tokens.

        Raises:
            BadInput: the file is missing or damaged.
        """
        try:
            words = json.loads(self._path.read_text())
        except OSError as error:
            raise BadInput(f"token file {self._path}: {error.strerror}") from None
        except ValueError:
            raise BadInput(f"token file {self._path} should be JSON, it is not") from None
        if not isinstance(words, dict):
            raise BadInput(f"token file {self._path} should be an object with tokens")
        try:
            return _File.parse(words).tokens
        except BadInput as error:
            raise BadInput(f"token file {self._path}: {error}") from None

    def add(self, name: str, scopes: Sequence[str], days: float | None = None) -> str:
        """Make a token and write it down; returns the token, which is nowhere else.

        Args:
            name: whose it is.
            scopes: what it is good for.
            days: after which it expires; None: never.

        Raises:
            BadInput: the name is taken, a scope is unknown, the days are not above 0, or the file
                cannot be used.
        """
        for scope in scopes:
            if scope not in SCOPES:
                raise BadInput(f"scope should be one of {', '.join(SCOPES)}, got {scope}")
        if days is not None and not 0 < days <= _MOST_DAYS:
            raise BadInput(f"days should be above 0, and {_MOST_DAYS:,} at most, got {days:g}")
        secret, now = f"evo_{secrets.token_urlsafe(32)}", time.time()
        words = {"name": name, "scopes": scopes, "sha256": _hash(secret), "created": _iso(now)}
        words["expires"] = "" if days is None else _iso(now + 86_400.0 * days)
        made = Token.parse(words)
        with self._alone():
            known = self.list() if self._path.exists() else ()
            if any(token.name == name for token in known):
                raise BadInput(f"there is a token {name} already; revoke it first")
            self._write((*known, made))
        return secret

    def revoke(self, name: str) -> None:
        """Take a token away.

        Raises:
            BadInput: there is no token of this name, or the file cannot be used.
        """
        with self._alone():
            known = self.list()
            left = tuple(token for token in known if token.name != name)
            if len(left) == len(known):
                names = ", ".join(token.name for token in known) or "none"
                raise BadInput(f"there is no token {name}: there are {names}")
            self._write(left)

    def find(self, secret: str) -> Token | None:
        """The token of a caller, or None where it is unknown or has expired; every one is compared,
        in the same time."""
        wanted, found = _hash(secret), None
        for token in self._current():
            if hmac.compare_digest(token.sha256, wanted):
                found = token
        return found if found and time.time() < found.until else None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else changes the file meanwhile: who reads it, changes it and writes it back at
        the same time would lose what the other did."""
        if fcntl is None:
            yield
            return
        try:
            folder = os.open(self._path.absolute().parent, os.O_RDONLY)
        except FileNotFoundError:
            yield
            return
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def named(self, name: str) -> Token | None:
        """The token of a name, or None."""
        return next((token for token in self._current() if token.name == name), None)

    def _current(self) -> tuple[Token, ...]:
        """Read the file again if it is another one; no token is good while it cannot be read."""
        written = self._written()
        if written != self._read_at:
            self._read_at, self._known = written, ()
            try:
                self._known = self.list()
            except BadInput as error:
                LOG.error("nobody is let in", extra={"fields": {"problem": str(error)}})
        return self._known

    def _written(self) -> tuple[int, ...]:
        """Another one whenever the file is another one; empty where there is none."""
        try:
            stat = self._path.stat()
        except OSError:
            return ()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _write(self, tokens: tuple[Token, ...]) -> None:
        """All at once; a new file is readable by its owner alone, another keeps owner and mode."""
        text = json.dumps(_File(tokens=tokens).model_dump(mode="json"), indent=1)
        try:
            before = self._path.stat() if self._path.exists() else None
            with atomic_file(self._path, private=True) as file:
                file.write(text.encode())
                if before is not None:
                    _keep_owner(file.fileno(), before)
        except OSError as error:
            raise BadInput(f"token file {self._path}: {error.strerror}") from None


def _keep_owner(file: int, before: os.stat_result) -> None:
    """A server that runs as the owner goes on reading the file, whoever has changed it."""
    if os.name != "posix":
        return
    now = os.fstat(file)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        os.fchown(file, before.st_uid, before.st_gid)
    os.fchmod(file, before.st_mode & 0o777)


def _iso(seconds: float) -> str:
    return time.strftime(_ISO, time.gmtime(seconds))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
