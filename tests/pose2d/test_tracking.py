"""People keep their ids, and nobody takes another's."""

import numpy as np

from evoskeleton.pose2d.detector import Person
from evoskeleton.pose2d.tracking import PeopleTracker, PeopleTrackingSettings

SHAPE = np.random.default_rng(1).uniform((-30, -100), (30, 100), (17, 2))


def person(x: float, y: float = 200.0, scale: float = 1.0) -> Person:
    """A made-up body, 200 px tall, whose middle is at (x, y) px."""
    keypoints = (SHAPE * scale + (x, y)).astype(np.float32)
    box = np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)])
    return Person(box, 1.0, keypoints, np.ones(17), np.ones(17), ())


def test_the_first_people_are_numbered_in_their_order():
    assert PeopleTracker().update([person(0), person(300)]) == [0, 1]


def test_ids_follow_people_whatever_their_order():
    tracker = PeopleTracker()
    tracker.update([person(0), person(300)])
    assert tracker.update([person(304), person(3)]) == [1, 0]


def test_two_people_who_cross_keep_their_ids():
    """They walk through each other; at the crossing they stand on the same place."""
    tracker = PeopleTracker()
    for step in range(41):
        left, right = person(10.0 * step), person(400.0 - 10.0 * step)
        turned = step % 2 == 1
        ids = tracker.update([right, left] if turned else [left, right])
        assert ids == ([1, 0] if turned else [0, 1]), step


def test_somebody_who_is_hidden_for_a_while_comes_back_as_the_same():
    tracker = PeopleTracker()
    for step in range(10):
        tracker.update([person(12.0 * step)])
    for _ in range(6):
        assert tracker.update([]) == []
    assert tracker.update([person(12.0 * 16)]) == [0]


def test_after_too_long_it_is_somebody_new():
    tracker = PeopleTracker(PeopleTrackingSettings.parse({"patience": 2}))
    tracker.update([person(0)])
    for _ in range(3):
        tracker.update([])
    assert tracker.update([person(0)]) == [1]


def test_somebody_far_away_is_somebody_new():
    tracker = PeopleTracker()
    tracker.update([person(0)])
    assert tracker.update([person(900)]) == [1]
    assert tracker.update([person(900), person(0)]) == [1, 0]


def test_a_child_in_front_of_an_adult_is_somebody_else():
    tracker = PeopleTracker()
    tracker.update([person(100), person(100, 250, 0.4)])
    assert tracker.update([person(100, 250, 0.4), person(100)]) == [1, 0]


def test_unknown_keypoints_do_not_count():
    half = person(5)
    half.keypoints[:9] = np.nan
    tracker = PeopleTracker()
    tracker.update([person(0), person(200)])
    assert tracker.update([half, person(201)]) == [0, 1]


def test_somebody_without_any_keypoint_gets_a_new_id():
    nothing = person(0)
    nothing.keypoints[:] = np.nan
    tracker = PeopleTracker()
    tracker.update([person(0)])
    assert tracker.update([nothing, person(1)]) == [1, 0]
