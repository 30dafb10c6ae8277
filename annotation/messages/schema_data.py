"""Keypoint schemas and the body as data, for programs that draw and fit."""

from evoskeleton.annotation.domain.keypoint_schemas import DEFAULT, known_schema
from evoskeleton.annotation.formats.coco import SKELETONS
from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES, MIRROR
from evoskeleton.lifting.model_fit.body_cost import GROUP, TEMPLATE


def schema_data(name: str) -> pb.SchemaData:
    """The schema of a project by its name."""
    schema = known_schema(name)
    shares = list(TEMPLATE.values())
    groups = GROUP.tolist()
    return pb.SchemaData(
        name=name,
        points=schema.names,
        edges=[place - 1 for edge in SKELETONS[name] for place in edge],
        mirror=_mirror(name, schema.names),
        weights=schema.keypoints.weights.ravel().tolist(),
        joint_names=JOINT_NAMES,
        bones=[int(place) for bone in BONES for place in bone],
        joint_mirror=MIRROR,
        bone_share=[shares[group][0] for group in groups],
        bone_spread=[shares[group][1] for group in groups],
    )


def _mirror(name: str, points: tuple[str, ...]) -> list[int]:
    """The point on the other side of each."""
    if name == DEFAULT:
        return list(MIRROR)
    sides = {"left": "right", "right": "left"}
    others = ("_".join(sides.get(word, word) for word in point.split("_")) for point in points)
    return [points.index(other) for other in others]
