"""Scalar twins of the operators: one body at a time, numpy on single 3-vectors, loops over bones.

They are written from the definitions, not from the batched code, and serve as its oracle and as
what the benchmark compares with. A twin body holds float64 vectors in world or frame coordinates;
its numbers come out of a twin of the generator, from the same addresses.
"""

from dataclasses import dataclass, replace
from math import atan2, cos, degrees, exp, hypot, log, pi, radians, sin, sqrt

import numpy as np

from evoskeleton.evolution import chance
from evoskeleton.evolution.breeding import BreedingSettings
from evoskeleton.evolution.hierarchy import REST, Genomes
from evoskeleton.evolution.limits.tables import Limits
from evoskeleton.evolution.limits.trunk import TrunkRange
from evoskeleton.evolution.operators.build import LengthSettings, ShoulderSettings
from evoskeleton.evolution.operators.crossover import CrossoverSettings
from evoskeleton.evolution.operators.ground import GroundSettings
from evoskeleton.evolution.operators.limbs import LimbSettings
from evoskeleton.evolution.operators.orientation import RotationSettings
from evoskeleton.evolution.skeleton import BRANCHES, LIMBS, MIRROR, TORSO, Joint

Vector = np.ndarray
_WORD = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15


def mix(word: int) -> int:
    """SplitMix64's finaliser on an unsigned word."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)


def words(key: int, counter: int, draws: int) -> list[int]:
    """The random words of one address."""
    start = (mix((counter * _GAMMA) & _WORD) + key) & _WORD
    return [mix((start + step * _GAMMA) & _WORD) for step in range(1, draws + 1)]


@dataclass(frozen=True)
class TwinDraws:
    """The draws of one slot."""

    seed: int
    generation: int
    island: int
    attempt: int
    slot: int

    def numbers(self, name: str, uniforms: int, normals: int) -> tuple[list[float], list[float]]:
        """Uniform and standard normal numbers of one stream."""
        stream = chance.stream(name)
        key = chance.key(self.seed, self.generation, self.island, stream, self.attempt)
        wanted = uniforms + normals + normals % 2
        halves: list[int] = []
        for word in words(key, self.slot, (wanted + 1) // 2):
            halves += [word >> 40, (word >> 8) & 0xFFFFFF]
        normal: list[float] = []
        for i in range(uniforms, wanted, 2):
            radius = sqrt(-2.0 * log((halves[i] + 1) * 2.0**-24))
            angle = 2.0 * pi * halves[i + 1] * 2.0**-24
            normal += [radius * cos(angle), radius * sin(angle)]
        return [half * 2.0**-24 for half in halves[:uniforms]], normal[:normals]


@dataclass(frozen=True)
class Body:
    """One genome; see `Genomes` for what the parts mean."""

    root: Vector
    pelvis: np.ndarray
    trunk: np.ndarray
    torso: list[Vector]
    limbs: list[Vector]
    neck: Vector
    lengths: list[float]


def bodies_of(genomes: Genomes) -> list[Body]:
    """Twin bodies of a population."""
    a = {name: array.astype(np.float64) for name, array in genomes.to_arrays().items()}
    return [
        Body(
            root=a["root"][:, i].copy(),
            pelvis=a["pelvis"][:, :, i].copy(),
            trunk=a["trunk"][:, :, i].copy(),
            torso=[a["torso"][:, k, i].copy() for k in range(len(TORSO))],
            limbs=[a["limbs"][:, k, i].copy() for k in range(len(LIMBS))],
            neck=a["neck"][:, i].copy(),
            lengths=[float(length) for length in a["lengths"][:, i]],
        )
        for i in range(len(genomes))
    ]


def unit(vector: Vector) -> Vector:
    return vector / np.linalg.norm(vector)


def turn(vector: Vector, axis: Vector, angle: float) -> Vector:
    """Rodrigues' formula."""
    along = axis * np.dot(axis, vector) * (1.0 - cos(angle))
    return vector * cos(angle) + np.cross(axis, vector) * sin(angle) + along


def rotation_about(axis: Vector, angle: float) -> np.ndarray:
    """The matrix whose columns are the turned axes of the frame."""
    return np.stack([turn(column, axis, angle) for column in np.eye(3)], axis=1)


