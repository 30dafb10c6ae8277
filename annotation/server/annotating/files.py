"""Whole files: COCO in, and the field's files out."""

import tempfile
from pathlib import Path
from typing import Any

import grpc

from evoskeleton.annotation.domain.records import AnnotationImage, Project
from evoskeleton.annotation.domain.rpc_errors import RpcError
from evoskeleton.annotation.formats import exports
from evoskeleton.annotation.formats.coco import write_coco
from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.server.annotating.kept import Kept, annotator_of, state_of
from evoskeleton.annotation.server.annotating.refusals import as_rpc_errors
from evoskeleton.annotation.store.coco_import import import_coco
from evoskeleton.errors import BadInput

_MESSAGE_BYTES = 60 << 20


class FileCalls(Kept):
    """See `AnnotationService` of the contract."""

    async def ImportCoco(
        self, request: pb.ImportCocoRequest, context: Any
    ) -> pb.ImportCocoResponse:
        project = await self._known(self._store.project_of, request.project_id)
        annotator = annotator_of(request)
        given = self._store, project, request.coco, annotator, request.key
        with as_rpc_errors():
            done = await self._work.files.run(import_coco, *given)
        return pb.ImportCocoResponse(images=done.images, people=done.people)

    async def Export(self, request: pb.ExportRequest, context: Any) -> pb.ExportResponse:
        project = await self._known(self._store.project_of, request.project_id)
        states = tuple(map(state_of, request.states)) or ("accepted",)
        annotated = await self._known(self._store.newest, project.id, states)
        taken, others = (0, 0), []
        if request.format == pb.FORMAT_COCO:
            taken = await self._known(self._store.largest_coco_ids, project.id)
            others = await self._known(self._store.untouched_of_coco, project.id)
        given = project, annotated, taken, others
        made = await self._work.files.run(_file, request.format, *given)
        if len(made.file) > _MESSAGE_BYTES:
            sentence = (
                f"the file has {len(made.file):,} bytes, an answer at most {_MESSAGE_BYTES:,}"
            )
            raise RpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, sentence)
        return made


def _file(
    format: int,
    project: Project,
    annotated: exports.Annotated,
    taken: tuple[int, int],
    others: list[AnnotationImage],
) -> pb.ExportResponse:
    """A file, and how many images and people are in it."""
    if format == pb.FORMAT_HUMAN36M:
        return _human36m(exports.annotated_poses(project, annotated))
    if format == pb.FORMAT_COCO:
        file = write_coco(annotated, project.keypoints, taken=taken, others=others)
    elif format == pb.FORMAT_U3DPW:
        file = exports.u3dpw(project, annotated)
    else:
        raise BadInput("format should be COCO, HUMAN36M or U3DPW")
    people = sum(len(revision.people) for _, revision in annotated)
    images = len(annotated) + len(others)
    return pb.ExportResponse(file=file, images=images, people=people)


def _human36m(poses: exports.AnnotatedPoses) -> pb.ExportResponse:
    """Only who is annotated in 3D is in this file."""
    with tempfile.TemporaryDirectory(prefix="evoskeleton-") as folder:
        path = Path(folder) / "poses.npy"
        exports.write_annotated_human36m(path, poses)
        file = path.read_bytes()
    return pb.ExportResponse(file=file, images=poses.images, people=len(poses.poses))
