"""`evoskeleton model`."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table

from evoskeleton.commands.options import CAMPAIGNS, Home

if TYPE_CHECKING:
    from evoskeleton.platform.record.registry import Registry

models = typer.Typer(no_args_is_help=True, help="Champions in the MLflow registry.")


@models.command("list")
def model_list(home: Home = CAMPAIGNS, uri: str | None = None) -> None:
    """Registered champions."""
    table = Table("model", "version", "alias", "MPJPE, mm", "weights")
    for model in _registry(home, uri).list_models():
        for version in model.versions:
            error = version.metrics.get("mpjpe", float("nan"))
            aliases = ", ".join(version.aliases)
            weights = version.weights[:12]
            table.add_row(model.name, str(version.number), aliases, f"{error:.1f}", weights)
    Console().print(table)


@models.command("promote")
def model_promote(name: str, version: int, home: Home = CAMPAIGNS, uri: str | None = None) -> None:
    """Make a version the champion of its name."""
    _registry(home, uri).promote(name, version)
    typer.echo(f"{name}: version {version} is the champion")


@models.command("rollback")
def model_rollback(name: str, home: Home = CAMPAIGNS, uri: str | None = None) -> None:
    """Give the name back to the champion before."""
    typer.echo(f"{name}: version {_registry(home, uri).rollback(name)} is the champion")


def _registry(home: str, uri: str | None) -> "Registry":
    from evoskeleton.platform.record.registry import Registry
    from evoskeleton.platform.record.tracking import TrackingSettings

    return Registry(TrackingSettings(uri=uri), Path(home))
