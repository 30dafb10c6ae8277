"""Photos, videos and annotation projects as a target."""

import numpy as np
import pytest
from keypoint_reader_contract import KeypointReaderContract

from evoskeleton.commands.given.target_readers import AnnotatedPictures, Pictures, target_readers
from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.lifting.keypoints.keypoint_formats import COCO, human36m_to_coco
from evoskeleton.platform.data.sources.load import load, settings_from_text
from evoskeleton.platform.data.target.load import load_target
from evoskeleton.platform.data.target.settings import TargetSettings
from evoskeleton.platform.data.target.views_of_poses import views_of_poses

DETECTOR = '''
import numpy as np

from evoskeleton.pose2d.detector import Person

POINTS = np.load({points!r})
MADE = []


class Standing:
    """A standing body of the height of every column of pixels that is bright."""

    def __init__(self):
        MADE.append(self)

    def detect(self, image, boxes=None, watch=None):
        columns = np.flatnonzero((image > 200).all(axis=(0, 2)))
        if not len(columns):
            return []
        size = np.float32(image.shape[0]) / 1000
        known = np.full(17, 0.9, np.float32)
        known[9] = 0.3
        mixed = ("Hip", "Spine", "Thorax", "Neck", "Head")
        box = np.array([0, 0, 10, 10], np.float32)
        return [Person(box, 0.9, points * size, known, known, mixed) for points in POINTS]
'''


@pytest.fixture(scope="module")
def people() -> np.ndarray:
    """(2, 17, 2) float32 px of a picture of 1000 x 1000."""
    poses = load(settings_from_text("standard"))
    return views_of_poses(poses.take(np.zeros(2, int)), ViewSettings(), 2.0, seed=3).keypoints


@pytest.fixture
def detector(people, tmp_path, monkeypatch) -> str:
    np.save(tmp_path / "points.npy", people)
    module = f"standing_{abs(hash(str(tmp_path)))}"
    (tmp_path / f"{module}.py").write_text(DETECTOR.format(points=str(tmp_path / "points.npy")))
    monkeypatch.syspath_prepend(str(tmp_path))
    return f"{module}:Standing"


def picture(path, bright: bool = True):
    from PIL import Image

    image = np.zeros((500, 700, 3), np.uint8)
    image[:, :50] = 255 if bright else 0
    Image.fromarray(image).save(path)
    return path


class HandedInContract(KeypointReaderContract):
    @pytest.fixture
    def readers(self):
        return target_readers()


class TestPhotos(HandedInContract):
    @pytest.fixture(autouse=True)
    def _pillow(self):
        pytest.importorskip("PIL", reason="the extra `detect` is not installed")

    @pytest.fixture
    def reader(self, detector):
        return Pictures(detector)

    @pytest.fixture
    def path(self, tmp_path):
        return picture(tmp_path / "a.png")

    def test_everybody_in_a_photo_is_a_keypoint_set_of_one_clip(self, reader, path):
        target = load_target(TargetSettings(keypoints=(str(path),)), 1, [reader])
        assert target.name.tolist() == ["a.png person 0", "a.png person 1"]
        assert target.picture.tolist() == [str(path)] * 2 and target.frame.tolist() == [-1, -1]
        assert target.image_size[0].tolist() == [700, 500]
        assert target.weights.sum() == 24, "the five that a detector mixes count for nothing"

    def test_joints_that_a_lifter_should_not_look_at_are_not_known(self, reader, path):
        assert (reader.read(path).confidence[:, Joint.NECK] == 0).all()

    def test_photos_without_people_are_named_where_there_is_nobody_at_all(self, reader, tmp_path):
        paths = tuple(str(picture(tmp_path / f"{name}.png", bright=False)) for name in "bc")
        with pytest.raises(BadInput, match=r"no people were found in .*b\.png, .*c\.png"):
            load_target(TargetSettings(keypoints=paths), 1, [reader])

    def test_the_detector_is_made_once_and_for_a_picture_only(self, detector, path):
        import importlib

        module = importlib.import_module(detector.partition(":")[0])
        reader = target_readers(detector)[-1]
        assert reader.matches(path) and not module.MADE
        reader.read(path)
        reader.read(path)
        assert len(module.MADE) == 1


