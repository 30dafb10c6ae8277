"""Colours of a person, point by point: skin, face, hair, cloth, by places on the body at rest."""

from dataclasses import dataclass

import numpy as np

from evoskeleton.pose2d.rendering.looks.dressed import Kind
from evoskeleton.pose2d.rendering.looks.face import paint_face
from evoskeleton.pose2d.rendering.looks.look import Cloth, Colour, Look
from evoskeleton.pose2d.rendering.looks.textures import look_up, noise, print_on_cloth, slopes
from evoskeleton.pose2d.rendering.looks.zones import (
    Zones,
    covered_by_bottom,
    covered_by_gloves,
    covered_by_shoes,
    covered_by_socks,
    covered_by_top,
    hair_height,
)

_BELT = 26.0


@dataclass(frozen=True)
class Paint:
    """What light falls on.

    Attributes:
        colour: (n, 3) float32 in [0, 1], as a screen shows it.
        shine: (n,) float32, how strongly it mirrors the light.
        dents: (n, 2) float32, how the surface leans across and along, in units of its normal.
    """

    colour: np.ndarray
    shine: np.ndarray
    dents: np.ndarray


def paint(look: Look, kind: np.ndarray, rest: np.ndarray) -> Paint:
    """Colours of points on a person.

    Args:
        look: of the person.
        kind: (n,) of `Kind`.
        rest: (n, 3) float32 mm, rest frame.
    """
    colour = np.empty((len(rest), 3), dtype=np.float32)
    made = Paint(colour, np.zeros(len(rest), np.float32), np.zeros((len(rest), 2), np.float32))
    painters = {
        Kind.BODY: _body, Kind.HAND: _body, Kind.HEAD: _head, Kind.HAIR: _hair, Kind.HAT: _hat,
        Kind.SKIRT: _skirt,
    }  # fmt: skip
    for each, painter in painters.items():
        at = np.flatnonzero(kind == each)
        if len(at):
            colours, shine, dents = painter(look, rest[at])
            made.colour[at], made.shine[at], made.dents[at] = colours, shine, dents
    return made


_Painted = tuple[np.ndarray, np.ndarray, np.ndarray]


def _skin(look: Look, rest: np.ndarray) -> np.ndarray:
    mottled = look_up(noise(1), rest[:, 0] + 0.6 * rest[:, 1], rest[:, 2]) - 0.5
    return toned(look.skin, 1.0 + 0.10 * mottled)


def _body(look: Look, rest: np.ndarray) -> _Painted:
    zones = Zones(rest)
    colour, shine = _skin(look, rest), np.full(len(rest), 0.12, np.float32)
    dents = np.zeros((len(rest), 2), dtype=np.float32)

    def lay(where: np.ndarray, cloth: Cloth, across: np.ndarray, along: np.ndarray) -> None:
        at = np.flatnonzero(where)
        if len(at):
            colour[at], dents[at] = _cloth(cloth, across[at], along[at])
            shine[at] = 0.02 + 0.25 * cloth.shine

    around = rest[:, 0] + 0.7 * rest[:, 1]
    socks = covered_by_socks(look, zones)
    colour[socks] = look.socks
    lay(covered_by_bottom(look, zones), look.bottom, around, -zones.leg)
    shoes = covered_by_shoes(look, zones)
    colour[shoes], shine[shoes] = look.shoes, 0.15
    colour[shoes & (zones.above_sole < 20.0)] = look.sole
    if look.top is not None:
        top = covered_by_top(look, zones)
        along = np.where(zones.arm > -500.0, -zones.arm, zones.z)
        lay(top, look.top, around, along)
        _front(look, zones, top, colour)
    elif not look.skirt:
        belt = covered_by_bottom(look, zones) & (zones.z > look.waist - _BELT)
        colour[belt] *= 0.5
    gloves = covered_by_gloves(look, zones)
    if look.gloves is not None:
        colour[gloves] = look.gloves
    _fingers(zones, colour)
    return colour, shine, dents


def _front(look: Look, zones: Zones, top: np.ndarray, colour: np.ndarray) -> None:
    """What lies on the front of the top: a print, the shirt below a jacket; and its hems."""
    assert look.top is not None
    front = top & (zones.y < 0.0) & (zones.arm < -500.0)
    if look.open_front:
        gap = 14.0 + np.maximum(zones.z - 120.0, 0.0) * 0.16
        shirt = front & (zones.side < gap) & (zones.z > look.hem)
        colour[shirt] = look.under.colour
    elif look.top.pattern == "print":
        at = np.flatnonzero(front & (zones.side < 118.0) & (zones.z > 180.0) & (zones.z < 416.0))
        mark = look_up(
            print_on_cloth(look.top.tile),
            zones.rest[at, 0] * 1.08 + 128.0,
            (424.0 - zones.z[at]) * 1.08,
        )[:, None]
        colour[at] += mark * (np.asarray(look.top.second, np.float32) - colour[at])
    hem = top & (
        (zones.z < look.hem + 9.0) | ((zones.arm > look.sleeve - 9.0) & (look.sleeve > 60))
    )
    colour[hem] *= 0.86


def _fingers(zones: Zones, colour: np.ndarray) -> None:
    """Nails and knuckles are too small to see; hands are a little redder than arms."""
    hands = zones.arm > 590.0
    colour[hands] *= np.array([1.0, 0.96, 0.95], np.float32)


