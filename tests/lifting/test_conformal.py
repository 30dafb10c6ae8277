"""Error radii: they hold what they promise, know what they do not know, and travel in bundles."""

import json

import numpy as np
import pytest

from evoskeleton.cli import main
from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.bundle import load_bundle, read_description, save_bundle
from evoskeleton.lifting.bundle_training import train_bundle
from evoskeleton.lifting.conformal import (
    Errors,
    RadiusSettings,
    calibrate,
    coverage,
    draw_errors,
    radii_from,
    radii_of,
    rank,
)
from evoskeleton.lifting.error_radii import CalibratedRadii
from evoskeleton.lifting.lifter_training import LifterSettings, lifter_from, train_lifter
from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.poses import PoseSet

QUICK = RadiusSettings.parse({"draws": 4000})


@pytest.fixture(scope="module")
def lifter(motion):
    settings = {"steps": 150, "batch": 64, "report_every": 150, "cascade": {"width": 32}}
    *_, report = train_lifter(motion, LifterSettings.parse(settings))
    return lifter_from(report)


def clips(poses: np.ndarray, number: int = 4) -> np.ndarray:
    return np.arange(len(poses)) * number // len(poses)


def errors_of(mm: np.ndarray) -> Errors:
    return Errors(np.arange(len(mm)), mm, np.ones(mm.shape, bool))


@pytest.mark.parametrize(
    ("n", "level", "expected"), [(9, 0.9, 9), (8, 0.9, None), (99, 0.9, 90), (19, 0.95, 19)]
)
def test_the_rank_is_that_of_split_conformal(n, level, expected):
    assert rank(n, level) == expected


def test_with_one_draw_a_pose_a_radius_is_the_ranked_error():
    mm = np.random.Generator(np.random.Philox(3)).exponential(50.0, (99, 17))
    assert np.allclose(radii_from(errors_of(mm), 0.9).seen, np.sort(mm, axis=0)[89])


def test_fresh_errors_of_the_same_kind_are_held_as_often_as_promised():
    random = np.random.Generator(np.random.Philox(4))
    held = [
        coverage(
            radii_from(errors_of(random.exponential(50.0, (14, 17))), 0.9),
            errors_of(random.exponential(50.0, (200, 17))),
        )
        for _ in range(200)
    ]
    assert np.mean(held) == pytest.approx(14 / 15, abs=0.01)


def test_more_draws_of_a_pose_do_not_count_as_more_poses():
    mm = np.random.Generator(np.random.Philox(5)).exponential(50.0, (8, 17))
    eight = Errors(
        np.repeat(np.arange(8), 100), np.repeat(mm, 100, axis=0), np.ones((800, 17), bool)
    )
    assert np.isnan(radii_from(eight, 0.9).seen).all()


def test_a_joint_that_was_hidden_has_a_wider_radius(lifter, motion):
    radii = CalibratedRadii.from_dict(calibrate(lifter, motion, clips(motion), QUICK))
    assert (radii.hidden[1:] > radii.seen[1:]).mean() > 0.8
    visibility = np.ones((2, 17))
    visibility[1, 13] = 0.0
    of = radii.of(visibility)
    assert of[0, 13] == radii.seen[13] < of[1, 13] == radii.hidden[13]


def test_noisier_keypoints_have_wider_radii(lifter, motion):
    calm, noisy = (
        CalibratedRadii.from_dict(
            calibrate(lifter, motion, clips(motion), QUICK.model_copy(update={"noise": noise}))
        )
        for noise in (0.0, 0.1)
    )
    assert (noisy.seen[1:] > calm.seen[1:]).all()


def test_a_draw_depends_on_its_number_and_its_pose_alone(lifter, motion):
    some, other = draw_errors(lifter, motion, QUICK), draw_errors(lifter, motion[:120], QUICK)
    assert np.array_equal(some.seen, other.seen)
    assert np.allclose(some.mm[:1], other.mm[:1], atol=1e-3)


