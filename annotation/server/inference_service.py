"""InferenceService of the contract: messages in, the detector and the champion's batches, messages
out. `proto/evoskeleton/v1/inference.proto` says what each method does."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np

from evoskeleton.annotation.domain.keypoint_schemas import SCHEMAS
from evoskeleton.annotation.domain.rpc_errors import RpcError
from evoskeleton.annotation.generated import inference_pb2 as pb
from evoskeleton.annotation.generated import inference_pb2_grpc
from evoskeleton.annotation.messages.arrays import array_to_floats
from evoskeleton.annotation.messages.inference_messages import (
    boxes_of,
    keypoints_of,
    model_message,
    person_message,
    put_radii,
)
from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.annotation.serving.batching import Batcher
from evoskeleton.annotation.serving.champions import Champions
from evoskeleton.annotation.serving.detection_queue import DetectionQueue, Seen
from evoskeleton.annotation.serving.trained_detectors import refresh
from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.pose2d.people_to_3d import liftable
from evoskeleton.pose2d.tracking import PeopleTracker


class InferenceService(inference_pb2_grpc.InferenceServiceServicer):
    """Answers with the champion of the moment."""

    def __init__(
        self,
        settings: ServeSettings,
        champions: Champions,
        batcher: Batcher,
        pictures: DetectionQueue | None,
    ) -> None:
        self._settings, self._champions = settings, champions
        self._batcher, self._pictures = batcher, pictures

    async def DetectPeople(
        self, request: pb.DetectPeopleRequest, context: Any
    ) -> pb.DetectPeopleResponse:
        pictures = self._detecting()
        seen = await pictures.look(request.image, boxes_of(request))
        return pb.DetectPeopleResponse(
            people=[person_message(person, row) for row, person in enumerate(seen.people)],
            width=seen.width,
            height=seen.height,
            detector=model_message(seen.detector),
        )

    async def LiftKeypoints(
        self, request: pb.LiftKeypointsRequest, context: Any
    ) -> pb.LiftKeypointsResponse:
        keypoints = keypoints_of(request, self._settings.most_poses)
        joints, champion = await self._batcher.lift(
            keypoints.points, keypoints.visibility, keypoints.image_size
        )
        answer = pb.LiftKeypointsResponse(
            joints=array_to_floats(joints, packed=bool(request.keypoints.packed)),
            model=model_message(champion),
            approximated=keypoints.schema.approximated,
        )
        put_radii(answer, champion.radii)
        return answer

    async def EstimatePoses(
        self, request: pb.EstimatePosesRequest, context: Any
    ) -> pb.EstimatePosesResponse:
        return await self._estimate(request)

    async def StreamPoses(
        self, requests: AsyncIterator[pb.StreamPosesRequest], context: Any
    ) -> AsyncIterator[pb.StreamPosesResponse]:
        tracker = PeopleTracker()
        async for request in requests:
            try:
                poses = await self._estimate(request, tracker)
            except BadInput as error:
                yield pb.StreamPosesResponse(frame=request.frame, problem=str(error))
            else:
                yield pb.StreamPosesResponse(frame=request.frame, poses=poses)

    async def GetModel(self, request: pb.GetModelRequest, context: Any) -> pb.GetModelResponse:
        champion = self._champions.current
        answer = pb.GetModelResponse(
            model=model_message(champion),
            joint_names=JOINT_NAMES,
            schemas=_schema_messages(),
            errors_mm=champion.errors_mm,
            error_radii_level=champion.radii.level if champion.radii else 0.0,
            detector=model_message(self._pictures.detector) if self._pictures else None,
            most_poses=self._settings.most_poses,
            most_pixels=self._settings.most_pixels,
            most_message_bytes=self._settings.most_message_bytes,
        )
        put_radii(answer, champion.radii)
        return answer

    async def RefreshModel(
        self, request: pb.RefreshModelRequest, context: Any
    ) -> pb.RefreshModelResponse:
        try:
            changed = await self._champions.refresh()
            if self._pictures:
                changed |= await refresh(self._pictures)
        except BadInput as error:
            raise RpcError(grpc.StatusCode.FAILED_PRECONDITION, str(error)) from None
        return pb.RefreshModelResponse(
            model=model_message(self._champions.current), changed=changed
        )

    async def _estimate(
        self,
        request: pb.EstimatePosesRequest | pb.StreamPosesRequest,
        tracker: PeopleTracker | None = None,
    ) -> pb.EstimatePosesResponse:
        pictures = self._detecting()
        _ = self._champions.current  # no picture is looked at for nothing
        seen = await pictures.look(request.image, boxes_of(request))
        ids = tracker.update(seen.people) if tracker else range(len(seen.people))
        joints, champion = await self._lifted(seen)
        answer = pb.EstimatePosesResponse(
            people=map(person_message, seen.people, ids, joints),
            width=seen.width,
            height=seen.height,
            detector=model_message(seen.detector),
            model=model_message(champion),
        )
        put_radii(answer, champion.radii)
        return answer

    async def _lifted(self, seen: Seen) -> tuple[list[np.ndarray | None], Any]:
        """(17, 3) mm of each person, None where too little is known, and the champion."""
        asked = liftable(seen.people, seen.width, seen.height)
        if not asked.rows:
            return [None] * len(seen.people), self._champions.current
        joints, champion = await self._batcher.lift(asked.keypoints, asked.known, asked.image_size)
        return asked.placed(joints, champion.lifter.second_opinion), champion

    def _detecting(self) -> DetectionQueue:
        if self._pictures is None:
            code = grpc.StatusCode.FAILED_PRECONDITION
            raise RpcError(code, "this server has no detector: send keypoints to LiftKeypoints")
        return self._pictures


def _schema_messages() -> list[pb.KeypointSchema]:
    return [
        pb.KeypointSchema(name=name, points=schema.names, approximated=schema.approximated)
        for name, schema in SCHEMAS.items()
    ]
