"""Annotated sets as they come: what is read, what is left out and counted, what is refused."""

import json

import numpy as np
import pytest
from annotated_people import annotation, person_points, write_coco, write_pictures
from PIL import Image
from scipy.io import savemat

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.keypoints.keypoint_formats import COCO
from evoskeleton.pose2d.samples import left_out as why
from evoskeleton.pose2d.samples.checking import checked
from evoskeleton.pose2d.samples.readers.mpii import NAMES
from evoskeleton.pose2d.samples.readers.reading import read_samples
from evoskeleton.pose2d.samples.splitting import split
from evoskeleton.pose2d.samples.stored import read_people, write_people
from evoskeleton.safe_npy import write_object

BOX = (40.0, 30.0, 110.0, 180.0)


def points(seed=1):
    return person_points(BOX, np.random.default_rng(seed))


def test_people_of_a_coco_folder_are_as_written_and_survive_storage(tmp_path):
    write_pictures(tmp_path / "set")
    found = checked(read_samples(tmp_path / "set"), "set")
    assert len(found) == 4 and found.left_out == {}
    words = json.loads((tmp_path / "set" / "annotations.json").read_text())["annotations"][2]
    written = np.array(words["keypoints"]).reshape(17, 3)[:, :2]
    np.testing.assert_allclose(found[2].keypoints, written, rtol=1e-6)
    x, y, width, height = words["bbox"]
    assert found[2].box.tolist() == [x, y, x + width, y + height]
    assert found[2].visible.all() and found[2].id == 3
    write_people(tmp_path / "people.safetensors", found)
    again = read_people(tmp_path / "people.safetensors")
    assert again.pictures == found.pictures and again.names == found.names
    np.testing.assert_array_equal(again.keypoints, found.keypoints)


def test_who_cannot_be_used_is_left_out_and_counted(tmp_path):
    size = {"width": 200, "height": 240}
    Image.new("RGB", (200, 240)).save(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    names = ("good.png", "broken.png", "gone.png")
    images = [{"id": at, "file_name": name, **size} for at, name in enumerate(names)]
    images.append({"id": 3, "file_name": "../../etc/passwd"})
    images.append({"id": 4, "file_name": "good.png", "width": 100, "height": 120})
    images.append({"id": 5, "file_name": "../elsewhere/good.png", **size})
    people = [annotation(at, at, points(), BOX) for at in range(5)]
    people.append(annotation(9, 5, points(), BOX))
    people.append(annotation(5, 0, points(), (900.0, 0.0, 50.0, 50.0)))
    people.append(annotation(6, 0, points(), BOX, level=0))
    people.append(annotation(7, 0, points(), BOX) | {"iscrowd": 1})
    people.append(annotation(8, 0, points() + 1000.0, BOX))
    write_coco(tmp_path / "people.json", images, people)
    found = checked(read_samples(tmp_path / "people.json"), "people")
    assert found.ids.tolist() == [0, 9]
    assert found.left_out == {
        why.PICTURE_MISSING: 2, why.PICTURE_BROKEN: 1, why.PICTURE_SIZE: 1, why.BOX_OUTSIDE: 1,
        why.NO_POINT: 1, why.CROWD: 1, why.POINTS_OUTSIDE: 1,
    }  # fmt: skip
    write_coco(tmp_path / "nobody.json", images, people[7:8])
    with pytest.raises(BadInput, match=r"nobody is left to use: 1 \(no point labelled\)$"):
        checked(read_samples(tmp_path / "nobody.json"), "nobody")


def test_human36m_crops_are_looked_at_whole(tmp_path):
    for name in ("S1_Walking_0001.jpg", "S9_Eating_0001.jpg"):
        Image.new("RGB", (120, 160)).save(tmp_path / name)
    records = [
        {"path": f"/elsewhere/{name}", "p_2d": np.full((17, 2), 50.0)}
        for name in ("S1_Walking_0001.jpg", "S9_Eating_0001.jpg", "S9_Eating_0002.jpg")
    ]
    with open(tmp_path / "h36m_annot_train.npy", "wb") as file:
        write_object(file, records)
    found = checked(read_samples(tmp_path / "h36m_annot_train.npy"), "crops")
    assert found.names == JOINT_NAMES and found.left_out == {why.PICTURE_MISSING: 1}
    assert [found.clip(row) for row in range(2)] == ["S1", "S9"]
    np.testing.assert_allclose(found.boxes[0], [12.0, 16.0, 108.0, 144.0])
    with open(tmp_path / "bad.npy", "wb") as file:
        write_object(file, [{"path": "a.jpg", "p_2d": np.zeros((16, 2))}])
    with pytest.raises(BadInput, match="p_2d of crop 0 should be 17 points"):
        read_samples(tmp_path / "bad.npy")


def mpii_files(folder):
    """The same person as published and as a list; the right ankle is not labelled."""
    Image.new("RGB", (200, 240)).save(folder / "a.jpg")
    spots = np.column_stack([np.linspace(40, 150, 16), np.linspace(200, 40, 16)])
    person = {"center": [95.0, 110.0], "scale": 0.9, "image": "a.jpg"}
    joints = [[-1, -1], *spots[1:].tolist()]
    listed = [person | {"joints": joints, "joints_vis": [0] + [1] * 15}]
    (folder / "train.json").write_text(json.dumps(listed))
    marks = [
        {"x": x, "y": y, "id": at + 1, "is_visible": at % 2}
        for at, (x, y) in enumerate(spots[1:].tolist())
    ]
    head = {"x1": 100.0, "y1": 30.0, "x2": 130.0, "y2": 70.0, "scale": 0.9}
    whole = head | {"objpos": {"x": 95.0, "y": 110.0}, "annopoints": {"point": marks}}
    pictures = [
        {"image": {"name": "a.jpg"}, "annorect": [whole, head], "vididx": 7},
        {"image": {"name": "b.jpg"}, "annorect": head, "vididx": 8},
    ]
    release = {"annolist": pictures, "img_train": np.array([1, 0])}
    savemat(folder / "mpii.mat", {"RELEASE": release})
    return spots


def test_mpii_is_the_same_as_published_and_as_a_list(tmp_path):
    spots = mpii_files(tmp_path)
    listed = checked(read_samples(tmp_path / "train.json"), "list")
    published = checked(read_samples(tmp_path / "mpii.mat"), "mat")
    assert listed.names == published.names == NAMES
    assert published.left_out == {why.NO_POINT: 1} and published.clip(0) == "video 7"
    for one in (listed[0], published[0]):
        assert one.labelled.tolist() == [False] + [True] * 15
        np.testing.assert_allclose(one.keypoints[1:], spots[1:] - 0.5, rtol=1e-6)
        np.testing.assert_allclose(one.box, [4.5, 33.0, 184.5, 213.0])
    assert published[0].head_px == pytest.approx(0.6 * 50.0)
    assert not published[0].visible[1] and published[0].visible[2]


def test_points_of_another_schema_are_matched_by_name(tmp_path):
    write_pictures(tmp_path / "set", count=2)
    found = read_samples(tmp_path / "set").for_keypoints(JOINT_NAMES, "set")
    assert found.labelled.sum(axis=1).tolist() == [12, 12]
    coco = read_samples(tmp_path / "set")
    knee = JOINT_NAMES.index("RKnee")
    np.testing.assert_array_equal(found.keypoints[:, knee], coco.keypoints[:, 14])
    with pytest.raises(BadInput, match="at least 6 of the keypoints tail, ear, paw_1, paw_2, ..."):
        coco.for_keypoints(["tail", "ear", "paw_1", "paw_2", "paw_3", "paw_4"], "set")


def test_clips_are_held_out_whole_and_more_pictures_move_none(tmp_path):
    write_pictures(tmp_path / "few", count=10)
    write_pictures(tmp_path / "many", count=20)
    few, many = (read_samples(tmp_path / name) for name in ("few", "many"))
    parts = [split(each, 0.3, "set") for each in (few, many)]
    names = [{each.picture.name for each in held} for _, held in parts]
    assert names[0] and names[0] <= names[1]
    assert not names[1] & {each.picture.name for each in parts[1][0]}
    with pytest.raises(BadInput, match="all people are of one clip"):
        split(few.at(np.array([0])), 0.3, "set")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.json", b"{", "should be JSON"),
        ("a.json", b'{"images": []}', "it is none of these"),
        ("a.json", b'{"images": [], "annotations": [], "categories": []}', "one category"),
        ("a.npy", b"no", "a.npy"),
        ("a.mat", b"no", "MATLAB file of version 5"),
    ],
)
def test_other_files_are_refused_in_a_sentence(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=sentence):
        read_samples(tmp_path / name)


