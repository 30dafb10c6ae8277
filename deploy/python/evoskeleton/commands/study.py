"""`evoskeleton study`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evoskeleton.commands.options import Changes, monitor_of_campaign
from evoskeleton.console.terminal import terminal
from evoskeleton.errors import BadInput

if TYPE_CHECKING:
    from evoskeleton.platform.search.study.settings import StudySettings

studies = typer.Typer(no_args_is_help=True, help="Compare searches by the lifters they train.")


File = Annotated[Path, typer.Argument(help="YAML file; `study template` writes one")]


@studies.command("run")
def study_run(
    settings: File,
    change: Changes = None,
) -> None:
    """Train what a study still lacks, as far as its budget goes, and show what it found."""
    from evoskeleton.platform.search.study.settings import read_study
    from evoskeleton.platform.search.study.study import Study

    known = read_study(settings, change)
    with monitor_of_campaign() as monitor:
        study = Study(known, monitor)
        left = study.run()
    _show_study(known)
    if left:
        typer.echo(f"{len(left)} lifters are left; {study.spent():.1f} core hours are spent")


@studies.command("report")
def study_report(settings: File, change: Changes = None) -> None:
    """Show what a study has found so far."""
    from evoskeleton.platform.search.study.settings import read_study

    _show_study(read_study(settings, change))


@studies.command("template")
def study_template(
    choices: Annotated[
        bool,
        typer.Option("--choices", help="rows that choose among what is bred"),
    ] = False,
    target: Annotated[
        bool,
        typer.Option("--target", help="rows that search towards the keypoints of other clips"),
    ] = False,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="a protocol of the field: human36m (S1 to S9 and S11) or mpi-inf-3dhp (Human3.6M "
            "to MPI-INF-3DHP), for those who own the data"
        ),
    ] = None,
) -> None:
    """Print a commented settings file to start from."""
    from evoskeleton.platform.search.study.settings import template as packaged

    flags = {"choices": choices, "target": target, "protocol": protocol is not None}
    if len(asked := [name for name, given in flags.items() if given]) > 1:
        raise BadInput(f"{' and '.join(asked)} are {len(asked)} files: ask for one of them")
    name = "choices" if choices else "target" if target else protocol or "study"
    typer.echo(packaged(name), nl=False)


def _show_study(settings: "StudySettings") -> None:
    from evoskeleton.console.study import study_tables
    from evoskeleton.platform.search.study.study_report import lines, publish

    found = lines(settings)
    if not found:
        raise BadInput(f"nothing of the study in {settings.home} is done yet")
    wide = terminal(width=max(110, terminal().width))
    for shown in study_tables(found):
        wide.print(shown)
    typer.echo(publish(settings, found))
