"""BlazePose: people found by their heads, then 33 points of each in a turned square crop.

Bazarevsky 2020 (https://arxiv.org/abs/2006.10204). The two networks come out of the `mediapipe`
wheel (Apache-2.0), which is taken as data and never installed, and run in LiteRT; so does the heavy
landmark model, out of the npm package `@mediapipe/pose` (Apache-2.0). The layout of
their inputs and outputs is that of MediaPipe's pose graph:

- Detector: 224 x 224, values in [-1, 1]; 2,254 anchors of one point each; per anchor 12 numbers (a
  box around the head, then four points: middle of the hips, rim of the circle around the whole
  body, middle of the shoulders, rim of the circle around the upper body) and one logit.
- Landmarks: 256 x 256, values in [0, 1]; 39 points of 5 numbers (x, y, z px, logits of visibility
  and presence), one probability that a person is there, a mask of the person, a heat map 64 x 64 of
  each point, and the 39 points in 3D, metres about the middle of the hips, axes of the crop.
  Points 33 and 34 are the middle of the hips and the rim of the circle around the body again.

The detector sees a whole picture in 224 x 224 pixels: it is made for one or two people near the
camera. Smaller people are found by looking at overlapping tiles too, people in the dark by
brightening a picture in which nobody is found.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from queue import LifoQueue
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from evoskeleton.assets import Asset, fetch, is_here
from evoskeleton.extras import require
from evoskeleton.lifting.keypoints.keypoint_formats import (
    APPROXIMATED,
    BLAZEPOSE_POINTS,
    known_set,
)
from evoskeleton.lifting.keypoints.plausible_keypoints import LEAST_KNOWN
from evoskeleton.pose2d.crops import Region, around_box, crop, crop_to_picture, moved, whole
from evoskeleton.pose2d.detector import Person, Stopwatch, check_boxes, check_image
from evoskeleton.pose2d.light import brightened, is_dark
from evoskeleton.pose2d.movenet.multipose import WEIGHTS as SECOND_WEIGHTS
from evoskeleton.pose2d.movenet.multipose import MultiPose, Sketch
from evoskeleton.pose2d.movenet.sketches import (
    AGREES,
    agreement,
    region_of_sketch,
    sketched_person,
)
from evoskeleton.pose2d.people.duplicates import MIXED, explained, moved_by
from evoskeleton.pose2d.people.duplicates import distinct as distinct_people
from evoskeleton.pose2d.people.joints_of_points import joints_of_points
from evoskeleton.pose2d.quiet import quiet_standard_error
from evoskeleton.settings import Settings

FINDER = "mediapipe/modules/pose_detection/pose_detection.tflite"
LANDMARKS = "mediapipe/modules/pose_landmark/pose_landmark_full.tflite"

WEIGHTS = Asset(
    name="blazepose-weights",
    package="mediapipe",
    version="0.10.21",
    members={
        FINDER: "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        LANDMARKS: "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    },
    python_version="3.11",
    abi="cp311",
    platform="manylinux_2_28_x86_64",
    megabytes=36,
)

HEAVY_LANDMARKS = "package/pose_landmark_heavy.tflite"

HEAVY_WEIGHTS = Asset(
    name="blazepose-heavy-weights",
    package="@mediapipe/pose",
    version="0.5.1675469404",
    members={HEAVY_LANDMARKS: "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe"},
    python_version="",
    abi="",
    platform="",
    megabytes=41,
    registry="npm",
)

FINDER_SIDE, LANDMARK_SIDE, HEAT_SIDE = 224, 256, 64
STRIDES = (8, 16, 32, 32, 32)
"""Each layer of the detector has two anchors in every cell of this many pixels."""

_ROI_SCALE = 1.25
_HEAT_REACH = 3
_LEAST_HEAT = 0.5
_ONE_PERSON, _TOLERANCE = 0.2, 0.07
_LONGEST_STEP = 0.25
"""Sizes of a body that it moves at most between frames in which it is followed."""

_AROUND = 1.5
"""Of the crop of a body, the crop in which a person is searched near where they were."""

_AT_EDGE, _WIDER = 0.1, 1.3
"""Sizes of a crop within which hips are at the edge of a picture, and how much wider a second crop
is. Of rendered people cut above the hips the arms are found of 34 in a hundred with it, of 28
without.
"""

_POINTS = len(BLAZEPOSE_POINTS)
_LAST_SHOULDER, _HIPS, _RIM = 12, 33, 34


class BlazePoseSettings(Settings):
    """How people are found and kept."""

    least_score: float = Field(
        0.5, gt=0, lt=1, description="least score of a head for a person to be looked for there"
    )
    least_presence: float = Field(
        0.9, gt=0, lt=1, description="least score of a body for a person to be kept"
    )
    overlap: float = Field(
        0.3, gt=0, lt=1, description="intersection over union at which two heads are one"
    )
    same_person: float = Field(
        0.6, gt=0, lt=1, description="similarity of keypoints at which two bodies are one"
    )
    tiles: int = Field(
        2,
        ge=1,
        le=4,
        description="rows of overlapping tiles that are searched; 1: the picture only",
    )
    passes: int = Field(
        2, ge=1, le=4, description="times the landmarks are found, each in the crop of the last"
    )
    second_look: bool = Field(
        True,
        description="whether a dark picture in which nobody is found is brightened and searched "
        "once more",
    )
    most_people: int = Field(32, ge=1, description="most people in a picture; the surest are kept")
    landmarks: Literal["full", "heavy"] = Field(
        "full",
        description="landmark model: heavy is better and takes two to three times as long; it "
        "comes out of an npm package (Apache-2.0)",
    )
    threads: int = Field(2, ge=1, description="processor threads of each network")
    finder: Literal["auto", "blazepose", "movenet", "both"] = Field(
        "auto",
        description="who finds people: BlazePose by their heads; MoveNet all at once, also where "
        "they stand close together; both; auto: MoveNet where its weights are here (`evoskeleton "
        "assets fetch movenet-weights`), BlazePose elsewhere",
    )
    side: int = Field(
        384, ge=64, le=2048, description="longer side at which MoveNet sees a picture, px"
    )
    least_sketch: float = Field(
        0.3, gt=0, lt=1, description="least score of a person that MoveNet finds"
    )


class Finds(NamedTuple):
    """Heads that may be people, px of one picture.

    Attributes:
        boxes: (n, 4), x0 y0 x1 y1 around the head.
        points: (n, 4, 2), see the module.
        scores: (n,) in [0, 1].
    """

    boxes: np.ndarray
    points: np.ndarray
    scores: np.ndarray

    def take(self, index: np.ndarray) -> "Finds":
        """The finds at an index or a mask."""
        return Finds(*(column[index] for column in self))


class Body(NamedTuple):
    """What the landmark network says about one crop.

    Attributes:
        points: (39, 2) px of the picture.
        places: (39, 3) mm about the middle of the hips, x right, y down, z away from the camera.
        visibility, presence: (39,) in [0, 1].
        score: in [0, 1]: that there is a person in the crop.
    """

    points: np.ndarray
    places: np.ndarray
    visibility: np.ndarray
    presence: np.ndarray
    score: float


class BlazePose:
    """The embedded detector; see `pose2d.detector.Detector`."""

    approximated = APPROXIMATED

    def __init__(
        self,
        settings: BlazePoseSettings | None = None,
        wheel: str | Path | None = None,
        callers: int = 1,
    ) -> None:
        """Load both networks.

        Args:
            settings: the defaults where none are given.
            wheel: a local mediapipe wheel, instead of a download.
            callers: how many are served side by side; further ones wait.

        Raises:
            BadInput: LiteRT is not installed, or the weights cannot be had.
        """
        self.settings = settings or BlazePoseSettings.parse({})
        folder = fetch(WEIGHTS, wheel)
        threads = self.settings.threads
        self._finder = _Network(folder / FINDER, threads, callers)
        self._landmarks = _Network(self._landmark_file(folder), threads, callers)
        self._anchors = anchors()
        self._second = MultiPose(threads) if self._asks_second() else None

    def for_callers(self, callers: int) -> "BlazePose":
        """See `Shareable.for_callers`; processor threads are shared out."""
        threads = max(self.settings.threads // callers, 1)
        finder = "blazepose" if self._second is None else self.settings.finder
        settings = self.settings.model_copy(update={"threads": threads, "finder": finder})
        return BlazePose(settings, callers=callers)

    @property
    def finds_groups(self) -> bool:
        """Whether people who stand close together are told apart by a network made for that."""
        return self._second is not None

    def _asks_second(self) -> bool:
        finder = self.settings.finder
        return finder in ("movenet", "both") or (finder == "auto" and is_here(SECOND_WEIGHTS))

    def _landmark_file(self, folder: Path) -> Path:
        if self.settings.landmarks == "heavy":
            return fetch(HEAVY_WEIGHTS) / HEAVY_LANDMARKS
        return folder / LANDMARKS

    def detect(
        self,
        image: np.ndarray,
        boxes: np.ndarray | None = None,
        watch: Stopwatch | None = None,
    ) -> list[Person]:
        """People in a picture; see `Detector.detect`."""
        check_image(image)
        watch = watch or Stopwatch()
        if boxes is not None:
            height, width = image.shape[:2]
            regions = [around_box(box) for box in check_boxes(boxes, width, height)]
            with watch.stage("locate"):
                return [_person(self.locate(image, region), image) for region in regions]
        people = self._search(image, watch)
        if people or not self.settings.second_look or not is_dark(image):
            return people
        with watch.stage("find"):
            image = brightened(image)
        return self._search(image, watch)

    def follow(
        self, image: np.ndarray, before: Sequence[Person], watch: Stopwatch | None = None
    ) -> list[Person | None]:
        """People of the frame before; see `Following.follow`."""
        check_image(image)
        watch = watch or Stopwatch()
        people: list[Person | None] = []
        for person in before:
            now = self._now(image, person, watch) or self._near(image, person, watch)
            others = [other for other in people if other is not None]
            people.append(None if now is None or explained(now, others) >= MIXED else now)
        return people

    def _now(self, image: np.ndarray, person: Person, watch: Stopwatch) -> Person | None:
        """The person in the crop where they were."""
        if person.region is None:
            return None
        with watch.stage("locate"):
            body = self._locate_once(image, person.region)
        if body.score < self.settings.least_presence:
            return None
        now = _person(body, image)
        return now if moved_by(person, now) < _LONGEST_STEP else None

    def _near(self, image: np.ndarray, person: Person, watch: Stopwatch) -> Person | None:
        """Whoever is found around the place where a person was, and nearest to it."""
        if person.region is None:
            return None
        middle = person.region.x, person.region.y
        with watch.stage("find"):
            around = Region(*middle, _AROUND * person.region.size)
            finds = self._find_in(image, around)
        if not len(finds.scores):
            return None
        with watch.stage("locate"):
            away = np.linalg.norm(finds.points[:, 0] - middle, axis=1)
            body = self.locate(image, regions_of(finds)[int(away.argmin())])
        return _person(body, image) if body.score >= self.settings.least_presence else None

    def _search(self, image: np.ndarray, watch: Stopwatch) -> list[Person]:
        if self._second is None:
            return self._by_heads(image, watch)
        people = self._sketched(self._second, image, watch)
        enough = any(person.known.sum() >= LEAST_KNOWN for person in people)
        if self.settings.finder == "both" or not enough:
            people = self._once([*people, *self._by_heads(image, watch)])
        return people

    def _by_heads(self, image: np.ndarray, watch: Stopwatch) -> list[Person]:
        """People whom BlazePose's own finder finds in the picture and its tiles."""
        with watch.stage("find"):
            finds = self.find(image)
        with watch.stage("locate"):
            return [_person(body, image) for body in self._bodies(image, finds)]

    def _bodies(self, image: np.ndarray, finds: Finds) -> list[Body]:
        return self._kept([self.locate(image, region) for region in regions_of(finds)])

    def _sketched(self, second: MultiPose, image: np.ndarray, watch: Stopwatch) -> list[Person]:
        """People whom MoveNet finds, and those near the camera whom it overlooks."""
        least, most = self.settings.least_sketch, self.settings.most_people
        with watch.stage("find"):
            sketches = second.look(image, self.settings.side, least, most)
            finds = self.find(image, 1)
        with watch.stage("locate"):
            bodies = self._bodies(image, finds)
            people = [self._taken(image, sketch, bodies) for sketch in sketches]
            others = [_person(body, image) for body in bodies]
        return self._once(
            [*people, *(other for other in others if explained(other, people) < MIXED)]
        )

    def _taken(self, image: np.ndarray, sketch: Sketch, bodies: list[Body]) -> Person:
        """The sketched person; one of the bodies that agrees is taken out of them."""
        agreed = [agreement(sketch, body.points[:_POINTS]) for body in bodies]
        if agreed and max(agreed) >= AGREES:
            return _person(bodies.pop(int(np.argmax(agreed))), image)
        return self._of_sketch(image, sketch)

    def _of_sketch(self, image: np.ndarray, sketch: Sketch) -> Person:
        """Landmarks where they are the sketched person's; else the sketch."""
        bodies = self._passes(image, region_of_sketch(sketch))
        sure = [body for body in bodies if body.score >= self.settings.least_presence]
        agreed = [agreement(sketch, body.points[:_POINTS]) for body in sure]
        if not sure or max(agreed) < AGREES:
            return sketched_person(sketch, image)
        return _person(sure[-1] if agreed[-1] >= AGREES else sure[int(np.argmax(agreed))], image)

    def _once(self, people: list[Person]) -> list[Person]:
        """Each once, the surest first."""
        kept = [people[row] for row in distinct_people(people)]
        return sorted(kept, key=lambda person: -person.score)[: self.settings.most_people]

    def find(self, image: np.ndarray, rows: int | None = None) -> Finds:
        """Heads in the picture and in its tiles, the surest first; `rows` of them, or as set."""
        height, width = image.shape[:2]
        tiles = tile_regions(width, height, rows or self.settings.tiles)
        parts = [self._find_in(image, region) for region in tiles]
        together = Finds(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        finds = distinct(merge_overlapping(together, self.settings.overlap))
        return finds.take(np.arange(min(len(finds.scores), self.settings.most_people)))

    def _find_in(self, image: np.ndarray, region: Region) -> Finds:
        view = crop(image, region, FINDER_SIDE).astype(np.float32) / 127.5 - 1.0
        outputs = self._finder(view)
        finds = decode(outputs[0][0], outputs[1][0, :, 0], self._anchors)
        finds = finds.take(finds.scores >= self.settings.least_score)
        affine = crop_to_picture(region, FINDER_SIDE)
        return finds._replace(
            boxes=moved(finds.boxes.reshape(-1, 2, 2), affine).reshape(-1, 4),
            points=moved(finds.points, affine),
        )

    def locate(self, image: np.ndarray, region: Region) -> Body:
        """Landmarks of the person in a region; every further pass follows the last one's body.

        A person whose hips are at the edge of the picture, or beyond it, is looked at in a wider
        crop, too, where none of these is sure.
        """
        bodies = self._passes(image, region)
        if bodies[-1].score >= self.settings.least_presence or not _is_cut(image, region):
            return bodies[-1]
        wider = replace(region, size=_WIDER * region.size)
        return max([*bodies, self._locate_once(image, wider)], key=lambda body: body.score)

    def _passes(self, image: np.ndarray, region: Region) -> list[Body]:
        bodies = [self._locate_once(image, region)]
        for _ in range(self.settings.passes - 1):
            body = bodies[-1]
            if body.score < self.settings.least_presence:
                break
            region = region_of(body.points[_HIPS], body.points[_RIM])
            bodies.append(self._locate_once(image, region))
        return bodies

    def _locate_once(self, image: np.ndarray, region: Region) -> Body:
        view = crop(image, region, LANDMARK_SIDE).astype(np.float32) / 255.0
        outputs = self._landmarks(view)
        raw = outputs[0].reshape(-1, 5).astype(np.float64)
        points = refine(raw[:, :2], outputs[3][0])
        return Body(
            points=moved(points, crop_to_picture(region, LANDMARK_SIDE)),
            places=upright(1000.0 * outputs[4].reshape(-1, 3).astype(np.float64), region.angle),
            visibility=_sigmoid(raw[:, 3]),
            presence=_sigmoid(raw[:, 4]),
            score=float(outputs[1].item()),
        )

    def _kept(self, bodies: Sequence[Body]) -> list[Body]:
        """Bodies that are there, each once, the surest first."""
        order = sorted(range(len(bodies)), key=lambda row: (-bodies[row].score, row))
        kept: list[Body] = []
        for row in order:
            body = bodies[row]
            if body.score < self.settings.least_presence:
                break
            if all(similarity(body, other) < self.settings.same_person for other in kept):
                kept.append(body)
        return kept


class _Network:
    """LiteRT interpreters of one network, each of which serves one caller at a time."""

    def __init__(self, path: Path, threads: int, callers: int) -> None:
        litert = require(
            "ai_edge_litert.interpreter",
            "the detector needs LiteRT, which is not installed; try pip install ai-edge-litert",
        )
        self._idle: LifoQueue[Any] = LifoQueue()
        for _ in range(callers):
            with quiet_standard_error():
                interpreter = litert.Interpreter(str(path), num_threads=threads)
                interpreter.allocate_tensors()
            self._idle.put(interpreter)
        self._input = interpreter.get_input_details()[0]["index"]
        self._outputs = [entry["index"] for entry in interpreter.get_output_details()]

    def __call__(self, view: np.ndarray) -> list[np.ndarray]:
        """All outputs for one (side, side, 3) float32 view, in the network's order."""
        interpreter = self._idle.get()
        try:
            interpreter.set_tensor(self._input, view[None])
            interpreter.invoke()
            return [interpreter.get_tensor(index) for index in self._outputs]
        finally:
            self._idle.put(interpreter)


def anchors() -> np.ndarray:
    """(2254, 2) px: the middles of the detector's cells, each twice for every layer."""
    layers = []
    for stride in STRIDES:
        middles = (np.arange(FINDER_SIDE // stride) + 0.5) * stride
        y, x = np.meshgrid(middles, middles, indexing="ij")
        layers.append((stride, np.stack([x, y], axis=-1).reshape(-1, 2)))
    rows = []
    for stride in sorted(set(STRIDES)):
        of_cell = 2 * STRIDES.count(stride)
        cells = next(cells for number, cells in layers if number == stride)
        rows.append(np.repeat(cells, of_cell, axis=0))
    return np.concatenate(rows)


def decode(numbers: np.ndarray, logits: np.ndarray, centres: np.ndarray) -> Finds:
    """Network outputs as boxes and points, px of the detector's view.

    Args:
        numbers: (anchors, 12): middle, width and height of a box, then four points; middle and
            points count from the anchor.
        logits: (anchors,).
        centres: (anchors, 2) px, from `anchors`.
    """
    numbers = numbers.astype(np.float64)
    middle, half = numbers[:, :2] + centres, numbers[:, 2:4] / 2.0
    boxes = np.concatenate([middle - half, middle + half], axis=1)
    points = numbers[:, 4:].reshape(-1, 4, 2) + centres[:, None]
    return Finds(boxes, points, _sigmoid(logits.astype(np.float64)))


def merge_overlapping(finds: Finds, overlap: float) -> Finds:
    """Weighted non-maximum suppression: finds of one head become their mean, the surest first.

    The surest find takes all that overlap it by more than `overlap`, and is moved to the mean of
    them weighted by their scores; its own score stays. Equal scores go by their place.
    """
    order = np.argsort(-finds.scores, kind="stable")
    merged = []
    while len(order):
        near = intersection_over_union(finds.boxes[order[0]], finds.boxes[order]) > overlap
        near[0] = True
        group = finds.take(order[near])
        share = group.scores / group.scores.sum()
        merged.append(
            (share @ group.boxes, np.tensordot(share, group.points, axes=1), group.scores[0])
        )
        order = order[~near]
    if not merged:
        return finds
    return Finds(*(np.stack(column) for column in zip(*merged, strict=True)))


def distinct(finds: Finds) -> Finds:
    """Each person once: of two finds whose shoulders have nearly one middle, the first stays.

    A tile and the whole picture may draw very different boxes around the same head, so that boxes
    do not tell. "Nearly" is a fifth of the larger circle around the body, some 20 cm.
    """
    shoulders = finds.points[:, 2]
    radius = np.linalg.norm(finds.points[:, 1] - finds.points[:, 0], axis=1)
    kept: list[int] = []
    for row in range(len(finds.scores)):
        distance = np.linalg.norm(shoulders[kept] - shoulders[row], axis=1)
        if (distance > _ONE_PERSON * np.maximum(radius[kept], radius[row])).all():
            kept.append(row)
    return finds.take(np.array(kept, dtype=np.int64))


def intersection_over_union(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(n,) overlap of a (4,) box with (n, 4) boxes, x0 y0 x1 y1."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.clip(high - low, 0.0, None).prod(axis=1)
    areas = np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None).prod(axis=1)
    area = float(np.clip(box[2:] - box[:2], 0.0, None).prod())
    overlap: np.ndarray = common / np.maximum(area + areas - common, 1e-9)
    return overlap


def tile_regions(width: int, height: int, rows: int) -> list[Region]:
    """The whole picture, then `rows` x `rows` square tiles that overlap by half of their size.

    The longer edge has more tiles, which overlap by half at least.
    """
    regions = [whole(width, height)]
    if rows < 2:
        return regions
    size = 2.0 * min(width, height) / (rows + 1)
    for y in _middles(height, size):
        regions += [Region(x, y, size) for x in _middles(width, size)]
    return regions


def _middles(length: int, size: float) -> np.ndarray:
    """Middles of tiles along an edge, evenly, first and last touching the ends."""
    count = max(1, int(np.ceil((length - size) / (size / 2.0) - 1e-9)) + 1)
    return np.linspace(size / 2.0, length - size / 2.0, count)


def region_of(hips: np.ndarray, rim: np.ndarray) -> Region:
    """The crop around a body: a circle about (2,) hips through (2,) rim px, and a quarter more.

    The rim point lies above the head of a person who stands: its direction is up in the crop.
    """
    right, down = rim - hips
    angle = float(np.arctan2(right, -down))
    size = 2.0 * _ROI_SCALE * max(float(np.hypot(right, down)), 1.0)
    return Region(float(hips[0]), float(hips[1]), size, angle)


def regions_of(finds: Finds) -> list[Region]:
    """One region for each find, in their order."""
    return [region_of(points[0], points[1]) for points in finds.points]


def refine(points: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Move (n, 2) points of the landmark crop to the heat around them.

    Each goes to the mean place of the 7 x 7 cells around it, weighted by the (64, 64, n) heat;
    points without a warm cell (0.5) stay.
    """
    scale = LANDMARK_SIDE / HEAT_SIDE
    refined = points.copy()
    for row, (x, y) in enumerate(points / scale):
        column, line = int(x), int(y)
        if not (0 <= x < HEAT_SIDE and 0 <= y < HEAT_SIDE):
            continue
        left, top = max(column - _HEAT_REACH, 0), max(line - _HEAT_REACH, 0)
        near = heat[top : line + _HEAT_REACH + 1, left : column + _HEAT_REACH + 1, row]
        near = _sigmoid(near.astype(np.float64))
        if near.max() < _LEAST_HEAT:
            continue
        lines, columns = np.mgrid[top : top + near.shape[0], left : left + near.shape[1]]
        weights = near / near.sum()
        refined[row] = scale * np.array([(weights * columns).sum(), (weights * lines).sum()])
    return refined


def upright(places: np.ndarray, angle: float) -> np.ndarray:
    """(n, 3) places in the axes of a crop that is turned by `angle`, in those of the picture."""
    cos, sin = np.cos(angle), np.sin(angle)
    turned: np.ndarray = places @ np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return turned


def similarity(one: Body, other: Body) -> float:
    """Object keypoint similarity of two bodies in [0, 1]: of all points, or of head and shoulders.

    The greater counts: whoever shares a head is one person, however the legs were taken. Like
    COCO's (https://cocodataset.org/#keypoints-eval), over the points that both are sure of, with
    one tolerance: 7 % of the size of the smaller body.
    """
    both = (one.presence[:_POINTS] > 0.5) & (other.presence[:_POINTS] > 0.5)
    size = min(_size(one.points), _size(other.points))
    distance = np.linalg.norm(one.points[:_POINTS] - other.points[:_POINTS], axis=1)
    near = np.exp(-0.5 * (distance / (_TOLERANCE * size)) ** 2)
    parts = (np.arange(_POINTS) < _POINTS, np.arange(_POINTS) <= _LAST_SHOULDER)
    return max(float(near[both & part].mean()) if (both & part).any() else 0.0 for part in parts)


def _is_cut(image: np.ndarray, region: Region) -> bool:
    """Whether the middle of a region, the hips, is not clearly within the picture."""
    height, width = image.shape[:2]
    inside = min(region.x, region.y, width - region.x, height - region.y)
    return bool(inside < _AT_EDGE * region.size)


def _size(points: np.ndarray) -> float:
    return max(float(np.ptp(points[:_POINTS], axis=0).max()), 1.0)


def _person(body: Body, image: np.ndarray) -> Person:
    """Our joints of a body."""
    joints = joints_of_points(
        "blazepose",
        body.points[:_POINTS],
        body.presence[:_POINTS],
        body.visibility[:_POINTS],
        image,
    )
    own = known_set("blazepose").weights @ body.places[:_POINTS]
    return Person(
        box=joints.box,
        score=body.score,
        keypoints=joints.keypoints,
        confidence=joints.confidence,
        visibility=joints.visibility,
        approximated=APPROXIMATED,
        own_joints=(own - own[:1]).astype(np.float32),
        region=region_of(body.points[_HIPS], body.points[_RIM]),
    )


def _sigmoid(values: np.ndarray) -> np.ndarray:
    squashed: np.ndarray = 1.0 / (1.0 + np.exp(-np.clip(values, -100.0, 100.0)))
    return squashed
