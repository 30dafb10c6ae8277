"""Names and descriptions for people, in Markdown where MLflow's page renders it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evoskeleton.platform.record.html_page import in_words

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
"""Okabe and Ito 2008, https://jfly.uni-koeln.de/color/: charts tell campaigns apart by them."""

EXPERIMENT = """\
- *Gain* (`gain_mm`): how much less the champion errs than the lifter of the real poses alone; \
more is better. Errors (`test_mpjpe_mm`) are MPJPE on test poses that were never bred from.
- A run without a parent is a campaign; the runs below it are its trainings, named by their error \
on the validation poses.
- `report.html`, the first link in the description of a campaign, tells everything on one page.
- *Compare* of ticked runs shows settings and curves; `evoskeleton campaign compare A B` adds \
figures side by side, and paired intervals.
- An endpoint is told which model it serves: `evoskeleton serve --model NAME` takes the version \
with the alias `champion`; *Models* holds every lifter that was trained.
"""


def training_name(record: Mapping[str, Any], champion: bool = False) -> str:
    """A training by generation, poses, error and whether it is champion."""
    if "generation" not in record:
        return f"v{record['table_version']}"
    parts = [f"g{record['generation']}"]
    if record.get("rows"):
        parts.append(f"{record['rows']:,} poses")
    if (error := (record.get("validation") or {}).get("mpjpe")) is not None:
        parts.append(f"validation {error:.1f} mm")
    return ", ".join([*parts, *([CHAMPION_WORD] if champion else [])])


def changed_words(differing: Mapping[str, tuple[str, str]]) -> str:
    """Parameters that do not say what holds now, in a sentence; nothing where all do."""
    if not differing:
        return ""
    named = (f"`{name}` is {now}, was {first}" for name, (first, now) in sorted(differing.items()))
    return (
        f"Changed since the campaign began: {'; '.join(named)}. MLflow's parameters keep first "
        "values; the tags `now.…` and `settings.yaml` have those of now."
    )


CHAMPION_WORD = "champion"


def renamed(name: str, champion: bool) -> str:
    """The name of a training that became champion, or is no longer."""
    plain = name.removesuffix(f", {CHAMPION_WORD}")
    return f"{plain}, {CHAMPION_WORD}" if champion else plain


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as a table of Markdown."""
    lines = [list(columns), ["---"] * len(columns), *([in_words(v) for v in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
