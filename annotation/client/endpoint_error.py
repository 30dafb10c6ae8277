"""How calls fail that cannot be tried again."""

from collections.abc import Sequence

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from evoskeleton.errors import BadInput


class EndpointError(Exception):
    """A call that failed; the text is the server's sentence.

    Attributes:
        code: name of the gRPC status, such as `UNAVAILABLE`.
        trailers: what else the server said, as metadata.
        reason: why, for programs, such as `HELD`; empty where the server gave none.
    """

    def __init__(
        self, code: str, sentence: str, trailers: Sequence[tuple[str, str | bytes]] = ()
    ) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.trailers = tuple(trailers)
        self.reason = _reason(self.trailers)


def _reason(trailers: Sequence[tuple[str, str | bytes]]) -> str:
    """Of the first google.rpc.ErrorInfo in the details."""
    details, info = dict(trailers).get("grpc-status-details-bin"), ErrorInfo()
    try:
        found = Status.FromString(details).details if isinstance(details, bytes) else []
        return next((str(info.reason) for part in found if part.Unpack(info)), "")
    except DecodeError:
        return ""


class InvalidRequest(EndpointError, BadInput):
    """The request itself is at fault (INVALID_ARGUMENT)."""


def endpoint_error(error: grpc.RpcError) -> EndpointError:
    """The error of a call that gRPC has ended."""
    kind = InvalidRequest if error.code() is grpc.StatusCode.INVALID_ARGUMENT else EndpointError
    trailers = tuple((key, value) for key, value in error.trailing_metadata() or ())
    return kind(error.code().name, error.details() or "no reason was given", trailers)
