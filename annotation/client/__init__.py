"""Clients of the endpoint, for programs that speak Python."""

from evoskeleton.annotation.client import annotation_calls, managing_calls
from evoskeleton.annotation.client import inference_calls as calls
from evoskeleton.annotation.client.client import AsyncClient, CallSettings, Client
from evoskeleton.annotation.client.endpoint_error import EndpointError, InvalidRequest

__all__ = [
    "AsyncClient",
    "CallSettings",
    "Client",
    "EndpointError",
    "InvalidRequest",
    "annotation_calls",
    "calls",
    "managing_calls",
]
