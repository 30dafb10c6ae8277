"""Keypoints as other programs write them, and what is told of all kinds."""

import csv
import json
from pathlib import Path

import deeplabcut_files
import numpy as np
import pytest
from keypoint_reader_contract import KeypointReaderContract
from typer.testing import CliRunner

from evoskeleton.cli import app
from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.lifting.keypoints.keypoint_formats import COCO, human36m_to_coco
from evoskeleton.lifting.keypoints.layouts import LAYOUTS, layout
from evoskeleton.platform.data.sources.load import load, settings_from_text
from evoskeleton.platform.data.target.declarations import Declarations
from evoskeleton.platform.data.target.load import BUILT_IN
from evoskeleton.platform.data.target.look import look
from evoskeleton.platform.data.target.readers.arrays import Arrays
from evoskeleton.platform.data.target.readers.deeplabcut import DeepLabCut
from evoskeleton.platform.data.target.readers.instances import Instances
from evoskeleton.platform.data.target.readers.landmarks import MediaPipeLandmarks
from evoskeleton.platform.data.target.readers.openpose import OpenPose
from evoskeleton.platform.data.target.views_of_poses import views_of_poses

CASES = Path(__file__).parents[1] / "cases"
SIZE = (1000, 800)


@pytest.fixture(scope="module")
def people() -> np.ndarray:
    """(6, 17, 2) float32 px: one standing body, seen from all around."""
    poses = load(settings_from_text("standard"))
    return views_of_poses(poses.take(np.zeros(6, int)), ViewSettings(), 2.0, seed=3).keypoints


def in_layout(people: np.ndarray, name: str, sure: float = 0.9) -> np.ndarray:
    """(n, points, 3) x y confidence; points that our joints do not tell are not found."""
    coco, known = human36m_to_coco(people)
    coco = np.where(known[..., None], coco, people[:, Joint.HEAD][:, None])
    by_name = dict(zip(LAYOUTS["coco17"].names, coco.transpose(1, 0, 2), strict=True))
    points = np.zeros((len(people), len(layout(name).names), 3))
    for place, point in enumerate(layout(name).names):
        if point in by_name:
            points[:, place, :2], points[:, place, 2] = by_name[point], sure
    return points


class OtherContract(KeypointReaderContract):
    @pytest.fixture
    def readers(self):
        return BUILT_IN


class TestOpenPose(OtherContract):
    """A folder; a damaged file of it is told as the reader of one file."""

    @pytest.fixture
    def reader(self):
        return OpenPose()

    @pytest.fixture
    def path(self, people, tmp_path):
        folder = tmp_path / "frames"
        folder.mkdir()
        for frame, pair in enumerate(in_layout(people, "body25").reshape(3, 2, 75)):
            words = {"people": [{"pose_keypoints_2d": person.tolist()} for person in pair]}
            (folder / f"video_{frame:012d}_keypoints.json").write_text(json.dumps(words))
        return folder

    def test_a_damaged_file_is_told_in_one_sentence(self, reader, path):
        (path / "video_000000000009_keypoints.json").write_bytes(bytes(range(256)))
        with pytest.raises(BadInput, match="000000000009_keypoints.json should be UTF-8"):
            reader.read(path)

    def test_frames_are_the_numbers_of_the_names(self, reader, path):
        assert reader.read(path).number.tolist() == [0, 0, 1, 1, 2, 2]
        assert len(reader.read(path).clips) == 1


class TestMmpose(OtherContract):
    @pytest.fixture
    def reader(self):
        return Instances()

    @pytest.fixture
    def path(self, people, tmp_path):
        points = in_layout(people, "wholebody")
        both = zip(points[..., :2].tolist(), points[..., 2].tolist(), strict=True)
        frames = [
            {"frame_id": number, "instances": [{"keypoints": xy, "keypoint_scores": sure}]}
            for number, (xy, sure) in enumerate(both)
        ]
        (tmp_path / "results.json").write_text(json.dumps({"instance_info": frames}))
        return tmp_path / "results.json"


