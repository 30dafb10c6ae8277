"""`evoskeleton detector`: train a detector of keypoints, and measure one."""

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
from evoskeleton.console.terminal import terminal
from evoskeleton.errors import BadInput
from evoskeleton.extras import require
from evoskeleton.files import only_writer, write_json

if TYPE_CHECKING:
    from evoskeleton.pose2d.samples.samples import Samples
    from evoskeleton.pose2d.scoring.asking import Asked
    from evoskeleton.pose2d.scoring.scores import Scores
    from evoskeleton.pose2d.training.job import Job

detectors = typer.Typer(
    no_args_is_help=True, help="Train a detector of keypoints on pictures, and measure one."
)

BLAZEPOSE, MEAN_POSE = "blazepose", "mean-pose"

Annotated_ = Annotated[
    list[str],
    typer.Argument(
        help="annotated pictures: COCO or MPII files, Human3.6M crops, folders with one of these, "
        "or annotations/PROJECT"
    ),
]
Pictures = Annotated[
    list[Path] | None,
    typer.Option(help="folder that pictures are looked for in first, may be repeated"),
]


@detectors.command("train")
def train(
    sources: Annotated_,
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
    pictures: Pictures = None,
    begin: Annotated[
        Path | None,
        typer.Option(help="weights to begin with: a published file, or a detector's folder"),
    ] = None,
    home: Home = CAMPAIGNS,
    uri: TrackingUri = None,
    address: Address = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a detector on annotated pictures; the same command again goes on after a kill."""
    _expect_packages()
    from evoskeleton.pose2d.training.job import holds_detector, work_folder

    output = output.resolve()
    if holds_detector(output):
        refuse_taken(overwrite, output)
    elif output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise BadInput(f"--output {output} should be a new folder, or hold a detector")
    job = _job(sources, measure_on or [], pictures or [], begin, preset, change or [])
    with only_writer(work_folder(output)):
        _train(job, output, home, uri, address, overwrite)


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
) -> None:
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
        return _read(sources, [Path(each) for each in job.pictures], keypoints, monitor)

    people = read(job.sources, settings.asked_keypoints)
    held = None
    if job.measured_on:
        held = read(job.measured_on, people.names)
    elif settings.held_out:
        people, held = split(people, settings.held_out, job.sources[0])
    begin(folder, job, people, held)


def _read(
    sources: Sequence[str], pictures: Sequence[Path], keypoints: Any, monitor: Any
) -> "Samples":
    from evoskeleton.commands.pictures.annotated_pictures import annotated_pictures

    def looked(done: int, total: int) -> None:
        monitor.pictures("annotated", done, total)

    return annotated_pictures(sources, pictures, keypoints, looked, monitor.tell)


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


@detectors.command("evaluate")
def evaluate(
    detector: Annotated[
        str, typer.Argument(help="a detector's folder, blazepose, or mean-pose: the mean of all")
    ],
    sources: Annotated_,
    pictures: Pictures = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="JSON file for all numbers")
    ] = None,
    flip: Annotated[
        bool, typer.Option("--flip", help="look at everybody mirrored as well, as published")
    ] = False,
    most: Annotated[
        int | None, typer.Option(min=1, help="people to measure at most; none: all")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure a detector in annotated boxes: PCK, PCKh, pixels, OKS, and COCO's precision."""
    _expect_packages()
    from evoskeleton.console.detector_scores import score_tables
    from evoskeleton.pose2d.scoring.answers import mean_pose
    from evoskeleton.pose2d.scoring.asking import ask, some
    from evoskeleton.pose2d.scoring.scores import score

    refuse_taken(overwrite, json_file)
    asked = None if detector == MEAN_POSE else _asked(detector, flip)
    with bars() as monitor:
        people = _read(sources, pictures or [], "data", monitor)
        people = people if most is None else some(people, most)
        if asked is None:
            answers = mean_pose(people)
        else:
            answers, people = ask(
                asked, people, lambda done, total: monitor.pictures("measured", done, total)
            )
        scores = score(people, answers, detector)
    _show(scores, score_tables(scores), json_file)


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
    _expect_packages()
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


def _asked(detector: str, flip: bool) -> "Asked":
    from evoskeleton.machine import cores
    from evoskeleton.pose2d.heatmap.heatmap_detector import (
        HeatmapDetector,
        HeatmapDetectorSettings,
    )
    from evoskeleton.pose2d.scoring.asking import OurJoints, OwnPoints

    if detector == BLAZEPOSE:
        from evoskeleton.pose2d.blazepose import BlazePose

        return OurJoints(BlazePose())
    settings = HeatmapDetectorSettings.parse({"flip": flip, "threads": max(1, int(cores()))})
    return OwnPoints(HeatmapDetector(Path(detector), settings))


def _show(scores: "Scores", tables: Sequence[Any], json_file: Path | None) -> None:
    if json_file is not None:
        write_json(json_file, scores.as_dict())
    for table in tables:
        terminal().print(table)


def _expect_packages() -> None:
    otherwise = "a detector wants {}, which is not installed: pip install 'evoskeleton[detect]'"
    for module in ("cv2", "PIL", "onnxruntime", "onnx", "pycocotools"):
        require(module, otherwise)
