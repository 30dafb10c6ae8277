"""Calls with a wrong token, by where they come from: the more of them, the longer each takes.

A token cannot be guessed; who tries is slowed down none the less, and seen in the log.
"""

import asyncio
import logging
import time
from collections import OrderedDict

LOG = logging.getLogger(__name__)

_FREE, _FIRST_S, _LONGEST_S, _FORGET_S = 3, 0.1, 5.0, 60.0
_MOST_PEERS, _MOST_WAITING = 10_000, 64


class Attempts:
    """Failed attempts of the last minute; used in one event loop."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._waiting = 0

    async def slow_down(self, peer: str, method: str) -> None:
        """Somebody has failed: tell the log, and wait before they are told. Few wait at a time, so
        that their calls do not take the places of the others."""
        count, last = self._failed.pop(peer, (0, 0.0))
        count = 1 + (count if time.monotonic() - last < _FORGET_S else 0)
        self._failed[peer] = count, time.monotonic()
        if len(self._failed) > _MOST_PEERS:
            self._failed.popitem(last=False)
        fields = {"peer": peer, "method": method, "attempts": count}
        LOG.warning("a token was refused", extra={"fields": fields})
        if count <= _FREE or self._waiting >= _MOST_WAITING:
            return
        self._waiting += 1
        try:
            await asyncio.sleep(min(_FIRST_S * 2.0 ** min(count - _FREE, 10), _LONGEST_S))
        finally:
            self._waiting -= 1


def host_of(peer: str) -> str:
    """The machine of a gRPC peer such as `ipv4:192.0.2.1:50000`, whose ports change."""
    return peer.rpartition(":")[0] if peer.startswith(("ipv4:", "ipv6:")) else peer
