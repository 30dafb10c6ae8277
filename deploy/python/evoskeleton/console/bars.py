"""Progress bars of a campaign: generations and trainings, with the time left.

On a terminal they are drawn on standard error; elsewhere nothing is printed.
"""

from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)


class Bars:
    """A `Monitor` for people."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def generation(self, done: int, total: int, record: dict[str, Any]) -> None:
        """A generation was committed."""
        self._update("search", done, total, _note(record))

    def starting(self) -> None:
        """The cluster is being started or joined."""
        self._update("search", 0, None, "starting Ray")

    def training(self, name: str, done: int, total: int) -> None:
        """A training has got so far; zero of zero before its first report."""
        name = f"training {name}"
        if total or name not in self._tasks:
            self._update(name, done, total or None, "" if total else "starting")

    def _update(self, name: str, done: int, total: int | None, note: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, note=note)
        self._progress.update(self._tasks[name], completed=done, total=total, note=note)


def _note(record: dict[str, Any]) -> str:
    if "survival" not in record:
        return f"{record['rows']:,} seed poses"
    return (
        f"{record['rows']:,} poses, {record['survival']:.0%} within limits, "
        f"{record['error_mean']:.0f} mm, {record['offspring_per_second']:,.0f}/s"
    )
