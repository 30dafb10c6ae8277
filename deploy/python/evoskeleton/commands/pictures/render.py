"""`evoskeleton render`: bodies as pictures with exact keypoints."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evoskeleton.commands.options import Changes, Overwrite, bars, poses_of, refuse_taken
from evoskeleton.errors import BadInput
from evoskeleton.extras import require
from evoskeleton.machine import cores

if TYPE_CHECKING:
    import numpy as np


def render(
    poses: Annotated[
        str,
        typer.Argument(
            help="pose table, file or folder of poses, or settings of a source in braces"
        ),
    ],
    output: Annotated[Path, typer.Option(help="folder to write: images/ and annotations.json")],
    count: Annotated[int | None, typer.Option(min=1, help="pictures to make; none: 1000")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="of all chance; none: 0")] = None,
    hardest: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="of a pose table: only so many poses, those that the lifter got most wrong; "
            "none: all",
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="width and height of a picture in px; none: 512x512")
    ] = None,
    people: Annotated[
        str | None, typer.Option(help="how many in a picture, such as 1 or 1-3; none: 1-2")
    ] = None,
    keypoints: Annotated[
        str | None, typer.Option(help="points to write: coco or h36m; none: coco")
    ] = None,
    backgrounds: Annotated[
        Path | None,
        typer.Option(help="folder of photos to put people before; none: places are made up"),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="JPEG file for the first twelve pictures side by side; none: not made"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="processes that draw; none: one a core")
    ] = None,
    change: Changes = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw the bodies of a pose table as pictures of people, with exact keypoints, as COCO.

    The same poses, settings and seed give the same pictures on any number of processes.
    """
    require("cv2", 'render needs {}: pip install "evoskeleton[detect]"')
    from evoskeleton.pose2d.rendering.contact_sheet import write_contact_sheet
    from evoskeleton.pose2d.rendering.dataset import render as write
    from evoskeleton.pose2d.rendering.settings import RenderSettings
    from evoskeleton.settings import with_changes

    refuse_taken(overwrite, output, sheet)
    given: dict[str, Any] = {
        "count": count,
        "seed": seed,
        "size": _pair("--size", size, "x", "512x512"),
        "people": _pair("--people", people, "-", "1 or 1-3"),
        "keypoints": keypoints,
        "backgrounds": None if backgrounds is None else str(backgrounds),
    }
    plain = {name: value for name, value in given.items() if value is not None}
    settings = RenderSettings.parse(with_changes(plain, change or []))
    known, clips = _poses(poses) if hardest is None else (_hardest(poses, hardest), [])
    with bars() as shown:
        done = write(
            known,
            output,
            settings,
            workers or cores(),
            clips=clips,
            overwrite=overwrite,
            told=lambda sentence: shown.say(f"evoskeleton: {sentence}"),
            made=lambda number: shown.pictures("", number, settings.count),
        )
    if sheet is not None:
        write_contact_sheet(output, sheet)
    typer.echo(f"{output}: {done.pictures:,} pictures, {done.people:,} people")


def _poses(text: str) -> tuple["np.ndarray", list[str]]:
    """Poses, and the clips that they were recorded in; bred ones are of none."""
    known = poses_of(text)
    named = zip(known.subject.tolist(), known.clip.tolist(), strict=True)
    return known.poses, ["" if clip == "evolved" else f"{who}/{clip}" for who, clip in named]


def _hardest(text: str, count: int) -> "np.ndarray":
    """The hardest poses of the table that a text names."""
    from evoskeleton.platform.data.hardest import hardest_poses
    from evoskeleton.platform.data.sources.load import settings_from_text

    source = settings_from_text(text)
    if source.kind != "table" or source.path is None:
        raise BadInput(f"--hardest is for a pose table, whose rows hold errors, got {text[:200]}")
    return hardest_poses(source.path, count)


def _pair(option: str, text: str | None, between: str, such_as: str) -> tuple[int, int] | None:
    """Two whole numbers of a text; of one, twice the same.

    Raises:
        BadInput: it holds none.
    """
    if text is None:
        return None
    found = re.fullmatch(rf"(\d{{1,9}})(?:{between}(\d{{1,9}}))?", text.strip())
    if found is None:
        raise BadInput(f"{option} should be whole numbers such as {such_as}, got {text[:40]}")
    first = int(found[1])
    return first, int(found[2]) if found[2] else first
