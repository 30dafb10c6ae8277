"""Detectors by name, and an own one that keeps the contract."""

import numpy as np
import pytest
from bright_spots import BrightSpots
from detector_contract import DetectorContract

from evoskeleton.errors import BadInput
from evoskeleton.pose2d.detectors import load_detector


class TestBrightSpots(DetectorContract):
    @pytest.fixture
    def detector(self):
        return load_detector("bright_spots:BrightSpots")

    @pytest.fixture
    def scene(self):
        image = np.zeros((425, 640, 3), np.uint8)
        image[200:240, 370:410] = 255
        return image


def test_a_name_gives_the_detector_of_that_name():
    assert isinstance(load_detector("bright_spots:BrightSpots"), BrightSpots)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("dots", "detector should be blazepose or module:Name, got dots"),
        ("bright_spots:", "detector should be blazepose or module:Name"),
        ("no_such_module:Dots", "detector no_such_module:Dots: No module named"),
        ("bright_spots:Dots", "detector bright_spots:Dots: module .* has no attribute 'Dots'"),
        ("bright_spots:BODY", "should be a class or a function, got ndarray"),
        ("bright_spots:Broken", "detector bright_spots:Broken cannot be made: no weights"),
        ("bright_spots:Blind", "should have a method detect, got Blind without one"),
    ],
)
def test_a_name_that_is_no_detector_is_told(name, sentence):
    with pytest.raises(BadInput, match=sentence):
        load_detector(name)
