"""Rows of the pose table before they are in it: one field a column, from the islands to the commit.

Nothing changes rows that are there: every method returns others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.shapes import expect_shape

if TYPE_CHECKING:
    from evoskeleton.evolution.population import Population


@dataclass(frozen=True, eq=False)
class PoseRows:
    """Rows of one generation; a column that is None is null in the table, and so is a NaN.

    Attributes:
        id: (rows,) int64.
        operator: (rows,) str, what made the pose.
        poses: (rows, 17, 3) float32, world mm, z up; the column `pose` of the table.
        generation, island: (rows,) int32; None: that of the commit, and 0.
        mother, father: (rows,) int64 ids, -1 for nobody.
        margin: (rows,) float32 degrees inside the joint limits.
        error, disagreement: (rows,) float32 mm.
        novelty: (rows,) float32 mm a joint.
        outside: (rows,) float32 share of the keypoints outside the images.
        lifter: (rows,) str, weight hash of the lifter that scored.
        why: (rows,) str, why the row is there.
        replaces: (rows,) int64 ids of the rows whose places these take, -1 for none.
        retires: (rows,) lists of ids of further rows that leave the data set with these.
        distance: (rows,) float32 from the nearest keypoint set of the target, see
            `evolution.archive.resemblance`.
        target: (rows,) int32, which keypoint set that is, -1 for none.
        view: (rows,) int32, the virtual view that the distance was measured in, of those that a
            body has in its niche; -1 for others.
        subject, clip: (rows,) str, of poses that were recorded.
        camera_pitch_deg: (rows,) float32 degrees, as assumed of an annotated pose.
        body_height_mm: (rows,) float32 mm, as assumed of an annotated pose.

    Raises:
        BadInput: the poses have another shape, or a column another length.
    """

    id: np.ndarray
    operator: np.ndarray
    poses: np.ndarray
    generation: np.ndarray | None = None
    island: np.ndarray | None = None
    mother: np.ndarray | None = None
    father: np.ndarray | None = None
    margin: np.ndarray | None = None
    error: np.ndarray | None = None
    disagreement: np.ndarray | None = None
    novelty: np.ndarray | None = None
    outside: np.ndarray | None = None
    lifter: np.ndarray | None = None
    why: np.ndarray | None = None
    replaces: np.ndarray | None = None
    retires: np.ndarray | None = None
    distance: np.ndarray | None = None
    target: np.ndarray | None = None
    view: np.ndarray | None = None
    subject: np.ndarray | None = None
    clip: np.ndarray | None = None
    camera_pitch_deg: np.ndarray | None = None
    body_height_mm: np.ndarray | None = None

    def __post_init__(self) -> None:
        expect_shape("poses", self.poses, ("rows", len(JOINT_NAMES), 3))
        for name, column in self.columns().items():
            if name != "poses":
                expect_shape(name, column, (len(self),))

    def __len__(self) -> int:
        return len(self.poses)

    @classmethod
    def of(
        cls,
        population: "Population",
        joints: np.ndarray,
        generation: int,
        island: int,
        own_mutations: Sequence[str] = (),
    ) -> "PoseRows":
        """What the table stores of (rows,) bodies and their joints (rows, 17, 3), world mm.

        Mutations of one's own have the names `own_mutations`, in the order of the settings.
        """
        from evoskeleton.evolution.operators.codes import codes_to_names  # brings torch along

        rows = len(population)
        return cls(
            id=population.ids.numpy(),
            generation=np.full(rows, generation, np.int32),
            island=np.full(rows, island, np.int32),
            mother=population.mothers.numpy(),
            father=population.fathers.numpy(),
            operator=codes_to_names(population.operators, own_mutations),
            poses=joints,
            margin=population.margin.numpy(),
            error=population.error.numpy(),
            disagreement=population.disagreement.numpy(),
            novelty=population.novelty.numpy(),
        )

    @classmethod
    def of_columns(cls, columns: Mapping[str, ArrayLike]) -> "PoseRows":
        """Rows out of columns by name.

        Raises:
            BadInput: a column that a pose table has not, or one lacks that every row has.
        """
        if unknown := [name for name in columns if name not in COLUMNS]:
            raise BadInput(f"a pose table has no column {unknown[0]}; it has {', '.join(COLUMNS)}")
        if missing := [name for name in _REQUIRED if name not in columns]:
            raise BadInput(
                f"rows of a pose table should have a column {missing[0]}, got {', '.join(columns)}"
            )
        return cls(**{name: np.asarray(column) for name, column in columns.items()})

    def columns(self) -> dict[str, np.ndarray]:
        """The columns that are there, by name."""
        everything = {name: getattr(self, name) for name in COLUMNS}
        return {name: column for name, column in everything.items() if column is not None}

    def take(self, index: np.ndarray) -> "PoseRows":
        """The rows that an index or a mask names, in its order."""
        return PoseRows(**{name: column[index] for name, column in self.columns().items()})

    def with_columns(self, **columns: np.ndarray) -> "PoseRows":
        """The same rows with other columns, (rows,) each."""
        return replace(self, **columns)

    def with_reason(self, why: str) -> "PoseRows":
        """The same rows, all there for the same reason."""
        return replace(self, why=np.full(len(self), why))

    @staticmethod
    def concatenate(parts: Sequence["PoseRows"]) -> "PoseRows":
        """All rows of one or more parts that have the same columns, in order."""
        columns = [part.columns() for part in parts]
        return PoseRows(
            **{name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
        )


COLUMNS = tuple(field.name for field in fields(PoseRows))
"""Names of all columns that rows may have."""

_REQUIRED = ("id", "operator", "poses")
