"""The command line: reads arguments, calls the folders, prints what a person wants to know.

A user's mistake is one sentence on standard error and exit code 2. Heavy packages are imported by
the commands that need them: `data`, `lift` and `evaluate` never import Ray.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from evoskeleton.commands.annotations import annotations
from evoskeleton.commands.serve import serve, tokens
from evoskeleton.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from evoskeleton.platform.data.poses import PoseSet
    from evoskeleton.platform.search.campaign.driver import Outcome

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__.splitlines()[0])
campaigns = typer.Typer(no_args_is_help=True, help="Evolve poses and train lifters on them.")
data = typer.Typer(no_args_is_help=True, help="Poses of your own, and the pose table.")
limits = typer.Typer(no_args_is_help=True, help="Which limb directions a body can take.")
studies = typer.Typer(no_args_is_help=True, help="Compare searches by the lifters they train.")
models = typer.Typer(no_args_is_help=True, help="Champions in the MLflow registry.")
app.add_typer(campaigns, name="campaign")
app.add_typer(data, name="data")
app.add_typer(limits, name="limits")
app.add_typer(studies, name="study")
app.add_typer(models, name="model")
app.add_typer(tokens, name="token")
app.add_typer(annotations, name="annotations")
app.command()(serve)

Home = Annotated[str, typer.Option(help="folder of campaigns, pose table and MLflow store")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="key=value, may be repeated")]
Address = Annotated[str | None, typer.Option(help="Ray cluster to join, such as auto")]
Source = Annotated[
    str,
    typer.Option(
        help="poses: a file or folder of a known format, a pose table, deepmimic, "
        "or settings such as '{kind: parquet, path: mine.parquet, subjects: [S9]}'"
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace a file that is there")]
LimitsPath = Annotated[
    Path | None,
    typer.Option(
        "--limits",
        help="joint limits: a file of `limits fit`, or a folder with the files of Akhter and "
        "Black; none: those of the package",
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
    """Start a campaign."""
    from evoskeleton.platform.search.campaign.settings import read_settings

    _run(read_settings(settings, _addressed(change or [], address)))


@campaigns.command("resume")
def campaign_resume(
    name: str, home: Home = "campaigns", change: Changes = None, address: Address = None
) -> None:
    """Go on with a campaign that was stopped, or extend one: --set search.generations=20."""
    from evoskeleton.platform.search.campaign.driver import resume

    with _campaign_bars(name) as monitor:
        outcome = resume(home, name, _addressed(change or [], address), monitor)
    _show(outcome)


@campaigns.command("list")
def campaign_list(home: Home = "campaigns") -> None:
    """Campaigns of a home, and how far they are."""
    from evoskeleton.platform.search.campaign.status import statuses

    table = Table("campaign", "generation", "rows", "trainings", "state")
    for status in statuses(home):
        table.add_row(*(str(value) for value in status.row()))
    Console().print(table)


@campaigns.command("status")
def campaign_status(name: str, home: Home = "campaigns") -> None:
    """One campaign as JSON: progress, champion, last record of the logbook."""
    from evoskeleton.platform.search.campaign.status import status_of

    typer.echo(json.dumps(status_of(home, name).as_dict(), indent=1))


@campaigns.command("template")
def campaign_template() -> None:
    """Print a commented settings file to start from."""
    from evoskeleton.platform.search.campaign.driver import template

    typer.echo(template(), nl=False)


@studies.command("run")
def study_run(
    settings: Annotated[Path, typer.Argument(help="YAML file; `study template` writes one")],
    change: Changes = None,
) -> None:
    """Make what is missing of a study, as far as its budget goes, and show what is there."""
    from evoskeleton.platform.search.study.study import Study, read_study

    known = read_study(settings, change)
    with _bars() as monitor:
        study = Study(known, monitor)
        left = study.run()
    _show_study(known)
    if left:
        typer.echo(f"{len(left)} lifters are left; {study.spent():.1f} core hours are spent")


@studies.command("report")
def study_report(settings: Path, change: Changes = None) -> None:
    """Show what is there of a study."""
    from evoskeleton.platform.search.study.study import read_study

    _show_study(read_study(settings, change))


@studies.command("template")
def study_template() -> None:
    """Print a commented settings file to start from."""
    from evoskeleton.platform.search.study.study import template as packaged

    typer.echo(packaged(), nl=False)


def _show_study(settings: Any) -> None:
    from evoskeleton.platform.search.study.study_report import lines, publish, tables

    found = lines(settings)
    if not found:
        raise BadInput(f"nothing of the study in {settings.home} is done yet")
    wide = Console(width=max(110, Console().width))
    for shown in tables(found):
        wide.print(shown)
    typer.echo(publish(settings, found))


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


@data.command("import")
def data_import(
    sources: Annotated[list[str], typer.Argument(help="files, folders, or settings in braces")],
    output: Annotated[Path, typer.Option(help="Parquet file")],
    change: Changes = None,
    append: Annotated[bool, typer.Option("--append", help="add to a file that is there")] = False,
    units: Annotated[
        str | None, typer.Option(help="mm, cm, m, inch, or millimetres for one unit of the file")
    ] = None,
    up: Annotated[str | None, typer.Option(help="axis that points up: x, y or z")] = None,
    skeleton: Annotated[str | None, typer.Option(help="ASF file that goes with AMC or BVH")] = None,
    fps: Annotated[float | None, typer.Option(help="frames a second to keep of a BVH")] = None,
) -> None:
    """Files of any known format into one Parquet file; --set takes any setting of a source."""
    from evoskeleton.platform.data.exchange import import_poses
    from evoskeleton.platform.data.sources.load import settings_from_text

    given = {"units": units, "up": up, "skeleton": skeleton, "fps": fps}
    changes = [f"{name}={value}" for name, value in given.items() if value is not None]
    read = [settings_from_text(text, changes + (change or [])) for text in sources]
    with _busy("reading"):
        added = import_poses(read, output, append)
    typer.echo(f"{output}: {_counted(added)}")


@data.command("export")
def data_export(
    poses: Source,
    output: Annotated[Path, typer.Option(help="file to write")],
    kind: Annotated[str, typer.Option("--format", help="parquet, human36m or videopose3d")],
    pseudo_subjects: Annotated[
        bool, typer.Option("--pseudo-subjects", help="give numbers to subjects that have none")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Poses into a Parquet file, the dictionary of EvoSkeleton, or VideoPose3D's arrays."""
    from evoskeleton.platform.data.exchange import FORMATS, export_poses

    if kind not in FORMATS:
        raise BadInput(f"--format should be one of {', '.join(FORMATS)}, got {kind}")
    known = _poses(poses)
    numbers = export_poses(known, output, kind, pseudo_subjects, overwrite)
    typer.echo(f"{output}: {_counted(known)}")
    for name, number in numbers.items():
        if name not in (f"S{number}", str(number)):
            typer.echo(f"subject {name} is written as {number}")


