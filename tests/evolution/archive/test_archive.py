"""The archive: who is let in and why, the same for any split of the batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.archive import (
    REASONS,
    Added,
    Archive,
    ArchiveSettings,
    cell_centroids,
    nearest_centroid,
)
from evoskeleton.evolution.archive.descriptor import (
    SIZE,
    DescriptorSettings,
    PoseDescriptor,
    fit_descriptor,
)
from evoskeleton.evolution.hierarchy import encode

NAN = float("nan")


@pytest.fixture(scope="module")
def descriptor(motion: np.ndarray) -> PoseDescriptor:
    return fit_descriptor(encode(motion), DescriptorSettings(axes=5))


@pytest.fixture(scope="module")
def measures(descriptor: PoseDescriptor, motion: np.ndarray) -> Tensor:
    """(720, 39): a figure's poses, and more in between and beside them."""
    walk = (descriptor.describe(encode(motion)) * 0.9).round()
    chance = torch.Generator().manual_seed(0)
    noise = torch.randint(-60, 61, (2, *walk.shape), generator=chance).float()
    return torch.cat([walk, walk + noise[0], (walk + noise[1]).roll(7, 0)])


@pytest.fixture(scope="module")
def quality() -> Tensor:
    """Few values, so that there are ties; some unknown."""
    score = torch.randint(20, (720,), generator=torch.Generator().manual_seed(1)).float()
    score[::50] = NAN
    return score


@pytest.fixture(scope="module")
def ids() -> Tensor:
    return torch.randperm(720, generator=torch.Generator().manual_seed(2)) * 3


@pytest.fixture
def empty(descriptor: PoseDescriptor, measures: Tensor) -> Archive:
    return Archive.over(measures, descriptor, ArchiveSettings(cells=40, quota=4, near_mm=12.0))


class SlowArchive:
    """One body at a time, in lists: what the archive has to agree with."""

    def __init__(self, archive: Archive) -> None:
        self.centroids, self.near, self.quota = (
            archive.centroids,
            archive.near_squared,
            archive.quota,
        )
        self.projection = archive.descriptor.projection.astype(np.float64)
        self.cells: dict[int, list[tuple[int, np.ndarray, float]]] = {}

    def add(self, name: int, row: np.ndarray, quality: float) -> str:
        """Let one in, and say what became of it."""
        place = row @ self.projection
        cell = int(np.argmin([np.square(place - centroid).sum() for centroid in self.centroids]))
        elites = self.cells.setdefault(cell, [])
        if np.isnan(quality):
            return "unscored"
        if any(np.square(row - elite[1]).sum() < self.near for elite in elites):
            return "near-duplicate"
        newcomer = (name, row, quality)
        if len(elites) < self.quota:
            elites.append(newcomer)
            return "new cell" if len(elites) == 1 else "quota"
        worst = min(range(self.quota), key=lambda n: (elites[n][2], -elites[n][0]))
        if quality <= elites[worst][2]:
            return "full"
        elites[worst] = newcomer
        return "better"

    def ids(self) -> list[int]:
        return sorted(elite[0] for elites in self.cells.values() for elite in elites)


def reasons(added: Added) -> list[str]:
    return [REASONS[code] for code in added.reasons]


def test_it_agrees_with_one_body_at_a_time(empty, ids, measures, quality):
    archive, added = empty.add(ids, measures, quality)
    slow = SlowArchive(empty)
    order = ids.argsort().tolist()
    expected = [""] * len(ids)
    for i in order:
        expected[i] = slow.add(int(ids[i]), measures[i].double().numpy(), float(quality[i]))
    assert reasons(added) == expected
    assert set(expected) == set(REASONS)
    assert archive.elite_ids().tolist() == slow.ids()


@pytest.mark.parametrize("size", [1, 13, 100, 719])
def test_batches_may_be_split_anywhere(empty, ids, measures, quality, size):
    whole, added = empty.add(ids, measures, quality)
    archive, found = empty, np.empty(len(ids), np.int64)
    for part in ids.argsort().split(size):
        archive, partial = archive.add(ids[part], measures[part], quality[part])
        found[part.numpy()] = partial.reasons
    assert archive.fingerprint() == whole.fingerprint()
    assert found.tolist() == added.reasons.tolist()


def test_the_order_within_a_batch_changes_nothing(empty, ids, measures, quality):
    order = torch.randperm(len(ids), generator=torch.Generator().manual_seed(5))
    whole, added = empty.add(ids, measures, quality)
    again, found = empty.add(ids[order], measures[order], quality[order])
    assert again.fingerprint() == whole.fingerprint()
    assert found.reasons.tolist() == added.reasons[order.numpy()].tolist()


