"""The embedded motion: a person of plausible size who walks forwards on straight knees."""

import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import BONES, MIRROR, Joint
from evoskeleton.platform.data.mocap.deepmimic import CLIPS, load_deepmimic
from evoskeleton.platform.data.poses import PoseSet, body_height
from evoskeleton.platform.data.sources.load import load
from evoskeleton.platform.data.sources.settings import SourceSettings


@pytest.fixture(scope="module")
def clips() -> PoseSet:
    try:
        return load_deepmimic()
    except BadInput as error:
        pytest.skip(f"the embedded motion cannot be had here: {error}")


def walk(clips: PoseSet) -> np.ndarray:
    return clips.poses[clips.clip == "walk"].astype(np.float64)


def test_all_fifteen_clips_are_there(clips):
    assert set(clips.clip.tolist()) == set(CLIPS) and len(CLIPS) == 15
    assert len(clips) == 1620


def test_bone_lengths_are_constant_and_the_same_on_both_sides(clips):
    for start, end in BONES:
        lengths = np.linalg.norm(clips.poses[:, start] - clips.poses[:, end], axis=1)
        other = np.linalg.norm(clips.poses[:, MIRROR[start]] - clips.poses[:, MIRROR[end]], axis=1)
        assert np.ptp(lengths) < 0.5
        assert abs(lengths.mean() - other.mean()) < 0.5


def test_the_figure_is_as_tall_as_a_person(clips):
    assert 1500 < body_height(clips.poses).mean() < 1800


def test_the_walker_stands_on_the_floor_with_the_head_up(clips):
    joints = walk(clips)
    feet = joints[:, [Joint.RFOOT, Joint.LFOOT], 2].min(axis=1)
    assert (feet > 0).all() and feet.mean() < 150
    assert (joints[:, Joint.HEAD, 2] - joints[:, Joint.HIP, 2] > 500).all()


def test_the_walker_walks_forwards_with_left_on_the_left(clips):
    joints = walk(clips)
    forward = joints[-1, Joint.HIP] - joints[0, Joint.HIP]
    forward /= np.linalg.norm(forward)
    left = np.cross([0, 0, 1], forward)
    assert ((joints[:, Joint.LHIP] - joints[:, Joint.RHIP]) @ left).mean() > 100


def test_knees_bend_backwards_and_elbows_forwards(clips):
    joints = walk(clips)
    forward = joints[-1, Joint.HIP] - joints[0, Joint.HIP]
    for hip, knee, foot in ((1, 2, 3), (4, 5, 6)):
        middle = (joints[:, hip] + joints[:, foot]) / 2
        assert ((joints[:, knee] - middle) @ forward > 0).mean() > 0.95
    for shoulder, elbow, wrist in ((11, 12, 13), (14, 15, 16)):
        middle = (joints[:, shoulder] + joints[:, wrist]) / 2
        assert ((joints[:, elbow] - middle) @ forward < 0).mean() > 0.95


def test_a_source_can_name_single_clips(clips):
    settings = SourceSettings.parse(dict(kind="deepmimic", clips=["walk", "run"]))
    assert set(load(settings).clip.tolist()) == {"walk", "run"}


def test_the_default_joint_limits_accept_the_figure(clips):
    from evoskeleton.evolution.hierarchy import encode
    from evoskeleton.evolution.limits.tables import default_limits

    margin = default_limits().margin(encode(clips.poses))
    assert float((margin >= 0).float().mean()) > 0.9
