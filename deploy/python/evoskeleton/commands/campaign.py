"""`evoskeleton demo` and `evoskeleton campaign`."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from evoskeleton.commands.options import CAMPAIGNS, Address, Changes, Home, bars

if TYPE_CHECKING:
    from evoskeleton.console.bars import Bars
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
) -> None:
    """Start a campaign: evolve, train, compare, and register the champion."""
    from evoskeleton.platform.search.campaign.settings import read_settings

    _run(read_settings(settings, _addressed(change or [], address)))


@campaigns.command("resume")
def campaign_resume(
    name: Name, home: Home = CAMPAIGNS, change: Changes = None, address: Address = None
) -> None:
    """Go on with a campaign that was stopped, or extend one."""
    from evoskeleton.commands.target_readers import target_readers
    from evoskeleton.platform.search.campaign.driver import resume

    with _campaign_bars(name) as monitor:
        readers = target_readers(seen=monitor.looked_at)
        outcome = resume(home, name, _addressed(change or [], address), monitor, readers)
    _show(outcome)


@campaigns.command("list")
def campaign_list(home: Home = CAMPAIGNS) -> None:
    """List the campaigns of a home, and how far they are."""
    from evoskeleton.platform.search.campaign.status import statuses

    table = Table("campaign", "generation", "rows", "trainings", "state")
    for status in statuses(home):
        table.add_row(*(str(value) for value in status.row()))
    Console().print(table)


@campaigns.command("status")
def campaign_status(name: Name, home: Home = CAMPAIGNS) -> None:
    """Show one campaign as JSON: progress, champion, last record of the logbook."""
    from evoskeleton.platform.search.campaign.status import status_of

    typer.echo(json.dumps(status_of(home, name).as_dict(), indent=1))


@campaigns.command("template")
def campaign_template() -> None:
    """Print a commented settings file to start from."""
    from evoskeleton.platform.search.campaign.driver import template

    typer.echo(template(), nl=False)


def _addressed(changes: list[str], address: str | None) -> list[str]:
    return changes + ([f"machine.address={address}"] if address else [])


@contextmanager
def _campaign_bars(name: str) -> Iterator["Bars"]:
    """Bars of a campaign that Ctrl-C stops with a word on how to go on."""
    try:
        with bars() as monitor:
            yield monitor
    except KeyboardInterrupt:
        typer.echo(f"stopped; `evoskeleton campaign resume {name}` goes on", err=True)
        raise typer.Exit(130) from None


def _run(settings: "CampaignSettings") -> None:
    from evoskeleton.commands.target_readers import target_readers
    from evoskeleton.platform.search.campaign.driver import start

    with _campaign_bars(settings.name) as monitor:
        outcome = start(settings, monitor, target_readers(seen=monitor.looked_at))
    _show(outcome)


def _show(outcome: "Outcome") -> None:
    from evoskeleton.console.closing import closing_table

    Console().print(closing_table(outcome.report))
    page = outcome.how_to_open
    if page.command:
        typer.echo(f"MLflow page: {page.command}")
    typer.echo(f"then open: {page.address}")
