"""A comparison in the MLflow store of the campaigns that it compares."""

from evoskeleton.platform.record.comparison_run import Compared, record_comparison
from evoskeleton.platform.record.mlflow_store import Store
from evoskeleton.platform.record.run_page.words import markdown_table
from evoskeleton.platform.search.campaign.closing.report_page import served_in_words
from evoskeleton.platform.search.comparing.comparison import COLUMNS, Comparison, figures

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
    compared = Compared(
        comparison.names,
        page,
        [*comparison.sentences(), *comparison.cautions()],
        [
            markdown_table(COLUMNS, comparison.rows()),
            "Served:",
            "\n".join(f"- {served_in_words(facts)}" for facts in comparison.campaigns),
            "What they were asked differently:",
            markdown_table(["setting", *comparison.names], comparison.settings()),
            "What went wrong:",
            "\n".join(f"- {problem}" for problem in comparison.problems()),
        ],
        {each.name: each.mm for each in comparison.differences() if each.clips},
    )
    drawn = zip(_NAMES, (figure for _, figure in figures(comparison)), strict=True)
    return record_comparison(settings, first.folder.home, compared, drawn)
