"""Calls of AnnotationService that manage a project: who may do what, counts, names, assignments,
comments, and what goes for good. As `annotation_calls`, each is a method of both clients."""

from collections.abc import Sequence
from dataclasses import dataclass

from evoskeleton.annotation.client.inference_calls import Call
from evoskeleton.annotation.client.one_call import annotation_call as _call
from evoskeleton.annotation.client.one_call import new_key
from evoskeleton.annotation.domain.progress import ProjectCounts
from evoskeleton.annotation.domain.records import AnnotationImage, Comment, Project, State
from evoskeleton.annotation.domain.wanted_images import ImagePage, Order
from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.messages.annotation_messages import (
    ORDERS,
    STATES,
    comment_record,
    counts_record,
    image_record,
    project_record,
)


@dataclass(frozen=True)
class WhoIs:
    """Who asks.

    Attributes:
        name: of the token; empty on a server without tokens.
        scopes: what it is good for.
        annotations, detector: whether the server keeps annotations, and detects people.
    """

    name: str
    scopes: tuple[str, ...]
    annotations: bool
    detector: bool


@dataclass(frozen=True)
class Deleted:
    """How many images are gone, and files that no image has any more."""

    images: int
    files: int


@dataclass(frozen=True)
class ReviewOutcome:
    """What became of one review of many.

    Attributes:
        revision: number of the new revision; 0 where it was refused.
        reason, problem: why it was refused, for programs and in words; empty where it was not.
    """

    image_id: int
    revision: int
    reason: str
    problem: str


def who_am_i() -> Call[WhoIs]:
    """Who asks, and what they may do."""
    return _call(
        "WhoAmI",
        pb.WhoAmIRequest(),
        lambda a: WhoIs(a.name, tuple(a.scopes), a.annotations, a.HasField("detector")),
    )


def counts(project: int) -> Call[ProjectCounts]:
    """How far a project has come."""
    request = pb.GetProjectRequest(project_id=project)
    return _call("GetProject", request, lambda answer: counts_record(answer.counts))


def image_page(
    project: int,
    state: State | None = None,
    *,
    search: str = "",
    holder: str = "",
    assignee: str = "",
    annotator: str = "",
    skipped_by: str = "",
    commented: bool = False,
    order: Order = "number",
    after: int = 0,
    offset: int = 0,
    most: int = 0,
) -> Call[ImagePage]:
    """Part of a list of a project's images; `Wanted` says which and in which order."""
    request = pb.ListImagesRequest(
        project_id=project,
        state=STATES[state] if state else pb.STATE_UNSPECIFIED,
        search=search,
        holder=holder,
        assignee=assignee,
        annotator=annotator,
        skipped_by=skipped_by,
        commented=commented,
        order=ORDERS[order],
        after=after,
        offset=offset,
        most=most,
    )
    return _call(
        "ListImages",
        request,
        lambda answer: ImagePage([*map(image_record, answer.images)], answer.total),
    )


def rename_project(project: int, name: str) -> Call[Project]:
    """Another name for a project."""
    return _call(
        "RenameProject", pb.RenameProjectRequest(project_id=project, name=name), project_record
    )


def delete_project(project: int, name: str) -> Call[Deleted]:
    """Delete a project, whose name is to be said once more, with all its images."""
    request = pb.DeleteProjectRequest(project_id=project, name=name)
    return _call("DeleteProject", request, _deleted)


def rename_image(image: int, name: str) -> Call[AnnotationImage]:
    """Another name for an image."""
    return _call("RenameImage", pb.RenameImageRequest(image_id=image, name=name), image_record)


def delete_image(image: int, annotator: str = "") -> Call[Deleted]:
    """Delete an image with all that was said of it."""
    request = pb.DeleteImageRequest(image_id=image, annotator=annotator)
    return _call("DeleteImage", request, _deleted)


def assign(images: Sequence[int], assignee: str) -> Call[list[AnnotationImage]]:
    """Say who should annotate images; empty: anybody."""
    request = pb.AssignImagesRequest(image_ids=images, assignee=assignee)
    return _call("AssignImages", request, _images)


def lease_for_review(
    project: int, annotator: str = "", seconds: float = 0, count: int = 1
) -> Call[list[AnnotationImage]]:
    """Images to review, the longest waiting first."""
    request = pb.LeaseForReviewRequest(
        project_id=project, annotator=annotator, seconds=seconds, count=count
    )
    return _call("LeaseForReview", request, _images)


def review_many(
    images: Sequence[AnnotationImage], accept: bool, annotator: str = "", note: str = ""
) -> Call[list[ReviewOutcome]]:
    """Accept or send back images, each at the revision that was seen of it."""
    request = pb.ReviewManyRequest(
        annotator=annotator,
        key=new_key(),
        accept=accept,
        note=note,
        images=[pb.ReviewedImage(image_id=i.id, based_on=i.revision) for i in images],
    )
    return _call("ReviewMany", request, lambda answer: [*map(_outcome, answer.outcomes)])


def add_comment(
    image: int,
    text: str,
    annotator: str = "",
    person: int | None = None,
    place: tuple[float, float] | None = None,
) -> Call[Comment]:
    """Say something of an image, of a person or a place (x y px) in it."""
    x, y = place or (None, None)
    request = pb.AddCommentRequest(
        image_id=image, annotator=annotator, key=new_key(), text=text, person_id=person, x=x, y=y
    )
    return _call("AddComment", request, comment_record)


def resolve_comment(comment: int, annotator: str = "", open_again: bool = False) -> Call[Comment]:
    """Settle a comment, or open it again."""
    request = pb.ResolveCommentRequest(comment_id=comment, annotator=annotator, open=open_again)
    return _call("ResolveComment", request, comment_record)


def comments(image: int, after: int = 0, most: int = 0) -> Call[list[Comment]]:
    """One page of an image's comments: those after the number `after`."""
    request = pb.ListCommentsRequest(image_id=image, after=after, most=most)
    return _call("ListComments", request, lambda answer: [*map(comment_record, answer.comments)])


def _images(
    answer: pb.AssignImagesResponse | pb.LeaseForReviewResponse,
) -> list[AnnotationImage]:
    return [*map(image_record, answer.images)]


def _deleted(answer: pb.DeleteResponse) -> Deleted:
    return Deleted(answer.images, answer.files)


def _outcome(answer: pb.ReviewOutcome) -> ReviewOutcome:
    return ReviewOutcome(answer.image_id, answer.revision, answer.reason, answer.problem)
