"""AMASS with a body model of the user's, 3DPW, Panoptic: what is taken, and what is refused."""

import json
import pickle

import body_model_files
import marker_files
import numpy as np
import pytest

from evoskeleton.data_pickle import Record
from evoskeleton.errors import BadInput
from evoskeleton.platform.data.formats.smpl import (
    JOINTS,
    model_for,
    posed,
    read_body_model,
)
from evoskeleton.platform.data.formats.three_dpw import read_3dpw
from evoskeleton.platform.data.sources.load import load, settings_from_text
from evoskeleton.safe_npy import load_pickle

AT = {name: number for number, name in enumerate(JOINTS)}


def read(path, *changes):
    return load(settings_from_text(str(path), list(changes)))


def test_a_turn_about_one_joint_moves_what_hangs_on_it(tmp_path):
    model = body_model_files.read_model(tmp_path)
    poses = np.zeros((2, 72))
    poses[1, 3 * AT["L_Elbow"] + 1] = np.pi / 2
    places = posed(model, poses, np.zeros((2, 3)), np.zeros(10))
    rest = body_model_files.joints_at_rest()
    assert np.allclose(places[0, :22], rest)
    assert np.allclose(places[0, 22], places[0, AT["Head"]] + [0, 0.17, 0.02]), "the crown"
    bent = places[1, AT["L_Wrist"]] - places[1, AT["L_Elbow"]]
    assert np.allclose(bent, [0.0, 0.01, -0.25]), "a quarter about y takes x to -z"
    others = [joint for joint in range(22) if joint != AT["L_Wrist"]]
    assert np.allclose(places[1, others], rest[others])
    assert np.allclose(posed(model, poses[:1], np.array([[1, 2, 3]]), np.array([2.0]))[0, 0, 0], 1)


def test_a_pickled_body_model_is_read_without_its_libraries(tmp_path):
    body_model_files.write_pickled_model(tmp_path / "basicModel_f.pkl")
    found, expected = read_body_model(tmp_path / "basicModel_f.pkl"), body_model_files.arrays(24)
    assert np.allclose(found.rest[:22], expected["v_template"][:22])
    assert found.by_shape[AT["Head"], 1, 0] > 0.0
    with pytest.raises(BadInput, match=r"asks for chumpy\.ch\.Ch|uses the pickle instruction"):
        load_pickle(tmp_path / "basicModel_f.pkl")


class Harmful:
    def __reduce__(self):
        return (open, ("/tmp/never", "w"))


def test_nothing_of_an_inert_pickle_is_run(tmp_path, monkeypatch):
    import builtins

    (tmp_path / "bad.pkl").write_bytes(pickle.dumps({"v": Harmful()}, protocol=2))
    monkeypatch.setattr(builtins, "never", None, raising=False)
    found = load_pickle(tmp_path / "bad.pkl", inert=True)["v"]
    assert isinstance(found, Record) and found.name.endswith(".open")
    assert found.arguments == ("/tmp/never", "w")
    with pytest.raises(BadInput, match="should be a body model with v_template"):
        read_body_model(tmp_path / "bad.pkl")


def test_amass_wants_a_body_model_and_says_how_to_name_it(tmp_path):
    body_model_files.write_amass(tmp_path / "walk_poses.npz")
    with pytest.raises(BadInput, match=r"turns of SMPL\+H.*name the file of yours.*--skeleton"):
        read(tmp_path / "walk_poses.npz")
    np.savez(tmp_path / "SMPL_FEMALE.npz", **body_model_files.arrays(24))
    with pytest.raises(BadInput, match=r"holds turns of SMPL\+H, the body model .* is SMPL"):
        read(tmp_path / "walk_poses.npz", f"skeleton={tmp_path / 'SMPL_FEMALE.npz'}")


def test_a_folder_of_body_models_gives_that_of_the_gender(tmp_path):
    for family, count in (("smplh", 52), ("smplx", 55)):
        for gender in ("male", "female", "neutral"):
            place = tmp_path / "models" / family / gender
            place.mkdir(parents=True)
            np.savez(place / "model.npz", **body_model_files.arrays(count))
    models, where = tmp_path / "models", tmp_path / "ACCAD"
    found = model_for(models, "male", 52, where)
    assert found == models / "smplh" / "male" / "model.npz"
    where.mkdir()
    body_model_files.write_amass(where / "B3_walk_poses.npz")
    np.savez(where / "shape.npz", betas=np.zeros(16), gender="female")
    poses = read(where, f"skeleton={models}", "fps=40")
    assert poses.clips() == [("ACCAD", "B3_walk")] and len(poses) == 14
    assert 1400 < np.ptp(poses.poses[:, :, 2], axis=1).mean() < 1900
    with pytest.raises(BadInput, match="name one file"):
        model_for(models, "unknown", 24, where)


@pytest.mark.parametrize("turn", ["y", "-y", "z"])
def test_the_axis_that_is_up_in_3dpw_is_where_people_stand(tmp_path, turn):
    places = body_model_files.three_dpw_joints(body_model_files.read_model(tmp_path), 20)
    ways = {"y": np.eye(3), "-y": np.diag([1, -1, -1]), "z": [[1, 0, 0], [0, 0, -1], [0, 1, 0]]}
    turned = (places.reshape(20, 24, 3) @ np.array(ways[turn]).T).reshape(20, 72)
    words = {b"jointPositions".decode(): [turned], "poses": [np.zeros((20, 72))]}
    (tmp_path / "walk_00.pkl").write_bytes(pickle.dumps(words, protocol=2))
    poses = read(tmp_path / "walk_00.pkl")
    assert poses.clips() == [("walk_00 0", "walk_00 0")]
    assert (poses.poses[:, 10, 2] - poses.poses[:, 3, 2]).min() > 1200
    assert read_3dpw(tmp_path / "walk_00.pkl")[0].frame_rate == 30.0


def test_a_pickle_of_something_else_is_refused(tmp_path):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"keypoints3d": np.zeros(3)}, protocol=2))
    with pytest.raises(BadInput, match="3DPW with jointPositions, got keypoints3d"):
        read(tmp_path / "a.pkl")


def test_people_of_panoptic_are_parted_and_unseen_points_leave_a_frame_out(tmp_path, motion):
    frames = tmp_path / "160906_pizza1" / "hdPose3d_stage1_coco19"
    frames.mkdir(parents=True)
    points = marker_files.panoptic(motion[:30])
    points[10:25, 5, 3] = -1.0
    for row in range(30):
        bodies = [{"id": 0, "joints19": points[row].ravel().tolist()}]
        if row > 20:
            bodies.append({"id": 4, "joints19": (points[row] + [50, 0, 0, 0]).ravel().tolist()})
        words = {"version": 0.7, "fpsType": "hd_29_97", "bodies": bodies}
        (frames / f"body3DScene_{row:08d}.json").write_text(json.dumps(words))
    poses = read(tmp_path)
    assert {subject for subject, _ in poses.clips()} == {"160906_pizza1 0", "160906_pizza1 4"}
    first = poses.take(poses.subject == "160906_pizza1 0")
    assert first.frame.tolist() == [*range(10), *range(25, 30)]
    limbs = [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]
    assert np.abs(first.poses[:, limbs] - motion[first.frame][:, limbs]).max() < 0.5
