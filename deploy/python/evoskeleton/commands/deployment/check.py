"""`evoskeleton deploy`: what getting onto a cluster takes."""

from pathlib import Path
from typing import Annotated

import typer

from evoskeleton.commands.options import CAMPAIGNS, Home
from evoskeleton.console.terminal import terminal

deployment = typer.Typer(no_args_is_help=True, help="Get campaigns onto a cluster.")


@deployment.callback()
def _deployment() -> None:
    """Keeps `check` a word of its own while it is the only command."""


@deployment.command("check")
def deploy_check(
    home: Home = CAMPAIGNS,
    address: Annotated[
        str, typer.Option(help="Ray cluster to join: auto, or host:port of its head")
    ] = "auto",
    wait: Annotated[
        float, typer.Option(min=0, help="seconds to wait for the cluster, and for its nodes")
    ] = 60.0,
) -> None:
    """Look at a cluster from every node of it: code, versions, home, locks, clocks.

    Leaves with exit code 2 where a campaign would be refused.
    """
    from evoskeleton.console.nodes import nodes_table
    from evoskeleton.files import is_remote, local_folder
    from evoskeleton.platform.search.workers.deploy_check import check
    from evoskeleton.platform.search.workers.machine import MachineSettings

    machine = MachineSettings.parse({"address": address, "wait_seconds": wait})
    place = home if is_remote(home) else local_folder(Path(home), "home")
    checked = check(machine, place)
    terminal().print(nodes_table(checked))
    for sentence in checked.warnings:
        typer.echo(sentence, err=True)
    if not checked.fit:
        raise typer.Exit(2)
