"""A comparison of campaigns as a run of its own in MLflow, below the first that it compares."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evoskeleton.errors import BadInput
from evoskeleton.platform.record import provenance
from evoskeleton.platform.record.mlflow_store import Store, TrackingSettings, one_line
from evoskeleton.platform.record.run_page.experiment_page import describe_experiment
from evoskeleton.platform.record.run_page.opening import links_to
from evoskeleton.platform.record.run_page.shared_view import TRAINING_TOOLS
from evoskeleton.platform.record.run_page.tags import (
    CAMPAIGN,
    COLOUR,
    COMPARED,
    NOTE,
    PARENT,
    told,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

PAGE = "compare.html"


@dataclass(frozen=True)
class Compared:
    """What is said of campaigns that are compared.

    Attributes:
        names: of the campaigns.
        page: all of it as HTML.
        sentences: which is better and by how much.
        tables: the same and more in Markdown.
        differences_mm: of each campaign but the first.
    """

    names: Sequence[str]
    page: str
    sentences: Sequence[str]
    tables: Sequence[str]
    differences_mm: Mapping[str, float]


def record_comparison(
    settings: TrackingSettings,
    home: Path | str,
    compared: Compared,
    figures: Iterable[tuple[str, "Figure"]],
) -> str:
    """Write one run; returns its id.

    Raises:
        BadInput: MLflow cannot be used.
    """
    store = Store(settings, home)
    try:
        return _write(store, store.client(), compared, figures, settings.user)
    except Exception as error:  # MLflow, its database driver and its HTTP client raise anything
        raise BadInput(f"MLflow cannot be used: {one_line(error)}") from error


def _write(
    store: Store,
    client: "MlflowClient",
    compared: Compared,
    figures: Iterable[tuple[str, "Figure"]],
    with_user: bool,
) -> str:
    experiment = store.experiment()
    earlier = _of_the_same(client, experiment, compared.names)
    tags = {
        COMPARED: _key(compared.names),
        COLOUR: "#8A8A8A",
        "type": "comparison",
        "mlflow.source.name": "evoskeleton campaign compare",
        "mlflow.source.type": "LOCAL",
        "mlflow.user": (provenance.user() if with_user else None) or "not recorded",
    }
    campaigns = _runs_of_campaigns(client, experiment, compared.names)
    if compared.names[0] in campaigns:  # below the first, where it stands in no chart of campaigns
        tags[PARENT] = campaigns[compared.names[0]]
    name = f"comparison: {', '.join(compared.names)}"
    run = str(client.create_run(experiment, run_name=name, tags=tags).info.run_id)
    for other, value in compared.differences_mm.items():
        client.log_metric(run, f"mm_more_than_the_first/{other}", round(value, 2))
    client.log_text(run, compared.page, PAGE)
    files = [PAGE]
    for place, figure in figures:
        files.append(f"figures/{place}.png")
        client.log_figure(run, figure, files[-1])
    links = links_to(experiment, run, files, None)
    runs = ", ".join(
        f"[{name}](#/experiments/{experiment}/runs/{each}{TRAINING_TOOLS})"
        for name, each in campaigns.items()
    )
    words = [*compared.sentences, links, *([f"Of {runs}."] if runs else []), *compared.tables]
    client.set_tag(run, NOTE, "\n\n".join(words))
    client.set_terminated(run)
    for each in earlier:
        client.delete_run(each)
    describe_experiment(client, experiment)
    return run


def _key(names: Sequence[str]) -> str:
    """What names a comparison, in whatever order campaigns are named."""
    return json.dumps(sorted(names))


def _of_the_same(client: "MlflowClient", experiment: str, names: Sequence[str]) -> list[str]:
    """Earlier comparisons of the same campaigns; earlier versions named them and no more."""
    found = client.search_runs([experiment], "tags.type = 'comparison'", max_results=1000)
    return [
        run.info.run_id
        for run in found
        if run.data.tags.get(COMPARED, _key(_named(run.info.run_name))) == _key(names)
    ]


def _named(run_name: str) -> list[str]:
    return run_name.removeprefix("comparison: ").split(", ")


def _runs_of_campaigns(
    client: "MlflowClient", experiment: str, names: Sequence[str]
) -> dict[str, str]:
    """The newest run of each campaign, by name, as far as there is one."""
    found = {}
    for run in reversed(client.search_runs([experiment], max_results=1000)):
        campaign = told(run.data.tags, CAMPAIGN)
        if campaign in names and PARENT not in run.data.tags:
            found[str(campaign)] = str(run.info.run_id)
    return {name: found[name] for name in names if name in found}
