"""Poses with the keypoints that were found of them in the pictures of their cameras."""

import pytest
import torch
from refusals import refused

from evoskeleton.cli import main
from evoskeleton.errors import BadInput
from evoskeleton.lifting.bundle import load_bundle
from evoskeleton.lifting.cameras import fixed_views, project, world_to_camera
from evoskeleton.lifting.protocols import evaluate
from evoskeleton.platform.data.formats.human36m import joints_to_32, load_human36m
from evoskeleton.platform.data.own_cameras import human36m_views
from evoskeleton.platform.data.target.look import look
from evoskeleton.platform.data.target.paired_views import paired_views
from evoskeleton.safe_npy import write_object

FRAMES = 6


def write(path, value):
    with open(path, "wb") as file:
        write_object(file, value)
    return path


@pytest.fixture
def files(tmp_path, motion):
    """EvoSkeleton's three files of one subject and two recordings."""
    cameras = fixed_views(torch.from_numpy(motion[:1, 0]))
    names = ("rotation", "position", "focal", "center", "radial", "tangential")
    own = {
        (9, n + 1): (*(getattr(cameras, name)[n].double().numpy() for name in names), f"5413896{n}")
        for n in range(4)
    }
    three, two = {}, {}
    for number in (1, 2):
        poses = motion[number * 20 : number * 20 + FRAMES]
        three[9, "Walking", f"Walking {number}.h5"] = joints_to_32(poses).reshape(-1, 96)
        joints = torch.from_numpy(poses)
        for n in range(4):
            one = cameras.take(torch.full((FRAMES,), n))
            seen = project(world_to_camera(joints, one), one).numpy()
            two[9, "Walking", f"Walking {number}.5413896{n}.h5"] = seen.reshape(FRAMES, 34)
    return (
        write(tmp_path / "threeDPose_test.npy", three),
        write(tmp_path / "twoDPose_test.npy", two),
        write(tmp_path / "cameras.npy", own),
    )


def test_exact_keypoints_are_what_the_cameras_see(files, make_bundle):
    three, two, cameras = files
    poses = load_human36m(three)
    views = human36m_views(poses, cameras)
    paired = paired_views(poses, views, look(two).found)
    assert len(paired.rows) == 2 * FRAMES and paired.left_out == 0
    lifter = load_bundle(make_bundle())
    exact, given = (
        evaluate(lifter, poses.poses, poses.action, poses.clip, views=each).overall
        for each in (views, paired.views)
    )
    assert given["mpjpe"] == pytest.approx(exact["mpjpe"], abs=0.01)


def test_poses_that_a_camera_has_no_keypoints_of_are_left_out(files, make_bundle):
    three, two, cameras = files
    found = look(two).found
    confidence = found.confidence.copy()
    confidence[0], confidence[FRAMES + 1, 4] = 0.0, 0.0
    less = type(found)(**{**vars(found), "confidence": confidence})
    poses = load_human36m(three)
    paired = paired_views(poses, human36m_views(poses, cameras), less)
    assert paired.left_out == 1 and 0 not in paired.rows
    lifter = load_bundle(make_bundle())
    lifted, _ = paired.views.lift(lifter, poses.poses[paired.rows], 0)
    assert torch.isfinite(lifted).all(), "a joint that is not known is not looked at"


def test_keypoints_of_others_are_told(files):
    three, two, cameras = files
    poses = load_human36m(three)
    views, found = human36m_views(poses, cameras), look(two).found
    other = [type(clip)(clip.file, "S5", clip.name, clip.part) for clip in found.clips]
    strangers = type(found)(**{**vars(found), "clips": tuple(other)})
    with pytest.raises(BadInput, match="poses begin with S9, Walking 1.h5, frame 0, keypoints wi"):
        paired_views(poses, views, strangers)
    odd = [type(clip)(clip.file, clip.subject, clip.name, "camera x") for clip in found.clips]
    with pytest.raises(BadInput, match="should be of the cameras 54138960, .* got camera x"):
        paired_views(poses, views, type(found)(**{**vars(found), "clips": tuple(odd)}))


def test_what_judges_a_lifter_is_known_as_the_same_recording(files):
    """So that a target cannot hold them unawares."""
    three, two, _ = files
    poses = load_human36m(three)
    clips = {(clip.subject, clip.name) for clip in look(two).found.clips}
    assert clips == set(zip(poses.subject.tolist(), poses.clip.tolist(), strict=True))


def test_the_command_judges_by_what_cameras_saw(files, make_bundle, capsys):
    three, two, cameras = files
    words = ["evaluate", "--poses", three, "--keypoints", two, "--model", make_bundle()]
    assert "--cameras names them" in refused(capsys, *words)
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in [*words, "--cameras", cameras]])
    said = capsys.readouterr().out
    assert not end.value.code and "the data set's own cameras" in said and "54138963" in said
