"""`evoskeleton demo` and `evoskeleton campaign`."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evoskeleton.commands.deployment.plan import campaign_plan
from evoskeleton.commands.options import (
    CAMPAIGNS,
    Address,
    Changes,
    Home,
    Overwrite,
    Wait,
    busy,
    monitor_of_campaign,
    refuse_taken,
    show_page,
)
from evoskeleton.console.terminal import print_rows, terminal
from evoskeleton.errors import STOPPED
from evoskeleton.files import write_text
from evoskeleton.platform.record.html_page import in_words

if TYPE_CHECKING:
    from evoskeleton.console.bars import Bars
    from evoskeleton.console.log_lines import LogLines
    from evoskeleton.platform.search.campaign.driver import Outcome
    from evoskeleton.platform.search.campaign.settings import CampaignSettings

campaigns = typer.Typer(
    no_args_is_help=True, help="Evolve poses and train lifters on them, as a settings file says."
)


Name = Annotated[str, typer.Argument(help="name of the campaign")]


def demo(
    home: Home = CAMPAIGNS,
    seed: Annotated[int, typer.Option(help="seed of search and lifters")] = 1,
    name: Annotated[str, typer.Option(help="name of the campaign")] = "demo",
    wheel: Annotated[
        Path | None,
        typer.Option(help="wheel of pybullet, which holds the motion; none: pip fetches it"),
    ] = None,
    change: Changes = None,
    address: Address = None,
) -> None:
    """Evolve a little real motion, train a lifter on it, and compare; a few minutes."""
    from evoskeleton.platform.search.campaign.driver import demo_settings

    if wheel is not None:
        os.environ["EVOSKELETON_PYBULLET_WHEEL"] = str(wheel)
    changes = [f"name={name}", f"home={json.dumps(home)}"]
    changes += [f"seed={seed}", f"training.fit.seed={seed}", *(change or [])]
    _run(demo_settings(_addressed(changes, address)))


@campaigns.command("run")
def campaign_run(
    settings: Annotated[Path, typer.Argument(help="YAML file; `campaign template` writes one")],
    change: Changes = None,
    address: Address = None,
    or_resume: Annotated[
        bool,
        typer.Option(
            "--or-resume",
            help="go on with the campaign where it is there already, with the same settings",
        ),
    ] = False,
    wait: Wait = 0.0,
) -> None:
    """Start a campaign: evolve, train, compare, and register the champion.

    Exit codes: 0 it is done; 2 something given cannot be used; 75 SIGTERM or Ctrl-C stopped it
    between two generations, a second one at once, and `resume`, or the same line with
    `--or-resume`, goes on.
    """
    from evoskeleton.platform.search.campaign.settings import read_settings

    _run(read_settings(settings, _addressed(change or [], address)), or_resume, wait)


@campaigns.command("resume")
def campaign_resume(
    name: Name,
    home: Home = CAMPAIGNS,
    change: Changes = None,
    address: Address = None,
    wait: Wait = 0.0,
) -> None:
    """Go on with a campaign that was stopped, or extend one. Exit codes are those of `run`."""
    from evoskeleton.commands.given.target_readers import target_readers
    from evoskeleton.platform.search.campaign.driver import resume

    with _campaign_bars(home, name) as monitor:
        readers = target_readers(seen=monitor.looked_at)
        changes = _addressed(change or [], address)
        outcome = resume(home, name, changes, monitor, readers, wait=wait)
    _show(outcome)


@campaigns.command("list")
def campaign_list(home: Home = CAMPAIGNS) -> None:
    """List the campaigns of a home, how far they are, and where to look through them."""
    from evoskeleton.platform.search.campaign.closing.where_recorded import pages_of_home
    from evoskeleton.platform.search.campaign.status import statuses

    there = statuses(home)
    headings = ("campaign", "generation", "rows", "trainings", "state")
    print_rows(headings, [status.row() for status in there])
    if not there:
        typer.echo(f"there are no campaigns in {home}", err=True)
    for page in pages_of_home(home, [status.name for status in there]):
        show_page(page, err=True)


@campaigns.command("status")
def campaign_status(name: Name, home: Home = CAMPAIGNS) -> None:
    """Show one campaign as JSON: progress, champion, last record of the logbook.

    Where to look through it is told on standard error.
    """
    from evoskeleton.platform.search.campaign.closing.where_recorded import page_of_campaign
    from evoskeleton.platform.search.campaign.status import status_of

    typer.echo(json.dumps(status_of(home, name).as_dict(), indent=1))
    show_page(page_of_campaign(home, name), err=True)


@campaigns.command("report")
def campaign_report(
    name: Name,
    home: Home = CAMPAIGNS,
    output: Annotated[
        Path | None, typer.Option(help="HTML file; none: NAME-report.html in this folder")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write what came of a campaign as one HTML page with its figures, to read or send offline."""
    from evoskeleton.platform.search.campaign.closing.where_recorded import page_of_campaign
    from evoskeleton.platform.search.campaign.closing.written_report import write_report

    place = output or Path(f"{name}-report.html")
    refuse_taken(overwrite, place)
    with busy("drawing"):
        sentence = write_report(home, name, place)
    typer.echo(sentence)
    typer.echo(f"written to {place}")
    show_page(page_of_campaign(home, name))


