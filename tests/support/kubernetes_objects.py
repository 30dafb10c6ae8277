"""Kubernetes objects held against what a server would take: unknown fields refused, types checked.

The fields of Kubernetes' own kinds come from the models of its official client, those of KubeRay's
and of the Prometheus operator's from the tables below, as far as the manifests use them (API
reference of KubeRay 1.6 and 1.7, `ray.io/v1`). `errors_by_crd` holds an object against the
definitions of a cluster (`kubectl get crd rayjobs.ray.io -o yaml`).
"""

import re
from collections.abc import Iterator
from typing import Any

from kubernetes import client

MAP, TEXT, NUMBER, FLAG, ANYTHING = "Dict[str, str]", "str", "int", "bool", "object"

_CONTAINERS = {"securityContext": "V1SecurityContext", "resources": "V1ResourceRequirements"}
CUSTOM: dict[str, dict[str, Any]] = {
    "RayJob": {"metadata": "V1ObjectMeta", "spec": "RayJobSpec"},
    "RayJobSpec": {
        "entrypoint": TEXT,
        "submissionMode": ("K8sJobMode", "HTTPMode", "SidecarMode", "InteractiveMode"),
        "backoffLimit": NUMBER,
        "activeDeadlineSeconds": NUMBER,
        "preRunningDeadlineSeconds": NUMBER,
        "shutdownAfterJobFinishes": FLAG,
        "ttlSecondsAfterFinished": NUMBER,
        "suspend": FLAG,
        "submitterPodTemplate": "V1PodTemplateSpec",
        "rayClusterSpec": "RayClusterSpec",
    },
    "RayClusterSpec": {
        "rayVersion": TEXT,
        "authOptions": "AuthOptions",
        "enableInTreeAutoscaling": FLAG,
        "autoscalerOptions": "AutoscalerOptions",
        "headGroupSpec": "HeadGroupSpec",
        "workerGroupSpecs": "List[WorkerGroupSpec]",
    },
    "AuthOptions": {"mode": ("token", "disabled"), "secretName": TEXT},
    "AutoscalerOptions": _CONTAINERS
    | {"version": ("v1", "v2"), "idleTimeoutSeconds": NUMBER, "image": TEXT},
    "HeadGroupSpec": {"rayStartParams": MAP, "template": "V1PodTemplateSpec", "labels": MAP},
    "WorkerGroupSpec": {
        "groupName": TEXT,
        "replicas": NUMBER,
        "minReplicas": NUMBER,
        "maxReplicas": NUMBER,
        "idleTimeoutSeconds": NUMBER,
        "rayStartParams": MAP,
        "labels": MAP,
        "template": "V1PodTemplateSpec",
    },
    "PodMonitor": {"metadata": "V1ObjectMeta", "spec": "PodMonitorSpec"},
    "PodMonitorSpec": {
        "selector": "V1LabelSelector",
        "podMetricsEndpoints": "List[PodMetricsEndpoint]",
    },
    "PodMetricsEndpoint": {"port": TEXT, "interval": TEXT, "path": TEXT},
    "PrometheusRule": {"metadata": "V1ObjectMeta", "spec": "PrometheusRuleSpec"},
    "PrometheusRuleSpec": {"groups": "List[RuleGroup]"},
    "RuleGroup": {"name": TEXT, "rules": "List[Rule]"},
    "Rule": {"alert": TEXT, "expr": TEXT, "for": TEXT, "labels": MAP, "annotations": MAP},
}
REQUIRED = {
    "RayJobSpec": {"rayClusterSpec"},
    "RayClusterSpec": {"headGroupSpec"},
    "HeadGroupSpec": {"template"},
    "WorkerGroupSpec": {"groupName", "template"},
}
VERSIONS = {
    "RayJob": "ray.io/v1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
}
PLAIN = {TEXT: str, NUMBER: int, FLAG: bool, "float": (int, float)}


def errors(manifest: dict[str, Any]) -> list[str]:
    """What a server would refuse of an object, each with its path."""
    kind, version = manifest["kind"], manifest["apiVersion"]
    fields = {name: value for name, value in manifest.items() if name not in ("kind", "apiVersion")}
    if kind in CUSTOM:
        wrong = [] if version == VERSIONS[kind] else [f"{kind}: version {version}"]
        return [*wrong, *_object(kind, fields, kind)]
    group, _, name = version.rpartition("/")
    model = f"{name[0].upper()}{name[1:]}{kind}"
    if not hasattr(client, model):
        return [f"{kind}: {version} has no such kind"]
    return _object(model, fields, kind)


