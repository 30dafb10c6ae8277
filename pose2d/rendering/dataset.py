"""A folder of pictures with their people: COCO's layout, whole or not at all.

Pictures are made by several processes; each depends on its number alone, so that the folder is the
same, byte for byte, on any number of them.
"""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.files import storage_errors, whole_folder
from evoskeleton.pose2d.rendering.body.mesh import BodyMesh, body_mesh, take_body_mesh
from evoskeleton.pose2d.rendering.coco_words import image_words, person_words, whole_words
from evoskeleton.pose2d.rendering.photos import usable_photos
from evoskeleton.pose2d.rendering.picture import Picture, render_picture
from evoskeleton.pose2d.rendering.settings import RenderSettings
from evoskeleton.shapes import expect_shape

_AT_ONCE = 8
_AHEAD = 4
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Entry = tuple[dict[str, Any], list[dict[str, Any]]]
"""An image, and its people."""


@dataclass(frozen=True)
class Rendered:
    """What was written: how many pictures, and people in them."""

    pictures: int
    people: int


def render(
    poses: np.ndarray,
    folder: Path,
    settings: RenderSettings,
    workers: int = 1,
    *,
    clips: Sequence[str] = (),
    overwrite: bool = False,
    told: Callable[[str], None] = lambda sentence: None,
    made: Callable[[int], None] = lambda count: None,
) -> Rendered:
    """Write pictures of bodies: `images/` and `annotations.json`.

    Args:
        poses: (poses, 17, 3) world mm, z up.
        folder: to write, where there is nothing yet.
        settings: of the pictures.
        workers: processes that draw.
        clips: (poses,) names of the clips they are of, empty of those of none; none: no clips.
        overwrite: replace a folder that is there.
        told: hears a sentence of each background that cannot be used.
        made: hears how many pictures are there.

    Raises:
        BadInput: the poses or backgrounds cannot be used, or the folder cannot be written.
    """
    expect_shape("poses", poses, ("poses", 17, 3))
    if not len(poses) or not np.isfinite(poses).all():
        raise BadInput(f"poses should be one or more of finite numbers, got {len(poses)}")
    photos = usable_photos(settings.backgrounds, told) if settings.backgrounds else []
    with storage_errors(folder), whole_folder(folder, replace=overwrite) as made_in:
        (made_in / "images").mkdir()
        job = _Job(
            np.ascontiguousarray(poses, np.float32), clips, settings, photos, made_in, body_mesh()
        )
        entries = []
        for entry in _entries(job, workers):
            entries.append(entry)
            made(len(entries))
        words = whole_words(settings, entries)
        (made_in / "annotations.json").write_text(json.dumps(words))
    return Rendered(len(entries), len(words["annotations"]))


@dataclass(frozen=True)
class _Job:
    """What a process has to know once."""

    poses: np.ndarray
    clips: Sequence[str]
    settings: RenderSettings
    photos: Sequence[Path]
    folder: Path
    mesh: BodyMesh

    def entry(self, number: int) -> Entry:
        """Draw a picture, write its file, and say what is in it."""
        picture = render_picture(number, self.poses, self.settings, self.photos)
        name = f"{number:012d}.{self.settings.format}"
        (self.folder / "images" / name).write_bytes(encoded(picture, self.settings.format))
        clip = self.clips[picture.pose] if self.clips else ""
        return image_words(number + 1, name, picture, clip), [
            person_words(p) for p in picture.people
        ]


def encoded(picture: Picture, kind: str) -> bytes:
    """The bytes of a picture's file."""
    options = [cv2.IMWRITE_JPEG_QUALITY, picture.quality] if kind == "jpg" else []
    _, data = cv2.imencode(f".{kind}", picture.pixels[..., ::-1], options)
    return bytes(data)


def _entries(job: _Job, workers: int) -> Iterator[Entry]:
    """All entries in order."""
    numbers = range(job.settings.count)
    if workers == 1:
        with one_thread():
            yield from map(job.entry, numbers)
        return
    parts = (numbers[at : at + _AT_ONCE] for at in range(0, len(numbers), _AT_ONCE))
    try:
        with _pool(job, workers) as pool:
            waiting = [pool.submit(_entries_of, part) for part in islice(parts, _AHEAD * workers)]
            while waiting:
                yield from waiting.pop(0).result()
                waiting += [pool.submit(_entries_of, part) for part in islice(parts, 1)]
    except BrokenProcessPool:
        raise BadInput(
            "a process that drew pictures was ended, maybe for want of memory; fewer --workers "
            "need less"
        ) from None


@contextmanager
def _pool(job: _Job, workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes of one thread each; what they have not begun is dropped on the way out."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, initializer=_begin, initargs=(job,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


_job: _Job | None = None


def _begin(job: _Job) -> None:
    global _job
    cv2.setNumThreads(1)
    take_body_mesh(job.mesh)
    _job = job


def _entries_of(numbers: range) -> list[Entry]:
    assert _job is not None, "a process draws after it has begun"
    return [_job.entry(number) for number in numbers]


@contextmanager
def one_thread() -> Iterator[None]:
    """OpenCV keeps to the thread that calls it."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
