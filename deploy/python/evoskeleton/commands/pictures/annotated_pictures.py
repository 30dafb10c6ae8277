"""Annotated pictures as a user names them: files, folders, and projects of the annotator."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evoskeleton.errors import BadInput
from evoskeleton.extras import require

if TYPE_CHECKING:
    from evoskeleton.pose2d.samples.samples import Samples

DATABASE = "annotations.db"

Sources = Annotated[
    list[str],
    typer.Argument(
        help="annotated pictures: COCO or MPII files, Human3.6M crops, folders with one of these, "
        "or annotations/PROJECT"
    ),
]
Shelves = Annotated[
    list[Path] | None,
    typer.Option(
        "--pictures", help="folder that pictures are looked for in first, may be repeated"
    ),
]

Progress = Callable[[int, int], None]
Tell = Callable[[str], None]


def annotated_pictures(
    sources: Sequence[str],
    pictures: Sequence[Path],
    keypoints: str | Sequence[str],
    progress: Progress,
    tell: Tell,
) -> "Samples":
    """Everybody who can be used in some sets, with the same keypoints.

    Args:
        sources: paths of files, folders, or projects (`annotations/NAME`).
        pictures: folders that pictures are looked for in.
        keypoints: `data` for those of the first set, the name of a set, or names.
        progress: called with pictures looked at and pictures in all, set by set.
        tell: gets a sentence for every set in which something is missing.

    Raises:
        BadInput: a set is not there, is damaged, has hardly any of the keypoints, or nobody of it
            can be used.
    """
    from evoskeleton.pose2d.samples.checking import checked
    from evoskeleton.pose2d.samples.left_out import counted
    from evoskeleton.pose2d.samples.names import known_schema, lacking
    from evoskeleton.pose2d.samples.samples import together

    if not sources:
        raise BadInput("annotated pictures should be named, got none")
    parts = []
    wanted = () if keypoints == "data" else known_schema(keypoints)
    for source in sources:
        found, source = _read(source, pictures), Path(source).name
        wanted = wanted or found.names
        if missing := lacking(found.names, wanted):
            tell(f"{source}: not learnt or measured on it: {', '.join(missing)}")
        part = checked(found.for_keypoints(wanted, source), source, progress)
        if part.boxes_drawn:
            tell(
                f"{source}: {part.boxes_drawn:,} people have no box, or an empty one: it is drawn "
                "around their points"
            )
        if part.left_out:
            tell(f"{source}: {len(part):,} people; left out: {counted(part.left_out)}")
        parts.append(part)
    return together(parts)


def read_with_bars(
    sources: Sequence[str], pictures: Sequence[Path], keypoints: Any, monitor: Any
) -> "Samples":
    """The same with bars, which tell what is missing.

    Raises:
        BadInput: see `annotated_pictures`.
    """

    def looked(done: int, total: int) -> None:
        monitor.pictures("annotated", done, total)

    return annotated_pictures(sources, pictures, keypoints, looked, monitor.tell)


def expect_packages() -> None:
    """What trained detectors and annotated pictures need is installed.

    Raises:
        BadInput: a package of it is not.
    """
    otherwise = "a detector wants {}, which is not installed: pip install 'evoskeleton[detect]'"
    for module in ("cv2", "PIL", "onnxruntime", "onnx", "pycocotools"):
        require(module, otherwise)


def _read(source: str, pictures: Sequence[Path]) -> "Samples":
    from evoskeleton.pose2d.samples.readers.reading import read_samples

    path = Path(source)
    if (path / DATABASE).is_file():
        return _of_project(path, None)
    if not path.exists() and (path.parent / DATABASE).is_file():
        return _of_project(path.parent, path.name)
    return read_samples(path, pictures)


def _of_project(folder: Path, name: str | None) -> "Samples":
    """The accepted annotations of a project; of the only one where none is named."""
    from evoskeleton.annotation.formats.coco import write_coco
    from evoskeleton.commands.annotations import opened
    from evoskeleton.pose2d.samples.readers.coco import read_coco_people

    with opened(folder, to_read=True) as store:
        known = store.projects()
        if name is None and len(known) != 1:
            names = ", ".join(project.name for project in known) or "none"
            raise BadInput(f"{folder}: name a project, as {folder}/NAME; there are {names}")
        project = store.project(name) if name is not None else known[0]
        annotated = store.newest(project.id, ("accepted",))
        if not annotated:
            raise BadInput(f"project {project.name}: no annotation is accepted yet")
        places = {image.name: str(store.picture_path(image)) for image, _ in annotated}
        words = json.loads(write_coco(annotated, project.keypoints))
    return read_coco_people(folder / project.name, words=words, find=lambda name: places[name])
