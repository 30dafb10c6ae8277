"""Whether a server takes calls, asked by gRPC's health check as any client would ask it.

Over TLS the server's own certificate is the one that is trusted, under the name that stands in it:
who asks has the server's files and asks from beside it, mostly by a loopback address.
"""

import contextlib
import socket
import ssl
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from evoskeleton.annotation.domain.addresses import host_and_port
from evoskeleton.errors import BadInput

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}


def problem_of(address: str, certificate: Path | None = None, timeout_s: float = 5.0) -> str:
    """Why a server does not take calls; empty where it does.

    Args:
        address: host:port that it listens on; of an address for everybody, this machine is asked.
        certificate: PEM file of its certificate chain; none: no TLS is spoken.
        timeout_s: after which it counts as not there.

    Raises:
        BadInput: the address has another form, or the certificate cannot be read.
    """
    host, port = host_and_port(address)
    if port == 0:
        raise BadInput(f"address {address} leaves the port open: say the one that is listened on")
    bare = _EVERYWHERE.get(host, f"[{host}]" if ":" in host else host)
    try:
        with _channel(bare, port, certificate, timeout_s) as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            answer = check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
    except grpc.RpcError as error:
        return f"{address}: {error.code().name}: {error.details()}"
    except ssl.SSLError as error:
        return f"{address}: TLS: {error.reason or error}"
    except OSError as error:
        return f"{address}: {error.strerror or error}"
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        return f"{address}: {health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)}"
    return ""


def _channel(
    host: str, port: int, certificate: Path | None, timeout_s: float
) -> contextlib.AbstractContextManager[grpc.Channel]:
    if certificate is None:
        return grpc.insecure_channel(f"{host}:{port}")  # type: ignore[no-any-return]
    try:
        chain = certificate.read_bytes()
    except OSError as error:
        raise BadInput(f"certificate {certificate}: {error.strerror}") from None
    name = _name_in_certificate(host.strip("[]"), port, chain, timeout_s)
    return grpc.secure_channel(  # type: ignore[no-any-return]
        f"{host}:{port}",
        grpc.ssl_channel_credentials(chain),
        [("grpc.ssl_target_name_override", name)],
    )


def _name_in_certificate(host: str, port: int, chain: bytes, timeout_s: float) -> str:
    """A name for which the server's certificate is good, once it has proven that it has the key."""
    context = ssl.create_default_context(cadata=chain.decode("ascii", errors="replace"))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, port), timeout_s) as plain,
        context.wrap_socket(plain) as connection,
    ):
        described: dict[str, Any] = dict(connection.getpeercert() or {})
    names = [str(value) for _, value in described.get("subjectAltName", ())]
    return (names or [host])[0].replace("*", "check", 1)
