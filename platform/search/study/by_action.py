"""Errors by action, as papers print them, and under which views they were measured."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evoskeleton.lifting.metrics import METRICS

MEAN = "mean of actions"
"""The column that papers call average: every action counts alike, however long it is."""

_NOT_COMPARABLE = (
    "Judged under four fixed virtual views: not comparable with published figures, which are of "
    "the data set's own cameras."
)

Actions = dict[str, dict[str, float]]
"""Metric -> action, and `MEAN`, -> mean over random seeds."""


def by_action(records: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> Actions:
    """Errors by action out of evaluations of one row, one a random seed."""
    return {metric: _of_metric(records, metric) for metric in metrics}


def _of_metric(records: Sequence[Mapping[str, Any]], metric: str) -> dict[str, float]:
    def mean(scores: Sequence[Mapping[str, float]]) -> float:
        return float(np.mean([each.get(metric, np.nan) for each in scores]))

    actions = {
        action: mean([record["by_action"][action] for record in records])
        for action in records[0]["by_action"]
    }
    return actions | {MEAN: mean([record["mean_of_actions"] for record in records])}


def action_table(metric: str, rows: Sequence[tuple[str, Actions]]) -> list[list[str]]:
    """A heading and a line a row: its name, the actions, the mean of them."""
    columns = list(rows[0][1][metric])
    shown = METRICS[metric]
    lines = [
        [row, *(shown.of(action, actions[metric]) for action in columns)] for row, actions in rows
    ]
    return [[f"{shown.heading}, {shown.unit}", *columns], *lines]


def own_cameras(record: Mapping[str, Any]) -> list[str]:
    """Names of the data set's own views of an evaluation; none: the fixed ones."""
    return [view["name"] for view in record["views"] if "azimuth_deg" not in view]


def how_judged(record: Mapping[str, Any]) -> str:
    """A sentence on views and joints of an evaluation."""
    cameras, left_out = own_cameras(record), record.get("left_out", [])
    views = f"Judged under the data set's own cameras ({', '.join(cameras)})."
    joints = f" What does not count: {', '.join(left_out)}." if left_out else ""
    return (views if cameras else _NOT_COMPARABLE) + joints
