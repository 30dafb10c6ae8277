"""`evoskeleton annotate`: from a folder of photos to seeds for a campaign, in one command.

Pictures go into an annotation project, the endpoint serves it with the annotator's page on
loopback, the browser opens, and when the command is ended, what was annotated is exported.
"""

import asyncio
import contextlib
import getpass
import hashlib
import re
import webbrowser
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.commands.annotations import opened
from evoskeleton.commands.given.named_detectors import HELP
from evoskeleton.commands.options import CAMPAIGNS, Home, busy
from evoskeleton.commands.serve import champion_source, check_installed, detector_named
from evoskeleton.errors import BadInput
from evoskeleton.files import atomic_file
from evoskeleton.pose2d.picture_limits import MOST_PIXELS

if TYPE_CHECKING:
    from evoskeleton.annotation.domain.records import Project, State
    from evoskeleton.annotation.server.endpoint import Endpoint
    from evoskeleton.annotation.serving.champions import ChampionSource
    from evoskeleton.annotation.serving.detection_queue import ServedDetector
    from evoskeleton.annotation.store.annotation_store import AnnotationStore

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_NOT_SHOWN = (".heic", ".heif", ".tif", ".tiff", ".dng", ".cr2", ".nef", ".arw")
PAGE_ADDRESS = "127.0.0.1:8017"
_TOKENS, _TOKEN, _WAY_IN = "page-tokens.json", "page-token", "open-the-page.html"
EXPORTED: "tuple[State, ...]" = ("accepted", "submitted")


def annotate(
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(help="photos, or folders of them; none: those that are there already"),
    ] = None,
    annotations: Annotated[
        Path, typer.Option(help="folder of annotations, pictures and what is exported")
    ] = Path("annotations"),
    project: Annotated[str, typer.Option(help="name of the project; made where there is none")] = (
        "photos"
    ),
    keypoints: Annotated[
        str, typer.Option(help="keypoint schema of a new project: human36m or coco")
    ] = "human36m",
    bundle: Annotated[
        Path | None,
        typer.Option(
            help="lifter that suggests bodies: folder or a file in it; none: the champion of the "
            "home, or the lifter of the package"
        ),
    ] = None,
    home: Home = CAMPAIGNS,
    detector: Annotated[str, typer.Option(help=f"that suggests people: {HELP}")] = "blazepose",
    no_detector: Annotated[
        bool, typer.Option("--no-detector", help="suggest nothing: everything is drawn by hand")
    ] = False,
    http_address: Annotated[
        str,
        typer.Option(help="host:port of the page, on loopback; the same port finds unsent work"),
    ] = PAGE_ADDRESS,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="open no browser: the address is printed")
    ] = False,
) -> None:
    """Annotate photos in the browser, in 2D and 3D; Ctrl-C ends it and exports the poses."""
    check_installed()
    with opened(annotations) as store:
        named = pictures or []
        known = _filled(store, project, keypoints, _files(named), named)
    settings = _settings(annotations, http_address)
    token = _token(annotations)
    source = champion_source(bundle, None, home, None, wait=False)
    found = None if no_detector else detector_named(detector, home)
    asyncio.run(_serve(settings, source, found, token, no_browser))
    with opened(annotations) as store:
        for line in _exported(store, known, annotations):
            typer.echo(line)


def _files(pictures: Sequence[Path]) -> dict[str, Path]:
    """Picture files by their names in the project, those of folders in the order of their names;
    files that are called alike have their folder's name before their own.

    Raises:
        BadInput: a folder has none.
    """
    found: list[Path] = []
    for path in pictures:
        found += _inside(path) if path.is_dir() else [path]
    often = Counter(path.name for path in found)
    return {_name(path, often): path for path in found}


def _inside(folder: Path) -> list[Path]:
    files = sorted(each for each in folder.iterdir() if each.is_file())
    inside = [each for each in files if each.suffix.lower() in ENDINGS]
    if others := [each for each in files if each.suffix.lower() in _NOT_SHOWN]:
        kinds = ", ".join(sorted({each.suffix.lower() for each in others}))
        typer.echo(f"left out: {len(others)} files ({kinds}), which browsers do not show", err=True)
    if not inside:
        raise BadInput(f"{folder} should hold pictures ({', '.join(ENDINGS)}), there are none")
    return inside


def _name(path: Path, often: Mapping[str, int]) -> str:
    return path.name if often[path.name] == 1 else f"{path.resolve().parent.name}/{path.name}"


