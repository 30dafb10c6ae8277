"""An annotation store with some of everything, and all that is in a store as plain data.

`python -m pins.annotated FOLDER` makes FOLDER/store and writes FOLDER/store.json.
"""

import io
import itertools
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pins.campaign import motion

from evoskeleton.annotation.domain.records import Change, Picture
from evoskeleton.annotation.store.annotation_store import AnnotationStore

SIZE = (64, 48)


def open_store(folder: Path, clock: Any) -> AnnotationStore:
    """The store of a folder, with a clock of one's own."""
    return AnnotationStore(f"sqlite:///{folder}/annotations.db", folder / "images", clock)


def picture(shade: int) -> bytes:
    """A small picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", SIZE, (shade, 0, 0)).save(file, "BMP")
    return file.getvalue()


def person(number: int = 0, **more: Any) -> dict[str, Any]:
    """Somebody in 2D, of whom a third of the points is hidden and another not annotated."""
    points = [[10.0 * at + number, 5.5 + at] for at in range(17)]
    return {"id": number, "keypoints": points, "visibility": [at % 3 for at in range(17)]} | more


def in_3d(number: int, pitch: float) -> dict[str, Any]:
    """The same with joints: a pose of the motion, rounded so that every decimal is written."""
    x, y, z = np.round(motion()[20 * number].astype(np.float64), 2).T
    joints = np.round(np.stack([x - x[0], z[0] - z, y - y[0]], axis=1), 2)
    assumed = {"camera_pitch_deg": pitch, "body_height_mm": 1700.0 + number}
    return person(number, joints=joints.tolist(), **assumed)


def fill(store: AnnotationStore) -> None:
    """Two projects; images in every state; a lease, a skip, an import, an undo, reviews."""
    people, crowd = store.make_project("people"), store.make_project("crowd", "coco")
    images = [store.add_image(people.id, f"{n}.bmp", Picture(picture(n), *SIZE)) for n in range(7)]
    other = store.add_image(crowd.id, "crowd.bmp", Picture(picture(9), *SIZE))
    first, second, third, fourth, fifth, sixth = (image.id for image in images[:6])

    def change(action: Any, image: int, based_on: int, *given: Any, **more: Any) -> None:
        key = f"{action}-{image}-{based_on}"
        store.change(Change(action, image, "ann", based_on, key, list(given), **more))

    change("draft", first, 0, person(), note="half done")
    change("submit", first, 1, in_3d(0, 0.0), in_3d(1, 12.5), note="höher")
    store.change(Change("accept", first, "eve", 2, "good"))
    change("submit", second, 0, person(3, box=[1.0, 2.0, 30.5, 40.25]), in_3d(4, -7.0))
    store.change(Change("reject", second, "eve", 1, "bad", note="again"))
    change("draft", third, 0, person(2))
    change("undo", third, 1)
    change("draft", fourth, 0, person(5))
    known = person(6, coco={"id": 40, "area": 3.5, "iscrowd": 1})
    store.import_all([Change("import", fifth, "bob", 0, "in", [known])], {fifth: 12})
    change("submit", sixth, 0)
    store.change(Change("accept", sixth, "eve", 1, "empty"))
    store.lease_next(people.id, "cid", 120.0)
    store.skip(images[6].id, "dan", "too dark")
    change("submit", other.id, 0, person(0), person(8))
    store.change(Change("accept", other.id, "eve", 1, "crowd"))


def contents(store: AnnotationStore) -> dict[str, Any]:
    """All that a store's readers tell."""
    projects = []
    for project in store.projects():
        images = []
        for image in store.images(project.id):
            revisions = [_plain(revision) for revision in store.history(image.id)]
            skips = [_plain(skip) for skip in store.skips(image.id)]
            size = len(store.content(image))
            told = {"revisions": revisions, "skips": skips, "bytes": size}
            images.append(_plain(image) | told)
        taken = store.largest_coco_ids(project.id)
        projects.append(_plain(project) | {"images": images, "largest_coco_ids": taken})
    return {"projects": projects}


def _plain(record: Any) -> dict[str, Any]:
    words = {name: part for name, part in asdict(record).items() if name != "people"}
    if hasattr(record, "people"):
        words["people"] = [one.model_dump(mode="json") for one in record.people]
    return words


def make(folder: Path) -> AnnotationStore:
    """The store, open, in a new folder; its clock starts in 2020 and ticks by the second."""
    folder.mkdir()
    ticks = itertools.count(1_577_836_800)
    store = open_store(folder, lambda: float(next(ticks)))
    fill(store)
    return store


def main(folder: Path) -> None:
    """Make and tell."""
    store = make(folder / "store")
    words = contents(store)
    store.close()
    (folder / "store.json").write_text(json.dumps(words, indent=1, sort_keys=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
