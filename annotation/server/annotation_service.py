"""AnnotationService of the contract: messages in, the store, messages out.

`proto/evoskeleton/v1/annotation.proto` says what each method does. The store waits for disks and
databases, so that its methods run in threads (`threads.Work`), as does what takes long.
"""

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.status_pb2 import Status
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from evoskeleton.annotation.domain.annotated_person import AnnotatedPerson
from evoskeleton.annotation.domain.keypoint_schemas import DEFAULT
from evoskeleton.annotation.domain.records import (
    Change,
    NotKept,
    NotNow,
    NotThere,
    Project,
    Stale,
    State,
)
from evoskeleton.annotation.domain.rpc_errors import RpcError, cut
from evoskeleton.annotation.formats import exports
from evoskeleton.annotation.formats.coco import write_coco
from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.generated import annotation_pb2_grpc
from evoskeleton.annotation.messages.annotation_messages import (
    STATE_NAMES,
    image_message,
    people_words,
    person_message,
    project_message,
    revision_message,
    skip_message,
)
from evoskeleton.annotation.messages.inference_messages import boxes_of, model_message
from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.annotation.server.telemetry import CALLER
from evoskeleton.annotation.serving.champions import Champions
from evoskeleton.annotation.serving.detection_queue import DetectionQueue
from evoskeleton.annotation.serving.suggestions import ASSUMED_HEIGHT_MM, Suggestion, suggest
from evoskeleton.annotation.serving.thread_pools import Work
from evoskeleton.annotation.store.annotation_store import LEASE_SECONDS, AnnotationStore
from evoskeleton.annotation.store.coco_import import import_coco
from evoskeleton.annotation.store.image_files import checked_picture
from evoskeleton.errors import BadInput

LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer")

_PAGE, _LONGEST_PAGE, _LONGEST_HISTORY = 100, 1000, 200
_COME_BACK_MS = 1000
_MESSAGE_BYTES = 60 << 20
_DETAILS_BYTES = 4000
"""Of the 8 kB of trailers that clients take, where they lie in base64, beside the sentence."""


