"""`evoskeleton infer`: photos and videos to 3D."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from evoskeleton.commands.options import DEFAULT, Changes, Model, Overwrite, refuse_taken
from evoskeleton.errors import BadInput
from evoskeleton.files import whole_file

if TYPE_CHECKING:
    from evoskeleton.pose2d.answers.drawings import As
    from evoskeleton.pose2d.estimation import Wishes

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
    smooth: Annotated[
        bool, typer.Option(help="take the trembling out of keypoints and joints of a video")
    ] = True,
    boxes: Annotated[
        Path | None,
        typer.Option(help="JSON file of the boxes of people; none: the detector finds them"),
    ] = None,
    detector: Annotated[
        str, typer.Option(help="blazepose, blazepose-heavy, or module:Name of your own")
    ] = "blazepose",
    detector_set: Annotated[
        list[str] | None,
        typer.Option(help="a setting of the detector as NAME=VALUE, may be repeated"),
    ] = None,
    change: Changes = None,
    overwrite: Overwrite = False,
) -> None:
    """Find everybody in photos and videos: 2D keypoints and 3D joints, as JSON lines.

    A file that cannot be used is told, the others are answered, and the exit code is 1.
    """
    from evoskeleton.console.bars import Bars
    from evoskeleton.pose2d.answers.motion import motion_kind, write_motion
    from evoskeleton.pose2d.detectors import load_detector
    from evoskeleton.pose2d.estimation import drawings_there
    from evoskeleton.pose2d.estimation import infer as estimates

    _expect_drawings_as(overlay_as)
    if overlay is not None:
        refuse_taken(overwrite, *drawings_there(paths, overlay))
    refuse_taken(overwrite, output)
    kind = motion_kind(output, paths)
    if not any(path.is_file() for path in paths):
        raise BadInput(f"{paths[0]} should be a photo or a video, there is no such file")
    failures: list[Path] = []
    with Bars() as monitor, ExitStack() as stack:
        pictures = _counted(paths)

        def failed(file: Path, error: BadInput) -> None:
            failures.append(file)
            say(str(error))

        def say(sentence: str) -> None:
            monitor.say(f"evoskeleton: {sentence}")

        wishes = _wishes(fit, every, smooth, overlay, overlay_as, change or [])
        watched = _watched(wishes, failed, say, pictures, monitor)
        found = load_detector(detector, detector_set or [])
        answers = estimates(paths, model, None, boxes, found, watched)
        if kind is not None and output is not None:
            write_motion(output, kind, answers)
        else:
            file = stack.enter_context(_opened(output))
            for answer in answers:
                file.write(json.dumps(answer) + "\n")
                file.flush()
    if failures:
        raise typer.Exit(FAILED)


def _expect_drawings_as(name: str) -> None:
    if name not in ("pictures", "video"):
        raise BadInput(f"--overlay-as should be pictures or video, got {name}")


def _wishes(
    fit: bool, every: int, smooth: bool, overlay: Path | None, overlay_as: Any, change: list[str]
) -> "Wishes":
    from evoskeleton.pose2d.answers.drawings import Drawings
    from evoskeleton.pose2d.estimation import Wishes
    from evoskeleton.pose2d.people.settings import FilmSettings
    from evoskeleton.settings import with_changes

    as_: As = overlay_as
    return Wishes(
        fit=fit,
        every=every,
        film=FilmSettings.parse(with_changes({"smooth": smooth}, change)),
        drawings=None if overlay is None else Drawings(overlay, as_),
    )


def _watched(
    wishes: "Wishes", failed: Any, say: Any, pictures: dict[Path, int], monitor: Any
) -> "Wishes":
    """The same, with somebody who is told of failures and of progress."""
    from evoskeleton.pose2d.estimation import Wishes

    total, done = sum(pictures.values()), dict.fromkeys(pictures, 0)

    def seen(file: Path, count: int) -> None:
        done[file] = count
        monitor.pictures(file.name, min(sum(done.values()), total), total)

    return Wishes(**{**vars(wishes), "failed": failed, "tell": say, "seen": seen})


def _counted(paths: list[Path]) -> dict[Path, int]:
    """How many pictures there are in each file, for a bar."""
    from evoskeleton.pose2d.videos import count_frames, is_video

    return {
        path: max(1, count_frames(path)) if is_video(path) and path.is_file() else 1
        for path in paths
    }


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears whole."""
    if output is None:
        yield sys.stdout
        return
    try:
        with whole_file(output) as binary:
            text = _Text(binary)
            yield text  # type: ignore[misc]
    except OSError as error:
        raise BadInput(f"output {output} cannot be written: {error.strerror}") from None


class _Text:
    """Text into a binary file."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, text: str) -> None:
        self._file.write(text.encode())

    def flush(self) -> None:
        pass