def _cloth(cloth: Cloth, across: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colours and dents of a cloth at places on it, mm."""
    weave = look_up(noise(cloth.tile, 0.8, 16), 2.0 * across, 2.0 * along)
    worn = look_up(noise(cloth.tile + 20), 0.5 * across, 0.5 * along)
    tone = 0.88 + 0.12 * weave + 0.12 * worn
    colour = toned(cloth.colour, tone)
    if cloth.pattern not in ("plain", "print"):
        share = _pattern(cloth, across, along)
        for channel, (first, second) in enumerate(zip(cloth.colour, cloth.second, strict=True)):
            colour[:, channel] += share * np.float32(second - first) * tone
    tile = slopes(cloth.tile % 6, 0.42, 4)
    dents = look_up(tile, 0.55 * across + 31.0 * cloth.tile, 0.42 * along)
    return colour, dents * np.float32(0.30 * cloth.folds)


def _pattern(cloth: Cloth, across: np.ndarray, along: np.ndarray) -> np.ndarray:
    """(n,) float32: where the second colour lies, 0 to 1."""
    u, v = across / cloth.scale, along / cloth.scale
    if cloth.pattern == "bands":
        return (v % 1.0 < 0.45).astype(np.float32)
    if cloth.pattern == "pinstripes":
        return (2.0 * u % 1.0 < 0.25).astype(np.float32)
    if cloth.pattern == "checks":
        return 0.5 * ((u % 1.0 < 0.5).astype(np.float32) + (v % 1.0 < 0.5))
    if cloth.pattern == "dots":
        return (((u % 1.0 - 0.5) ** 2 + (v % 1.0 - 0.5) ** 2) < 0.09).astype(np.float32)
    if cloth.pattern == "mottled":
        mottled = look_up(noise(cloth.tile + 30), 60.0 * u, 60.0 * v)
        return np.clip((mottled - 0.45) * 6.0, 0.0, 1.0)
    if cloth.pattern == "halves":
        return (along > 250.0).astype(np.float32)
    return np.zeros(len(across), dtype=np.float32)


def _strands(look: Look, rest: np.ndarray) -> np.ndarray:
    fine = look_up(noise(5, 0.9, 16), 3.0 * rest[:, 0] + 2.2 * rest[:, 1], 0.35 * rest[:, 2])
    broad = look_up(noise(6), 1.5 * (rest[:, 0] + rest[:, 1]), 0.4 * rest[:, 2])
    return toned(look.hair, 0.62 + 0.5 * fine + 0.25 * broad)


def _hair(look: Look, rest: np.ndarray) -> _Painted:
    lean = look_up(slopes(2, 0.7, 8), 2.0 * rest[:, 0] + rest[:, 1], 0.4 * rest[:, 2])
    return _strands(look, rest), np.full(len(rest), 0.16, np.float32), 0.25 * lean


def _hat(look: Look, rest: np.ndarray) -> _Painted:
    colour, dents = _cloth(look.hat, rest[:, 0] + 0.7 * rest[:, 1], rest[:, 2])
    brim = rest[:, 1] < -66.0
    colour[brim] *= 0.8
    return colour, np.full(len(rest), 0.05, np.float32), 0.4 * dents


def _skirt(look: Look, rest: np.ndarray) -> _Painted:
    colour, dents = _cloth(look.bottom, rest[:, 0] + 0.7 * rest[:, 1], rest[:, 2])
    return colour, np.full(len(rest), 0.02 + 0.2 * look.bottom.shine, np.float32), dents


def _head(look: Look, rest: np.ndarray) -> _Painted:
    zones = Zones(rest)
    colour, shine = _skin(look, rest), np.full(len(rest), 0.16, np.float32)
    dents = np.zeros((len(rest), 2), dtype=np.float32)
    paint_face(look, zones, colour)
    top = covered_by_top(look, zones)
    if look.top is not None:
        colour[top] = look.top.colour
    height = hair_height(look, zones)
    ragged = 10.0 * (
        look_up(noise(4, 0.8, 16), 3.0 * rest[:, 0] + rest[:, 1], 3.0 * rest[:, 2]) - 0.5
    )
    if look.style == "beanie":
        at = np.flatnonzero(zones.z > 738.0 - 0.25 * zones.y)
        colour[at], dents[at] = _cloth(look.hat, rest[at, 0] + 0.7 * rest[at, 1], rest[at, 2])
        shine[at] = 0.03
    elif look.style != "bald":
        at = np.flatnonzero((height + ragged > 0.0) & (np.abs(zones.side - 80) > 0))
        strands = _strands(look, rest[at])
        share = 0.75 if look.style == "cropped" else 1.0
        colour[at] += (
            share * np.clip((height + ragged)[at] / 6.0, 0.0, 1.0)[:, None] * (strands - colour[at])
        )
    return colour, shine, dents


def toned(colour: Colour, tone: np.ndarray) -> np.ndarray:
    """(n, 3) float32 of a colour, made darker and lighter by (n,); channel by channel is faster."""
    made = np.empty((len(tone), 3), dtype=np.float32)
    for channel, value in enumerate(colour):
        made[:, channel] = tone * np.float32(value)
    return made