def test_elites_of_a_cell_differ_and_fill_their_quota_at_most(empty, ids, measures, quality):
    archive, _ = empty.add(ids, measures, quality)
    assert 0 < len(archive) <= 160
    for cell in range(archive.cells):
        elites = torch.from_numpy(archive.measures[cell][archive.ids[cell] >= 0]).double()
        apart = torch.cdist(elites, elites) + torch.eye(len(elites)) * 1e9
        assert (apart**2 >= archive.near_squared).all()


def test_what_was_added_says_where_everyone_is_and_who_had_to_go(empty, ids, measures, quality):
    archive, added = empty.add(ids, measures, quality)
    staying = np.flatnonzero(added.stays)
    assert len(staying) == len(archive) == added.counts()["stays"]
    assert archive.ids.reshape(-1)[added.places[staying]].tolist() == ids[staying].tolist()
    assert (added.places // archive.quota == added.cells)[staying].all()
    better = added.reasons == REASONS.index("better")
    assert (added.replaced >= 0).tolist() == better.tolist()
    gone = set(added.replaced[better].tolist())
    let_in = set(ids[added.places >= 0].tolist())
    assert let_in - gone == set(archive.elite_ids().tolist())


def test_the_archive_that_was_there_is_left_as_it_was(empty, ids, measures, quality):
    before = empty.fingerprint()
    first, _ = empty.add(ids[:300], measures[:300], quality[:300])
    kept = first.fingerprint()
    first.add(ids[300:], measures[300:], quality[300:] + 100.0)
    assert (empty.fingerprint(), first.fingerprint()) == (before, kept)


def test_who_is_there_already_is_a_near_duplicate(empty, ids, measures, quality):
    archive, _ = empty.add(ids, measures, quality)
    elite_ids, elite_measures = archive.elite_ids(), archive.elite_measures()
    again, added = archive.add(elite_ids, elite_measures, np.full(len(archive), 99.0))
    assert set(reasons(added)) == {"near-duplicate"}
    assert again.fingerprint() == archive.fingerprint()


def test_without_a_distance_copies_are_let_in(descriptor, measures):
    archive = Archive.over(measures, descriptor, ArchiveSettings(cells=2, quota=6, near_mm=0.0))
    same = measures[:1].expand(5, -1)
    _, added = archive.add(torch.arange(5), same, torch.zeros(5))
    assert reasons(added) == ["new cell"] + ["quota"] * 4


def test_new_qualities_decide_who_has_to_go_next(empty, ids, measures, quality):
    archive, _ = empty.add(ids, measures, quality)
    turned = archive.rescored(-archive.quality.reshape(-1)[archive.elites()])
    assert turned.elite_ids().tolist() == archive.elite_ids().tolist()
    assert np.nanmax(turned.quality) == -np.nanmin(archive.quality)
    unknown = archive.rescored(np.full(len(archive), NAN))
    assert unknown.qd_score() == 0.0
    _, added = unknown.add(ids + 9000, measures.roll(3, 1), quality)
    assert "better" in reasons(added)


def test_coverage_and_score_grow_with_what_is_found(empty, ids, measures, quality):
    assert (len(empty), empty.coverage(), empty.qd_score()) == (0, 0.0, 0.0)
    archive, _ = empty.add(ids, measures, quality)
    assert archive.coverage() == 1.0
    assert archive.qd_score() == np.nanmax(archive.quality, axis=1).sum()
    assert archive.qd_score(5.0) == archive.qd_score() - 5.0 * 40
    stats = archive.stats()
    assert stats["archive_bodies"] == len(archive) and stats["archive_coverage"] == 1.0


def test_centroids_follow_density_and_do_not_depend_on_the_order(descriptor, measures):
    places = descriptor.project(measures)
    centroids = torch.from_numpy(cell_centroids(places, 30))
    order = torch.randperm(len(measures), generator=torch.Generator().manual_seed(0))
    assert np.array_equal(cell_centroids(places[order], 30), centroids.numpy())
    crowded = torch.cat([places, places[:20].repeat(200, 1)])
    nearer = torch.from_numpy(cell_centroids(crowded, 30))
    among = torch.cdist(places[:20], nearer).amin(1).mean()
    assert among < 0.5 * torch.cdist(places[:20], centroids).amin(1).mean()


def test_a_pose_lies_in_the_cell_of_its_nearest_centroid(empty, measures):
    places = empty.descriptor.project(measures)
    apart = torch.cdist(places, torch.from_numpy(empty.centroids))
    found = torch.from_numpy(empty.index_of(measures))
    assert torch.allclose(apart.gather(1, found[:, None])[:, 0], apart.amin(1))
    assert len(found.unique()) == empty.cells


def test_of_many_centroids_as_near_the_first_is_found():
    draws = np.random.default_rng(4)
    centroids = np.unique(draws.integers(-40, 40, (5000, 2)), axis=0).astype(float)
    centroids = draws.permutation(centroids)
    assert len(centroids) > 2048
    points = torch.from_numpy(draws.integers(-50, 50, (500, 2)).astype(float))
    squares = ((points.numpy()[:, None] - centroids) ** 2).sum(2)
    assert (np.diff(np.sort(squares, axis=1)[:, :2]) == 0).mean() > 0.2, "many ties"
    assert np.array_equal(nearest_centroid(points, centroids), squares.argmin(1))


def test_what_is_saved_comes_back(empty, ids, measures, quality, descriptor):
    archive, _ = empty.add(ids, measures, quality)
    arrays = archive.to_arrays()
    again = Archive.from_arrays(arrays, descriptor)
    assert again.fingerprint() == archive.fingerprint()
    of_earlier_versions = Archive.from_arrays(arrays | {"rows": archive.measures}, descriptor)
    assert of_earlier_versions.fingerprint() == archive.fingerprint()
    with pytest.raises(BadInput, match=r"rows of mine should be \(\d+, 39\), got \(2, 39\)"):
        Archive.from_arrays(arrays | {"rows": arrays["rows"][:2]}, descriptor, "mine")
    more = (ids + 5000, measures.roll(1, 1), quality)
    assert again.add(*more)[0].fingerprint() == archive.add(*more)[0].fingerprint()


@pytest.mark.parametrize("name", ["near", "descriptor", "centres", "ids", "rows", "quality"])
def test_arrays_of_an_archive_have_the_names_of_saved_states(empty, descriptor, name):
    arrays = empty.to_arrays()
    assert len(arrays) == 6
    del arrays[name]
    with pytest.raises(BadInput, match=f"archive should hold {name}"):
        Archive.from_arrays(arrays, descriptor)


def test_other_arrays_are_refused(empty, descriptor):
    other = replace(descriptor, lengths=descriptor.lengths * 2)
    with pytest.raises(BadInput, match="should be over descriptor .*, got"):
        Archive.from_arrays(empty.to_arrays(), other)
    arrays = empty.to_arrays() | {"quality": np.zeros((2, 2), np.float32)}
    with pytest.raises(BadInput, match=r"quality of mine should be \(40, 4\), got \(2, 2\)"):
        Archive.from_arrays(arrays, descriptor, "mine")


def test_more_cells_than_poses_are_refused(descriptor, measures):
    with pytest.raises(BadInput, match="cells should be at most 43, the number of poses.*got 1000"):
        ArchiveSettings().expect_fits(43)
    with pytest.raises(BadInput, match="cells should be at most 720, .*got 1000"):
        Archive.over(measures, descriptor)
    with pytest.raises(BadInput, match="at most 1, the number of different poses.*got 9"):
        Archive.over(measures[:1].expand(9, -1), descriptor, ArchiveSettings(cells=9))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"ids": torch.tensor([1, 1])}, "ids should be all different, got one twice"),
        ({"ids": torch.tensor([1])}, r"ids should be \(2\), got \(1,\)"),
        ({"quality": torch.zeros(3)}, r"quality should be \(2\), got \(3,\)"),
        ({"measures": torch.zeros(2, 5)}, rf"\(bodies, {SIZE}\), got \(2, 5\)"),
        ({"measures": torch.full((2, SIZE), 0.5)}, "should be whole numbers"),
    ],
)
def test_what_cannot_be_put_in_is_refused(empty, change, message):
    good = {"ids": torch.arange(2), "measures": torch.zeros(2, SIZE), "quality": torch.zeros(2)}
    with pytest.raises(BadInput, match=message):
        empty.add(**(good | change))
    assert len(empty.add(**good)[0]) == 1


def test_an_empty_batch_changes_nothing(empty):
    nothing = torch.zeros(0, dtype=torch.int64)
    archive, added = empty.add(nothing, torch.zeros(0, SIZE), torch.zeros(0))
    assert archive.fingerprint() == empty.fingerprint() and added.counts()["stays"] == 0
