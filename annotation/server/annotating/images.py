"""Images: brought in, listed, looked at, renamed, assigned, deleted."""

from typing import Any

from evoskeleton.annotation.domain.wanted_images import Wanted
from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.messages.annotation_messages import ORDER_NAMES, image_message
from evoskeleton.annotation.server.annotating.kept import Kept, annotator_of, page, state_of
from evoskeleton.annotation.store import removal
from evoskeleton.annotation.store.annotation_store import check_annotator
from evoskeleton.annotation.store.image_files import checked_picture
from evoskeleton.annotation.store.overview.listing import page_of
from evoskeleton.annotation.store.revisions import check_text
from evoskeleton.errors import BadInput

_LONGEST_PAGE = 1000
_LONGEST_WORD = 1000


class ImageCalls(Kept):
    """See `AnnotationService` of the contract."""

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
        store, wanted = self._store, _wanted(request)
        given = page_of, wanted, page(request.most, _LONGEST_PAGE), store.now_ms()
        found = await self._known(store.read, *given)
        return pb.ListImagesResponse(images=map(image_message, found.images), total=found.total)

    async def GetImage(self, request: pb.GetImageRequest, context: Any) -> pb.GetImageResponse:
        image = await self._known(self._store.image, request.image_id)
        content = await self._known(self._store.content, image)
        return pb.GetImageResponse(image=image_message(image), content=content)

    async def RenameImage(self, request: pb.RenameImageRequest, context: Any) -> pb.Image:
        given = removal.rename_image, request.image_id, request.name
        return image_message(await self._kept(self._store.write, *given))

    async def DeleteImage(self, request: pb.DeleteImageRequest, context: Any) -> pb.DeleteResponse:
        store, annotator = self._store, annotator_of(request)
        given = removal.delete_image, request.image_id, annotator, store.now_ms()
        images, files = await self._kept(store.delete, *given)
        return pb.DeleteResponse(images=images, files=files)

    async def AssignImages(
        self, request: pb.AssignImagesRequest, context: Any
    ) -> pb.AssignImagesResponse:
        if len(request.image_ids) > _LONGEST_PAGE:
            sentence = f"image_ids should be {_LONGEST_PAGE:,} at most"
            raise BadInput(f"{sentence}, got {len(request.image_ids):,}")
        if request.assignee:
            check_annotator(request.assignee)
        given = removal.assign, list(request.image_ids), request.assignee
        images = await self._kept(self._store.write, *given)
        return pb.AssignImagesResponse(images=map(image_message, images))


def _wanted(request: pb.ListImagesRequest) -> Wanted:
    if request.order not in ORDER_NAMES:
        raise BadInput(f"there is no order {request.order}")
    for name in ("search", "holder", "assignee", "annotator", "skipped_by"):
        check_text(name, getattr(request, name), 0, _LONGEST_WORD)
    return Wanted(
        request.project_id,
        state_of(request.state) if request.state else None,
        request.search,
        request.holder,
        request.assignee,
        request.annotator,
        request.skipped_by,
        request.commented,
        request.after,
        ORDER_NAMES[request.order],
        request.offset,
    )
