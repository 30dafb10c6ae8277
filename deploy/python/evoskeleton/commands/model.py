"""`evoskeleton model`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from evoskeleton.commands.options import CAMPAIGNS, Home, TrackingUri
from evoskeleton.errors import BadInput

if TYPE_CHECKING:
    from evoskeleton.platform.record.registry import Registry

models = typer.Typer(no_args_is_help=True, help="List and choose champions in the MLflow registry.")


Name = Annotated[str, typer.Argument(help="name of the registered model")]


@models.command("list")
def model_list(home: Home = CAMPAIGNS, uri: TrackingUri = None) -> None:
    """List registered champions."""
    table = Table("model", "version", "alias", "MPJPE, mm", "weights")
    there = _registry(home, uri).list_models()
    for model in there:
        for version in model.versions:
            error = version.metrics.get("mpjpe", float("nan"))
            aliases = ", ".join(version.aliases)
            weights = version.weights[:12]
            table.add_row(model.name, str(version.number), aliases, f"{error:.1f}", weights)
    Console().print(table)
    if not there:
        typer.echo(f"no model is registered in {uri or home}", err=True)


@models.command("promote")
def model_promote(
    name: Name,
    version: Annotated[int, typer.Argument(help="number that `model list` shows")],
    home: Home = CAMPAIGNS,
    uri: TrackingUri = None,
) -> None:
    """Make a version the champion of its name."""
    _registry(home, uri).promote(name, version)
    typer.echo(f"{name}: version {version} is the champion")


@models.command("rollback")
def model_rollback(name: Name, home: Home = CAMPAIGNS, uri: TrackingUri = None) -> None:
    """Give the name back to the champion before."""
    typer.echo(f"{name}: version {_registry(home, uri).rollback(name)} is the champion")


def _registry(home: str, uri: str | None) -> "Registry":
    from evoskeleton.platform.record.registry import Registry
    from evoskeleton.platform.record.tracking import TrackingSettings

    if uri is None and not Path(home).expanduser().is_dir():
        raise BadInput(f"there is no folder {home}: --home names the one that holds campaigns")
    return Registry(TrackingSettings(uri=uri), Path(home))
