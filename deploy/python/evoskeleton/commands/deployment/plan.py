"""`evoskeleton campaign plan`: what a campaign will take, before it is started."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evoskeleton.commands.options import Changes, Overwrite, busy, refuse_taken
from evoskeleton.console.terminal import terminal
from evoskeleton.errors import BadInput

if TYPE_CHECKING:
    from evoskeleton.platform.search.campaign.settings import CampaignSettings
    from evoskeleton.platform.search.planning.rates import Rates


def campaign_plan(
    settings: Annotated[Path, typer.Argument(help="YAML file; `campaign template` writes one")],
    nodes: Annotated[
        str, typer.Option(help="machines, such as 4x16cpu32gb,1x8cpu64gb1gpu; gb of memory")
    ],
    measure: Annotated[
        bool, typer.Option("--measure", help="measure how fast this machine is, a minute or so")
    ] = False,
    rates: Annotated[
        Path | None,
        typer.Option(help="file of what was measured: written with --measure, read without"),
    ] = None,
    price: Annotated[
        str, typer.Option(help="price of each kind of node an hour, such as 0.9,2.5")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    overwrite: Overwrite = False,
    change: Changes = None,
) -> None:
    """Tell hours, rows, memory, disk and money of a campaign on machines like this one.

    Rates are those of one idle processor of the kind that the nodes have, for these settings.
    """
    from evoskeleton.console.plan import plan_table
    from evoskeleton.platform.search.campaign.settings import read_settings
    from evoskeleton.platform.search.planning.nodes import nodes_of
    from evoskeleton.platform.search.planning.plan import plan

    if measure:
        refuse_taken(overwrite, rates)
    kinds = nodes_of(nodes, price)
    known = read_settings(settings, change or [])
    planned = plan(known, kinds, _rates(known, measure, rates))
    if as_json:
        typer.echo(json.dumps(planned.as_dict(), indent=1))
    else:
        terminal().print(plan_table(planned, kinds))


def _rates(settings: "CampaignSettings", measure: bool, file: Path | None) -> "Rates":
    from evoskeleton.platform.search.planning.rates import Rates

    if not measure:
        if file is None:
            raise BadInput(
                "a plan needs rates: --measure, or --rates with a file of an earlier one"
            )
        return Rates.read(file)
    from evoskeleton.platform.search.planning.measuring import measured

    with busy("measuring"):
        found = measured(settings)
    if file is not None:
        found.write(file)
    return found
