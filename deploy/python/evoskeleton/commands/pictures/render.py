"""`evoskeleton render`: bodies as pictures with exact keypoints."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from evoskeleton.commands.options import Changes, Overwrite, bars, poses_of, refuse_taken
from evoskeleton.errors import BadInput
from evoskeleton.extras import require
from evoskeleton.machine import cores


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
    known = poses_of(poses)
    with bars() as shown:
        done = write(
            known.poses,
            output,
            settings,
            workers or cores(),
            overwrite=overwrite,
            told=lambda sentence: shown.say(f"evoskeleton: {sentence}"),
            made=lambda number: shown.pictures("", number, settings.count),
        )
    if sheet is not None:
        write_contact_sheet(output, sheet)
    typer.echo(f"{output}: {done.pictures:,} pictures, {done.people:,} people")


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
