"""Leases: who works on which image, and who does not want to."""

from typing import Any

from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.messages.annotation_messages import image_message
from evoskeleton.annotation.server.annotating.kept import Kept, annotator_of
from evoskeleton.annotation.store.annotation_store import LEASE_SECONDS


class LeaseCalls(Kept):
    """See `AnnotationService` of the contract."""

    async def LeaseImage(
        self, request: pb.LeaseImageRequest, context: Any
    ) -> pb.LeaseImageResponse:
        images = await self._leased(request, review=False)
        return pb.LeaseImageResponse(image=images[0] if images else None, images=images)

    async def LeaseForReview(
        self, request: pb.LeaseForReviewRequest, context: Any
    ) -> pb.LeaseForReviewResponse:
        return pb.LeaseForReviewResponse(images=await self._leased(request, review=True))

    async def _leased(self, request: Any, review: bool) -> list[pb.Image]:
        lease, seconds = self._store.lease_several, request.seconds or LEASE_SECONDS
        given = request.project_id, annotator_of(request), seconds, request.count or 1, review
        return [*map(image_message, await self._kept(lease, *given))]

    async def RenewLease(self, request: pb.RenewLeaseRequest, context: Any) -> pb.Image:
        seconds = request.seconds or LEASE_SECONDS
        renew = self._store.renew
        return image_message(
            await self._kept(renew, request.image_id, annotator_of(request), seconds)
        )

    async def ReleaseImage(self, request: pb.ReleaseImageRequest, context: Any) -> pb.Image:
        release = self._store.release
        return image_message(await self._kept(release, request.image_id, annotator_of(request)))

    async def SkipImage(self, request: pb.SkipImageRequest, context: Any) -> pb.Image:
        annotator = annotator_of(request)
        skip = self._store.skip
        return image_message(await self._kept(skip, request.image_id, annotator, request.reason))

    async def UnskipImage(self, request: pb.UnskipImageRequest, context: Any) -> pb.Image:
        unskip = self._store.unskip
        return image_message(await self._kept(unskip, request.image_id, annotator_of(request)))
