"""`evoskeleton detector`: train a detector of keypoints, or make one of published weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evoskeleton.commands.options import (
    CAMPAIGNS,
    Address,
    Changes,
    Home,
    Overwrite,
    TrackingUri,
    bars,
    refuse_taken,
)
from evoskeleton.commands.pictures.annotated_pictures import (
    Shelves,
    Sources,
    expect_packages,
    read_with_bars,
)
from evoskeleton.commands.pictures.detector_card import card, evaluate
from evoskeleton.commands.pictures.detector_registry import (
    detector_list,
    fetch,
    keep,
    promote,
    register,
    rollback,
)
from evoskeleton.console.terminal import terminal
from evoskeleton.errors import BadInput
from evoskeleton.files import only_writer

if TYPE_CHECKING:
    from evoskeleton.pose2d.samples.samples import Samples
    from evoskeleton.pose2d.training.job import Job

detectors = typer.Typer(
    no_args_is_help=True,
    help="Train a detector of keypoints on pictures, measure and register it.",
)


@detectors.command("train")
def train(
    sources: Sources,
    output: Annotated[Path, typer.Option(help="new folder for the detector")],
    preset: Annotated[
        str,
        typer.Option(
            help="small: hours on a few cores; w32, w48: COCO on GPUs; human36m: as Li et al."
        ),
    ] = "small",
    change: Changes = None,
    measure_on: Annotated[
        list[str] | None,
        typer.Option(
            help="annotated pictures to measure on, may be repeated; none: a share of the clips"
        ),
    ] = None,
    pictures: Shelves = None,
    begin: Annotated[
        Path | None,
        typer.Option(help="weights to begin with: a published file, or a detector's folder"),
    ] = None,
    home: Home = CAMPAIGNS,
    uri: TrackingUri = None,
    address: Address = None,
    registered_as: Annotated[
        str | None,
        typer.Option(
            "--register", help="name to register it by in MLflow, as champion; none: it is not"
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a detector on annotated pictures; the same command again goes on after a kill."""
    expect_packages()
    from evoskeleton.pose2d.training.job import holds_detector, work_folder

    output = output.resolve()
    if holds_detector(output):
        refuse_taken(overwrite, output)
    elif output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise BadInput(f"--output {output} should be a new folder, or hold a detector")
    job = _job(sources, measure_on or [], pictures or [], begin, preset, change or [])
    with only_writer(work_folder(output)):
        run = _train(job, output, home, uri, address, overwrite)
    if registered_as is not None:
        typer.echo(keep(output, registered_as, home, uri, run))


def _job(
    sources: Sequence[str],
    measure_on: Sequence[str],
    pictures: Sequence[Path],
    begin: Path | None,
    preset: str,
    changes: Sequence[str],
) -> "Job":
    from evoskeleton.pose2d.training.job import Job
    from evoskeleton.pose2d.training.settings import DetectorTrainingSettings
    from evoskeleton.settings import with_changes

    settings = DetectorTrainingSettings.parse(with_changes({"preset": preset}, changes))
    if begin is not None and not begin.exists():
        raise BadInput(f"--begin {begin}: there is no such file or folder")
    return Job(
        tuple(str(Path(source).resolve()) for source in sources),
        tuple(str(Path(source).resolve()) for source in measure_on),
        tuple(str(folder.resolve()) for folder in pictures),
        str(begin.resolve()) if begin else "",
        settings,
    )


def _train(
    job: "Job", output: Path, home: str, uri: str | None, address: str | None, overwrite: bool
) -> str | None:
    """Train and save; returns the id of MLflow's run, where MLflow answers."""
    from evoskeleton.console.detector_scores import score_tables
    from evoskeleton.platform.record.mlflow_store import TrackingSettings
    from evoskeleton.platform.record.run_page.detector_run import DetectorRun
    from evoskeleton.pose2d.training.job import curve_of, finish, work_folder

    folder = work_folder(output)
    with bars() as monitor:
        _laid_out(job, folder, overwrite, monitor)
        tracking = TrackingSettings.parse({"uri": uri} if uri else {})
        run = DetectorRun(tracking, home, output.name, folder / "mlflow_run", monitor.tell)
        run.start(job.words())
        for row in curve_of(folder):
            run.log(row)

        def told(row: dict[str, float], total: int) -> None:
            run.log(row)
            monitor.training(output.name, int(row["step"]), total)

        _run(job, folder, address, told)
        record, scores = finish(folder, output, _device())
        run.finish(record["scores"], record["steps"])
        if record["broken_off"]:
            monitor.tell(f"not learnt from, as their picture breaks off: {record['broken_off']}")
    typer.echo(f"{output}: {record['people']:,} people, {record['steps']:,} steps")
    if scores is not None:
        for table in score_tables(scores):
            terminal().print(table)
    return run.id


