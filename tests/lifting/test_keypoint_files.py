"""Files of 2D keypoints: what is read, and how a mistake in them is told."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.lifting.keypoints.keypoint_files import read_keypoints, write_joints

POINTS = np.arange(2 * 17 * 2, dtype=np.float32).reshape(2, 17, 2)


def written(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("form", ["list", "object", "three numbers", "parquet", "nested parquet"])
def test_every_form_reads_the_same(form, tmp_path):
    seen = np.ones((2, 17))
    path = tmp_path / ("points.parquet" if "parquet" in form else "points.json")
    if form == "list":
        written(path, POINTS.tolist())
    elif form == "object":
        written(path, {"keypoints": POINTS.tolist(), "visibility": seen.tolist()})
    elif form == "three numbers":
        written(path, np.concatenate([POINTS, seen[..., None]], 2).tolist())
    elif form == "parquet":
        pq.write_table(pa.table({"keypoints": list(POINTS.reshape(2, 34))}), path)
    else:
        pq.write_table(pa.table({"keypoints": POINTS.tolist()}), path)
    keypoints, visibility = read_keypoints(path)
    assert np.array_equal(keypoints, POINTS)
    assert visibility is None or (visibility == 1).all()


def test_a_hidden_keypoint_may_be_null(tmp_path):
    content = np.concatenate([POINTS, np.ones((2, 17, 1))], 2).tolist()
    content[0][4] = [None, None, 0]
    _, visibility = read_keypoints(written(tmp_path / "p.json", content))
    assert visibility[0, 4] == 0 and visibility.sum() == 33
    seen = np.ones((2, 17))
    seen[1, 2] = 0
    points = POINTS.tolist()
    points[1][2] = None
    read, _ = read_keypoints(
        written(tmp_path / "p.json", {"keypoints": points, "visibility": seen.tolist()})
    )
    assert np.isnan(read[1, 2]).all() and np.isfinite(read[0]).all()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (POINTS[:, :16].tolist(), "pose 0 should be 17 keypoints"),
        ([], "should be a list of poses, got an empty list"),
        ({"points": []}, "should hold keypoints"),
        ([[["a", 1]] * 17], "should be even lists of numbers"),
        ([[[10**400, 1.0]] * 17], "should be even lists of numbers"),
        ([None, [None] * 17], "pose 0 should be 17 keypoints"),
        ([[[None, 1.0]] * 17], "keypoint Hip of pose 0 should be finite"),
    ],
)
def test_a_mistake_is_told(content, sentence, tmp_path):
    with pytest.raises(BadInput, match=sentence):
        read_keypoints(written(tmp_path / "p.json", content))


def test_files_that_are_not_there_or_not_json_are_told(tmp_path):
    with pytest.raises(BadInput, match="No such file"):
        read_keypoints(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("hello")
    with pytest.raises(BadInput, match="is not JSON"):
        read_keypoints(tmp_path / "text.json")


def test_joints_are_written_with_unit_and_frame(tmp_path):
    joints = np.arange(2 * 51, dtype=np.float32).reshape(2, 17, 3)
    write_joints(tmp_path / "j.json", joints)
    words = json.loads((tmp_path / "j.json").read_text())
    assert words["unit"] == "mm" and np.array_equal(words["joints"], joints)
    write_joints(tmp_path / "j.parquet", joints)
    table = pq.read_table(tmp_path / "j.parquet")
    assert np.array_equal(np.array(table["joints"].to_pylist()).reshape(2, 17, 3), joints)
