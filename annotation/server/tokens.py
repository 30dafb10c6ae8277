"""Who may call: TLS, bearer tokens with scopes, and a server that is closed by default.

A token is 256 random bits, shown once, when it is made; the file holds its SHA-256 (no salt: there
is nothing to guess in random bits) with a name and scopes. The file is read again when it changes,
so that a revoked token ends at once.
"""

import hashlib
import hmac
import json
import logging
import os
import secrets
import ssl
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import grpc
from pydantic import Field

from evoskeleton.annotation.domain.addresses import is_loopback
from evoskeleton.annotation.domain.rpc_errors import Refused
from evoskeleton.annotation.server.interceptors import OURS
from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.errors import BadInput
from evoskeleton.settings import Settings

LOG = logging.getLogger(__name__)

Scope = Literal["infer", "annotate", "admin"]
SCOPES: tuple[Scope, ...] = ("infer", "annotate", "admin")

SCOPE_OF_SERVICE: dict[str, Scope] = {
    "/evoskeleton.v1.InferenceService": "infer",
    "/evoskeleton.v1.AnnotationService": "annotate",
}
"""What a token needs for the methods of a service; `admin` for services that are not here."""

SCOPE_OF_METHOD: dict[str, Scope] = {
    "/evoskeleton.v1.InferenceService/RefreshModel": "admin",
    "/evoskeleton.v1.AnnotationService/MakeProject": "admin",
    "/evoskeleton.v1.AnnotationService/Review": "admin",
    "/evoskeleton.v1.AnnotationService/ImportCoco": "admin",
    "/evoskeleton.v1.AnnotationService/Export": "admin",
}
"""Methods that need another scope than their service."""


class Token(Settings):
    """What is known of one token: everything but the token."""

    name: str = Field(min_length=1, max_length=100, description="whose it is")
    scopes: tuple[Scope, ...] = Field(min_length=1, description="what it is good for")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the token, in hex")
    created: str = Field("", description="UTC, ISO 8601")


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

    def add(self, name: str, scopes: Sequence[str]) -> str:
        """Make a token and write it down; returns the token, which is nowhere else.

        Raises:
            BadInput: the name is taken, a scope is unknown, or the file cannot be used.
        """
        known = self.list() if self._path.exists() else ()
        if any(token.name == name for token in known):
            raise BadInput(f"there is a token {name} already; revoke it first")
        for scope in scopes:
            if scope not in SCOPES:
                raise BadInput(f"scope should be one of {', '.join(SCOPES)}, got {scope}")
        secret = f"evo_{secrets.token_urlsafe(32)}"
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        words = {"name": name, "scopes": scopes, "sha256": _hash(secret), "created": created}
        self._write((*known, Token.parse(words)))
        return secret

    def revoke(self, name: str) -> None:
        """Take a token away.

        Raises:
            BadInput: there is no token of this name, or the file cannot be used.
        """
        known = self.list()
        left = tuple(token for token in known if token.name != name)
        if len(left) == len(known):
            names = ", ".join(token.name for token in known) or "none"
            raise BadInput(f"there is no token {name}: there are {names}")
        self._write(left)

    def find(self, secret: str) -> Token | None:
        """The token of a caller, or None; every one is compared, in the same time."""
        wanted, found = _hash(secret), None
        for token in self._current():
            if hmac.compare_digest(token.sha256, wanted):
                found = token
        return found

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
        """All at once, readable by the owner alone."""
        text = json.dumps(_File(tokens=tokens).model_dump(mode="json"), indent=1)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            number, scratch = tempfile.mkstemp(dir=self._path.parent, prefix=".tokens-")
            with os.fdopen(number, "w") as file:
                file.write(text)
            os.replace(scratch, self._path)
        except OSError as error:
            raise BadInput(f"token file {self._path}: {error.strerror}") from None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def needed_scope(method: str) -> Scope:
    """The scope for a method, such as `/evoskeleton.v1.InferenceService/GetModel`."""
    service = method.rpartition("/")[0]
    return SCOPE_OF_METHOD.get(method, SCOPE_OF_SERVICE.get(service, "admin"))


def known_token(tokens: Tokens, authorization: str | None) -> Token:
    """The token in the metadata, or the header, `authorization` of a call.

    Raises:
        Refused: there is none that is good.
    """
    token = tokens.find(_secret(authorization or ""))
    if token is None:
        raise Refused(
            grpc.StatusCode.UNAUTHENTICATED,
            "metadata authorization should be Bearer and a token that this server knows",
        )
    return token


def check_scope(token: Token, method: str) -> None:
    """A token is good for a method; any is for methods of services that are not ours.

    Raises:
        Refused: it is not.
    """
    if method.startswith(OURS) and (scope := needed_scope(method)) not in token.scopes:
        raise Refused(
            grpc.StatusCode.PERMISSION_DENIED,
            f"{method} needs a token with scope {scope}, "
            f"{token.name} has {', '.join(token.scopes)}",
        )


def _secret(authorization: str) -> str:
    return authorization[7:].strip() if authorization[:7].lower() == "bearer " else ""


def check_closed(settings: ServeSettings) -> None:
    """A server that others can reach has TLS and tokens.

    Raises:
        BadInput: it has not.
    """
    given = {"--tls-cert": settings.tls_cert, "--tls-key": settings.tls_key}
    missing = [name for name, value in (given | {"--tokens": settings.tokens}).items() if not value]
    for address in (settings.address, settings.http_address):
        if missing and address and not is_loopback(address):
            raise BadInput(
                f"address {address} can be reached from outside of this machine and needs "
                f"{', '.join(missing)}; without, use 127.0.0.1"
            )


def tls_credentials(settings: ServeSettings) -> grpc.ServerCredentials | None:
    """Certificate and key of the server; None without.

    Raises:
        BadInput: one of the two is missing, or they cannot be used.
    """
    cert, key = settings.tls_cert, settings.tls_key
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise BadInput("TLS needs both --tls-cert and --tls-key, got one of them")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
        return grpc.ssl_server_credentials([(key.read_bytes(), cert.read_bytes())])
    except ssl.SSLError as error:
        reason = error.reason or error
        raise BadInput(f"{cert} and {key} should be a certificate and its key: {reason}") from None
    except OSError as error:
        raise BadInput(f"TLS files {cert}, {key}: {error.strerror}") from None
