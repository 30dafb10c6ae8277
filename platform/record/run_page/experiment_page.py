"""What an experiment's page says before anything is opened: campaigns, and what came of each."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from evoskeleton.platform.record.metric_names import model_name
from evoskeleton.platform.record.mlflow_store import KIND
from evoskeleton.platform.record.run_page.shared_view import (
    PRIMARY,
    TAG,
    TRAINING_TOOLS,
    place_of_view,
    shared_view,
)
from evoskeleton.platform.record.run_page.tags import CAMPAIGN, COMPARED, MODEL, NOTE, PARENT, told
from evoskeleton.platform.record.run_page.words import EXPERIMENT, markdown_table

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MOST_CAMPAIGNS = 12
"""MLflow takes 5,000 characters of a tag of an experiment."""

_ALIAS = "champion"

_OLD = " (before one of them went on)"

_COLUMNS = ("campaign", "test error, mm", "gain, mm", "served as champion", "state")


def describe_experiment(client: "MlflowClient", experiment: str) -> None:
    """Bring the description of an experiment up to date, and what its page opens with."""
    found = client.search_runs([experiment], max_results=1000)
    tags = {NOTE: _words(client, experiment, found), TAG: shared_view(), **PRIMARY, **KIND}
    for name, value in tags.items():
        client.set_experiment_tag(experiment, name, value)


def _words(client: "MlflowClient", experiment: str, runs: "list[Run]") -> str:
    """The newest campaigns first; what is to be read first stands above what is folded away."""
    campaigns = [
        run for run in runs if told(run.data.tags, CAMPAIGN) and PARENT not in run.data.tags
    ]
    served = _served(client)
    rows = [_row(experiment, run, served) for run in campaigns[:MOST_CAMPAIGNS]]
    more = len(campaigns) - len(rows)
    parts = [
        f"Campaigns of **evoskeleton**: [all beside one another, with charts]"
        f"({place_of_view(experiment)}). Open the arrow at the right for what came of each.",
        markdown_table(_COLUMNS, rows) if rows else "",
        f"{more} earlier ones are in the list of runs." if more else "",
        *_comparisons(experiment, runs, campaigns),
        EXPERIMENT,
    ]
    return "\n\n".join(part for part in parts if part)


def _row(experiment: str, run: "Run", served: Mapping[str, str]) -> tuple[object, ...]:
    name = str(told(run.data.tags, CAMPAIGN))
    model = run.data.tags.get(MODEL, model_name(name))
    version = served.get(model)
    link = f"#/models/{model}/versions/{version}{TRAINING_TOOLS}"
    return (
        f"[{name}](#/experiments/{experiment}/runs/{run.info.run_id}{TRAINING_TOOLS})",
        run.data.metrics.get("test_mpjpe_mm"),
        run.data.metrics.get("gain_mm"),
        f"[{model}, version {version}]({link})" if version else None,
        str(run.info.status).lower(),
    )


def _served(client: "MlflowClient") -> dict[str, str]:
    """The version of each registered model that has the alias, by name."""
    with suppress(Exception):  # a store without a registry
        found = client.search_registered_models(max_results=1000)
        return {each.name: str(each.aliases[_ALIAS]) for each in found if _ALIAS in each.aliases}
    return {}


def _comparisons(experiment: str, runs: "list[Run]", campaigns: "list[Run]") -> Iterator[str]:
    """Links to the newest ones; those of before a campaign went on say so."""
    ended = {str(told(run.data.tags, CAMPAIGN)): run.info.end_time or 0 for run in campaigns}
    links = []
    for run in runs:
        names = json.loads(run.data.tags.get(COMPARED, "[]"))
        if not names:
            continue
        place = f"#/experiments/{experiment}/runs/{run.info.run_id}{TRAINING_TOOLS}"
        old = any(ended.get(name, 0) > run.info.start_time for name in names)
        links.append(f"[{run.info.run_name}]({place}){_OLD if old else ''}")
    if links:
        yield f"Compared so far: {', '.join(links[:4])}."
