"""Every kind of keypoint file that needs neither a detector nor a store."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from keypoint_reader_contract import KeypointReaderContract

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES, Joint
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.lifting.keypoints.keypoint_formats import COCO, human36m_to_coco
from evoskeleton.platform.data.sources.load import load, settings_from_text
from evoskeleton.platform.data.target.load import BUILT_IN, load_target
from evoskeleton.platform.data.target.readers.coco import CocoFile
from evoskeleton.platform.data.target.readers.infer_lines import InferLines
from evoskeleton.platform.data.target.readers.lift_file import LiftFile
from evoskeleton.platform.data.target.readers.videopose3d_2d import VideoPose3d2d
from evoskeleton.platform.data.target.settings import TargetSettings
from evoskeleton.platform.data.target.views_of_poses import views_of_poses

LIMBS = [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]


@pytest.fixture(scope="module")
def people() -> np.ndarray:
    """(6, 17, 2) float32 px: one standing body, seen from all around."""
    poses = load(settings_from_text("standard"))
    return views_of_poses(poses.take(np.zeros(6, int)), ViewSettings(), 2.0, seed=3).keypoints


def as_coco(people: np.ndarray) -> np.ndarray:
    """(n, 17, 2) px in COCO's order with a face where the head is."""
    points, known = human36m_to_coco(people)
    head = people[:, Joint.HEAD][:, None]
    return np.where(known[..., None], points, head)


class BuiltInContract(KeypointReaderContract):
    @pytest.fixture
    def readers(self):
        return BUILT_IN


class TestLiftJson(BuiltInContract):
    @pytest.fixture
    def reader(self):
        return LiftFile()

    @pytest.fixture
    def path(self, people, tmp_path):
        (tmp_path / "run.json").write_text(json.dumps(people.tolist()))
        return tmp_path / "run.json"


class TestLiftParquet(TestLiftJson):
    @pytest.fixture
    def path(self, people, tmp_path):
        table = pa.table({"keypoints": people.reshape(-1, 34).tolist()})
        pq.write_table(table, tmp_path / "run.parquet")
        return tmp_path / "run.parquet"


def line(file: str, people: np.ndarray, frame: int | None = None, **changes) -> str:
    """One line as `infer` prints it."""
    words = {"file": file} | ({} if frame is None else {"frame": frame, "seconds": frame / 25})
    words |= {"width": 1000, "height": 800, "joint_names": list(JOINT_NAMES)}
    words["people"] = [
        {
            "id": number,
            "keypoints": points.tolist(),
            "confidence": [0.9] * 17,
            "known": [True] * 17,
            "approximated": ["Hip", "Spine", "Thorax", "Neck", "Head"],
            "joints": None,
        }
        | changes
        for number, points in enumerate(people)
    ]
    return json.dumps(words)


class TestInferLines(BuiltInContract):
    @pytest.fixture
    def reader(self):
        return InferLines()

    @pytest.fixture
    def path(self, people, tmp_path):
        lines = [line("run.mp4", people[at : at + 2], at) for at in (0, 2)]
        (tmp_path / "out.jsonl").write_text("\n".join([*lines, line("a.jpg", people[4:])]) + "\n")
        return tmp_path / "out.jsonl"

    def test_a_video_is_one_clip_and_its_frames_have_numbers(self, reader, path):
        target = load_target(TargetSettings(keypoints=(str(path),)), 1)
        assert target.name[2] == "run.mp4 frame 2 person 0" and target.name[4] == "a.jpg person 0"
        assert target.clip.tolist() == ["run.mp4"] * 4 + ["a.jpg"] * 2
        assert target.picture[0] == "run.mp4" and target.frame.tolist() == [0, 0, 2, 2, -1, -1]
        assert (target.image_size == (1000, 800)).all()

    def test_what_a_detector_approximates_counts_for_nothing_unless_asked(self, path):
        plain = load_target(TargetSettings(keypoints=(str(path),)), 1)
        assert np.array_equal(np.flatnonzero(plain.weights[0]), LIMBS)
        settings = TargetSettings(keypoints=(str(path),), approximated_weight=0.5, confidence=True)
        weighed = load_target(settings, 1).weights[0]
        assert np.allclose(weighed[LIMBS], 0.9) and np.allclose(np.delete(weighed, LIMBS), 0.45)

    def test_joints_that_the_line_calls_unknown_are(self, people, tmp_path):
        points = people[:1].astype(object)
        points[0, 3] = None
        known = [True] * 17
        known[3] = known[5] = False
        text = line("a.jpg", points, known=known)
        (tmp_path / "out.jsonl").write_text(text)
        found = InferLines().read(tmp_path / "out.jsonl")
        assert np.flatnonzero(found.confidence[0] == 0).tolist() == [3, 5]

    def test_a_line_that_is_none_is_named(self, people, tmp_path):
        path = tmp_path / "out.jsonl"
        path.write_text(line("a.jpg", people) + "\n{}\n")
        with pytest.raises(BadInput, match=r"out\.jsonl, line 2 should be a line of infer"):
            InferLines().read(path)
        path.write_text(line("a.jpg", people) + "\n{'\n")
        with pytest.raises(BadInput, match=r"out\.jsonl, line 2 is not JSON"):
            InferLines().read(path)

    def test_pictures_without_people_are_listed(self, tmp_path):
        (tmp_path / "out.jsonl").write_text(line("a.jpg", np.zeros((0, 17, 2))))
        with pytest.raises(BadInput, match=r"no people were found in .*out\.jsonl"):
            load_target(TargetSettings(keypoints=(str(tmp_path / "out.jsonl"),)), 1)

    def test_files_without_people_are_counted_beside_others(self, path, tmp_path):
        (tmp_path / "nobody.jsonl").write_text(line("b.jpg", np.zeros((0, 17, 2))))
        paths = (str(path), str(tmp_path / "nobody.jsonl"))
        target = load_target(TargetSettings(keypoints=paths), 1)
        assert len(target) == 6 and target.left_out == {"files without people": 1}


