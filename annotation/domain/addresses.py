"""Addresses to listen on, host:port, and which of them only this machine can reach."""

import ipaddress

from evoskeleton.errors import BadInput


def host_and_port(address: str) -> tuple[str, int]:
    """The two parts of `127.0.0.1:50051`, `[::1]:50051` or `localhost:50051`.

    Raises:
        BadInput: it has another form.
    """
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (host and colon and port.isdecimal() and int(port) < 1 << 16):
        raise BadInput(f"address should be host:port, such as 127.0.0.1:50051, got {address}")
    return host, int(port)


def is_loopback(address: str) -> bool:
    """Whether nobody outside this machine can reach an address; a name other than localhost may
    mean anything."""
    host, _ = host_and_port(address)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def stays_here(target: str) -> bool:
    """Whether what is sent to a gRPC target, https://grpc.github.io/grpc/core/md_doc_naming.html,
    stays on this machine."""
    scheme, colon, rest = target.partition(":")
    if colon and scheme in ("unix", "unix-abstract"):
        return True
    if colon and scheme in ("ipv4", "ipv6"):
        return all(map(_is_known_loopback, rest.split(",")))
    return _is_known_loopback(target.removeprefix("dns:").removeprefix("///"))


def _is_known_loopback(address: str) -> bool:
    try:
        return is_loopback(address)
    except BadInput:
        return False
