"""Annotated people in pictures, as arrays: what readers give and trainings and scores take.

Points are px of the picture as it should be seen: x right, y down, (0, 0) the outer corner of the
first pixel. All people of a set have the same keypoints; a point that somebody has not labelled is
NaN.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.pose2d.samples.names import matching


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        path: its file; empty where none was found.
        name: as its annotations name it.
        clip: what it is a part of; pictures of one clip are never split between training and test.
        size: width and height, px; 0 where not known.
    """

    path: str
    name: str
    clip: str
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class PersonSample:
    """One annotated person.

    Attributes:
        picture: where it is.
        box: (4,) float32 px, x0 y0 x1 y1.
        keypoints: (keypoints, 2) float32 px.
        labelled, visible: (keypoints,) bool: the point is annotated; nothing hides it.
        id: of the annotation, or its place.
        area: of the body in px^2, which the size of errors is measured by.
        head_px: length of the head; NaN where not annotated.
    """

    picture: Picture
    box: np.ndarray
    keypoints: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray
    id: int
    area: float
    head_px: float


@dataclass(frozen=True)
class Samples:
    """Annotated people, a row each; `PersonSample` says what is in a row.

    Attributes:
        names: of the keypoints.
        pictures: all of them, also those without people.
        of_picture: (people,) int64 place in `pictures`.
        left_out: how many people could not be used, by why.
        boxes_drawn: how many people had no box, or an empty one, and have one around their points.
    """

    names: tuple[str, ...]
    pictures: tuple[Picture, ...]
    of_picture: np.ndarray
    boxes: np.ndarray
    keypoints: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray
    ids: np.ndarray
    areas: np.ndarray
    heads_px: np.ndarray
    left_out: Mapping[str, int] = field(default_factory=dict)
    boxes_drawn: int = 0

    def __len__(self) -> int:
        return len(self.of_picture)

    def __getitem__(self, row: int) -> PersonSample:
        return PersonSample(
            self.pictures[self.of_picture[row]],
            self.boxes[row],
            self.keypoints[row],
            self.labelled[row],
            self.visible[row],
            int(self.ids[row]),
            float(self.areas[row]),
            float(self.heads_px[row]),
        )

    def __iter__(self) -> Iterator[PersonSample]:
        return (self[row] for row in range(len(self)))

    def clip(self, row: int) -> str:
        """The clip that a person's picture is a part of."""
        return self.pictures[int(self.of_picture[row])].clip

    def at(self, rows: np.ndarray) -> "Samples":
        """Some of the people, by place or by (people,) bool."""
        picked = {name: getattr(self, name)[rows] for name in ROWS}
        return replace(self, **picked)

    def without(self, rows: np.ndarray, why: str) -> "Samples":
        """All people but the (people,) bool, who are counted."""
        count = int(rows.sum())
        if not count:
            return self
        left_out = Counter(self.left_out) + Counter({why: count})
        return replace(self.at(~rows), left_out=dict(left_out))

    def labelled_only(self, known: np.ndarray) -> "Samples":
        """The same people with labels of the (keypoints,) bool alone."""
        labelled = self.labelled & known
        keypoints = np.where(labelled[..., None], self.keypoints, np.float32(np.nan))
        return replace(
            self, keypoints=keypoints, labelled=labelled, visible=self.visible & labelled
        )

    def for_keypoints(self, names: Sequence[str], where: str) -> "Samples":
        """The same people with other keypoints; what they have not is not labelled.

        Raises:
            BadInput: hardly any of the keypoints are among these.
        """
        if tuple(names) == self.names:
            return self
        places = matching(self.names, names, where)
        known = places >= 0
        return replace(
            self,
            names=tuple(names),
            keypoints=np.where(known[:, None], self.keypoints[:, places], np.float32(np.nan)),
            labelled=self.labelled[:, places] & known,
            visible=self.visible[:, places] & known,
        )


ROWS = (
    "of_picture", "boxes", "keypoints", "labelled", "visible", "ids", "areas", "heads_px",
)  # fmt: skip
"""Fields of `Samples` with a row a person."""


def samples_of(
    names: Sequence[str],
    pictures: Sequence[Picture],
    people: Sequence[PersonSample],
    of_picture: Sequence[int],
    left_out: Mapping[str, int] | None = None,
) -> Samples:
    """A set out of its people, and the place of each one's picture."""
    count, points = len(people), len(names)

    def stacked(name: str, shape: tuple[int, ...], kind: type) -> np.ndarray:
        return np.array([getattr(each, name) for each in people], kind).reshape(count, *shape)

    return Samples(
        tuple(names),
        tuple(pictures),
        np.array(of_picture, np.int64),
        stacked("box", (4,), np.float32),
        stacked("keypoints", (points, 2), np.float32),
        stacked("labelled", (points,), np.bool_),
        stacked("visible", (points,), np.bool_),
        stacked("id", (), np.int64),
        stacked("area", (), np.float32),
        stacked("head_px", (), np.float32),
        dict(left_out or {}),
    )


def together(parts: Sequence[Samples]) -> Samples:
    """Several sets of the same keypoints as one."""
    names = {part.names for part in parts}
    if len(names) != 1:
        raise BadInput("samples to put together should have the same keypoints")
    starts = np.cumsum([0] + [len(part.pictures) for part in parts])
    of_picture = [part.of_picture + start for part, start in zip(parts, starts[:-1], strict=True)]
    rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ROWS[1:]}
    return Samples(
        names=parts[0].names,
        pictures=tuple(picture for part in parts for picture in part.pictures),
        of_picture=np.concatenate(of_picture),
        left_out=dict(sum((Counter(part.left_out) for part in parts), Counter())),
        boxes_drawn=sum(part.boxes_drawn for part in parts),
        **rows,
    )