def swap_branches(body: Body, donor: Body, draws: TwinDraws, settings: CrossoverSettings) -> Body:
    """The child that keeps `body` and takes a branch of `donor`; `draws` are the pair's."""
    (chance_, place), _ = draws.numbers("crossover", 2, 0)
    if not chance_ < settings.rate:
        return body
    branch = BRANCHES[settings.branches[int(place * len(settings.branches))]]
    limbs = list(body.limbs)
    for limb in branch:
        limbs[limb] = donor.limbs[limb]
    neck = donor.neck if 0 in branch else body.neck
    lengths = list(body.lengths)
    if settings.swap_lengths:
        lengths[len(TORSO) :] = donor.lengths[len(TORSO) :]
    return replace(body, limbs=limbs, neck=neck, lengths=lengths)


def mutate_limbs(body: Body, draws: TwinDraws, settings: LimbSettings) -> Body:
    shares, normals = draws.numbers("limbs", len(LIMBS), len(LIMBS))
    limbs = []
    for direction, share, normal in zip(body.limbs, shares, normals, strict=True):
        if share < settings.rate:
            axis = np.zeros(3)
            axis[int(3.0 * share / settings.rate)] = 1.0
            direction = turn(direction, axis, radians(settings.sigma_deg) * normal)
        limbs.append(direction)
    return replace(body, limbs=limbs)


def random_rotation(draws: TwinDraws, name: str, settings: RotationSettings) -> np.ndarray:
    (chance_, height, around), (normal,) = draws.numbers(name, 3, 1)
    if not chance_ < settings.rate:
        return np.eye(3)
    z, azimuth = 2.0 * height - 1.0, 2.0 * pi * around
    across = sqrt(1.0 - z * z)
    axis = np.array([across * cos(azimuth), across * sin(azimuth), z])
    if settings.axis == "vertical":
        axis = np.array([0.0, 0.0, 1.0])
    return rotation_about(axis, radians(settings.sigma_deg) * normal)


def turn_body(body: Body, draws: TwinDraws, settings: RotationSettings) -> Body:
    return replace(body, pelvis=random_rotation(draws, "turn", settings) @ body.pelvis)


def bend_trunk(body: Body, draws: TwinDraws, settings: RotationSettings) -> Body:
    return replace(body, trunk=random_rotation(draws, "bend", settings) @ body.trunk)


def _bone_name(bone: int) -> str:
    """What a bone shares with its mirror image: the joints it joins, without their side."""
    start, end = [(b.start, b.end) for b in (*TORSO, *LIMBS)][bone]
    return f"{min(start, MIRROR[start])}-{min(end, MIRROR[end])}"


_NAMES = [_bone_name(bone) for bone in range(len(TORSO) + len(LIMBS))]
_FACTOR_OF = [list(dict.fromkeys(_NAMES)).index(name) for name in _NAMES]


def mutate_lengths(
    body: Body, draws: TwinDraws, settings: LengthSettings, templates: list[list[float]]
) -> Body:
    (chance_, source, place), normals = draws.numbers("lengths", 3, 10)
    if not chance_ < settings.rate:
        return body
    start = body.lengths
    if templates and source < settings.template:
        start = templates[int(place * len(templates))]
    scale = settings.scale_sigma * normals[0]
    hips = sqrt(settings.bone_sigma**2 + settings.hip_sigma**2)
    spreads = [hips] + [settings.bone_sigma] * 8
    factors = [
        exp(scale + spread * normal) for spread, normal in zip(spreads, normals[1:], strict=True)
    ]
    lengths = [length * factors[_FACTOR_OF[bone]] for bone, length in enumerate(start)]
    return replace(body, lengths=lengths)


def mutate_shoulders(
    body: Body, draws: TwinDraws, settings: ShoulderSettings, templates: list[Body]
) -> Body:
    (chance_, place), (up, forward) = draws.numbers("shoulders", 2, 2)
    if not chance_ < settings.rate:
        return body
    torso = list(templates[int(place * len(templates))].torso if templates else body.torso)
    ahead, upwards = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    for bone, side in ((4, -1.0), (5, 1.0)):
        raised = turn(torso[bone], -side * ahead, radians(settings.up_sigma_deg * up))
        torso[bone] = turn(raised, side * upwards, radians(settings.forward_sigma_deg * forward))
    return replace(body, torso=torso)


def out_of_bone_frame(bone: Vector, rest: Vector, vector: Vector) -> Vector:
    """The shortest arc from rest to bone: a turn about their vector product."""
    axis = np.cross(rest, bone)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-9:
        return vector
    return turn(vector, axis / sine, float(np.arctan2(sine, np.dot(rest, bone))))