class AnnotationService(annotation_pb2_grpc.AnnotationServiceServicer):
    """Answers out of a store; without one, every method is refused."""

    def __init__(
        self,
        settings: ServeSettings,
        champions: Champions,
        pictures: DetectionQueue | None,
        store: AnnotationStore | None,
        work: Work,
    ) -> None:
        self._settings, self._champions = settings, champions
        self._pictures, self._known_store, self._work = pictures, store, work

    @property
    def _store(self) -> AnnotationStore:
        if self._known_store is None:
            sentence = "this server keeps no annotations: it was started without --annotations"
            raise RpcError(grpc.StatusCode.FAILED_PRECONDITION, sentence)
        return self._known_store

    # Projects and images

    async def MakeProject(self, request: pb.MakeProjectRequest, context: Any) -> pb.Project:
        keypoints = request.keypoints or DEFAULT
        return project_message(await self._kept(self._store.make_project, request.name, keypoints))

    async def ListProjects(
        self, request: pb.ListProjectsRequest, context: Any
    ) -> pb.ListProjectsResponse:
        projects = await self._known(self._store.projects)
        return pb.ListProjectsResponse(projects=map(project_message, projects))

    async def UploadImage(self, request: pb.UploadImageRequest, context: Any) -> pb.Image:
        store = self._store
        picture = await self._work.decoding.run(
            checked_picture, request.image, request.name, self._settings.most_pixels
        )
        return image_message(
            await self._kept(store.add_image, request.project_id, request.name, picture)
        )

    async def ListImages(
        self, request: pb.ListImagesRequest, context: Any
    ) -> pb.ListImagesResponse:
        most = _page(request.most, _LONGEST_PAGE)
        state = _state(request.state) if request.state else None
        images = await self._known(
            self._store.images, request.project_id, state, request.after, most
        )
        return pb.ListImagesResponse(images=map(image_message, images))

    async def GetImage(self, request: pb.GetImageRequest, context: Any) -> pb.GetImageResponse:
        image = await self._known(self._store.image, request.image_id)
        content = await self._known(self._store.content, image)
        return pb.GetImageResponse(image=image_message(image), content=content)

    # Leases

    async def LeaseImage(
        self, request: pb.LeaseImageRequest, context: Any
    ) -> pb.LeaseImageResponse:
        seconds = request.seconds or LEASE_SECONDS
        annotator = _annotator(request)
        image = await self._kept(self._store.lease_next, request.project_id, annotator, seconds)
        return pb.LeaseImageResponse(image=None if image is None else image_message(image))

    async def RenewLease(self, request: pb.RenewLeaseRequest, context: Any) -> pb.Image:
        seconds = request.seconds or LEASE_SECONDS
        renew = self._store.renew
        return image_message(
            await self._kept(renew, request.image_id, _annotator(request), seconds)
        )

    async def ReleaseImage(self, request: pb.ReleaseImageRequest, context: Any) -> pb.Image:
        release = self._store.release
        return image_message(await self._kept(release, request.image_id, _annotator(request)))

    async def SkipImage(self, request: pb.SkipImageRequest, context: Any) -> pb.Image:
        annotator = _annotator(request)
        skip = self._store.skip
        return image_message(await self._kept(skip, request.image_id, annotator, request.reason))

    # Revisions

    async def GetAnnotation(self, request: pb.GetAnnotationRequest, context: Any) -> pb.Revision:
        number = request.number or None
        return revision_message(await self._known(self._store.revision, request.image_id, number))

    async def GetHistory(
        self, request: pb.GetHistoryRequest, context: Any
    ) -> pb.GetHistoryResponse:
        most = _page(request.most, _LONGEST_HISTORY)
        revisions = await self._known(self._store.history, request.image_id, request.after, most)
        skips = await self._known(self._store.skips, request.image_id)
        return pb.GetHistoryResponse(
            revisions=map(revision_message, revisions), skips=map(skip_message, skips)
        )

    async def Submit(self, request: pb.SubmitRequest, context: Any) -> pb.Revision:
        people = people_words(request.people)
        return await self._change("draft" if request.draft else "submit", request, people)

    async def Undo(self, request: pb.UndoRequest, context: Any) -> pb.Revision:
        return await self._change("undo", request, [])

    async def Review(self, request: pb.ReviewRequest, context: Any) -> pb.Revision:
        return await self._change("accept" if request.accept else "reject", request, [])

    async def _change(self, action: Any, request: Any, people: list[Any]) -> pb.Revision:
        change = Change(
            action,
            request.image_id,
            _annotator(request),
            request.based_on,
            request.key,
            people,
            request.note,
        )
        return revision_message(await self._kept(self._store.change, change))

    # Suggestions, files

    async def Suggest(self, request: pb.SuggestRequest, context: Any) -> pb.SuggestResponse:
        if self._pictures is None:
            sentence = "this server has no detector: it suggests nothing"
            raise RpcError(grpc.StatusCode.FAILED_PRECONDITION, sentence)
        _ = self._champions.current  # no picture is looked at for nothing
        image = await self._known(self._store.image, request.image_id)
        project = await self._known(self._store.project_of, image.project_id)
        content = await self._known(self._store.content, image)
        seen = await self._pictures.look(content, boxes_of(request))
        champion = self._champions.current
        size = seen.width, seen.height
        found = await self._work.fitting.run(
            suggest, seen.people, champion.lifter, *size, project.keypoints
        )
        return pb.SuggestResponse(
            people=map(_suggested_person, range(len(found)), found),
            detector=model_message(self._pictures.detector),
            model=model_message(champion),
        )

    async def ImportCoco(
        self, request: pb.ImportCocoRequest, context: Any
    ) -> pb.ImportCocoResponse:
        project = await self._known(self._store.project_of, request.project_id)
        annotator = _annotator(request)
        given = self._store, project, request.coco, annotator, request.key
        with _as_rpc_errors():
            done = await self._work.files.run(import_coco, *given)
        return pb.ImportCocoResponse(images=done.images, people=done.people)

    async def Export(self, request: pb.ExportRequest, context: Any) -> pb.ExportResponse:
        project = await self._known(self._store.project_of, request.project_id)
        states = tuple(map(_state, request.states)) or ("accepted",)
        annotated = await self._known(self._store.newest, project.id, states)
        taken = (0, 0)
        if request.format == pb.FORMAT_COCO:
            taken = await self._known(self._store.largest_coco_ids, project.id)
        made = await self._work.files.run(_file, request.format, project, annotated, taken)
        if len(made.file) > _MESSAGE_BYTES:
            sentence = (
                f"the file has {len(made.file):,} bytes, an answer at most {_MESSAGE_BYTES:,}"
            )
            raise RpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, sentence)
        return made

    async def _known(self, ask: Callable[..., Answer], *arguments: Any) -> Answer:
        """What the store knows, read in a thread."""
        with _as_rpc_errors():
            return await self._work.reading.run(ask, *arguments)

    async def _kept(self, change: Callable[..., Answer], *arguments: Any) -> Answer:
        """What the store has made of a change, in a thread."""
        with _as_rpc_errors():
            return await self._work.writing.run(change, *arguments)