def _laid_out(job: "Job", folder: Path, overwrite: bool, monitor: Any) -> None:
    """The training in its folder, begun or found there."""
    from evoskeleton.pose2d.samples.splitting import split
    from evoskeleton.pose2d.training.job import begin, is_begun

    try:
        begun = is_begun(folder, job)
    except BadInput:
        if not overwrite:
            raise
        begun = False
    if begun:
        monitor.tell(f"{folder}: going on")
        return
    settings = job.settings

    def read(sources: Sequence[str], keypoints: Any) -> "Samples":
        return read_with_bars(sources, [Path(each) for each in job.pictures], keypoints, monitor)

    people = read(job.sources, settings.asked_keypoints)
    _check_names(people.names, settings.augmentation.flip > 0, monitor)
    held = None
    if job.measured_on:
        held = read(job.measured_on, people.names)
    elif settings.held_out:
        people, held = split(people, settings.held_out, job.sources[0])
    begin(folder, job, people, held)


def _check_names(names: Sequence[str], flips: bool, monitor: Any) -> None:
    """The keypoints make a detector that can be used.

    Raises:
        BadInput: fewer than six of our joints are among them.
    """
    from evoskeleton.lifting.keypoints.layouts import of_names
    from evoskeleton.pose2d.heatmap.mirrored import one_sided

    of_names(names)
    if flips and (alone := one_sided(names)):
        monitor.tell(f"nobody is mirrored: there is no other side of {', '.join(alone)}")


def _run(job: "Job", folder: Path, address: str | None, told: Any) -> None:
    """Here, or in as many processes as there are gradient shards."""
    from evoskeleton.pose2d.training.job import curve_of, train_shard

    shards = job.settings.gradient_shards
    if shards == 1:
        train_shard(folder, device=_device(), told=told, workers=job.settings.workers)
        return
    from evoskeleton.platform.search.workers.cluster import connected, prepare_environment
    from evoskeleton.platform.search.workers.machine import MachineSettings
    from evoskeleton.platform.search.workers.ray_shards import room_of_shards, train_in_shards

    prepare_environment(joins=address is not None)
    with connected(MachineSettings.parse({"address": address})):
        train_in_shards(
            "evoskeleton.pose2d.training.job:train_shard",
            {"folder": str(folder), "workers": job.settings.workers},
            name=folder.name,
            storage=str(folder / "ray"),
            shards=shards,
            resources=room_of_shards(shards, job.settings.workers),
        )
    for row in curve_of(folder):
        told(row, int(row["step"]))


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@detectors.command("convert")
def convert(
    weights: Annotated[
        Path, typer.Argument(help="a published file of a pose_hrnet, with its head")
    ],
    output: Annotated[Path, typer.Option(help="new folder for the detector")],
    width: Annotated[int, typer.Option(help="16, 18 (W18-small v1, v2), 32 or 48")] = 32,
    picture_px: Annotated[
        tuple[int, int], typer.Option(help="width and height that it was trained at")
    ] = (192, 256),
    keypoints: Annotated[
        str, typer.Option(help="that it finds: coco, human36m or mpii, in their order")
    ] = "coco",
    head: Annotated[
        str, typer.Option(help="heatmaps, or seed: 16 channels a keypoint, shuffled")
    ] = "heatmaps",
    overwrite: Overwrite = False,
) -> None:
    """Make a detector of published weights, as they are."""
    expect_packages()
    from evoskeleton.pose2d.heatmap.bundle import save_bundle
    from evoskeleton.pose2d.heatmap.settings import HeatmapSettings
    from evoskeleton.pose2d.heatmap.weights import published_detector
    from evoskeleton.pose2d.samples.names import SCHEMAS

    refuse_taken(overwrite, output)
    if keypoints not in SCHEMAS:
        raise BadInput(f"--keypoints should be one of {', '.join(SCHEMAS)}, got {keypoints}")
    said = {"width": width, "picture_px": picture_px, "head": head}
    settings = HeatmapSettings.parse({**said, "keypoints": SCHEMAS[keypoints]})
    save_bundle(published_detector(weights, settings), output, {"weights": weights.name})
    typer.echo(f"{output}: HRNet of width {width}, {len(SCHEMAS[keypoints])} keypoints")


for name, command in (
    ("evaluate", evaluate),
    ("card", card),
    ("list", detector_list),
    ("register", register),
    ("promote", promote),
    ("rollback", rollback),
    ("fetch", fetch),
):
    detectors.command(name)(command)
