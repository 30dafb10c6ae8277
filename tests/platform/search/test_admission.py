"""The choice of the data set: who becomes a row, who leaves for it, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.archive import Archive, ArchiveSettings
from evoskeleton.evolution.archive.descriptor import DescriptorSettings
from evoskeleton.evolution.breeding import BreedingSettings
from evoskeleton.evolution.hierarchy import decode, encode
from evoskeleton.evolution.limits.tables import Limits
from evoskeleton.evolution.population import Population, ids
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.search.campaign.admission import admit, found, references
from evoskeleton.platform.search.campaign.settings import SearchSettings


@pytest.fixture(scope="module")
def seeds(motion) -> Population:
    return Population.seeds(encode(motion))


def archive_of(seeds: Population, **settings: float) -> Archive:
    return found(
        seeds,
        ArchiveSettings.parse(settings),
        DescriptorSettings(),
        BreedingSettings(),
        Limits.constant(180.0),
        seed=3,
    )


def rows_of(
    archive: Archive, bodies: Population, generation: int, error: list[float]
) -> tuple[PoseRows, np.ndarray]:
    """Bodies as they ask to be admitted: rows, and their descriptor."""
    slots = torch.arange(len(bodies))
    bred = replace(bodies, ids=ids(generation, 0, slots)).scored(torch.tensor(error))
    joints = decode(bodies.genomes).numpy()
    described = archive.descriptor.describe(bodies.genomes).numpy()
    return PoseRows.of(bred, joints, generation, island=0), described


def test_the_same_body_again_is_no_row(seeds):
    archive = archive_of(seeds, cells=5, quota=50)
    some = seeds.take(torch.arange(0, len(seeds), 16))
    archive, rows, counts = admit(archive, *rows_of(archive, some, 1, [1.0] * len(some)))
    _, again, counts_again = admit(archive, *rows_of(archive, some, 2, [9.0] * len(some)))
    assert len(rows.id) == len(archive) == counts["archive/stays"] > 0
    assert len(again.id) == 0 and counts_again["archive/near-duplicate"] == len(some)


def test_a_row_names_the_bred_one_that_left_for_it_through_its_own_batch(seeds):
    """Room for one: 10 is bred, then 20 and 30 of one batch beat it and each other."""
    archive = archive_of(seeds, cells=1, quota=1, near_mm=0.0)
    three = seeds.take(torch.tensor([0, 40, 80]))
    archive, first, _ = admit(archive, *rows_of(archive, three.take(torch.tensor([0])), 1, [10.0]))
    archive, second, _ = admit(archive, *rows_of(archive, three, 2, [20.0, 5.0, 30.0]))
    assert first.why.tolist() == ["new cell"] and first.replaces.tolist() == [-1]
    assert second.id.tolist() == [int(ids(2, 0, torch.tensor([2]))[0])]
    assert second.why.tolist() == ["better"]
    assert second.replaces.tolist() == first.id.tolist()


def test_a_seed_loses_its_place_but_is_never_replaced_as_a_row(seeds):
    archive = archive_of(seeds, cells=1, quota=1, near_mm=0.0)
    archive, *_ = admit(archive, *rows_of(archive, seeds.take(torch.tensor([0])), 0, [1.0]))
    _, rows, _ = admit(archive, *rows_of(archive, seeds.take(torch.tensor([50])), 1, [2.0]))
    assert rows.why.tolist() == ["better"] and rows.replaces.tolist() == [-1]


def test_novelty_wants_bodies_in_the_archive_and_takes_what_is_there(seeds):
    archive = archive_of(seeds, cells=5, quota=1, near_mm=0.0)
    with pytest.raises(BadInput, match="an archive of two bodies or more, got 0"):
        references(archive, 3)
    archive, *_ = admit(archive, *rows_of(archive, seeds, 1, [1.0] * len(seeds)))
    assert references(archive, 50).neighbours == len(archive) - 1


def test_rows_that_ask_and_their_archive_stay_as_they_were(seeds):
    archive = archive_of(seeds, cells=5, quota=1, near_mm=0.0)
    rows, described = rows_of(archive, seeds, 1, [1.0] * len(seeds))
    before = {name: column.copy() for name, column in rows.columns().items()}
    admitted = admit(archive, rows, described.copy())[1]
    assert 0 < len(admitted) < len(rows) and len(archive) == 0
    assert before.keys() == rows.columns().keys(), "no reason was given to these"
    for name, column in rows.columns().items():
        assert np.array_equal(column, before[name], equal_nan=column.dtype.kind == "f"), name


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ({"archive": {"cells": 500}, "rows": 400}, "more cells than the 400 rows asked for"),
        (
            {"archive": {"cells": 100}, "generations": 1, "islands": 1, "island": {"offspring": 9}},
            "100 cells has more cells than the 9 poses to be bred",
        ),
        ({"island": {"objectives": [["novelty"]]}}, "novelty is measured against an archive"),
        ({"island": {"bands": {"novelty": {}}}}, "novelty is measured against an archive"),
        ({"archive": {"cells": 5, "quota": 2}, "neighbours": 10}, "less than the 10 bodies"),
        (
            {"archive": {}, "island": {"breeding": {"lengths": {"when": "storing"}}}},
            "set breeding.lengths.when to breeding",
        ),
    ],
)
def test_an_archive_that_cannot_work_is_refused(search, sentence):
    with pytest.raises(BadInput, match=sentence):
        SearchSettings.parse(search)
