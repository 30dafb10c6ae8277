"""`evoskeleton detector list`, `register`, `promote`, `rollback` and `fetch`: MLflow's registry."""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evoskeleton.commands.given.named_detectors import (
    detector_folder,
    detector_registry,
    registered,
)
from evoskeleton.commands.options import (
    CAMPAIGNS,
    Home,
    Overwrite,
    TrackingUri,
    refuse_taken,
)
from evoskeleton.console.terminal import print_rows
from evoskeleton.errors import BadInput
from evoskeleton.files import whole_folder

if TYPE_CHECKING:
    from evoskeleton.platform.record.registry import Version

Name = Annotated[str, typer.Argument(help="name of the registered detector")]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SCORES = ("pck_box_01", "ap", "oks", "error_px", "pckh_05")
"""What a version of a detector is worth, as it is registered."""


def detector_list(home: Home = CAMPAIGNS, uri: TrackingUri = None) -> None:
    """List the detectors of the package, and registered ones."""
    begun = uri is not None or home != CAMPAIGNS or Path(home).is_dir()
    there = detector_registry(home, uri).list_models() if begun else []
    rows = [_row(model.name, version) for model in there for version in model.versions]
    print_rows(("detector", "version", "alias", "PCK@0.1", "AP", "weights"), [*rows, *_embedded()])
    if not there:
        typer.echo(f"no detector is registered in {uri or home}", err=True)


def _row(name: str, version: "Version") -> tuple[str, ...]:
    shares = (version.metrics.get(score) for score in ("pck_box_01", "ap"))
    told = ("" if share is None else f"{share:.3f}" for share in shares)
    return name, str(version.number), ", ".join(version.aliases), *told, version.weights[:12]


def _embedded() -> Iterator[tuple[str, ...]]:
    from evoskeleton.pose2d.detectors import BLAZEPOSE, HEAVY

    yield BLAZEPOSE, "package", "default", "", "", ""
    yield HEAVY, "package", "", "", "", ""


def register(
    folder: Annotated[Path, typer.Argument(help="a trained detector's folder")],
    name: Annotated[str, typer.Argument(help="name to register it by")],
    home: Home = CAMPAIGNS,
    uri: TrackingUri = None,
) -> None:
    """Register a detector in MLflow as the champion of its name; servers of it take it up."""
    typer.echo(keep(folder, name, home, uri, None))


def keep(folder: Path, name: str, home: str, uri: str | None, run_id: str | None) -> str:
    """Register a detector as champion; what to say of it.

    Args:
        folder: of the detector.
        name: of the registered model.
        home, uri: of the MLflow store, which is made where there is none.
        run_id: of the training, whose run keeps the files; none: a run is made for that.

    Raises:
        BadInput: it is no detector, the name is none, or belongs to a lifter.
    """
    from evoskeleton.pose2d.heatmap.bundle import read_card, weights_of

    if not _NAME.fullmatch(name):
        raise BadInput(f"a detector's name should be letters, digits, . _ and -, got {name}")
    weights_of(folder)
    scores: Mapping[str, float] = read_card(folder).training.get("scores") or {}
    Path(home).mkdir(parents=True, exist_ok=True)
    registry = detector_registry(home, uri)
    worth = {score: scores[score] for score in _SCORES if score in scores}
    run_id = run_id or _run_of(name, home, uri)
    number = registry.register(folder, name, worth, run_id)
    champion = registry.number(name)
    if champion != number:
        return f"{name}: it is version {number} already; the champion is version {champion}"
    return f"{name}: version {number} is the champion, models:/{name}"


def _run_of(name: str, home: str, uri: str | None) -> str:
    """A run that keeps the files of a detector that no training here has made."""
    from evoskeleton.platform.record.mlflow_store import TrackingSettings
    from evoskeleton.platform.record.run_page.detector_run import keeping_run

    return keeping_run(TrackingSettings.parse({"uri": uri}), home, name)


def promote(
    name: Name,
    version: Annotated[int, typer.Argument(help="number that `detector list` shows")],
    home: Home = CAMPAIGNS,
    uri: TrackingUri = None,
) -> None:
    """Make a version the champion of its name."""
    detector_registry(home, uri).promote(name, version)
    typer.echo(f"{name}: version {version} is the champion")


def rollback(name: Name, home: Home = CAMPAIGNS, uri: TrackingUri = None) -> None:
    """Give the name back to the champion before."""
    number = detector_registry(home, uri).rollback(name)
    typer.echo(f"{name}: version {number} is the champion")


def fetch(
    detector: Annotated[
        str, typer.Argument(help="models:/NAME, models:/NAME@ALIAS, models:/NAME/3")
    ],
    output: Annotated[Path, typer.Option(help="new folder for the detector")],
    home: Home = CAMPAIGNS,
    uri: TrackingUri = None,
    overwrite: Overwrite = False,
) -> None:
    """Copy a registered detector into a folder."""
    if registered(detector) is None:
        raise BadInput(f"a registered detector should be named as models:/NAME, got {detector}")
    refuse_taken(overwrite, output)
    with (
        detector_folder(detector, home, uri) as folder,
        whole_folder(output, replace=overwrite) as made,
    ):
        shutil.copytree(folder, made, dirs_exist_ok=True)
    typer.echo(f"{output}: {detector}")
