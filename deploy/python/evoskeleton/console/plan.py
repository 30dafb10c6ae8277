"""The table of `campaign plan`."""

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from evoskeleton.platform.search.planning.nodes import NodeKind
    from evoskeleton.platform.search.planning.plan import Plan


def plan_table(plan: "Plan", nodes: "tuple[NodeKind, ...]") -> Table:
    """What a campaign takes, and what limits it."""
    table = Table(show_header=False, title=f"limited by {plan.limited_by}")
    table.add_row("hours", f"{plan.hours:,.2f}")
    table.add_row("  waiting for trainings", f"{plan.waiting_hours:,.2f}")
    table.add_row("  first and last training", f"{plan.training_hours:,.2f}")
    table.add_row("hours of processors", f"{plan.processor_hours:,.2f}")
    table.add_row("generations", f"{plan.generations:,} of {plan.generation_seconds:,.2f} s")
    table.add_row("rows", f"{plan.rows:,}, {plan.rows_per_hour:,.0f} an hour")
    table.add_row("trainings", f"{plan.trainings}")
    table.add_row("processes", f"{plan.workers} workers, {plan.scorers} scorers")
    for kind, needed in zip(nodes, plan.node_gigabytes, strict=True):
        words = f"{needed:.1f} of {kind.gigabytes:g} GB"
        table.add_row(f"memory of a node of {kind.cpus} processors", words)
    table.add_row("memory of the head, besides", f"{plan.head_gigabytes:.1f} GB")
    table.add_row("shared storage", f"{plan.disk_gigabytes:,.2f} GB")
    if plan.cost:
        table.add_row("cost", f"{plan.cost:,.2f}")
    return table
