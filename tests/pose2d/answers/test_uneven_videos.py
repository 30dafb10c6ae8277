"""What is made of videos whose frames do not come evenly: motion at one rate, drawn videos."""

import numpy as np
import pytest

from evoskeleton.pose2d.answers.drawings import Drawings
from evoskeleton.pose2d.answers.lines import Where
from evoskeleton.pose2d.answers.motion import evenly
from evoskeleton.pose2d.videos import _Beat


def moved_at(seconds: np.ndarray) -> np.ndarray:
    """(frames, 17, 3): joints that move 100 mm a second along x."""
    joints = np.zeros((len(seconds), 17, 3))
    joints[..., 0] = 100.0 * seconds[:, None] + np.arange(17)
    return joints


def test_frames_at_uneven_times_become_an_even_motion_of_the_same_speed():
    seconds = np.array([0.0, 0.1, 0.2, 0.5, 0.6, 0.7, 0.75, 1.0])
    joints, rate = evenly(moved_at(seconds), seconds)
    assert rate == pytest.approx(10.0) and len(joints) == 11
    np.testing.assert_allclose(joints, moved_at(np.arange(11) / 10.0), atol=1e-9)


def test_even_frames_stay_as_they_are_and_a_gap_stays_a_gap():
    seconds = np.arange(6) / 30.0 + np.array([0, 1, -1, 1, 0, 0]) * 1e-3
    given = moved_at(seconds)
    given[3] = np.nan
    joints, rate = evenly(given, seconds)
    assert joints is given and rate == pytest.approx(30.0, rel=0.1)
    assert evenly(given[:1], seconds[:1])[1] == 30.0


def test_a_drawn_video_lasts_as_long_as_the_frames_do(tmp_path):
    cv2 = pytest.importorskip("cv2", reason="videos need opencv-python-headless")
    seconds = [5.0, 5.1, 5.2, 5.3, 5.9, 6.0]
    drawings = Drawings(tmp_path, "video")
    drawings.expect(seconds)
    for number, at in enumerate(seconds):
        image = np.full((48, 64, 3), 40 * number, np.uint8)
        drawings.draw(Where(tmp_path / "a.mov", 64, 48, number, at), image, [])
    drawings.finish()
    video = cv2.VideoCapture(str(tmp_path / "a.mov.overlay.mp4"))
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(10.0)
    shades = []
    while (read := video.read())[0]:
        shades.append(round(read[1][24, 24].mean() / 40))
    assert shades == [0, 1, 2, 3, 3, 3, 3, 3, 3, 4, 5]


def test_frames_that_a_decoder_drops_are_counted_but_not_where_the_rate_varies():
    def lost(seconds) -> int:
        beat = _Beat()
        for at in seconds:
            beat.add(float(at), 30.0)
        return beat.lost(30.0)

    even = np.arange(60) / 30.0
    assert lost(even) == 0
    assert lost(np.delete(even, [20, 21, 40])) == 3
    assert lost(np.cumsum(np.resize([1, 2, 1, 3], 60)) / 30.0) == 0