@contextmanager
def _as_rpc_errors() -> Iterator[None]:
    """What the store refuses, as a status."""
    try:
        yield
    except Stale as error:
        raise _stale(error) from None
    except NotThere as error:
        raise RpcError(grpc.StatusCode.NOT_FOUND, str(error)) from None
    except NotNow as error:
        raise RpcError(grpc.StatusCode.FAILED_PRECONDITION, str(error)) from None
    except NotKept as error:
        raise RpcError(grpc.StatusCode.UNAVAILABLE, str(error), _COME_BACK_MS) from None
    except (DBAPIError, PoolTimeout) as error:
        LOG.error("the database of the annotations", extra={"fields": {"problem": str(error)}})
        sentence = "the database of the annotations does not answer; try again"
        raise RpcError(grpc.StatusCode.UNAVAILABLE, sentence, _COME_BACK_MS) from None


def _stale(error: Stale) -> RpcError:
    """ABORTED, with the newest revision in the trailers where there is room for it."""
    code = grpc.StatusCode.ABORTED
    trailers: list[tuple[str, str | bytes]] = [("current-revision", str(error.current.number))]
    details = AnyMessage()
    details.Pack(revision_message(error.current))
    status = Status(code=code.value[0], message=cut(str(error)), details=[details])
    if status.ByteSize() <= _DETAILS_BYTES:
        trailers.append(("grpc-status-details-bin", status.SerializeToString()))
    return RpcError(code, str(error), trailers=tuple(trailers))


def _annotator(request: Any) -> str:
    """Who asks: the token where there are tokens, else who the request says."""
    caller = CALLER.get()
    if caller and request.annotator not in ("", caller):
        sentence = f"annotator should be {caller}, whose token it is, or empty"
        raise RpcError(grpc.StatusCode.PERMISSION_DENIED, sentence)
    return caller or request.annotator


def _page(most: int, longest: int) -> int:
    if most > longest:
        raise BadInput(f"most should be {longest:,} at most, got {most:,}")
    return most or _PAGE


def _state(number: int) -> State:
    if number not in STATE_NAMES:
        raise BadInput(f"there is no state {number}")
    return STATE_NAMES[number]


def _file(
    format: int, project: Project, annotated: exports.Annotated, taken: tuple[int, int]
) -> pb.ExportResponse:
    """A file, and how many images and people are in it."""
    if format == pb.FORMAT_HUMAN36M:
        return _human36m(exports.annotated_poses(project, annotated))
    if format == pb.FORMAT_COCO:
        file = write_coco(annotated, project.keypoints, taken=taken)
    elif format == pb.FORMAT_U3DPW:
        file = exports.u3dpw(project, annotated)
    else:
        raise BadInput("format should be COCO, HUMAN36M or U3DPW")
    people = sum(len(revision.people) for _, revision in annotated)
    return pb.ExportResponse(file=file, images=len(annotated), people=people)


def _human36m(poses: exports.AnnotatedPoses) -> pb.ExportResponse:
    """Only who is annotated in 3D is in this file."""
    with tempfile.TemporaryDirectory(prefix="evoskeleton-") as folder:
        path = Path(folder) / "poses.npy"
        exports.write_annotated_human36m(path, poses)
        file = path.read_bytes()
    return pb.ExportResponse(file=file, images=poses.images, people=len(poses.poses))


def _suggested_person(number: int, found: Suggestion) -> pb.SuggestedPerson:
    box = found.box.tolist()
    person = AnnotatedPerson(
        id=number,
        keypoints=tuple(map(tuple, found.keypoints.tolist())),
        visibility=tuple(found.visibility.tolist()),
        box=tuple(box) if box[0] < box[2] and box[1] < box[3] else None,
        joints=tuple(map(tuple, found.bodies[0].tolist())) if len(found.bodies) else None,
        camera_pitch_deg=0.0 if len(found.bodies) else None,
        body_height_mm=ASSUMED_HEIGHT_MM if len(found.bodies) else None,
    )
    bodies = zip(found.bodies, found.costs, found.reprojection_px, strict=True)
    return pb.SuggestedPerson(
        person=person_message(person),
        lifted=[] if found.lifted is None else found.lifted.ravel().tolist(),
        bodies=[
            pb.FittedBody(joints=joints.ravel().tolist(), cost=cost, reprojection_px=distance)
            for joints, cost, distance in bodies
        ],
    )