def joints_of(body: Body) -> np.ndarray:
    """Joints (17, 3), world mm."""
    thorax = body.pelvis @ body.trunk
    frames = {"pelvis": body.pelvis, "thorax": thorax}
    joints = np.zeros((len(Joint), 3))
    joints[Joint.HIP] = body.root
    for bone, direction, length in zip(TORSO, body.torso, body.lengths, strict=False):
        joints[bone.end] = joints[bone.start] + frames[bone.frame] @ direction * length
    for limb, direction, length in zip(LIMBS, body.limbs, body.lengths[len(TORSO) :], strict=True):
        frame = frames.get(limb.frame)
        if frame is None:
            parent = LIMBS[limb.parent]
            frame = frames[parent.frame]
            direction = out_of_bone_frame(body.limbs[limb.parent], REST[limb.parent], direction)
        joints[limb.end] = joints[limb.start] + frame @ direction * length
    neck = out_of_bone_frame(body.limbs[0], REST[0], body.neck) * body.lengths[len(TORSO)]
    joints[Joint.NECK] = joints[Joint.THORAX] + thorax @ neck
    return joints


def ground(body: Body, draws: TwinDraws, settings: GroundSettings) -> tuple[Body, np.ndarray]:
    _, (normal,) = draws.numbers("ground", 0, 1)
    joints = joints_of(body)
    if not settings.enabled:
        return body, joints
    shift = np.array([0.0, 0.0, settings.height_mm + settings.sigma_mm * normal])
    shift[2] -= min(joint[2] for joint in joints)
    return replace(body, root=body.root + shift), joints + shift


class TwinLimits:
    """The margin of one body, out of the tables of `Limits`."""

    def __init__(self, limits: Limits) -> None:
        self._body = limits.body.numpy().astype(np.float64) * 0.5
        self._child = limits.child.numpy().astype(np.float64) * 0.5
        self._tables = {"head": 0, "arm": 1, "thigh": 2, "forearm": 0, "shank": 1}

    def margin(self, body: Body) -> float:
        """The least margin over the nine limbs, degrees."""
        margins = []
        for limb, direction in zip(LIMBS, body.limbs, strict=True):
            side = np.array([-1.0 if limb.name.startswith("left") else 1.0, 1.0, 1.0])
            if limb.name == "head":
                side[0] = np.sign(direction[0])
            table = self._tables[limb.name.split()[-1]]
            if limb.frame == "bone":
                over = np.einsum(
                    "ij,ijkl->kl", *corners(body.limbs[limb.parent] * side, self._child[table])
                )
            else:
                over = self._body[table]
            margins.append(np.sum(np.multiply(*corners(direction * side, over))))
        return min(margins)


def corners(direction: Vector, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bilinear weights (2, 2) and the four entries of an octahedral table about a direction."""
    x, y, z = direction / np.abs(direction).sum()
    if z < 0.0:
        x, y = np.copysign(1.0 - abs(y), x), np.copysign(1.0 - abs(x), y)
    last = len(table) - 1
    row, column = (x + 1.0) * 0.5 * last, (y + 1.0) * 0.5 * last
    i, j = min(int(row), last - 1), min(int(column), last - 1)
    along, across = row - i, column - j
    weights = np.outer([1.0 - along, along], [1.0 - across, across])
    return weights, table[i : i + 2, j : j + 2]


def trunk_margin(trunk: np.ndarray, ranges: TrunkRange) -> float:
    """Degrees of one trunk within its ranges: swing and twist, see `TrunkRange`."""
    right, forwards, up = trunk[:, 2]
    size = hypot(right, forwards)
    bend = degrees(atan2(size, up))
    ahead = ranges.flexion_deg if forwards > 0.0 else ranges.extension_deg
    slant = hypot(forwards / ahead, right / ranges.lateral_deg)
    twist = degrees(2.0 * atan2(trunk[1, 0] - trunk[0, 1], 1.0 + float(np.trace(trunk))))
    return min(size / slant - bend, ranges.rotation_deg - abs(twist))


def breed_one(
    mother: Body,
    father: Body,
    draws: TwinDraws,
    pair: int,
    settings: BreedingSettings,
    templates: list[list[float]],
    limits: TwinLimits,
) -> tuple[float, np.ndarray | None]:
    """One attempt at one child of `mother`: its margin, and its joints if it is valid."""
    child = swap_branches(mother, father, replace(draws, slot=pair), settings.crossover)
    child = mutate_limbs(child, draws, settings.limbs)
    child = turn_body(child, draws, settings.turn)
    child = bend_trunk(child, draws, settings.bend)
    child = mutate_lengths(child, draws, settings.lengths, templates)
    margin = min(limits.margin(child), trunk_margin(child.trunk, settings.trunk))
    return margin, ground(child, draws, settings.ground)[1] if margin >= 0.0 else None
