"""Any annotated set by its path: what kind it is shows in the file.

A folder stands for the one annotation file in it, or in its `annotations`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.pose2d.samples.readers import coco, mpii
from evoskeleton.pose2d.samples.readers.annotation_file import read_json
from evoskeleton.pose2d.samples.readers.human36m_crops import read_human36m_crops
from evoskeleton.pose2d.samples.samples import Samples

_KINDS = (".json", ".npy", ".mat")
KNOWN = "COCO person keypoints (.json), MPII (.mat or its list in .json), or Human3.6M crops (.npy)"


@np.errstate(over="ignore", invalid="ignore")
def read_samples(path: Path, shelves: Sequence[Path] = ()) -> Samples:
    """Everybody who is annotated in a file or folder.

    Args:
        path: the file, or a folder with one.
        shelves: folders of pictures that are looked into before the usual places.

    Raises:
        BadInput: there is none, or it is of no known kind.
    """
    file = _only_file(path) if path.is_dir() else path
    if not file.is_file():
        raise BadInput(f"annotated pictures {path}: there is no such file or folder")
    if file.suffix.lower() == ".npy":
        return read_human36m_crops(file, shelves)
    if file.suffix.lower() == ".mat":
        return mpii.read_mpii_mat(file, shelves)
    words = read_json(file)
    if coco.matches(words):
        return coco.read_coco_people(file, shelves, words)
    if mpii.matches(words):
        return mpii.read_mpii_list(file, shelves, words)
    raise BadInput(f"annotated pictures {file} should be {KNOWN}, it is none of these")


def _only_file(folder: Path) -> Path:
    """The annotations of a folder."""
    places = (folder, folder / "annotations")
    for place in places:
        found = sorted(file for file in place.glob("*") if file.suffix.lower() in _KINDS)
        named = [file for file in found if file.stem == "annotations"]
        if len(found) == 1 or named:
            return (named or found)[0]
        if found:
            names = ", ".join(file.name for file in found[:4])
            raise BadInput(f"annotated pictures {folder}: name one of the files in it, {names}")
    raise BadInput(f"annotated pictures {folder}: there is no annotation file in it")
