"""Makers' names of joints, as data: which file joint each of the 17 is.

A naming is a small YAML file in `namings`:

- `limbs`: the part's name of each limb joint without its side, such as `Knee: Leg`; alternatives
  stand behind `|`. The side may be R, L, Right or Left, before or behind.
- `head`: the joint at the base of the skull, from which `crowns` finds the crown; or `crown`, the
  crown itself.
- `thorax`: the joint at the base of the neck, or several to average; `thorax_note` why.
- `spine`, `neck`: where they are other than halfway along the trunk, and between thorax and crown;
  `spine_note` why.
- `signs`: joints that a file of this naming has as well.
- `at_ends`: a joint is the end of the bone of that name, as in ASF files; else its start.

Names are compared without case, blanks and punctuation, and without what they all begin or end
with up to a `:`, `_`, `-` or blank, such as `mixamorig1:` or `_jnt`.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from evoskeleton.platform.data.mocap.crowns import crown_of
from evoskeleton.platform.data.mocap.places import JointMap, Place
from evoskeleton.platform.data.mocap.rigs import Rig

ON_THE_AXIS = "the nose-neck point lies in front of the neck, this one on its axis"
BETWEEN = "the file's trunk has no joint there"

_ORDER = (
    *("cmu_acclaim", "cmu_bvh", "mixamo", "xsens", "perception_neuron", "humanik", "rokoko"),
    *("bandai_namco", "vrm", "mvn", "daz", "biped", "unreal", "smpl", "optitrack", "blender"),
    *("second_life", "mikumiku", "words"),
)
_NECKS = (
    "Neck|neck01|Neck1|neck0|NeckLower|NeckTwist01|lowerneck|SpineShoulder|ShoulderCenter|cervical"
)
_SIDES = {"R": ("r", "right", "右"), "L": ("l", "left", "左")}
_SHARED = 0.8
"""Share of the names that has a prefix in common with which it is no part of the name."""


@dataclass(frozen=True)
class Naming:
    """One maker's names; see the module's text."""

    name: str
    limbs: Mapping[str, str]
    head: str = ""
    crown: str = ""
    thorax: str | Sequence[str] = _NECKS
    thorax_note: str = ""
    spine: str | Sequence[str] = ""
    spine_note: str = ""
    neck: str | Sequence[str] = ""
    signs: Sequence[str] = ()
    at_ends: bool = False

    def fits(self, rig: Rig, spelled: Mapping[str, str]) -> bool:
        """Whether a file with these joints may be of this naming."""
        return self.at_ends == rig.at_ends and all(compared(sign) in spelled for sign in self.signs)

    def joint_map(self, rig: Rig, spelled: Mapping[str, str]) -> JointMap:
        """The places that a file has for the 17 joints; those it has not are left out."""
        places = _limb_places(self.limbs, spelled)
        if {"RHip", "LHip"} <= places.keys():
            places["Hip"] = _mean([places["RHip"], places["LHip"]])
        thorax = _trunk(self.thorax, spelled, self.thorax_note)
        if thorax is not None:
            places["Thorax"] = thorax
        spine = _trunk(self.spine, spelled, self.spine_note)
        if spine is None and not self.spine and {"Hip", "Thorax"} <= places.keys():
            spine = _halfway(rig, places)
        places |= {} if spine is None else {"Spine": spine}
        return JointMap(self.name, places | self._head(rig, spelled, places))

    def _head(
        self, rig: Rig, spelled: Mapping[str, str], places: Mapping[str, Place]
    ) -> dict[str, Place]:
        head, thorax = _trunk(self.head, spelled), places.get("Thorax")
        crown = _trunk(self.crown, spelled)
        if crown is None and head is not None and thorax is not None:
            crown = crown_of(rig, spelled, thorax, head, places)
        neck = _trunk(self.neck, spelled, ON_THE_AXIS)
        if neck is None and not self.neck and crown is not None and thorax is not None:
            neck = _mean([thorax, crown], ON_THE_AXIS)
        return {name: p for name, p in (("Neck", neck), ("Head", crown)) if p is not None}


def spelled_names(joints: Sequence[str]) -> dict[str, str]:
    """The file's own name of each joint, by how it is compared."""
    plain = _without_common(_without_common(list(joints), _PREFIX), _SUFFIX)
    keys: dict[str, str] = {}
    for name, short in zip(joints, plain, strict=True):
        keys.setdefault(compared(short), name)
    return keys


