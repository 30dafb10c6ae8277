"""Memory that large requests leave behind is given back.

A refused call ends as a cycle: gRPC's context holds the exception, whose frames hold the context
and the request. Python's collector counts objects, not bytes, and may leave gigabytes lying. What
it frees, the C library keeps in heaps that shrink from their end alone, unless asked to trim them,
and it has many heaps, one for every few threads. With few of them, and with large blocks outside
of them all, there is little to trim.
"""

import asyncio
import ctypes
import gc
import sys

_EVERY_BYTES = 32 << 20
_PAUSE_S, _LONG_S = 0.5, 8.0

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
"""Names of `mallopt` (malloc.h)."""
_LARGE_BYTES, _HEAPS = 1 << 20, 2


class MemoryTrimmer:
    """Tidies up soon after every 32 MB of requests; used in the running event loop.

    As long as 32 MB more came meanwhile it goes on, and some time after the last it looks once
    more: they may have been in use at the time.
    """

    def __init__(self) -> None:
        self._bytes, self._due = 0, False
        self._last: asyncio.TimerHandle | None = None

    def count(self, size: int) -> None:
        """A request of `size` bytes has come."""
        self._bytes += size
        if self._bytes >= _EVERY_BYTES and not self._due:
            self._bytes, self._due = 0, True
            asyncio.get_running_loop().call_later(_PAUSE_S, self._tidy)

    def _tidy(self) -> None:
        _give_back()
        self._due = False
        if self._last is not None:
            self._last.cancel()
        self._last = asyncio.get_running_loop().call_later(_LONG_S, _give_back)
        self.count(0)


def _give_back() -> None:
    gc.collect()
    if _LIBRARY is not None:
        asyncio.get_running_loop().run_in_executor(None, _LIBRARY.malloc_trim, 0)


def keep_little() -> None:
    """Tell the C library to give blocks of 1 MB or more back as soon as they are free, and to share
    two heaps among all threads; called before there are many."""
    if _LIBRARY is not None:
        _LIBRARY.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        _LIBRARY.mallopt(_ARENA_MAX, _HEAPS)


def _c_library() -> ctypes.CDLL | None:
    """The C library where it is glibc, which alone can be asked to trim."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None


_LIBRARY = _c_library()
