"""MPI-INF-3DHP's own files: joints, frames, axes, what is left out and what is refused."""

import h5py
import mpi_inf_3dhp_files as files
import numpy as np
import pytest
from scipy.io import savemat

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.platform.data.formats.mpi_inf_3dhp import (
    load_held_out_clip,
    load_mpi_inf_3dhp,
    training_keypoints,
)
from evoskeleton.platform.data.poses import check_poses
from evoskeleton.platform.data.sources.load import load, settings_from_text
from evoskeleton.platform.data.sources.settings import SourceSettings

FRAMES = 30
THEIR_JOINTS = (
    "head_top neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist "
    "right_hip right_knee right_ankle left_hip left_knee left_ankle pelvis spine head"
)
OUR_JOINTS = (
    "pelvis right_hip right_knee right_ankle left_hip left_knee left_ankle spine neck head "
    "head_top left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist"
)


@pytest.fixture
def world(motion) -> np.ndarray:
    return motion[:FRAMES].astype(np.float64)


def write_test(folder, world, valid=None, activity=None):
    valid = np.ones(len(world)) if valid is None else valid
    activity = np.ones(len(world)) if activity is None else activity
    return files.write_test(folder, files.in_front(world), valid, activity)


def test_training_poses_stand_upright_where_they_stood(tmp_path, world):
    poses = load_mpi_inf_3dhp(files.write_training(tmp_path / "S3" / "Seq2", world))
    assert np.abs(poses.poses - world).max() < 0.1
    assert set(poses.subject) == {"3DHP-S3"} and set(poses.clip) == {"S3 Seq2"}
    assert set(poses.action) == {"Seq2"} and poses.frame.tolist() == list(range(FRAMES))
    check_poses(poses)


def test_keypoints_of_the_training_are_those_of_each_camera(tmp_path, world):
    path = files.write_training(tmp_path / "S3" / "Seq2", world, cameras=4)
    found = list(training_keypoints(path))
    assert [seen.camera for seen in found] == [0, 1, 2]
    assert {(seen.subject, seen.clip) for seen in found} == {("3DHP-S3", "S3 Seq2")}
    second = files.EXTRINSIC.copy()
    second[2, 3] += 500.0
    camera = files.y_up(world) @ second[:3, :3].T + second[:3, 3]
    assert np.abs(found[1].keypoints - files.seen(camera)).max() < 0.01
    assert [seen.camera for seen in training_keypoints(path, cameras=(3, 13))] == [3]


def test_a_test_sequence_gives_its_valid_frames_as_a_level_camera_sees_them(tmp_path, world):
    valid = np.arange(FRAMES) % 3 == 0
    activity = 1 + np.arange(FRAMES) % 7
    path = write_test(tmp_path / "TS5", world, valid, activity)
    poses = load_mpi_inf_3dhp(path)
    assert poses.frame.tolist() == np.flatnonzero(valid).tolist()
    assert set(poses.subject) == {"3DHP-TS5"} and set(poses.clip) == {"TS5"}
    assert poses.action[1] == "Crouch and reach"
    seen_from_hip = world - world[:, :1]
    ours = poses.poses - poses.poses[:, :1]
    assert np.abs(ours - 0.9 * seen_from_hip[valid]).max() < 0.01, "univ_annot3 is what is judged"
    clip = load_held_out_clip(path)
    assert np.allclose(clip.keypoints, files.seen(clip.metric), atol=1e-6)
    assert np.allclose(clip.universal, 0.9 * clip.metric)


def test_the_head_is_above_and_the_right_hand_on_the_right(tmp_path, world):
    """Held against the names in the layouts, not against our own table of places."""
    theirs = np.zeros((1, 17, 3))
    names = THEIR_JOINTS.split()
    for place, name in enumerate(names):
        theirs[0, place] = [place, 0.0, 4000.0]
        theirs[0, place, 1] = {"head_top": -900.0, "left_ankle": 900.0}.get(name, 0.0)
    path = write_test(tmp_path / "TS1", world[:1])
    with h5py.File(path, "r+") as file:
        file["univ_annot3"][...] = theirs[:, None]
    (pose,) = load_mpi_inf_3dhp(path).poses
    assert pose[:, 2].argmax() == Joint.HEAD and pose[:, 2].argmin() == Joint.LFOOT
    assert " ".join(names[int(x)] for x in pose[:, 0]) == OUR_JOINTS


def test_a_folder_gives_all_of_it_and_a_file_is_known_by_its_name(tmp_path, world):
    for subject in ("S1", "S2"):
        files.write_training(tmp_path / subject / "Seq1", world)
    savemat(tmp_path / "S1" / "other.mat", {"mine": np.zeros(3)})
    whole = load(SourceSettings.parse({"kind": "mpi-inf-3dhp", "path": str(tmp_path)}))
    assert whole.clips() == [("3DHP-S1", "S1 Seq1"), ("3DHP-S2", "S2 Seq1")]
    one = settings_from_text(str(tmp_path / "S2" / "Seq1" / "annot.mat"))
    assert one.kind == "mpi-inf-3dhp" and len(load(one)) == FRAMES


def test_a_version_5_test_file_is_read_too(tmp_path, world):
    path = write_test(tmp_path / "TS2", world)
    expected = load_mpi_inf_3dhp(path).poses
    with h5py.File(path, "r") as file:
        arrays = {name: dataset[()].T for name, dataset in file.items()}
    savemat(path, arrays)
    assert np.array_equal(load_mpi_inf_3dhp(path).poses, expected)


def refused(path) -> str:
    with pytest.raises(BadInput) as refusal:
        load_mpi_inf_3dhp(path)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_what_is_missing_or_does_not_fit_is_told(tmp_path, world):
    path = files.write_training(tmp_path / "S1" / "Seq1", world)
    (path.parent / "camera.calibration").write_text("name 0\n extrinsic 1 2 3\n")
    assert "should hold an extrinsic matrix of 16 numbers" in refused(path)
    (path.parent / "camera.calibration").write_text(files.calibration([2.0 * files.EXTRINSIC]))
    assert "the extrinsic matrix should hold a rotation" in refused(path)
    (path.parent / "camera.calibration").unlink()
    assert "should lie beside annot.mat" in refused(path)
    assert "holds neither annot.mat nor annot_data.mat" in refused(_empty(tmp_path / "nothing"))
    savemat(path, {"annot2": np.zeros(3)})
    assert "should hold annot3, got annot2" in refused(path)
    savemat(path, {"annot3": np.zeros(3)})
    assert "annot3 should be cells, one a camera, got float64" in refused(path)
    cells = np.empty((1, 1), dtype=object)
    cells[0, 0] = np.zeros((5, 51))
    savemat(path, {"annot3": cells})
    assert "a cell should be (frames, 84), got float64 of shape (5, 51)" in refused(path)


def _empty(folder):
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("activity_annotation", 8.0, "activity_annotation should be 1 to 7, got 8"),
        ("univ_annot3", np.nan, "univ_annot3, row 0: joint Hip should be finite, got nan"),
    ],
)
def test_a_test_file_that_does_not_fit_is_told(name, value, sentence, tmp_path, world):
    path = write_test(tmp_path / "TS1", world)
    with h5py.File(path, "r+") as file:
        file[name][...] = value
    assert sentence in refused(path)
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = np.zeros((4, 1))
    assert f"{name} should " in refused(path)
