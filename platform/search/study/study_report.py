"""What a study found: errors of every row, how much of the gap it closes, differences by clip.

A row's errors are means over random seeds. Differences are paired: the same test poses under the
same views. Over clips their 95 % interval is Student's t with a clip as the unit; within a clip it
is Student's t over means of blocks of 20 consecutive poses: neighbouring frames are no independent
samples.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import t as student

from evoskeleton.files import whole_file
from evoskeleton.lifting.metrics import shown_in
from evoskeleton.platform.record.tracking import Tracker
from evoskeleton.platform.search.study.by_action import (
    Actions,
    action_table,
    by_action,
    how_judged,
    own_cameras,
)
from evoskeleton.platform.search.study.settings import (
    Cell,
    StudySettings,
    cells,
    home_of,
    made_of,
    refuse_other_settings,
)

METRICS = shown_in("study")
_COLUMNS = 4
"""Panels side by side."""
COLUMNS = (
    *("row", "runs", "poses"),
    *(metric.heading for metric in METRICS.values()),
    *("worst tenth", "gap", "to real (95 %)", "worse"),
)
"""`worst tenth`: MPJPE, mm, of the tenth of the poses with the largest; `gap`: share of the way
from the lower row to the better upper one; `to real`: difference to the latter; `worse`: clips that
are surely worse than with the latter."""

_BLOCK = 20


@dataclass(frozen=True)
class Line:
    """A row of the study under one condition.

    Attributes:
        test, row: names.
        fraction, steps: the condition.
        runs: how many random seeds are done.
        poses: rows of the data set, mean over seeds.
        scores: metric -> mean over seeds.
        spread: standard deviation of MPJPE over seeds; NaN for one.
        worst_tenth: mean over seeds of the MPJPE of the tenth of the poses with the largest, mm.
        gap: share of the gap closed, in percent; NaN where the ends of it are not done, or where
            the upper is no better than the lower.
        against: mean difference of MPJPE over clips to the better of the upper rows, and its
            interval; NaN where there is none.
        worse: clips whose interval lies wholly above that row.
        actions: errors by action, where the study asks for them.
        own_cameras: names of the data set's own views; none: the fixed ones.
        judged: a sentence on views and joints, where they are not as usual or actions are shown.
    """

    test: str
    row: str
    fraction: float
    steps: int
    runs: int
    poses: float
    scores: dict[str, float]
    spread: float
    worst_tenth: float
    gap: float
    against: tuple[float, float, float]
    worse: list[str]
    actions: Actions = field(default_factory=dict)
    own_cameras: list[str] = field(default_factory=list)
    judged: str = ""


def lines(settings: StudySettings) -> list[Line]:
    """All that is known so far, by test, steps, fraction and row."""
    refuse_other_settings(settings)
    results = _results(settings)
    return [
        line
        for test in settings.tests
        for steps in sorted(settings.steps)
        for fraction in settings.fractions
        for line in _lines(settings, results, test, fraction, steps)
    ]


@dataclass(frozen=True)
class _Runs:
    """The finished runs of one row under one condition."""

    records: list[dict[str, Any]]
    worst_tenth: float
    errors: np.ndarray
    clip: np.ndarray

    def mean(self, metric: str) -> float:
        return float(np.mean([record["overall"].get(metric, np.nan) for record in self.records]))


def _results(settings: StudySettings) -> dict[Cell, Path]:
    folder = home_of(settings) / "results"
    paths = {cell: folder / f"{cell.name}.json" for cell in cells(settings)}
    return {cell: path for cell, path in paths.items() if path.exists()}


def _runs(results: dict[Cell, Path], test: str, wanted: tuple[str, float, int]) -> _Runs | None:
    """The runs of a (row, fraction, steps), if there are any."""
    mine = [
        path for cell, path in results.items() if (cell.row, cell.fraction, cell.steps) == wanted
    ]
    if not mine:
        return None
    records = [json.loads(path.read_text()) for path in mine]
    arrays = [np.load(path.with_suffix(".npz"), allow_pickle=False) for path in mine]
    errors = [array[f"{test}/errors"] for array in arrays]
    worst = float(np.mean([worst_tenth(each) for each in errors]))
    tested = [record["tests"][test] | {"poses": record["poses"]} for record in records]
    return _Runs(tested, worst, np.mean(errors, axis=0), arrays[0][f"{test}/clip"])


def worst_tenth(errors: np.ndarray) -> float:
    """Mean of the largest tenth, one at least, of (poses,) errors."""
    return float(np.sort(errors)[-max(1, len(errors) // 10) :].mean())


def _lines(
    settings: StudySettings, results: dict[Cell, Path], test: str, fraction: float, steps: int
) -> Iterator[Line]:
    runs = {}
    for row in settings.rows:
        drawn = fraction if made_of(settings, row).base == "seed" else 1.0
        if (run := _runs(results, test, (row, drawn, steps))) is not None:
            runs[row] = run
    real = min(
        (runs[row] for row in settings.upper if row in runs),
        key=lambda run: run.mean("mpjpe"),
        default=None,
    )
    low = runs.get(settings.lower)
    for row, run in runs.items():
        errors = [record["overall"]["mpjpe"] for record in run.records]
        yield Line(
            test=test,
            row=row,
            fraction=fraction,
            steps=steps,
            runs=len(run.records),
            poses=float(np.mean([record["poses"] for record in run.records])),
            scores={metric: run.mean(metric) for metric in METRICS},
            spread=float(np.std(errors, ddof=1)) if len(errors) > 1 else float("nan"),
            worst_tenth=run.worst_tenth,
            gap=_gap(run, low, real),
            against=over_clips(run.errors - real.errors, run.clip) if real else (np.nan,) * 3,
            worse=_worse(run, real) if real else [],
            actions=by_action(run.records, settings.by_action),
            own_cameras=own_cameras(run.records[0]),
            judged=_judged(settings, test, run.records[0]),
        )


def _judged(settings: StudySettings, test: str, record: dict[str, Any]) -> str:
    unusual = bool(settings.by_action) or test in settings.judging
    return how_judged(record) if unusual else ""


def _gap(run: _Runs, low: _Runs | None, real: _Runs | None) -> float:
    if low is None or real is None or low.mean("mpjpe") <= real.mean("mpjpe"):
        return float("nan")
    bottom, top = low.mean("mpjpe"), real.mean("mpjpe")
    return 100.0 * (bottom - run.mean("mpjpe")) / (bottom - top)


def over_clips(differences: np.ndarray, clip: np.ndarray) -> tuple[float, float, float]:
    """Mean over clips of (poses,) paired differences, and the ends of its 95 % interval."""
    return _interval(np.array([differences[clip == name].mean() for name in np.unique(clip)]))


def _interval(means: np.ndarray) -> tuple[float, float, float]:
    """The mean of independent numbers and the ends of its 95 % interval; NaN for one number."""
    middle = float(means.mean())
    if len(means) < 2:
        return middle, float("nan"), float("nan")
    half = student.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return middle, middle - float(half), middle + float(half)


def within_clip(differences: np.ndarray) -> tuple[float, float, float]:
    """Mean of the (frames,) differences of one clip, and the ends of its 95 % interval.

    A clip of fewer than two blocks says nothing of how far its mean may be off: NaN.
    """
    blocks = np.array_split(differences, max(1, len(differences) // _BLOCK))
    return _interval(np.array([block.mean() for block in blocks]))


def _worse(run: _Runs, real: _Runs) -> list[str]:
    gaps = run.errors - real.errors
    return [
        str(name)
        for name in np.unique(run.clip)
        if within_clip(gaps[run.clip == name])[1] > 0
    ]  # fmt: skip


def panels(found: list[Line]) -> dict[tuple[str, int, float], list[Line]]:
    """The lines by test, steps and fraction, in the order of the first line of each."""
    known: dict[tuple[str, int, float], list[Line]] = {}
    for line in found:
        known.setdefault((line.test, line.steps, line.fraction), []).append(line)
    return known


def in_words(line: Line) -> list[str]:
    """A cell for each of `COLUMNS`."""
    spread = "" if np.isnan(line.spread) else f" ± {line.spread:.1f}"
    middle, low, high = line.against
    against = "" if np.isnan(middle) else f"{middle:+.1f}"
    against += "" if np.isnan(low) else f" [{low:+.1f}, {high:+.1f}]"
    return [
        line.row,
        str(line.runs),
        f"{line.poses:,.0f}",
        *(
            metric.of(name, line.scores) + (spread if name == "mpjpe" else "")
            for name, metric in METRICS.items()
        ),
        f"{line.worst_tenth:.1f}",
        "" if np.isnan(line.gap) else f"{line.gap:.0f} %",
        against,
        str(len(line.worse)),
    ]


def markdown(found: list[Line]) -> str:
    """The lines as tables for documents."""
    parts = []
    for (test, steps, fraction), mine in panels(found).items():
        parts.append(f"## {test}, {steps} steps, {fraction:.3g} of the seed\n")
        parts += [f"{mine[0].judged}\n"] if mine[0].judged else []
        parts += _as_table([list(COLUMNS), *(in_words(line) for line in mine)])
        for table in tables_by_action(mine):
            parts += _as_table(table)
    return "\n".join(parts)


def tables_by_action(panel: list[Line]) -> Iterator[list[list[str]]]:
    """A table of cells for each metric that the study shows by action."""
    for metric in panel[0].actions:
        yield action_table(metric, [(line.row, line.actions) for line in panel])


def _as_table(rows: list[list[str]]) -> list[str]:
    heading, *lines = rows
    return [*(f"| {' | '.join(row)} |" for row in (heading, ["---"] * len(heading), *lines)), ""]


def figure(found: list[Line], names: Iterable[str]) -> Figure:
    """MPJPE of every row, a panel a test and condition; a row that was not run stays empty.

    Args:
        found: the lines.
        names: all rows, as they are to stand; one that was run nowhere is left out.
    """
    by_panel = panels(found)
    known = {line.row for line in found}
    rows = [name for name in names if name in known]
    columns = min(_COLUMNS, len(by_panel))
    lines = -(-len(by_panel) // columns)
    drawn = Figure(figsize=(2.0 + 3.5 * columns, lines * (0.3 * len(rows) + 1.2)))
    grid = drawn.subplots(lines, columns, squeeze=False, sharey=True)
    for axes in grid.ravel()[len(by_panel) :]:
        axes.set_axis_off()
    for axes, (panel, mine) in zip(grid.ravel(), by_panel.items(), strict=False):
        values = [line.scores["mpjpe"] for line in mine]
        places = [rows.index(line.row) for line in mine]
        spread = [0.0 if np.isnan(line.spread) else line.spread for line in mine]
        axes.barh(places, values, xerr=spread, color="#0072b2")
        for at, value in zip(places, values, strict=True):
            axes.text(value, at, f" {value:.1f}", va="center")
        axes.set_xlim(0, 1.2 * max(values))
        axes.set_yticks(range(len(rows)), rows)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_title(f"{panel[0]}, {panel[1]} steps,\n{panel[2]:.3g} of the seed", fontsize=9)
        axes.set_xlabel("MPJPE, mm")
    drawn.tight_layout()
    return drawn


def publish(settings: StudySettings, found: list[Line]) -> Path:
    """Write `study.md` and `study.png` into the study's folder and the same into MLflow.

    Returns:
        The document.
    """
    home = home_of(settings)
    document, picture = home / "study.md", figure(found, settings.rows)
    with whole_file(document) as file:
        file.write(markdown(found).encode())
    with whole_file(home / "study.png") as file:
        picture.savefig(file, format="png", dpi=110)
    tracker = Tracker(settings.tracking, home)
    tracker.start(home.name, settings.model_dump(mode="json"), key=f"study {home}")
    tracker.log_table("study", [_as_a_row(line) for line in found])
    tracker.log_figure("study", picture)
    tracker.finish()
    return document


def _as_a_row(line: Line) -> dict[str, Any]:
    condition = {"test": line.test, "steps": line.steps, "fraction": line.fraction}
    return condition | dict(zip(COLUMNS, in_words(line), strict=True))