_PREFIX = re.compile(r"[^-:_ .|]*[-:_ .|]+(?=.)")
_SUFFIX = re.compile(r"(?<=.)[-:_ .|]+[^-:_ .|]*$")


def _without_common(names: list[str], form: re.Pattern[str]) -> list[str]:
    """Names without what four of five of them begin, or end, with."""
    find = form.match if form is _PREFIX else form.search
    found = Counter(match.group() for match in map(find, names) if match)
    shared, count = found.most_common(1)[0] if found else ("", 0)
    if count < max(2, _SHARED * len(names)):
        return names
    remove = str.removeprefix if form is _PREFIX else str.removesuffix
    return _without_common([remove(name, shared) for name in names], form)


def compared(name: str) -> str:
    """A name as it is compared: small letters, of any script, and digits."""
    return re.sub(r"[\W_]", "", name.lower())


def _limb_places(limbs: Mapping[str, str], spelled: Mapping[str, str]) -> dict[str, Place]:
    places = {}
    for letter, words in _SIDES.items():
        for joint, parts in limbs.items():
            keys = [
                k for part in parts.split("|") for w in words for k in _sided(w, compared(part))
            ]
            if found := next((spelled[key] for key in keys if key in spelled), None):
                places[f"{letter}{joint}"] = Place.mean(found)
    return places


def _sided(word: str, part: str) -> tuple[str, str]:
    return word + part, part + word


def _trunk(given: str | Sequence[str], spelled: Mapping[str, str], note: str = "") -> Place | None:
    """The mean of some joints, of each the first alternative that is there."""
    wanted = [given] if isinstance(given, str) else list(given)
    found = [_any_of(names, spelled) for names in wanted if names]
    if not found or None in found:
        return None
    return Place.mean(*(name for name in found if name), note=note)


def _any_of(names: str, spelled: Mapping[str, str]) -> str | None:
    keys = [form for name in names.split("|") for form in (compared(name), f"c{compared(name)}")]
    return next((spelled[key] for key in keys if key in spelled), None)


def _mean(places: Sequence[Place], note: str = "") -> Place:
    return _mixed([(place, 1.0 / len(places)) for place in places], note)


def _mixed(parts: Sequence[tuple[Place, float]], note: str) -> Place:
    weights: dict[str, float] = {}
    for place, share in parts:
        for name, weight in place.weights.items():
            weights[name] = weights.get(name, 0.0) + share * weight
    return Place(weights, note)


def _halfway(rig: Rig, places: Mapping[str, Place]) -> Place:
    hip, thorax = places["Hip"], places["Thorax"]
    above_hips = rig.chain(next(iter(places["RHip"].weights)))
    chain = [name for name in rig.chain(next(iter(thorax.weights)))[1:] if name not in above_hips]
    stops = [hip, *(Place.mean(name) for name in reversed(chain)), thorax]
    lengths = [rig.length(*pair) for pair in zip(stops, stops[1:], strict=False)]
    half = 0.5 * sum(lengths)
    for number, length in enumerate(lengths):
        if half <= length and length > 0.0:
            share = half / length
            return _mixed([(stops[number], 1 - share), (stops[number + 1], share)], BETWEEN)
        half -= length
    return _mean([hip, thorax], BETWEEN)


@cache
def namings() -> tuple[Naming, ...]:
    """All of them, in the order in which they are tried."""
    folder = resources.files("evoskeleton.platform.data.mocap.namings")
    texts = [folder.joinpath(f"{name}.yaml").read_text("utf-8") for name in _ORDER]
    return tuple(Naming(**yaml.safe_load(text)) for text in texts)
