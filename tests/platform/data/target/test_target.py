"""A target: what counts, what is left out, what is refused, and that it comes back."""

import json

import mpi_inf_3dhp_files
import numpy as np
import pytest
from pydantic import ValidationError

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.lifting.keypoints.keypoint_formats import known_set
from evoskeleton.platform.data.formats.mpi_inf_3dhp import training_keypoints
from evoskeleton.platform.data.poses import PoseSet
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget, expect_same
from evoskeleton.platform.data.target.load import load_target
from evoskeleton.platform.data.target.settings import TargetSettings
from evoskeleton.platform.data.target.views_of_poses import views_of_poses

STANDARD = {"kind": "standard"}
FIELDS = ("keypoints", "weights", "image_size", "clip", "name", "picture", "frame")


def bodies(count: int, seed: int = 0) -> np.ndarray:
    """(count, 17, 2) px, spread over a picture."""
    return np.random.default_rng(seed).uniform(100, 900, (count, 17, 2))


def written(path, keypoints, visibility=None):
    words = {"keypoints": np.asarray(keypoints).tolist()}
    if visibility is not None:
        words["visibility"] = np.asarray(visibility).tolist()
    path.write_text(json.dumps(words))
    return str(path)


def target(seed: int = 1, **settings) -> KeypointTarget:
    return load_target(TargetSettings.parse(settings), seed)


def test_a_list_of_files_and_one_file_are_settings():
    assert TargetSettings.model_validate(["a.json", "b.json"]).keypoints == ("a.json", "b.json")
    assert TargetSettings.model_validate("a.json") == TargetSettings(keypoints=("a.json",))
    assert TargetSettings.parse({"keypoints": "a.json"}).wanted == 3000
    with pytest.raises(ValidationError, match="wants keypoints or poses"):
        TargetSettings.model_validate([])
    with pytest.raises(ValidationError, match="name a.json twice"):
        TargetSettings.model_validate(["a.json", "a.json"])


def test_hidden_joints_count_for_nothing_and_others_alike(tmp_path):
    visibility = np.tile([1.0, 0.7, 0.2], (4, 6))[:, :17]
    path = written(tmp_path / "a.json", bodies(4), visibility)
    alike = target(keypoints=path)
    assert np.array_equal(alike.weights, (visibility > 0.5).astype(np.float32))
    assert (alike.keypoints[alike.weights == 0] == 0).all()
    sure = target(keypoints=path, confidence=True)
    assert np.allclose(sure.weights, np.where(visibility > 0.5, visibility, 0.0))


def test_sets_that_say_too_little_are_left_out_and_counted(tmp_path):
    points, visibility = bodies(5), np.ones((5, 17))
    visibility[1, 5:] = 0.0
    points[3] = points[3, 0]
    found = target(keypoints=written(tmp_path / "a.json", points, visibility))
    assert found.name.tolist() == [f"a.json pose {row}" for row in (0, 2, 4)]
    assert found.left_out == {"fewer than six known joints": 1, "all points equal": 1}
    assert found.record()["sets"] == 3 and found.record()["left_out"] == dict(found.left_out)


def test_six_joints_are_enough(tmp_path):
    visibility = np.zeros((1, 17))
    visibility[0, :6] = 1.0
    found = target(keypoints=written(tmp_path / "a.json", bodies(1), visibility))
    assert found.weights.sum() == 6


def test_nothing_usable_is_refused(tmp_path):
    hidden = written(tmp_path / "hidden.json", bodies(3), np.zeros((3, 17)))
    with pytest.raises(BadInput, match="there are 3 with fewer than six known joints"):
        target(keypoints=hidden)
    points = np.full((2, 17, 2), 400.0)
    with pytest.raises(BadInput, match="there are 2 with all points equal"):
        target(keypoints=written(tmp_path / "equal.json", points))


def test_normalised_coordinates_are_refused_by_file(tmp_path):
    written(tmp_path / "a.json", bodies(2))
    written(tmp_path / "b.json", bodies(2) / 500.0 - 1.0)
    with pytest.raises(BadInput, match=r"b\.json: keypoints should be px, got numbers from -0\."):
        target(keypoints=str(tmp_path))


def test_a_joint_far_off_any_picture_is_named(tmp_path):
    points = bodies(2)
    points[1, 3] = 1e9, 0.0
    with pytest.raises(BadInput, match="RFoot of pose 1 should lie within 1000000 px, got"):
        target(keypoints=written(tmp_path / "a.json", points))


