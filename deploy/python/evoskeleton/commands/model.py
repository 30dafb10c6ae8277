"""`evoskeleton model`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from evoskeleton.commands.options import CAMPAIGNS, Home

if TYPE_CHECKING:
    from evoskeleton.platform.record.registry import Registry

models = typer.Typer(no_args_is_help=True, help="List and choose champions in the MLflow registry.")


Name = Annotated[str, typer.Argument(help="name of the registered model")]
Uri = Annotated[str | None, typer.Option(help="MLflow server or database; none: that of the home")]


@models.command("list")
def model_list(home: Home = CAMPAIGNS, uri: Uri = None) -> None:
    """List registered champions."""
    table = Table("model", "version", "alias", "MPJPE, mm", "weights")
    for model in _registry(home, uri).list_models():
        for version in model.versions:
            error = version.metrics.get("mpjpe", float("nan"))
            aliases = ", ".join(version.aliases)
            weights = version.weights[:12]
            table.add_row(model.name, str(version.number), aliases, f"{error:.1f}", weights)
    Console().print(table)


@models.command("promote")
def model_promote(
    name: Name,
    version: Annotated[int, typer.Argument(help="number that `model list` shows")],
    home: Home = CAMPAIGNS,
    uri: Uri = None,
) -> None:
    """Make a version the champion of its name."""
    _registry(home, uri).promote(name, version)
    typer.echo(f"{name}: version {version} is the champion")


@models.command("rollback")
def model_rollback(name: Name, home: Home = CAMPAIGNS, uri: Uri = None) -> None:
    """Give the name back to the champion before."""
    typer.echo(f"{name}: version {_registry(home, uri).rollback(name)} is the champion")


def _registry(home: str, uri: str | None) -> "Registry":
    from evoskeleton.platform.record.registry import Registry
    from evoskeleton.platform.record.tracking import TrackingSettings

    return Registry(TrackingSettings(uri=uri), Path(home))
