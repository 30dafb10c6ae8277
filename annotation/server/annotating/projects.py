"""Projects: made, listed, counted, renamed, deleted."""

from typing import Any

from evoskeleton.annotation.domain.keypoint_schemas import DEFAULT
from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.messages.annotation_messages import counts_message, project_message
from evoskeleton.annotation.messages.schema_data import schema_data
from evoskeleton.annotation.server.annotating.kept import Kept
from evoskeleton.annotation.store import removal
from evoskeleton.annotation.store.annotation_store import check_project_name
from evoskeleton.annotation.store.overview.progress import counts_of


class ProjectCalls(Kept):
    """See `AnnotationService` of the contract."""

    async def MakeProject(self, request: pb.MakeProjectRequest, context: Any) -> pb.Project:
        keypoints = request.keypoints or DEFAULT
        return project_message(await self._kept(self._store.make_project, request.name, keypoints))

    async def ListProjects(
        self, request: pb.ListProjectsRequest, context: Any
    ) -> pb.ListProjectsResponse:
        store = self._store
        projects = await self._known(store.projects)
        answer = pb.ListProjectsResponse(projects=map(project_message, projects))
        if request.counts:
            for project in projects:
                found = await self._known(store.read, counts_of, project.id, store.now_ms())
                answer.counts.append(counts_message(found))
        return answer

    async def GetProject(
        self, request: pb.GetProjectRequest, context: Any
    ) -> pb.GetProjectResponse:
        store, number = self._store, request.project_id
        project = await self._known(store.project_of, number)
        counts = await self._known(store.read, counts_of, number, store.now_ms())
        return pb.GetProjectResponse(
            project=project_message(project),
            counts=counts_message(counts),
            schema=schema_data(project.keypoints),
        )

    async def RenameProject(self, request: pb.RenameProjectRequest, context: Any) -> pb.Project:
        check_project_name(request.name)
        given = removal.rename_project, request.project_id, request.name
        return project_message(await self._kept(self._store.write, *given))

    async def DeleteProject(
        self, request: pb.DeleteProjectRequest, context: Any
    ) -> pb.DeleteResponse:
        given = removal.delete_project, request.project_id, request.name
        images, files = await self._kept(self._store.delete, *given)
        return pb.DeleteResponse(images=images, files=files)
