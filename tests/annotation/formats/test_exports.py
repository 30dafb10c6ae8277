"""Annotations in the field's files, and as poses that seed searches and never judge them."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Photo
from refusals import refused

pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")

from evoskeleton.annotation.domain.annotated_person import AnnotatedPerson
from evoskeleton.annotation.domain.records import (
    AnnotationImage,
    Change,
    Picture,
    Project,
    Revision,
)
from evoskeleton.annotation.formats.coco import read_coco, write_coco
from evoskeleton.annotation.formats.exports import (
    U3DPW_POINTS,
    annotated_poses,
    export_to_table,
    u3dpw,
    write_annotated_human36m,
)
from evoskeleton.annotation.store.annotation_store import store_in
from evoskeleton.cli import main
from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.keypoints.keypoint_formats import COCO
from evoskeleton.platform.data.annotated import load_annotated, refuse_annotated
from evoskeleton.platform.data.exchange import export_poses
from evoskeleton.platform.data.formats.human36m import load_human36m
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import single_clip
from evoskeleton.platform.data.sources.load import load
from evoskeleton.platform.data.sources.settings import SourceSettings
from evoskeleton.platform.search.campaign.seeding import load_motion
from evoskeleton.platform.search.campaign.settings import MotionSettings
from evoskeleton.platform.search.study.settings import StudySettings
from evoskeleton.platform.search.study.study import Study
from evoskeleton.safe_npy import load_object

PROJECT = Project(1, "people", "human36m", 0.0)


def annotated(*people: dict[str, Any], name: str = "a.jpg", coco_id: int | None = None):
    image = AnnotationImage(1, 1, name, "00", 640, 480, 1, "accepted", "", 0.0, coco_id)
    parsed = tuple(AnnotatedPerson.parse(person) for person in people)
    return image, Revision(1, 1, "submit", "accepted", 0, "ann", "", parsed, 0.0)


def person(number: int = 0, **more: Any) -> dict[str, Any]:
    points = [[10.0 * at, 5.0 + at] for at in range(17)]
    return {"id": number, "keypoints": points, "visibility": [at % 3 for at in range(17)]} | more


def in_3d(world: np.ndarray, pitch_deg: float, **more: Any) -> dict[str, Any]:
    """A person whose (17, 3) world joints a camera sees from the side, looking down by a pitch."""
    sine, cosine = np.sin(np.radians(pitch_deg)), np.cos(np.radians(pitch_deg))
    right, ahead, up = (world - world[0]).astype(np.float64).T
    down, forward = -cosine * up - sine * ahead, cosine * ahead - sine * up
    joints = np.stack([right, down, forward], axis=1).tolist()
    return person(joints=joints, camera_pitch_deg=pitch_deg, body_height_mm=1700.0) | more


# COCO


def test_coco_comes_back_as_it_went(tmp_path):
    given = annotated(person(), person(1, box=[1.0, 2.0, 30.5, 40.25]), coco_id=12)
    file = read_coco(write_coco([given], "human36m"))
    assert file.keypoints == "human36m" and file.images[0].id == 12
    for words, was in zip(file.images[0].people, given[1].people, strict=True):
        level = np.array(was.visibility)
        assert words["visibility"] == level.tolist()
        assert np.array_equal(
            np.array(words["keypoints"])[level > 0], np.array(was.keypoints)[level > 0]
        )
        assert was.box is None or words["box"] == list(was.box)


def test_ids_are_kept_and_new_ones_follow_on():
    known = annotated(person(coco={"id": 40}), person(1, coco={"id": 7, "area": 3.5}), person(2))
    words = json.loads(write_coco([known, annotated(person())], "human36m"))
    assert [one["id"] for one in words["annotations"]] == [40, 7, 41, 42]
    assert words["annotations"][1]["area"] == 3.5
    assert len({image["id"] for image in words["images"]}) == 1, "both are image 1 here"


def test_new_ids_are_free_in_the_whole_project(tmp_path):
    store = store_in(tmp_path / "kept")
    project = store.make_project("p")
    images = [store.add_image(project.id, f"{n}.jpg", Picture(b"x", 640, 480)) for n in range(3)]
    people = {image.id: [person(coco={"id": 10 + image.id})] for image in images[:2]}
    changes = [Change("import", at, "ann", 0, f"k{at}", given) for at, given in people.items()]
    store.import_all(changes, {image.id: 100 + image.id for image in images[:2]})
    first, second, third = images
    store.change(Change("submit", second.id, "ann", 1, "fewer", []))
    more = [*people[first.id], person(1)]
    store.change(Change("submit", first.id, "ann", 1, "more", more))
    store.change(Change("submit", third.id, "ann", 0, "new", []))
    for image, newest in ((first, 2), (third, 1)):
        store.change(Change("accept", image.id, "eve", newest, f"a{image.id}"))
    taken = store.largest_coco_ids(project.id)
    written = write_coco(store.newest(project.id, ("accepted",)), "human36m", taken=taken)
    store.close()
    words = json.loads(written)
    known = 10 + second.id, 100 + second.id
    assert [one["id"] for one in words["annotations"]] == [10 + first.id, known[0] + 1]
    assert [one["id"] for one in words["images"]] == [100 + first.id, known[1] + 1]


def test_points_that_are_not_annotated_are_zero_and_do_not_count():
    (one,) = json.loads(write_coco([annotated(person())], "human36m"))["annotations"]
    points = np.array(one["keypoints"]).reshape(17, 3)
    assert (points[points[:, 2] == 0] == 0).all() and one["num_keypoints"] == 11
    assert one["bbox"] == [10.0, 6.0, 150.0, 15.0], "around those that are"


def test_human36m_is_written_as_coco_with_what_both_have():
    file = read_coco(write_coco([annotated(person(visibility=[2] * 17))], "human36m", "coco"))
    (words,) = file.images[0].people
    assert file.keypoints == "coco" and sum(v > 0 for v in words["visibility"]) == 12
    left_wrist = words["keypoints"][COCO.index("left_wrist")]
    assert left_wrist == person()["keypoints"][JOINT_NAMES.index("LWrist")]
    with pytest.raises(BadInput, match="cannot be written"):
        write_coco([annotated(person())], "coco", "human36m")


def coco(**changes: Any) -> bytes:
    words = json.loads(write_coco([annotated(person())], "human36m"))
    return json.dumps(words | changes).encode()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\xff\xfe", "should be JSON"),
        (b"[" * 100_000, "should be JSON"),
        (b"[]", "categories should be a list"),
        (coco(categories=[]), "one category should have keypoints, 0"),
        (coco(categories=[{"id": 1, "keypoints": ["nose"]}]), "named as COCO's 17"),
        (coco(images=[{"id": 1}]), "file_name"),
        (coco(images=[{"id": "1", "file_name": "a"}]), "id should be a whole number"),
        (coco(images=[]), "there is no image"),
        (coco(images=2 * json.loads(coco())["images"]), "two images have id"),
        (coco(annotations=2 * json.loads(coco())["annotations"]), "two annotations have id"),
    ],
)
def test_what_is_no_coco_file_is_told(data, sentence):
    with pytest.raises(BadInput, match=sentence) as refusal:
        read_coco(data)
    assert "\n" not in str(refusal.value)


# Poses


@pytest.mark.parametrize("pitch", [0.0, 25.0, -10.0])
def test_bodies_are_turned_upright_by_the_pitch_and_stand_on_the_ground(motion, pitch):
    found = annotated_poses(PROJECT, [annotated(in_3d(motion[5], pitch))])
    joints, was = found.poses.poses[0].astype(np.float64), motion[5].astype(np.float64)
    assert np.allclose(joints - joints[0], was - was[0], atol=0.05)
    assert joints[:, 2].min() == pytest.approx(20.0, abs=1e-3)
    assert found.camera_pitch_deg.tolist() == [pitch]
    assert found.body_height_mm.tolist() == [1700.0]


def test_nobody_in_3d_is_told():
    with pytest.raises(BadInput, match="nobody of project people .* annotated in 3D"):
        annotated_poses(PROJECT, [annotated(person())])


def test_u3dpws_dictionary_has_its_own_order_and_metres(tmp_path, motion):
    body = in_3d(motion[5], 10.0, visibility=[2] * 17)
    several = annotated(person(3), person(4), name="b.jpg")
    (tmp_path / "u.npy").write_bytes(u3dpw(PROJECT, [annotated(body), several]))
    entries = load_object(tmp_path / "u.npy")
    assert set(entries) == {"a.jpg", "b.jpg#3", "b.jpg#4"}
    one = entries["a.jpg"]
    for point in ("RFoot", "LWrist", "Head"):
        ours = body["keypoints"][JOINT_NAMES.index(point)]
        assert one["p2d"][U3DPW_POINTS.index(point)].tolist() == ours
    assert np.isnan(one["p2d"][U3DPW_POINTS.index("Nose")]).all()
    assert one["h36m"].shape == (17, 2) and one["p3d"].shape == (32, 3)
    assert np.allclose(one["p3d"][1] * 1000, body["joints"][1], atol=1e-6)
    assert np.isnan(entries["b.jpg#3"]["h36m"][0]).all(), "visibility 0"


def test_u3dpws_names_of_people_are_not_those_of_other_images(tmp_path):
    both = annotated(person(0), person(1))
    given = [both, annotated(person(2), name="a.jpg#1"), annotated(name="a.jpg#")]
    given.append(annotated(person(0), person(1), name="a.jpg#"))
    (tmp_path / "u.npy").write_bytes(u3dpw(PROJECT, given))
    names = {"a.jpg##0", "a.jpg##1", "a.jpg#1", "a.jpg###0", "a.jpg###1"}
    assert set(load_object(tmp_path / "u.npy")) == names


def test_images_with_long_names_are_written(tmp_path, motion):
    names = ["L" * 499 + end for end in "ab"]
    given = [annotated(in_3d(motion[5], 0.0), name=name) for name in names]
    poses = annotated_poses(PROJECT, given)
    write_annotated_human36m(tmp_path / "poses.npy", poses)
    clips = load_human36m(tmp_path / "poses.npy").clip.tolist()
    assert len(set(clips)) == poses.images == 2
    assert all(len(clip) <= 200 and clip.startswith("L" * 150) for clip in clips)


# As a source


@pytest.fixture
def table(tmp_path: Path, motion: np.ndarray) -> str:
    """A pose table with one export of six people."""
    people = [in_3d(motion[20 * n], 5.0) | {"id": n} for n in range(6)]
    export_to_table(PROJECT, annotated_poses(PROJECT, [annotated(*people)]), str(tmp_path / "t"))
    return str(tmp_path / "t")


def test_the_table_says_where_poses_come_from_and_what_was_assumed(table):
    rows = PoseTable.open(table).read()
    assert set(rows["operator"].to_pylist()) == {"annotated"}
    assert set(rows["campaign"].to_pylist()) == set(rows["subject"].to_pylist())
    assert rows["clip"].to_pylist()[0] == "a.jpg#0"
    assert rows["camera_pitch_deg"].to_pylist() == [5.0] * 6
    assert rows["body_height_mm"].to_pylist() == [1700.0] * 6


def test_the_newest_export_counts(table, motion):
    fewer = [in_3d(motion[100], 5.0)]
    other = Project(2, "others", "human36m", 0.0)
    export_to_table(PROJECT, annotated_poses(PROJECT, [annotated(*fewer)]), table)
    export_to_table(other, annotated_poses(other, [annotated(*fewer)]), table)
    poses = load_annotated(table)
    assert sorted(poses.subject) == ["annotated-others", "annotated-people"]
    assert PoseTable.open(table).count() == 8, "nothing is deleted"


def test_exports_at_the_same_moment_are_all_there(tmp_path, motion):
    table, together = str(tmp_path / "t"), threading.Barrier(3)
    PoseTable.create(table)

    def export(count: int) -> int:
        people = [in_3d(motion[n], 5.0) | {"id": n} for n in range(count)]
        poses = annotated_poses(PROJECT, [annotated(*people)])
        together.wait(30)
        return export_to_table(PROJECT, poses, table)

    for run in range(1, 4):
        with ThreadPoolExecutor(3) as pool:
            versions = list(pool.map(export, (2, 3, 4)))
        assert len(set(versions)) == 3
        assert PoseTable.open(table).count() == 9 * run


def source(kind: str, path: object, **more: Any) -> SourceSettings:
    return SourceSettings.parse(dict(kind=kind, path=str(path), **more))


@pytest.fixture
def measured(tmp_path: Path, motion: np.ndarray) -> SourceSettings:
    """Two clips that nobody has annotated."""
    path = tmp_path / "measured.parquet"
    clips = [single_clip(motion[:40], "S1", "walk", name) for name in ("one", "two")]
    export_poses(type(clips[0]).concat(clips), path, "parquet")
    return source("parquet", path)


def test_a_campaign_is_seeded_by_annotated_poses_and_judged_by_others(table, measured):
    settings = MotionSettings(seed=source("annotated", table), validation=measured)
    motion = load_motion(settings, 1, None)
    assert len(motion.seed) == 6 and set(motion.seed.subject) == {"annotated-people"}
    assert set(motion.validation.subject) == set(motion.test.subject) == {"S1"}


@pytest.mark.parametrize("role", ["validation", "test"])
def test_annotated_poses_are_refused_wherever_something_is_judged(role, table, measured):
    settings = MotionSettings(
        **{"seed": measured, "validation": measured} | {role: source("annotated", table)}
    )
    with pytest.raises(BadInput, match=f"annotated poses may be seeds only: {role} should"):
        load_motion(settings, 1, None)


@pytest.mark.parametrize("role", ["validation", "tests"])
def test_a_study_is_not_judged_by_annotated_poses(role, table, measured, tmp_path):
    one, two = (measured.model_copy(update={"clips": [c]}).model_dump() for c in ("one", "two"))
    plain = {"seed": one, "validation": one, "real": one, "tests": {"rest": two}}
    plain |= {"home": str(tmp_path / "s"), "upper": ["real"]}
    plain |= {"rows": {"seed only": {}, "real": {"base": "real"}}}
    odd = source("annotated", table).model_dump()
    plain[role] = odd if role == "validation" else {"rest": odd}
    with pytest.raises(BadInput, match="annotated poses may be seeds only"):
        Study(StudySettings.parse(plain), None)


def test_the_commands_do_not_judge_by_annotated_poses(table, measured, tmp_path, capsys):
    odd = f"{{kind: annotated, path: {table}}}"
    train = ["train", "--poses", measured.path, "--output", tmp_path / "lifter"]
    assert "--calibration should be of poses" in refused(capsys, *train, "--calibration", odd)
    judge = ["evaluate", "--model", tmp_path / "lifter", "--poses", odd]
    assert "--poses should be of poses that were measured" in refused(capsys, *judge)


def test_annotated_poses_are_known_after_a_way_through_a_file(table, measured, tmp_path):
    export_poses(load_annotated(table), tmp_path / "copy.parquet", "parquet")
    copy = source("parquet", tmp_path / "copy.parquet")
    with pytest.raises(BadInput, match="test should be of poses that were measured"):
        load_motion(MotionSettings(seed=measured, test=copy), 1, None)


def test_none_is_held_out_of_the_seeds_for_validation(table, measured, tmp_path):
    with pytest.raises(BadInput, match="annotated poses may be seeds only: validation"):
        load_motion(MotionSettings(seed=source("annotated", table)), 1, None)
    both = tmp_path / "both.parquet"
    mixed = [load(measured), load_annotated(table)]
    export_poses(type(mixed[0]).concat(mixed), both, "parquet")
    for seed in range(5):
        motion = load_motion(MotionSettings(seed=source("parquet", both)), seed, None)
        refuse_annotated(motion.validation, "validation")
        assert (motion.seed.subject == "annotated-people").sum() == 6


def test_exports_are_no_evolved_poses(table, motion):
    rows = np.arange(4)
    bred = PoseRows(id=rows, operator=np.full(4, "seed"), poses=motion[:4])
    PoseTable.open(table).commit("c", 0, bred)
    assert set(load(source("table", table)).subject) == {"evolved"}
    assert len(load(source("table", table))) == 4


def test_seeds_that_people_annotated_stay_known_in_a_campaigns_table(tmp_path, motion):
    seeds = {"subject": np.array(["annotated-people", "S1"]), "clip": np.array(["a#0", "w"])}
    rows = PoseRows(id=np.arange(2), operator=np.full(2, "seed"), poses=motion[:2], **seeds)
    PoseTable.create(str(tmp_path / "t")).commit("c", 0, rows)
    with pytest.raises(BadInput, match="annotated poses may be seeds only"):
        refuse_annotated(load(source("table", tmp_path / "t")), "test")


# The command line


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(2):
        Photo.new("RGB", (640, 480), (number, 0, 0)).save(folder / f"{number}.png")
    return folder


def test_coco_and_pictures_through_the_command_line(tmp_path, photos, capsys, motion):
    known = annotated(person(coco={"id": 5}), name="0.png", coco_id=30)
    words = json.loads(write_coco([known], "human36m"))
    words["images"].append({"id": 31, "file_name": "1.png", "width": 640, "height": 480})
    (tmp_path / "in.json").write_text(json.dumps(words))
    kept = ["--annotations", str(tmp_path / "kept")]
    load_in = ["annotations", "import", str(tmp_path / "in.json"), "--project", "p"]
    for _ in range(2):
        run(*load_in, "--images", str(photos), *kept)
    assert "p: 1 people in 1 of 2 pictures" in capsys.readouterr().out
    out = tmp_path / "out.json"
    give = ["annotations", "export", "p", "--format", "coco", "--output", str(out), *kept]
    run(*give, "--state", "submitted")
    back = json.loads(out.read_text())
    assert [i["id"] for i in back["images"]] == [30, 31], "also the one without people"
    assert back["annotations"][0]["id"] == 5
    assert "is there already" in refused(capsys, *give)

    store = store_in(tmp_path / "kept")
    image = store.images(store.project("p").id)[1]
    body = in_3d(motion[5], 10.0)
    store.change(Change("submit", image.id, "ann", 0, "k", [body]))
    store.change(Change("accept", image.id, "eve", 1, "a"))
    store.close()
    table, h36m = tmp_path / "table", tmp_path / "poses.npy"
    run("annotations", "export", "p", "--format", "pose-table", "--output", str(table), *kept)
    run("annotations", "export", "p", "--format", "human36m", "--output", str(h36m), *kept)
    assert load(source("annotated", table)).clip.tolist() == ["1.png#0"]
    assert load_human36m(h36m).subject.tolist() == ["S1"]


def run(*arguments: str) -> None:
    try:
        main(list(arguments))
    except SystemExit as end:
        assert not end.code, arguments


def test_a_coco_file_comes_back_whole_and_an_import_that_fails_leaves_nothing(
    tmp_path, photos, capsys
):
    words = json.loads(write_coco([annotated(person(coco={"id": 5}), name="0.png")], "human36m"))
    outline, runs = [[1, 2.5, 3, 4, 5, 6]], {"counts": [0, 7, 3], "size": [480, 640]}
    words["annotations"][0] |= {"segmentation": outline, "id": 5.0, "image_id": 1}
    words["annotations"].append(words["annotations"][0] | {"id": 6, "segmentation": runs})
    words["images"][0] |= {"id": 1.0, "width": 640.0}
    words["images"].append({"id": 2, "file_name": "1.png", "width": 640, "height": 480})
    file, kept = tmp_path / "in.json", ["--annotations", str(tmp_path / "kept")]
    load_in = ["annotations", "import", str(file), "--images", str(photos), *kept]
    for wrong in ({"height": 481}, {"file_name": "nowhere.png"}):
        file.write_text(json.dumps(words | {"images": [words["images"][0] | wrong]}))
        refused(capsys, *load_in, "--project", "p")
        store = store_in(tmp_path / "kept")
        assert store.projects() == []
        store.close()
        assert not [p for p in (tmp_path / "kept" / "images").rglob("*") if p.is_file()]
    file.write_text(json.dumps(words))
    run(*load_in, "--project", "p")
    out = tmp_path / "out.json"
    give = ["annotations", "export", "p", "--format", "coco", "--output", str(out), *kept]
    run(*give, "--state", "submitted")
    back = json.loads(out.read_text())
    assert [one["segmentation"] for one in back["annotations"]] == [outline, runs]
    assert [one["id"] for one in back["annotations"]] == [5, 6]
    assert [image["file_name"] for image in back["images"]] == ["0.png", "1.png"]


def test_pictures_that_no_server_could_take_are_not_added(tmp_path, photos, capsys, monkeypatch):
    kept = ["--annotations", str(tmp_path / "kept")]
    add = ["annotations", "add", "p", str(photos / "0.png"), *kept]
    monkeypatch.setenv("EVOSKELETON_SERVE__MOST_PIXELS", "1000")
    assert "at most 0.001 million pixels, got 640 x 480" in refused(capsys, *add)
    monkeypatch.delenv("EVOSKELETON_SERVE__MOST_PIXELS")
    Photo.new("RGB", (2400, 2400)).save(photos / "large.bmp")
    add[3] = str(photos / "large.bmp")
    assert "should have 16,773,120 bytes at most, got 17,280,054" in refused(capsys, *add)


def test_an_export_makes_no_store_where_there_is_none(tmp_path, capsys):
    kept = ["--annotations", str(tmp_path / "mistyped")]
    give = ["annotations", "export", "p", "--format", "coco", "--output", str(tmp_path / "o")]
    assert "there is no" in refused(capsys, *give, *kept)
    assert not (tmp_path / "mistyped").exists()


def test_mistakes_on_the_command_line_are_told(tmp_path, photos, capsys):
    kept = ["--annotations", tmp_path / "kept"]
    add = ["annotations", "add", "p", photos / "0.png", *kept]
    run(*map(str, add))
    assert "another picture" in refused(
        capsys, "annotations", "add", "p", other_picture(tmp_path), *kept
    )
    assert "no such file" in refused(capsys, *add[:3], photos / "9.png", *kept).lower()
    give = ["annotations", "export", "p", "--output", tmp_path / "o", *kept]
    assert "--format should be one of" in refused(capsys, *give, "--format", "csv")
    assert "--state should be one of" in refused(capsys, *give, "--format", "coco", "--state", "x")
    assert "annotated in 3D" in refused(capsys, *give, "--format", "human36m")
    assert "no project 'q'" in refused(
        capsys, "annotations", "export", "q", *give[3:], "--format", "coco"
    )
    outside = json.loads(coco())
    outside["images"][0]["file_name"] = "../secret.png"
    (tmp_path / "out.json").write_text(json.dumps(outside))
    load_in = ["annotations", "import", tmp_path / "out.json", "--project", "r"]
    assert "should lie within" in refused(capsys, *load_in, "--images", photos, *kept)


def other_picture(folder: Path) -> Path:
    (folder / "other").mkdir()
    Photo.new("RGB", (10, 10)).save(folder / "other" / "0.png")
    return folder / "other" / "0.png"
