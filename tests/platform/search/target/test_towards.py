"""What a generation does for its target: rows, why they are there, and who leaves."""

import numpy as np
import pytest
import torch

from evoskeleton.evolution.archive.resemblance import Sightings
from evoskeleton.evolution.hierarchy import decode, encode
from evoskeleton.evolution.population import Population, ids
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.search.campaign.towards import admit_resembling
from evoskeleton.platform.search.target.resembling import Resembling
from evoskeleton.platform.search.workers.islands import Sighted, Survivors

TARGETS = 4


@pytest.fixture(scope="module")
def bodies(motion) -> Population:
    genomes = encode(motion[:40])
    return Population.orphans(ids(1, 0, torch.arange(40)), genomes, 0)


def survivors(bodies: Population, target: list[int], distance: list[float], general: list[bool]):
    """Bodies of which each has come near to one keypoint set, in its view 3."""
    near, which = np.array(distance, np.float32), np.array(target, np.int32)
    order = np.lexsort((near, which))
    sightings = Sightings(
        nearest=near,
        target=which,
        hit_target=which[order],
        hit_body=order.astype(np.int32),
        hit_view=np.full(len(near), 3, np.int32),
        hit_distance=near[order],
        hit_penalty=np.zeros(len(near), np.float32),
    )
    rows = PoseRows.of(bodies, decode(bodies.genomes).numpy(), 1, 0)
    rows = rows.with_columns(distance=near, target=which)
    kept = np.array(general)
    return Survivors(rows, None, 9, len(near), kept, Sighted(bodies, sightings))


def some(bodies: Population, *places: int) -> Population:
    return bodies.take(torch.tensor(places))


def general_of(found: Survivors) -> PoseRows:
    return found.rows.take(found.general).with_reason("kept")


def test_without_a_target_rows_are_what_they_were(bodies):
    found = survivors(some(bodies, 0, 1), [0, 1], [0.5, 0.5], [True, True])
    rows = general_of(found)
    assert admit_resembling(None, rows, found) == (None, rows, {})


def test_who_enters_a_niche_becomes_a_row_that_says_where_it_stands(bodies):
    held = Resembling.nobody(TARGETS, 1, bodies)
    found = survivors(
        some(bodies, 0, 1, 2, 3), [2, 2, 0, 1], [0.3, 0.2, 0.4, 0.5], [True, False, False, False]
    )
    held, rows, record = admit_resembling(held, general_of(found), found)
    assert rows.id.tolist() == bodies.ids[[0, 1, 2, 3]].tolist()
    assert rows.why.tolist() == ["kept", "resembles", "resembles", "resembles"]
    assert rows.target.tolist() == [2, 2, 0, 1]
    assert rows.distance == pytest.approx([0.3, 0.2, 0.4, 0.5])
    assert rows.view.tolist() == [-1, 3, 3, 3], "the first was not the nearest of its niche"
    assert list(rows.retires) == [None] * 4
    assert record["target/entered"] == 3 and record["target/left"] == 0
    assert record["target/within_0.3"] == 0.25
    assert held.special.tolist() == bodies.ids[[1, 2, 3]].tolist()


def test_who_is_general_and_in_a_niche_is_one_row(bodies):
    held = Resembling.nobody(TARGETS, 2, bodies)
    found = survivors(some(bodies, 0, 1), [1, 1], [0.3, 0.2], [True, False])
    held, rows, _ = admit_resembling(held, general_of(found), found)
    assert rows.why.tolist() == ["kept", "resembles"] and rows.view.tolist() == [3, 3]
    assert held.general.tolist() == [True, False]


def test_rows_retire_those_who_were_there_for_the_target_alone(bodies):
    """Three stand alone in a niche each, one of them general; one newcomer beats all three."""
    held = Resembling.nobody(TARGETS, 1, bodies)
    first = survivors(some(bodies, 0, 1, 2), [0, 1, 2], [0.5, 0.5, 0.5], [True, False, False])
    held, _, _ = admit_resembling(held, general_of(first), first)
    later = survivors(some(bodies, 10, 11, 12), [0, 1, 2], [0.1, 0.1, 0.1], [False, False, False])
    held, rows, record = admit_resembling(held, general_of(later), later)
    retired = [number for numbers in rows.retires for number in numbers or ()]
    assert retired == bodies.ids[[1, 2]].tolist()
    assert record["target/left"] == 2 and record["target/distance"] == pytest.approx(0.1)
    assert len(held) == 3


def test_rows_of_an_archive_keep_whom_they_replace(bodies):
    held = Resembling.nobody(TARGETS, 1, bodies)
    found = survivors(some(bodies, 0, 1), [0, 1], [0.5, 0.5], [True, True])
    taken = general_of(found).take(np.array([0])).with_columns(replaces=np.array([77]))
    _, rows, _ = admit_resembling(held, taken, found)
    assert rows.replaces.tolist() == [77, -1], "the archive has refused the second"
    assert rows.why.tolist() == ["kept", "resembles"]
