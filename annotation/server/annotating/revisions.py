"""Revisions: what annotators and reviewers did, and comments on it."""

import hashlib
import math
from typing import Any

from evoskeleton.annotation.domain.records import Change, NotNow, NotThere, Revision, Stale
from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.messages.annotation_messages import (
    STATES,
    comment_message,
    people_words,
    revision_message,
    skip_message,
)
from evoskeleton.annotation.server.annotating.kept import Kept, annotator_of, page
from evoskeleton.annotation.store import comments
from evoskeleton.annotation.store.annotation_store import check_annotator
from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.plausible_keypoints import MOST_PX

_LONGEST_HISTORY, _MOST_REVIEWS, _LONGEST_PAGE = 200, 1000, 1000
_MOST_ACTIONS, _MOST_SECONDS = 1_000_000, 1_000_000.0


class RevisionCalls(Kept):
    """See `AnnotationService` of the contract."""

    async def GetAnnotation(self, request: pb.GetAnnotationRequest, context: Any) -> pb.Revision:
        number = request.number or None
        return revision_message(await self._known(self._store.revision, request.image_id, number))

    async def GetHistory(
        self, request: pb.GetHistoryRequest, context: Any
    ) -> pb.GetHistoryResponse:
        most = page(request.most, _LONGEST_HISTORY)
        revisions = await self._known(self._store.history, request.image_id, request.after, most)
        skips = await self._known(self._store.skips, request.image_id)
        return pb.GetHistoryResponse(
            revisions=map(revision_message, revisions), skips=map(skip_message, skips)
        )

    async def Submit(self, request: pb.SubmitRequest, context: Any) -> pb.Revision:
        people = people_words(request.people)
        effort = _effort(request)
        return await self._change("draft" if request.draft else "submit", request, people, effort)

    async def Undo(self, request: pb.UndoRequest, context: Any) -> pb.Revision:
        return await self._change("undo", request)

    async def Review(self, request: pb.ReviewRequest, context: Any) -> pb.Revision:
        return await self._change("accept" if request.accept else "reject", request)

    async def _change(
        self,
        action: Any,
        request: Any,
        people: list[Any] | None = None,
        effort: tuple[int, float] = (0, 0.0),
    ) -> pb.Revision:
        change = Change(
            action,
            request.image_id,
            annotator_of(request),
            request.based_on,
            request.key,
            people or [],
            request.note,
            *effort,
        )
        return revision_message(await self._kept(self._store.change, change))

    async def ReviewMany(
        self, request: pb.ReviewManyRequest, context: Any
    ) -> pb.ReviewManyResponse:
        if len(request.images) > _MOST_REVIEWS:
            raise BadInput(f"images should be {_MOST_REVIEWS:,} at most, got {len(request.images)}")
        annotator = annotator_of(request)
        check_annotator(annotator)
        action: Any = "accept" if request.accept else "reject"
        answer = pb.ReviewManyResponse()
        for image in request.images:
            key = hashlib.sha256(f"{request.key}/{image.image_id}".encode()).hexdigest()
            given = action, image.image_id, annotator, image.based_on, key
            change = Change(*given, note=request.note)
            answer.outcomes.append(await self._outcome(change))
        return answer

    async def _outcome(self, change: Change) -> pb.ReviewOutcome:
        done = await self._kept(_reviewed, self._store, change)
        if isinstance(done, Revision):
            return pb.ReviewOutcome(
                image_id=change.image_id, revision=done.number, state=STATES[done.state]
            )
        reason = "STALE" if isinstance(done, Stale) else done.reason
        return pb.ReviewOutcome(image_id=change.image_id, reason=reason, problem=str(done))

    # Comments

    async def AddComment(self, request: pb.AddCommentRequest, context: Any) -> pb.Comment:
        annotator, store = annotator_of(request), self._store
        check_annotator(annotator)
        person = request.person_id if request.HasField("person_id") else None
        given = request.image_id, annotator, request.key, request.text, store.now_ms(), person
        return comment_message(await self._kept(store.write, comments.add, *given, _place(request)))

    async def ResolveComment(self, request: pb.ResolveCommentRequest, context: Any) -> pb.Comment:
        annotator = annotator_of(request)
        check_annotator(annotator)
        given = comments.resolve, request.comment_id, annotator, request.open
        return comment_message(await self._kept(self._store.write, *given))

    async def ListComments(
        self, request: pb.ListCommentsRequest, context: Any
    ) -> pb.ListCommentsResponse:
        most = page(request.most, _LONGEST_PAGE)
        given = comments.listed, request.image_id, request.after, most
        found = await self._known(self._store.read, *given)
        return pb.ListCommentsResponse(comments=map(comment_message, found))


def _reviewed(store: Any, change: Change) -> Revision | Stale | NotNow | NotThere:
    """One review of many: what became of it, or why it was refused."""
    try:
        revision: Revision = store.change(change)
    except (Stale, NotNow, NotThere) as refused:
        return refused
    return revision


def _effort(request: pb.SubmitRequest) -> tuple[int, float]:
    """Actions and seconds, as far as they can be."""
    if request.actions > _MOST_ACTIONS or not 0.0 <= request.seconds <= _MOST_SECONDS:
        raise BadInput(
            f"actions and seconds should be 0 to {_MOST_ACTIONS:,}, "
            f"got {request.actions:,} and {request.seconds:g}"
        )
    return request.actions, request.seconds


def _place(request: pb.AddCommentRequest) -> tuple[float, float] | None:
    if request.HasField("x") != request.HasField("y"):
        raise BadInput("a comment should have both x and y, or none of them")
    if not request.HasField("x"):
        return None
    if not (math.hypot(request.x, request.y) <= 2 * MOST_PX):
        raise BadInput(f"x and y should be within {MOST_PX:,} px")
    return request.x, request.y
