"""Frames of a video looked at in blocks: who is followed, who is searched, and by how many."""

import time

import numpy as np
import pytest

from evoskeleton.pose2d.detector import Person, Stopwatch
from evoskeleton.pose2d.people.looking import MOST_FRAMES, blocks, looked_at
from evoskeleton.pose2d.videos import Frame

BODY = np.random.default_rng(1).uniform((-3, -9), (3, 9), (17, 2))


class Spots:
    """Searches for a bright spot; follows it as far as it moves by two pixels."""

    def __init__(self):
        self.searched = []

    def detect(self, image, boxes=None, watch=None):
        self.searched.append(int(image[0, 0, 1]))
        time.sleep(0.002 * (int(image[0, 0, 1]) % 3))
        bright = np.argwhere(image[..., 0] > 200)
        return [self.person(place[::-1], 0.5) for place in bright[:1]]

    def follow(self, image, before, watch=None):
        (person,) = before
        x, y = (int(length) for length in person.box[:2])
        near = image[y, max(x - 2, 0) : x + 3, 0]
        if near.max() <= 200:
            return [None]
        return [self.person((max(x - 2, 0) + int(near.argmax()), y), person.score + 0.01)]

    def person(self, place, score):
        """How often somebody was followed stands in their score."""
        sure = np.ones(17, np.float32)
        return Person(np.tile(place, 2), score, (BODY + place).astype(np.float32), sure, sure, ())


def frames(places, rate=30.0):
    for number, place in enumerate(places):
        image = np.zeros((40, 90, 3), np.uint8)
        image[..., 1] = number
        if place is not None:
            image[20, place, 0] = 255
        yield Frame(number, number / rate if rate else 0.0, image), Stopwatch()


def scores(places, workers=1, seconds=0.25, boxes=lambda frame: None):
    detector = Spots()
    looked = looked_at(frames(places), detector, boxes, seconds, workers)
    answers = [[round(one.score, 2) for one in each.people] for each in looked]
    return answers, sorted(detector.searched)


def test_people_are_followed_from_one_search_to_the_next():
    answers, searched = scores(range(20))
    assert searched == [0, 8, 16]
    assert [each[0] for each in answers[:9]] == pytest.approx([*np.arange(0.5, 0.58, 0.01), 0.5])


def test_whoever_is_lost_is_searched_for_at_once_and_then_ever_more_seldom():
    _, searched = scores([0, 1, 2, 50, 51, None, None, 60, 61])
    assert searched == [0, 3, 5, 7, 8]
    assert scores([None] * 40, seconds=1.0)[1] == [0, 2, 6, 14, 16, 18, 22, 30, 32, 34, 38]


def test_who_comes_back_to_where_they_were_is_followed_without_a_search():
    answers, searched = scores([4, None, None, None, 5, 6])
    assert [len(each) for each in answers] == [1, 0, 0, 0, 1, 1]
    assert searched == [0, 1, 3]


def test_every_frame_is_searched_where_that_is_asked_for_or_boxes_are_drawn():
    assert scores(range(9), seconds=0.0)[1] == list(range(9))
    assert scores(range(9), boxes=lambda frame: np.zeros((0, 4)))[1] == list(range(9))


@pytest.mark.parametrize("workers", [2, 5])
def test_the_number_of_workers_changes_no_answer(workers):
    places = [*range(30), None, None, *range(40, 70), 3, 4]
    assert scores(places, workers) == scores(places, 1)


def test_blocks_of_a_video_without_times_are_short():
    lengths = [len(block) for block in blocks(frames(range(2 * MOST_FRAMES + 1), rate=0.0), 0.25)]
    assert lengths == [MOST_FRAMES, MOST_FRAMES, 1]


def test_what_ends_a_search_ends_the_video():
    class Blind(Spots):
        def detect(self, image, boxes=None, watch=None):
            raise OSError("no eyes")

    with pytest.raises(OSError, match="no eyes"):
        list(looked_at(frames(range(40)), Blind(), lambda frame: None, 0.25, 2))