class TestMediaPipe(OtherContract):
    @pytest.fixture
    def reader(self):
        return MediaPipeLandmarks(Declarations(size=SIZE))

    @pytest.fixture
    def path(self, people, tmp_path):
        shares = in_layout(people, "blazepose") / np.array([*SIZE, 1])
        frames = [
            [{"x": x, "y": y, "z": 0.0, "visibility": v} for x, y, v in person] for person in shares
        ]
        words = {"width": SIZE[0], "height": SIZE[1], "pose_landmarks": frames}
        (tmp_path / "landmarks.json").write_text(json.dumps(words))
        return tmp_path / "landmarks.json"

    def test_without_a_size_they_are_refused(self, path, people):
        words = json.loads(path.read_text())
        path.write_text(json.dumps(words["pose_landmarks"]))
        with pytest.raises(BadInput, match="want the size of their pictures: .* --size"):
            MediaPipeLandmarks().read(path)
        read = MediaPipeLandmarks(Declarations(size=SIZE)).read(path).keypoints
        assert read[:, Joint.RKNEE] == pytest.approx(people[:, Joint.RKNEE], abs=0.01)


class TestDeepLabCut(OtherContract):
    @pytest.fixture
    def reader(self):
        return DeepLabCut()

    @pytest.fixture
    def path(self, people, tmp_path):
        points = in_layout(people, "coco17")
        names = np.repeat(LAYOUTS["coco17"].names, 3).tolist()
        with open(tmp_path / "tracked.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["scorer", *["net"] * 51])
            rows.writerow(["bodyparts", *names])
            rows.writerow(["coords", *["x", "y", "likelihood"] * 17])
            rows.writerows([[n, *person.reshape(-1)] for n, person in enumerate(points)])
        return tmp_path / "tracked.csv"


class TestPlainArray(OtherContract):
    @pytest.fixture
    def reader(self):
        return Arrays()

    @pytest.fixture
    def path(self, people, tmp_path):
        np.save(tmp_path / "k.npy", people)
        return tmp_path / "k.npy"

    def test_another_layout_is_declared(self, people, tmp_path):
        np.save(tmp_path / "h.npy", in_layout(people, "halpe26"))
        with pytest.raises(BadInput, match="got 26 a person; --points names another layout"):
            Arrays().read(tmp_path / "h.npy")
        found = look(tmp_path / "h.npy", Declarations(points="Halpe-26")).found
        assert found.keypoints[:, Joint.LKNEE] == pytest.approx(people[:, Joint.LKNEE], abs=0.01)


class TestEvoSkeletonsDictionary(TestPlainArray):
    @pytest.fixture
    def path(self, people, tmp_path):
        entries = {(1, "Walking", "Seq 1.h5-sh"): people[:4].reshape(4, 34).astype(np.float64)}
        entries[(5, "Sitting", "Seq 2.h5-sh")] = people[4:].reshape(2, 34).astype(np.float64)
        np.save(tmp_path / "twoDPose_HRN_train.npy", entries)
        return tmp_path / "twoDPose_HRN_train.npy"


def sleap(path, people):
    h5py = pytest.importorskip("h5py", reason="the extra `mat` is not installed")
    with h5py.File(path / "k.h5", "w") as file:
        file["node_names"] = np.array(COCO, dtype="S")
        file["tracks"] = in_layout(people, "coco17")[..., :2].transpose(2, 1, 0)[None]
    return path / "k.h5"


def as_json(words):
    def write(path, people):
        (path / "k.json").write_text(json.dumps(words(in_layout(people, "coco17"))))
        return path / "k.json"

    return write


def mark(x: float, y: float, sure: float, **more: object) -> dict[str, object]:
    return {"x": x, "y": y, "score": sure, **more}


def named(person: np.ndarray) -> list[dict[str, object]]:
    return [mark(*row, name=name) for name, row in zip(COCO, person.tolist(), strict=True)]


OTHERS = {
    "SLEAP": sleap,
    "TensorFlow.js": as_json(lambda people: [{"keypoints": named(each)} for each in people]),
    "PoseNet": as_json(
        lambda people: [
            {"keypoints": [{"part": m["name"], "score": m["score"], "position": m} for m in each]}
            for each in map(named, people)
        ]
    ),
    "Ultralytics": as_json(
        lambda people: [
            {"keypoints": dict(zip(("x", "y", "visible"), each.T.tolist(), strict=True))}
            for each in people
        ]
    ),
    "objects by name": as_json(
        lambda people: [{"landmarks": {m["name"].upper(): m for m in named(p)}} for p in people]
    ),
    "OpenPifPaf": as_json(
        lambda people: [{"keypoints": each.ravel().tolist(), "score": 0.9} for each in people]
    ),
    "results with scores apart": as_json(
        lambda people: [
            {"image_id": n, "keypoints": each[:, :2].tolist(), "keypoint_scores": [0.9] * 17}
            for n, each in enumerate(people)
        ]
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_points_of_further_makers_are_read(kind, people, tmp_path):
    looked = look(OTHERS[kind](tmp_path, people))
    assert looked.found.keypoints[:, Joint.RKNEE] == pytest.approx(people[:, Joint.RKNEE], abs=0.01)
    assert looked.found.keypoints[:, Joint.LWRIST] == pytest.approx(
        people[:, Joint.LWRIST], abs=0.01
    )
    assert not looked.left_out


@pytest.mark.parametrize(("name", "other"), [("body25b", "body25"), ("human36m", "coco17")])
def test_a_count_that_two_layouts_have_is_no_reason_to_guess(name, other, people, tmp_path):
    points = people if name == "human36m" else in_layout(people, name)
    rows = [{"keypoints": p[:, :2].tolist(), "keypoint_scores": [0.9] * len(p)} for p in points]
    (tmp_path / "k.json").write_text(json.dumps(rows))
    with pytest.raises(BadInput, match=f"{other}.* look like {name}: --points says which"):
        look(tmp_path / "k.json")
    found = look(tmp_path / "k.json", Declarations(points=name)).found
    assert found.keypoints[:, Joint.LKNEE] == pytest.approx(people[:, Joint.LKNEE], abs=0.01)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.txt", "0 0.5 0.5", "no reader knows files of this kind; of YOLO, `save_json=True`"),
        ("a.json", '{"shapes": [], "version": 5}', r"got \['shapes', 'version'\]; docs/your-own"),
        ("a.json", '[{"joints": {"x": 1}}]', r"pose 0 should be lists of numbers, got an object"),
        ("a.json", '[{"a": {"x": 1, "y": 2}}]', "points with x and y should stand in a list"),
    ],
)
def test_what_is_not_read_leads_to_what_is(name, content, sentence, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(BadInput, match=sentence):
        look(tmp_path / name)


def test_world_landmarks_and_swapped_axes_are_no_ordinary_body(people, tmp_path):
    world = [[mark(*row, 0.9) for row in person] for person in (people / 1000.0 - 0.5).tolist()]
    (tmp_path / "w.json").write_text(json.dumps(world))
    with pytest.raises(BadInput, match="world landmarks, in metres, are no picture's"):
        look(tmp_path / "w.json", Declarations(size=SIZE))
    np.save(tmp_path / "k.npy", people[..., ::-1])
    assert look(tmp_path / "k.npy").notes[-1].startswith("people lie on their sides")


# What is told of all kinds


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("kp_coco_order", "in Human3.6M's order .* --points names another layout, such as coco17"),
        ("kp_normalised", "should be px, got numbers from 0.293 to 0.718, which look normalised"),
        ("lift_huge", "should lie within 1000000 px"),
        ("lift_misspelt", "there is no key visiblity; did you mean visibility"),
    ],
)
def test_what_is_no_body_in_pixels_is_refused(name, sentence):
    with pytest.raises(BadInput, match=sentence):
        look(CASES / f"{name}.json")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("lift_conf_04", "fewer than six known joints"),
        ("lift_all_same", "all points equal"),
        ("lift_bom", "all points equal"),
    ],
)
def test_a_pose_that_says_too_little_has_a_reason_and_no_answer(name, reason):
    looked = look(CASES / f"{name}.json")
    assert looked.left_out == {0: reason}
    assert any(f"1 of 1 poses have no answer: {reason}" in note for note in looked.notes)


