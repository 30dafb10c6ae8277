"""How calls fail that cannot be tried again."""

from collections.abc import Sequence

import grpc

from evoskeleton.errors import BadInput


class EndpointError(Exception):
    """A call that failed; the text is the server's sentence.

    Attributes:
        code: name of the gRPC status, such as `UNAVAILABLE`.
        trailers: what else the server said, as metadata.
    """

    def __init__(
        self, code: str, sentence: str, trailers: Sequence[tuple[str, str | bytes]] = ()
    ) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.trailers = tuple(trailers)


class InvalidRequest(EndpointError, BadInput):
    """The request itself is at fault (INVALID_ARGUMENT)."""


def endpoint_error(error: grpc.RpcError) -> EndpointError:
    """The error of a call that gRPC has ended."""
    kind = InvalidRequest if error.code() is grpc.StatusCode.INVALID_ARGUMENT else EndpointError
    trailers = tuple((key, value) for key, value in error.trailing_metadata() or ())
    return kind(error.code().name, error.details() or "no reason was given", trailers)
