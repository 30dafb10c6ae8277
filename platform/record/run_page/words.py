"""Names and descriptions for people, in Markdown where MLflow's page renders it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evoskeleton.platform.record.html_page import in_words

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
"""Okabe and Ito 2008, https://jfly.uni-koeln.de/color/: charts tell campaigns apart by them."""

EXPERIMENT = """\
Campaigns of **evoskeleton**. The arrow at the right opens how to read and compare them.

Each breeds 3D human poses from real ones and trains lifters on them.

- A run without a parent is a campaign; the runs below it are its trainings.
- Columns that answer most: `test_mpjpe_mm` (the champion's error on poses that were never bred \
from), `gain_mm` (what breeding brought against the real poses alone; more is better), \
`search/rows`. For searches towards keypoints: `explained`.
- To compare two campaigns: tick both and press *Compare*, or \
`evoskeleton campaign compare A B`, which adds figures side by side and paired intervals.
- `report.html`, the first link in the description of a campaign, tells everything on one page.
- *Models* holds every lifter that was trained; the alias `champion` of a registered model says \
which one is served.
"""


def training_name(record: Mapping[str, Any], champion: bool = False) -> str:
    """A training by generation, poses, error and whether it is champion."""
    if "generation" not in record:
        return f"v{record['table_version']}"
    parts = [f"g{record['generation']}"]
    if record.get("rows"):
        parts.append(f"{record['rows']:,} poses")
    if (error := (record.get("validation") or {}).get("mpjpe")) is not None:
        parts.append(f"{error:.1f} mm")
    return ", ".join([*parts, *([CHAMPION_WORD] if champion else [])])


CHAMPION_WORD = "champion"


def renamed(name: str, champion: bool) -> str:
    """The name of a training that became champion, or is no longer."""
    plain = name.removesuffix(f", {CHAMPION_WORD}")
    return f"{plain}, {CHAMPION_WORD}" if champion else plain


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as a table of Markdown."""
    lines = [list(columns), ["---"] * len(columns), *([in_words(v) for v in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
