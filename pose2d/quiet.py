"""Libraries that write to standard error by themselves, kept quiet."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()


@contextmanager
def quiet_standard_error() -> Iterator[None]:
    """What native code writes to standard error inside the block is dropped.

    It is the file descriptor of the process: keep the block short.
    """
    with _LOCK:
        sys.stderr.flush()
        kept = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
