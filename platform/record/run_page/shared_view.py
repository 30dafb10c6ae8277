"""The view of an experiment that campaigns are compared in: columns and charts, as MLflow keeps it.

MLflow's page shares a view by a tag of the experiment, and opens it by the tag's last word. The
state is that of its list of runs, `ExperimentRunsChartsUIConfiguration` in MLflow's source.
"""

import json
import zlib
from base64 import b64encode
from typing import Any

VIEW = "campaigns"
TAG = f"mlflow.sharedViewState.{VIEW}"
PRIMARY = {
    "mlflow.experiment.primaryMetric.name": "test_mpjpe_mm",
    "mlflow.experiment.primaryMetric.greaterIsBetter": "False",
}
"""Experiment tags that name the metric which decides."""

COLUMNS = {
    "metrics.`test_mpjpe_mm`": 140,
    "metrics.`gain_mm`": 100,
    "metrics.`explained`": 100,
    "attributes.`Description`": 330,
    "metrics.`search/rows`": 110,
    "tags.`champion`": 210,
    "attributes.`Duration`": 90,
    "attributes.`Dataset`": 300,
    "attributes.`Models`": 200,
}
"""Columns of the list of runs, and their width in px."""

_BARS = ("test_mpjpe_mm", "gain_mm", "explained")
_LINES = ("lifter/validation_mpjpe", "score/error_mean", "search/rows", "search/survival")
_SECTIONS = ("Which is better", "By generation")


def shared_view() -> str:
    """The tag's value: the state as MLflow's page packs it."""
    packed = zlib.compress(json.dumps(_state()).encode())
    return f"deflate;{b64encode(packed).decode()}"


def address_of_view(experiment: str) -> str:
    """The part of the address that opens the view, with its charts."""
    return (
        f"/#/experiments/{experiment}/runs?viewStateShareKey={VIEW}&compareRunsMode=CHART"
        "&workflowType=machine_learning"
    )


def _state() -> dict[str, Any]:
    result, curves = _SECTIONS
    bars = [_chart("BAR", metric, result) for metric in _BARS]
    lines = [_chart("LINE", metric, curves) for metric in _LINES]
    return {
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "selectedColumns": list(COLUMNS),
        "columnOrder": list(COLUMNS),
        "columnWidths": COLUMNS,
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": [*bars, *lines],
        "compareRunSections": [
            {"uuid": name, "name": name, "display": True, "isReordered": True, "columns": 2}
            for name in _SECTIONS
        ],
        "isAccordionReordered": True,
    }


def _chart(kind: str, metric: str, section: str) -> dict[str, Any]:
    return {
        "uuid": f"{VIEW}-{metric}",
        "type": kind,
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "metricSectionId": section,
        "runsCountToCompare": 10,
        "deleted": False,
        "isGenerated": False,
        **(_OF_LINES if kind == "LINE" else {}),
    }


_OF_LINES = {
    "xAxisKey": "step",
    "useGlobalXaxisKey": True,
    "useGlobalLineSmoothing": True,
    "lineSmoothness": 0,
    "scaleType": "linear",
    "xAxisScaleType": "linear",
    "yAxisKey": "metric",
    "displayPoints": True,
}
