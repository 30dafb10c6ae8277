"""HTTP connections whose requests may not come in very many small pieces.

Each chunk of a body is an event of its own, which takes some 20 us whatever its size, and all that
one read brings are handled before anybody else's: a body of a million chunks of one byte, 6 MB,
would hold up everybody for half a minute.
"""

import h11

_FREE = 1_000
"""Pieces that a request may have at least."""
_BYTES = 256
"""And one more for so many bytes."""


class PatientConnection(h11.Connection):
    """A server's side of a connection that takes requests in pieces of a reasonable size."""

    def __init__(self, most_incomplete: int) -> None:
        """`most_incomplete` bytes of a head or of a chunk's line."""
        super().__init__(h11.SERVER, most_incomplete)
        self._pieces, self._received = 0, 0

    def receive_data(self, data: bytes) -> None:
        """See `h11.Connection`."""
        self._received += len(data)
        super().receive_data(data)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """See `h11.Connection`.

        Raises:
            h11.RemoteProtocolError: there are more pieces than bytes for them.
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._pieces, self._received = 0, 0
        self._pieces += isinstance(event, h11.Data)
        if self._pieces > _FREE + self._received // _BYTES:
            raise h11.RemoteProtocolError("a body should come in larger pieces")
        return event
