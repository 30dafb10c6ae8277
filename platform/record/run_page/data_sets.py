"""The sets of poses that a run reads, as MLflow's inputs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from evoskeleton.platform.record.mlflow_store import prepare_environment, without_secrets

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

CONTEXT = "mlflow.data.context"

_POSES = {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 17, 3]}}
SCHEMA = json.dumps({"mlflow_tensorspec": {"features": json.dumps([_POSES]), "targets": None}})
"""World coordinates of 17 joints, mm."""


@dataclass(frozen=True)
class UsedPoses:
    """A set of poses that a campaign used.

    Attributes:
        name: what it is called.
        role: seed, validation, testing, target or table, which MLflow calls its context.
        digest: what tells it from any other, 36 characters at most.
        source: where it is from, in words.
        counts: such as `poses` and `clips`.
    """

    name: str
    role: str
    digest: str
    source: str
    counts: Mapping[str, int]


def input_of(poses: UsedPoses) -> "DatasetInput":
    """As MLflow takes it."""
    return _input(
        poses.name, poses.digest, {"source": poses.source}, dict(poses.counts), poses.role
    )


def table_input(record: Mapping[str, Any], campaign: str) -> "DatasetInput":
    """The table version that a training read."""
    version = int(record["table_version"])
    table = PurePath(without_secrets(str(record.get("table", "poses")))).name
    digest = str(record.get("digest") or f"v{version}")
    source = {"path": table, "delta_table_version": version}
    profile = {"num_rows": record.get("rows")}
    return _input(f"poses of {campaign}", digest, source, profile, "training", "delta_table")


def _input(
    name: str,
    digest: str,
    source: Mapping[str, Any],
    profile: Mapping[str, Any],
    role: str,
    kind: str = "local",
) -> "DatasetInput":
    prepare_environment()
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=name,
        digest=digest[:36],
        source_type=kind,
        source=json.dumps(source),
        schema=SCHEMA,
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, tags=[InputTag(CONTEXT, role)])