def _filled(
    store: "AnnotationStore",
    project: str,
    keypoints: str,
    files: Mapping[str, Path],
    named: Collection[Path],
) -> "Project":
    """The project with the pictures in it.

    Raises:
        BadInput: there is no project and no picture, or one that was `named` cannot be used; those
            that were found in a folder are left out.
    """
    there = next((each for each in store.projects() if each.name == project), None)
    if there is None and not files:
        raise BadInput(f"there is no project {project} yet: name pictures to annotate")
    known = there or store.make_project(project, keypoints)
    held = {image.name: image.sha256 for image in store.images(known.id)}
    with busy(f"looking at {len(files)} pictures"):
        for name, path in files.items():
            try:
                _add(store, known.id, name, path, held)
            except BadInput as error:
                if path in named:
                    raise
                typer.echo(f"left out: {error}", err=True)
    return known


def _add(
    store: "AnnotationStore", project_id: int, name: str, path: Path, held: Mapping[str, str]
) -> None:
    from evoskeleton.annotation.store.image_files import checked_picture

    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    if held.get(name) != hashlib.sha256(content).hexdigest():
        store.add_image(project_id, name, checked_picture(content, name, MOST_PIXELS))


def _settings(annotations: Path, http_address: str) -> ServeSettings:
    from evoskeleton.annotation.domain.addresses import is_loopback

    if not is_loopback(http_address):
        raise BadInput(
            f"--http-address should be on loopback, got {http_address}; "
            "`evoskeleton serve` is for others to reach"
        )
    words = {
        "address": "127.0.0.1:0",
        "metrics_address": None,
        "http_address": http_address,
        "annotations": annotations,
        "tokens": annotations / _TOKENS,
        "drain_seconds": 5.0,
        "most_pixels": MOST_PIXELS,
    }
    return ServeSettings.parse(words)


def _token(annotations: Path) -> str:
    """The token of whoever owns the folder: the same at every start, so that a page that is still
    open goes on. Other users of the machine cannot read it, and so cannot call."""
    from evoskeleton.annotation.server.tokens import Tokens

    tokens, kept = Tokens(annotations / _TOKENS), annotations / _TOKEN
    with contextlib.suppress(OSError, BadInput):
        token = kept.read_text().strip()
        if tokens.find(token):
            return token
    (annotations / _TOKENS).unlink(missing_ok=True)
    token = tokens.add(_own_name(), ["annotate", "admin", "infer"])
    _write_privately(kept, token)
    return token


def _own_name() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = ""
    return re.sub(r"[^\w.@-]", "", name)[:100] or "me"


def _write_privately(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with atomic_file(path, private=True) as file:
        file.write(text.encode())


async def _serve(
    settings: ServeSettings,
    source: "ChampionSource",
    detector: "ServedDetector | None",
    token: str,
    no_browser: bool,
) -> None:
    from evoskeleton.annotation.server.endpoint import Endpoint, run
    from evoskeleton.annotation.serving.champions import Champions

    endpoint = Endpoint(settings, Champions(source), detector)
    assert settings.annotations is not None
    way_in = settings.annotations / _WAY_IN

    def started(running: "Endpoint") -> None:
        _open(f"http://127.0.0.1:{running.http_port}/#token={token}", way_in, no_browser)

    try:
        await run(endpoint, started)
    finally:
        way_in.unlink(missing_ok=True)


def _open(address: str, way_in: Path, no_browser: bool) -> None:
    """Open the page by a file that only this user can read: the arguments of a browser's process
    can be read by everybody on the machine."""
    if not no_browser:
        words = (
            f'<meta http-equiv="refresh" content="0; url={address}"><a href="{address}">page</a>'
        )
        _write_privately(way_in, words)
        webbrowser.open(way_in.resolve().as_uri())
    typer.echo(f"annotate at {address}")
    typer.echo("Ctrl-C ends it and exports the poses")


def _exported(store: "AnnotationStore", project: "Project", folder: Path) -> Iterator[str]:
    """Write what is accepted or submitted as seeds and as COCO's file; what to say of them."""
    from evoskeleton.annotation.formats import exports
    from evoskeleton.annotation.formats.coco import write_coco
    from evoskeleton.files import whole_file

    annotated = store.newest(project.id, EXPORTED)
    if not annotated:
        yield f"{folder}: nothing of {project.name} is submitted yet; the same command goes on"
        return
    coco = folder / f"{project.name}-coco.json"
    with whole_file(coco, True) as file:
        file.write(
            write_coco(annotated, project.keypoints, None, store.largest_coco_ids(project.id))
        )
    people = sum(len(revision.people) for _, revision in annotated)
    yield f"{coco}: {people} people in {len(annotated)} pictures, as COCO keypoints"
    try:
        poses = exports.annotated_poses(project, annotated)
    except BadInput as error:
        yield f"no seeds: {error}"
        return
    table = folder / f"{project.name}-poses"
    exports.export_to_table(project, poses, str(table))
    yield f"{table}: {len(poses.poses)} poses, seeds for a campaign:"
    yield f"  motion: {{seed: {{kind: annotated, path: {table}}}}}"
