"""What a campaign shows at its end."""

from typing import Any

from rich.table import Table

from evoskeleton.lifting.metrics import shown_in


def closing_table(report: dict[str, Any]) -> Table:
    """What the main job prints at its end."""
    table = Table(title=f"campaign {report['campaign']}", title_justify="left")
    sides = [(f"{metric.heading} baseline", "evolved") for metric in shown_in("closing").values()]
    for column in ("test clip", *(heading for pair in sides for heading in pair)):
        table.add_column(column, justify="left" if column == "test clip" else "right")
    baseline, evolved = report["baseline"], report["evolved"]
    for clip in sorted(baseline["by_clip"]):
        table.add_row(clip, *_cells(baseline["by_clip"][clip], evolved["by_clip"][clip]))
    table.add_section()
    table.add_row("all poses", *_cells(baseline["overall"], evolved["overall"]), style="bold")
    table.caption = (
        f"mm, mean over four fixed views, clips that were never bred from. {report['seeds']:,} "
        f"seed poses ({report['seeds_outside_limits']:.1%} outside the limits); offspring: "
        f"{report['tried']:,} tried, {report['bred']:,} valid (within the limits), "
        f"{report['survivors']:,} kept; {report['trainings']} trainings. "
        f"Table {report['table']}, version {report['table_version']}, {report['rows']:,} poses."
    )
    table.caption_justify = "left"
    return table


def _cells(baseline: dict[str, float], evolved: dict[str, float]) -> list[str]:
    return [
        metric.of(name, side)
        for name, metric in shown_in("closing").items()
        for side in (baseline, evolved)
    ]
