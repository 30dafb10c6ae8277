"""How the record is named in MLflow. Its page groups charts by the part before the slash."""

from collections.abc import Mapping
from typing import Any

RESULT = "1-result/"
"""The closing comparison: the page sorts groups by name, and what came is looked for first."""

COUNTS = {
    "tried": "tried",
    "bred": "valid",
    "survival": "valid_share",
    "survivors": "kept",
}
"""What people are told of the counts of a logbook and of `report.json`, by their names there:
offspring tried, those valid, within the joint limits, and those kept by objectives and bands. The
table holds fewer where an archive admits them, or better ones have replaced them."""

GENERATION_NAMES = {
    **{name: f"search/{word}" for name, word in COUNTS.items()},
    "rows": "search/rows",
    "diversity_deg": "diversity/angle_deg",
    "offspring_per_second": "speed/offspring_per_second",
    "seconds": "speed/seconds_per_generation",
}

GENERATION_GROUPS = (
    ("error", "score/"),
    ("score", "score/"),
    ("disagreement", "score/"),
    ("outside", "score/"),
    ("novelty", "diversity/"),
    ("diversity", "diversity/"),
    ("spread", "diversity/"),
    ("coverage", "diversity/"),
    ("occupied", "diversity/"),
    ("margin", "validity/"),
    ("limit", "validity/"),
)
"""The first that a name starts with decides; everything else belongs to the search."""


def generation_metric(name: str) -> str:
    """MLflow's name of one column of the logbook; a name with a slash is taken as it is."""
    if "/" in name:
        return name
    if name in GENERATION_NAMES:
        return GENERATION_NAMES[name]
    groups = (group for start, group in GENERATION_GROUPS if name.startswith(start))
    return next(groups, "search/") + name


def in_counts(record: Mapping[str, Any]) -> dict[str, Any]:
    """The same record with counts named as people are told."""
    return {COUNTS.get(name, name): value for name, value in record.items()}


def training_metric(name: str) -> str:
    """MLflow's name of one column of a training curve."""
    short = name.removeprefix("validation_")
    measured = short != name or "mpjpe" in name
    return f"validation/{short}" if measured else f"training/{name}"


def model_name(campaign: str) -> str:
    """The registered model of a campaign: its own, so that no other name moves its alias."""
    return f"evoskeleton-{campaign}"