def _object(model: str, fields: Any, path: str) -> list[str]:
    if not isinstance(fields, dict):
        return [f"{path}: should be an object, got {fields!r}"]
    known = _fields(model)
    found = [f"{path}.{name}: unknown" for name in fields.keys() - known.keys()]
    found += [f"{path}.{name}: missing" for name in _required(model) - fields.keys()]
    for name in fields.keys() & known.keys():
        found += _value(known[name], fields[name], f"{path}.{name}")
    return sorted(found)


def _fields(model: str) -> dict[str, Any]:
    if model in CUSTOM:
        return CUSTOM[model]
    described = getattr(client, model)
    return {
        name: described.openapi_types[attribute]
        for attribute, name in described.attribute_map.items()
        if name not in ("kind", "apiVersion") or model.endswith("Reference")
    }


def _required(model: str) -> set[str]:
    if model in CUSTOM:
        return REQUIRED.get(model, set())
    described = getattr(client, model)
    fields = {field.alias or name: field for name, field in described.model_fields.items()}
    return {
        name
        for attribute, name in described.attribute_map.items()
        if fields[attribute].is_required()
    }


def _value(kind: Any, value: Any, path: str) -> list[str]:
    if isinstance(kind, tuple):
        return [] if value in kind else [f"{path}: should be one of {kind}, got {value!r}"]
    if kind in PLAIN:
        good = isinstance(value, PLAIN[kind]) and isinstance(value, bool) == (kind == FLAG)
        return [] if good else [f"{path}: should be {kind}, got {value!r}"]
    if inner := re.fullmatch(r"List\[(.*)\]", kind):
        return _list(inner[1], value, path)
    if inner := re.fullmatch(r"Dict\[str, (.*)\]", kind):
        return _map(inner[1], value, path)
    return [] if kind in (ANYTHING, "datetime") else _object(kind, value, path)


def _list(kind: str, values: Any, path: str) -> list[str]:
    if not isinstance(values, list):
        return [f"{path}: should be a list, got {values!r}"]
    return [
        error
        for number, value in enumerate(values)
        for error in _value(kind, value, f"{path}[{number}]")
    ]


def _map(kind: str, values: Any, path: str) -> list[str]:
    if not isinstance(values, dict):
        return [f"{path}: should be a map, got {values!r}"]
    return [
        error for name, value in values.items() for error in _value(kind, value, f"{path}.{name}")
    ]


def errors_by_crd(manifest: dict[str, Any], definition: dict[str, Any]) -> list[str]:
    """What a custom resource definition refuses of an object, unknown fields included."""
    import jsonschema

    version = manifest["apiVersion"].rpartition("/")[2]
    (schema,) = [
        each["schema"]["openAPIV3Schema"]
        for each in definition["spec"]["versions"]
        if each["name"] == version
    ]
    schema["properties"]["metadata"] = {"type": "object"}
    checker = jsonschema.Draft202012Validator(_closed(schema))
    return [
        f"{'.'.join(map(str, error.path))}: {error.message[:200]}"
        for error in checker.iter_errors(manifest)
    ]


def _closed(schema: Any) -> Any:
    """As JSON Schema has it: objects with known fields take no others."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {
        name: {field: _closed(inner) for field, inner in value.items()}
        if name == "properties"
        else _closed(value)
        for name, value in schema.items()
    }
    if closed.pop("x-kubernetes-int-or-string", False):
        closed.pop("anyOf", None)
        closed["type"] = ["integer", "string"]
    free = closed.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in closed
    if closed.get("type") == "object" and "properties" in closed and not free:
        closed["additionalProperties"] = False
    return closed


def pods(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every pod template within an object."""
    if isinstance(manifest, dict):
        spec = manifest.get("spec")
        if isinstance(spec, dict) and "containers" in spec:
            yield spec
        for value in manifest.values():
            yield from pods(value)
    elif isinstance(manifest, list):
        for value in manifest:
            yield from pods(value)
