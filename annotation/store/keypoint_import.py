"""People of any keypoint file into a project whose images are there: all of them or none."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from evoskeleton.annotation.domain.records import Change, NotNow, Project, Stale
from evoskeleton.annotation.store.annotation_store import AnnotationStore


def import_people(
    store: AnnotationStore,
    project: Project,
    people: Mapping[str, Sequence[Any]],
    annotator: str,
    key: str,
) -> int:
    """Add people of images as submissions; how many people.

    Args:
        store: where the images are.
        project: of the images.
        people: by the name of their image, which is there, as plain data.
        annotator: whose annotations these are.
        key: of the file: with the same one it is imported once.

    Raises:
        NotNow: an image has annotations already.
        BadInput: a person does not fit the project's keypoints.
    """
    there = {image.name: image for image in store.images(project.id)}
    changes = []
    for name, words in people.items():
        own = hashlib.sha256(f"{key}/{there[name].id}".encode()).hexdigest()
        changes.append(Change("import", there[name].id, annotator, 0, own, list(words)))
    try:
        store.import_all(changes, {})
    except Stale as error:
        image = store.image(error.current.image_id)
        sentence = f"image {image.name[:200]} has annotations already; nothing was imported"
        raise NotNow(sentence, image.state.upper()) from None
    return sum(len(words) for words in people.values())