def test_joints_are_missing_as_often_as_the_settings_say(lifter, motion):
    settings = QUICK.model_copy(update={"drop": 0.2, "drop_limb": 0.0})
    hidden = ~draw_errors(lifter, motion, settings).seen
    assert hidden.mean() == pytest.approx(0.2, abs=0.01)
    limbs = ~draw_errors(lifter, motion, QUICK.model_copy(update={"drop": 0.0})).seen
    assert np.array_equal(limbs[:, 2], limbs[:, 3]) and limbs[:, 3].mean() > 0.03
    assert not limbs[:, [0, 1, 4, 7, 8, 9, 10, 11, 14]].any()


def test_too_few_poses_have_no_radii(lifter, motion):
    assert (
        calibrate(lifter, motion[:16], np.zeros(16), QUICK.model_copy(update={"block": 4})) is None
    )


def test_a_single_clip_cannot_speak_for_others(lifter, motion):
    found = calibrate(lifter, motion, np.zeros(len(motion)), QUICK)
    assert found["coverage_other_clips"] is None and found["clips"] == 1
    assert calibrate(lifter, motion, clips(motion), QUICK)["coverage_other_clips"] is not None


def test_radii_travel_in_a_bundle_and_bundles_without_them_load(lifter, motion, tmp_path):
    found = calibrate(lifter, motion, clips(motion), QUICK)
    save_bundle(lifter, tmp_path / "with", {"error_radii_mm": found})
    save_bundle(lifter, tmp_path / "without", {"poses": 240})
    again = radii_of(read_description(tmp_path / "with"))
    assert again.as_dict() == CalibratedRadii.from_dict(found).as_dict()
    load_bundle(tmp_path / "without")
    assert radii_of(read_description(tmp_path / "without")) is None


def test_training_by_hand_calibrates_where_poses_are_given_for_it(motion, tmp_path):
    small = ["steps=20", "batch=32", "cascade.width=16"]
    held = motion[160:], np.zeros(80)
    train_bundle(motion[:160], tmp_path / "with", changes=small, calibration=held)
    train_bundle(motion[:160], tmp_path / "without", changes=small)
    assert (radii_of(read_description(tmp_path / "with")).seen[1:] > 0).all()
    assert radii_of(read_description(tmp_path / "without")) is None


def test_evaluate_shows_the_radii_and_what_they_hold(motion, tmp_path, capsys):
    frames, clip = np.arange(len(motion), dtype=np.int32), np.full(len(motion), "walk")
    write_parquet(tmp_path / "poses.parquet", PoseSet(motion, clip, clip, clip, frames))
    small = ["steps=20", "batch=32", "cascade.width=16"]
    train_bundle(motion, tmp_path / "bundle", changes=small, calibration=(motion, clip))
    with pytest.raises(SystemExit):
        poses = str(tmp_path / "poses.parquet")
        main(["evaluate", "--model", str(tmp_path / "bundle"), "--poses", poses])
    (wrist,) = (line for line in capsys.readouterr().out.splitlines() if "RWrist" in line)
    seen, hidden, held = (float(cell) for cell in wrist.strip("│ ").split("│")[1:])
    assert seen > 0 and hidden > 0 and 80 < held < 100


def test_damaged_radii_are_told(lifter, motion):
    found = json.loads(json.dumps(calibrate(lifter, motion, clips(motion), QUICK)))
    del found["seen"]["LWrist"]
    with pytest.raises(BadInput, match="the error radii are damaged: KeyError"):
        CalibratedRadii.from_dict(found)


def test_real_held_out_poses_are_held_as_promised(cmu):
    """Every joint within 87 to 93 per cent on blocks of clips that did not calibrate."""
    train, validation = cmu.subject == "CMU02", np.isin(cmu.subject, ["CMU03", "CMU35"])
    settings = {"steps": 150, "batch": 256, "report_every": 150, "cascade": {"width": 64}}
    *_, report = train_lifter(cmu.poses[train], LifterSettings.parse(settings))
    poses, clip = cmu.poses[validation], cmu.clip[validation]
    found = calibrate(lifter_from(report), poses, clip, QUICK)
    held = np.array([found["coverage_held_out"][name] for name in JOINT_NAMES[1:]])
    assert (held > 0.87).all() and (held < 0.93).all(), held
