"""Cameras of Human3.6M out of their file, and of MPI-INF-3DHP out of what they saw."""

import mpi_inf_3dhp_files as files
import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.lifting.bundle import load_bundle
from evoskeleton.lifting.cameras import fixed_views
from evoskeleton.lifting.metrics import mpjpe
from evoskeleton.lifting.normalization import hip_centred
from evoskeleton.platform.data.own_cameras import own_views
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.data.sources.load import load
from evoskeleton.platform.data.sources.settings import SourceSettings

HUMAN36M = SourceSettings.parse({"kind": "human36m", "path": "threeDPose_test.npy"})


def entries(hips: np.ndarray) -> dict:
    """Cameras of subjects 9 and 11 as the field keeps them: the fixed views about a hip each."""
    found = {}
    for subject, hip in zip((9, 11), hips, strict=True):
        cameras = fixed_views(torch.from_numpy(hip[None]))
        for number in range(4):
            parts = [
                getattr(cameras, name)[number].double().numpy()
                for name in ("rotation", "position", "focal", "center", "radial", "tangential")
            ]
            columns = [parts[0], *(part.reshape(-1, 1) for part in parts[1:])]
            found[subject, number + 1] = (*columns, f"5413896{number}")
    return found


def save(path, value):
    array = np.empty((), dtype=object)
    array[()] = value
    np.save(path, array, allow_pickle=True)
    return str(path)


@pytest.fixture
def people(motion) -> PoseSet:
    nine = single_clip(motion[:20], "S9", "Walking", "Walking 1")
    eleven = single_clip(motion[50:80] + np.float32(700), "S11", "Eating", "Eating 2")
    return PoseSet.concat([nine, eleven])


def test_each_subject_is_seen_by_its_own_four_cameras(tmp_path, people):
    hips = np.stack([people.poses[0, 0], people.poses[-1, 0]])
    views = own_views(people, HUMAN36M, save(tmp_path / "cameras.npy", entries(hips)))
    assert views.names == ("54138960", "54138961", "54138962", "54138963")
    assert len(views) == len(people) == 50 and len(views.cameras) == 8
    placed = views.cameras.position.numpy()[views.camera]
    for subject, hip in (("S9", hips[0]), ("S11", hips[1])):
        expected = fixed_views(torch.from_numpy(hip[None])).position.numpy()
        assert np.allclose(placed[people.subject == subject], expected, atol=0.01)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda cameras: [1, 2], "should hold a dictionary by \\(subject, camera\\), got list"),
        (
            lambda cameras: {k: v for k, v in cameras.items() if k[0] == 9},
            "no camera of subject S11",
        ),
        (
            lambda cameras: {k: v for k, v in cameras.items() if k != (9, 2)},
            "S9 has 3 cameras and S11 4",
        ),
        (
            lambda cameras: cameras | {(9, 1): (np.eye(3),)},
            r"\(9, 1\) should hold rotation, position",
        ),
        (
            lambda cameras: cameras | {(9, 1): (np.eye(3), np.zeros(2), *cameras[9, 1][2:])},
            r"\(9, 1\): position should be 3 finite numbers",
        ),
        (
            lambda cameras: cameras | {(9, 1): (2 * np.eye(3), *cameras[9, 1][1:])},
            r"\(9, 1\): rotation should be one",
        ),
    ],
)
def test_a_file_of_cameras_that_does_not_fit_is_told(change, sentence, tmp_path, people):
    path = save(tmp_path / "cameras.npy", change(entries(people.poses[:2, 0])))
    with pytest.raises(BadInput, match=sentence):
        own_views(people, HUMAN36M, path)


def test_mpi_inf_3dhp_is_judged_by_the_keypoints_of_its_pictures(tmp_path, motion, make_bundle):
    activity = np.ones(40)
    for name, rows in (("TS1", slice(0, 40)), ("TS2", slice(100, 140))):
        camera = files.in_front(motion[rows].astype(np.float64))
        files.write_test(tmp_path / name, camera, np.arange(40) % 4 > 0, activity)
    source = SourceSettings.parse(
        {"kind": "mpi-inf-3dhp", "path": str(tmp_path), "fraction": 0.5, "fraction_seed": 3}
    )
    poses = load(source)
    views = own_views(poses, source, "own")
    assert len(views) == len(poses) == 30 and views.names == ("own camera",)
    focal = views.cameras.focal.numpy()
    assert np.allclose(focal, files.FOCAL, atol=0.5)
    lifter = load_bundle(make_bundle())
    lifted, truth = views.lift(lifter, poses.poses, 0)
    for row in (0, 17, 29):
        clip, frame = poses.clip[row], poses.frame[row]
        camera = files.in_front(motion[(0 if clip == "TS1" else 100) :][:40].astype(np.float64))
        expected = hip_centred(torch.from_numpy(0.9 * camera[frame : frame + 1])).float()
        assert torch.allclose(truth[row], expected, atol=0.01)
        assert views.keypoints is not None
        assert np.allclose(views.keypoints[row, 0], files.seen(camera[frame]), atol=0.01)
    assert mpjpe(lifted.flatten(0, 1), truth.flatten(0, 1)).isfinite().all()


def test_own_cameras_are_for_test_files_of_3dhp(tmp_path, motion, people):
    with pytest.raises(BadInput, match="cameras: own is for sources that hold .* got human36m"):
        own_views(people, HUMAN36M, "own")
    files.write_training(tmp_path / "S1" / "Seq1", motion[:10])
    source = SourceSettings.parse({"kind": "mpi-inf-3dhp", "path": str(tmp_path)})
    with pytest.raises(
        BadInput, match="own is for the test files of mpi-inf-3dhp, got clip S1 Seq1"
    ):
        own_views(load(source), source, "own")