@limits.command("fit")
def limits_fit(
    poses: Source,
    output: Annotated[Path, typer.Option(help="npz file to write")],
    leave_out: Annotated[
        list[str] | None, typer.Option(help="subject kept for the judgement, may be repeated")
    ] = None,
    source: Annotated[str, typer.Option(help="where the poses come from")] = "",
    ranges: Annotated[
        bool, typer.Option("--ranges", help="allow published ranges of motion as well")
    ] = False,
) -> None:
    """Fit joint limits on real poses, and say how they treat every subject."""
    from evoskeleton.platform.record.limit_report import fit_limits, judgement_table

    with _busy("fitting joint limits"):
        rows = fit_limits(_poses(poses), output, source or poses, leave_out or [], ranges=ranges)
    typer.echo(judgement_table(rows))


@limits.command("show")
def limits_show(
    output: Annotated[Path, typer.Option(help="folder for the figures")],
    path: LimitsPath = None,
    before: Annotated[str | None, typer.Option(help="poses before evolution")] = None,
    after: Annotated[str | None, typer.Option(help="poses after evolution")] = None,
) -> None:
    """Draw joint limits, and where the limbs of poses point within them."""
    from evoskeleton.platform.record.limit_report import show_limits

    with _busy("drawing joint limits"):
        sets = [None if text is None else _poses(text) for text in (before, after)]
        figures = show_limits(path, sets[0], sets[1], output)
    for figure in figures:
        typer.echo(figure)


