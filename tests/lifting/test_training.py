"""Training: it learns, repeats, goes on where it was, shares gradients, and refuses nonsense."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import BONES, Joint
from evoskeleton.lifting.bundle import (
    Lifter,
    from_arrays,
    load_bundle,
    save_bundle,
    to_arrays,
    weight_hash,
)
from evoskeleton.lifting.bundle_training import train_bundle
from evoskeleton.lifting.cameras import fixed_views, project, world_to_camera
from evoskeleton.lifting.cascade import Cascade, CascadeSettings
from evoskeleton.lifting.hardness import hardness
from evoskeleton.lifting.lifter_training import (
    LifterSettings,
    TrainingState,
    lifter_from,
    train_lifter,
)
from evoskeleton.lifting.normalization import Normalization
from evoskeleton.lifting.protocols import evaluate, rarity
from evoskeleton.platform.search.workers.training_job import load_ensemble

TINY = {"steps": 40, "batch": 64, "report_every": 10, "cascade": {"width": 32}}


def tiny(**changes) -> LifterSettings:
    cascade = TINY["cascade"] | changes.pop("cascade", {})
    return LifterSettings.parse(TINY | changes | {"cascade": cascade})


def last(poses: np.ndarray, settings: LifterSettings, **arguments):
    *_, report = train_lifter(poses, settings, **arguments)
    return report


@pytest.fixture(scope="module")
def lifter(motion) -> Lifter:
    return lifter_from(last(motion, tiny(steps=150)))


def one_view(poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    joints = torch.from_numpy(poses)
    cameras = fixed_views(joints[:, 0], "north-east")
    seen = world_to_camera(joints, cameras)
    return project(seen, cameras).numpy(), (seen - seen[:, :1]).numpy()


def test_training_learns(motion):
    reports = list(train_lifter(motion, tiny(steps=150), validation=motion[::10]))
    assert reports[-1].loss < 0.5 * reports[0].loss
    assert reports[-1].validation["mpjpe"] < 0.7 * reports[0].validation["mpjpe"]
    assert reports[-1].step == reports[-1].total == 150


def test_one_seed_gives_one_lifter_and_another_another(motion):
    first, again, other = (
        weight_hash(lifter_from(last(motion, tiny(seed=seed)))) for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize("cascade", [{}, {"stages": 2, "dropout": 0.3}])
def test_a_training_that_goes_on_equals_one_that_ran_through(motion, tmp_path, cascade):
    settings = tiny(cascade=cascade)
    whole = last(motion, settings)
    for stop in (1, 3, whole.total // 10 - 1):
        *_, report = islice(train_lifter(motion, settings), stop)
        report.state.save(tmp_path / str(stop))
        again = last(motion, settings, start=TrainingState.load(tmp_path / str(stop)))
        assert weight_hash(lifter_from(again)) == weight_hash(lifter_from(whole))


def test_a_warm_start_begins_better_than_a_cold_one(motion):
    state = last(motion, tiny(steps=150)).state
    warm = next(iter(train_lifter(motion, tiny(), start=state.restarted())))
    cold = next(iter(train_lifter(motion, tiny())))
    assert warm.loss < 0.7 * cold.loss


def test_the_second_stage_learns_what_the_first_left(motion):
    settings = tiny(steps=100, cascade={"stages": 2})
    reports = list(train_lifter(motion, settings))
    first, second = reports[9], reports[-1]
    assert (first.stage, second.stage) == (0, 1)
    names = [name for name in first.state.model if name.startswith("stages.0.")]
    assert all(torch.equal(first.state.model[n], second.state.model[n]) for n in names)
    assert second.loss <= first.loss * 1.05


def test_a_lifter_out_of_the_first_stage_is_that_stage_alone(motion):
    settings = tiny(steps=60, cascade={"stages": 2})
    halfway = next(report for report in train_lifter(motion, settings) if report.step == 60)
    alone = last(motion, tiny(steps=60))
    keypoints, _ = one_view(motion[:20])
    assert np.allclose(lifter_from(halfway).lift(keypoints), lifter_from(alone).lift(keypoints))
    begun = next(train_lifter(motion, settings, start=last(motion, settings).state.restarted()))
    assert not any(weights.any() for weights in _exit_of(lifter_from(begun), stage=1))
    assert all(weights.any() for weights in _exit_of(lifter_from(begun), stage=0))


def _exit_of(lifter: Lifter, stage: int) -> list[torch.Tensor]:
    return list(lifter.cascade.stages[stage].exit.parameters())


def test_a_mapped_file_trains_like_an_array(motion, tmp_path):
    np.save(tmp_path / "poses.npy", motion)
    mapped = np.load(tmp_path / "poses.npy", mmap_mode="r")
    assert weight_hash(lifter_from(last(mapped, tiny()))) == weight_hash(
        lifter_from(last(motion, tiny()))
    )


def test_the_published_mode_trains(motion):
    settings = LifterSettings.parse(
        {"preset": "paper", "steps": 60, "batch": 64, "report_every": 20}
        | {"cascade": {"width": 32}}
    )
    assert settings.normalization == "zscore" and not settings.cascade.visibility_input
    assert not settings.cascade.bone_input and settings.cascade.activation == "relu"
    reports = list(train_lifter(motion, settings))
    assert reports[2].loss < reports[0].loss


def test_the_default_loss_is_the_mean_error_in_mm_and_the_published_one_a_squared_one(motion):
    clean = {"steps": 150, "batch": 512, "noise_px": 0.0, "drop": 0.0}
    report = last(motion, tiny(**clean), validation=motion[::10])
    measured = report.validation["mpjpe"] * 17 / 16  # the loss leaves out the hip, which is 0
    assert report.loss == pytest.approx(measured, rel=0.35)
    squared = last(motion, tiny(**clean, loss="mse"))
    assert 0.0 < squared.loss < 1.0
    assert LifterSettings.parse({"preset": "paper"}).loss == "mse"


def test_distances_of_normalised_joints_are_those_in_mm(motion):
    joints = torch.from_numpy(motion[:8])
    normalization = Normalization.measure("per_pose", joints[..., :2], joints)
    outputs = normalization.joints(joints) + torch.linspace(-1, 1, 48)
    moved, true = normalization.joints_from(outputs), joints - joints[:, :1]
    found = normalization.distances(outputs, normalization.joints(joints))
    for pose in range(8):
        for joint in range(1, 17):
            far = float((moved[pose, joint] - true[pose, joint]).square().sum()) ** 0.5
            assert float(found[pose, joint - 1]) == pytest.approx(far, rel=1e-3)


def test_the_neck_can_be_left_out(motion):
    lifter = lifter_from(last(motion, tiny(cascade={"leave_out_neck": True})))
    keypoints, _ = one_view(motion[:3])
    moved = keypoints.copy()
    moved[:, 9] += 50.0
    seen = np.ones((3, 17))
    seen[:, 9] = 0
    assert np.allclose(lifter.lift(keypoints, seen), lifter.lift(moved, seen))


@pytest.fixture(scope="module")
def shown_bones(motion) -> Lifter:
    """A lifter that sees bones and is smooth."""
    changes = {"bone_input": True, "activation": "silu"}
    return lifter_from(last(motion, tiny(steps=150, cascade=changes)))


def test_bones_are_shown_as_vectors_and_lengths_but_for_those_with_a_hidden_end(shown_bones):
    cascade = shown_bones.cascade
    keypoints = torch.randn(5, 17, 2)
    seen = torch.ones(5, 17)
    seen[:, Joint.LELBOW] = 0
    bones = cascade.features(keypoints, seen)[:, 3 * 17 :]
    vectors, lengths = bones[:, :32].unflatten(1, (16, 2)), bones[:, 32:]
    for at, (parent, child) in enumerate(BONES):
        vector = keypoints[:, child] - keypoints[:, parent]
        if Joint.LELBOW in (parent, child):
            vector = torch.zeros(5, 2)
        torch.testing.assert_close(vectors[:, at], vector)
        torch.testing.assert_close(lengths[:, at], vector.norm(dim=1))


def test_bones_of_the_neck_go_with_it():
    settings = {"width": 16, "stages": 1, "bone_input": True, "leave_out_neck": True}
    cascade = Cascade(CascadeSettings.parse(settings))
    assert cascade.features(torch.randn(2, 17, 2), torch.ones(2, 17)).shape == (2, 3 * (16 + 14))


def test_a_lifter_that_sees_bones_learns_travels_and_looks_at_nothing_hidden(
    shown_bones, motion, tmp_path
):
    keypoints, truth = one_view(motion)
    seen = np.ones(keypoints.shape[:2])
    seen[:, 13] = 0
    broken = keypoints.copy()
    broken[:, 13] = np.nan
    hidden = shown_bones.lift(broken, seen)
    moved = keypoints.copy()
    moved[:, 13] += 50.0
    assert np.array_equal(hidden, shown_bones.lift(moved, seen))
    assert np.linalg.norm(hidden - truth, axis=2).mean() < 150
    assert np.allclose(shown_bones.lift(keypoints), shown_bones.lift(keypoints * 2 + 9), atol=0.1)
    save_bundle(shown_bones, tmp_path / "bundle", {})
    assert np.array_equal(
        load_bundle(tmp_path / "bundle").lift(keypoints[:9]), shown_bones.lift(keypoints[:9])
    )
    folded = Lifter(shown_bones.cascade.folded(), shown_bones.normalization)
    assert np.allclose(folded.lift(keypoints), shown_bones.lift(keypoints), atol=0.05)


def test_hidden_joints_are_not_looked_at_and_cost_little(lifter, motion):
    keypoints, truth = one_view(motion)
    seen = np.ones(keypoints.shape[:2])
    seen[:, 13] = 0
    broken = keypoints.copy()
    broken[:, 13] = np.nan
    whole, hidden = lifter.lift(keypoints), lifter.lift(broken, seen)
    assert np.isfinite(hidden).all()
    errors = [np.linalg.norm(side - truth, axis=2).mean() for side in (whole, hidden)]
    assert errors[1] < errors[0] + 40


def test_the_size_and_place_of_a_person_in_the_image_do_not_matter(lifter, motion):
    keypoints, _ = one_view(motion[:5])
    assert np.allclose(lifter.lift(keypoints), lifter.lift(keypoints * 2 + 300), atol=0.1)


def test_a_visible_keypoint_that_is_nan_is_told(lifter, motion):
    keypoints, _ = one_view(motion[:3])
    keypoints[1, 6] = np.nan
    with pytest.raises(BadInput, match="keypoint LFoot of pose 1 is visible and should be finite"):
        lifter.lift(keypoints)


def test_sixteen_keypoints_are_told(lifter, motion):
    with pytest.raises(BadInput, match=r"keypoints should be \(poses, 17, 2\), got \(3, 16, 2\)"):
        lifter.lift(one_view(motion[:3])[0][:, :16])


def test_a_bundle_comes_back_as_it_was(lifter, motion, tmp_path):
    save_bundle(lifter, tmp_path / "bundle", {"poses": 240})
    again = load_bundle(tmp_path / "bundle")
    keypoints, _ = one_view(motion[:9])
    assert np.array_equal(again.lift(keypoints), lifter.lift(keypoints))
    assert weight_hash(again) == weight_hash(lifter)


def test_a_lifter_travels_as_arrays(lifter):
    assert weight_hash(from_arrays(*to_arrays(lifter))) == weight_hash(lifter)


def damage_weights(folder):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-40] ^= 0xFF
    path.write_bytes(bytes(content))


def damage_truncated(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:200])


def damage_json(folder):
    (folder / "bundle.json").write_text("{")


def damage_schema(folder):
    path = folder / "bundle.json"
    path.write_text(path.read_text().replace('"LWrist"', '"LHand"'))


def damage_self_test(folder):
    import json

    path = folder / "bundle.json"
    words = json.loads(path.read_text())
    words["self_test"]["joints_mm"][0][5][1] += 30.0
    path.write_text(json.dumps(words))


def damage_absent(folder):
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (damage_weights, "the weights are not those that were saved"),
        (damage_truncated, "is damaged"),
        (damage_json, "it is not JSON"),
        (damage_schema, "joints should be"),
        (damage_self_test, "self-test is off by 30"),
        (damage_absent, "No such file"),
    ],
)
def test_a_damaged_bundle_is_refused(damage, sentence, lifter, tmp_path):
    save_bundle(lifter, tmp_path / "bundle", {})
    damage(tmp_path / "bundle")
    with pytest.raises(BadInput, match=sentence):
        load_bundle(tmp_path / "bundle")


def test_an_ensemble_of_different_keypoint_schemas_is_refused(lifter, tmp_path):
    for name in ("bundle", "bundle_1"):
        save_bundle(lifter, tmp_path / name, {})
    assert len(load_ensemble(tmp_path)) == 2
    damage_schema(tmp_path / "bundle_1")
    with pytest.raises(
        BadInput, match="bundle .*bundle_1: the model.s joints should be Hip, .*LHand"
    ):
        load_ensemble(tmp_path)


def test_a_damaged_training_state_is_refused(motion, tmp_path):
    last(motion, tiny(steps=10)).state.save(tmp_path)
    (tmp_path / "state.safetensors").write_bytes(b"12345678")
    with pytest.raises(BadInput, match="is damaged"):
        TrainingState.load(tmp_path)


def test_another_network_cannot_go_on(motion):
    state = last(motion, tiny(steps=10)).state
    with pytest.raises(BadInput, match="the state to go on from has cascade"):
        last(motion, tiny(cascade={"width": 16}), start=state.restarted())


def test_two_shards_want_two_workers(motion):
    with pytest.raises(BadInput, match="gradient_shards 2 want as many workers"):
        train_lifter(motion, tiny(gradient_shards=2))


def test_a_score_does_not_depend_on_who_is_in_the_batch(lifter, motion):
    whole = hardness([lifter], motion, chunk=64)
    order = np.random.Generator(np.random.Philox(2)).permutation(len(motion))
    shuffled = hardness([lifter], motion[order], chunk=64)
    alone = hardness([lifter], motion[17:18], chunk=64)
    assert np.array_equal(whole.error[order], shuffled.error)
    assert whole.error[17] == alone.error[0]


def test_a_score_is_the_error_over_the_views(lifter, motion):
    few, more = (hardness([lifter], motion[:20], views=views).error for views in (1, 4))
    assert few.shape == more.shape == (20,) and not np.allclose(few, more)
    assert 10 < more.mean() < 1000


def test_two_lifters_that_differ_disagree_more_than_one_with_itself(lifter, motion):
    other = lifter_from(last(motion, tiny(seed=9)))
    itself = hardness([lifter, lifter], motion[:50]).disagreement
    both = hardness([lifter, other], motion[:50]).disagreement
    assert both.mean() > itself.mean()


def test_no_poses_have_no_scores(lifter):
    assert hardness([lifter], np.zeros((0, 17, 3), np.float32)).error.shape == (0,)


def test_an_evaluation_groups_by_action_clip_view_and_rarity(lifter, motion):
    count = len(motion)
    action = np.array(["walk", "wave"])[np.arange(count) % 2]
    clip = np.array(["a", "b", "c"])[np.arange(count) % 3]
    rare = rarity(motion, motion[:60])
    evaluation = evaluate(lifter, motion, action, clip, rare)
    assert set(evaluation.by_clip) == {"a", "b", "c"} and set(evaluation.by_action) == set(action)
    assert len(evaluation.by_rarity) == 10 and len(evaluation.by_view) == 4
    mean = np.mean([scores["mpjpe"] for scores in evaluation.by_view.values()])
    assert mean == pytest.approx(evaluation.overall["mpjpe"], rel=1e-4)
    assert evaluation.mean_of_actions["mpjpe"] == pytest.approx(
        np.mean([scores["mpjpe"] for scores in evaluation.by_action.values()])
    )
    assert evaluation.overall["p_mpjpe"] <= evaluation.overall["mpjpe"]


def test_a_pose_is_rarer_the_farther_it_is_from_the_reference(motion):
    reference = motion[:100]
    bowed = motion[100:101].copy()
    bowed[:, 11:] += [0.0, 300.0, 200.0]
    assert rarity(bowed, reference)[0] > rarity(motion[99:100], reference)[0]


def test_turning_a_person_does_not_make_a_pose_rare(motion):
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], np.float32)
    turned = motion[:20] @ quarter.T
    assert np.allclose(rarity(motion[:20], motion), rarity(turned, motion), atol=0.5)


def test_training_by_hand_leaves_a_bundle_and_never_half_of_one(motion, tmp_path):
    output = tmp_path / "mine"
    seen = []
    record = train_bundle(
        motion,
        output,
        changes=["steps=20", "batch=32", "cascade.width=16"],
        progress=lambda name, done, total: seen.append((done, total)),
        device="cpu",
    )
    assert weight_hash(load_bundle(output)) == record["hash"]
    assert seen[0] == (0, 20) and seen[-1] == (20, 20)
    with pytest.raises(BadInput):
        train_bundle(motion, output)
    with pytest.raises(BadInput, match="did you mean"):
        train_bundle(motion, tmp_path / "other", changes=["stepz=20"])
    assert not (tmp_path / "other").exists()


def test_the_folder_one_stands_in_can_be_the_bundle(motion, tmp_path, monkeypatch):
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    monkeypatch.chdir(tmp_path / "target")
    brief = ["steps=4", "batch=32", "cascade.width=16"]
    train_bundle(motion, Path("."), changes=brief, device="cpu")
    assert load_bundle(tmp_path / "link")
    (tmp_path / "here").mkdir()
    (tmp_path / "other").symlink_to(tmp_path / "here")
    train_bundle(motion, tmp_path / "other", changes=brief, device="cpu")
    assert load_bundle(tmp_path / "here")


def test_a_training_that_diverged_leaves_no_bundle(motion, tmp_path):
    wild = ["steps=5", "batch=32", "cascade.width=16", "learning_rate=1e30"]
    with pytest.raises(BadInput, match="the training diverged, its loss is .*lower learning_rate"):
        train_bundle(motion, tmp_path / "wild", changes=wild, device="cpu")
    assert not list(tmp_path.iterdir())
    with pytest.raises(BadInput, match="and both be finite"):
        LifterSettings.parse({"views": {"distance_mm": [1500, float("inf")]}})


@pytest.mark.slow
def test_real_poses_of_one_person_train_a_lifter_for_others(cmu):
    train = cmu.poses[cmu.subject == "CMU02"]
    test = cmu.poses[np.isin(cmu.subject, ["CMU05", "CMU07", "CMU08", "CMU13"])][::20]
    reports = list(
        train_lifter(train, LifterSettings.parse({"batch": 256, "steps": 250}), validation=test)
    )
    assert reports[-1].validation["mpjpe"] < 150


def test_a_folded_cascade_answers_the_same_without_batch_norms(lifter, motion):
    folded = Lifter(lifter.cascade.folded(), lifter.normalization)
    known, swift = (hardness([one], motion[:40]) for one in (lifter, folded))
    assert np.abs(known.error - swift.error).max() < 0.01
    norms = [m for m in folded.cascade.modules() if isinstance(m, torch.nn.BatchNorm1d)]
    assert not norms and any(isinstance(m, torch.nn.BatchNorm1d) for m in lifter.cascade.modules())


def test_a_training_begins_with_the_lifter_it_is_told(lifter, motion, tmp_path):
    save_bundle(lifter, tmp_path / "first", {})
    few = {"steps": 3, "report_every": 3, "learning_rate": 1e-4}
    begun = last(motion, tiny(begin=str(tmp_path / "first"), **few))
    assert begun.loss < 0.5 * last(motion, tiny(**few)).loss


def test_a_lifter_of_another_network_is_nothing_to_begin_with(lifter, motion, tmp_path):
    save_bundle(lifter, tmp_path / "first", {})
    with pytest.raises(BadInput, match="a lifter of the network that is to be trained"):
        train_lifter(motion, tiny(cascade={"width": 16}, begin=str(tmp_path / "first")))
    with pytest.raises(BadInput, match="nowhere"):
        train_lifter(motion, tiny(begin=str(tmp_path / "nowhere")))
