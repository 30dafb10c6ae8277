"""What the commands print on: text as it is.

Names of clips, campaigns and functions are a user's, so that nothing in them is taken for markup
(`[left]`) or for a picture (`mine:wave`).
"""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table


def terminal(*, stderr: bool = False, width: int | None = None, soft_wrap: bool = False) -> Console:
    """Standard output, or standard error, as a place for tables, bars and sentences."""
    return Console(
        stderr=stderr, width=width, soft_wrap=soft_wrap, markup=False, emoji=False, highlight=False
    )


def print_rows(
    headings: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None
) -> None:
    """Print a list as a table on standard output; under a title nothing is folded."""
    table = Table(*headings, title=title)
    for row in rows:
        table.add_row(*map(str, row))
    terminal(soft_wrap=title is not None).print(table)