@campaigns.command("compare")
def campaign_compare(
    names: Annotated[list[str], typer.Argument(help="campaigns; the others against the first")],
    home: Home = CAMPAIGNS,
    output: Annotated[
        Path | None, typer.Option(help="HTML file; none: compare-A-B.html in this folder")
    ] = None,
    run: Annotated[bool, typer.Option(help="write it into MLflow, as a run, as well")] = True,
    overwrite: Overwrite = False,
) -> None:
    """Say which campaign is better and by how much, as a table and as one HTML page."""
    from evoskeleton.platform.search.campaign.closing.where_recorded import pages_of_home
    from evoskeleton.platform.search.comparing import comparison as comparing
    from evoskeleton.platform.search.comparing.written_comparison import into_mlflow

    compared = comparing.compare(home, names)
    place = output or Path(f"compare-{'-'.join(names)}.html")
    refuse_taken(overwrite, place)
    with busy("drawing"):
        page = comparing.comparison_page(compared)
        write_text(place, page)
        where = into_mlflow(compared, page) if run else None
    columns = zip(comparing.COLUMNS, *compared.rows(), strict=True)
    headings, *rows = ([in_words(each) for each in column] for column in columns)
    print_rows(headings, rows)
    for sentence in (*compared.sentences(), *compared.cautions()):
        typer.echo(sentence)
    typer.echo(f"written to {place}{f' and MLflow run {where}' if where else ''}")
    for found in pages_of_home(home, names):
        show_page(found)


campaigns.command("plan")(campaign_plan)


@campaigns.command("template")
def campaign_template() -> None:
    """Print a commented settings file to start from."""
    from evoskeleton.platform.search.campaign.driver import template

    typer.echo(template(), nl=False)


def _addressed(changes: list[str], address: str | None) -> list[str]:
    return changes + ([f"machine.address={address}"] if address else [])


@contextmanager
def _campaign_bars(home: str, name: str) -> Iterator["Bars | LogLines"]:
    """Bars of a campaign that Ctrl-C and SIGTERM stop with a word on how to go on."""
    try:
        with monitor_of_campaign() as monitor:
            yield monitor
    except KeyboardInterrupt:
        from evoskeleton.platform.search.campaign.driver import how_to_resume

        command = how_to_resume(home, name)
        goes_on = f"`{command}` goes on" if command else "the same line starts it"
        typer.echo(f"stopped; {goes_on}", err=True)
        raise typer.Exit(STOPPED) from None


def _run(settings: "CampaignSettings", or_resume: bool = False, wait: float = 0.0) -> None:
    from evoskeleton.commands.given.target_readers import target_readers
    from evoskeleton.platform.search.campaign.driver import start, start_or_resume

    run = start_or_resume if or_resume else start
    with _campaign_bars(settings.home, settings.name) as monitor:
        outcome = run(settings, monitor, target_readers(seen=monitor.looked_at), wait=wait)
    _show(outcome)


def _show(outcome: "Outcome") -> None:
    from evoskeleton.console.closing import closing_table

    terminal().print(closing_table(outcome.report))
    show_page(outcome.how_to_open)
