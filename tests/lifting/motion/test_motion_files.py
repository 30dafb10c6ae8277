"""A body over time in the files of others, and back again."""

import numpy as np
import pytest
from walker import walk

from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES
from evoskeleton.lifting.motion.kinds import KINDS, Motion
from evoskeleton.pose2d.answers.motion import upright

MOTION = Motion(upright(walk(40)), 30.0)


def test_feet_stand_on_the_ground_and_heads_are_up():
    assert abs(np.median(MOTION.joints[..., 2].min(axis=1))) < 1e-6
    assert (MOTION.joints[:, 10, 2] > 1400).all()


def test_a_bvh_gives_the_joints_back(tmp_path):
    from evoskeleton.platform.data.sources.load import load, settings_from_text

    broken = MOTION.joints.copy()
    broken[7] = np.nan
    KINDS[".bvh"](tmp_path / "walk.bvh", Motion(broken, 30.0))
    names = ", ".join(f"{name}: {name}" for name in JOINT_NAMES)
    place = tmp_path / "walk.bvh"
    words = f"{{kind: bvh, path: {place}, units: cm, up: y, joints: {{{names}}}}}"
    read = load(settings_from_text(words)).poses
    assert len(read) == 40
    for start, end in BONES:
        if JOINT_NAMES[end] in ("Neck", "Head"):
            continue
        bones = [p[:, end] - p[:, start] for p in (np.asarray(read, float), MOTION.joints)]
        assert np.linalg.norm(bones[0] - bones[1], axis=1).max() < 25.0, JOINT_NAMES[end]


def test_a_trc_is_a_table_of_millimetres_with_y_up(tmp_path):
    KINDS[".trc"](tmp_path / "walk.trc", MOTION)
    lines = (tmp_path / "walk.trc").read_text().splitlines()
    assert lines[2].split("\t")[:5] == ["30", "30", "40", "17", "mm"]
    rows = np.array([line.split("\t") for line in lines[6:]], float)
    assert rows.shape == (40, 2 + 51) and np.allclose(rows[:, 1], np.arange(40) / 30, atol=1e-6)
    y_up = rows[:, 2:].reshape(40, 17, 3)
    assert np.allclose(y_up[..., 1], MOTION.joints[..., 2], atol=1e-3)
    assert np.allclose(y_up[..., 2], -MOTION.joints[..., 1], atol=1e-3)


def test_a_c3d_is_read_by_its_library(tmp_path):
    ezc3d = pytest.importorskip("ezc3d", reason="the extra `c3d` is not installed")
    broken = MOTION.joints.copy()
    broken[7] = np.nan
    KINDS[".c3d"](tmp_path / "walk.c3d", Motion(broken, 59.94))
    file = ezc3d.c3d(str(tmp_path / "walk.c3d"))
    points = file["data"]["points"][:3].transpose(2, 1, 0)
    assert file["parameters"]["POINT"]["LABELS"]["value"] == list(JOINT_NAMES)
    assert abs(file["parameters"]["POINT"]["RATE"]["value"][0] - 59.94) < 1e-3
    assert np.isnan(points[7]).all()
    assert np.allclose(np.delete(points, 7, 0), np.delete(broken, 7, 0), atol=0.01)


def test_a_parquet_is_poses_of_ours(tmp_path):
    from evoskeleton.platform.data.sources.load import load, settings_from_text

    KINDS[".parquet"](tmp_path / "walk.parquet", MOTION)
    poses = load(settings_from_text(str(tmp_path / "walk.parquet")))
    assert np.allclose(poses.poses, MOTION.joints, atol=1e-2) and set(poses.clip) == {"walk"}
