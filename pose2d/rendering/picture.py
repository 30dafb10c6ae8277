"""One picture: people of the table before a camera, and what is written of them.

A picture is a pure function of the poses, the settings and its number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from evoskeleton.evolution.chance import key, permutation, stream
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.pose2d.rendering.address import draws_of
from evoskeleton.pose2d.rendering.body.figure import ANKLE_HEIGHT
from evoskeleton.pose2d.rendering.body.posing import Freedom, body_size
from evoskeleton.pose2d.rendering.labels import PersonLabel, Seen, label
from evoskeleton.pose2d.rendering.looks.dressed import Dressed, Surface, dress
from evoskeleton.pose2d.rendering.looks.look import Colour, Look, draw_look
from evoskeleton.pose2d.rendering.looks.paint import paint
from evoskeleton.pose2d.rendering.looks.textures import look_up, noise
from evoskeleton.pose2d.rendering.scene.backdrop import made_up_backdrop, photo_backdrop
from evoskeleton.pose2d.rendering.scene.camera import Camera, drawn_camera
from evoskeleton.pose2d.rendering.scene.light import (
    Light,
    ShadowMap,
    draw_light,
    shaded,
    shadow_map,
)
from evoskeleton.pose2d.rendering.scene.raster import Fragments, rasterise
from evoskeleton.pose2d.rendering.scene.sensor import seen_by_sensor
from evoskeleton.pose2d.rendering.scene.things import draw_thing, thing_colour
from evoskeleton.pose2d.rendering.settings import RenderSettings

_EAST, _NORTH = np.eye(3)[:2]
_APART_MM = 550.0
_NEAREST_MM = 1300.0
_TRIES = 12
_FLESH = np.full(17, 60.0)
_FLESH[[Joint.RFOOT, Joint.LFOOT]] = ANKLE_HEIGHT
_FLESH[[Joint.HIP, Joint.RHIP, Joint.LHIP]] = 105.0
_FLESH[[Joint.SPINE, Joint.THORAX, Joint.NECK]] = 90.0
_FLESH[Joint.HEAD] = 110.0


@dataclass(frozen=True)
class Picture:
    """A picture and what is in it.

    Attributes:
        pixels: (height, width, 3) uint8 red green blue.
        people: those who can be seen.
        camera: that saw them.
        quality: of a JPEG file of it.
        pose: number of the pose that the camera looks at.
    """

    pixels: np.ndarray
    people: list[PersonLabel]
    camera: Camera
    quality: int
    pose: int


@dataclass(frozen=True)
class _Actor:
    """A person in the world, their look and the number of their pose."""

    look: Look
    dressed: Dressed
    pose: int


@dataclass(frozen=True)
class _Thing:
    surface: Surface
    colour: Colour
    tile: int


def render_picture(
    number: int, poses: np.ndarray, settings: RenderSettings, photos: Sequence[Path] = ()
) -> Picture:
    """The picture of a number.

    Args:
        number: counts the pictures of a data set.
        poses: (poses, 17, 3) world mm; the first person's follow each other in a random order.
        settings: of the pictures.
        photos: backgrounds; none: places are made up.

    Raises:
        BadInput: a photo cannot be read.
    """
    draws = draws_of(settings.seed, number, "scene")
    first = _pose_of(number, len(poses), settings.seed)
    standing = _standing(poses[first], np.zeros(2), float(draws.uniform(0, 2 * np.pi)))
    camera = _camera(standing, settings, number, draws)
    actors = [_actor(standing, first, settings.seed, number, 0)]
    for other in range(1, int(draws.integers(settings.people[0], settings.people[1] + 1))):
        place = _free_place(actors, camera, draws)
        pose = int(draws.integers(len(poses)))
        if place is not None:
            joints = _standing(poses[pose], place, float(draws.uniform(0, 2 * np.pi)))
            actors.append(_actor(joints, pose, settings.seed, number, other))
    things = _things(actors, camera, settings, draws)
    ground = min(0.0, float(camera.position[2]) - 150.0)
    behind = draws_of(settings.seed, number, "backdrop")
    if photos:
        photo = photos[int(behind.integers(len(photos)))]
        backdrop = photo_backdrop(photo, settings.size, behind)
    else:
        backdrop = made_up_backdrop(camera, ground, behind)
    light = draw_light(draws_of(settings.seed, number, "light"))
    drawn, seen = _drawn(actors, things, camera, light, ground, backdrop)
    sensor = draws_of(settings.seed, number, "sensor")
    pixels = seen_by_sensor(drawn, settings, sensor)
    labels = [
        label(actor.dressed, place, actor.pose, camera, seen, settings.keypoints)
        for place, actor in enumerate(actors)
    ]
    low, high = settings.quality
    people = [each for each in labels if each is not None]
    return Picture(pixels, people, camera, int(sensor.integers(low, high + 1)), first)


def _pose_of(number: int, count: int, seed: int) -> int:
    """Every pose once before any comes again."""
    order = permutation(key(seed, stream("render pose"), number // count), count)
    return int(order[number % count])


def _standing(pose: np.ndarray, place: np.ndarray, turn: float) -> np.ndarray:
    """(17, 3) mm on the ground z = 0 at a place, turned about the vertical."""
    c, s = np.cos(turn), np.sin(turn)
    spin = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    joints = (pose.astype(np.float64) - pose[Joint.HIP]) @ spin.T
    joints[:, 2] -= float((joints[:, 2] - _FLESH * body_size(joints)).min())
    joints[:, :2] += place
    return np.asarray(joints)


def _camera(
    joints: np.ndarray, settings: RenderSettings, number: int, draws: np.random.Generator
) -> Camera:
    camera = drawn_camera(joints[Joint.HIP], settings.views, settings.size, settings.seed, number)
    if draws.random() >= settings.cropped:
        return camera
    aim = joints[int(draws.integers(17))]
    factor = float(draws.uniform(1.3, 2.6))
    at = camera.project(camera.in_camera(aim[None]))[0]
    middle = np.array(settings.size) / 2.0
    return camera.zoomed(factor, 0.7 * factor * (middle - at))


def _actor(joints: np.ndarray, pose: int, seed: int, number: int, place: int) -> _Actor:
    look = draw_look(draws_of(seed, number, f"look {place}"))
    draws = draws_of(seed, number, f"freedom {place}")
    turn, nod = draws.normal(0.0, (0.45, 0.15))
    left, right = draws.normal(0.0, 0.5, 2)
    freedom = Freedom(
        float(np.clip(turn, -1.2, 1.2)), float(np.clip(nod, -0.4, 0.4)),
        (float(left), float(right)), float(draws.uniform(0.1, 0.7)),
    )  # fmt: skip
    return _Actor(look, dress(look, joints, 0.0, freedom), pose)


def _free_place(
    actors: list[_Actor], camera: Camera, draws: np.random.Generator
) -> np.ndarray | None:
    """(2,) mm on the ground, in sight and apart from the others; none where there is no room."""
    for _ in range(_TRIES):
        place = draws.normal(0.0, 1300.0, 2)
        hip = camera.in_camera(np.array([[*place, 900.0]]))[0]
        near = abs(hip[0]) < 0.6 * hip[2] * camera.size[0] / camera.focal[0]
        taken = [actor.dressed.joints[Joint.HIP, :2] for actor in actors]
        apart = min(float(np.linalg.norm(place - each)) for each in taken)
        if hip[2] > _NEAREST_MM and near and apart > _APART_MM:
            return np.asarray(place)
    return None


def _things(
    actors: list[_Actor], camera: Camera, settings: RenderSettings, draws: np.random.Generator
) -> list[_Thing]:
    """Things behind people, and in some pictures one before somebody."""
    places = []
    for _ in range(int(draws.integers(0, 4))):
        flat = camera.position * (1, 1, 0) * -draws.uniform(0.15, 0.9)
        middle = flat + np.array([*draws.normal(0.0, 1400.0, 2), draws.uniform(50, 600)])
        places.append((middle, float(draws.uniform(150, 700))))
    if draws.random() < settings.occluders:
        somebody = actors[int(draws.integers(len(actors)))].dressed.joints
        joint = somebody[int(draws.integers(17))]
        share = float(draws.uniform(0.5, 0.85))
        middle = camera.position + share * (joint - camera.position)
        places.append((middle, float(draws.uniform(60, 260)) * share))
    free = [each for each in places if _clear(each[0], each[1], actors, camera)]
    return [
        _Thing(draw_thing(draws, *each), thing_colour(draws), int(draws.integers(12)))
        for each in free
    ]


def _clear(middle: np.ndarray, reach: float, actors: list[_Actor], camera: Camera) -> bool:
    """Whether a thing stands in nobody and not right before the lens."""
    joints = np.concatenate([actor.dressed.joints for actor in actors])
    gap = np.linalg.norm((joints - middle)[:, :2], axis=1).min()
    far = camera.in_camera(middle[None])[0, 2]
    return bool(gap > reach + 150.0 and far > 900.0 + reach)


def _drawn(
    actors: list[_Actor],
    things: list[_Thing],
    camera: Camera,
    light: Light,
    ground: float,
    backdrop: np.ndarray,
) -> tuple[np.ndarray, Seen]:
    """The picture before the sensor, (height, width, 3) float32, and what is where in it."""
    surfaces = [a.dressed.surface for a in actors] + [t.surface for t in things]
    whole = _joined(surfaces)
    owner = np.repeat(np.arange(len(surfaces)), [len(s.world) for s in surfaces])
    in_camera = camera.in_camera(whole.world).astype(np.float32)
    screen = camera.project(in_camera).astype(np.float32)
    fragments = rasterise(screen, in_camera[:, 2], whole.faces, camera.size)
    stuff = _joined([t.surface for t in things]) if things else None
    shadows = shadow_map(
        light,
        np.concatenate([a.dressed.surface.world for a in actors]),
        (whole.world[:0], whole.faces[:0]) if stuff is None else (stuff.world, stuff.faces),
    )
    _darken_ground(backdrop, shadows, camera, light, ground)
    width, height = camera.size
    owners = owner.take(whole.faces[:, 0].take(fragments.face))
    colour = _colours(fragments, whole, owners, (actors, things), (light, shadows, camera))
    _put(backdrop, fragments, colour)
    seen_owner = np.full(width * height, -1, dtype=np.int16)
    seen_owner[fragments.pixel] = np.where(owners < len(actors), owners, -1)
    depth = np.full(width * height, np.inf, dtype=np.float32)
    depth[fragments.pixel] = fragments.depth
    return backdrop, Seen(seen_owner.reshape(height, width), depth.reshape(height, width))


def _joined(surfaces: list[Surface]) -> Surface:
    starts = np.cumsum([0, *(len(each.world) for each in surfaces[:-1])])
    names = ("world", "normals", "rest", "air", "kind")
    columns = {name: np.concatenate([getattr(each, name) for each in surfaces]) for name in names}
    faces = [each.faces + start for each, start in zip(surfaces, starts, strict=True)]
    return Surface(**columns, faces=np.concatenate(faces))


def _colours(
    fragments: Fragments,
    whole: Surface,
    owners: np.ndarray,
    scene: tuple[list[_Actor], list[_Thing]],
    lit_by: tuple[Light, ShadowMap, Camera],
) -> np.ndarray:
    """(n, 3) float32 of the covered pixels."""
    actors, things = scene
    light, shadows, camera = lit_by
    corners = [whole.faces[:, k].take(fragments.face) for k in range(3)]
    normals, rest = (_mixed(each, corners, fragments) for each in (whole.normals, whole.rest))
    (air,) = _mixed(whole.air[:, None], corners, fragments)
    world = camera.places(fragments.pixel, fragments.depth)
    kind = whole.kind.take(corners[0])
    rest = rest.T
    colour = np.empty((len(rest), 3), dtype=np.float32)
    shine = np.zeros(len(rest), dtype=np.float32)
    dents = np.zeros((len(rest), 2), dtype=np.float32)
    for number, actor in enumerate(actors):
        at = np.flatnonzero(owners == number)
        made = paint(actor.look, kind[at], rest[at])
        colour[at], shine[at], dents[at] = made.colour, made.shine, made.dents
    for number, thing in enumerate(things, len(actors)):
        at = np.flatnonzero(owners == number)
        texture = look_up(noise(thing.tile), *(0.4 * (rest[at, :2] + rest[at, 1:])).T)
        colour[at] = np.asarray(thing.colour, np.float32) * (0.8 + 0.4 * texture)[:, None]
    lit = shadows.lit(world + np.float32(12.0) * normals)
    points = (world, normals, lit, air)
    return shaded(light, camera.position, points, (colour, shine, dents))


def _mixed(columns: np.ndarray, corners: list[np.ndarray], fragments: Fragments) -> np.ndarray:
    """(k, n) values of pixels out of (vertices, k) values of vertices."""
    mixed = np.empty((columns.shape[1], len(fragments.pixel)), dtype=np.float32)
    for row, column in zip(mixed, np.ascontiguousarray(columns.T), strict=True):
        parts = [column.take(c) * s for c, s in zip(corners, fragments.share, strict=True)]
        row[:] = parts[0] + parts[1] + parts[2]
    return mixed


def _darken_ground(
    backdrop: np.ndarray, shadows: ShadowMap, camera: Camera, light: Light, ground: float
) -> None:
    """The shadows that people and things cast on the ground, in place."""
    plane = (np.array([0.0, 0.0, ground]), _EAST, _NORTH)
    mapping = camera.of_plane(*plane) @ np.linalg.inv(shadows.on_plane(*plane))
    held = cv2.warpPerspective(shadows.cast(), mapping, camera.size, flags=cv2.INTER_LINEAR)
    lamp, fill = float(light.lamp.mean()), float(light.sky.mean())
    held *= camera.looks_down()
    held *= np.float32(1.0 - np.sqrt(fill / (fill + lamp * max(light.towards[2], 0.2))))
    cv2.multiply(backdrop, cv2.merge([1.0 - held] * 3), dst=backdrop)


def _put(backdrop: np.ndarray, fragments: Fragments, colour: np.ndarray) -> None:
    """Lay colours over the backdrop, in place; edges are mixed so that they show no steps."""
    height, width = backdrop.shape[:2]
    covered = np.zeros(height * width, dtype=np.float32)
    covered[fragments.pixel] = 1.0
    soft = cv2.blur(covered.reshape(height, width), (3, 3)).ravel()[fragments.pixel]
    share = np.clip(1.4 * soft - 0.1, 0.0, 1.0)[:, None]
    flat = backdrop.reshape(-1, 3)
    flat[fragments.pixel] += share * (colour - flat[fragments.pixel])
