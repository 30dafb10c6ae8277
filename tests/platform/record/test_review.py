"""The figures that people read."""

import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.platform.record import review


def texts(figure):
    """Everything that is written in a figure."""
    figure.draw_without_rendering()
    found = figure.findobj(lambda artist: hasattr(artist, "get_text"))
    return [text for artist in found if isinstance(text := artist.get_text(), str) and text]


def test_poses_are_picked_from_the_easiest_to_the_hardest():
    errors = np.array([50.0, 10.0, 90.0, 30.0, 70.0])
    assert errors[review.evenly_by_error(errors, 3)].tolist() == [10.0, 50.0, 90.0]
    assert len(review.evenly_by_error(errors, 99)) == 5


def test_the_gallery_says_of_each_pose_how_it_came_about(motion):
    ancestors = motion[10:13].copy()
    ancestors[2] = np.nan
    errors = np.array([40.4, 99.0, np.nan])
    figure = review.gallery(motion[:3], np.arange(3), ["crossover"] * 3, errors, ancestors)
    assert len(figure.axes) == 3
    written = texts(figure)
    assert "crossover\ngeneration 0, 40 mm" in written
    assert "crossover\ngeneration 2, not scored" in written
    bones = [len(axes.lines) for axes in figure.axes]
    assert bones[0] == bones[1] > bones[2]


def test_bodies_in_the_gallery_face_the_same_way(motion):
    across = [review.facing(pose)[1] - review.facing(pose)[4] for pose in motion[::40]]
    assert np.abs(np.array(across)[:, 1]).max() < 0.01
    lowest = [review.facing(pose)[:, 2].min() for pose in motion[::40]]
    assert np.allclose(lowest, 0.0)


def test_clips_stand_in_the_order_of_their_gain_and_the_better_are_counted():
    baseline = {"walk": 100.0, "kick": 90.0, "roll": 80.0}
    evolved = {"walk": 95.0, "kick": 70.0, "roll": 81.0}
    figure = review.error_by_clip(baseline, evolved)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["roll", "walk", "kick"]
    assert {"gain", "+20.0", "+5.0", "-1.0"} <= set(texts(figure))
    assert axes.get_title("left") == "2 of 3 clips better; mean over clips 90.0 to 82.0 mm"


def test_of_many_clips_the_best_and_the_worst_are_shown_and_all_are_counted():
    baseline = {f"{i:03d}": 100.0 for i in range(100)}
    evolved = {clip: 50.0 + int(clip) for clip in baseline}
    (axes,) = review.error_by_clip(baseline, evolved).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == 40 and {"000", "099"} <= set(labels) and "050" not in labels
    assert axes.get_title("left").startswith("50 of 100 clips better (shown: best and worst 20)")


def test_lifters_that_were_measured_on_different_clips_are_not_compared():
    with pytest.raises(BadInput, match=r"should have the same clips, got \['kick'\]"):
        review.error_by_clip({"walk": 1.0}, {"walk": 1.0, "kick": 2.0})


def test_ridges_show_at_most_ten_generations_with_first_and_last():
    errors = {g: np.full(5, 40.0 + g) for g in range(25)} | {25: np.array([np.nan])}
    (axes,) = review.error_by_generation(errors).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == 10
    assert labels[0] == "0  (5 poses)" and labels[-1] == "24  (5 poses)"


def test_errors_that_are_all_zero_can_be_drawn():
    assert review.error_by_generation({1: np.zeros(4)}).axes


def test_a_record_without_errors_is_told():
    with pytest.raises(BadInput, match="at least one finite error"):
        review.error_by_generation({1: np.array([np.nan])})


def test_more_poses_cover_more_directions(motion):
    few, many = review._occupied(motion[:20]), review._occupied(motion)
    assert (few <= many).all() and many.sum() > few.sum()
    titles = [axes.get_title() for axes in review.limb_coverage(motion[:20], motion).axes]
    share = 100 * many[0].mean()
    assert len(titles) == 9
    assert titles[0].startswith("head, seen from the thorax\n")
    assert titles[0].endswith(f"to {share:.1f} % of all directions")


def test_coverage_does_not_change_when_the_body_turns_or_walks(motion):
    turned = motion[:, :, [1, 0, 2]] * np.float32([1, -1, 1]) + np.float32([500, 0, 0])
    differing = review._occupied(motion) ^ review._occupied(turned)
    assert differing.mean() < 0.001


def test_an_empty_set_of_poses_is_told(motion):
    with pytest.raises(BadInput, match="after should hold at least one pose"):
        review.limb_coverage(motion, motion[:0])
    with pytest.raises(BadInput, match=r"poses should be \(poses, 17, 3\)"):
        review.gallery(motion[:, :16], np.arange(1), ["x"], np.zeros(1))
