"""Annotations as the field's files, and as new poses of this project.

People annotated in 3D are turned upright by the camera pitch that the annotator assumed, and stood
on the ground, as no picture says where that is: world frame, mm, z up, the hip above the origin.
Their subject is `annotated-<project>`, by which every part of this project knows them: they seed
searches, and never choose or test a lifter.
"""

import hashlib
import io
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.annotation.domain.annotated_person import AnnotatedPerson, has_extent
from evoskeleton.annotation.domain.keypoint_schemas import DEFAULT, known_schema
from evoskeleton.annotation.domain.records import AnnotationImage, Project, Revision
from evoskeleton.errors import BadInput
from evoskeleton.evolution.operators.ground import GroundSettings
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.keypoints.keypoint_formats import COCO
from evoskeleton.platform.data.annotated import ANNOTATED, commit_annotated, subject_of
from evoskeleton.platform.data.formats.human36m import joints_to_32, write_human36m
from evoskeleton.platform.data.poses import PoseSet
from evoskeleton.safe_npy import write_object

Annotated = Sequence[tuple[AnnotationImage, Revision]]

U3DPW_POINTS = (
    "RFoot", "RKnee", "RHip", "LHip", "LKnee", "LFoot", "RWrist", "RElbow", "RShoulder",
    "LShoulder", "LElbow", "LWrist", "Neck", "Head", "Spine", "Thorax", "Nose",
)  # fmt: skip
"""The 17 points of U3DPW's annotators by our names; of the nose only COCO's schema knows."""

MM_PER_METRE = 1000.0

LONGEST_CLIP = 200
"""As long may names be in the files that are written."""


@dataclass(frozen=True)
class AnnotatedPoses:
    """People annotated in 3D, one row each.

    Attributes:
        poses: (rows, 17, 3) float32 world mm, z up, grounded; with names.
        camera_pitch_deg, body_height_mm: (rows,) float32, as assumed.
        images: how many images they are in.
        left_out: people whose joints are no body, which earlier versions took.
    """

    poses: PoseSet
    camera_pitch_deg: np.ndarray
    body_height_mm: np.ndarray
    images: int
    left_out: int


def annotated_poses(project: Project, annotated: Annotated) -> AnnotatedPoses:
    """Everybody who is annotated in 3D.

    Raises:
        BadInput: nobody is.
    """
    in_3d = [
        (image, person)
        for image, revision in annotated
        for person in revision.people
        if person.joints is not None
    ]
    people = [(image, person) for image, person in in_3d if has_extent(person)]
    if not people:
        raise BadInput(f"nobody of project {project.name} in these states is annotated in 3D")
    count = len(people)
    poses = PoseSet(
        poses=np.stack([upright(person) for _, person in people]),
        subject=np.full(count, subject_of(project.name)),
        action=np.full(count, ANNOTATED),
        clip=np.array([_clip(image, person) for image, person in people]),
        frame=np.zeros(count, np.int32),
    )
    pitch = [person.camera_pitch_deg for _, person in people]
    height = [person.body_height_mm for _, person in people]
    assumed = np.array(pitch, np.float32), np.array(height, np.float32)
    images = len({image.name for image, _ in people})
    return AnnotatedPoses(poses, *assumed, images, len(in_3d) - count)


def _clip(image: AnnotationImage, person: AnnotatedPerson) -> str:
    """A name of its own for every person: of long names the beginning, and a hash of all."""
    name, number = image.name, f"#{person.id}"
    if len(name) + len(number) > LONGEST_CLIP:
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        name = f"{name[: LONGEST_CLIP - 30]}~{digest}"
    return name + number


def upright(person: AnnotatedPerson) -> np.ndarray:
    """(17, 3) float32 world mm of a person with joints: x right of the camera, y away from it."""
    assert person.joints is not None and person.camera_pitch_deg is not None
    x, y, z = np.array(person.joints).T
    sine, cosine = (turn(math.radians(person.camera_pitch_deg)) for turn in (math.sin, math.cos))
    world = np.stack([x, cosine * z - sine * y, -cosine * y - sine * z], axis=1)
    world[:, 2] += GroundSettings.parse({}).height_mm - world[:, 2].min()
    return world.astype(np.float32)


def write_annotated_human36m(path: Path, poses: AnnotatedPoses, overwrite: bool = False) -> int:
    """Human3.6M's dictionary; the number that their subject got, which is never 9 or 11."""
    numbers = write_human36m(path, poses.poses, pseudo_subjects=True, overwrite=overwrite)
    return next(iter(numbers.values()))


def export_to_table(project: Project, poses: AnnotatedPoses, table: str) -> int:
    """Add the poses to a pose table as the newest generation of the project; its version."""
    return commit_annotated(
        table, project.name, poses.poses, poses.camera_pitch_deg, poses.body_height_mm
    )


def u3dpw(project: Project, annotated: Annotated) -> bytes:
    """An `.npy` file with U3DPW's dictionary, `{image: {"p2d": ..., "h36m": ..., "lsp": False}}`.

    `p2d` is (17, 2) px in the order of U3DPW's annotators, `h36m` (17, 2) px in ours, both NaN
    where not annotated; with 3D, `p3d` is (32, 3) metres, camera frame, with the assumed
    `camera_pitch_deg` and `body_height_mm`. Images of several people have an entry a person, such
    as `a.jpg#1`, with more `#` where an image is called so.
    """
    taken = {image.name for image, _ in annotated}
    entries = {}
    for image, revision in annotated:
        names = [image.name] if len(revision.people) == 1 else _names(image, revision, taken)
        for name, person in zip(names, revision.people, strict=True):
            entries[name] = _entry(person, project.keypoints)
    file = io.BytesIO()
    write_object(file, entries)
    return file.getvalue()


def _names(image: AnnotationImage, revision: Revision, taken: set[str]) -> list[str]:
    """A name for each person, none of which is `taken`; they are from then on."""
    for mark in itertools.accumulate(itertools.repeat("#")):
        names = [f"{image.name}{mark}{person.id}" for person in revision.people]
        if taken.isdisjoint(names):
            break
    taken.update(names)
    return names


def _entry(person: AnnotatedPerson, keypoints: str) -> dict[str, Any]:
    visible = np.array(person.visibility) > 0
    points = np.where(visible[:, None], np.array(person.keypoints), np.nan)
    ours = points
    if keypoints != DEFAULT:
        schema = known_schema(keypoints)
        ours = schema.to_human36m(points[None], visible[None].astype(float))[0][0]
    by_name = dict(zip(JOINT_NAMES, ours, strict=True)) | {"Nose": np.full(2, np.nan)}
    if keypoints == "coco":
        by_name["Nose"] = points[COCO.index("nose")]
    entry: dict[str, Any] = {
        "p2d": np.stack([by_name[name] for name in U3DPW_POINTS]),
        "h36m": np.array(ours),
    }
    entry["lsp"] = False
    if person.joints is not None:
        entry["p3d"] = joints_to_32(np.array([person.joints]))[0] / MM_PER_METRE
        entry["camera_pitch_deg"] = person.camera_pitch_deg
        entry["body_height_mm"] = person.body_height_mm
    return entry