class TestVideos(TestPhotos):
    @pytest.fixture
    def path(self, tmp_path):
        cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
        path = tmp_path / "a.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (700, 500))
        image = np.zeros((500, 700, 3), np.uint8)
        image[:, :50] = 255
        for _ in range(10):
            writer.write(image)
        writer.release()
        return path

    def test_everybody_in_a_photo_is_a_keypoint_set_of_one_clip(self, reader, path):
        target = load_target(TargetSettings(keypoints=(str(path),)), 1, [reader])
        assert len(target) == 20 and set(target.clip.tolist()) == {str(path)}
        assert target.name[3] == "a.avi frame 1 person 1" and target.frame[3] == 1

    def test_so_many_frames_of_a_video_are_looked_at_evenly(self, detector, path):
        seen = []
        reader = Pictures(detector, 5, lambda file, number: seen.append(number))
        found = reader.read(path)
        assert seen == [0, 2, 4, 6, 8]
        assert found.number.tolist() == np.repeat(seen, 2).tolist()
        assert len(Pictures(detector, 10).read(path)) == 20


class TestAnnotatedPictures(HandedInContract):
    KEYPOINTS = "human36m"

    @pytest.fixture
    def reader(self):
        return AnnotatedPictures()

    @pytest.fixture
    def store(self, tmp_path):
        pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")
        from evoskeleton.annotation.store.annotation_store import store_in

        store = store_in(tmp_path / "annotations")
        yield store
        store.close()

    @pytest.fixture
    def path(self, store, people, tmp_path):
        from evoskeleton.annotation.domain.records import Change, Picture

        project = store.make_project("climbers", self.KEYPOINTS)
        ours = self.KEYPOINTS == "human36m"
        points = people if ours else coco_points(people)
        knee = int(Joint.LKNEE) if ours else COCO.index("left_knee")
        for name, action in (("a.png", "submit"), ("b.png", "submit"), ("c.png", "draft")):
            content = picture(tmp_path / name).read_bytes() + name.encode()
            image = store.add_image(project.id, name, Picture(content, 1000, 1000))
            words = [person_words(row, person, knee) for row, person in enumerate(points)]
            store.change(Change(action, image.id, "anna", 0, name, words))
        return tmp_path / "annotations" / "climbers"

    def test_what_is_submitted_counts_and_drafts_do_not(self, reader, path):
        target = load_target(TargetSettings(keypoints=(str(path),)), 1, [reader])
        names = [f"{name}.png person {row}" for name in "ab" for row in (0, 1)]
        assert target.name.tolist() == names
        assert set(target.clip.tolist()) == {"climbers/a.png", "climbers/b.png"}
        assert (target.image_size == 1000).all() and (target.weights[:, Joint.LKNEE] == 0).all()

    def test_its_picture_is_the_file_in_the_store(self, reader, path):
        target = load_target(TargetSettings(keypoints=(str(path),)), 1, [reader])
        with open(target.picture[0], "rb") as file:
            assert file.read().endswith(b"a.png")

    def test_a_single_project_needs_no_name_and_of_several_one_is_named(self, reader, path, store):
        assert len(reader.read(path.parent)) == 4
        store.make_project("walkers")
        with pytest.raises(BadInput, match=r"by a project, there are .*/climbers, .*/walk"):
            reader.read(path.parent)
        with pytest.raises(BadInput, match="there is no project 'runners'"):
            reader.read(path.parent / "runners")

    def test_a_damaged_file_is_told_in_one_sentence(self, reader, tmp_path):
        folder = tmp_path / "damaged"
        folder.mkdir()
        (folder / "annotations.db").write_bytes(bytes(range(256)) * 20)
        with pytest.raises(BadInput) as refusal:
            reader.read(folder / "climbers")
        assert "\n" not in str(refusal.value)


class TestAnnotatedPicturesInCoco(TestAnnotatedPictures):
    KEYPOINTS = "coco"

    def test_mixtures_are_approximated(self, reader, path):
        found = reader.read(path)
        assert found.approximated[0, [Joint.HIP, Joint.HEAD]].all()


def coco_points(people: np.ndarray) -> np.ndarray:
    points, known = human36m_to_coco(people)
    return np.where(known[..., None], points, people[:, Joint.HEAD][:, None])


def person_words(number: int, points: np.ndarray, knee: int) -> dict:
    """Everything visible but the left knee, which is not annotated."""
    visibility = [2] * 17
    visibility[knee] = 0
    return {"id": number, "keypoints": points.tolist(), "visibility": visibility}
