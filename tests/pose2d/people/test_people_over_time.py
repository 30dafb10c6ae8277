"""People over the frames of a video: sides, gaps, doubles, bones, motion without trembling."""

from functools import partial

import numpy as np
import pytest
from walker import person, seen, walk

from evoskeleton.evolution.skeleton import BONES, MIRROR
from evoskeleton.lifting.bundle import load_bundle
from evoskeleton.lifting.bundles import shipped
from evoskeleton.pose2d.people.bones import lengths, with_lengths
from evoskeleton.pose2d.people.duplicates import distinct
from evoskeleton.pose2d.people.film import Film
from evoskeleton.pose2d.people.misfits import misfits
from evoskeleton.pose2d.people.second_opinion import blended
from evoskeleton.pose2d.people.settings import FilmSettings
from evoskeleton.pose2d.people.sides import LEGS, READINGS, evidence, readings
from evoskeleton.pose2d.people.smoothing import smooth

TRUTH = walk(90)
POINTS = seen(TRUTH)
SIZE = np.ptp(POINTS, axis=1).max()


def exchanged(points, rows, joints=range(17)):
    mixed, joints = points.copy(), list(joints)
    mixed[np.ix_(rows, joints)] = points[np.ix_(rows, [MIRROR[joint] for joint in joints])]
    return mixed


@pytest.mark.parametrize("block", [range(20, 21), range(20, 52)])
@pytest.mark.parametrize(("joints", "reading"), [(range(17), 3), (LEGS, 1)])
def test_sides_that_were_exchanged_for_a_while_are_put_right(block, joints, reading):
    chance = np.random.default_rng(1)
    noisy = POINTS + 0.01 * SIZE * chance.normal(size=POINTS.shape)
    read = readings(exchanged(noisy, list(block), joints), np.ones((90, 17)))
    assert (read[list(block)] == reading).all()
    assert (np.delete(read, list(block)) == 0).all()


def test_sides_are_put_right_although_one_of_them_is_hardly_seen():
    weights = np.ones((90, 17))
    weights[:, [4, 5, 6, 11, 12, 13]] = 0.1
    rows = list(range(25, 55))
    weights[np.ix_(rows, range(17))] = weights[np.ix_(rows, list(MIRROR))]
    noisy = POINTS + 0.008 * SIZE * np.random.default_rng(7).normal(size=POINTS.shape)
    read = readings(exchanged(noisy, rows), weights)
    assert (read[rows] == 3).all() and (np.delete(read, rows) == 0).all()


@pytest.mark.parametrize("heading", [0.0, 60.0, 90.0])
def test_what_is_right_stays_although_legs_cross(heading):
    points = seen(walk(150, heading_deg=heading))
    points += 0.008 * SIZE * np.random.default_rng(2).normal(size=points.shape)
    assert (readings(points, np.ones((150, 17))) == 0).all()


def test_a_reading_that_is_known_goes_on():
    mixed = exchanged(POINTS, range(40))
    assert (readings(mixed, np.ones((90, 17)), start=(3, 3))[:40] == 3).all()
    assert (READINGS[3][READINGS[3]] == np.arange(17)).all()


def test_smoothing_keeps_slow_motion_takes_out_noise_and_fills_gaps():
    time = np.arange(200) / 60.0
    slow = 300.0 * np.sin(2 * np.pi * 1.0 * time)[:, None, None] * np.ones((1, 1, 3))
    noise = 10.0 * np.random.default_rng(3).normal(size=slow.shape)
    weights = np.ones((200, 1))
    weights[80:90] = 0.0
    given = slow + noise
    given[80:90] = 1e6
    given[30] += 400.0
    smoothed = smooth(given, weights, 6.0, 60.0)
    assert np.abs(smoothed - slow)[:, 0].max() < 30.0
    assert np.abs(smooth(slow, np.ones((200, 1)), 6.0, 60.0) - slow).max() < 1.0
    bend = np.diff(smoothed, 2, axis=0)
    assert (
        np.linalg.norm(bend, axis=2).mean()
        < 0.2 * np.linalg.norm(np.diff(slow + noise, 2, axis=0), axis=2).mean()
    )
    assert (smooth(given[:3], weights[:3], 6.0, 60.0) == given[:3]).all()


def test_bones_get_one_length_alike_on_both_sides():
    trembling = TRUTH * (1.0 + 0.05 * np.random.default_rng(4).normal(size=(90, 17, 1)))
    wanted = lengths(trembling, np.ones((90, 17)))
    built = with_lengths(trembling, wanted)
    for number, (start, end) in enumerate(BONES):
        bone = np.linalg.norm(built[:, end] - built[:, start], axis=1)
        assert np.allclose(bone, wanted[number])
    assert wanted[0] == wanted[3] and abs(wanted[1] - 430.0) < 15.0


