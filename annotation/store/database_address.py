"""Addresses of databases as people write them, and what the driver takes of them.

SQLite is `sqlite:///FILE`. PostgreSQL is `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, also with
`postgres://` and with the names of other drivers, which we do not have; `sslmode` and `sslrootcert`
mean what they mean to libpq (https://www.postgresql.org/docs/current/libpq-ssl.html).
"""

import ssl
from typing import Any, NamedTuple

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from evoskeleton.errors import BadInput

TIMEOUT_S = 20
"""How long a database may take for the next bytes of an answer."""

_TLS = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TAKEN = ("sslmode", "sslrootcert", "connect_timeout", "application_name", "unix_sock")


class Address(NamedTuple):
    """Where a database is, and what else its driver should know."""

    url: URL
    given: dict[str, Any]


def address_of(text: str) -> Address:
    """The address of a database.

    Raises:
        BadInput: it is no address of SQLite or PostgreSQL, or says what cannot be done.
    """
    try:
        url = make_url("postgresql" + text[8:] if text.startswith("postgres://") else text)
    except (ArgumentError, ValueError) as error:
        if "port" in str(error) or "int()" in str(error):
            raise BadInput("annotation store: the port of its address should be a number") from None
        raise _other_kind(text) from None
    backend = url.drivername.partition("+")[0]
    if backend == "sqlite" and url.drivername == "sqlite":
        return Address(url, {})
    if backend != "postgresql":
        raise _other_kind(text)
    return _postgresql(url)


def _other_kind(text: str) -> BadInput:
    return BadInput(
        "annotation store should be sqlite:///FILE or postgresql://USER@HOST/DATABASE, "
        f"got {text.partition(':')[0][:40]}"
    )


def _postgresql(url: URL) -> Address:
    if url.port is not None and not 0 < url.port < 1 << 16:
        raise BadInput(f"annotation store: its port should be 1 to 65535, got {url.port}")
    if unknown := sorted(set(url.query) - set(_TAKEN)):
        taken = ", ".join(_TAKEN)
        raise BadInput(f"annotation store: its address may hold {taken}, not {unknown[0][:40]}")
    query = {name: str(value) for name, value in url.query.items()}
    given: dict[str, Any] = {"timeout": _timeout(query), "ssl_context": _tls(query)}
    for name in ("application_name", "unix_sock"):
        if name in query:
            given[name] = query[name]
    if url.host and url.host.startswith("/"):
        given["unix_sock"] = f"{url.host}/.s.PGSQL.{url.port or 5432}"
        url = url.set(host=None, port=None)
    return Address(url.set(drivername="postgresql+pg8000", query={}), given)


def _timeout(query: dict[str, str]) -> int:
    text = query.get("connect_timeout", str(TIMEOUT_S))
    if not text.isdecimal():
        raise BadInput(f"annotation store: connect_timeout should be seconds, got {text[:40]!r}")
    return max(TIMEOUT_S, int(text))


def _tls(query: dict[str, str]) -> ssl.SSLContext | bool | None:
    """What the driver takes for it: no TLS, TLS if the server has it, TLS, or TLS by a context."""
    mode, roots = query.get("sslmode", "prefer"), query.get("sslrootcert")
    if mode not in _TLS:
        raise BadInput(f"annotation store: sslmode should be one of {', '.join(_TLS)}, got {mode}")
    if mode == "require" and roots is not None:
        mode = "verify-ca"
    if not mode.startswith("verify"):
        return {"disable": False, "require": True}.get(mode)
    try:
        context = ssl.create_default_context(cafile=roots)
    except (OSError, ssl.SSLError) as error:
        raise BadInput(f"annotation store: sslrootcert {roots}: {error.strerror}") from None
    context.check_hostname = mode == "verify-full"
    return context
