"""The numbered examples, run as a reader would run them."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.poses import PoseSet, single_clip

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def example(number: int) -> ModuleType:
    """The example of that number as a module; its name is no identifier."""
    (file,) = EXAMPLES.glob(f"{number}_*.py")
    spec = importlib.util.spec_from_file_location(f"example_{number}", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def poses_file(motion, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("examples") / "poses.parquet"
    clips = np.split(motion, 6)
    sets = [single_clip(clip, "walker", "walk", f"clip{at}") for at, clip in enumerate(clips)]
    write_parquet(path, PoseSet.concat(sets))
    return str(path)


@pytest.fixture
def keypoints_file(tmp_path, motion) -> str:
    side = motion[:5][:, :, [1, 2]] - motion[:5, :1][:, :, [1, 2]]
    points = 500.0 + 250.0 * side / 1000.0 * [1.0, -1.0]
    file = tmp_path / "keypoints.json"
    file.write_text(json.dumps(points.tolist()))
    return str(file)


def test_a_thousand_bodies_are_bred(poses_file, capsys):
    joints = example(1).main(poses_file)
    assert 500 < len(joints) <= 1000 and np.isfinite(joints).all()
    assert f"{len(joints)} within the limits" in capsys.readouterr().out


def test_own_limits_accept_most_of_what_they_were_not_fitted_on(poses_file, capsys):
    joints = example(2).main(poses_file)
    assert joints.shape == (100, 17, 3) and np.isfinite(joints).all()
    assert "% of the held-out poses are accepted" in capsys.readouterr().out


def test_a_lifter_is_trained_and_lifts(poses_file, tmp_path, capsys):
    joints = example(3).main(poses_file, str(tmp_path / "lifter"), steps=60)
    assert joints.shape == (1, 17, 3) and np.isfinite(joints).all()
    assert "MPJPE" in capsys.readouterr().out


@pytest.mark.slow
def test_a_campaign_grows_the_table(poses_file, ray_address, tmp_path, capsys):
    table = example(4).main(poses_file, str(tmp_path / "home"), ray_address)
    assert table.committed_generation("example") == 2
    assert "poses in version" in capsys.readouterr().out


def test_bodies_are_fitted_to_keypoints(bundle, keypoints_file, capsys):
    joints = example(5).main(str(bundle), keypoints_file, "1000x1000")
    assert joints.shape == (5, 17, 3) and np.isfinite(joints).all()
    assert "reprojection error" in capsys.readouterr().out


def test_the_endpoint_is_called(endpoint, keypoints_file, capsys):
    joints = example(6).main(endpoint.address, keypoints_file)
    assert joints.shape == (5, 17, 3)
    assert "5 poses lifted by" in capsys.readouterr().out


def test_six_examples_are_listed_in_their_order():
    files = sorted(path.name for path in EXAMPLES.glob("*.py"))
    listed = (EXAMPLES / "index.md").read_text()
    assert [name[0] for name in files] == list("123456")
    assert all(name in listed for name in files)
