"""From files to 3D: plain answers, boxes of a caller, and mistakes told before anything runs."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES, Joint
from evoskeleton.lifting.bundle import Lifter, save_bundle
from evoskeleton.lifting.cascade import Cascade, CascadeSettings
from evoskeleton.lifting.normalization import Normalization
from evoskeleton.pose2d.answers.boxes import Boxes
from evoskeleton.pose2d.detector import Person, Stopwatch, check_boxes
from evoskeleton.pose2d.estimation import infer
from evoskeleton.pose2d.people_to_3d import lift_people

BODY = np.random.default_rng(1).uniform((-30, -90), (30, 90), (17, 2))


class BrightSpots:
    """A real detector of a simple kind: the bright half of a picture is a person."""

    def detect(self, image, boxes=None, watch=None):
        watch = watch or Stopwatch()
        with watch.stage("find"):
            height, width = image.shape[:2]
            if boxes is None:
                bright = np.argwhere(image[..., 0] > 200)
                places = [bright.mean(axis=0)[::-1]] if len(bright) else []
            else:
                places = [(b[:2] + b[2:]) / 2 for b in check_boxes(boxes, width, height)]
        return [self.person(place) for place in places]

    def person(self, place, known=17):
        keypoints = (BODY + place).astype(np.float32)
        confidence = (np.arange(17) < known).astype(np.float32)
        box = np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)])
        return Person(box, 0.9, keypoints, confidence, confidence, ("Spine",))


def small_lifter(mode="per_pose") -> Lifter:
    torch.manual_seed(1)
    cascade = Cascade(CascadeSettings.parse({"width": 16, "blocks": 1, "stages": 1}))
    chance = torch.Generator().manual_seed(2)
    joints = 300 * torch.randn(50, 17, 3, generator=chance)
    keypoints = 500 + 100 * torch.randn(50, 17, 2, generator=chance)
    return Lifter(cascade, Normalization.measure(mode, keypoints, joints))


@pytest.fixture
def bundle(tmp_path):
    save_bundle(small_lifter(), tmp_path / "bundle", {"name": "made up"})
    return tmp_path / "bundle"


@pytest.fixture
def photo(tmp_path):
    image = np.zeros((240, 320, 3), np.uint8)
    image[100:140, 150:190] = 255
    Image.fromarray(image).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_an_answer_is_plain_json_with_its_units_and_model(photo, bundle):
    (answer,) = infer([photo], bundle, detector=BrightSpots())
    words = json.loads(json.dumps(answer, allow_nan=False))
    assert (words["width"], words["height"]) == (320, 240) and "frame" not in words
    assert words["joint_names"] == list(JOINT_NAMES) and words["joints_unit"] == "mm"
    (one,) = words["people"]
    assert np.allclose(one["keypoints"], BODY + (169.5, 119.5), atol=0.01)
    assert one["joints"][Joint.HIP] == [0, 0, 0] and len(one["joints"]) == 17
    assert one["approximated"] == ["Spine"] and all(one["known"])
    assert set(words["milliseconds"]) == {"read", "find", "lift"}
    described = json.loads((bundle / "bundle.json").read_text())
    assert words["model"] == described["weight_hash"]


def test_joints_are_those_of_the_lifter(photo, bundle):
    (answer,) = infer([photo], bundle, detector=BrightSpots())
    (one,) = answer["people"]
    lifted = small_lifter().lift(np.array([one["keypoints"]]))
    assert np.abs(lifted[0] - one["joints"]).max() < 0.1


def test_a_picture_without_people_is_an_answer_too(tmp_path, bundle):
    Image.new("RGB", (50, 40)).save(tmp_path / "dark.png")
    (answer,) = infer([tmp_path / "dark.png"], bundle, detector=BrightSpots())
    assert answer["people"] == []


def test_people_of_whom_little_is_known_stay_in_2d():
    spots = BrightSpots()
    people = [spots.person((50, 50), known) for known in (17, 5, 0, 6)]
    lifted = lift_people(people, small_lifter(), 100, 100)
    assert [joints is not None for joints in lifted] == [True, False, False, True]
    assert lift_people([], small_lifter(), 100, 100) == []


def test_everybody_is_lifted_as_if_alone():
    spots = BrightSpots()
    people = [spots.person((50, 50)), spots.person((80, 20), 12)]
    together = lift_people(people, small_lifter(), 100, 100)
    for person, joints in zip(people, together, strict=True):
        (alone,) = lift_people([person], small_lifter(), 100, 100)
        assert np.abs(alone - joints).max() < 1e-2


def test_a_lifter_that_knows_pixels_sees_pictures_of_any_size_alike():
    """The same scene in a picture of twice the size."""
    lifter, person = small_lifter("zscore"), BrightSpots().person((320, 200))
    large = Person(person.box, 0.9, 2 * person.keypoints, person.confidence, person.visibility, ())
    (one,), (other,) = (
        lift_people([person], lifter, 640, 400),
        lift_people([large], lifter, 1280, 800),
    )
    assert np.abs(one - other).max() < 0.05


def test_boxes_of_a_caller_are_used_and_others_are_searched(photo, bundle, tmp_path):
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps({"photo.png": [[0, 0, 40, 60], [200, 100, 220, 140]]}))
    other = tmp_path / "other.png"
    other.write_bytes(photo.read_bytes())
    first, second = infer([photo, other], bundle, boxes=boxes, detector=BrightSpots())
    middles = [np.mean(one["keypoints"], axis=0) - BODY.mean(axis=0) for one in first["people"]]
    assert np.allclose(middles, [[20, 30], [210, 120]], atol=0.1)
    assert len(second["people"]) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[1, 2]", "should be an object by file name, got list"),
        ("hello", "should be JSON, it is not"),
        ('{"photo.png": [[1, 2, 3]]}', "should be lists of four numbers"),
        ('{"photo.png": ["a"]}', "boxes of photo.png should be lists of four numbers"),
        ('{"photo.png": [1, 2, 3, 4]}', "should be a list of x0 y0 x1 y1 for each person"),
        ('{"photo.png": 7}', "boxes of photo.png should be"),
        ('{"photo.png": {"0": []}}', "boxes of photo.png should be"),
        ('{"photo.png": [[0, 0, 1e12, 1e12]]}', "box 0 should lie within 1000000 px"),
        ('{"photo.png": [[1' + "0" * 400 + ", 2, 3, 4]]}", "should be lists of four numbers"),
        ("[" * 200_000, "should be JSON, it is not"),
        ('{"photo.png": [[1, 2, 900, NaN]]}', "box 0 should be x0 < x1"),
    ],
)
def test_wrong_boxes_are_told(content, sentence, photo, bundle, tmp_path):
    path = tmp_path / "boxes.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=sentence):
        list(infer([photo], bundle, boxes=path, detector=BrightSpots()))


def test_boxes_of_a_video_go_by_frame(tmp_path):
    boxes = Boxes({"film.mp4": {"3": [[1, 2, 3, 4]]}})
    assert boxes.of(tmp_path / "film.mp4", 2) is None
    assert np.array_equal(boxes.of(tmp_path / "film.mp4", 3), [[1, 2, 3, 4]])
    assert boxes.of(tmp_path / "other.mp4", 3) is None
    assert Boxes({"a.jpg": []}).of(tmp_path / "a.jpg").shape == (0, 4)


def test_a_missing_file_is_told_before_the_first_answer(photo, bundle, tmp_path):
    with pytest.raises(BadInput, match="gone.jpg should be a photo or a video"):
        infer([photo, tmp_path / "gone.jpg"], bundle, detector=BrightSpots())
    with pytest.raises(BadInput, match="bundle file .* No such file"):
        infer([photo], tmp_path / "nothing", detector=BrightSpots())


def test_an_overlay_is_drawn_for_every_picture(photo, bundle, tmp_path):
    (answer,) = infer([photo], bundle, tmp_path / "made" / "here", detector=BrightSpots())
    drawn = np.asarray(Image.open(tmp_path / "made" / "here" / "photo.png.png").convert("RGB"))
    assert "overlay" in answer["milliseconds"]
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 50
    (tmp_path / "again").mkdir()
    twin = tmp_path / "again" / photo.name
    twin.write_bytes(photo.read_bytes())
    with pytest.raises(BadInput, match="photo.png is there twice"):
        infer([photo, twin], bundle, tmp_path / "drawn", detector=BrightSpots())
    assert len(list(infer([photo, twin], bundle, detector=BrightSpots()))) == 2


def test_an_overlay_shows_whom_it_can(tmp_path):
    from evoskeleton.pose2d.overlay import MOST_DRAWN, draw_overlay

    spots = BrightSpots()
    people = [spots.person((60 * row, 60)) for row in range(MOST_DRAWN + 2)]
    people[0].keypoints[3] = np.nan
    joints = lift_people(people, small_lifter(), 400, 120)
    image = np.zeros((120, 400, 3), np.uint8)
    figure = draw_overlay(image, people, joints, range(len(people)))
    assert len(figure.axes) == 1 + 2 * MOST_DRAWN
    nobody = draw_overlay(image, [], [], [])
    assert len(nobody.axes) == 1


def test_a_person_in_a_video_keeps_an_id(bundle, tmp_path):
    cv2 = pytest.importorskip("cv2", reason="videos need opencv-python-headless")
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (320, 240))
    for number in range(6):
        frame = np.zeros((240, 320, 3), np.uint8)
        if number != 3:
            frame[100:140, 60 + 10 * number : 100 + 10 * number] = 255
        writer.write(frame)
    writer.release()
    answers = list(infer([path], bundle, detector=BrightSpots()))
    assert [answer["frame"] for answer in answers] == list(range(6))
    assert [[one["id"] for one in answer["people"]] for answer in answers] == [[0]] * 6
    assert [answer["people"][0]["filled"] for answer in answers] == [False] * 3 + [True] + [
        False
    ] * 2
    assert answers[5]["seconds"] == 0.5
