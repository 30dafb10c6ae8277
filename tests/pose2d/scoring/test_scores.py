"""Measures of keypoints: against COCO's own library, a slow twin, and cases known by hand."""

import contextlib
import io
import json

import numpy as np
import pytest
from annotated_people import annotation, person_points, write_coco

from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.pose2d.samples.readers.reading import read_samples
from evoskeleton.pose2d.scoring.answers import Answers, mean_pose
from evoskeleton.pose2d.scoring.oks import (
    AP_NAMES,
    average_precision,
    person_scores,
    sigmas,
    similarities,
)
from evoskeleton.pose2d.scoring.scores import score


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Forty people of all sizes, some points hidden and some not labelled, and noisy answers."""
    chance = np.random.default_rng(5)
    images = [{"id": at, "file_name": f"{at}.jpg"} for at in range(1, 21)]
    people = []
    for number in range(1, 41):
        size = chance.uniform(20, 300)
        box = (*chance.uniform(0, 300, 2), size * 0.6, size)
        one = annotation(number, 1 + number % 20, person_points(box, chance), box)
        levels = chance.choice([0, 1, 2], 17, p=[0.2, 0.2, 0.6])
        one["keypoints"][2::3] = levels.tolist()
        people.append(one | {"num_keypoints": int((levels > 0).sum())})
    path = write_coco(tmp_path_factory.mktemp("scores") / "people.json", images, people)
    samples = read_samples(path)
    edges = (samples.boxes[:, 2:] - samples.boxes[:, :2]).max(axis=1)[:, None, None]
    wrong = chance.standard_normal((len(samples), 17, 2))
    wrong *= chance.uniform(0.0, 0.12, (len(samples), 1, 1))
    points = np.nan_to_num(samples.keypoints, nan=5.0) + wrong * edges
    return path, samples, Answers(samples.names, points, chance.uniform(0, 1, points.shape[:2]))


def test_precision_is_cocos_own_library_on_the_file_itself(sample):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    path, samples, answers = sample
    images = {one["id"]: one["image_id"] for one in json.loads(path.read_text())["annotations"]}
    said = [
        {
            "image_id": images[person.id], "category_id": 1, "score": float(sure),
            "keypoints": np.column_stack([points, np.ones(17)]).ravel().tolist(),
        }
        for person, points, sure in zip(
            samples, answers.keypoints, person_scores(answers), strict=True
        )
    ]  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        measured = COCOeval(truth, truth.loadRes(said), "keypoints")
        measured.evaluate()
        measured.accumulate()
        measured.summarize()
    ours = average_precision(samples, answers)
    np.testing.assert_allclose([ours[name] for name in AP_NAMES], measured.stats, atol=1e-6)
    assert 0.1 < ours["ap"] < 0.95


def test_similarity_is_the_slow_twin(sample):
    _, samples, answers = sample
    for row, person in enumerate(samples):
        near = []
        for point in np.flatnonzero(person.labelled):
            apart = np.hypot(*(answers.keypoints[row, point] - person.keypoints[point]))
            spread = 2.0 * sigmas(samples.names)[point]
            near.append(np.exp(-(apart**2) / (2.0 * person.area * spread**2)))
        assert similarities(samples, answers)[row] == pytest.approx(np.mean(near), abs=1e-9)


def test_measures_are_known_by_hand(sample):
    _, samples, _ = sample
    perfect = Answers(samples.names, np.nan_to_num(samples.keypoints), np.ones((40, 17)))
    right = score(samples, perfect)
    assert right.overall.pck_box_01 == 1.0 and right.overall.error_px == 0.0
    assert right.precision["ap"] == pytest.approx(1.0) and np.isnan(right.overall.pckh_05)
    edges = (samples.boxes[:, 2:] - samples.boxes[:, :2]).max(axis=1)
    beside = perfect.keypoints.copy()
    beside[..., 0] += 0.15 * edges[:, None]
    away = score(samples, Answers(samples.names, beside, np.ones((40, 17))))
    assert away.overall.pck_box_01 == 0.0 and away.overall.pck_box_02 == 1.0
    assert sum(each.points for each in away.by_size.values()) == away.overall.points
    assert sum(each.points for each in away.by_sight.values()) == away.overall.points


def test_a_detector_of_other_keypoints_is_measured_on_those_that_both_have(sample):
    _, samples, answers = sample
    ours = answers.for_names(JOINT_NAMES, "theirs")
    known = score(samples, ours, "ours").by_keypoint
    assert [name for name, each in known.items() if not each.points] == list(samples.names[:5])
    assert known["left_knee"] == score(samples, answers).by_keypoint["left_knee"]


def test_a_point_without_an_answer_is_wrong(sample):
    _, samples, _ = sample
    points = np.nan_to_num(samples.keypoints)
    points[:20] = np.nan
    half = score(samples, Answers(samples.names, points, np.ones((40, 17))))
    share = samples.labelled[20:].sum() / samples.labelled.sum()
    assert half.overall.pck_box_01 == pytest.approx(share)


def test_the_mean_pose_is_in_the_boxes(sample):
    _, samples, _ = sample
    found = score(samples, mean_pose(samples)).overall
    assert 0.2 < found.pck_box_01 <= 1.0
