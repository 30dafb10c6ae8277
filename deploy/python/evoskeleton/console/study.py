"""What `evoskeleton study` shows: a table a test and condition."""

from collections.abc import Iterator

from rich.table import Table

from evoskeleton.platform.search.study.study_report import (
    COLUMNS,
    Line,
    in_words,
    panels,
    tables_by_action,
)


def study_tables(found: list[Line]) -> Iterator[Table]:
    """The lines as tables to print, one a test and condition."""
    for (test, steps, fraction), mine in panels(found).items():
        title = f"{test}, {steps} steps, {fraction:.3g} of the seed"
        shown = Table(title=title, title_justify="left")
        for column in COLUMNS:
            shown.add_column(column, justify="left" if column == "row" else "right")
        for line in mine:
            shown.add_row(*in_words(line))
        views = ", ".join(mine[0].own_cameras) or "four fixed views"
        shown.caption = f"mm and %, means over test poses, {views} and random seeds"
        shown.caption += f"\n{mine[0].judged}" if mine[0].judged else ""
        yield shown
        for heading, *rows in tables_by_action(mine):
            yield _of_cells(heading, rows)


def _of_cells(heading: list[str], rows: list[list[str]]) -> Table:
    shown = Table()
    for number, column in enumerate(heading):
        shown.add_column(column, justify="right" if number else "left")
    for row in rows:
        shown.add_row(*row)
    return shown
