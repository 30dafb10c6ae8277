"""Figures of a search towards keypoints: what stands in them."""

import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.platform.record.explanations import Explanation
from evoskeleton.platform.record.target_figures import (
    MOST_ANCESTORS,
    Ancestor,
    target_curve,
    target_gallery,
)


def explanation(pose: np.ndarray, name: str, distance: float) -> Explanation:
    joints = (pose - pose[0])[:, [0, 2, 1]] * np.float32([1, -1, 1])
    keypoints = 500.0 + 0.2 * joints[:, :2]
    weights = np.ones(17, np.float32)
    weights[9] = 0.0
    return Explanation(name, "", -1, keypoints, weights, distance, keypoints + 3.0, joints)


def line(motion: np.ndarray, length: int) -> list[Ancestor]:
    """From the mother, the youngest, to the seed."""
    return [
        Ancestor(motion[20 * number], length - 1 - number, "crossover+limbs")
        for number in range(length)
    ]


def titles(figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


def test_a_row_shows_a_keypoint_set_its_body_and_where_the_body_comes_from(motion):
    explained = [explanation(motion[0], "a walk", 0.123), explanation(motion[50], "a wave", 0.25)]
    figure = target_gallery(explained, [line(motion, 2), line(motion, 1)], "Best")
    assert titles(figure) == [
        "a walk",
        "the body over them, distance 0.12",
        "the same from the right of the picture",
        "generation 1\ncrossover + limbs",
        "seed",
        "a wave",
        "the body over them, distance 0.25",
        "the same from the right of the picture",
        "seed",
    ]
    figure.canvas.draw()


@pytest.mark.parametrize("length", [0, 4, 5, 15])
def test_a_long_line_is_shown_from_the_mother_to_the_seed(motion, length):
    ancestors = [Ancestor(motion[0], length - 1 - n, "limbs") for n in range(length)]
    shown = titles(target_gallery([explanation(motion[0], "a", 0.1)], [ancestors], ""))[3:]
    assert len(shown) == min(length, MOST_ANCESTORS)
    if length:
        assert shown[0].startswith(f"generation {length - 1}") and shown[-1] == "seed"


def test_the_curve_says_its_first_and_last_number():
    figure = target_curve([1, 2, 3], {"bred": [0.3, 0.2, 0.1]}, {"bred, within 0.1": [0, 0.2, 0.5]})
    words = [text.get_text() for axes in figure.axes for text in axes.get_legend().get_texts()]
    assert words == ["bred: 0.300 to 0.100", "bred, within 0.1: 0% to 50%"]
    figure.canvas.draw()


def test_what_does_not_fit_together_is_refused(motion):
    with pytest.raises(BadInput, match="one number for each generation"):
        target_curve([1, 2], {"bred": [0.3]}, {})
    with pytest.raises(BadInput, match="one number for each generation, and one generation"):
        target_curve([], {}, {})
    with pytest.raises(BadInput, match="got 0 for 1"):
        target_gallery([explanation(motion[0], "a", 0.1)], [], "")
