"""A quality-diversity archive: the best of every kind of pose, and the choice of the data set.

Poses are sorted into cells, or niches (Vassiliades et al. 2018, CVT-MAP-Elites,
https://doi.org/10.1109/TEVC.2017.2735550): the cell of a pose is its nearest centroid in the
descriptor's projection. MAP-Elites (Mouret and Clune 2015, https://arxiv.org/abs/1504.04909) keeps
one elite a cell; here a cell has room for several, its quota, no two of them nearly the same.
What is in the archive is the data set, and each row says why it is there.

Centroids follow the density of the poses that they are spread over, by k-means. Cells of even size
would flatten the data set: of 29,664 real poses of four subjects, 4,000 were chosen in different
ways, and two small lifters each trained on them; mean MPJPE on nine other training subjects was
48.4 mm for a random choice, 48.0 for all poses, 47.7 for 1,000 k-means cells of quota 5, and 50.2
to 52.4 for cells spread as far apart as can be.

Bodies come in by id, the lowest first, whatever their order in a batch, so a generation may arrive
in one batch or in many of ascending ids: the archive is the same. Nothing but its own cell decides
about a body; cells are therefore filled side by side, the n-th newcomers of all cells at once.

Arrays are numpy and never changed in place: adding gives a new archive.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution import chance
from evoskeleton.evolution.archive.descriptor import SIZE, PoseDescriptor
from evoskeleton.evolution.population import NOBODY
from evoskeleton.settings import Settings
from evoskeleton.shapes import expect_shape

REASONS = ("new cell", "quota", "better", "near-duplicate", "full", "unscored")
"""What became of a body, by code: in an empty cell, in a free place of its cell, in the place of a
worse one; or left out: too near to an elite of its cell, no better than the worst, no quality."""

_NEW_CELL, _QUOTA, _BETTER, _NEAR, _FULL, _UNSCORED = range(len(REASONS))
_CHUNK = 1024
_ROUNDS = 10
_FEW = 2048
"""Centroids up to which all are looked at: a tree is faster for more."""


class ArchiveSettings(Settings):
    """How many bodies of how many kinds."""

    cells: int = Field(1000, ge=1, description="cells: kinds of poses that are told apart")
    quota: int = Field(20, ge=1, description="bodies a cell has room for")
    near_mm: float = Field(
        10.0,
        ge=0,
        description="least difference of two bodies in a cell, root mean square over the joints, "
        "mm",
    )

    def expect_fits(self, poses: int) -> None:
        """Check before anything is computed.

        Raises:
            BadInput: more cells than poses.
        """
        if self.cells > poses:
            raise BadInput(
                f"cells should be at most {poses}, the number of poses that the archive's cells"
                f" are spread over, got {self.cells}"
            )


def cell_centroids(points: Tensor, cells: int) -> np.ndarray:
    """Centroids (cells, axes) float64, whole numbers, that follow the density of points.

    Lloyd's k-means, a fixed number of rounds from points drawn at random by a fixed key. Sums are
    of whole numbers, so the order of the points counts for nothing.

    Args:
        points: (poses, axes) float64, whole numbers, from `PoseDescriptor.project`.
        cells: how many are wanted.

    Raises:
        BadInput: fewer different points than cells.
    """
    rows = points.cpu().numpy()
    rows = rows[np.lexsort(rows.T)]
    drawn = rows[chance.permutation(chance.key(chance.stream("cells")), len(rows)).numpy()]
    first = np.sort(np.unique(drawn, axis=0, return_index=True)[1])
    if cells > len(first):
        raise BadInput(
            f"cells should be at most {len(first)}, the number of different poses that they are"
            f" spread over, got {cells}"
        )
    centroids: np.ndarray = drawn[first[:cells]]
    for _ in range(_ROUNDS):
        centroids = _means(rows, nearest_centroid(torch.from_numpy(rows), centroids), centroids)
    return centroids


def _means(rows: np.ndarray, cells: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """The rounded mean of each cell; a centroid without a cell stays."""
    count = np.bincount(cells, minlength=len(centroids))
    sums = [np.bincount(cells, column, minlength=len(centroids)) for column in rows.T]
    means = np.rint(np.stack(sums, axis=1) / np.maximum(count, 1)[:, None])
    return np.where(count[:, None] > 0, means, centroids)


def nearest_centroid(points: Tensor, centroids: np.ndarray) -> np.ndarray:
    """The nearest centroid (bodies,) int64 of each point; of two as near, the first. Exact."""
    if len(centroids) <= _FEW or points.device.type != "cpu":
        return _nearest_of_all(points, centroids)
    return _nearest_by_tree(points, centroids)


def _nearest_by_tree(points: Tensor, centroids: np.ndarray) -> np.ndarray:
    """Squared distances of whole numbers are exact and so are ties: those are settled among all."""
    from scipy.spatial import cKDTree  # workers of small archives never load it

    distances, places = cKDTree(centroids).query(points.numpy(), k=2)
    found: np.ndarray = places[:, 0].astype(np.int64)
    tied = np.flatnonzero(distances[:, 0] == distances[:, 1])
    found[tied] = _nearest_of_all(points[torch.from_numpy(tied)], centroids)
    return found


def _nearest_of_all(points: Tensor, centroids: np.ndarray) -> np.ndarray:
    table = torch.tensor(centroids, device=points.device)
    squares, columns = table.square().sum(1), (table * -2.0).T.contiguous()
    found = [torch.addmm(squares, part, columns).argmin(1) for part in torch.split(points, _CHUNK)]
    return torch.cat(found).cpu().numpy() if found else np.zeros(0, np.int64)


@dataclass(frozen=True)
class Added:
    """What became of the bodies of one batch, in the order in which they were given.

    Attributes:
        reasons: (bodies,) int64 codes, see `REASONS`.
        cells: (bodies,) int64.
        places: (bodies,) int64 rows of the archive that they were put into, -1 for those left out.
        replaced: (bodies,) int64 ids of those who had to go, -1 where nobody had to.
        stays: (bodies,) bool, in the archive after the whole batch.
    """

    reasons: np.ndarray
    cells: np.ndarray
    places: np.ndarray
    replaced: np.ndarray
    stays: np.ndarray

    def counts(self) -> dict[str, int]:
        """How many bodies met each reason, and how many stay."""
        found = np.bincount(self.reasons, minlength=len(REASONS))
        return {name: int(n) for name, n in zip(REASONS, found, strict=True)} | {
            "stays": int(self.stays.sum())
        }


@dataclass(frozen=True, eq=False)
class Archive:
    """Cells with room for `quota` bodies each; place `cell * quota + n` is the n-th of a cell.

    Attributes:
        descriptor: what gives a pose its measures.
        centroids: (cells, axes) float64, whole numbers, in the descriptor's projection.
        near_squared: squared distance, in units of the descriptor, below which two bodies are
            near-duplicates.
        ids: (cells, quota) int64, -1 where a place is free.
        measures: (cells, quota, 39) float32, of the descriptor.
        quality: (cells, quota) float32, higher is better; NaN where a place is free.
    """

    descriptor: PoseDescriptor
    centroids: np.ndarray
    near_squared: float
    ids: np.ndarray
    measures: np.ndarray
    quality: np.ndarray

    @classmethod
    def over(
        cls,
        measures: Tensor,
        descriptor: PoseDescriptor,
        settings: ArchiveSettings | None = None,
    ) -> "Archive":
        """An empty archive whose cells follow the density of poses.

        Args:
            measures: (poses, 39) of the poses that the cells are to cover.
            descriptor: what measured them.
            settings: cells, quota, how near is too near.

        Raises:
            BadInput: more cells than different poses.
        """
        settings = settings or ArchiveSettings()
        settings.expect_fits(len(measures))
        centroids = cell_centroids(descriptor.project(measures), settings.cells)
        room = (settings.cells, settings.quota)
        return cls(
            descriptor=descriptor,
            centroids=centroids,
            near_squared=float((settings.near_mm / descriptor.unit_mm) ** 2),
            ids=np.full(room, NOBODY, np.int64),
            measures=np.zeros((*room, SIZE), np.float32),
            quality=np.full(room, np.nan, np.float32),
        )

    def __len__(self) -> int:
        return int((self.ids != NOBODY).sum())

    @property
    def cells(self) -> int:
        """How many cells there are."""
        found: int = self.ids.shape[0]
        return found

    @property
    def quota(self) -> int:
        """How many bodies a cell has room for."""
        found: int = self.ids.shape[1]
        return found

    def index_of(self, measures: Tensor) -> np.ndarray:
        """The cell (bodies,) int64 of measures (bodies, 39); of two as near, the first."""
        return nearest_centroid(self.descriptor.project(measures), self.centroids)

    def add(
        self,
        ids: Tensor | np.ndarray,
        measures: Tensor,
        quality: Tensor | np.ndarray,
        cells: np.ndarray | None = None,
    ) -> tuple["Archive", Added]:
        """Add bodies, in order of id.

        A body whose quality is NaN is left out. So is a near-duplicate of an elite of its cell,
        however good. Others take a free place; where there is none, that of the elite of least
        quality (of several, the highest id), if they are better.

        Args:
            ids: (bodies,) int64, all different.
            measures: (bodies, 39).
            quality: (bodies,) higher is better.
            cells: (bodies,) int64 as `index_of` tells them, where somebody has asked already.

        Returns:
            The archive after it, and what became of each body.

        Raises:
            BadInput: not one id and one quality a body, an id twice, or other measures.
        """
        names, scores = _arrays(ids, np.int64), _arrays(quality, np.float32)
        expect_shape("measures", measures, ("bodies", SIZE))
        expect_shape("ids", names, (len(measures),))
        expect_shape("quality", scores, (len(measures),))
        if len(np.unique(names)) < len(names):
            raise BadInput("ids should be all different, got one twice")
        where = self.index_of(measures) if cells is None else cells
        return _Filling(self, names, where, _arrays(measures), scores).run()

    def rescored(self, quality: np.ndarray) -> "Archive":
        """The same bodies with new qualities, as a new lifter sees them.

        Args:
            quality: (bodies,) in the order of `elites`.

        Raises:
            BadInput: not one a body.
        """
        scores = np.asarray(quality, np.float32)
        places = self.elites()
        expect_shape("quality", scores, (len(places),))
        changed = self.quality.copy()
        changed.reshape(-1)[places] = scores
        return replace(self, quality=changed)

    def elites(self) -> np.ndarray:
        """(bodies,) int64 places of all elites, in order of id."""
        ids = self.ids.reshape(-1)
        places = np.flatnonzero(ids != NOBODY)
        return places[ids[places].argsort()]

    def elite_ids(self) -> np.ndarray:
        """(bodies,) int64, ascending."""
        found: np.ndarray = self.ids.reshape(-1)[self.elites()]
        return found

    def elite_measures(self) -> Tensor:
        """(bodies, 39) float32 measures of the elites, in order of id."""
        return torch.from_numpy(self.measures.reshape(-1, SIZE)[self.elites()])

    def coverage(self) -> float:
        """Share of the cells that have an elite."""
        return float((self.ids != NOBODY).any(1).mean())

    def qd_score(self, offset: float = 0.0) -> float:
        """Sum over the cells with elites of their best quality above `offset`.

        Elites whose quality is NaN after a rescoring do not count.
        """
        known = np.where(np.isnan(self.quality), -np.inf, self.quality).max(1).astype(np.float64)
        return float((known[np.isfinite(known)] - offset).sum())

    def stats(self) -> dict[str, float]:
        """What a generation's record says of the archive."""
        filled = (self.ids != NOBODY).sum(1)
        return {
            "archive_bodies": float(filled.sum()),
            "archive_coverage": self.coverage(),
            "archive_full_cells": float((filled == self.quota).mean()),
            "archive_qd_score": self.qd_score(),
        }

    def fingerprint(self) -> str:
        """SHA-256 of the descriptor, the cells and the elites, 64 hexadecimal digits."""
        digest = hashlib.sha256(self.descriptor.fingerprint().encode())
        digest.update(repr((self.ids.shape, self.near_squared)).encode())
        for attribute in _ARRAYS.values():
            digest.update(np.ascontiguousarray(getattr(self, attribute)).tobytes())
        return digest.hexdigest()

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Plain numpy by name; the descriptor is kept by itself and named by its fingerprint.

        Of the measures only those of elites, in order of their places, as whole numbers.
        """
        return {
            "near": np.array(self.near_squared),
            "descriptor": np.array(self.descriptor.fingerprint()),
            **{name: getattr(self, attribute) for name, attribute in _ARRAYS.items()},
            "rows": self.measures[self.ids != NOBODY].astype(np.int16),
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, np.ndarray], descriptor: PoseDescriptor, place: str = "archive"
    ) -> "Archive":
        """Back from `to_arrays`, or from what an earlier version made: measures of all places.

        Raises:
            BadInput: an array is missing or of another shape, or the archive is over another
                descriptor; the sentence starts with `place`.
        """
        if missing := {"near", "descriptor", *_ARRAYS} - arrays.keys():
            raise BadInput(f"{place} should hold {min(missing)}")
        over, own = str(arrays["descriptor"]), descriptor.fingerprint()
        if over != own:
            raise BadInput(f"{place} should be over descriptor {own[:12]}, got {over[:12]}")
        room = arrays["ids"].shape
        expect_shape(f"ids of {place}", arrays["ids"], ("cells", "quota"))
        expect_shape(f"centres of {place}", arrays["centres"], (room[0], descriptor.axes))
        expect_shape(f"quality of {place}", arrays["quality"], room)
        rows = _at_places(arrays["rows"], arrays["ids"] != NOBODY, f"rows of {place}")
        parts = {attribute: arrays[name] for name, attribute in _ARRAYS.items()}
        parts["measures"] = rows
        return cls(descriptor=descriptor, near_squared=float(arrays["near"]), **parts)


_ARRAYS = {"centres": "centroids", "ids": "ids", "rows": "measures", "quality": "quality"}
"""Arrays of an archive: by the name that saved files have, the attribute."""


def _at_places(rows: np.ndarray, taken: np.ndarray, name: str) -> np.ndarray:
    """Measures (cells, quota, 39) float32, 0 where a place is free.

    Args:
        rows: of all places, or of those that are taken alone.
        taken: (cells, quota) bool.
        name: of the rows, for refusals.

    Raises:
        BadInput: they are neither.
    """
    if rows.ndim == 3:
        expect_shape(name, rows, (*taken.shape, SIZE))
        return rows
    expect_shape(name, rows, (int(taken.sum()), SIZE))
    places = np.zeros((*taken.shape, SIZE), np.float32)
    places[taken] = rows
    return places


def _arrays(values: Tensor | np.ndarray, dtype: type = np.float32) -> np.ndarray:
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    return array.astype(dtype, copy=False)


class _Filling:
    """One batch on its way into the cells; works on copies."""

    def __init__(
        self,
        archive: Archive,
        names: np.ndarray,
        cells: np.ndarray,
        measures: np.ndarray,
        scores: np.ndarray,
    ) -> None:
        self._archive = archive
        self._names, self._cells, self._newcomers, self._scores = names, cells, measures, scores
        self._ids, self._measures = archive.ids.copy(), archive.measures.copy()
        self._quality = archive.quality.copy()
        self._reasons = np.full(len(names), _UNSCORED, np.int64)
        self._places = np.full(len(names), -1, np.int64)
        self._replaced = np.full(len(names), NOBODY, np.int64)

    def run(self) -> tuple[Archive, Added]:
        """Round after round, one newcomer a cell."""
        for newcomers in self._rounds():
            self._judge(newcomers)
        done = replace(self._archive, ids=self._ids, measures=self._measures, quality=self._quality)
        stays = (self._places >= 0) & (self._ids.reshape(-1)[self._places] == self._names)
        return done, Added(self._reasons, self._cells, self._places, self._replaced, stays)

    def _rounds(self) -> list[np.ndarray]:
        """Newcomers of every round: the first of each cell by id, then the second, and so on."""
        scored = np.flatnonzero(~np.isnan(self._scores))
        order = scored[np.lexsort((self._names[scored], self._cells[scored]))]
        if not len(order):
            return []
        cells = self._cells[order]
        starts = np.flatnonzero(np.r_[True, cells[1:] != cells[:-1]])
        turn = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
        by_turn = turn.argsort(kind="stable")
        ends = np.bincount(turn).cumsum()
        return np.split(order[by_turn], ends[:-1])

    def _judge(self, newcomers: np.ndarray) -> None:
        """Newcomers of different cells."""
        cells = self._cells[newcomers]
        taken = self._ids[cells] != NOBODY
        count = taken.sum(1)
        near = self._are_near(newcomers, cells, taken)
        worst, least = self._worst(cells)
        free = count < self._archive.quota
        better = self._scores[newcomers] > least
        free_reason = np.where(count == 0, _NEW_CELL, _QUOTA)
        reasons = np.where(free, free_reason, np.where(better, _BETTER, _FULL))
        reasons = np.where(near, _NEAR, reasons)
        self._reasons[newcomers] = reasons
        enters = reasons <= _BETTER
        column = np.where(free, count, worst)
        self._put(newcomers[enters], cells[enters], column[enters])

    def _are_near(self, newcomers: np.ndarray, cells: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """Differences of whole numbers: exact."""
        apart = self._measures[cells] - self._newcomers[newcomers, None]
        squares = np.einsum("cqd,cqd->cq", apart, apart)
        found: np.ndarray = ((squares < self._archive.near_squared) & taken).any(1)
        return found

    def _worst(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The elite of least quality, its place in its cell; of several, the highest id."""
        quality = self._quality[cells]
        quality = np.where(np.isnan(quality), -np.inf, quality)
        least = quality.min(1)
        worst = np.where(quality == least[:, None], self._ids[cells], NOBODY - 1).argmax(1)
        return worst, least

    def _put(self, newcomers: np.ndarray, cells: np.ndarray, column: np.ndarray) -> None:
        self._replaced[newcomers] = self._ids[cells, column]
        self._places[newcomers] = cells * self._archive.quota + column
        self._ids[cells, column] = self._names[newcomers]
        self._measures[cells, column] = self._newcomers[newcomers]
        self._quality[cells, column] = self._scores[newcomers]
