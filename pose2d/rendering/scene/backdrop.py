"""What people stand before: a made-up room, street or field, or a photo of the user's."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from evoskeleton.pose2d.images import read_image
from evoskeleton.pose2d.rendering.address import draws_of
from evoskeleton.pose2d.rendering.looks.textures import SIDE, noise
from evoskeleton.pose2d.rendering.scene.camera import Camera

_OUT_OF_FOCUS = 0.75
"""Share of the made-up places that are painted in fewer pixels than the people before them."""
_BANK = 96
"""Floors, walls and fronts of houses that are kept; each is tinted anew where it is used."""
_BANK_SEED = 0xBAC
_EAST, _NORTH, _UP = np.eye(3)


def photo_backdrop(path: Path, size: tuple[int, int], draws: np.random.Generator) -> np.ndarray:
    """Part of a photo, (height, width, 3) float32 in [0, 1].

    Raises:
        BadInput: it cannot be read.
    """
    photo = read_image(path)
    high, wide = photo.shape[:2]
    width, height = size
    largest = min(wide / width, high / height)
    scale = largest * draws.uniform(0.6, 1.0)
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    x, y = int(draws.integers(0, wide - w + 1)), int(draws.integers(0, high - h + 1))
    part = photo[y : y + h, x : x + w]
    if draws.random() < 0.5:
        part = part[:, ::-1]
    interpolation = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    small = cv2.resize(np.ascontiguousarray(part), size, interpolation=interpolation)
    return np.asarray(small, dtype=np.float32) * np.float32(1.0 / 255.0)


def made_up_backdrop(camera: Camera, ground: float, draws: np.random.Generator) -> np.ndarray:
    """A place that fits the camera, (height, width, 3) float32 in [0, 1]."""
    kinds: list[Callable[[_Place], None]] = [_room, _street, _field, _studio, _jumble]
    kind = kinds[draws.choice(len(kinds), p=[0.36, 0.22, 0.2, 0.08, 0.14])]
    place = _Place(camera.smaller(2 if draws.random() < _OUT_OF_FOCUS else 1), ground, draws)
    kind(place)
    painted = place.picture
    if draws.random() < 0.4:
        painted = cv2.GaussianBlur(painted, (0, 0), float(draws.uniform(0.5, 2.0)))
    large = cv2.resize(painted, camera.size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, dtype=np.float32) * np.float32(1.0 / 255.0)


class _Place:
    """A picture of a place that is being painted, uint8 red green blue."""

    def __init__(self, camera: Camera, ground: float, draws: np.random.Generator) -> None:
        self.camera, self.ground, self.draws = camera, ground, draws
        width, height = camera.size
        self.picture = np.zeros((height, width, 3), dtype=np.uint8)
        self.below = camera.looks_down()
        forward = camera.rotation[2].copy()
        forward[2] = 0.0
        self.forward = forward / np.linalg.norm(forward)

    def fill_sky(self, high: np.ndarray, low: np.ndarray, clouds: float) -> None:
        """From one colour at the top to another at the bottom, with clouds."""
        share = np.linspace(0.0, 1.0, SIDE, dtype=np.float32)[:, None, None]
        sky = (1.0 - share) * high.astype(np.float32) + share * low.astype(np.float32)
        cover = noise(int(self.draws.integers(40, 48)), 0.6, 4)[..., None]
        cover = np.clip((cover - np.float32(1.0 - clouds)) * np.float32(2.5), 0.0, 1.0)
        sky = (255.0 * (sky + cover * (0.95 - sky))).clip(0, 255).astype(np.uint8)
        height, width = self.picture.shape[:2]
        cv2.resize(sky, (width, height), dst=self.picture, interpolation=cv2.INTER_LINEAR)

    def lay_floor(self, tile: np.ndarray, step: float) -> None:
        """A tile repeated on the ground, `step` mm a px; far away its mean colour."""
        origin = np.array([*self.camera.position[:2], self.ground])
        turn = self.draws.uniform(0.0, np.pi)
        across = step * (np.cos(turn) * _EAST + np.sin(turn) * _NORTH)
        along = step * (np.cos(turn) * _NORTH - np.sin(turn) * _EAST)
        mapping = self.camera.of_plane(origin, across, along)
        floor = cv2.warpPerspective(
            tile, mapping, self.camera.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        )
        cv2.copyTo(floor, self.below.astype(np.uint8), self.picture)

    def set_wall(
        self,
        tile: np.ndarray,
        distance: float,
        turn: float,
        wide: float,
        high: float,
        shift: float = 0.0,
    ) -> None:
        """An upright picture, facing the camera but for `turn`, some mm away."""
        flat = np.array([*self.camera.position[:2], self.ground])
        side = np.array([-self.forward[1], self.forward[0], 0.0])
        across = np.cos(turn) * side + np.sin(turn) * self.forward
        middle = flat + distance * self.forward + shift * side
        left = middle + 0.5 * wide * across
        height, width = tile.shape[:2]
        mapping = self.camera.of_plane(
            left + high * _UP, -across * (wide / width), -_UP * (high / height)
        )
        corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
        if ((corners @ mapping.T)[:, 2] < 200.0).any():
            return
        cv2.warpPerspective(
            tile, mapping, self.camera.size, dst=self.picture, flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_TRANSPARENT,
        )  # fmt: skip


def _colour(draws: np.random.Generator, low: float, high: float, spread: float) -> np.ndarray:
    return np.asarray(np.clip(draws.uniform(low, high) + draws.normal(0.0, spread, 3), 0.02, 0.98))


@lru_cache(maxsize=_BANK)
def _floor_tile(number: int) -> np.ndarray:
    """(SIDE, SIDE, 3) uint8 of a floor, grey or coloured."""
    draws = draws_of(_BANK_SEED, number, "floor")
    first = _colour(draws, 0.2, 0.8, 0.07)
    return _tile(draws, first, first * draws.uniform(0.7, 1.0))


def _tinted(tile: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """A tile a little brighter or darker, warmer or colder, maybe as in a mirror."""
    gain = draws.uniform(0.7, 1.15) * (1.0 + draws.normal(0.0, 0.08, 3))
    table = np.clip(np.arange(256)[:, None] * gain, 0, 255).astype(np.uint8)
    tinted = cv2.LUT(tile, np.ascontiguousarray(table[None].transpose(1, 0, 2)))
    return np.ascontiguousarray(tinted[:, ::-1]) if draws.random() < 0.5 else np.asarray(tinted)


def _tile(draws: np.random.Generator, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE, 3) uint8 of noise between two colours, maybe with joints of boards or tiles."""
    texture = noise(int(draws.integers(12)), float(draws.choice([0.5, 0.8])), 8)
    tile = _coloured(texture, first, second)
    kind = draws.random()
    rows, columns = int(draws.choice([2, 4, 8])), int(draws.choice([1, 2, 4, 8]))
    if kind < 0.6:
        joint = _coloured(texture, first * 0.7, second * 0.7)
        step = SIDE // rows
        for row in range(rows):
            other = _coloured(
                texture[:step], *(c * draws.uniform(0.9, 1.1) for c in (first, second))
            )
            tile[row * step : (row + 1) * step] = other
            tile[row * step : row * step + 2] = joint[:2]
            offset = (SIDE // columns // 2) * (row % 2) if kind < 0.4 else 0
            for column in range(columns):
                x = (column * SIDE // columns + offset) % SIDE
                tile[row * step : (row + 1) * step, x : x + 2] = joint[:step, :2]
    return tile


def _coloured(texture: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A texture (rows, columns) in [0, 1] between two colours, uint8."""
    share = np.linspace(0.0, 1.0, 256)[:, None]
    table = (255.0 * (first + share * (second - first))).clip(0, 255).astype(np.uint8)
    return np.asarray(table[(texture * np.float32(255.0)).astype(np.uint8)])


@lru_cache(maxsize=_BANK)
def _wall_tile(number: int) -> np.ndarray:
    """(256, 512, 3) uint8: a wall with doors, windows, pictures or shelves."""
    draws = draws_of(_BANK_SEED, number, "wall")
    base = _colour(draws, 0.25, 0.92, 0.07)
    tile = np.concatenate([_tile(draws, base, base * draws.uniform(0.85, 1.05))] * 2, axis=1)
    for _ in range(int(draws.integers(0, 9))):
        x, y = int(draws.integers(0, 480)), int(draws.integers(10, 190))
        w, h = int(draws.integers(14, 110)), int(draws.integers(14, 110))
        if draws.random() < 0.3:
            y, h = 256 - int(draws.integers(90, 200)), 256
        colour = (255.0 * _colour(draws, 0.05, 0.95, 0.12)).tolist()
        cv2.rectangle(tile, (x, y), (x + w, y + h), colour, -1)
        if draws.random() < 0.6:
            frame = (255.0 * _colour(draws, 0.05, 0.95, 0.08)).tolist()
            cv2.rectangle(tile, (x, y), (x + w, y + h), frame, int(draws.integers(1, 5)))
        if draws.random() < 0.3:
            cv2.line(
                tile,
                (x + w // 2, y),
                (x + w // 2, y + h),
                frame if draws.random() < 0 else colour,
                2,
            )
    return tile


def _room(place: _Place) -> None:
    draws = place.draws
    wall = _tinted(_wall_tile(int(draws.integers(_BANK))), draws)
    place.picture[:] = wall[:40].mean(axis=(0, 1)).astype(np.uint8)
    place.lay_floor(
        _tinted(_floor_tile(int(draws.integers(_BANK))), draws), draws.uniform(3.0, 9.0)
    )
    distance = draws.uniform(6500.0, 11000.0)
    turn = draws.uniform(-0.5, 0.5)
    place.set_wall(wall, distance, turn, 10_000.0, 5200.0)
    if draws.random() < 0.5:
        side = draws.choice([-1.0, 1.0])
        place.set_wall(
            _tinted(_wall_tile(int(draws.integers(_BANK))), draws),
            distance - 1500.0,
            turn + side * 0.75,
            4500.0,
            5200.0,
            side * 3500.0,
        )


@lru_cache(maxsize=_BANK)
def _facade(number: int) -> np.ndarray:
    """(256, 256, 3) uint8: rows of windows."""
    draws = draws_of(_BANK_SEED, number, "facade")
    base = _colour(draws, 0.2, 0.85, 0.07)
    tile = _tile(draws, base, base * 0.9)
    rows, columns = (int(v) for v in draws.integers(3, 9, 2))
    glass = (255.0 * _colour(draws, 0.08, 0.6, 0.05)).tolist()
    high, wide = 256 // rows, 256 // columns
    for row in range(rows):
        for column in range(columns):
            x, y = column * wide + wide // 4, row * high + high // 4
            cv2.rectangle(tile, (x, y), (x + wide // 2, y + high // 2), glass, -1)
    return tile


def _sky(place: _Place) -> None:
    draws = place.draws
    grey = draws.uniform(0.45, 0.9)
    blue = draws.uniform(0.0, 0.5)
    high = np.array([grey * (1 - 0.6 * blue), grey * (1 - 0.25 * blue), min(1.0, grey * 1.1)])
    place.fill_sky(high, np.clip(high + 0.25, 0, 0.97), draws.uniform(0.2, 0.9))


def _street(place: _Place) -> None:
    draws = place.draws
    _sky(place)
    place.lay_floor(
        _tinted(_floor_tile(int(draws.integers(_BANK))), draws), draws.uniform(4.0, 12.0)
    )
    for distance in sorted(draws.uniform(9000.0, 30000.0, int(draws.integers(2, 6))))[::-1]:
        front = _tinted(_facade(int(draws.integers(_BANK))), draws)
        turn, shift = draws.uniform(-0.7, 0.7), draws.normal(0.0, 0.3) * distance
        wide, high = draws.uniform(5000, 12000), draws.uniform(4000, 16000)
        place.set_wall(front, distance, turn, wide, high, shift)


def _field(place: _Place) -> None:
    draws = place.draws
    _sky(place)
    green = np.array([draws.uniform(0.2, 0.6), draws.uniform(0.35, 0.6), draws.uniform(0.12, 0.35)])
    texture = noise(int(draws.integers(12)), 0.8, 16)
    place.lay_floor(_coloured(texture, 0.6 * green, 1.2 * green), draws.uniform(4.0, 12.0))
    for distance in sorted(draws.uniform(8000.0, 25000.0, int(draws.integers(3, 10))))[::-1]:
        _tree(place, float(distance), green)


def _tree(place: _Place, distance: float, green: np.ndarray) -> None:
    """A trunk with a ball of leaves, painted on the picture."""
    draws, camera = place.draws, place.camera
    side = np.array([-place.forward[1], place.forward[0], 0.0])
    foot = np.array([*camera.position[:2], place.ground]) + distance * place.forward
    foot = foot + draws.normal(0.0, 0.35) * distance * side
    height, crown = draws.uniform(2500.0, 7000.0), draws.uniform(700.0, 2200.0)
    ends = camera.in_camera(np.stack([foot, foot + height * _UP]))
    if ends[:, 2].min() < 1000.0:
        return
    (x0, y0), (x1, y1) = camera.project(ends).tolist()
    scale = camera.focal[0] / ends[0, 2]
    trunk = (255.0 * np.array([0.25, 0.19, 0.14]) * draws.uniform(0.6, 1.4)).tolist()
    cv2.line(
        place.picture, (round(x0), round(y0)), (round(x1), round(y1)), trunk,
        max(1, round(150.0 * scale)),
    )  # fmt: skip
    for _ in range(14):
        dx, dy = draws.normal(0.0, 0.45, 2) * crown * scale
        colour = (255.0 * np.clip(green * draws.uniform(0.35, 1.0), 0, 1)).tolist()
        radius = max(1, round(crown * scale * draws.uniform(0.25, 0.5)))
        cv2.circle(place.picture, (round(x1 + dx), round(y1 + dy)), radius, colour, -1)


def _studio(place: _Place) -> None:
    draws = place.draws
    light = _colour(draws, 0.15, 0.95, 0.04)
    place.fill_sky(light, light * draws.uniform(0.6, 1.0), 0.0)


def _jumble(place: _Place) -> None:
    """Shapes of any kind, so that not everything that has a colour and an edge is a person."""
    draws = place.draws
    height, width = place.picture.shape[:2]
    place.fill_sky(
        _colour(draws, 0.1, 0.9, 0.15), _colour(draws, 0.1, 0.9, 0.15), draws.uniform(0, 1)
    )
    for _ in range(int(draws.integers(15, 60))):
        colour = (255.0 * _colour(draws, 0.0, 1.0, 0.15)).tolist()
        x, y = int(draws.integers(width)), int(draws.integers(height))
        size = int(max(width, height) * draws.uniform(0.02, 0.25))
        kind = int(draws.integers(4))
        if kind == 0:
            cv2.circle(place.picture, (x, y), size // 2, colour, -1)
        elif kind == 1:
            cv2.rectangle(
                place.picture, (x, y), (x + size, y + int(size * draws.uniform(0.3, 2))), colour, -1
            )
        elif kind == 2:
            end = (x + int(size * draws.normal()), y + int(size * draws.normal()))
            cv2.line(place.picture, (x, y), end, colour, int(draws.integers(2, 24)))
        else:
            corners = np.array([x, y]) + size * draws.normal(0.0, 0.6, (4, 2))
            cv2.fillPoly(place.picture, [corners.astype(np.int32)], colour)
