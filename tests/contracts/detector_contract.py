"""What every 2D detector promises, whatever it looks for."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.pose2d.detector import Stopwatch

BOX = np.array([[280.0, 55.0, 500.0, 385.0]])


class DetectorContract:
    """Inherit, and give the fixtures `detector` and `scene`: a picture of 640 x 425 px with one
    person, who is inside of `BOX`."""

    def test_numbers_are_within_their_limits_and_joints_known_by_name(self, detector, scene):
        (found,) = detector.detect(scene)
        assert found.keypoints.shape == (17, 2) and found.keypoints.dtype == np.float32
        for column in (found.confidence, found.visibility, np.array([found.score])):
            assert ((column >= 0) & (column <= 1)).all()
        assert set(found.approximated) < set(JOINT_NAMES)

    def test_an_empty_picture_holds_nobody(self, detector):
        assert detector.detect(np.full((300, 400, 3), 120, np.uint8)) == []

    def test_a_picture_of_one_pixel_holds_nobody(self, detector):
        assert detector.detect(np.zeros((1, 1, 3), np.uint8)) == []

    def test_no_boxes_are_no_people(self, detector, scene):
        assert detector.detect(scene, np.zeros((0, 4))) == []

    def test_the_picture_is_left_as_it_was(self, detector, scene):
        image = scene.copy()
        detector.detect(image, BOX)
        assert np.array_equal(image, scene)

    def test_the_stages_are_timed(self, detector, scene):
        watch = Stopwatch()
        detector.detect(scene, watch=watch)
        assert set(watch.seconds) == {"find", "locate"} and min(watch.seconds.values()) > 0

    @pytest.mark.parametrize(
        ("image", "sentence"),
        [
            (np.zeros((8, 8), np.uint8), r"image should be \(height, width, 3\), got \(8, 8\)"),
            (np.zeros((8, 8, 3)), "image should be of type uint8, got float64"),
            (np.zeros((0, 8, 3), np.uint8), "image should have pixels"),
            (np.zeros((1, 11, 3), np.uint8), "at most 10 times as long as wide, got 11 x 1"),
        ],
    )
    def test_what_is_no_picture_is_told(self, detector, image, sentence):
        with pytest.raises(BadInput, match=sentence):
            detector.detect(image)

    @pytest.mark.parametrize(
        ("boxes", "sentence"),
        [
            ([[1, 2, 3]], r"boxes should be \(people, 4\)"),
            ([[1, 2, 30, 40], [9, 2, 3, 4]], "box 1 should be x0 < x1, y0 < y1, got 9 2 3 4"),
            ([[1, 2, np.nan, 4]], "box 0 should be x0 < x1"),
            ([[700, 2, 800, 40]], "box 0 should touch the 640 x 425 picture"),
        ],
    )
    def test_a_wrong_box_is_told(self, detector, scene, boxes, sentence):
        with pytest.raises(BadInput, match=sentence):
            detector.detect(scene, np.array(boxes, dtype=float))

    def test_every_box_gives_one_person(self, detector, scene):
        boxes = np.concatenate([[[0, 300, 60, 420]], BOX, [[20, 20, 90, 90]]])
        assert len(detector.detect(scene, boxes)) == 3

    def test_the_same_picture_gives_the_same_people(self, detector, scene):
        (before,) = detector.detect(scene)
        detector.detect(np.ascontiguousarray(scene[:, ::-1]))
        (after,) = detector.detect(scene)
        assert np.array_equal(before.keypoints, after.keypoints)
        assert np.array_equal(before.confidence, after.confidence)

    def test_several_threads_may_ask_at_once(self, detector, scene):
        pictures = [scene, np.ascontiguousarray(scene[:, ::-1])]
        alone = [detector.detect(image)[0].keypoints for image in pictures]
        with ThreadPoolExecutor(2) as pool:
            together = list(pool.map(detector.detect, pictures * 3))
        for row, people in enumerate(together):
            assert np.array_equal(people[0].keypoints, alone[row % 2])
