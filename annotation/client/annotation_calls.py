"""Calls of AnnotationService, each of which is a method of `Client` and `AsyncClient`.

    project = client.make_project("street")
    image = client.lease(project.id, "ann")
    done = client.submit(image.id, people, image.revision, "ann")

Projects, images, revisions and people are those of `records` and `people`. A change gets a key when
its call is made, so that the call may be sent any number of times and is done once; calls that
are refused as ABORTED say with `newest_number` and `newest_revision` what has come in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from google.rpc.status_pb2 import Status

from evoskeleton.annotation.client.endpoint_error import EndpointError
from evoskeleton.annotation.client.inference_calls import (
    Call,
    FileContent,
    Model,
    boxes_messages,
    content,
    model_record,
)
from evoskeleton.annotation.client.one_call import annotation_call as _call
from evoskeleton.annotation.client.one_call import new_key
from evoskeleton.annotation.domain.annotated_person import AnnotatedPerson
from evoskeleton.annotation.domain.records import AnnotationImage, Project, Revision, State
from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.messages.annotation_messages import (
    STATES,
    image_record,
    person_message,
    person_record,
    project_record,
    revision_record,
)
from evoskeleton.lifting.model_fit.fitted_bodies import BodyChecks, FittedBodies


@dataclass(frozen=True)
class SuggestedPerson:
    """One person as the server would annotate it.

    Attributes:
        person: ready to be corrected and submitted.
        lifted: (17, 3) mm, the champion's answer, camera frame, hip at 0; None where too little
            is known.
        bodies: (k, 17, 3) mm, fitted within the joint limits, the cheapest first.
        costs, reprojection_px: (k,) of the bodies.
        fits: the same bodies, and what else is to be said of them.
    """

    person: AnnotatedPerson
    lifted: np.ndarray | None
    bodies: np.ndarray
    costs: np.ndarray
    reprojection_px: np.ndarray
    fits: FittedBodies


@dataclass(frozen=True)
class Suggested:
    """Everybody in an image, and by what; the assumed camera's focal length, px."""

    people: tuple[SuggestedPerson, ...]
    detector: Model
    model: Model
    focal_px: float


@dataclass(frozen=True)
class ImportedCoco:
    """How many images got a revision, and how many people there are in them."""

    images: int
    people: int


@dataclass(frozen=True)
class Exported:
    """A file as it is to be written, and how many images and people it holds."""

    file: bytes
    images: int
    people: int


FileFormat = Literal["coco", "human36m", "u3dpw"]
_FORMATS: dict[FileFormat, pb.Format] = {
    "coco": pb.FORMAT_COCO,
    "human36m": pb.FORMAT_HUMAN36M,
    "u3dpw": pb.FORMAT_U3DPW,
}


def make_project(name: str, keypoints: str = "") -> Call[Project]:
    """A project by its name, made where there is none; empty keypoints: "human36m"."""
    request = pb.MakeProjectRequest(name=name, keypoints=keypoints)
    return _call("MakeProject", request, project_record)


def projects() -> Call[list[Project]]:
    """All projects."""
    request = pb.ListProjectsRequest()
    return _call("ListProjects", request, lambda answer: [*map(project_record, answer.projects)])


def upload(project: int, name: str, picture: FileContent) -> Call[AnnotationImage]:
    """Add a picture."""
    request = pb.UploadImageRequest(project_id=project, name=name, image=content(picture))
    return _call("UploadImage", request, image_record)


def images(
    project: int, state: State | None = None, after: int = 0, most: int = 0
) -> Call[list[AnnotationImage]]:
    """One page of a project's images: those after the number `after`."""
    wanted = STATES[state] if state else pb.STATE_UNSPECIFIED
    request = pb.ListImagesRequest(project_id=project, state=wanted, after=after, most=most)
    return _call("ListImages", request, lambda answer: [*map(image_record, answer.images)])


def picture_of(image: int) -> Call[bytes]:
    """The file of an image."""
    return _call("GetImage", pb.GetImageRequest(image_id=image), lambda answer: answer.content)


def lease(project: int, annotator: str = "", seconds: float = 0) -> Call[AnnotationImage | None]:
    """An image to annotate; None without any. Length 0: as the server likes."""
    request = pb.LeaseImageRequest(project_id=project, annotator=annotator, seconds=seconds)
    return _call(
        "LeaseImage",
        request,
        lambda answer: image_record(answer.image) if answer.HasField("image") else None,
    )


