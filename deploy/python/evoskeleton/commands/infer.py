"""`evoskeleton infer`: photos and videos to 3D."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evoskeleton.commands.given.named_detectors import HELP, named_detector
from evoskeleton.commands.options import (
    CAMPAIGNS,
    DEFAULT,
    Changes,
    Home,
    Model,
    Overwrite,
    TrackingUri,
    refuse_taken,
)
from evoskeleton.errors import BadInput
from evoskeleton.files import whole_file

if TYPE_CHECKING:
    from evoskeleton.console.bars import Bars
    from evoskeleton.pose2d.answers.drawings import As

GROUPS = (
    "people who stand close together are told apart after `evoskeleton assets fetch "
    "movenet-weights`"
)
"""Said on a terminal where the weights of the finder of groups are not here."""

FAILED = 1
"""Exit code where some file could not be used."""


def infer(
    paths: Annotated[list[Path], typer.Argument(help="photo and video files")],
    model: Model = DEFAULT,
    output: Annotated[
        Path | None,
        typer.Option(
            help="file for the answers: JSON lines; of one video also .bvh, .trc, .c3d or "
            ".parquet; none: standard output"
        ),
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option(help="folder for drawings; none: nothing is drawn")
    ] = None,
    overlay_as: Annotated[
        str,
        typer.Option(help="drawings of a video: pictures, one a frame, or video, which is faster"),
    ] = "pictures",
    fit: Annotated[
        bool, typer.Option("--fit", help="fit bodies within the joint limits to the keypoints")
    ] = False,
    every: Annotated[int, typer.Option(min=1, help="take every n-th frame of a video")] = 1,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="stretches of a video that are looked at side by side; they change no answer; "
            "none: one a processor",
        ),
    ] = None,
    smooth: Annotated[
        bool, typer.Option(help="take the trembling out of keypoints and joints of a video")
    ] = True,
    boxes: Annotated[
        Path | None,
        typer.Option(help="JSON file of the boxes of people; none: the detector finds them"),
    ] = None,
    detector: Annotated[str, typer.Option(help=HELP)] = "blazepose",
    detector_set: Annotated[
        list[str] | None,
        typer.Option(help="a setting of the detector as NAME=VALUE, may be repeated"),
    ] = None,
    change: Changes = None,
    home: Home = CAMPAIGNS,
    uri: TrackingUri = None,
    overwrite: Overwrite = False,
) -> None:
    """Find everybody in photos and videos: 2D keypoints and 3D joints, as JSON lines.

    A file that cannot be used is told, the others are answered, and the exit code is 1.
    """
    from evoskeleton.console.bars import Bars
    from evoskeleton.machine import cores
    from evoskeleton.pose2d.answers.drawings import Drawings
    from evoskeleton.pose2d.answers.motion import motion_kind, write_motion
    from evoskeleton.pose2d.estimation import Wishes, drawings_there
    from evoskeleton.pose2d.estimation import infer as estimates
    from evoskeleton.pose2d.people.settings import FilmSettings
    from evoskeleton.settings import with_changes

    drawn_as = _drawn_as(overlay_as)
    if overlay is not None:
        refuse_taken(overwrite, *drawings_there(paths, overlay))
    refuse_taken(overwrite, output)
    kind = motion_kind(output, paths)
    if not any(path.is_file() for path in paths):
        raise BadInput(f"{paths[0]} should be a photo or a video, there is no such file")
    with Bars() as bars:
        watch = _Watch(bars, _counted(paths))
        drawings = None if overlay is None else Drawings(overlay, drawn_as)
        film = FilmSettings.parse(with_changes({"smooth": smooth}, change or []))
        wishes = Wishes(
            fit, every, workers or cores(), film, drawings, watch.failed, watch.tell, watch.seen
        )
        found = named_detector(detector, detector_set or [], home, uri)
        if sys.stderr.isatty() and getattr(found, "finds_groups", True) is False:
            watch.tell(GROUPS)
        answers = estimates(paths, model, None, boxes, found, wishes)
        if kind is not None and output is not None:
            write_motion(output, kind, answers)
        else:
            _write_lines(output, answers)
    if watch.failures:
        raise typer.Exit(FAILED)


def _drawn_as(name: str) -> "As":
    known: dict[str, As] = {"pictures": "pictures", "video": "video"}
    if name in known:
        return known[name]
    raise BadInput(f"--overlay-as should be pictures or video, got {name}")


class _Watch:
    """Tells a person what becomes of the files, and remembers which could not be used."""

    def __init__(self, bars: "Bars", pictures: dict[Path, int]) -> None:
        self.failures: list[Path] = []
        self._bars = bars
        self._total = sum(pictures.values())
        self._done = dict.fromkeys(pictures, 0)

    def failed(self, file: Path, error: BadInput) -> None:
        self.failures.append(file)
        sentence = str(error)
        self.tell(sentence if file.name in sentence else f"{file}: {sentence}")

    def tell(self, sentence: str) -> None:
        self._bars.say(f"evoskeleton: {sentence}")

    def seen(self, file: Path, count: int) -> None:
        self._done[file] = count
        done = min(sum(self._done.values()), self._total)
        self._bars.pictures(file.name, done, self._total)


def _counted(paths: list[Path]) -> dict[Path, int]:
    """How many pictures there are in each file, for a bar."""
    from evoskeleton.pose2d.videos import count_frames, is_video

    return {
        path: max(1, count_frames(path)) if is_video(path) and path.is_file() else 1
        for path in paths
    }


def _write_lines(output: Path | None, answers: Iterator[dict[str, Any]]) -> None:
    """JSON lines on standard output as they come, or in a file that appears whole."""
    if output is None:
        for answer in answers:
            print(json.dumps(answer), flush=True)
        return
    try:
        with whole_file(output) as file:
            for answer in answers:
                file.write(json.dumps(answer).encode() + b"\n")
    except OSError as error:
        raise BadInput(f"output {output} cannot be written: {error.strerror}") from None
