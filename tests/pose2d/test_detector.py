"""The contract of detectors, held against the embedded one on real photographs."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from detector_contract import DetectorContract

from evoskeleton.assets import is_here
from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import MIRROR, Joint
from evoskeleton.pose2d.blazepose import BlazePose, BlazePoseSettings
from evoskeleton.pose2d.detector import Detector
from evoskeleton.pose2d.images import read_image
from evoskeleton.pose2d.movenet.multipose import WEIGHTS as MOVENET

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
PHOTOS = Path(os.environ.get("EVOSKELETON_SHARED_DATA", BESIDE)) / "photos"

SKIER = {
    Joint.LSHOULDER: (398, 109), Joint.RELBOW: (339, 158), Joint.RWRIST: (303, 178),
    Joint.LHIP: (436, 212), Joint.RKNEE: (369, 269), Joint.RFOOT: (407, 335),
    Joint.LFOOT: (477, 356),
}  # fmt: skip
"""Where a person sees the joints of the skier, px."""

SKIER_BOX = np.array([[280.0, 55.0, 500.0, 385.0]])
ALONE = {"finder": "blazepose"}
PERSON_BOX = np.array([[190.0, 95.0, 280.0, 380.0]])


def photo(name: str) -> np.ndarray:
    path = PHOTOS / f"{name}.jpg"
    if not path.exists():
        pytest.skip("the shared photos are absent; EVOSKELETON_SHARED_DATA names their folder")
    return read_image(path)


@pytest.fixture(scope="module")
def skier() -> np.ndarray:
    return photo("skier")


@pytest.fixture(scope="module")
def person() -> np.ndarray:
    return photo("person")


class PhotoContract(DetectorContract):
    """Promises of a detector of people in photographs. Inherit, and give a fixture `detector`."""

    @pytest.fixture
    def scene(self, skier):
        return skier

    def test_one_person_with_a_dog_and_a_horse_is_one_person(self, detector, person):
        (found,) = detector.detect(person)
        assert found.score > 0.5
        x, y = found.keypoints[Joint.HIP]
        assert 205 < x < 255 and 220 < y < 255

    def test_joints_are_where_a_person_sees_them(self, detector, skier):
        (found,) = detector.detect(skier)
        for joint, place in SKIER.items():
            assert np.linalg.norm(found.keypoints[joint] - place) < 12, joint.name

    def test_the_box_holds_the_body(self, detector, skier):
        (found,) = detector.detect(skier)
        x0, y0, x1, y1 = found.box
        assert 270 < x0 < 310 and 50 < y0 < 100 and 460 < x1 < 510 and 350 < y1 < 400

    def test_left_stays_left_in_a_mirror(self, detector, skier):
        (plain,) = detector.detect(skier)
        (mirrored,) = detector.detect(np.ascontiguousarray(skier[:, ::-1]))
        back = mirrored.keypoints[list(MIRROR)] * (-1, 1) + (skier.shape[1], 0)
        assert np.median(np.linalg.norm(back - plain.keypoints, axis=1)) < 8

    def test_two_people_are_two(self, detector, skier, person):
        height = min(len(skier), len(person))
        both = np.concatenate([skier[:height], person[:height]], axis=1)
        people = sorted(detector.detect(both), key=lambda one: one.keypoints[0, 0])
        assert len(people) == 2
        assert np.linalg.norm(people[0].keypoints[Joint.LFOOT] - SKIER[Joint.LFOOT]) < 15
        assert 205 < people[1].keypoints[Joint.HIP, 0] - skier.shape[1] < 255

    def test_every_box_gives_one_person_in_its_order(self, detector, skier):
        boxes = np.concatenate([[[0, 300, 60, 420]], SKIER_BOX, [[20, 20, 90, 90]]])
        people = detector.detect(skier, boxes)
        assert len(people) == 3
        for joint, place in SKIER.items():
            assert np.linalg.norm(people[1].keypoints[joint] - place) < 15, joint.name
        assert people[1].score > max(people[0].score, people[2].score)

    def test_the_answer_does_not_depend_on_what_was_asked_before(self, detector, skier, person):
        before = detector.detect(skier)[0]
        detector.detect(person)
        after = detector.detect(skier)[0]
        assert np.array_equal(before.keypoints, after.keypoints)
        assert np.array_equal(before.confidence, after.confidence)

    def test_threads_do_not_disturb_each_other(self, detector, skier, person):
        alone = [detector.detect(image)[0].keypoints for image in (skier, person)]
        with ThreadPoolExecutor(2) as pool:
            together = list(pool.map(detector.detect, [skier, person] * 3))
        for row, people in enumerate(together):
            assert np.array_equal(people[0].keypoints, alone[row % 2])


@pytest.fixture(scope="module")
def blazepose() -> BlazePose:
    try:
        return BlazePose(BlazePoseSettings.parse(ALONE))
    except BadInput as error:
        pytest.skip(f"the embedded detector cannot be had here: {error}")


@pytest.mark.long
@pytest.mark.skipif(not is_here(MOVENET), reason="evoskeleton assets fetch movenet-weights")
class TestMoveNetFinds(PhotoContract):
    """The same promises where MoveNet finds people, and nobody twice where both do."""

    @pytest.fixture(params=["movenet", "both"], scope="class")
    def detector(self, request) -> Detector:
        return BlazePose(BlazePoseSettings.parse({"finder": request.param}))

    def test_landmarks_and_their_3d_stay_where_they_agree(self, detector, skier, blazepose):
        ((found,), (alone,)) = detector.detect(skier), blazepose.detect(skier)
        assert found.own_joints is not None
        assert np.linalg.norm(found.keypoints - alone.keypoints, axis=1).max() < 8

    def test_two_who_nearly_touch_are_two(self, detector, skier):
        pair = np.concatenate([skier[:, 270:520], skier[:, 270:520]], axis=1)
        assert len(detector.detect(pair)) == 2


class TestBlazePose(PhotoContract):
    def test_people_are_followed_to_where_they_are_now(self, blazepose, skier):
        (before,) = blazepose.detect(skier)
        (now,) = blazepose.follow(np.roll(skier, (4, -9), (0, 1)), [before])
        step = now.keypoints - before.keypoints
        assert np.abs(np.median(step, axis=0) - (-9, 4)).max() < 2

    def test_who_is_gone_far_away_or_somebody_else_is_not_followed(self, blazepose, skier):
        (before,) = blazepose.detect(skier)
        assert blazepose.follow(np.zeros_like(skier), [before]) == [None]
        one, nobody = blazepose.follow(skier, [before, before])
        assert one is not None
        assert nobody is None

    def test_half_of_a_person_is_found_where_the_whole_one_is(self, blazepose, person):
        (whole,) = blazepose.detect(person)
        hips = int(whole.keypoints[[Joint.HIP, Joint.RHIP, Joint.LHIP], 1].min())
        (half,) = blazepose.detect(np.ascontiguousarray(person[: hips - 20]))
        above = [Joint.LSHOULDER, Joint.RSHOULDER, Joint.LELBOW]
        assert np.abs(half.keypoints[above] - whole.keypoints[above]).max() < 15

    def test_who_left_the_crop_is_found_near_it(self, blazepose, skier):
        (before,) = blazepose.detect(skier)
        (now,) = blazepose.follow(np.roll(skier, -110, 1), [before])
        assert abs(np.median(now.keypoints - before.keypoints, axis=0)[0] + 110) < 5

    def test_several_callers_get_the_same(self, blazepose, skier):
        shared = blazepose.for_callers(2)
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(shared.detect, [skier] * 3))
        (alone,) = blazepose.detect(skier)
        assert shared.settings.threads == 1
        assert all(np.array_equal(one.keypoints, alone.keypoints) for (one,) in found)

    @pytest.fixture
    def detector(self, blazepose) -> Detector:
        return blazepose

    def test_mixtures_of_neighbours_are_named(self, detector, skier):
        (found,) = detector.detect(skier)
        assert found.approximated == ("Hip", "Spine", "Thorax", "Neck", "Head")
        hips = found.keypoints[[Joint.RHIP, Joint.LHIP]]
        assert np.allclose(found.keypoints[Joint.HIP], hips.mean(axis=0), atol=1e-3)

    def test_a_person_on_the_side_is_followed_by_a_turned_crop(self, detector, skier):
        (plain,) = detector.detect(skier)
        (turned,) = detector.detect(np.ascontiguousarray(np.rot90(skier)))
        back = np.stack([skier.shape[1] - turned.keypoints[:, 1], turned.keypoints[:, 0]], axis=1)
        assert np.median(np.linalg.norm(back - plain.keypoints, axis=1)) < 10

    @pytest.mark.parametrize("turns", range(4))
    def test_its_own_3d_lies_over_the_keypoints_however_the_crop_is_turned(
        self, detector, skier, turns
    ):
        (found,) = detector.detect(np.ascontiguousarray(np.rot90(skier, turns)))
        keypoints = found.keypoints - found.keypoints.mean(axis=0)
        flat = found.own_joints[:, :2] - found.own_joints[:, :2].mean(axis=0)
        scale = (flat * keypoints).sum() / np.square(flat).sum()
        away = np.linalg.norm(scale * flat - keypoints, axis=1)
        assert scale > 0 and np.median(away) < 0.1 * np.ptp(keypoints)
        assert np.array_equal(found.own_joints[Joint.HIP], (0, 0, 0))

    def test_what_leaves_the_picture_is_not_known(self, detector, skier):
        (found,) = detector.detect(skier[:300])
        assert not found.known[[Joint.RFOOT, Joint.LFOOT]].any()
        assert found.known[[Joint.LSHOULDER, Joint.RWRIST, Joint.RKNEE]].all()

    def test_a_far_person_is_found_in_a_tile(self, skier, blazepose):
        wide = np.full((1275, 1920, 3), 235, np.uint8)
        wide[100:525, 1200:1840] = skier
        (found,) = blazepose.detect(wide)
        off = found.keypoints[Joint.LFOOT] - (1200, 100) - SKIER[Joint.LFOOT]
        assert np.linalg.norm(off) < 15
        whole_only = BlazePose(BlazePoseSettings.parse({**ALONE, "tiles": 1}))
        assert whole_only.detect(wide) == []

    def test_a_person_in_the_dark_is_found_by_a_second_look(self, person, blazepose):
        dark = (0.05 * person).astype(np.uint8)
        (found,), (bright,) = blazepose.detect(dark), blazepose.detect(person)
        off = np.linalg.norm(found.keypoints - bright.keypoints, axis=1)
        assert off.mean() < 0.03 * np.ptp(bright.keypoints[:, 1])
        one_look = BlazePose(BlazePoseSettings.parse({**ALONE, "second_look": False}))
        assert one_look.detect(dark) == [] and blazepose.detect(np.zeros_like(dark)) == []

    def test_a_mistake_in_the_settings_is_told(self):
        with pytest.raises(BadInput, match="unknown setting tile; did you mean tiles"):
            BlazePoseSettings.parse({"tile": 2})