def test_points_at_zero_are_missing_and_told():
    looked = look(CASES / "lift_zeros_missing.json")
    assert (looked.found.confidence[0] == 0).sum() == 2
    assert "2 of 17 joints are not known" in looked.notes[0]


def test_what_a_user_declares_makes_other_layouts_and_units_right():
    ours = look(CASES / "kp_h36m.json").found.keypoints
    coco = look(CASES / "kp_coco_order.json", Declarations(points="coco17")).found.keypoints
    assert coco[:, Joint.RKNEE] == pytest.approx(ours[:, Joint.RKNEE])
    shares = Declarations(size=(1920, 1080), normalised=True)
    assert look(CASES / "kp_normalised.json", shares).found.keypoints == pytest.approx(
        ours, abs=0.02
    )


def test_scores_and_flat_poses_are_read():
    flat = look(CASES / "lift_flat51.json").found
    scored = look(CASES / "lift_score_key.json").found
    assert np.array_equal(flat.keypoints, scored.keypoints) and (flat.confidence == 1).all()


def test_confidences_on_another_scale_are_refused_or_declared(people, tmp_path):
    points = np.concatenate([people, np.full((6, 17, 1), 83.0)], axis=2)
    (tmp_path / "k.json").write_text(json.dumps(points.tolist()))
    with pytest.raises(BadInput, match="confidences should be 0 to 1, got .* --full-confidence"):
        look(tmp_path / "k.json")
    found = look(tmp_path / "k.json", Declarations(full_confidence=100)).found
    assert found.confidence == pytest.approx(0.83)


