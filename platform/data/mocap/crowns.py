"""The crown of the head, by geometry: what hangs on the head joint, if it lies where a crown does.

Files end the head in many ways: at the crown, in the joint itself, between the eyes, to a side. An
end is a crown where it goes on from neck to head (within 60 degrees; of 29 makers' rigs none turns
by more than 42, and one that ends at a side by 99) and far enough. Elsewhere the line from the
base of the neck through the head joint goes on. From there the crown is 0.36 of a leg (hip to
ankle) away: 0.37 by published proportions (Drillis 1966: 0.182 and 0.491 of the height), 0.335 in
the CMU pose tables, whose heads end below the top of the skull.
"""

from collections.abc import Mapping

import numpy as np

from evoskeleton.platform.data.mocap.places import Place
from evoskeleton.platform.data.mocap.rigs import Rig

NECK_TO_CROWN = 0.36
LEAST_HEAD = 0.17
"""Of a leg: base of the neck to crown, and base of the skull to crown."""

MOST_TURN_DEG = 60.0
_STRAIGHT_DEG = 30.0
_FAR_ENOUGH = (0.27, 0.6)
_SKULL_FAR_ENOUGH = 0.12

_NAMED = ("headtopend", "headtop", "headend", "headnub", "headendsite", "headtip", "headsite")

NOTE = "the file has no crown; the line from the neck through the head goes on"


def crown_of(
    rig: Rig,
    spelled: Mapping[str, str],
    neck: Place,
    head: Place,
    places: Mapping[str, Place],
) -> Place | None:
    """Where the crown is.

    Args:
        rig: of the file; where no leg can be measured, the end by its name is the crown.
        spelled: names by how they are compared.
        neck: base of the neck.
        head: base of the skull.
        places: of the legs' joints, by which heads are measured.
    """
    named = [Place.mean(spelled[key]) for key in _NAMED if key in spelled]
    leg = _leg(rig, places)
    if not leg > 0.0:
        return named[0] if named else None
    [joint] = list(head.weights)[:1]
    others = [Place.mean(name) for name in rig.below(joint)]
    ends = [end for end in others if next(iter(end.weights)).startswith(f"{joint} End")]
    for candidates, turn in ((named + ends, MOST_TURN_DEG), (others, _STRAIGHT_DEG)):
        fitting = [end for end in candidates if _is_crown(rig, neck, head, end, leg, turn)]
        if fitting:
            return min(fitting, key=lambda end: rig.angle_deg(neck, head, end))
    return _continued(rig, neck, head, leg)


def _leg(rig: Rig, places: Mapping[str, Place]) -> float:
    """Hip to ankle, file units; the mean of the sides that can be told."""
    legs = [
        rig.length(places[f"{side}Hip"], places[f"{side}Knee"])
        + rig.length(places[f"{side}Knee"], places[f"{side}Foot"])
        for side in "RL"
        if {f"{side}{joint}" for joint in ("Hip", "Knee", "Foot")} <= places.keys()
    ]
    return float(np.mean(legs)) if legs else np.nan


def _is_crown(rig: Rig, neck: Place, head: Place, end: Place, leg: float, turn: float) -> bool:
    if not rig.angle_deg(neck, head, end) <= turn:
        return False
    far, skull = rig.length(neck, end) / leg, rig.length(head, end) / leg
    low, high = _FAR_ENOUGH
    return bool(far <= high and (far >= low or skull >= _SKULL_FAR_ENOUGH))


def _continued(rig: Rig, neck: Place, head: Place, leg: float) -> Place | None:
    """Weights that go beyond the head, along the line from the neck."""
    below = rig.length(neck, head)
    if not (below > 0.0 and leg > 0.0):
        return None
    share = max(NECK_TO_CROWN * leg - below, LEAST_HEAD * leg) / below
    weights = {name: (1.0 + share) * weight for name, weight in head.weights.items()}
    for name, weight in neck.weights.items():
        weights[name] = weights.get(name, 0.0) - share * weight
    return Place(weights, NOTE)
