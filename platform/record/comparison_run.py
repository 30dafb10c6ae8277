"""A comparison of campaigns as a run of its own in MLflow, beside the runs that it compares."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from evoskeleton.errors import BadInput
from evoskeleton.platform.record.mlflow_store import Store, TrackingSettings, one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def record_comparison(
    settings: TrackingSettings,
    home: Path | str,
    names: Iterable[str],
    page: str,
    sentences: Iterable[str],
    differences_mm: Mapping[str, float],
    figures: Iterable[tuple[str, "Figure"]],
) -> str:
    """Write one run; returns its id.

    Raises:
        BadInput: MLflow cannot be used.
    """
    store = Store(settings, home)
    try:
        client = store.client()
        run = client.create_run(
            store.experiment(),
            run_name=f"comparison: {', '.join(names)}",
            tags={
                "mlflow.note.content": "\n".join(f"- {each}" for each in sentences),
                "mlflow.runColor": "#8A8A8A",
                "type": "comparison",
            },
        ).info.run_id
        for name, value in differences_mm.items():
            client.log_metric(run, f"difference_mm/{name}", value)
        client.log_text(run, page, "compare.html")
        for name, figure in figures:
            client.log_figure(run, figure, f"figures/{name}.png")
        client.set_terminated(run)
    except Exception as error:  # MLflow, its database driver and its HTTP client raise anything
        raise BadInput(f"MLflow cannot be used: {one_line(error)}") from error
    return str(run)
