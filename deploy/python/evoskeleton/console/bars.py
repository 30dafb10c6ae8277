"""Progress bars of a campaign: pictures, generations and trainings, with the time left.

They are drawn on standard error; where that is no terminal, `log_lines` writes what they show.
"""

from pathlib import Path
from typing import Any, Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from evoskeleton.console.terminal import terminal


class Bars:
    """A `Monitor` for people."""

    def __init__(self) -> None:
        console = self._console = terminal(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._looked = 0
        self._to_look_at: int | None = None

    def will_look_at(self, pictures: int) -> None:
        """How many photos and frames will be looked at, where that is known."""
        self._to_look_at = pictures

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def generation(self, done: int, total: int, record: dict[str, Any]) -> None:
        """A generation was committed."""
        self._update("search", done, total, _note(record))

    def looked_at(self, path: Path, number: int) -> None:
        """A photo, or a frame of a video, was looked at for people."""
        self._looked += 1
        self._update("finding people", self._looked, self._to_look_at, path.name)

    def pictures(self, name: str, done: int, total: int) -> None:
        """So many photos and frames were looked at; `name` is the file at hand."""
        self._update("pictures", done, total, name)

    def say(self, sentence: str) -> None:
        """A sentence on standard error, above the bars."""
        self._progress.console.print(sentence, soft_wrap=True, highlight=False, markup=False)

    def starting(self) -> None:
        """The cluster is being started or joined."""
        self._update("search", 0, None, "starting Ray")

    def tell(self, sentence: str) -> None:
        """A sentence, above the bars; without a terminal too."""
        self._console.print(sentence, soft_wrap=True, highlight=False, markup=False)

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
    words = [f"{record['rows']:,} poses", f"{record['survival']:.0%} within limits"]
    words += [f"{record['error_mean']:.0f} mm"] if "error_mean" in record else []
    words += (
        [f"distance {record['target/bred_distance']:.2f}"]
        if "target/bred_distance" in record
        else []
    )
    return ", ".join([*words, f"{record['offspring_per_second']:,.0f}/s"])
