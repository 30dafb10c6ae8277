"""Options that several commands take, and what is made of their texts."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evoskeleton.console.terminal import terminal
from evoskeleton.errors import BadInput
from evoskeleton.files import is_remote

if TYPE_CHECKING:
    from evoskeleton.console.bars import Bars
    from evoskeleton.console.log_lines import LogLines
    from evoskeleton.platform.data.poses import PoseSet
    from evoskeleton.platform.data.target.declarations import Declarations
    from evoskeleton.platform.record.tracking import Page

CAMPAIGNS = "campaigns"
"""The home where none is given."""

Home = Annotated[
    str,
    typer.Option(
        envvar="EVOSKELETON_HOME", help="folder of campaigns, pose table and MLflow store"
    ),
]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri", "--uri", help="MLflow server or database; none: that of the home"
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="a setting as NAME=VALUE, may be repeated; `evoskeleton settings` shows all"
    ),
]
Address = Annotated[
    str | None, typer.Option(help="Ray cluster to join, such as auto; none: one is started here")
]
Wait = Annotated[
    float,
    typer.Option(
        min=0, help="seconds to wait until another process that runs this campaign has ended"
    ),
]
Source = Annotated[
    str,
    typer.Option(
        help="poses: a file or folder of a known format, a pose table, deepmimic, "
        "or settings such as '{kind: parquet, path: mine.parquet, subjects: [S9]}'"
    ),
]
DEFAULT = Path("detections")
"""The lifter where none is given."""

Model = Annotated[
    Path,
    typer.Option(
        help="folder of a lifter's bundle, or one of the package: detections, for keypoints that "
        "a detector found, or exact"
    ),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="JSON file for all numbers")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace what is there already")]
LimitsPath = Annotated[
    Path | None,
    typer.Option(
        "--limits",
        help="joint limits: a file of `limits fit`, or a folder with the files of Akhter and "
        "Black; none: those of the package",
    ),
]


Points = Annotated[
    str | None,
    typer.Option(
        help="layout of the keypoints where the file does not say: human36m, coco17, coco18, "
        "body25, blazepose, halpe26, halpe136, wholebody, mpii, lsp14, crowdpose, aic, "
        "body25b, mpi15"
    ),
]
PictureSize = Annotated[
    str | None, typer.Option(metavar="WIDTHxHEIGHT", help="size of the pictures")
]
Normalised = Annotated[
    bool,
    typer.Option("--normalised", help="keypoints are shares of the picture's width and height"),
]
FullConfidence = Annotated[
    float | None,
    typer.Option(min=1e-6, help="confidence that means certain, such as 100 for per cent"),
]
Threshold = Annotated[
    float, typer.Option(min=0, help="a joint of this confidence or less is not known")
]


def image_size(option: str, size: str) -> tuple[int, int]:
    """Width and height, px.

    Raises:
        BadInput: the text is no size.
    """
    width, _, height = size.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise BadInput(f"{option} should be the size of the images, such as 1920x1080, got {size}")
    return int(width), int(height)


def declarations(
    points: str | None = None,
    size: str | None = None,
    normalised: bool = False,
    full_confidence: float | None = None,
    threshold: float = 0.5,
) -> "Declarations":
    """What the options say of keypoint files."""
    from evoskeleton.platform.data.target.declarations import Declarations

    pictures = None if size is None else image_size("--size", size)
    return Declarations(points, pictures, normalised, full_confidence, threshold)


def poses_of(text: str) -> "PoseSet":
    """The poses that a text names: a file, a folder, or settings of a source in braces."""
    from evoskeleton.platform.data.sources.load import load, settings_from_text

    return load(settings_from_text(text))


def measured_poses(text: str, option: str) -> "PoseSet":
    """Poses that a lifter may be judged by."""
    from evoskeleton.platform.data.annotated import refuse_annotated

    poses = poses_of(text)
    refuse_annotated(poses, option)
    return poses


def table_in(home: str) -> str:
    """The pose table of a home, which may be on an object store."""
    return f"{home.rstrip('/')}/poses" if is_remote(home) else str(Path(home) / "poses")


def counted(poses: "PoseSet") -> str:
    """How many poses, of whom."""
    counts = {"subject": len(set(poses.subject.tolist())), "clip": len(poses.clips())}
    parts = [f"{count:,} {name}{'s' * (count != 1)}" for name, count in counts.items()]
    return ", ".join([f"{len(poses):,} poses", *parts])


def refuse_taken(overwrite: bool, *paths: Path | None) -> None:
    """Refuse to replace files or folders before any work is done.

    Raises:
        BadInput: one of them is there and `--overwrite` is not given.
    """
    for path in paths:
        if path is not None and path.exists() and not overwrite:
            raise BadInput(f"{path} is there already; --overwrite replaces it")


def bars() -> "Bars":
    """Progress bars on standard error, where that is a terminal."""
    from evoskeleton.console.bars import Bars

    return Bars()


def monitor_of_campaign() -> "Bars | LogLines":
    """Progress bars on standard error, where that is a terminal; elsewhere lines of JSON."""
    from evoskeleton.console.log_lines import LogLines

    return bars() if terminal(stderr=True).is_terminal else LogLines()


def show_page(page: "Page | None", err: bool = False) -> None:
    """Tell where to look through a campaign; nothing where MLflow holds none of it."""
    if page is None:
        return
    if page.command:
        typer.echo(f"MLflow page: {page.command}", err=err)
    typer.echo(f"then open: {page.address}", err=err)
    if page.campaign:
        typer.echo(f"this campaign alone: {page.campaign}", err=err)


def busy(text: str) -> AbstractContextManager[object]:
    """A sign of life on a terminal, on standard error."""
    return terminal(stderr=True).status(text)
