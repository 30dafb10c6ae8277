"""What the card of a lifter of the package says: what it is for, and its errors on people whom it
has never seen."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from evoskeleton.errors import BadInput

if TYPE_CHECKING:
    from evoskeleton.lifting.bundle import Lifter

NEVER_SEEN = ("CMU05", "CMU07", "CMU08", "CMU13")
"""Test people of the CMU motion: never bred from, trained on, or chosen by."""

_USES = {
    "detections": "people whom a detector found in photos and videos",
    "exact": "keypoints as sure as those of motion capture or of careful annotators",
}


def card(name: str, held_out: list[str]) -> dict[str, Any]:
    """The words of the card; `held_out` are the clips that measure the error radii."""
    from evoskeleton.lifting.bundles import ACKNOWLEDGEMENT

    return {
        "for": _USES[name],
        "data": "CMU Graphics Lab motion capture database, evolved by the campaign `shipped`",
        "acknowledgement": ACKNOWLEDGEMENT,
        "never seen": list(NEVER_SEEN),
        "held out for radii": held_out,
        "limits": "one person at a time, mm of an average body, camera about level with the hip; "
        "not for medical or legal measurement",
    }


def errors_on_test_people(lifter: "Lifter", poses: Path) -> dict[str, dict[str, float]]:
    """Errors on the test people, mm, by subject.

    `mpjpe` and `p_mpjpe` are of exact keypoints, over four fixed views; `detected` is the mean
    distance of all joints where a simulated detector finds the keypoints, hidden joints and all.

    Args:
        lifter: of any kind.
        poses: file of the CMU poses.

    Raises:
        BadInput: the file holds none of the test people.
    """
    from evoskeleton.lifting.conformal import RadiusSettings, draw_errors
    from evoskeleton.lifting.lifter_training import validate
    from evoskeleton.platform.data.sources.load import load
    from evoskeleton.platform.data.sources.settings import ParquetSource

    simulated = RadiusSettings.parse({"detections": {}})
    errors = {}
    for subject in NEVER_SEEN:
        words = {"kind": "parquet", "path": str(poses), "subjects": [subject]}
        try:
            known = load(ParquetSource.parse(words)).ordered()
        except BadInput:
            continue
        found = draw_errors(lifter, known.poses, simulated)
        detected = {"detected": float(found.mm.mean()), "poses": float(len(known.poses))}
        errors[subject] = validate(lifter, known.poses) | detected
    if not errors:
        raise BadInput(f"{poses} should hold poses of {', '.join(NEVER_SEEN)}, got none of them")
    return errors
