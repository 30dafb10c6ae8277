"""A person with everything on: the vertices of body, hair and clothes in the world."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from evoskeleton.pose2d.rendering.body.bones import ramp
from evoskeleton.pose2d.rendering.body.figure import EARS, EYES, NOSE
from evoskeleton.pose2d.rendering.body.mesh import HEAD, BodyMesh, body_mesh
from evoskeleton.pose2d.rendering.body.pieces import Piece, head_piece, skirt_piece
from evoskeleton.pose2d.rendering.body.posing import Freedom, posed_bones
from evoskeleton.pose2d.rendering.looks.look import Look
from evoskeleton.pose2d.rendering.looks.textures import look_up, noise
from evoskeleton.pose2d.rendering.looks.zones import (
    Zones,
    covered_by_bottom,
    covered_by_shoes,
    covered_by_socks,
    covered_by_top,
    hair_height,
)


class Kind(IntEnum):
    """What a vertex is of."""

    BODY = 0
    HEAD = 1
    HAND = 2
    HAIR = 3
    HAT = 4
    SKIRT = 5
    THING = 6


_THICK = {"cropped": 4.0, "short": 15.0, "bald": 0.0, "beanie": 16.0, "cap": 5.0}
_OTHER_HAIR = 8.0


@dataclass(frozen=True)
class Surface:
    """Triangles in the world, with what is needed to paint them.

    Attributes:
        world: (vertices, 3) float32 mm.
        normals: (vertices, 3) float32, outwards.
        rest: (vertices, 3) float32 mm in the rest frame, for textures.
        air: (vertices,) float32, 0 in a fold to 1 in the open.
        kind: (vertices,) int64 of `Kind`.
        faces: (faces, 3) int64.
    """

    world: np.ndarray
    normals: np.ndarray
    rest: np.ndarray
    air: np.ndarray
    kind: np.ndarray
    faces: np.ndarray


@dataclass(frozen=True)
class Dressed:
    """A person in the world.

    Attributes:
        surface: skin, hair and clothes.
        joints: (17, 3) world mm.
        face: (5, 3) world mm: nose, eyes, ears, left before right.
        size: of the body, against the one at rest.
    """

    surface: Surface
    joints: np.ndarray
    face: np.ndarray
    size: float


def dress(look: Look, joints: np.ndarray, ground: float, freedom: Freedom) -> Dressed:
    """A person of a look in a pose.

    Args:
        look: from `draw_look`.
        joints: (17, 3) world mm.
        ground: height of the ground there, world mm.
        freedom: what joints leave open.
    """
    mesh = body_mesh()
    bones = posed_bones(joints, ground, freedom)
    skin = mesh.of(look.build) + mesh.normals * _thickness(look, mesh)[:, None]
    parts: list[tuple[np.ndarray, ...]] = []
    parts.append(
        (skin, mesh.rest, mesh.normals, mesh.weights, mesh.faces, mesh.part, mesh.open_air)
    )
    for piece, made_of in _pieces(look):
        full = np.ones(len(piece.rest), dtype=np.float32)
        kinds = np.full(len(piece.rest), made_of)
        parts.append(
            (piece.rest, piece.rest, piece.normals, piece.weights, piece.faces, kinds, full)
        )
    shaped, rest, normals, weights, faces, kind, air = _stacked(parts)
    maps = (weights @ bones.maps.reshape(len(bones.maps), 12)).reshape(-1, 3, 4)
    world = np.einsum("vij,vj->vi", maps[..., :3], shaped) + maps[..., 3]
    turned = np.einsum("vij,vj->vi", maps[..., :3], normals)
    turned /= np.maximum(np.sqrt(np.einsum("vi,vi->v", turned, turned)), 1e-6)[:, None]
    surface = Surface(world, turned, rest, air, kind, faces)
    return Dressed(surface, joints, _face(bones.maps), bones.size)


def _pieces(look: Look) -> list[tuple[Piece, Kind]]:
    hair = head_piece(look.style)
    pieces = [] if hair is None else [(hair, Kind.HAT if look.style == "cap" else Kind.HAIR)]
    if look.skirt:
        pieces.append((skirt_piece(look.skirt, look.flare), Kind.SKIRT))
    return pieces


def _stacked(parts: list[tuple[np.ndarray, ...]]) -> list[np.ndarray]:
    """All columns one after the other; triangles count on."""
    starts = np.cumsum([0, *(len(part[0]) for part in parts[:-1])])
    shifted = [
        (*part[:4], part[4] + start, *part[5:]) for part, start in zip(parts, starts, strict=True)
    ]
    return [np.concatenate(column) for column in zip(*shifted, strict=True)]


_HEAD_BONE = 4


def _face(maps: np.ndarray) -> np.ndarray:
    points = np.array([NOSE, *EYES, *EARS])
    return np.asarray(points @ maps[_HEAD_BONE, :, :3].T + maps[_HEAD_BONE, :, 3])


def _thickness(look: Look, mesh: BodyMesh) -> np.ndarray:
    """(vertices,) float32 mm that clothes and hair stand off the skin."""
    zones = Zones(mesh.rest)
    thick = np.zeros(len(mesh.rest), dtype=np.float32)
    thick[covered_by_socks(look, zones)] = 3.0
    bottom = covered_by_bottom(look, zones)
    wide = 4.0 + 30.0 * look.flare * ramp(zones.leg, 60.0, 800.0) + 6.0 * look.flare
    thick = np.where(bottom, wide, thick)
    thick[covered_by_shoes(look, zones)] = 6.0
    top = covered_by_top(look, zones)
    belly = ramp(-zones.z, -330.0, -120.0) + ramp(zones.arm, 110.0, 260.0)
    thick = np.where(top, np.maximum(thick, 4.0 + look.loose * (0.25 + 0.75 * belly)), thick)
    head = mesh.part == HEAD
    hair = _THICK.get(look.style, _OTHER_HAIR) * ramp(hair_height(look, zones), 0.0, 22.0)
    rough = 0.6 + 0.8 * look_up(noise(3), 1.5 * mesh.rest[:, 0] + mesh.rest[:, 1], mesh.rest[:, 2])
    return np.where(head, thick + hair * rough, thick).astype(np.float32)
