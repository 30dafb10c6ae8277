"""`evoskeleton annotations`: pictures and keypoints in, the field's files and poses out."""

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.commands.given.settings_as_options import option
from evoskeleton.commands.options import (
    FullConfidence,
    Normalised,
    Overwrite,
    PictureSize,
    Points,
    Threshold,
    refuse_taken,
)
from evoskeleton.commands.serve import check_installed
from evoskeleton.errors import BadInput
from evoskeleton.settings_environment import from_environment

if TYPE_CHECKING:
    from evoskeleton.annotation.domain.records import Project
    from evoskeleton.annotation.store.annotation_store import AnnotationStore
    from evoskeleton.platform.data.target.declarations import Declarations

annotations = typer.Typer(
    no_args_is_help=True, help="Bring pictures and keypoints in, and annotations out."
)

FORMATS = ("coco", "human36m", "u3dpw", "pose-table")
ANNOTATIONS = Path("annotations")
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_BESIDE_A_PICTURE = 4096
"""Bytes of an upload that are not the picture."""

Folder = Annotated[
    Path, typer.Option("--annotations", help="folder of annotations and their images")
]
Url = Annotated[str | None, option(ServeSettings, "annotations_url")]


@annotations.command("add")
def add(
    project: Annotated[str, typer.Argument(help="name of the project; made where there is none")],
    pictures: Annotated[list[Path], typer.Argument(help="picture files")],
    keypoints: Annotated[
        str, typer.Option(help="keypoint schema of a new project: human36m or coco")
    ] = "human36m",
    folder: Folder = ANNOTATIONS,
    url: Url = None,
) -> None:
    """Add pictures to annotate to a project."""
    with opened(folder, url) as store:
        known = store.make_project(project, keypoints)
        for picture in pictures:
            _add(store, known, picture, picture.name)
        typer.echo(f"{project}: {len(pictures)} pictures")


@annotations.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="2D keypoints of any kind that `lift` reads: a file or a folder")
    ],
    project: Annotated[str, typer.Option(help="name of the project; made where there is none")],
    images: Annotated[Path, typer.Option(help="folder of the pictures that the keypoints are of")],
    annotator: Annotated[str, typer.Option(help="whose annotations these are")] = "import",
    points: Points = None,
    size: PictureSize = None,
    normalised: Normalised = False,
    full_confidence: FullConfidence = None,
    threshold: Threshold = 0.5,
    folder: Folder = ANNOTATIONS,
    url: Url = None,
) -> None:
    """Read keypoints with their pictures into a project, as submissions.

    COCO files in COCO's or Human3.6M's points come with their ids, areas and outlines; of any
    other kind the joints come.
    """
    from evoskeleton.annotation.formats.coco import has_points_of_projects
    from evoskeleton.commands.options import declarations

    declared = declarations(points, size, normalised, full_confidence, threshold)
    as_it_is = declared == declarations() and file.is_file()
    with opened(folder, url) as store:
        data = _content(file) if as_it_is and file.suffix.lower() == ".json" else b""
        if has_points_of_projects(data):
            _import_coco(store, data, project, images, annotator)
        else:
            _import_keypoints(store, file, declared, project, images, annotator)


def _import_coco(
    store: "AnnotationStore", data: bytes, project: str, images: Path, annotator: str
) -> None:
    """All that a COCO file says, in the points that it has."""
    from evoskeleton.annotation.formats.coco import read_coco
    from evoskeleton.annotation.store.coco_import import import_coco

    coco = read_coco(data)
    for entry in coco.images:
        _inside(images, entry.name)
    key = hashlib.sha256(data).hexdigest()
    with _all_or_nothing(store, project):
        known = store.make_project(project, coco.keypoints)
        for entry in coco.images:
            _add(store, known, images / entry.name, entry.name)
        done = import_coco(store, known, data, annotator, key)
    typer.echo(f"{project}: {done.people} people in {done.images} of {len(coco.images)} pictures")
    if done.left_out:
        typer.echo(f"{done.left_out} annotations have no keypoints and were left out")


def _import_keypoints(
    store: "AnnotationStore",
    file: Path,
    declared: "Declarations",
    project: str,
    images: Path,
    annotator: str,
) -> None:
    """The joints that a file of another kind has, of the pictures that are there."""
    from evoskeleton.annotation.formats.found_people import people_by_picture, pictures_of
    from evoskeleton.annotation.store.keypoint_import import import_people
    from evoskeleton.platform.data.target.input_files import digests
    from evoskeleton.platform.data.target.look import look

    looked = look(file, declared)
    pictures = pictures_of(looked.found, _pictures_in(images))
    key = hashlib.sha256(repr((digests([str(file)]), declared)).encode()).hexdigest()
    with _all_or_nothing(store, project):
        there = {known.name: known for known in store.projects()}.get(project)
        known = there or store.make_project(project, "human36m")
        people = people_by_picture(looked.found, pictures, known.keypoints)
        for name in people:
            _add(store, known, images / name, name)
        count = import_people(store, known, people, annotator, key)
    for note in looked.notes:
        typer.echo(f"{file}: {note}", err=True)
    typer.echo(f"{project}: {count} people in {len(people)} pictures")
    if apart := len(looked.found) - count:
        typer.echo(f"{apart} keypoint sets have no picture or no known joint and were left out")


