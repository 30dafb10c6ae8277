"""Suggestions: what detector, champion and pose fit make of an image or of corrected keypoints."""

from typing import Any

import grpc

from evoskeleton.annotation.domain.annotated_person import AnnotatedPerson
from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.messages.annotation_messages import person_message
from evoskeleton.annotation.messages.inference_messages import boxes_of, model_message
from evoskeleton.annotation.messages.refit_messages import (
    bodies_of,
    check_messages,
    fitted_messages,
    refit_of,
)
from evoskeleton.annotation.server.annotating.kept import Kept
from evoskeleton.annotation.server.annotating.refusals import refusal
from evoskeleton.annotation.serving.champions import ServedChampion
from evoskeleton.annotation.serving.detection_queue import DetectionQueue, ServedDetector
from evoskeleton.annotation.serving.refits import assumed_focal_px, refit
from evoskeleton.annotation.serving.suggestions import ASSUMED_HEIGHT_MM, Suggestion, suggest
from evoskeleton.annotation.store import suggested
from evoskeleton.lifting.model_fit.body_checks import checked_bodies


class SuggestionCalls(Kept):
    """See `AnnotationService` of the contract."""

    async def Suggest(self, request: pb.SuggestRequest, context: Any) -> pb.SuggestResponse:
        pictures = self._detecting()
        champion = self._champions.current
        image = await self._known(self._store.image, request.image_id)
        made_by = f"{pictures.detector.weight_hash}/{champion.weight_hash}"
        whole = not request.boxes
        if whole and not request.again:
            given = suggested.kept, image.id, made_by
            if (message := await self._known(self._store.read, *given)) is not None:
                answer: pb.SuggestResponse = pb.SuggestResponse.FromString(message)
                answer.kept = True
                return answer
        project = await self._known(self._store.project_of, image.project_id)
        content = await self._known(self._store.content, image)
        seen = await pictures.look(content, boxes_of(request))
        size = seen.width, seen.height
        found = await self._work.fitting.run(
            suggest, seen.people, champion.lifter, *size, project.keypoints, champion.radii
        )
        answer = _answer(found, seen.detector, champion, *size)
        if whole:
            made_by = f"{seen.detector.weight_hash}/{champion.weight_hash}"
            message, now = answer.SerializeToString(), self._store.now_ms()
            await self._kept(self._store.write, suggested.keep, image.id, made_by, message, now)
        return answer

    async def RefitBody(self, request: pb.RefitBodyRequest, context: Any) -> pb.RefitBodyResponse:
        size, schema = (request.width, request.height), request.schema
        if request.image_id:
            image = await self._known(self._store.image, request.image_id)
            project = await self._known(self._store.project_of, image.project_id)
            size, schema = (image.width, image.height), schema or project.keypoints
        asked = refit_of(request, *size, schema)
        champion = self._champions.current if asked.start is None else None
        lifter = champion.lifter if champion else None
        found = await self._work.fitting.run(refit, lifter, asked)
        return pb.RefitBodyResponse(
            bodies=fitted_messages(found),
            focal_px=asked.focal_px,
            body_height_mm=asked.height_mm,
            model=model_message(champion) if champion else None,
        )

    async def CheckBodies(self, request: pb.CheckBodiesRequest, _: Any) -> pb.CheckBodiesResponse:
        found = await self._work.reading.run(checked_bodies, *bodies_of(request))
        return pb.CheckBodiesResponse(bodies=check_messages(found))

    def _detecting(self) -> DetectionQueue:
        if self._pictures is None:
            sentence = "this server has no detector: it suggests nothing"
            raise refusal(grpc.StatusCode.FAILED_PRECONDITION, sentence, "NO_DETECTOR")
        return self._pictures


def _answer(
    found: list[Suggestion],
    detector: ServedDetector,
    champion: ServedChampion,
    width: int,
    height: int,
) -> pb.SuggestResponse:
    return pb.SuggestResponse(
        people=map(_suggested_person, range(len(found)), found),
        detector=model_message(detector),
        model=model_message(champion),
        focal_px=assumed_focal_px(width, height),
    )


def _suggested_person(number: int, found: Suggestion) -> pb.SuggestedPerson:
    box, fits = found.box.tolist(), found.fits
    person = AnnotatedPerson(
        id=number,
        keypoints=tuple(map(tuple, found.keypoints.tolist())),
        visibility=tuple(found.visibility.tolist()),
        box=tuple(box) if box[0] < box[2] and box[1] < box[3] else None,
        joints=tuple(map(tuple, fits.joints[0].tolist())) if len(fits.joints) else None,
        camera_pitch_deg=0.0 if len(fits.joints) else None,
        body_height_mm=ASSUMED_HEIGHT_MM if len(fits.joints) else None,
        origin=("suggested",) * len(found.visibility),
        joint_origin=("suggested",) * 17 if len(fits.joints) else None,
        confidence=tuple(found.confidence.tolist()),
        error_radii_mm=None if found.radii_mm is None else tuple(found.radii_mm.tolist()),
    )
    return pb.SuggestedPerson(
        person=person_message(person),
        lifted=[] if found.lifted is None else found.lifted.ravel().tolist(),
        bodies=fitted_messages(fits),
    )
