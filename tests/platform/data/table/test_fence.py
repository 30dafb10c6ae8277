"""Two drivers of one campaign: the earlier one is refused, and no row is there twice."""

import pytest
from table_rows import rows

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.pose_table import PoseTable

TAKEN = "campaign mine was taken over by another process"


@pytest.fixture
def two(tmp_path) -> tuple[PoseTable, PoseTable]:
    """The same table, opened by two drivers."""
    return PoseTable.create(tmp_path / "poses"), PoseTable.open(tmp_path / "poses")


def test_the_driver_that_began_later_goes_on_and_the_earlier_one_is_refused(two):
    earlier, later = two
    earlier.claim("mine")
    earlier.commit("mine", 0, rows(0))
    earlier.commit("mine", 1, rows(1))
    later.claim("mine")
    with pytest.raises(BadInput, match=TAKEN):
        earlier.commit("mine", 2, rows(2))
    before = later.count()
    later.commit("mine", 2, rows(2))
    assert later.count() > before
    with pytest.raises(BadInput, match=TAKEN):
        earlier.commit("mine", 2, rows(2))
    assert earlier.committed_generation("mine") == 2


def test_of_two_that_start_the_first_commit_decides(two):
    for driver in two:
        driver.claim("mine")
    slow, fast = two
    fast.commit("mine", 0, rows(0))
    there = fast.count()
    with pytest.raises(BadInput, match=TAKEN):
        slow.commit("mine", 0, rows(0))
    fast.commit("mine", 1, rows(1))
    assert slow.count() > there


def test_other_campaigns_of_the_table_go_on(two):
    mine, other = two
    mine.claim("mine")
    mine.commit("mine", 0, rows(0))
    other.claim("other")
    other.commit("other", 0, rows(0))
    other.claim("other")
    mine.commit("mine", 1, rows(1))
    assert mine.committed_generation("mine") == 1


def test_rows_of_before_there_were_drivers_are_gone_on_with(two):
    earlier, later = two
    earlier.commit("mine", 0, rows(0))
    later.claim("mine")
    later.commit("mine", 1, rows(1))
    assert later.committed_generation("mine") == 1
