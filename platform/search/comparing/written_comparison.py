"""A comparison in the MLflow store of the campaigns that it compares."""

from evoskeleton.platform.record.comparison_run import record_comparison
from evoskeleton.platform.record.mlflow_store import Store
from evoskeleton.platform.search.comparing.comparison import Comparison, figures

_NAMES = ("curves", "error_by_clip")


def into_mlflow(comparison: Comparison, page: str) -> str | None:
    """Write it as a run; its id, or none where the first campaign is not tracked.

    Raises:
        BadInput: MLflow cannot be used.
    """
    first = comparison.campaigns[0]
    settings = first.settings.tracking
    if not settings.enabled or Store(settings, first.folder.home).is_absent():
        return None
    differences = comparison.differences()
    return record_comparison(
        settings,
        first.folder.home,
        comparison.names,
        page,
        [each.in_words(first.name) for each in differences],
        {each.name: each.mm for each in differences if each.clips},
        zip(_NAMES, (figure for _, figure in figures(comparison)), strict=True),
    )