def test_nobody_is_there_twice_whichever_way_round():
    one = person(POINTS[0])
    turned = person(POINTS[0][list(MIRROR)] + 3.0, score=0.8)
    other = person(POINTS[0] + [0.6 * SIZE, 0.0])
    half = person(POINTS[0] + 2.0, known=np.arange(17) > 6, score=0.95)
    assert distinct([turned, one, other, half]) == [1, 2]
    assert distinct([]) == []


def made_up(people):
    """A lifter of a simple kind: depth is half of x."""
    return [
        np.c_[one.keypoints, 0.5 * one.keypoints[:, :1]] - np.r_[one.keypoints[0], 0.0]
        if one.known.sum() > 5
        else None
        for one in people
    ]


def filmed(frames, **settings):
    film = Film(made_up, FilmSettings.parse(settings))
    answers = []
    for number, people in enumerate(frames):
        answers += [moving for moving, _ in film.add(people, number / 30.0)]
    return answers + [moving for moving, _ in film.end()]


def test_a_gap_is_filled_with_what_lies_between_and_a_flicker_is_dropped():
    frames = [[person(points)] for points in POINTS]
    for number in range(30, 40):
        frames[number] = []
    frames[70].append(person(POINTS[70] + [2 * SIZE, 0.0]))
    answers = filmed(frames)
    assert [len(people) for people in answers] == [1] * 90
    assert {one.identity for people in answers for one in people} == {0}
    assert [people[0].filled for people in answers] == [30 <= n < 40 for n in range(90)]
    off = np.linalg.norm(answers[35][0].person.keypoints - POINTS[35], axis=1)
    assert off.max() < 0.08 * SIZE and answers[35][0].joints is not None


def test_segments_change_nothing_but_the_memory():
    chance = np.random.default_rng(5)
    mixed = exchanged(POINTS, range(33, 60)) + 2.0 * chance.normal(size=POINTS.shape)
    frames = [[person(points)] for points in mixed]
    whole = filmed(frames)
    parts = filmed(frames, segment=20, context=25)
    assert len(parts) == len(whole) == 90
    for one, other in zip(whole, parts, strict=True):
        apart = one[0].person.keypoints - other[0].person.keypoints
        assert np.linalg.norm(apart, axis=1).max() < 0.01 * SIZE
    sides = np.array([one[0].person.keypoints for one in parts]) - POINTS
    assert np.linalg.norm(sides, axis=2).max() < 0.1 * SIZE


def test_without_smoothing_keypoints_stay_as_they_were_found():
    mixed = POINTS + np.random.default_rng(6).normal(size=POINTS.shape)
    answers = filmed([[person(points)] for points in mixed], smooth=False)
    found = np.array([people[0].person.keypoints for people in answers])
    assert np.allclose(found, mixed, atol=1e-3)


def test_a_second_opinion_is_brought_to_the_bodys_size():
    one = person(POINTS[0], known=np.arange(17) != 13)
    one = type(one)(**{**vars(one), "own_joints": 2.0 * TRUTH[0]})
    turned = TRUTH[0] * [1.0, 1.0, -1.0]
    mixed = blended(turned[None], [one], 0.5)[0]
    share = 0.5 + 0.55 / 17
    assert np.allclose(mixed[5], (1 - share) * turned[5] + share * TRUTH[0][5], atol=1e-3)
    share *= 1.5
    assert np.allclose(mixed[13], (1 - share) * turned[13] + share * TRUTH[0][13], atol=1e-3)
    assert blended(turned[None], [one], 0.0)[0] is not None


def test_a_frame_between_the_sides_does_not_make_an_exchange_a_motion():
    mixed = exchanged(POINTS, range(30, 60))
    for row in (29, 60):
        mixed[row] = (POINTS[row] + POINTS[row][list(MIRROR)]) / 2.0
    read = readings(mixed, np.ones((90, 17)))
    assert (read[31:59] == 3).all() and (read[:29] == 0).all() and (read[62:] == 0).all()


def test_a_lifter_tells_legs_that_were_exchanged_all_the_time():
    explained = partial(misfits, load_bundle(shipped()), (1000, 1000))
    sure = np.ones((90, 17))
    mixed = exchanged(POINTS, range(90), LEGS)
    costs = evidence(mixed, sure > 0, sure, explained)
    assert (readings(mixed, sure, costs) == 1).all()
    nobody = evidence(mixed, sure < 0, sure, explained)
    assert not nobody.any()