def lease_several(
    project: int, count: int, annotator: str = "", seconds: float = 0
) -> Call[list[AnnotationImage]]:
    """An image to annotate and the next ones, those that the annotator holds already first."""
    request = pb.LeaseImageRequest(
        project_id=project, annotator=annotator, seconds=seconds, count=count
    )
    return _call("LeaseImage", request, lambda answer: [*map(image_record, answer.images)])


def renew(image: int, annotator: str = "", seconds: float = 0) -> Call[AnnotationImage]:
    """Hold an image for longer."""
    request = pb.RenewLeaseRequest(image_id=image, annotator=annotator, seconds=seconds)
    return _call("RenewLease", request, image_record)


def release(image: int, annotator: str = "") -> Call[AnnotationImage]:
    """Give an image back."""
    request = pb.ReleaseImageRequest(image_id=image, annotator=annotator)
    return _call("ReleaseImage", request, image_record)


def skip(image: int, reason: str, annotator: str = "") -> Call[AnnotationImage]:
    """Give an image back and not get it again."""
    request = pb.SkipImageRequest(image_id=image, annotator=annotator, reason=reason)
    return _call("SkipImage", request, image_record)


def unskip(image: int, annotator: str = "") -> Call[AnnotationImage]:
    """Take a skip back."""
    request = pb.UnskipImageRequest(image_id=image, annotator=annotator)
    return _call("UnskipImage", request, image_record)


def annotation(image: int, number: int = 0) -> Call[Revision]:
    """A revision of an image; 0: the newest."""
    request = pb.GetAnnotationRequest(image_id=image, number=number)
    return _call("GetAnnotation", request, revision_record)


def history(image: int, after: int = 0, most: int = 0) -> Call[list[Revision]]:
    """One page of an image's revisions: those after the number `after`."""
    request = pb.GetHistoryRequest(image_id=image, after=after, most=most)
    return _call("GetHistory", request, lambda answer: [*map(revision_record, answer.revisions)])


def suggest(image: int, boxes: np.ndarray | None = None, again: bool = False) -> Call[Suggested]:
    """A start for an annotator; (people, 4) px boxes x0 y0 x1 y1 name those to look at.

    What was suggested for the whole picture is kept, and given until it is to be looked at `again`.
    """
    request = pb.SuggestRequest(image_id=image, boxes=boxes_messages(boxes), again=again)
    return _call("Suggest", request, _suggested)


def refit(
    image: int,
    person: AnnotatedPerson,
    from_joints: bool = True,
    depth_order: Sequence[int] = (),
    most: int = 0,
) -> Call[FittedBodies]:
    """Bodies for a person's keypoints, as tall as the person and near the joints where there are.

    Args:
        image: that the person is in.
        person: with keypoints as they were corrected.
        from_joints: pull towards the person's joints; or else towards the champion's answer.
        depth_order: 16 numbers, one a bone: 1 where its far end is the farther one, -1 where it is
            the nearer one, 0 where that is not known.
        most: bodies; 0: six.
    """
    message = person_message(person)
    request = pb.RefitBodyRequest(
        image_id=image,
        keypoints=message.keypoints,
        visibility=message.visibility,
        body_height_mm=person.body_height_mm,
        start=message.joints if from_joints else (),
        depth_order=depth_order,
        most=most,
    )
    return _call("RefitBody", request, lambda answer: _fits(answer.bodies))


def check_bodies(joints: np.ndarray, heights_mm: Sequence[float] = ()) -> Call[BodyChecks]:
    """Limbs beyond their joint limits and bones of unusual length, of bodies (k, 17, 3) mm in the
    camera frame; without heights they are 1,700 mm tall."""
    bodies = [pb.Body(joints=np.ravel(body).tolist()) for body in joints]
    for body, height in zip(bodies, heights_mm, strict=False):
        body.body_height_mm = height
    return _call("CheckBodies", pb.CheckBodiesRequest(bodies=bodies), _checks)


def submit(
    image: int,
    people: Sequence[AnnotatedPerson],
    based_on: int,
    annotator: str = "",
    draft: bool = False,
    note: str = "",
    actions: int = 0,
    seconds: float = 0.0,
) -> Call[Revision]:
    """Add a submission, or a draft, to the revision `based_on` that its annotator has seen.

    `actions` and `seconds` say what it took, for statistics.
    """
    request = pb.SubmitRequest(
        image_id=image,
        annotator=annotator,
        based_on=based_on,
        key=new_key(),
        people=map(person_message, people),
        draft=draft,
        note=note,
        actions=actions,
        seconds=seconds,
    )
    return _call("Submit", request, revision_record)