def test_files_that_nothing_reads_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(BadInput, match=r"notes\.txt: no reader knows files of this kind"):
        target(keypoints=str(tmp_path / "notes.txt"))
    with pytest.raises(BadInput, match="no file in this folder is of a kind"):
        target(keypoints=str(tmp_path))
    with pytest.raises(BadInput, match="absent: there is no such file or folder"):
        target(keypoints=str(tmp_path / "absent"))


def test_fewer_sets_than_niches_are_refused(tmp_path):
    path = written(tmp_path / "a.json", bodies(4))
    assert len(target(keypoints=path, niches=3)) == 3
    with pytest.raises(BadInput, match="should have 5 keypoint sets, got 4"):
        target(keypoints=path, niches=5)


def test_names_tell_files_of_one_name_apart(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder / "run.json", bodies(1, seed=ord(folder)))
    found = target(keypoints=str(tmp_path))
    assert found.name.tolist() == [f"{tmp_path}/{f}/run.json pose 0" for f in ("a", "b")]
    assert len(set(found.clip.tolist())) == 2


def test_a_target_comes_back_from_its_file(tmp_path):
    visibility = np.ones((5, 17))
    visibility[1, 5:] = 0.0
    saved = target(keypoints=written(tmp_path / "a.json", bodies(5), visibility))
    saved.save(tmp_path / "target.npz")
    back = KeypointTarget.load(tmp_path / "target.npz")
    for name in FIELDS:
        assert np.array_equal(
            getattr(back, name), getattr(saved, name), equal_nan=name == "image_size"
        )
    assert back.hash == saved.hash and back.left_out == saved.left_out
    expect_same(saved, back)
    (tmp_path / "target.npz").write_bytes(b"something else")
    with pytest.raises(BadInput, match=r"target .*target\.npz cannot be read"):
        KeypointTarget.load(tmp_path / "target.npz")


def test_a_target_that_changes_is_refused_with_the_difference(tmp_path):
    points = bodies(5)
    saved = target(keypoints=written(tmp_path / "a.json", points))
    moved = target(keypoints=written(tmp_path / "b.json", points))
    assert saved.hash == moved.hash, "a file may be renamed"
    points[3, 2] += 1.0
    other = target(keypoints=written(tmp_path / "a.json", points))
    with pytest.raises(BadInput, match=r"first that differs is a\.json pose 3"):
        expect_same(saved, other)
    fewer = target(keypoints=written(tmp_path / "a.json", points[:4]))
    with pytest.raises(BadInput, match=r"5 keypoint sets of 1 clip .* got 4 keypoint sets"):
        expect_same(saved, fewer)


# Poses


def walkers(clips: int, frames: int) -> PoseSet:
    """Standing bodies that sway, in several clips."""
    from evoskeleton.platform.data.sources.load import load, settings_from_text

    one = load(settings_from_text("standard")).poses[0]
    chance = np.random.default_rng(3)
    count = clips * frames
    return PoseSet(
        poses=(one + chance.normal(0, 30, (count, 17, 3))).astype(np.float32),
        subject=np.repeat([f"S{number}" for number in range(clips)], frames),
        action=np.full(count, "walk"),
        clip=np.repeat([f"walk {number}" for number in range(clips)], frames),
        frame=np.tile(np.arange(frames, dtype=np.int32), clips),
    )


def test_poses_are_seen_once_each_whatever_else_is_there():
    poses = walkers(2, 10)
    whole = views_of_poses(poses, ViewSettings(), 4.0, seed=5)
    begun = views_of_poses(poses.take(np.arange(7)), ViewSettings(), 4.0, seed=5)
    assert np.array_equal(whole.keypoints[:7], begun.keypoints)
    other = views_of_poses(poses, ViewSettings(), 4.0, seed=6)
    assert not np.allclose(whole.keypoints, other.keypoints, atol=50)
    assert (whole.image_size == 1000).all() and (whole.confidence == 1).all()


def test_people_stand_upright_in_their_pictures():
    found = views_of_poses(walkers(1, 20), ViewSettings(), 0.0, seed=1)
    head, foot = JOINT_NAMES.index("Head"), JOINT_NAMES.index("LFoot")
    assert (found.keypoints[:, head, 1] < found.keypoints[:, foot, 1]).all()


