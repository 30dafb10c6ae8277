"""The columns of the pose table, and what it promises to every program that reads it."""

import pyarrow as pa

from evoskeleton.evolution.skeleton import JOINT_NAMES

NUMBERS = 3 * len(JOINT_NAMES)
"""Of one pose."""

SCHEMA = pa.schema(
    [
        pa.field("campaign", pa.string(), nullable=False),
        pa.field("id", pa.int64(), nullable=False),
        pa.field("generation", pa.int32(), nullable=False),
        pa.field("island", pa.int32(), nullable=False),
        pa.field("mother", pa.int64()),
        pa.field("father", pa.int64()),
        pa.field("operator", pa.string(), nullable=False),
        pa.field("subject", pa.string()),
        pa.field("clip", pa.string()),
        pa.field("pose", pa.list_(pa.float32()), nullable=False),
        pa.field("margin", pa.float32()),
        pa.field("error", pa.float32()),
        pa.field("disagreement", pa.float32()),
        pa.field("novelty", pa.float32()),
        pa.field("outside", pa.float32()),
        pa.field("lifter", pa.string()),
        pa.field("why", pa.string()),
        pa.field("replaces", pa.int64()),
        pa.field("camera_pitch_deg", pa.float32()),
        pa.field("body_height_mm", pa.float32()),
        pa.field("retires", pa.list_(pa.int64())),
        pa.field("distance", pa.float32()),
        pa.field("target", pa.int32()),
        pa.field("view", pa.int32()),
    ]
)
"""`pose` is 51 float32, joint-major x y z, world mm, z up; `margin` degrees inside the joint
limits; `error` and `disagreement` mm; `novelty` mm a joint; `outside` a share; `lifter` the weight
hash of the lifter that scored; `why` the row is there; `replaces` the id of the row whose place it
took, `retires` the ids of further rows that left with it; `distance` how far the pose is from the
keypoint set `target` of the campaign's target, and `view` the virtual view in which it was so near;
`camera_pitch_deg` and `body_height_mm` what was assumed of a pose that somebody annotated.
Parents are null for seeds, scores where nothing has scored, subject and clip for offspring.

Nothing is deleted: a row that was replaced stays, and `poses` and `snapshot` leave it out."""

LATER = ("retires", "distance", "target", "view")
"""Columns that tables of earlier versions lack: they come with the next commit, null until then."""

CONFIGURATION = {"delta.appendOnly": "true", "delta.enableExpiredLogCleanup": "false"}
"""Trainings and MLflow refer to versions for ever: no row is changed, no log entry is dropped."""
