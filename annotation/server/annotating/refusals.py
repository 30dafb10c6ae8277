"""What the store refuses, as statuses that programs can tell apart (google.rpc.ErrorInfo)."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from evoskeleton.annotation.domain.records import NotKept, NotNow, NotThere, Stale
from evoskeleton.annotation.domain.rpc_errors import RpcError, cut
from evoskeleton.annotation.messages.annotation_messages import revision_message

LOG = logging.getLogger(__name__)

DOMAIN = "evoskeleton"
_COME_BACK_MS = 1000
_DETAILS_BYTES = 4000
"""Of the 8 kB of trailers that clients take, where they lie in base64, beside the sentence."""


@contextmanager
def as_rpc_errors() -> Iterator[None]:
    """What the store refuses, as a status."""
    try:
        yield
    except Stale as error:
        raise _stale(error) from None
    except NotThere as error:
        raise refusal(grpc.StatusCode.NOT_FOUND, str(error), error.reason) from None
    except NotNow as error:
        code = grpc.StatusCode.FAILED_PRECONDITION
        raise refusal(code, str(error), error.reason, error.facts) from None
    except NotKept as error:
        raise RpcError(grpc.StatusCode.UNAVAILABLE, str(error), _COME_BACK_MS) from None
    except DataError as error:
        LOG.error("the database of the annotations", extra={"fields": {"problem": str(error)}})
        sentence = "the request holds a text or number that the database cannot keep"
        raise RpcError(grpc.StatusCode.INVALID_ARGUMENT, sentence) from None
    except (DBAPIError, PoolTimeout, TimeoutError, ConnectionError) as error:
        LOG.error("the database of the annotations", extra={"fields": {"problem": str(error)}})
        sentence = "the database of the annotations does not answer; try again"
        raise RpcError(grpc.StatusCode.UNAVAILABLE, sentence, _COME_BACK_MS) from None


def refusal(
    code: grpc.StatusCode, sentence: str, reason: str, facts: dict[str, str] | None = None
) -> RpcError:
    """A status with a reason for programs."""
    info = ErrorInfo(reason=reason, domain=DOMAIN, metadata=facts or {})
    return RpcError(code, sentence, trailers=_details(code, sentence, info))


def _stale(error: Stale) -> RpcError:
    """ABORTED, with the newest revision in the trailers where there is room for it."""
    code, number = grpc.StatusCode.ABORTED, str(error.current.number)
    info = ErrorInfo(reason="STALE", domain=DOMAIN, metadata={"revision": number})
    newest = revision_message(error.current)
    details = _details(code, str(error), newest, info) or _details(code, str(error), info)
    return RpcError(code, str(error), trailers=(("current-revision", number), *details))


def _details(
    code: grpc.StatusCode, sentence: str, *messages: Message
) -> tuple[tuple[str, str | bytes], ...]:
    """Trailers with details, where there is room for them."""
    status = Status(code=code.value[0], message=cut(sentence))
    for message in messages:
        packed = AnyMessage()
        packed.Pack(message)
        status.details.append(packed)
    if status.ByteSize() > _DETAILS_BYTES:
        return ()
    return (("grpc-status-details-bin", status.SerializeToString()),)