def test_noise_is_as_large_as_asked_for():
    poses = walkers(1, 400)
    still, noisy = (views_of_poses(poses, ViewSettings(), px, seed=1) for px in (0.0, 6.0))
    assert abs((noisy.keypoints - still.keypoints).std() - 6.0) < 0.1


def test_a_point_at_zero_or_no_number_is_one_that_nobody_found(tmp_path):
    points = bodies(2)
    points[0, [3, 6]] = 0.0
    points[0, 9] = np.nan
    found = target(keypoints=written(tmp_path / "a.json", points))
    assert np.flatnonzero(found.weights[0] == 0).tolist() == [3, 6, 9]
    assert (found.weights[1] == 1).all()


def test_a_hidden_file_is_not_read_but_a_folder_below_a_hidden_one_is(tmp_path):
    folder = tmp_path / ".cache" / "run"
    folder.mkdir(parents=True)
    written(folder / "a.json", bodies(1))
    written(folder / ".b.json", bodies(1))
    assert len(target(keypoints=str(folder))) == 1


def test_judged_clips_are_no_target_unless_declared():
    judged = {("standard", "standard")}
    settings = {"poses": STANDARD}
    with pytest.raises(BadInput, match="clip standard of subject standard should not"):
        load_target(TargetSettings.parse(settings), 1, judged=judged)
    declared = TargetSettings.parse(settings | {"transductive": True})
    assert len(load_target(declared, 1, judged=judged)) == 1


def test_mpi_inf_3dhp_is_a_target_by_what_its_cameras_saw(tmp_path, motion):
    world = motion[:40].astype(np.float64)
    mpi_inf_3dhp_files.write_training(tmp_path / "S1" / "Seq1", world, cameras=2)
    found = target(keypoints=str(tmp_path))
    assert len(found) == 2 * 4, "two cameras, every tenth frame"
    assert (found.weights == 1).all() and (found.image_size == 2048).all()
    assert found.name[0].endswith("3DHP-S1/S1 Seq1 camera 0 frame 0")
    camera = mpi_inf_3dhp_files.in_front(world) + [5000.0, 0.0, 0.0]
    ones = np.ones(40)
    path = mpi_inf_3dhp_files.write_test(tmp_path / "TS1", camera, ones, ones)
    judged = [("3DHP-TS1", "TS1")]
    settings = TargetSettings.parse({"keypoints": str(path)})
    with pytest.raises(BadInput, match="clip TS1 of subject 3DHP-TS1 should not be the target"):
        load_target(settings, 1, judged=judged)
    assert len(load_target(settings, 1)) == 40


def test_joints_outside_of_the_pictures_of_mpi_inf_3dhp_are_not_known(tmp_path, motion):
    world = motion[:10].astype(np.float64)
    shift = np.array([-1800.0, 0.0, 0.0])
    path = mpi_inf_3dhp_files.write_training(tmp_path / "S1" / "Seq1", world + shift, 1)
    pixels = next(training_keypoints(path)).keypoints[0]
    outside = ((pixels < 0) | (pixels >= 2048)).any(axis=1)
    assert 0 < outside.sum() < 11
    (weights,) = target(keypoints=str(path)).weights
    assert np.array_equal(weights == 0, outside)


def test_a_target_may_say_the_layout_of_its_files(tmp_path):
    points = np.concatenate([bodies(4), np.ones((4, 17, 1))], axis=2)
    np.save(tmp_path / "coco.npy", points)
    told = target(keypoints=str(tmp_path / "coco.npy"), points="coco17")
    expected, _ = known_set("coco").to_human36m(points[..., :2])
    known = told.weights > 0
    assert known.any(axis=1).all() and not known[:, JOINT_NAMES.index("Spine")].any()
    assert np.allclose(told.keypoints[known], expected[known], atol=1e-3)
    shares = points * (1 / 1000, 1 / 1000, 1)
    np.save(tmp_path / "shares.npy", shares)
    says = dict(points="coco17", normalised=True, size=[1000, 1000])
    again = target(keypoints=str(tmp_path / "shares.npy"), **says)
    assert np.allclose(again.keypoints, told.keypoints, atol=1e-2)
    with pytest.raises(BadInput, match="--points should be one of human36m"):
        target(keypoints=str(tmp_path / "coco.npy"), points="coco99")