@app.command()
def sample(
    count: Annotated[int, typer.Argument(help="poses to draw")],
    output: Annotated[Path, typer.Option(help="Parquet file")],
    path: LimitsPath = None,
    seed: Annotated[int, typer.Option(help="of all draws")] = 1,
    overwrite: Overwrite = False,
) -> None:
    """Draw poses from the joint limits alone, limb by limb, a child given its parent."""
    from evoskeleton.platform.data.formats.parquet import write_parquet
    from evoskeleton.platform.record.limit_report import sample_poses

    with _busy("drawing poses"):
        drawn = sample_poses(path, count, seed)
    write_parquet(output, drawn, overwrite=overwrite)
    typer.echo(f"{output}: {_counted(drawn)}")


@app.command()
def train(
    poses: Source,
    output: Annotated[Path, typer.Option(help="folder for the bundle")],
    preset: Annotated[str, typer.Option(help="small, large or paper")] = "small",
    change: Changes = None,
    calibration: Annotated[
        str | None, typer.Option(help="other poses, to measure the joints' error radii on")
    ] = None,
) -> None:
    """Train a lifter on poses, without a campaign and without Ray."""
    from evoskeleton.lifting.training import train_bundle

    held = _measured(calibration, "--calibration").ordered() if calibration else None
    with _bars() as monitor:
        record = train_bundle(
            _poses(poses).poses,
            output,
            preset,
            change or [],
            monitor.training,
            calibration=None if held is None else (held.poses, held.clip_number()),
        )
    typer.echo(f"{output}: loss {record['loss']:.4f} after {record['steps']} steps")
    if held is not None and record["error_radii_mm"] is None:
        typer.echo("no error radii: --calibration holds too few poses for them", err=True)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option(help="bundle folder")],
    poses: Source,
    json_file: Annotated[Path | None, typer.Option("--json", help="write all figures here")] = None,
    reference: Annotated[
        str | None, typer.Option(help="poses such as the seeds: adds errors by decile of rarity")
    ] = None,
) -> None:
    """Errors of a lifter per clip over the four fixed views, and what its error radii hold."""
    from evoskeleton.lifting.bundle import load_bundle, read_description
    from evoskeleton.lifting.conformal import coverage_table
    from evoskeleton.lifting.protocols import evaluate as measure
    from evoskeleton.lifting.protocols import rarity

    known = _measured(poses, "--poses")
    rare = rarity(known.poses, _poses(reference).poses) if reference else None
    lifter, record = load_bundle(model), read_description(model).get("training", {})
    evaluation = measure(lifter, known.poses, known.action, known.clip_label(), rare)
    if json_file is not None:
        _write_text(json_file, json.dumps(evaluation.as_dict(), indent=1))
    Console().print(evaluation.table())
    if (radii := record.get("error_radii_mm")) is not None:
        Console().print(coverage_table(lifter, radii, known.poses))


@app.command()
def infer(
    paths: Annotated[list[Path], typer.Argument(help="photos and videos")],
    model: Annotated[Path, typer.Option(help="bundle folder")],
    overlay: Annotated[Path | None, typer.Option(help="folder for drawings")] = None,
    boxes: Annotated[Path | None, typer.Option(help="JSON file of boxes of people")] = None,
) -> None:
    """Photos and videos to 2D keypoints and 3D joints of everybody in them, as JSON lines."""
    from evoskeleton.pose2d.estimation import infer as estimates

    for estimate in estimates(paths, model, overlay, boxes):
        typer.echo(json.dumps(estimate))


