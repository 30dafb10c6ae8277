"""People of a COCO file into a project whose images are there: all of them or none."""

import hashlib
from typing import NamedTuple

from evoskeleton.annotation.domain.records import AnnotationImage, Change, NotNow, NotThere, Project
from evoskeleton.annotation.formats.coco import CocoImage, read_coco
from evoskeleton.annotation.store.annotation_store import AnnotationStore
from evoskeleton.errors import BadInput


class Imported(NamedTuple):
    """Images that have annotations of a file now, people in them, annotations without keypoints."""

    images: int
    people: int
    left_out: int


def import_coco(
    store: AnnotationStore, project: Project, data: bytes, annotator: str, key: str
) -> Imported:
    """Add the people of a file as submissions, and remember its ids.

    The same file with the same key is imported once. Images without people are left to annotate.

    Raises:
        NotThere: an image of the file is not in the project.
        NotNow: an image has annotations already.
        BadInput: the file cannot be used, or its keypoints are not those of the project.
    """
    file = read_coco(data)
    if file.keypoints != project.keypoints:
        raise BadInput(
            f"the COCO file has keypoints {file.keypoints}, "
            f"project {project.name} has {project.keypoints}"
        )
    there = {image.name: image for image in store.images(project.id)}
    matched = [(entry, _matching(entry, there, project)) for entry in file.images]
    changes = [
        Change("import", image.id, annotator, 0, _key(key, image), entry.people)
        for entry, image in matched
        if entry.people
    ]
    store.import_all(changes, {image.id: entry.id for entry, image in matched})
    return Imported(len(changes), sum(len(c.people) for c in changes), file.without_points)


def _key(key: str, image: AnnotationImage) -> str:
    """A key of its own for every image."""
    return hashlib.sha256(f"{key}/{image.id}".encode()).hexdigest()


def _matching(
    entry: CocoImage, there: dict[str, AnnotationImage], project: Project
) -> AnnotationImage:
    image = there.get(entry.name)
    if image is None:
        sentence = f"project {project.name} has no image {entry.name[:200]}: upload it first"
        raise NotThere(sentence, "NO_IMAGE")
    if (image.width, image.height) != (entry.width, entry.height):
        raise BadInput(
            f"image {entry.name[:200]} is {image.width} x {image.height} as it should be seen, "
            f"the COCO file says {entry.width} x {entry.height}"
        )
    if image.revision and image.coco_id != entry.id:
        sentence = f"image {entry.name[:200]} has annotations already; nothing was imported"
        raise NotNow(sentence, image.state.upper())
    return image
