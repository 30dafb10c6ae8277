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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

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
_THORAX_LIMBS = tuple(i for i, limb in enumerate(LIMBS) if limb.frame == "thorax")
_PELVIS_LIMBS = tuple(i for i, limb in enumerate(LIMBS) if limb.frame == "pelvis")
_PELVIS_BONES = tuple(i for i, bone in enumerate(TORSO) if bone.frame == "pelvis")
_THORAX_BONES = tuple(i for i, bone in enumerate(TORSO) if bone.frame == "thorax")


def _rest_directions() -> np.ndarray:
    """(9, 3) unit rest directions; a left limb mirrors the right one."""
    head, arm, thigh = (0.0, 0.0, 1.0), (0.75, 0.6, -0.3), (0.0, 0.3, -0.95)
    rest = np.zeros((len(LIMBS), 3))
    for i, limb in enumerate(LIMBS):
        direction = {"head": head, "arm": arm, "thigh": thigh}.get(limb.name.split()[-1], arm)
        side = -1.0 if limb.name.startswith("left") else 1.0
        rest[i] = np.array(direction) * [side, 1.0, 1.0]
    return rest / np.linalg.norm(rest, axis=1, keepdims=True)


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

    def take(self, index: Tensor) -> "Genomes":
        """The bodies at (n,) int64 or boolean `index`."""
        if index.dtype == torch.bool:
            index = index.nonzero()[:, 0]
        return self.map(lambda array: array.index_select(-1, index))

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
    def concatenate(parts: Sequence["Genomes"]) -> "Genomes":
        """All bodies of all parts, in order."""
        return Genomes(
            *(
                torch.cat([getattr(part, field.name) for part in parts], dim=-1)
                for field in fields(Genomes)
            )
        )


def _rest(limbs: Sequence[int], like: Tensor) -> Tensor:
    rest = torch.as_tensor(REST[list(limbs)].T.copy(), dtype=like.dtype, device=like.device)
    return rest[:, :, None]


def _arc(rest: Tensor, bones: Tensor) -> Tensor:
    """Axis of the half turn that, after one about `rest`, is the shortest arc from rest to bone."""
    middle = rest + bones
    fallback = torch.stack([rest[1], -rest[0], torch.zeros_like(rest[0])]) + rest[[2, 2, 0]] * 0.1
    opposite = middle.square().sum(0) < 1e-10
    return normalize(torch.where(opposite, fallback.expand_as(middle), middle))


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
    neck = into_bone_frame(limbs[:, :1], neck, _rest((0,), neck))[:, 0] / lengths[len(TORSO)]
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
    thorax_limbs, pelvis_limbs = _with_children(_THORAX_LIMBS), _with_children(_PELVIS_LIMBS)
    body[:, thorax_limbs] = rotate_back(thorax, world[:, thorax_limbs])
    body[:, pelvis_limbs] = rotate_back(pelvis, world[:, pelvis_limbs])
    local = normalize(body)
    parents = local[:, PARENT_LIMBS]
    children = into_bone_frame(parents, local[:, CHILD_LIMBS], _rest(PARENT_LIMBS, local))
    local[:, CHILD_LIMBS] = normalize(children)
    return local


def _with_children(limbs: Sequence[int]) -> list[int]:
    return [i for i, limb in enumerate(LIMBS) if i in limbs or limb.parent in limbs]


def limb_offsets_in_body(genomes: Genomes) -> Tensor:
    """(3, 9, bodies) mm, each limb in its pelvis or thorax frame, children unfolded."""
    unfolded = genomes.limbs.clone()
    parents = genomes.limbs[:, PARENT_LIMBS]
    rest = _rest(PARENT_LIMBS, parents)
    unfolded[:, CHILD_LIMBS] = out_of_bone_frame(parents, genomes.limbs[:, CHILD_LIMBS], rest)
    return unfolded * genomes.lengths[len(TORSO) :]


def decode(genomes: Genomes) -> Tensor:
    """Joints (bodies, 17, 3), world mm, float32, of every body."""
    return joint_places(genomes).permute(2, 1, 0).contiguous()


def joint_places(genomes: Genomes) -> Tensor:
    """The same joints component-first: (3, 17, bodies)."""
    thorax = compose(genomes.pelvis, genomes.trunk)
    torso = genomes.torso * genomes.lengths[: len(TORSO)]
    limbs = limb_offsets_in_body(genomes)
    neck = genomes.neck[:, None] * genomes.lengths[len(TORSO)]
    neck = out_of_bone_frame(genomes.limbs[:, :1], neck, _rest((0,), neck))
    pelvis_limbs, thorax_limbs = _with_children(_PELVIS_LIMBS), _with_children(_THORAX_LIMBS)
    below = rotate(
        genomes.pelvis, torch.cat([torso[:, _PELVIS_BONES], limbs[:, pelvis_limbs]], dim=1)
    )
    above = rotate(
        thorax, torch.cat([torso[:, _THORAX_BONES], limbs[:, thorax_limbs], neck], dim=1)
    )
    return _place(genomes.root, below, above)


_BELOW: tuple[TorsoBone | Limb, ...] = (
    *(TORSO[i] for i in _PELVIS_BONES),
    *(LIMBS[i] for i in _with_children(_PELVIS_LIMBS)),
)
_ABOVE: tuple[TorsoBone | Limb, ...] = (
    *(TORSO[i] for i in _THORAX_BONES),
    *(LIMBS[i] for i in _with_children(_THORAX_LIMBS)),
)


def _place(root: Tensor, below: Tensor, above: Tensor) -> Tensor:
    """Walk the tree: world positions (3, 17, bodies) from world offsets; the neck's comes last."""
    places = torch.empty(3, len(Joint), root.shape[-1], dtype=root.dtype, device=root.device)
    places[:, Joint.HIP] = root
    walk = zip((*_BELOW, *_ABOVE), (*below.unbind(1), *above.unbind(1)[:-1]), strict=True)
    for bone, offset in walk:
        torch.add(places[:, bone.start], offset, out=places[:, bone.end])
    torch.add(places[:, Joint.THORAX], above[:, -1], out=places[:, Joint.NECK])
    return places
