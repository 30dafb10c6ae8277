"""The services of the endpoint: the one place where a service is added."""

from collections.abc import Callable
from typing import Any, NamedTuple

from evoskeleton.annotation.generated import (
    annotation_pb2,
    annotation_pb2_grpc,
    inference_pb2,
    inference_pb2_grpc,
)
from evoskeleton.annotation.server.annotation_service import AnnotationService
from evoskeleton.annotation.server.inference_service import InferenceService
from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.annotation.serving.batching import Batcher
from evoskeleton.annotation.serving.champions import Champions
from evoskeleton.annotation.serving.detection_queue import Pictures
from evoskeleton.annotation.serving.thread_pools import Work
from evoskeleton.annotation.store.annotation_store import AnnotationStore


class Parts(NamedTuple):
    """What servicers are made of."""

    settings: ServeSettings
    champions: Champions
    batcher: Batcher
    pictures: Pictures | None
    store: AnnotationStore | None
    work: Work


class Service(NamedTuple):
    """A servicer, its full name in the contract, and the generated function that adds it."""

    name: str
    add_to_server: Callable[[Any, Any], None]
    servicer: Any


def services(parts: Parts) -> list[Service]:
    """All services; `security` says which scope each needs."""
    return [
        Service(
            inference_pb2.DESCRIPTOR.services_by_name["InferenceService"].full_name,
            inference_pb2_grpc.add_InferenceServiceServicer_to_server,
            InferenceService(parts.settings, parts.champions, parts.batcher, parts.pictures),
        ),
        Service(
            annotation_pb2.DESCRIPTOR.services_by_name["AnnotationService"].full_name,
            annotation_pb2_grpc.add_AnnotationServiceServicer_to_server,
            AnnotationService(
                parts.settings, parts.champions, parts.pictures, parts.store, parts.work
            ),
        ),
    ]
