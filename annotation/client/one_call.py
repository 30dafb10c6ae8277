"""One call of AnnotationService, and keys that no other change has."""

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from evoskeleton.annotation.client.inference_calls import Call
from evoskeleton.annotation.generated.annotation_pb2_grpc import AnnotationServiceStub

Answer = TypeVar("Answer")


def annotation_call(method: str, request: Any, read: Callable[[Any], Answer]) -> Call[Answer]:
    """A call of a method by its name, and what is made of its answer."""
    return Call(AnnotationServiceStub, method, request, read)


def new_key() -> str:
    """A key for a change, which no other change has."""
    return str(uuid.uuid4())
