"""Calls that are refused: a status code and one sentence.

Servicers and what they call raise `BadInput` for what a caller did wrong (INVALID_ARGUMENT), and
`RpcError` for everything else; `interceptors` turns both into the answer of the call.
"""

import grpc

MOST_BYTES = 1000
"""Of a sentence. Clients take 8 kB of trailers, in which other letters than ASCII's come thrice as
long; an answer with more is lost on them, and with it why they were refused."""


class RpcError(Exception):
    """A call that ends with a status code other than OK.

    Attributes:
        code: what the caller's program should know.
        retry_ms: when it is worth to come back, sent as metadata `retry-after-ms`; none: never.
        trailers: other metadata to send.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        sentence: str,
        retry_ms: int | None = None,
        trailers: tuple[tuple[str, str | bytes], ...] = (),
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.retry_ms = retry_ms
        self.trailers = trailers


def busy(what: str, seconds: float) -> RpcError:
    """The server has more of `what` than it takes in; `seconds` until some of it is done."""
    milliseconds = max(10, round(1000 * seconds))
    sentence = f"the server has too many {what} waiting; come back in {milliseconds} ms"
    return RpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, sentence, milliseconds)


def cut(sentence: str) -> str:
    """A sentence that fits into the trailers of a call."""
    whole = sentence.encode()
    if len(whole) <= MOST_BYTES:
        return sentence
    return whole[: MOST_BYTES - 3].decode(errors="ignore") + "..."