def _pictures_in(folder: Path) -> list[str]:
    """Names of the files in a folder and below it, hidden ones apart."""
    if not folder.is_dir():
        raise BadInput(f"--images should be a folder of pictures, {folder} is none")
    inside = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    return [
        path.as_posix()
        for path in inside
        if path.suffix.lower() in PICTURES and not any(part.startswith(".") for part in path.parts)
    ]


@annotations.command("export")
def export(
    project: Annotated[str, typer.Argument(help="name of the project")],
    output: Annotated[str, typer.Option(help="file, or pose table, to write")],
    kind: Annotated[str, typer.Option("--format", help=", ".join(FORMATS))],
    state: Annotated[
        list[str] | None, typer.Option(help="states to export, may be repeated; none: accepted")
    ] = None,
    keypoints: Annotated[
        str | None, typer.Option(help="coco: write a human36m project with COCO's points")
    ] = None,
    overwrite: Overwrite = False,
    folder: Folder = ANNOTATIONS,
    url: Url = None,
) -> None:
    """Write annotations as COCO, a dictionary of Human3.6M or U3DPW, or rows of a pose table."""
    if kind not in FORMATS:
        raise BadInput(f"--format should be one of {', '.join(FORMATS)}, got {kind}")
    if kind != "pose-table":
        refuse_taken(overwrite, Path(output))
    with opened(folder, url, to_read=True) as store:
        known = store.project(project)
        typer.echo(
            _exported(store, known, kind, output, state or ["accepted"], keypoints, overwrite)
        )


def _exported(
    store: "AnnotationStore",
    project: "Project",
    kind: str,
    output: str,
    wanted: list[str],
    keypoints: str | None,
    overwrite: bool,
) -> str:
    """Write what was asked for; what to say of it."""
    from evoskeleton.annotation.domain.records import State
    from evoskeleton.annotation.formats import exports
    from evoskeleton.annotation.formats.coco import write_coco
    from evoskeleton.files import whole_file

    if unknown := [name for name in wanted if name not in get_args(State)]:
        raise BadInput(f"--state should be one of {', '.join(get_args(State))}, got {unknown[0]}")
    annotated = store.newest(project.id, tuple(wanted))  # type: ignore[arg-type]
    if kind in ("coco", "u3dpw"):
        data = (
            write_coco(
                annotated,
                project.keypoints,
                keypoints,
                store.largest_coco_ids(project.id),
                store.untouched_of_coco(project.id),
            )
            if kind == "coco"
            else exports.u3dpw(project, annotated)
        )
        with whole_file(Path(output), overwrite) as file:
            file.write(data)
        return f"{output}: {sum(len(r.people) for _, r in annotated)} people"
    poses = exports.annotated_poses(project, annotated)
    count = len(poses.poses)
    if poses.left_out:
        typer.echo(f"{poses.left_out} bodies without extent are left out", err=True)
    if kind == "human36m":
        number = exports.write_annotated_human36m(Path(output), poses, overwrite)
        return f"{output}: {count} poses, subject {number}"
    version = exports.export_to_table(project, poses, output)
    return f"{output}: {count} poses, version {version}; seeds of kind annotated"


@contextmanager
def opened(
    folder: Path, url: str | None = None, to_read: bool = False
) -> Iterator["AnnotationStore"]:
    """The store of a folder, closed afterwards; one that is only read is not made.

    Raises:
        BadInput: it cannot be opened, or its database cannot be used.
    """
    check_installed()
    from sqlalchemy.exc import DBAPIError

    from evoskeleton.annotation.store.annotation_store import store_in, store_to_read

    kept = store_to_read(folder, url) if to_read else closing(store_in(folder, url))
    with kept as store:
        try:
            yield store
        except DBAPIError as error:
            raise BadInput(f"annotations: {' '.join(str(error.orig).split())}") from None


@contextmanager
def _all_or_nothing(store: "AnnotationStore", project: str) -> Iterator[None]:
    """An import that fails leaves no project and no image that were not there before."""
    from evoskeleton.annotation.store.removal import delete_image, delete_project

    before = {known.name: known for known in store.projects()}
    there = before.get(project)
    images = {image.id for image in store.images(there.id)} if there else set()
    try:
        yield
    except BaseException:
        made = {known.name: known for known in store.projects()}.get(project)
        if made and not there:
            store.delete(delete_project, made.id, project)
        elif made:
            for image in store.images(made.id):
                if image.id not in images:
                    store.delete(delete_image, image.id, "", store.now_ms())
        raise


def _add(store: "AnnotationStore", project: "Project", path: Path, name: str) -> None:
    """A picture as it could be uploaded to a server, so that one can serve it."""
    from evoskeleton.annotation.store.image_files import checked_picture

    limits = _limits()
    most = limits.most_message_bytes - _BESIDE_A_PICTURE
    picture = checked_picture(_content(path), name, limits.most_pixels, most)
    store.add_image(project.id, name, picture)


def _limits() -> ServeSettings:
    """Those of a server that is started here."""
    names = ["most_pixels", "most_message_bytes"]
    return ServeSettings.parse(from_environment("EVOSKELETON_SERVE__", names))


def _inside(folder: Path, name: str) -> None:
    """A file does not choose which files outside of its folder are read."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise BadInput(f"COCO file: image {name[:200]} should lie within {folder}")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
