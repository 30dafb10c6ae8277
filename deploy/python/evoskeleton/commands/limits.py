"""`evoskeleton limits` and `evoskeleton sample`."""

from pathlib import Path
from typing import Annotated

import typer

from evoskeleton.commands.options import (
    LimitsPath,
    Overwrite,
    Source,
    busy,
    counted,
    poses_of,
    refuse_taken,
)

limits = typer.Typer(
    no_args_is_help=True, help="Fit and draw joint limits: which limb directions a body can take."
)


@limits.command("fit")
def limits_fit(
    poses: Source,
    output: Annotated[Path, typer.Option(help="npz file to write")],
    leave_out: Annotated[
        list[str] | None,
        typer.Option(help="subject to judge the limits by, not to fit on; may be repeated"),
    ] = None,
    source: Annotated[
        str, typer.Option(help="where the poses come from, a note that the file carries")
    ] = "",
    ranges: Annotated[
        bool, typer.Option("--ranges", help="also allow what published ranges of motion allow")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Fit joint limits on real poses, and say how they treat every subject."""
    from evoskeleton.console.limits import judgement_table
    from evoskeleton.platform.record.limit_report import fit_limits

    refuse_taken(overwrite, output)
    with busy("fitting joint limits"):
        rows = fit_limits(poses_of(poses), output, source or poses, leave_out or [], ranges=ranges)
    typer.echo(judgement_table(rows))


@limits.command("show")
def limits_show(
    output: Annotated[Path, typer.Option(help="folder for the figures")],
    path: LimitsPath = None,
    before: Annotated[str | None, typer.Option(help="poses before evolution")] = None,
    after: Annotated[str | None, typer.Option(help="poses after evolution")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw joint limits, and where the limbs of poses point within them."""
    from evoskeleton.platform.record.limit_report import figure_paths, show_limits

    with_poses = before is not None or after is not None
    refuse_taken(overwrite, *figure_paths(output, with_poses).values())
    with busy("drawing joint limits"):
        sets = [None if text is None else poses_of(text) for text in (before, after)]
        figures = show_limits(path, sets[0], sets[1], output)
    for figure in figures:
        typer.echo(figure)


def sample(
    count: Annotated[int, typer.Argument(help="poses to draw")],
    output: Annotated[Path, typer.Option(help="Parquet file")],
    path: LimitsPath = None,
    seed: Annotated[int, typer.Option(help="seed of all draws")] = 1,
    overwrite: Overwrite = False,
) -> None:
    """Draw poses from the joint limits alone, limb by limb, a child given its parent."""
    from evoskeleton.platform.data.formats.parquet import write_parquet
    from evoskeleton.platform.record.limit_report import sample_poses

    refuse_taken(overwrite, output)
    with busy("drawing poses"):
        drawn = sample_poses(path, count, seed)
    write_parquet(output, drawn, overwrite=overwrite)
    typer.echo(f"{output}: {counted(drawn)}")
