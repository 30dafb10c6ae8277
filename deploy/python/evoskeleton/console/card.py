"""What `evoskeleton model card` shows: errors of a lifter on people whom it has never seen."""

from rich.table import Table


def errors_table(errors: dict[str, dict[str, float]]) -> Table:
    """The errors for a person to read."""
    table = Table("never seen", "poses", "MPJPE, mm", "P-MPJPE, mm", "MPJPE as detected, mm")
    for subject, each in errors.items():
        numbers = [f"{each[name]:.1f}" for name in ("mpjpe", "p_mpjpe", "detected")]
        table.add_row(subject, f"{each['poses']:.0f}", *numbers)
    return table
