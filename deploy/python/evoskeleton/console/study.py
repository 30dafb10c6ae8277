"""What `evoskeleton study` shows: a table a test and condition."""

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from evoskeleton.platform.search.study.study_report import COLUMNS, Line, in_words, panels


def study_tables(found: list[Line]) -> Iterator[Table]:
    """The lines as tables to print, one a test and condition."""
    for (test, steps, fraction), mine in panels(found).items():
        title = f"{escape(test)}, {steps} steps, {fraction:.3g} of the seed"
        shown = Table(title=title, title_justify="left")
        for column in COLUMNS:
            shown.add_column(column, justify="left" if column == "row" else "right")
        for line in mine:
            shown.add_row(*map(escape, in_words(line)))
        shown.caption = "mm and %, means over test poses, four fixed views and random seeds"
        yield shown
