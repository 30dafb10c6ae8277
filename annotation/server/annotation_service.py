"""AnnotationService of the contract: messages in, the store, messages out.

`proto/evoskeleton/v1/annotation.proto` says what each method does. The store waits for disks and
databases, so that its methods run in threads (`thread_pools.Work`), as does what takes long.
"""

from importlib.metadata import version
from typing import Any

from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.generated import annotation_pb2_grpc
from evoskeleton.annotation.messages.inference_messages import model_message
from evoskeleton.annotation.server.annotating.files import FileCalls
from evoskeleton.annotation.server.annotating.images import ImageCalls
from evoskeleton.annotation.server.annotating.leases import LeaseCalls
from evoskeleton.annotation.server.annotating.projects import ProjectCalls
from evoskeleton.annotation.server.annotating.revisions import RevisionCalls
from evoskeleton.annotation.server.annotating.suggestions import SuggestionCalls
from evoskeleton.annotation.server.telemetry import CALLER
from evoskeleton.annotation.server.tokens import SCOPES


class AnnotationService(
    ProjectCalls,
    ImageCalls,
    LeaseCalls,
    RevisionCalls,
    SuggestionCalls,
    FileCalls,
    annotation_pb2_grpc.AnnotationServiceServicer,
):
    """Answers out of a store; without one, what needs it is refused."""

    async def WhoAmI(self, request: pb.WhoAmIRequest, context: Any) -> pb.WhoAmIResponse:
        champion = self._champions.held
        answer = pb.WhoAmIResponse(
            scopes=SCOPES,
            tokens=self._tokens is not None,
            detector=model_message(self._pictures.detector) if self._pictures else None,
            model=model_message(champion) if champion else None,
            most_pixels=self._settings.most_pixels,
            most_message_bytes=self._settings.most_message_bytes,
            annotations=self._known_store is not None,
            version=version("evoskeleton"),
        )
        caller = CALLER.get()
        if self._tokens is not None and (token := self._tokens.named(caller)):
            answer.name, answer.scopes[:] = token.name, token.scopes
            answer.expires = token.until if token.expires else 0.0
        return answer
