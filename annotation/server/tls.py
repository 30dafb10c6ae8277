"""Encryption, and a server that is closed by default."""

import ssl

import grpc

from evoskeleton.annotation.domain.addresses import is_loopback
from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.errors import BadInput


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
