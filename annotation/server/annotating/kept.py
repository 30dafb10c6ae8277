"""What all methods of AnnotationService share: the store in threads, and who asks."""

from collections.abc import Callable
from typing import Any, TypeVar

import grpc

from evoskeleton.annotation.domain.records import State
from evoskeleton.annotation.domain.rpc_errors import RpcError
from evoskeleton.annotation.messages.annotation_messages import STATE_NAMES
from evoskeleton.annotation.server.annotating.refusals import as_rpc_errors, refusal
from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.annotation.server.telemetry import CALLER
from evoskeleton.annotation.server.tokens import Tokens
from evoskeleton.annotation.serving.champions import Champions
from evoskeleton.annotation.serving.detection_queue import DetectionQueue
from evoskeleton.annotation.serving.thread_pools import Work
from evoskeleton.annotation.store.annotation_store import AnnotationStore
from evoskeleton.errors import BadInput

Answer = TypeVar("Answer")

_PAGE = 100


class Kept:
    """Answers out of a store; without one, what needs it is refused."""

    def __init__(
        self,
        settings: ServeSettings,
        champions: Champions,
        pictures: DetectionQueue | None,
        store: AnnotationStore | None,
        work: Work,
        tokens: Tokens | None = None,
    ) -> None:
        self._settings, self._champions = settings, champions
        self._pictures, self._known_store, self._work = pictures, store, work
        self._tokens = tokens

    @property
    def _store(self) -> AnnotationStore:
        if self._known_store is None:
            sentence = "this server keeps no annotations: it was started without --annotations"
            raise refusal(grpc.StatusCode.FAILED_PRECONDITION, sentence, "NO_STORE")
        return self._known_store

    async def _known(self, ask: Callable[..., Answer], *arguments: Any) -> Answer:
        """What the store knows, read in a thread."""
        with as_rpc_errors():
            return await self._work.reading.run(ask, *arguments)

    async def _kept(self, change: Callable[..., Answer], *arguments: Any) -> Answer:
        """What the store has made of a change, in a thread."""
        with as_rpc_errors():
            return await self._work.writing.run(change, *arguments)


def annotator_of(request: Any) -> str:
    """Who asks: the token where there are tokens, else who the request says."""
    caller = CALLER.get()
    if caller and request.annotator not in ("", caller):
        sentence = f"annotator should be {caller}, whose token it is, or empty"
        raise RpcError(grpc.StatusCode.PERMISSION_DENIED, sentence)
    return caller or str(request.annotator)


def page(most: int, longest: int) -> int:
    """How many entries a page has.

    Raises:
        BadInput: more than `longest` are asked for.
    """
    if most > longest:
        raise BadInput(f"most should be {longest:,} at most, got {most:,}")
    return most or _PAGE


def state_of(number: int) -> State:
    """A state by its number.

    Raises:
        BadInput: there is none.
    """
    if number not in STATE_NAMES:
        raise BadInput(f"there is no state {number}")
    return STATE_NAMES[number]