def test_coco_as_other_tools_write_it(tmp_path):
    Image.new("RGB", (200, 240)).save(tmp_path / "good.png")
    names = ["RKnee", "LKnee", *(name for name in COCO if "knee" not in name)]
    cat = {"id": 7, "name": "cat", "keypoints": ["tail"]}
    person = {"id": "1", "name": "Person", "keypoints": names}
    images = [{"id": "a-1", "file_name": "good.png", "width": 200.0, "height": 240.0}]
    whole = annotation(0, "a-1", points(), BOX) | {"category_id": "1"}
    del whole["id"], whole["num_keypoints"]
    people = [whole, whole | {"id": 1.0, "bbox": [5, 5, 0, 0], "area": 0}, whole | {"bbox": None}]
    people.append(whole | {"iscrowd": 1, "segmentation": {"counts": [4, 2], "size": [240, 200]}})
    people.append({"id": 9, "image_id": "a-1", "category_id": 7, "keypoints": [1, 1, 2]})
    lost = {"image_id": "a-1", "category_id": "1", "keypoints": [np.nan, 1, 2] * 17}
    people.append(lost)
    words = {"images": images, "annotations": people, "categories": [cat, person]}
    (tmp_path / "people.json").write_text(json.dumps(words))
    found = checked(read_samples(tmp_path / "people.json"), "people")
    assert len(found) == 3 and found.boxes_drawn == 3 and found.names == tuple(names)
    assert found.left_out == {why.CROWD: 1, why.OTHER_CATEGORY: 1, why.BOX_EMPTY: 1}
    ours = found.for_keypoints(COCO, "people")
    np.testing.assert_array_equal(
        ours.keypoints[0, COCO.index("right_knee")], found.keypoints[0, 0]
    )
    drawn = found.boxes[1]
    assert (drawn[:2] < found.keypoints[1].min(0)).all() and (found.areas > 0).all()
    images.append({"id": "a-1", "file_name": "other.png"})
    (tmp_path / "people.json").write_text(json.dumps(words))
    with pytest.raises(BadInput, match="two images have the id a-1, good.png, other.png"):
        read_samples(tmp_path / "people.json")