@app.command()
def lift(
    model: Annotated[Path, typer.Option(help="bundle folder")],
    keypoints: Annotated[Path, typer.Option(help="2D keypoints, JSON or Parquet")],
    output: Annotated[Path, typer.Option(help="3D joints, JSON or Parquet")],
    fit: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            help="fit a body within the joint limits to the keypoints of images of this size",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT",
            help="size of the images, for lifters of the preset paper: they know 1000x1000 only",
        ),
    ] = None,
) -> None:
    """2D keypoints (17 joints, pixels) to 3D joints (camera frame, hip-centred, mm)."""
    from evoskeleton.lifting.bundle import load_bundle
    from evoskeleton.lifting.keypoint_files import read_keypoints, write_joints

    points, visibility = read_keypoints(keypoints)
    lifter = load_bundle(model)
    if fit is not None:
        joints = _fitted(lifter, points, visibility, fit)
    else:
        joints = lifter.lift(_as_in_training(lifter, points, size), visibility)
    write_joints(output, joints)
    typer.echo(f"{output}: {len(points)} poses")


def _as_in_training(lifter: Any, points: "np.ndarray", size: str | None) -> "np.ndarray":
    """Keypoints as the lifter knows them; most take them from images of any size."""
    from evoskeleton.lifting.normalization import as_in_training

    if lifter.normalization.mode != "zscore":
        return points
    if size is None:
        note = "this lifter takes keypoints for those of 1000x1000 images: --size tells another"
        typer.echo(note, err=True)
        return points
    return as_in_training(points, *_image_size("--size", size))


def _image_size(option: str, size: str) -> tuple[int, int]:
    width, _, height = size.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise BadInput(f"{option} should be the size of the images, such as 1920x1080, got {size}")
    return int(width), int(height)


def _fitted(lifter: Any, points: "np.ndarray", visibility: "np.ndarray | None", size: str) -> Any:
    """The cheapest body of every pose, seen from its hip."""
    from evoskeleton.lifting.pinhole import Intrinsics
    from evoskeleton.lifting.pose_fit import fit_poses

    camera = Intrinsics.of_image(*_image_size("--fit", size))
    with _busy("fitting"):
        joints = fit_poses(lifter, points, visibility, camera).joints[:, 0]
    return joints - joints[:, :1]


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
    from evoskeleton.platform.search.campaign.progress import Bars

    return Bars()


@contextmanager
def _campaign_bars(name: str) -> Iterator[Any]:
    """Bars of a campaign that Ctrl-C stops with a word on how to go on."""
    try:
        with _bars() as monitor:
            yield monitor
    except KeyboardInterrupt:
        typer.echo(f"stopped; `evoskeleton campaign resume {name}` goes on", err=True)
        raise typer.Exit(130) from None


def _poses(text: str) -> "PoseSet":
    from evoskeleton.platform.data.sources.load import load, settings_from_text

    return load(settings_from_text(text))


def _measured(text: str, option: str) -> "PoseSet":
    """Poses that a lifter may be judged by."""
    from evoskeleton.platform.data.annotated import refuse_annotated

    poses = _poses(text)
    refuse_annotated(poses, option)
    return poses


def _busy(text: str) -> Any:
    """A sign of life on a terminal, on standard error."""
    return Console(stderr=True).status(text)


def _counted(poses: "PoseSet") -> str:
    """How many poses, of whom."""
    counts = {"subject": len(set(poses.subject.tolist())), "clip": len(poses.clips())}
    parts = [f"{count:,} {name}{'s' * (count != 1)}" for name, count in counts.items()]
    return ", ".join([f"{len(poses):,} poses", *parts])


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from None


def _run(settings: Any) -> None:
    from evoskeleton.platform.search.campaign.driver import start

    with _campaign_bars(settings.name) as monitor:
        outcome = start(settings, monitor)
    _show(outcome)


def _show(outcome: "Outcome") -> None:
    from evoskeleton.platform.search.campaign.closing_report import closing_table

    Console().print(closing_table(outcome.report))
    page = outcome.how_to_open
    if page.command:
        typer.echo(f"MLflow page: {page.command}")
    typer.echo(f"then open: {page.address}")


if __name__ == "__main__":
    main()