def undo(image: int, based_on: int, annotator: str = "", note: str = "") -> Call[Revision]:
    """Go back to what was there before the newest revision."""
    request = pb.UndoRequest(
        image_id=image, annotator=annotator, based_on=based_on, key=new_key(), note=note
    )
    return _call("Undo", request, revision_record)


def review(
    image: int, accept: bool, based_on: int, annotator: str = "", note: str = ""
) -> Call[Revision]:
    """Accept what was submitted, or send it back."""
    request = pb.ReviewRequest(
        image_id=image,
        annotator=annotator,
        based_on=based_on,
        key=new_key(),
        accept=accept,
        note=note,
    )
    return _call("Review", request, revision_record)


def import_coco(project: int, coco: FileContent, annotator: str = "") -> Call[ImportedCoco]:
    """The people of a COCO keypoint file as submissions of images that are there; all or none."""
    request = pb.ImportCocoRequest(
        project_id=project, annotator=annotator, key=new_key(), coco=content(coco)
    )
    return _call("ImportCoco", request, lambda answer: ImportedCoco(answer.images, answer.people))


def export(
    project: int, file_format: FileFormat = "coco", states: Sequence[State] = ()
) -> Call[Exported]:
    """Annotations of a project as a file of a format; without states, what was accepted."""
    request = pb.ExportRequest(
        project_id=project,
        format=_FORMATS[file_format],
        states=[STATES[state] for state in states],
    )
    return _call(
        "Export", request, lambda answer: Exported(answer.file, answer.images, answer.people)
    )


def newest_number(error: EndpointError) -> int | None:
    """Number of what has come in between, of a change refused as ABORTED; None of other errors."""
    number = dict(error.trailers).get("current-revision")
    return None if error.code != "ABORTED" or number is None else int(number)


def newest_revision(error: EndpointError) -> Revision | None:
    """What has come in between, of a change that was refused as ABORTED.

    None of other errors, and where the revision is too large to come with the refusal (from some
    five people on): `newest_number` is its number then, and `annotation` asks for it.
    """
    details = dict(error.trailers).get("grpc-status-details-bin")
    if error.code != "ABORTED" or not isinstance(details, bytes):
        return None
    newest = pb.Revision()
    found = Status.FromString(details).details
    return revision_record(newest) if found and found[0].Unpack(newest) else None


def _suggested(answer: pb.SuggestResponse) -> Suggested:
    people = tuple(map(_suggested_person, answer.people))
    models = model_record(answer.detector), model_record(answer.model)
    return Suggested(people, *models, answer.focal_px)


def _suggested_person(answer: pb.SuggestedPerson) -> SuggestedPerson:
    fits = _fits(answer.bodies)
    return SuggestedPerson(
        person=person_record(answer.person),
        lifted=_joints(answer.lifted)[0] if answer.lifted else None,
        bodies=fits.joints,
        costs=fits.costs,
        reprojection_px=fits.reprojection_px,
        fits=fits,
    )


def _fits(bodies: Sequence[pb.FittedBody]) -> FittedBodies:
    count = len(bodies)
    return FittedBodies(
        joints=_joints([number for body in bodies for number in body.joints]),
        roots=np.array([body.root for body in bodies], np.float32).reshape(count, 3),
        costs=np.array([body.cost for body in bodies]),
        reprojection_px=np.array([body.reprojection_px for body in bodies]),
        bone_sigma=np.array([body.bone_sigma for body in bodies]).reshape(count, -1),
        limit_margin_deg=np.array([body.limit_margin_deg for body in bodies]).reshape(count, -1),
        flips=np.array([body.flips for body in bodies], bool).reshape(count, -1),
        converged=np.array([body.converged for body in bodies], bool),
    )


def _checks(answer: pb.CheckBodiesResponse) -> BodyChecks:
    margins = [body.limit_margin_deg for body in answer.bodies]
    sigma = [body.bone_sigma for body in answer.bodies]
    return BodyChecks(np.array(margins).reshape(-1, 9), np.array(sigma).reshape(-1, 16))


def _joints(numbers: Sequence[float]) -> np.ndarray:
    return np.array(numbers, np.float32).reshape(-1, 17, 3)
