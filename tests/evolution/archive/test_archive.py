"""The archive: who is let in and why, the same for any split of the batches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.archive import (
    REASONS,
    Archive,
    ArchiveSettings,
    Insertion,
    cell_centres,
)
from evoskeleton.evolution.archive.descriptor import SIZE, DescriptorSettings, PoseDescriptor, fit
from evoskeleton.evolution.hierarchy import encode

NAN = float("nan")


@pytest.fixture(scope="module")
def descriptor(motion: np.ndarray) -> PoseDescriptor:
    return fit(encode(motion), DescriptorSettings(axes=5))


@pytest.fixture(scope="module")
def rows(descriptor: PoseDescriptor, motion: np.ndarray) -> Tensor:
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
def empty(descriptor: PoseDescriptor, rows: Tensor) -> Archive:
    return Archive.over(rows, descriptor, ArchiveSettings(cells=40, quota=4, near_mm=12.0))


class SlowArchive:
    """One body at a time, in lists: what the archive has to agree with."""

    def __init__(self, archive: Archive) -> None:
        self.centres, self.near, self.quota = archive.centres, archive.near, archive.quota
        self.projection = archive.descriptor.projection.astype(np.float64)
        self.cells: dict[int, list[tuple[int, np.ndarray, float]]] = {}

    def insert(self, name: int, row: np.ndarray, quality: float) -> str:
        """Let one in, and say what became of it."""
        place = row @ self.projection
        cell = int(np.argmin([np.square(place - centre).sum() for centre in self.centres]))
        members = self.cells.setdefault(cell, [])
        if np.isnan(quality):
            return "unscored"
        if any(np.square(row - member[1]).sum() < self.near for member in members):
            return "near-duplicate"
        newcomer = (name, row, quality)
        if len(members) < self.quota:
            members.append(newcomer)
            return "new cell" if len(members) == 1 else "quota"
        worst = min(range(self.quota), key=lambda n: (members[n][2], -members[n][0]))
        if quality <= members[worst][2]:
            return "full"
        members[worst] = newcomer
        return "better"

    def ids(self) -> list[int]:
        return sorted(member[0] for members in self.cells.values() for member in members)


def reasons(insertion: Insertion) -> list[str]:
    return [REASONS[code] for code in insertion.reasons]


def test_it_agrees_with_one_body_at_a_time(empty, ids, rows, quality):
    archive, insertion = empty.insert(ids, rows, quality)
    slow = SlowArchive(empty)
    order = ids.argsort().tolist()
    expected = [""] * len(ids)
    for i in order:
        expected[i] = slow.insert(int(ids[i]), rows[i].double().numpy(), float(quality[i]))
    assert reasons(insertion) == expected
    assert set(expected) == set(REASONS)
    assert archive.member_ids().tolist() == slow.ids()


@pytest.mark.parametrize("size", [1, 13, 100, 719])
def test_batches_may_be_split_anywhere(empty, ids, rows, quality, size):
    whole, insertion = empty.insert(ids, rows, quality)
    archive, told = empty, np.empty(len(ids), np.int64)
    for part in ids.argsort().split(size):
        archive, partial = archive.insert(ids[part], rows[part], quality[part])
        told[part.numpy()] = partial.reasons
    assert archive.fingerprint() == whole.fingerprint()
    assert told.tolist() == insertion.reasons.tolist()


def test_the_order_within_a_batch_changes_nothing(empty, ids, rows, quality):
    order = torch.randperm(len(ids), generator=torch.Generator().manual_seed(5))
    whole, insertion = empty.insert(ids, rows, quality)
    again, told = empty.insert(ids[order], rows[order], quality[order])
    assert again.fingerprint() == whole.fingerprint()
    assert told.reasons.tolist() == insertion.reasons[order.numpy()].tolist()


def test_members_of_a_cell_differ_and_fill_their_quota_at_most(empty, ids, rows, quality):
    archive, _ = empty.insert(ids, rows, quality)
    assert 0 < len(archive) <= 160
    for cell in range(archive.cells):
        members = torch.from_numpy(archive.rows[cell][archive.ids[cell] >= 0]).double()
        apart = torch.cdist(members, members) + torch.eye(len(members)) * 1e9
        assert (apart**2 >= archive.near).all()


def test_an_insertion_says_where_everyone_is_and_who_had_to_go(empty, ids, rows, quality):
    archive, insertion = empty.insert(ids, rows, quality)
    staying = np.flatnonzero(insertion.stays)
    assert len(staying) == len(archive) == insertion.counts()["stays"]
    assert archive.ids.reshape(-1)[insertion.places[staying]].tolist() == ids[staying].tolist()
    assert (insertion.places // archive.quota == insertion.cells)[staying].all()
    better = insertion.reasons == REASONS.index("better")
    assert (insertion.replaced >= 0).tolist() == better.tolist()
    gone = set(insertion.replaced[better].tolist())
    let_in = set(ids[insertion.places >= 0].tolist())
    assert let_in - gone == set(archive.member_ids().tolist())


def test_the_archive_that_was_there_is_left_as_it_was(empty, ids, rows, quality):
    before = empty.fingerprint()
    first, _ = empty.insert(ids[:300], rows[:300], quality[:300])
    kept = first.fingerprint()
    first.insert(ids[300:], rows[300:], quality[300:] + 100.0)
    assert (empty.fingerprint(), first.fingerprint()) == (before, kept)


def test_who_is_there_already_is_a_near_duplicate(empty, ids, rows, quality):
    archive, _ = empty.insert(ids, rows, quality)
    member_ids, member_rows = archive.member_ids(), archive.member_rows()
    again, insertion = archive.insert(member_ids, member_rows, np.full(len(archive), 99.0))
    assert set(reasons(insertion)) == {"near-duplicate"}
    assert again.fingerprint() == archive.fingerprint()


def test_without_a_distance_copies_are_let_in(descriptor, rows):
    archive = Archive.over(rows, descriptor, ArchiveSettings(cells=2, quota=6, near_mm=0.0))
    same = rows[:1].expand(5, -1)
    _, insertion = archive.insert(torch.arange(5), same, torch.zeros(5))
    assert reasons(insertion) == ["new cell"] + ["quota"] * 4


def test_new_qualities_decide_who_has_to_go_next(empty, ids, rows, quality):
    archive, _ = empty.insert(ids, rows, quality)
    turned = archive.rescored(-archive.quality.reshape(-1)[archive.members()])
    assert turned.member_ids().tolist() == archive.member_ids().tolist()
    assert np.nanmax(turned.quality) == -np.nanmin(archive.quality)
    unknown = archive.rescored(np.full(len(archive), NAN))
    assert unknown.qd_score() == 0.0
    _, insertion = unknown.insert(ids + 9000, rows.roll(3, 1), quality)
    assert "better" in reasons(insertion)


def test_coverage_and_score_grow_with_what_is_found(empty, ids, rows, quality):
    assert (len(empty), empty.coverage(), empty.qd_score()) == (0, 0.0, 0.0)
    archive, _ = empty.insert(ids, rows, quality)
    assert archive.coverage() == 1.0
    assert archive.qd_score() == np.nanmax(archive.quality, axis=1).sum()
    assert archive.qd_score(5.0) == archive.qd_score() - 5.0 * 40
    record = archive.record()
    assert record["archive_bodies"] == len(archive) and record["archive_coverage"] == 1.0


def test_centres_follow_density_and_do_not_depend_on_the_order(descriptor, rows):
    places = descriptor.project(rows)
    centres = torch.from_numpy(cell_centres(places, 30))
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    assert np.array_equal(cell_centres(places[order], 30), centres.numpy())
    crowded = torch.cat([places, places[:20].repeat(200, 1)])
    nearer = torch.from_numpy(cell_centres(crowded, 30))
    among = torch.cdist(places[:20], nearer).amin(1).mean()
    assert among < 0.5 * torch.cdist(places[:20], centres).amin(1).mean()


def test_a_pose_lies_in_the_cell_of_its_nearest_centre(empty, rows):
    places = empty.descriptor.project(rows)
    apart = torch.cdist(places, torch.from_numpy(empty.centres))
    found = torch.from_numpy(empty.locate(rows))
    assert torch.allclose(apart.gather(1, found[:, None])[:, 0], apart.amin(1))
    assert len(found.unique()) == empty.cells


def test_what_is_saved_comes_back(empty, ids, rows, quality, descriptor, tmp_path):
    archive, _ = empty.insert(ids, rows, quality)
    archive.save(tmp_path / "archive.npz")
    again = Archive.load(tmp_path / "archive.npz", descriptor)
    assert again.fingerprint() == archive.fingerprint()
    more = (ids + 5000, rows.roll(1, 1), quality)
    assert again.insert(*more)[0].fingerprint() == archive.insert(*more)[0].fingerprint()


def test_other_files_are_refused(empty, descriptor, tmp_path):
    path = tmp_path / "archive.npz"
    with pytest.raises(BadInput, match="archive.npz cannot be read"):
        Archive.load(path, descriptor)
    empty.save(path)
    other = replace(descriptor, lengths=descriptor.lengths * 2)
    with pytest.raises(BadInput, match="should be over descriptor .*, got"):
        Archive.load(path, other)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **(arrays | {"quality": np.zeros((2, 2), np.float32)}))
    with pytest.raises(BadInput, match=r"quality of .* should be \(40, 4\), got \(2, 2\)"):
        Archive.load(path, descriptor)


def test_more_cells_than_poses_are_refused(descriptor, rows):
    with pytest.raises(BadInput, match="cells should be at most 43, the number of poses.*got 1000"):
        ArchiveSettings().expect_fits(43)
    with pytest.raises(BadInput, match="cells should be at most 720, .*got 1000"):
        Archive.over(rows, descriptor)
    with pytest.raises(BadInput, match="at most 1, the number of different poses.*got 9"):
        Archive.over(rows[:1].expand(9, -1), descriptor, ArchiveSettings(cells=9))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"ids": torch.tensor([1, 1])}, "ids should be all different, got one twice"),
        ({"ids": torch.tensor([1])}, r"ids should be \(2\), got \(1,\)"),
        ({"quality": torch.zeros(3)}, r"quality should be \(2\), got \(3,\)"),
        ({"descriptors": torch.zeros(2, 5)}, rf"\(bodies, {SIZE}\), got \(2, 5\)"),
        ({"descriptors": torch.full((2, SIZE), 0.5)}, "should be whole numbers"),
    ],
)
def test_what_cannot_be_put_in_is_refused(empty, change, message):
    good = {"ids": torch.arange(2), "descriptors": torch.zeros(2, SIZE), "quality": torch.zeros(2)}
    with pytest.raises(BadInput, match=message):
        empty.insert(**(good | change))
    assert len(empty.insert(**good)[0]) == 1


def test_an_empty_batch_changes_nothing(empty):
    nothing = torch.zeros(0, dtype=torch.int64)
    archive, insertion = empty.insert(nothing, torch.zeros(0, SIZE), torch.zeros(0))
    assert archive.fingerprint() == empty.fingerprint() and insertion.counts()["stays"] == 0
