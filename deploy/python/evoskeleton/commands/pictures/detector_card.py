"""`evoskeleton detector evaluate` and `detector card`: how right a detector is, and what it is."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evoskeleton.commands.given.named_detectors import detector_folder, registered
from evoskeleton.commands.options import (
    CAMPAIGNS,
    Home,
    JsonFile,
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
from evoskeleton.console.terminal import terminal
from evoskeleton.errors import BadInput
from evoskeleton.files import write_json

if TYPE_CHECKING:
    from evoskeleton.pose2d.scoring.asking import Asked

BLAZEPOSE, MEAN_POSE = "blazepose", "mean-pose"

Named = Annotated[str, typer.Argument(help="a detector's folder, or models:/NAME")]


def evaluate(
    detector: Annotated[
        str,
        typer.Argument(
            help="a detector's folder, models:/NAME, blazepose, or mean-pose: the mean of all"
        ),
    ],
    sources: Sources,
    pictures: Shelves = None,
    json_file: JsonFile = None,
    flip: Annotated[
        bool, typer.Option("--flip", help="look at everybody mirrored as well, as published")
    ] = False,
    most: Annotated[
        int | None, typer.Option(min=1, help="people to measure at most; none: all")
    ] = None,
    home: Home = CAMPAIGNS,
    uri: TrackingUri = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure a detector in annotated boxes: PCK, PCKh, pixels, OKS, and COCO's precision."""
    expect_packages()
    refuse_taken(overwrite, json_file)
    with detector_folder(detector, home, uri) as folder:
        asked = _asked(detector, folder, flip)
    numbers, tables = _measured(asked, detector, sources, pictures or [], most)
    if json_file is not None:
        write_json(json_file, numbers)
    for table in tables:
        terminal().print(table)


def card(
    detector: Named,
    sources: Annotated[
        list[str] | None,
        typer.Argument(help="annotated pictures to measure it on; none: what its training found"),
    ] = None,
    pictures: Shelves = None,
    write: Annotated[
        bool, typer.Option("--write", help="keep what is measured in the detector's folder")
    ] = False,
    home: Home = CAMPAIGNS,
    uri: TrackingUri = None,
) -> None:
    """Tell what a detector was trained on, its errors and limits, how right confidences are."""
    from evoskeleton.console.detector_card import card_tables
    from evoskeleton.pose2d.heatmap.bundle import CARD_FILE, read_card

    if write and (not sources or registered(detector) is not None):
        raise BadInput(
            "--write keeps what is measured on given pictures in a detector's own folder"
        )
    with detector_folder(detector, home, uri) as folder:
        words, tables = read_card(folder), list[Any]()
        if sources:
            expect_packages()
            asked = _asked(detector, folder, False)
            numbers, tables = _measured(asked, detector, sources, pictures or [], None)
            words = words.with_test([Path(source).name for source in sources], numbers)
            if write:
                write_json(folder / CARD_FILE, words.model_dump(mode="json"))
    for table in [*card_tables(words), *tables]:
        terminal().print(table)


def _measured(
    asked: "Asked | None",
    detector: str,
    sources: Sequence[str],
    pictures: Sequence[Path],
    most: int | None,
) -> tuple[dict[str, Any], list[Any]]:
    """All numbers as plain data, and as tables; of the mean pose where nobody is asked."""
    from evoskeleton.console.detector_scores import reliability_table, score_tables
    from evoskeleton.pose2d.scoring.answers import mean_pose
    from evoskeleton.pose2d.scoring.asking import ask, some
    from evoskeleton.pose2d.scoring.reliability import reliability
    from evoskeleton.pose2d.scoring.scores import score

    with bars() as monitor:
        people = read_with_bars(sources, pictures, "data", monitor)
        people = people if most is None else some(people, most)
        if asked is None:
            answers = mean_pose(people)
        else:
            answers, people = ask(asked, people, _told(monitor))
        scores = score(people, answers, detector)
    tables, numbers = list(score_tables(scores)), scores.as_dict()
    if asked is not None:
        found = reliability(people, answers.for_names(people.names, detector))
        tables.append(reliability_table(found))
        numbers["confidence"] = found.as_dict()
    return numbers, tables


def _told(monitor: Any) -> Callable[[int, int], None]:
    return lambda done, total: monitor.pictures("measured", done, total)


def _asked(detector: str, folder: Path, flip: bool) -> "Asked | None":
    """Who is asked; nobody for the mean pose."""
    from evoskeleton.machine import cores
    from evoskeleton.pose2d.heatmap.heatmap_detector import (
        HeatmapDetector,
        HeatmapDetectorSettings,
    )
    from evoskeleton.pose2d.scoring.asking import OurJoints, OwnPoints

    if detector == MEAN_POSE:
        return None
    if detector == BLAZEPOSE:
        from evoskeleton.pose2d.blazepose import BlazePose

        return OurJoints(BlazePose())
    settings = HeatmapDetectorSettings.parse({"flip": flip, "threads": max(1, int(cores()))})
    return OwnPoints(HeatmapDetector(folder, settings))
