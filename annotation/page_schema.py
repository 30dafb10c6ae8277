"""What the annotator's page knows of bodies: `web/src/schema.js`, written out of this package.

    python -m evoskeleton.annotation.page_schema    after every change of what stands in it

A test compares the file with what is written here.
"""

import json
from pathlib import Path
from typing import Any

from evoskeleton.annotation.domain.annotated_person import MOST_PEOPLE
from evoskeleton.annotation.domain.keypoint_schemas import IN_PROJECTS, SCHEMAS
from evoskeleton.evolution.skeleton import JOINT_NAMES, LIMBS, MIRROR, PARENTS, Joint
from evoskeleton.lifting.cameras import FOCAL_PX, SIZE
from evoskeleton.lifting.keypoints.plausible_keypoints import LEAST_KNOWN
from evoskeleton.lifting.model_fit.body_cost import TEMPLATE
from evoskeleton.lifting.model_fit.pose_fit import PoseFitSettings

SCRIPT = Path(__file__).resolve().parent / "web" / "src" / "schema.js"

_COCO_BONES = (
    ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder"),
    ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
    ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
    ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
    ("nose", "left_eye"), ("nose", "right_eye"),
    ("left_eye", "left_ear"), ("right_eye", "right_ear"),
)  # fmt: skip
"""Lines between COCO's points, as COCO's own category draws them."""


_TYPES = {
    "TEMPLATE": "[number, number][]",
    "KEYPOINTS": "Record<string, {names: string[], mirror: number[], bones: [number, number][], "
    "weights: [number, number][][]}>",
}
"""What TypeScript does not see by itself."""


def page_schema() -> dict[str, Any]:
    """Every constant of the script by its name."""
    return {
        "JOINTS": JOINT_NAMES,
        "PARENTS": PARENTS,
        "MIRROR": MIRROR,
        "LIMBS": [limb.name for limb in LIMBS],
        "FOCAL_SHARE": FOCAL_PX / SIZE[0],
        "HEIGHT_MM": PoseFitSettings.parse({}).height_mm,
        "LEAST_KNOWN": LEAST_KNOWN,
        "MOST_PEOPLE": MOST_PEOPLE,
        "TEMPLATE": [_template(joint) for joint in Joint if joint != Joint.HIP],
        "KEYPOINTS": {name: _keypoints(name) for name in IN_PROJECTS},
    }


def _template(joint: Joint) -> tuple[float, float]:
    """Length over body height, and its spread, of the bone that ends in a joint."""
    return TEMPLATE[joint if joint in TEMPLATE else Joint(MIRROR[joint])]


def _keypoints(schema: str) -> dict[str, Any]:
    """Names, mirror images and lines of a keypoint schema, and its weights of our joints."""
    names = SCHEMAS[schema].names
    if schema == "coco":
        mirror = [names.index(_other_side(name)) for name in names]
        bones = [[names.index(a), names.index(b)] for a, b in _COCO_BONES]
    else:
        mirror = list(MIRROR)
        bones = [[parent, child] for child, parent in enumerate(PARENTS) if parent >= 0]
    weights = [
        [[point, round(float(weight), 6)] for point, weight in enumerate(row) if weight]
        for row in SCHEMAS[schema].keypoints.weights
    ]
    return {"names": names, "mirror": mirror, "bones": bones, "weights": weights}


def _other_side(name: str) -> str:
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    return "left_" + name.removeprefix("right_") if name.startswith("right_") else name


def page_script() -> str:
    """The script's text."""
    lines = []
    for name, value in page_schema().items():
        lines += [f"/** @type {{{_TYPES[name]}}} */"] if name in _TYPES else []
        lines += [f"export const {name} = {json.dumps(value)};"]
    about = "// Written by `python -m evoskeleton.annotation.page_schema`; not changed by hand."
    return "\n".join([about, *lines]) + "\n"


if __name__ == "__main__":
    SCRIPT.write_text(page_script())
