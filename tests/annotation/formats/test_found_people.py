"""Keypoints of every kind that `lift` reads become annotations of the pictures that they are of."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from refusals import refused

from evoskeleton.annotation.formats.found_people import people_by_picture, pictures_of
from evoskeleton.annotation.store.annotation_store import store_in
from evoskeleton.cli import main
from evoskeleton.evolution.skeleton import JOINT_NAMES, Joint
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.lifting.keypoints.keypoint_formats import COCO, human36m_to_coco
from evoskeleton.platform.data.sources.load import load, settings_from_text
from evoskeleton.platform.data.target.declarations import Declarations
from evoskeleton.platform.data.target.found import Clip, FoundKeypoints
from evoskeleton.platform.data.target.look import look
from evoskeleton.platform.data.target.views_of_poses import views_of_poses

SIZE = (640, 480)


@pytest.fixture(scope="module")
def people() -> np.ndarray:
    """(2, 17, 2) px of two pictures, ours."""
    poses = load(settings_from_text("standard"))
    seen = views_of_poses(poses.take(np.zeros(2, int)), ViewSettings(), 0.0, seed=3).keypoints
    return (seen * 0.45).astype(np.float32)


def coco(people: np.ndarray) -> np.ndarray:
    """(2, 17, 3) x y confidence in COCO's order."""
    points, known = human36m_to_coco(people)
    return np.concatenate([np.nan_to_num(points), 0.9 * known[..., None]], axis=2)


def alphapose(path: Path, people: np.ndarray) -> Path:
    rows = [
        {"image_id": f"{n}.png", "category_id": 1, "keypoints": each.ravel().tolist(), "score": 2.5}
        for n, each in enumerate(coco(people))
    ]
    (path / "alphapose-results.json").write_text(json.dumps(rows))
    return path / "alphapose-results.json"


def openpose(path: Path, people: np.ndarray) -> Path:
    for n, each in enumerate(coco(people)):
        words = {"people": [{"pose_keypoints_2d": each.ravel().tolist()}]}
        (path / f"{n}_keypoints.json").write_text(json.dumps(words))
    return path


def mmpose(path: Path, people: np.ndarray) -> Path:
    for n, each in enumerate(coco(people)):
        words = [{"keypoints": each[:, :2].tolist(), "keypoint_scores": each[:, 2].tolist()}]
        (path / f"{n}.json").write_text(json.dumps(words))
    return path


def deeplabcut(path: Path, people: np.ndarray) -> Path:
    with open(path / "CollectedData_ann.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["scorer", "", "", *["ann"] * 34])
        rows.writerow(["bodyparts", "", "", *np.repeat(COCO, 2)])
        rows.writerow(["coords", "", "", *["x", "y"] * 17])
        for n, each in enumerate(coco(people)):
            cells = np.where(each[:, 2:] > 0, each[:, :2], np.nan).ravel().tolist()
            words = ["" if cell != cell else cell for cell in cells]
            rows.writerow(["labeled-data", "street", f"{n}.png", *words])
    return path / "CollectedData_ann.csv"


def ours(path: Path, people: np.ndarray) -> Path:
    words = {"keypoints": people.tolist(), "images": ["0.png", "1.png"]}
    (path / "ours.json").write_text(json.dumps(words))
    return path / "ours.json"


def frames(path: Path, people: np.ndarray) -> Path:
    np.savez(
        path / "data_2d_custom.npz",
        positions_2d=np.array({"v.mp4": {"custom": [coco(people)[..., :2]]}}, dtype=object),
        metadata=np.array({"layout_name": "coco"}, dtype=object),
    )
    return path / "data_2d_custom.npz"


@pytest.fixture
def photos(tmp_path) -> Path:
    from PIL import Image as Photo

    (tmp_path / "photos").mkdir()
    for number in range(2):
        Photo.new("RGB", SIZE, (number, 0, 0)).save(tmp_path / "photos" / f"{number}.png")
    return tmp_path / "photos"


def run(*words: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(list(words))
    assert not end.value.code


@pytest.mark.parametrize("write", [alphapose, openpose, mmpose, deeplabcut, ours, frames])
def test_keypoints_of_other_programs_find_their_pictures(write, people, tmp_path):
    found = look(write(tmp_path, people)).found
    annotated = people_by_picture(found, pictures_of(found, ["0.png", "1.png"]), "human36m")
    assert list(annotated) == ["0.png", "1.png"]
    limbs = [Joint.RKNEE, Joint.LWRIST, Joint.RSHOULDER]
    for (person,), expected in zip(annotated.values(), people, strict=True):
        assert np.array(person["keypoints"])[limbs] == pytest.approx(expected[limbs], abs=0.01)
        assert np.array(person["visibility"])[limbs].tolist() == [2, 2, 2]
        assert person["visibility"][Joint.THORAX] == (2 if write is ours else 1)


def test_they_become_submissions_once(people, photos, tmp_path, capsys):
    file, kept = alphapose(tmp_path, people), str(tmp_path / "kept")
    words = ["annotations", "import", str(file), "--images", str(photos), "--project", "p"]
    for _ in range(2):
        run(*words, "--annotations", kept)
    assert "p: 2 people in 2 pictures" in capsys.readouterr().out
    file.write_text(file.read_text().replace("2.5", "2.4"))
    assert "0.png has annotations already" in refused(capsys, *words, "--annotations", kept)
    store = store_in(tmp_path / "kept")
    annotated = store.newest(store.project("p").id, ("submitted",))
    store.close()
    assert [image.name for image, _ in annotated] == ["0.png", "1.png"]
    knees = [revision.people[0].keypoints[Joint.RKNEE] for _, revision in annotated]
    assert np.array(knees) == pytest.approx(people[:, Joint.RKNEE], abs=0.01)


def test_what_belongs_to_no_picture_is_refused_and_nothing_is_left(
    people, photos, tmp_path, capsys
):
    (tmp_path / "k.json").write_text(json.dumps(people.tolist()))
    words = ["annotations", "import", str(tmp_path / "k.json"), "--images", str(photos)]
    sentence = refused(capsys, *words, "--project", "p", "--annotations", str(tmp_path / "kept"))
    assert "no picture belongs to the keypoints of" in sentence and "0.png, 1.png" in sentence
    store = store_in(tmp_path / "kept")
    assert store.projects() == []
    store.close()


def test_frames_of_two_cameras_do_not_share_a_picture():
    clips = [Clip("a.npz", "S1", "walk", f"camera {n}") for n in range(2)]
    found = FoundKeypoints.of(
        np.ones((2, 17, 2)), clips=clips, clip=np.array([0, 1]), number=np.array([4, 4])
    )
    with pytest.raises(ValueError, match="camera 0 and of .* camera 1 have the same pictures"):
        pictures_of(found, ["x_0004.jpg"])


def test_a_coco_project_gets_the_twelve_joints_that_both_have(people, tmp_path):
    np.save(tmp_path / "k.npy", people)
    found = look(tmp_path / "k.npy", Declarations()).found
    (first,) = people_by_picture(found, ["a.jpg", ""], "coco")["a.jpg"]
    known = np.array(first["visibility"]) > 0
    assert [COCO[place] for place in np.flatnonzero(~known)] == list(COCO[:5])
    right = first["keypoints"][COCO.index("right_knee")]
    assert right == pytest.approx(people[0, JOINT_NAMES.index("RKnee")].tolist())