def test_a_picture_that_is_too_small_and_y_that_points_up_are_told(people, tmp_path):
    np.save(tmp_path / "k.npy", people)
    assert not look(tmp_path / "k.npy", Declarations(size=SIZE)).notes
    assert (
        "lie outside of the pictures"
        in look(tmp_path / "k.npy", Declarations(size=(300, 300))).notes[0]
    )
    np.save(tmp_path / "up.npy", np.float32([0, 1000]) + people * np.float32([1, -1]))
    assert look(tmp_path / "up.npy").notes == ["heads are below feet: y should point down"]
    np.save(tmp_path / "cent.npy", people / np.float32(SIZE) * 100)
    assert "are they per cent?" in look(tmp_path / "cent.npy").notes[0]


def test_utf_16_is_told(tmp_path):
    (tmp_path / "k.json").write_text("[[]]", encoding="utf-16")
    with pytest.raises(BadInput, match="k.json is UTF-16: save it as UTF-8"):
        look(tmp_path / "k.json")


def test_the_command_shows_what_was_understood(tmp_path):
    picture = tmp_path / "seen.png"
    words = [str(CASES / "kp_coco_order.json"), "--points", "coco17", "--figure", str(picture)]
    result = CliRunner().invoke(app, ["data", "keypoints", *words])
    assert result.exit_code == 0, result.output
    for part in ("read by LiftFile", "3 keypoint sets", "approximated: Hip, Spine", "RKnee 100%"):
        assert part in result.output
    assert picture.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("layout", ["table", "fixed"])
def test_deeplabcuts_hdf5_says_what_its_csv_says(tmp_path, layout):
    pytest.importorskip("h5py", reason="the extra `mat` is not installed")
    points = np.random.default_rng(1).uniform(100, 900, (3, len(COCO), 3))
    points[..., 2] = 0.9
    points[1, 5, 2] = 0.1
    deeplabcut_files.write_h5(tmp_path / "video.h5", points, COCO, layout)
    assert DeepLabCut().matches(tmp_path / "video.h5")
    found = DeepLabCut().read(tmp_path / "video.h5")
    known = np.where(points[..., 2] > 0.5, points[..., 2], 0.0)
    expected, sure = LAYOUTS["coco17"].to_human36m(points[..., :2], known)
    assert np.allclose(found.keypoints, expected, equal_nan=True)
    assert np.allclose(found.confidence, sure)
    (tmp_path / "other.h5").write_bytes(b"\x89HDF\r\n" + bytes(100))
    with pytest.raises(BadInput, match="cannot be read as HDF5"):
        DeepLabCut().read(tmp_path / "other.h5")


def test_a_picture_of_u3dpw_is_a_clip_with_the_points_that_it_has(tmp_path):
    points = np.random.default_rng(2).uniform(100, 900, (14, 2))
    ours = np.random.default_rng(3).uniform(100, 900, (17, 2))
    words = {"a.jpg": {"p2d": points, "lsp": True}, "b.jpg": {"p2d": points, "h36m": ours}}
    np.save(tmp_path / "annotation.npy", np.array(words, dtype=object))
    found = Arrays().read(tmp_path / "annotation.npy")
    assert [clip.file for clip in found.clips] == ["a.jpg", "b.jpg"]
    assert np.allclose(found.keypoints[0, Joint.RFOOT], points[0])
    assert np.allclose(found.keypoints[0, Joint.HEAD], points[13])
    assert np.allclose(found.keypoints[0, Joint.HIP], points[2:4].mean(0))
    assert np.allclose(found.keypoints[1], ours)