def coco_words(points: np.ndarray, names=COCO) -> dict:
    """Two people a photo, all points visible."""
    return {
        "images": [
            {"id": 10 + at, "file_name": f"photo{at}.jpg", "width": 640, "height": 480}
            for at in range(len(points) // 2)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(names)}],
        "annotations": [
            {
                "id": row,
                "image_id": 10 + row // 2,
                "category_id": 1,
                "keypoints": np.c_[person, np.full(len(person), 2)].ravel().tolist(),
            }
            for row, person in enumerate(points)
        ],
    }


class TestCocoAnnotations(BuiltInContract):
    @pytest.fixture
    def reader(self):
        return CocoFile()

    @pytest.fixture
    def path(self, people, tmp_path):
        (tmp_path / "person.json").write_text(json.dumps(coco_words(as_coco(people))))
        return tmp_path / "person.json"

    def test_a_photo_is_a_clip_and_lies_where_photos_do(self, path):
        (path.parent / "images").mkdir()
        (path.parent / "images" / "photo1.jpg").write_bytes(b"")
        target = load_target(TargetSettings(keypoints=(str(path),)), 1)
        assert target.name[3] == "photo1.jpg person 1"
        assert target.picture[3].endswith("images/photo1.jpg") and target.picture[0] == ""
        assert len(set(target.clip.tolist())) == 3

    def test_points_that_are_not_annotated_are_not_known_and_hidden_ones_are(
        self, people, tmp_path
    ):
        words = coco_words(as_coco(people))
        points = words["annotations"][0]["keypoints"]
        points[3 * COCO.index("left_knee") + 2] = 1
        points[3 * COCO.index("right_knee") + 2] = 0
        words["annotations"][1]["keypoints"] = [0] * 51
        (tmp_path / "person.json").write_text(json.dumps(words))
        found = CocoFile().read(tmp_path / "person.json")
        assert len(found) == len(people) - 1, "who is not annotated is nobody"
        assert found.confidence[0, Joint.LKNEE] == 1 and found.confidence[0, Joint.RKNEE] == 0


class TestCocoResults(TestCocoAnnotations):
    @pytest.fixture
    def path(self, people, tmp_path):
        people = coco_words(as_coco(people))["annotations"]
        for person in people:
            person["score"] = 0.8
            person["keypoints"][2::3] = [0.75] * 17
        (tmp_path / "results.json").write_text(json.dumps(people))
        return tmp_path / "results.json"

    def test_a_photo_is_a_clip_and_lies_where_photos_do(self, path):
        target = load_target(TargetSettings(keypoints=(str(path),)), 1)
        assert target.name[3] == "results.json image 11 person 1"
        assert (target.picture == "").all() and len(set(target.clip.tolist())) == 3

    def test_scores_are_confidences(self, path):
        settings = TargetSettings(keypoints=(str(path),), confidence=True)
        assert np.allclose(load_target(settings, 1).weights[:, LIMBS], 0.75)


class TestCocoOfOtherPoints(BuiltInContract):
    """Fourteen points as CrowdPose names them."""

    NAMES = (
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
        "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
        "right_ankle", "head", "neck",
    )  # fmt: skip

    @pytest.fixture
    def reader(self):
        return CocoFile()

    @pytest.fixture
    def path(self, people, tmp_path):
        coco = as_coco(people)
        points = np.stack([coco[:, COCO.index(name)] for name in self.NAMES[:12]], axis=1)
        points = np.concatenate([points, people[:, [Joint.HEAD, Joint.NECK]]], axis=1)
        (tmp_path / "crowd.json").write_text(json.dumps(coco_words(points, self.NAMES)))
        return tmp_path / "crowd.json"

    def test_what_the_names_do_not_say_is_not_known(self, reader, path, people):
        found = reader.read(path)
        assert np.allclose(found.keypoints[:, LIMBS], people[:, LIMBS])
        assert (found.confidence[:, [Joint.HEAD, Joint.NECK]] == 0).all()
        assert found.approximated[0, [Joint.HIP, Joint.SPINE, Joint.THORAX]].all()

    def test_points_of_no_body_are_refused(self, people, tmp_path):
        path = tmp_path / "hands.json"
        names = [f"finger{number}" for number in range(14)]
        path.write_text(json.dumps(coco_words(people[:, :14], names)))
        with pytest.raises(BadInput, match="named by side and part, such as left_knee, .* finger0"):
            CocoFile().read(path)


class TestCocoInOurOrder(TestCocoAnnotations):
    @pytest.fixture
    def path(self, people, tmp_path):
        (tmp_path / "ours.json").write_text(json.dumps(coco_words(people, JOINT_NAMES)))
        return tmp_path / "ours.json"

    def test_no_joint_is_approximated(self, reader, path, people):
        found = reader.read(path)
        assert not found.approximated.any() and (found.confidence == 1).all()
        assert np.allclose(found.keypoints, people)


LEFT_OF = {"h36m": [4, 5, 6, 11, 12, 13], "coco": [1, 3, 5, 7, 9, 11, 13, 15]}


def write_positions(path, arrays, **metadata) -> None:
    np.savez_compressed(path, positions_2d=arrays, metadata=metadata)


class TestVideoPose3dOfHuman36m(BuiltInContract):
    @pytest.fixture
    def reader(self):
        return VideoPose3d2d()

    @pytest.fixture
    def path(self, people, tmp_path):
        arrays = {"S1": {"Walking 1": [people[:3], people[3:]]}}
        write_positions(tmp_path / "d.npz", arrays, layout_name="h36m", num_joints=17)
        return tmp_path / "d.npz"

    def test_a_camera_is_a_clip(self, path, people):
        target = load_target(TargetSettings(keypoints=(str(path),)), 1)
        assert target.name[4] == "d.npz S1/Walking 1 camera 1 frame 1"
        assert len(set(target.clip.tolist())) == 2
        assert np.allclose(target.keypoints, people)

    def test_its_clips_are_those_that_poses_name(self, path):
        settings = TargetSettings(keypoints=(str(path),))
        with pytest.raises(BadInput, match="clip Walking 1 of subject S1 should not be the target"):
            load_target(settings, 1, judged=[("S1", "Walking 1")])

    def test_a_file_without_a_layout_tells_it_by_its_left_side(self, people, tmp_path):
        arrays = {"S1": {"Sitting": [people]}}
        symmetry = [LEFT_OF["h36m"], [1, 2, 3, 14, 15, 16]]
        write_positions(tmp_path / "gt.npz", arrays, num_joints=17, keypoints_symmetry=symmetry)
        assert np.allclose(VideoPose3d2d().read(tmp_path / "gt.npz").keypoints, people)

    def test_an_unknown_layout_is_refused(self, people, tmp_path):
        arrays = {"S1": {"Sitting": [people]}}
        write_positions(tmp_path / "a.npz", arrays, layout_name="humaneva15")
        with pytest.raises(BadInput, match="should be h36m or coco, got humaneva15"):
            VideoPose3d2d().read(tmp_path / "a.npz")
        write_positions(
            tmp_path / "b.npz", {"S1": {"Sitting": [people[:, :15]]}}, layout_name="coco"
        )
        with pytest.raises(BadInput, match=r"camera 0 should hold \(frames, 17, 2\) px, got"):
            VideoPose3d2d().read(tmp_path / "b.npz")

    def test_a_file_of_another_kind_is_told(self, people, tmp_path):
        np.savez(tmp_path / "c.npz", positions_3d=people)
        with pytest.raises(BadInput, match="should hold positions_2d, got positions_3d"):
            VideoPose3d2d().read(tmp_path / "c.npz")


class TestVideoPose3dOfOnesOwnVideos(TestVideoPose3dOfHuman36m):
    @pytest.fixture
    def path(self, people, tmp_path):
        coco = as_coco(people)
        arrays = {"run.mp4": {"custom": [coco[:3]]}, "jump.mp4": {"custom": [coco[3:]]}}
        videos = {"run.mp4": {"w": 1280, "h": 720}, "jump.mp4": {"w": 640, "h": 360}}
        write_positions(tmp_path / "d.npz", arrays, layout_name="coco", video_metadata=videos)
        return tmp_path / "d.npz"

    def test_a_camera_is_a_clip(self, path, people):
        target = load_target(TargetSettings(keypoints=(str(path),)), 1)
        assert len(set(target.clip.tolist())) == 2
        assert target.image_size[0].tolist() == [1280, 720]
        assert np.allclose(target.keypoints[:, LIMBS], people[:, LIMBS])

    def test_its_clips_are_those_that_poses_name(self, path):
        settings = TargetSettings(keypoints=(str(path),))
        assert len(load_target(settings, 1, judged=[("S1", "Walking 1")])) == 6
