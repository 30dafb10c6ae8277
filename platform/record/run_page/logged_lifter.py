"""A trained lifter as a model of MLflow: bundle, signature with units, errors; no pickle."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evoskeleton.platform.record.mlflow_run import numeric
from evoskeleton.platform.record.run_page.data_sets import UsedPoses

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

_VERSIONS = "mlflow.modelVersions"

_UNITS = "keypoints (poses, 17, 2) px, visibility (poses, 17); joints (poses, 17, 3) camera mm"


def log_lifter(
    client: "MlflowClient",
    run_id: str,
    name: str,
    bundle: Path,
    record: Mapping[str, Any],
    judged_on: UsedPoses | None = None,
) -> str:
    """Keep a bundle as the model of a training's run, once; returns the model's id.

    Args:
        client: of MLflow.
        run_id: of the training.
        name: of the model.
        bundle: folder.
        record: of the training, as `Tracker.log_training` takes it.
        judged_on: the poses that its validation errors are of.
    """
    experiment = client.get_run(run_id).info.experiment_id
    model = _known(client, experiment, run_id) or client.create_logged_model(
        experiment,
        name=name,
        source_run_id=run_id,
        tags={"units": _UNITS, "weights": str(record.get("hash", ""))[:12]},
        params={key: str(record[key]) for key in ("table_version", "rows") if key in record},
        model_type="lifter",
    )
    if str(model.status) != "READY":
        keep_files(client, model, bundle)
        _link(client, run_id, model.model_id, record, judged_on)
        client.finalize_logged_model(model.model_id, "READY")
    return str(model.model_id)


def keep_files(client: "MlflowClient", model: "LoggedModel", bundle: Path) -> None:
    """Put a bundle, and what MLflow should know of it, into the artifacts of its model."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(shutil.copytree(bundle, Path(folder) / "model"))
        (made / "MLmodel").write_text(_description(model.model_id, str(model.source_run_id)))
        client.log_model_artifacts(model.model_id, str(made))


def link_champion(client: "MlflowClient", campaign: str, training: str) -> None:
    """Let the run of a campaign name the model of the training whose lifter is champion."""
    from mlflow.entities import LoggedModelOutput

    model = _known(client, client.get_run(training).info.experiment_id, training)
    outputs = client.get_run(campaign).outputs
    there = [each.model_id for each in outputs.model_outputs] if outputs else []
    if model is not None and model.model_id not in there:
        client.log_outputs(campaign, [LoggedModelOutput(model.model_id, len(there))])


def link_version(client: "MlflowClient", model: "LoggedModel", name: str, version: int) -> None:
    """Let a model name the version of a registered model that it became, for MLflow's page."""
    known = json.loads(model.tags.get(_VERSIONS, "[]"))
    made = {"name": name, "version": version}
    if made not in known:
        client.set_logged_model_tags(model.model_id, {_VERSIONS: json.dumps([*known, made])})


def model_of(client: "MlflowClient", run_id: str, weights: str) -> "LoggedModel | None":
    """The model of a training's run, whose files hold the bundle and its signature."""
    model = _known(client, client.get_run(run_id).info.experiment_id, run_id)
    ready = model is not None and str(model.status) == "READY"
    return model if ready and model and model.tags.get("weights") == weights[:12] else None


def _known(client: "MlflowClient", experiment: str, run_id: str) -> "LoggedModel | None":
    found = client.search_logged_models([experiment], filter_string=f"source_run_id = '{run_id}'")
    return found[0] if found else None


def _link(
    client: "MlflowClient",
    run_id: str,
    model_id: str,
    record: Mapping[str, Any],
    judged_on: UsedPoses | None,
) -> None:
    """Errors belong to the model and to what it was judged on, and the model to its run."""
    import time

    from mlflow.entities import LoggedModelOutput, Metric

    now = int(time.time() * 1000)
    errors = dict(numeric(record.get("validation") or {}))
    shown = {name: value for name, value in errors.items() if not name.startswith("rarity_")}
    data = {}
    if judged_on is not None:
        data = {"dataset_name": judged_on.name, "dataset_digest": judged_on.digest[:36]}
    client.log_batch(
        run_id,
        metrics=[
            Metric(f"validation_{name}", value, now, 0, model_id=model_id, **data)
            for name, value in shown.items()
        ],
    )
    client.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])


def _description(model_id: str, run_id: str) -> str:
    """The file MLmodel: a flavour of our own, and a signature that names axes and units."""

    def tensor(name: str, *shape: int) -> dict[str, Any]:
        spec = {"dtype": "float32", "shape": [-1, *shape]}
        return {"name": name, "type": "tensor", "tensor-spec": spec}

    inputs = [tensor("keypoints_px", 17, 2), tensor("visibility", 17)]
    words = {
        "flavors": {
            "evoskeleton": {"bundle": ".", "load": "evoskeleton.lifting.bundle.load_bundle"}
        },
        "model_id": model_id,
        "run_id": run_id,
        "signature": {
            "inputs": json.dumps(inputs),
            "outputs": json.dumps([tensor("joints_camera_mm", 17, 3)]),
            "params": None,
        },
    }
    return yaml.safe_dump(words, sort_keys=False)
