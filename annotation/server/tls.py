"""Encryption, and a server that is closed by default.

Certificate and key are looked at whenever somebody connects and read again when they have changed,
as they do where a program renews them in place; a pair that cannot be used is told in the log, and
the last good one stays.
"""

import logging
import ssl
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import grpc

from evoskeleton.annotation.domain.addresses import is_loopback
from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.errors import BadInput

LOG = logging.getLogger(__name__)


class Pair(NamedTuple):
    """What is sent to clients, and what it is proven with, both PEM."""

    certificate: bytes
    key: bytes


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


class Certificate:
    """Certificate and key of a server, in two files."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read them.

        Raises:
            BadInput: they cannot be used.
        """
        self._files = certificate, key
        self._lock = Lock()
        self._written = self._stamp()
        self._pair, self._context = _read(certificate, key)

    def newest(self) -> tuple[Pair, ssl.SSLContext]:
        """The last good pair, and a context with it."""
        with self._lock:
            written = self._stamp()
            if written != self._written:
                self._written = written
                self._read_again()
            return self._pair, self._context

    def _read_again(self) -> None:
        try:
            self._pair, self._context = _read(*self._files)
            LOG.info("another certificate")
        except BadInput as error:
            LOG.error("the certificate stays", extra={"fields": {"problem": str(error)}})

    def _stamp(self) -> tuple[Any, ...]:
        """Another one whenever a file is another one."""
        try:
            stats = [path.stat() for path in self._files]
        except OSError as error:
            return (error.errno,)
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)

    def credentials(self) -> grpc.ServerCredentials:
        """Those of a gRPC server, which asks for the newest pair whenever somebody connects."""
        sent, _ = self.newest()

        def fetch() -> grpc.ServerCertificateConfiguration | None:
            nonlocal sent
            pair, _ = self.newest()
            if pair == sent:
                return None
            sent = pair
            return _configuration(pair)

        return grpc.dynamic_ssl_server_credentials(_configuration(sent), fetch)

    def renew(self, context: ssl.SSLContext) -> None:
        """Let a context of another server take the newest pair whenever somebody connects."""

        def choose(connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
            _, newest = self.newest()
            connection.context = newest

        context.sni_callback = choose


def certificate_of(settings: ServeSettings) -> Certificate | None:
    """Certificate and key of the server; None without.

    Raises:
        BadInput: one of the two is missing, or they cannot be used.
    """
    cert, key = settings.tls_cert, settings.tls_key
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise BadInput("TLS needs both --tls-cert and --tls-key, got one of them")
    return Certificate(cert, key)


def _read(cert: Path, key: Path) -> tuple[Pair, ssl.SSLContext]:
    """Both files, and a context that has taken them.

    Raises:
        BadInput: they cannot be used.
    """
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key, password="")
        return Pair(cert.read_bytes(), key.read_bytes()), context
    except ssl.SSLError as error:
        reason = error.reason or error
        raise BadInput(f"{cert} and {key} should be a certificate and its key: {reason}") from None
    except OSError as error:
        raise BadInput(f"TLS files {cert}, {key}: {error.strerror}") from None


def _configuration(pair: Pair) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pair.key, pair.certificate)])
