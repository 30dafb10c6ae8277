"""World joints <-> genome: the hierarchical representation of a body (Li et al. 2020, section 3.1,
https://arxiv.org/abs/2006.07778), here with a trunk that bends.

Frames are right-handed, x to the body's right, y forwards, z up:

- pelvis: x along LHip -> RHip, z towards Hip -> Spine;
- thorax: x along LShoulder -> RShoulder, z towards Spine -> Thorax; `trunk` is the thorax in the
  pelvis frame;
- bone: the frame of the parent bone's own parent, carried along by the shortest arc from the
  limb's rest direction to the bone. A shortest arc has one singular direction, opposite to rest,
  and `REST` puts it where no limb points (behind and across the chest, up the back), while a cross
  product with a fixed axis has two that limbs do reach.

A genome is a struct of component-first float32 arrays (see `rotations`): the last axis counts the
bodies. Operators work on genomes; joints are rebuilt once, when a pose is scored or stored.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from evoskeleton.evolution.rotations import (
    compose,
    frame,
    half_turn,
    normalize,
    rotate,
    rotate_back,
)
from evoskeleton.evolution.skeleton import LIMBS, TORSO, Joint, Limb, TorsoBone
from evoskeleton.shapes import expect_shape

BODY_LIMBS = tuple(i for i, limb in enumerate(LIMBS) if limb.frame != "bone")
CHILD_LIMBS = tuple(i for i, limb in enumerate(LIMBS) if limb.frame == "bone")
PARENT_LIMBS = tuple(LIMBS[i].parent for i in CHILD_LIMBS)


def _as_slice(places: Sequence[int]) -> slice:
    """Places at even steps as a slice: a view is many times faster than a list of places."""
    step = places[1] - places[0]
    found = slice(places[0], places[-1] + 1, step)
    assert tuple(range(found.start, found.stop, step)) == tuple(places), "uneven steps"
    return found


def _limbs_of(frame: str) -> slice:
    """Limbs that a frame carries, children included."""
    carried = [i for i, limb in enumerate(LIMBS) if frame in (limb.frame, LIMBS[limb.parent].frame)]
    return _as_slice([i for i in carried if LIMBS[i].frame in (frame, "bone")])


def _torso_of(frame: str) -> slice:
    return _as_slice([i for i, bone in enumerate(TORSO) if bone.frame == frame])


_HEAD = 0
_CHILDREN, _CARRIERS = _as_slice(CHILD_LIMBS), _as_slice(PARENT_LIMBS)
_PELVIS_LIMBS, _THORAX_LIMBS = _limbs_of("pelvis"), _limbs_of("thorax")
_PELVIS_BONES, _THORAX_BONES = _torso_of("pelvis"), _torso_of("thorax")


def _rest_directions() -> np.ndarray:
    """(9, 3) unit rest directions; a left limb mirrors the right one."""
    head, arm, thigh = (0.0, 0.0, 1.0), (0.75, 0.6, -0.3), (0.0, 0.3, -0.95)
    rest = np.zeros((len(LIMBS), 3))
    for i, limb in enumerate(LIMBS):
        direction = {"head": head, "arm": arm, "thigh": thigh}.get(limb.name.split()[-1], arm)
        side = -1.0 if limb.name.startswith("left") else 1.0
        rest[i] = np.array(direction) * [side, 1.0, 1.0]
    found: np.ndarray = rest / np.linalg.norm(rest, axis=1, keepdims=True)
    return found


REST = _rest_directions()
"""(9, 3) rest direction of each limb in its frame; used for limbs that carry a frame."""


@dataclass(frozen=True)
class Genomes:
    """Many bodies, float32, component-first.

    Attributes:
        root: (3, bodies) hip position, world mm.
        pelvis: (3, 3, bodies) rotation from pelvis to world.
        trunk: (3, 3, bodies) rotation from thorax to pelvis.
        torso: (3, 6, bodies) unit directions of the `TORSO` bones in pelvis or thorax.
        limbs: (3, 9, bodies) unit directions of the `LIMBS` in their frames.
        neck: (3, bodies) Neck seen from Thorax, in the frame of the head limb, in head lengths.
        lengths: (15, bodies) mm, the six `TORSO` bones, then the nine `LIMBS`.
    """

    root: Tensor
    pelvis: Tensor
    trunk: Tensor
    torso: Tensor
    limbs: Tensor
    neck: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        return self.root.shape[-1]

    @property
    def device(self) -> torch.device:
        """Where the arrays lie."""
        return self.root.device

    def map(self, change: Callable[[Tensor], Tensor]) -> "Genomes":
        """The same change to every array."""
        return Genomes(*(change(getattr(self, field.name)) for field in fields(self)))

    def map_two(self, other: "Genomes", choose: Callable[[Tensor, Tensor], Tensor]) -> "Genomes":
        """Array by array from two of the same size."""
        names = [field.name for field in fields(self)]
        return Genomes(*(choose(getattr(self, name), getattr(other, name)) for name in names))

    def take(self, index: Tensor) -> "Genomes":
        """The bodies at (n,) int64 or boolean `index`."""
        if index.dtype == torch.bool:
            index = index.nonzero()[:, 0]
        return self.map(lambda array: _columns(array, index))

    def to(self, device: torch.device | str) -> "Genomes":
        """The same bodies on a device."""
        return self.map(lambda array: array.to(device))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Plain numpy, for files and for other processes."""
        return {field.name: getattr(self, field.name).cpu().numpy() for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Genomes":
        """Back from `to_arrays`; the arrays are copied."""
        return cls(*(torch.tensor(arrays[field.name]) for field in fields(cls)))

    @staticmethod
    def concatenate(parts: Sequence["Genomes"], order: Tensor | None = None) -> "Genomes":
        """All bodies of all parts, in order, or those at (n,) int64 places `order` of the whole."""

        if len(parts) == 1:
            return parts[0] if order is None else parts[0].take(order)

        def joined(name: str) -> Tensor:
            whole = torch.cat([getattr(part, name) for part in parts], dim=-1)
            return whole if order is None else _columns(whole, order)

        return Genomes(*(joined(field.name) for field in fields(Genomes)))


def _columns(array: Tensor, index: Tensor) -> Tensor:
    """Columns of (..., bodies); as a matrix, which torch gathers ten times faster."""
    rows, bodies = math.prod(array.shape[:-1]), array.shape[-1]
    matrix = array.reshape(rows, bodies).index_select(1, index)
    return matrix.view(*array.shape[:-1], len(index))


@lru_cache(maxsize=64)
def _rest(limbs: tuple[int, ...], device: torch.device) -> Tensor:
    """A kept constant must not be an inference tensor: gradients may flow past it later."""
    with torch.inference_mode(False):
        rest = torch.as_tensor(REST[list(limbs)].T.copy(), dtype=torch.float32, device=device)
        return rest[:, :, None]


_NUDGE = torch.tensor([0.5e-6, -0.8e-6, 0.3e-6])[:, None, None]


def _arc(rest: Tensor, bones: Tensor) -> Tensor:
    """Axis of the half turn that, after one about `rest`, is the shortest arc from rest to bone.

    A micrometre a metre beside the true middle, so that there is an axis even where the two are
    opposite; both directions of the trip use the same one, so nothing is lost.
    """
    return normalize((rest + _NUDGE.to(rest.device)).add(bones))


def out_of_bone_frame(bones: Tensor, vectors: Tensor, rest: Tensor) -> Tensor:
    """Vectors (3, k, bodies) out of the frames that unit `bones` (3, k, bodies) carry."""
    return half_turn(_arc(rest, bones), half_turn(rest, vectors))


def into_bone_frame(bones: Tensor, vectors: Tensor, rest: Tensor) -> Tensor:
    """The inverse of `out_of_bone_frame`."""
    return half_turn(rest, half_turn(_arc(rest, bones), vectors))


def encode(joints: Tensor | np.ndarray) -> Genomes:
    """Bodies from joints.

    Args:
        joints: (bodies, 17, 3) world mm.

    Raises:
        BadInput: another shape.
    """
    expect_shape("joints", joints, ("bodies", len(Joint), 3))
    if isinstance(joints, np.ndarray):
        joints = torch.tensor(joints)
    places = joints.float().permute(2, 1, 0).contiguous()
    pelvis = frame(
        places[:, Joint.RHIP] - places[:, Joint.LHIP], places[:, Joint.SPINE] - places[:, Joint.HIP]
    )
    thorax = frame(
        places[:, Joint.RSHOULDER] - places[:, Joint.LSHOULDER],
        places[:, Joint.THORAX] - places[:, Joint.SPINE],
    )
    bones: list[TorsoBone | Limb] = [*TORSO, *LIMBS]
    offsets = places[:, [b.end for b in bones]] - places[:, [b.start for b in bones]]
    lengths = offsets.square().sum(0).sqrt()
    directions = normalize(offsets)
    torso = _local_torso(pelvis, thorax, directions[:, : len(TORSO)])
    limbs = _local_limbs(pelvis, thorax, directions[:, len(TORSO) :])
    neck = rotate_back(thorax, (places[:, Joint.NECK] - places[:, Joint.THORAX])[:, None])
    neck = (
        into_bone_frame(limbs[:, :1], neck, _rest((_HEAD,), neck.device))[:, 0]
        / lengths[len(TORSO)]
    )
    trunk = compose(pelvis.transpose(0, 1), thorax)
    return Genomes(
        places[:, Joint.HIP].clone(), pelvis, trunk, torso, limbs, neck, lengths.contiguous()
    )


def _local_torso(pelvis: Tensor, thorax: Tensor, world: Tensor) -> Tensor:
    local = torch.empty_like(world)
    local[:, _PELVIS_BONES] = rotate_back(pelvis, world[:, _PELVIS_BONES])
    local[:, _THORAX_BONES] = rotate_back(thorax, world[:, _THORAX_BONES])
    return normalize(local)


def _local_limbs(pelvis: Tensor, thorax: Tensor, world: Tensor) -> Tensor:
    """(3, 9, bodies) unit directions, children in the frames of their stored parents."""
    body = torch.empty_like(world)
    body[:, _THORAX_LIMBS] = rotate_back(thorax, world[:, _THORAX_LIMBS])
    body[:, _PELVIS_LIMBS] = rotate_back(pelvis, world[:, _PELVIS_LIMBS])
    local = normalize(body)
    parents = local[:, _CARRIERS]
    children = into_bone_frame(parents, local[:, _CHILDREN], _rest(PARENT_LIMBS, local.device))
    local[:, _CHILDREN] = normalize(children)
    return local


def _unfolded(genomes: Genomes) -> tuple[Tensor, Tensor]:
    """Limbs (3, 9, bodies) mm and neck (3, 1, bodies) mm in the thorax or pelvis frame."""
    limbs, lengths = genomes.limbs, genomes.lengths[len(TORSO) :]
    carriers = torch.cat([limbs[:, _CARRIERS], limbs[:, : _HEAD + 1]], dim=1)
    carried = torch.cat([limbs[:, _CHILDREN], genomes.neck[:, None]], dim=1)
    rest = _rest((*PARENT_LIMBS, _HEAD), limbs.device)
    carried = out_of_bone_frame(carriers, carried, rest)
    offsets = limbs * lengths
    torch.mul(carried[:, :-1], lengths[_CHILDREN], out=offsets[:, _CHILDREN])
    return offsets, carried[:, -1:] * lengths[_HEAD]


def decode(genomes: Genomes) -> Tensor:
    """Joints (bodies, 17, 3), world mm, float32, of every body."""
    return places_to_joints(joint_places(genomes))


def places_to_joints(places: Tensor) -> Tensor:
    """(17, 3, bodies) to (bodies, 17, 3)."""
    return places.view(3 * len(Joint), -1).T.contiguous().view(-1, len(Joint), 3)


def joint_places(genomes: Genomes) -> Tensor:
    """The joints of `decode` as the operators like them: (17, 3, bodies)."""
    torso = genomes.torso * genomes.lengths[: len(TORSO)]
    limbs, neck = _unfolded(genomes)
    below = torch.cat([torso[:, _PELVIS_BONES], limbs[:, _PELVIS_LIMBS]], dim=1)
    above = torch.cat([torso[:, _THORAX_BONES], limbs[:, _THORAX_LIMBS], neck], dim=1)
    thorax = compose(genomes.pelvis, genomes.trunk)
    return _place(genomes.root, rotate(genomes.pelvis, below), rotate(thorax, above))


def _ends(bones: Iterable[TorsoBone | Limb]) -> list[tuple[Joint, Joint]]:
    return [(bone.start, bone.end) for bone in bones]


_WALK = [
    *_ends(list(TORSO)[_PELVIS_BONES]),
    *_ends(list(LIMBS)[_PELVIS_LIMBS]),
    *_ends(list(TORSO)[_THORAX_BONES]),
    *_ends(list(LIMBS)[_THORAX_LIMBS]),
    (Joint.THORAX, Joint.NECK),
]


def _place(root: Tensor, below: Tensor, above: Tensor) -> Tensor:
    """Walk the tree: world positions (17, 3, bodies) from world offsets; the neck's comes last."""
    places = torch.empty(len(Joint), *root.shape, dtype=root.dtype, device=root.device)
    places[Joint.HIP] = root
    for (start, end), offset in zip(_WALK, (*below.unbind(1), *above.unbind(1)), strict=True):
        torch.add(places[start], offset, out=places[end])
    return places
