"""A store of this machine's own that speaks Azure's blobs: Azurite, where npm has installed it.

Account and key are those that Azurite and its clients know by themselves.
"""

import base64
import hashlib
import hmac
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
PORT = 10000
"""Which clients take for granted."""

OPTIONS = {"AZURE_STORAGE_USE_EMULATOR": "true"}
_VERSION = "2021-12-02"


def why_not() -> str | None:
    """What keeps this machine from having it; None where nothing does."""
    if shutil.which("azurite-blob") is None:
        return "azurite-blob is not on the PATH (npm install azurite)"
    with socket.socket() as taken:
        taken.settimeout(1.0)
        return f"port {PORT} is taken" if taken.connect_ex(("127.0.0.1", PORT)) == 0 else None


@contextmanager
def running(folder: Path, container: str) -> Iterator[None]:
    """The store, with an empty container, until the end of the block."""
    words = ["azurite-blob", "--silent", "--location", str(folder), "--blobPort", str(PORT)]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen([*words, "--skipApiVersionCheck"], stdout=quiet, stderr=quiet)
    try:
        _make(container, server)
        yield
    finally:
        server.kill()
        server.wait()


def _make(container: str, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(_request(container), timeout=5):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.3)
    raise RuntimeError("the Azure server did not start")


def _request(container: str) -> urllib.request.Request:
    """The request that makes a container, signed.

    https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
    """
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = f"x-ms-date:{now}\nx-ms-version:{_VERSION}\n"
    resource = f"/{ACCOUNT}/{ACCOUNT}/{container}\nrestype:container"
    text = "PUT" + "\n" * 12 + headers + resource
    digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    signed = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
    return urllib.request.Request(
        f"http://127.0.0.1:{PORT}/{ACCOUNT}/{container}?restype=container",
        method="PUT",
        headers={
            "x-ms-date": now,
            "x-ms-version": _VERSION,
            "Authorization": signed,
            "Content-Length": "0",
        },
    )
