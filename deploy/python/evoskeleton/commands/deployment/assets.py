"""`evoskeleton assets`: motion and weights, fetched once where an image or a node is made."""

from typing import TYPE_CHECKING, Annotated

import typer

from evoskeleton.console.terminal import print_rows
from evoskeleton.errors import BadInput

if TYPE_CHECKING:
    from evoskeleton.assets import Asset

assets = typer.Typer(
    no_args_is_help=True, help="Fetch motion and weights before a machine loses its network."
)


def known() -> dict[str, "Asset"]:
    """All assets by name."""
    from evoskeleton.platform.data.mocap.deepmimic import MOTION
    from evoskeleton.pose2d.blazepose import HEAVY_WEIGHTS, WEIGHTS
    from evoskeleton.pose2d.movenet.multipose import WEIGHTS as MOVENET_WEIGHTS

    assets = (MOTION, WEIGHTS, HEAVY_WEIGHTS, MOVENET_WEIGHTS)
    return {asset.name: asset for asset in assets}


@assets.command("list")
def assets_list() -> None:
    """List all assets, and which of them are here and whole."""
    from evoskeleton.assets import cache_folder, is_here

    rows = [
        (
            name,
            f"{asset.package} {asset.version}",
            f"{asset.megabytes} MB",
            "yes" if is_here(asset) else "no",
        )
        for name, asset in known().items()
    ]
    print_rows(("asset", "from", "download", "here"), rows, title=str(cache_folder()))


@assets.command("fetch")
def assets_fetch(
    names: Annotated[
        list[str] | None, typer.Argument(help="assets of `assets list`; none: all")
    ] = None,
) -> None:
    """Fetch assets into EVOSKELETON_CACHE; what is there and whole is not fetched again."""
    from evoskeleton.assets import fetch

    there = known()
    for name in names or there:
        if name not in there:
            raise BadInput(f"asset should be one of {', '.join(there)}, got {name}")
    for name in names or there:
        typer.echo(f"{name}: {fetch(there[name])}")
