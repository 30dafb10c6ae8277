"""`evoskeleton model`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evoskeleton.commands.options import (
    CAMPAIGNS,
    DEFAULT,
    Changes,
    Home,
    Model,
    Overwrite,
    TrackingUri,
)
from evoskeleton.console.terminal import print_rows, terminal
from evoskeleton.errors import BadInput
from evoskeleton.files import local_folder

if TYPE_CHECKING:
    from evoskeleton.lifting.normalization import Mode
    from evoskeleton.platform.record.registry import Registry, Version

models = typer.Typer(no_args_is_help=True, help="List and choose champions in the MLflow registry.")


Name = Annotated[str, typer.Argument(help="name of the registered model")]


@models.command("list")
def model_list(home: Home = CAMPAIGNS, uri: TrackingUri = None) -> None:
    """List the lifters of the package, and registered champions."""
    begun = uri is not None or home != CAMPAIGNS or Path(home).is_dir()
    there = _registry(home, uri).list_models() if begun else []
    registered = [_row(model.name, version) for model in there for version in model.versions]
    print_rows(("model", "version", "alias", "MPJPE, mm", "weights"), [*registered, *_shipped()])
    if not there:
        typer.echo(f"no model is registered in {uri or home}", err=True)


def _row(model: str, version: "Version") -> tuple[str, str, str, str, str]:
    metrics = version.metrics
    error = metrics.get("test_mpjpe_mm", metrics.get("mpjpe", float("nan")))
    aliases, weights = ", ".join(version.aliases), version.weights[:12]
    return model, str(version.number), aliases, f"{error:.1f}", weights


def _shipped() -> "list[tuple[str, str, str, str, str]]":
    """Rows of the lifters that come with the package."""
    from evoskeleton.lifting.bundle import read_description
    from evoskeleton.lifting.bundles import DEFAULT, SHIPPED, holds, shipped

    rows = []
    for name in filter(holds, SHIPPED):
        record = read_description(shipped(name))
        error = record.get("training", {}).get("validation", {}).get("mpjpe", float("nan"))
        alias = "default" if name == DEFAULT else ""
        weights = str(record["weight_hash"])[:12]
        rows.append((name, "package", alias, f"{error:.1f}", weights))
    return rows


@models.command("import")
def model_import(
    weights: Annotated[Path, typer.Argument(help="example_model.th or model.th of Li et al. 2020")],
    statistics: Annotated[Path, typer.Option(help="stats.npy that belongs to it")],
    output: Annotated[Path, typer.Option(help="new folder for the lifter's bundle")],
    scaled: Annotated[
        str,
        typer.Option(
            help="how its keypoints were scaled: per_pose, as in the published example, or zscore"
        ),
    ] = "per_pose",
    overwrite: Overwrite = False,
) -> None:
    """Make a bundle out of the published weights of Li et al. 2020; nothing in them is run."""
    from evoskeleton.lifting.bundle import save_bundle
    from evoskeleton.lifting.bundle_training import new_bundle
    from evoskeleton.lifting.bundles.published import read_published

    if scaled not in ("per_pose", "zscore"):
        raise BadInput(f"--scaled should be per_pose or zscore, got {scaled}")
    mode: Mode = "per_pose" if scaled == "per_pose" else "zscore"
    lifter = read_published(weights, statistics, mode)
    with new_bundle(output, overwrite) as folder:
        save_bundle(lifter, folder, {"published": "Li et al. 2020", "weights": weights.name})
    typer.echo(f"{output}: {lifter.cascade.settings.stages} stages")


@models.command("build")
def model_build(
    name: Annotated[str, typer.Argument(help="detections or exact")],
    poses: Annotated[Path, typer.Option(help="cmu_poses.parquet, or poses of the same columns")],
    output: Annotated[Path, typer.Option(help="new folder for the lifter's bundle")],
    home: Home = CAMPAIGNS,
    change: Changes = None,
    overwrite: Overwrite = False,
) -> None:
    """Breed and train a lifter of the package anew: the campaign `shipped`, then the training."""
    from evoskeleton.commands.shipped.build import build

    build(name, poses, output, home, change or [], overwrite)


@models.command("card")
def model_card(
    poses: Annotated[Path, typer.Option(help="cmu_poses.parquet, or poses of the same columns")],
    model: Model = DEFAULT,
    write: Annotated[
        bool, typer.Option("--write", help="keep the errors in the bundle as well")
    ] = False,
) -> None:
    """Measure a lifter on people of the CMU motion whom no lifter of the package has seen."""
    from evoskeleton.commands.shipped.card import errors_on_test_people
    from evoskeleton.console.card import errors_table
    from evoskeleton.files import write_json
    from evoskeleton.lifting.bundle import DESCRIPTION_FILE, load_bundle, read_description
    from evoskeleton.lifting.bundles import bundle_folder

    folder = bundle_folder(model)
    errors = errors_on_test_people(load_bundle(folder), poses)
    if write:
        words = read_description(folder)
        words.setdefault("training", {})["test"] = errors
        write_json(folder / DESCRIPTION_FILE, words)
    terminal().print(errors_table(errors))


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

    if uri is None and not local_folder(home, "home").is_dir():
        raise BadInput(f"there is no folder {home}: --home names the one that holds campaigns")
    return Registry(TrackingSettings(uri=uri), local_folder(home, "home"))
