"""Poses that people have annotated: how they are kept in a pose table, and where they may not be.

They come from single pictures, by a lifter and a fit that a person has corrected: good enough to
breed from, never to choose or to test a lifter by. Their operator in the table is `annotated`,
their campaign and subject `annotated-<project>`, and the camera pitch and body height that were
assumed stand beside each. Every export of a project is a generation of its own with all that the
project then held; the newest counts.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.data.pose_table import PoseTable, as_poses
from evoskeleton.platform.data.poses import PoseSet, single_clip

ANNOTATED = "annotated"
_PREFIX = f"{ANNOTATED}-"
_GENERATION_SHIFT = 40
_ATTEMPTS = 20
_ASSUMED = ["camera_pitch_deg", "body_height_mm"]
_COLUMNS = ["id", "operator", "subject", "clip", "pose"]


def subject_of(project: str) -> str:
    """The subject, and the campaign, of a project's poses."""
    return f"{_PREFIX}{project}"


def is_annotated(poses: PoseSet) -> np.ndarray:
    """(n,) bool: which poses people have annotated."""
    return np.char.startswith(poses.subject.astype(str), _PREFIX)


def refuse_annotated(poses: PoseSet, role: str) -> None:
    """Nothing is chosen or tested by poses that people have annotated.

    Raises:
        BadInput: some of these are.
    """
    if is_annotated(poses).any():
        raise BadInput(
            f"annotated poses may be seeds only: {role} should be of poses that were measured"
        )


def commit_annotated(
    uri: str,
    project: str,
    poses: PoseSet,
    camera_pitch_deg: np.ndarray,
    body_height_mm: np.ndarray,
) -> int:
    """Add a project's poses to a table, made where there is none; the table's version.

    Of exports that are made at the same moment, each is a generation of its own.

    Args:
        uri: of the table.
        project: whose poses these are.
        poses: (rows) all of them, world mm.
        camera_pitch_deg, body_height_mm: (rows,) as assumed.

    Raises:
        BadInput: the table cannot be written, or others write to it all the time.
    """
    table, campaign = PoseTable.create(uri), subject_of(project)
    for _ in range(_ATTEMPTS):
        last = table.committed_generation(campaign)
        generation = 0 if last is None else last + 1
        rows = _rows(generation, poses, camera_pitch_deg, body_height_mm)
        version = table.commit(campaign, generation, rows)
        if _is_there(table, campaign, rows):
            return version
    raise BadInput(f"{uri}: others kept exporting project {project}; nothing was added")


def _rows(
    generation: int, poses: PoseSet, camera_pitch_deg: np.ndarray, body_height_mm: np.ndarray
) -> PoseRows:
    return PoseRows(
        id=(generation << _GENERATION_SHIFT) + np.arange(len(poses)),
        operator=np.full(len(poses), ANNOTATED),
        poses=poses.poses,
        subject=poses.subject,
        clip=poses.clip,
        camera_pitch_deg=camera_pitch_deg,
        body_height_mm=body_height_mm,
    )


def _is_there(table: PoseTable, campaign: str, wanted: PoseRows) -> bool:
    """Whether a generation holds these rows, and not those of somebody who was faster."""
    first, given = int(wanted.id[0]), wanted.columns()
    rows = table.read(["id", "clip", "pose", *_ASSUMED], campaign=campaign)
    rows = rows.filter(pc.field("id") >= first)
    rows = rows.filter(pc.field("id") < first + (1 << _GENERATION_SHIFT)).sort_by("id")
    return (
        np.array_equal(rows["id"].to_numpy(), wanted.id)
        and rows["clip"].to_pylist() == given["clip"].tolist()
        and np.array_equal(as_poses(rows["pose"]), wanted.poses)
        and all(np.array_equal(rows[name].to_numpy(), given[name]) for name in _ASSUMED)
    )


def load_annotated(uri: str) -> PoseSet:
    """What people have annotated of a table: of every project the newest export.

    Raises:
        BadInput: there is no such table, or nothing in it is annotated.
    """
    table = PoseTable.open(uri)
    rows = table.read([*_COLUMNS, "campaign", "generation"])
    rows = rows.filter(pc.equal(rows["operator"], ANNOTATED))
    campaigns = sorted(rows["campaign"].unique().to_pylist())
    if not campaigns:
        raise BadInput(f"{uri} holds no annotated poses")
    return PoseSet.concat(
        [_newest(rows.filter(pc.equal(rows["campaign"], name))) for name in campaigns]
    )


def load_bred(uri: str) -> PoseSet:
    """All poses of a table that were not replaced, but for exported annotations.

    Seeds of a campaign that people had annotated keep their names; all others are "evolved".

    Raises:
        BadInput: there is no such table.
    """
    rows = PoseTable.open(uri).chosen(_COLUMNS)
    rows = rows.filter(pc.not_equal(rows["operator"], ANNOTATED))
    bred = single_clip(as_poses(rows["pose"]), "evolved", "evolved", "evolved")
    subject, clip = (np.array(rows[name].to_pylist(), object) for name in ("subject", "clip"))
    known = np.array([str(name).startswith(_PREFIX) for name in subject], bool)
    return replace(
        bred,
        subject=np.where(known, subject, bred.subject).astype(str),
        clip=np.where(known, clip, bred.clip).astype(str),
    )


def _newest(rows: pa.Table) -> PoseSet:
    """The last generation of one project."""
    rows = rows.filter(pc.equal(rows["generation"], pc.max(rows["generation"]))).sort_by("id")
    return PoseSet(
        poses=np.array(as_poses(rows["pose"])),
        subject=np.array(rows["subject"].to_pylist()),
        action=np.full(len(rows), ANNOTATED),
        clip=np.array(rows["clip"].to_pylist()),
        frame=np.zeros(len(rows), np.int32),
    )
