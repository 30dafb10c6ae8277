"""The command line: reads arguments, calls the folders, prints what a person wants to know.

A user's mistake is one sentence on standard error and exit code 2. Heavy packages are imported by
the commands that need them: `data`, `lift` and `evaluate` never import Ray.
"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from evoskeleton.errors import BadInput

if TYPE_CHECKING:
    from evoskeleton.platform.data.poses import PoseSet
    from evoskeleton.platform.search.run import Outcome

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.splitlines()[0])
campaigns = typer.Typer(no_args_is_help=True, help="Evolve poses and train lifters on them.")
data = typer.Typer(no_args_is_help=True, help="The pose table.")
models = typer.Typer(no_args_is_help=True, help="Champions in the MLflow registry.")
app.add_typer(campaigns, name="campaign")
app.add_typer(data, name="data")
app.add_typer(models, name="model")

Home = Annotated[str, typer.Option(help="folder of campaigns, pose table and MLflow store")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="key=value, may be repeated")]
Address = Annotated[str | None, typer.Option(help="Ray cluster to join, such as auto")]
Source = Annotated[
    str,
    typer.Option(
        help="real poses: a Parquet file, a pose table, deepmimic, "
        "or settings such as '{kind: parquet, path: mine.parquet, subjects: [S9]}'"
    ),
]


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the console script."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    sys.path.insert(0, os.getcwd())
    try:
        app(arguments)
    except BadInput as error:
        Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(
            f"evoskeleton: {error}"
        )
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        Console(stderr=True).print(
            "evoskeleton: stopped; `campaign resume` goes on from what is done"
        )
        raise SystemExit(130) from None


@app.command()
def demo(
    home: Home = "campaigns",
    seed: Annotated[int, typer.Option(help="seed of search and lifters")] = 1,
    name: Annotated[str, typer.Option(help="name of the campaign")] = "demo",
    wheel: Annotated[
        Path | None, typer.Option(help="pybullet wheel, where pip reaches none")
    ] = None,
    change: Changes = None,
    address: Address = None,
) -> None:
    """The main job: evolve embedded real motion, train on it, compare; a few minutes."""
    from evoskeleton.platform.search.run import demo_settings

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
    """Start a campaign."""
    from evoskeleton.platform.search.settings import read_settings

    _run(read_settings(settings, _addressed(change or [], address)))


@campaigns.command("resume")
def campaign_resume(
    name: str, home: Home = "campaigns", change: Changes = None, address: Address = None
) -> None:
    """Go on with a campaign that was stopped, or extend one: --set search.generations=20."""
    from evoskeleton.platform.search.run import resume

    with _bars() as monitor:
        outcome = resume(home, name, _addressed(change or [], address), monitor)
    _show(outcome)


@campaigns.command("list")
def campaign_list(home: Home = "campaigns") -> None:
    """Campaigns of a home, and how far they are."""
    from evoskeleton.platform.search.status import statuses

    table = Table("campaign", "generation", "rows", "trainings", "state")
    for status in statuses(home):
        table.add_row(*(str(value) for value in status.row()))
    Console().print(table)


@campaigns.command("status")
def campaign_status(name: str, home: Home = "campaigns") -> None:
    """One campaign as JSON: progress, champion, last record of the logbook."""
    from evoskeleton.platform.search.status import status_of

    typer.echo(json.dumps(status_of(home, name).as_dict(), indent=1))


@campaigns.command("template")
def campaign_template() -> None:
    """Print a commented settings file to start from."""
    from evoskeleton.platform.search.run import template

    typer.echo(template(), nl=False)


@data.command("info")
def data_info(
    table: Annotated[str | None, typer.Argument(help="URI of a pose table")] = None,
    home: Home = "campaigns",
    version: Annotated[int | None, typer.Option(help="table version; none: the newest")] = None,
) -> None:
    """What a pose table holds, as JSON."""
    from evoskeleton.platform.data.pose_table import PoseTable

    there = PoseTable.open(table or str(Path(home) / "poses"))
    typer.echo(json.dumps(there.info(version), indent=1))


@app.command()
def train(
    poses: Source,
    output: Annotated[Path, typer.Option(help="folder for the bundle")],
    preset: Annotated[str, typer.Option(help="small or paper")] = "small",
    change: Changes = None,
) -> None:
    """Train a lifter on poses, without a campaign and without Ray."""
    from evoskeleton.lifting.training import train_bundle

    with _bars() as monitor:
        record = train_bundle(_poses(poses).poses, output, preset, change or [], monitor.training)
    typer.echo(f"{output}: loss {record['loss']:.4f} after {record['steps']} steps")


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option(help="bundle folder")],
    poses: Source,
    json_file: Annotated[Path | None, typer.Option("--json", help="write all figures here")] = None,
    reference: Annotated[
        str | None, typer.Option(help="poses such as the seeds: adds errors by decile of rarity")
    ] = None,
) -> None:
    """Errors of a lifter per clip over the four fixed views."""
    from evoskeleton.lifting.bundle import load_bundle
    from evoskeleton.lifting.protocols import evaluate as measure
    from evoskeleton.lifting.protocols import rarity

    known = _poses(poses)
    rare = rarity(known.poses, _poses(reference).poses) if reference else None
    evaluation = measure(load_bundle(model), known.poses, known.action, known.clip, rare)
    if json_file is not None:
        _write_text(json_file, json.dumps(evaluation.as_dict(), indent=1))
    Console().print(evaluation.table())


@app.command()
def lift(
    model: Annotated[Path, typer.Option(help="bundle folder")],
    keypoints: Annotated[Path, typer.Option(help="2D keypoints, JSON or Parquet")],
    output: Annotated[Path, typer.Option(help="3D joints, JSON or Parquet")],
) -> None:
    """2D keypoints (17 joints, pixels) to 3D joints (camera frame, hip-centred, mm)."""
    from evoskeleton.lifting.bundle import load_bundle
    from evoskeleton.lifting.keypoint_files import read_keypoints, write_joints

    points, visibility = read_keypoints(keypoints)
    write_joints(output, load_bundle(model).lift(points, visibility))
    typer.echo(f"{output}: {len(points)} poses")


@models.command("list")
def model_list(home: Home = "campaigns", uri: str | None = None) -> None:
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
def model_promote(
    name: str, version: int, home: Home = "campaigns", uri: str | None = None
) -> None:
    """Make a version the champion of its name."""
    _registry(home, uri).promote(name, version)
    typer.echo(f"{name}: version {version} is the champion")


@models.command("rollback")
def model_rollback(name: str, home: Home = "campaigns", uri: str | None = None) -> None:
    """Give the name back to the champion before."""
    typer.echo(f"{name}: version {_registry(home, uri).rollback(name)} is the champion")


def _registry(home: str, uri: str | None) -> Any:
    from evoskeleton.platform.record.registry import Registry
    from evoskeleton.platform.record.tracking import TrackingSettings

    return Registry(TrackingSettings(uri=uri), Path(home))


def _addressed(changes: list[str], address: str | None) -> list[str]:
    return changes + ([f"machine.address={address}"] if address else [])


def _bars() -> Any:
    from evoskeleton.platform.search.bars import Bars

    return Bars()


def _poses(text: str) -> "PoseSet":
    from evoskeleton.platform.data.sources import load, settings_from_text

    return load(settings_from_text(text))


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from None


def _run(settings: Any) -> None:
    from evoskeleton.platform.search.run import start

    with _bars() as monitor:
        outcome = start(settings, monitor)
    _show(outcome)


def _show(outcome: "Outcome") -> None:
    from evoskeleton.platform.search.report import closing_table

    Console().print(closing_table(outcome.report))
    page = outcome.how_to_open
    if page.command:
        typer.echo(f"MLflow page: {page.command}")
    typer.echo(f"then open: {page.address}")


if __name__ == "__main__":
    main()
