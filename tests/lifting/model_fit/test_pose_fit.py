"""Bodies fitted to keypoints: they explain what was seen, could be people, and come in two."""

import json

import numpy as np
import pytest
import torch

from evoskeleton.cli import main
from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import decode, encode
from evoskeleton.evolution.limits.tables import Limits, bend_backwards, default_limits
from evoskeleton.evolution.skeleton import BONES, MIRROR, PARENTS, Joint
from evoskeleton.lifting.bundle import Lifter
from evoskeleton.lifting.bundle_training import train_bundle
from evoskeleton.lifting.cameras import Cameras, fixed_views, look_at, project, world_to_camera
from evoskeleton.lifting.lifter_training import LifterSettings, lifter_from, train_lifter
from evoskeleton.lifting.metrics import mpjpe, p_mpjpe
from evoskeleton.lifting.model_fit.body_cost import (
    UNKNOWNS,
    Bodies,
    BodyCost,
    CostSettings,
    Evidence,
    body_joints,
    bone_directions,
    moved,
)
from evoskeleton.lifting.model_fit.depth_flips import PARTS, combined, flipped
from evoskeleton.lifting.model_fit.pose_fit import PoseFit, PoseFitSettings, fit_poses
from evoskeleton.lifting.pinhole import Intrinsics, facing, turned

TEST_SUBJECTS = ("CMU05", "CMU13", "CMU07", "CMU08")


class Oracle:
    """A lifter that knows the answer: (poses, 17, 3) camera mm."""

    def __init__(self, joints: torch.Tensor) -> None:
        self._joints = (joints - joints[:, :1]).float().numpy()

    def lift(self, keypoints: np.ndarray, visibility: np.ndarray) -> np.ndarray:
        answer = np.zeros((len(keypoints), 17, 3), np.float32)
        answer[: len(self._joints)] = self._joints
        answer[len(self._joints) :] = self._joints[0]
        return answer


class Seen:
    """Poses (n, 17, 3) world mm, each by the next of the four fixed views."""

    def __init__(self, poses: np.ndarray) -> None:
        joints = torch.from_numpy(np.array(poses, np.float32))
        turn = torch.arange(len(joints)) * 4 + torch.arange(len(joints)) % 4
        self.cameras = fixed_views(joints[:, Joint.HIP]).take(turn)
        self.joints = world_to_camera(joints, self.cameras)
        self.keypoints = project(self.joints, self.cameras).numpy()
        self.intrinsics = Intrinsics.of_cameras(self.cameras)

    @property
    def centred(self) -> np.ndarray:
        return (self.joints - self.joints[:, :1]).numpy()

    def fitted(self, lifter, **settings) -> PoseFit:
        wanted = PoseFitSettings.parse(settings)
        return fit_poses(lifter, self.keypoints, None, self.intrinsics, wanted)


@pytest.fixture(scope="module")
def lifter(motion) -> Lifter:
    settings = {"steps": 150, "batch": 64, "report_every": 150, "cascade": {"width": 32}}
    *_, report = train_lifter(motion, LifterSettings.parse(settings))
    return lifter_from(report)


@pytest.fixture(scope="module")
def walker(motion) -> Seen:
    return Seen(motion[::20])


@pytest.fixture(scope="module")
def walk(lifter, walker) -> PoseFit:
    return walker.fitted(lifter)


def distances(fit: PoseFit) -> np.ndarray:
    """(poses,) mm between the two answers."""
    centred = fit.joints - fit.joints[:, :, :1]
    return mpjpe(centred[:, 0], centred[:, 1])


def lengths_of(joints: np.ndarray) -> np.ndarray:
    parents, children = (list(side) for side in zip(*BONES, strict=True))
    return np.linalg.norm(joints[..., children, :] - joints[..., parents, :], axis=-1)


def test_a_walker_is_explained_to_three_pixels(walk):
    assert walk.converged[:, 0].all()
    assert (walk.reprojection_px[:, 0] < 3.0).all()


def test_the_joints_lie_where_the_reprojection_says(walk, walker):
    flat = project(torch.from_numpy(walk.joints[:, 0]), walker.cameras).numpy()
    off = np.linalg.norm(flat - walker.keypoints, axis=2).mean(1)
    np.testing.assert_allclose(off, walk.reprojection_px[:, 0], atol=0.1)


def test_bones_are_alike_on_both_sides_and_as_long_as_the_height_says(walk, walker, lifter):
    lengths = lengths_of(walk.joints)
    mirrored = [MIRROR[child] - 1 for _, child in BONES]
    np.testing.assert_allclose(lengths, lengths[..., mirrored], rtol=1e-4)
    small, whole = (
        lengths_of(walker.fitted(lifter, tolerance=1e-6, height_mm=height).joints[:, 0])
        for height in (850.0, 1700.0)
    )
    np.testing.assert_allclose(2.0 * small, whole, rtol=1e-3)


def test_the_answers_are_within_the_joint_limits(walk):
    for answer in (0, 1):
        joints = walk.joints[:, answer][np.isfinite(walk.costs[:, answer])]
        assert default_limits().margin(encode(joints)).min() > -1.0


def test_the_second_answer_is_apart_costs_more_and_is_seen_alike(walk):
    assert np.isfinite(walk.costs).all()
    assert (distances(walk) > 50.0).all()
    assert (walk.costs[:, 0] <= walk.costs[:, 1]).all()
    assert (walk.reprojection_px[:, 1] < 6.0).all()


def test_a_fit_to_the_walker_is_better_than_the_lifter(walk, walker, lifter):
    lifted = p_mpjpe(lifter.lift(walker.keypoints), walker.centred)
    assert p_mpjpe(walk.joints[:, 0], walker.joints.numpy()).mean() < lifted.mean()


def test_answers_do_not_depend_on_the_neighbours(walk, walker, lifter):
    order = np.arange(len(walker.keypoints))[::-1].copy()
    for rows in (order, order[:1], order[5:9]):
        known = Intrinsics.of_cameras(walker.cameras.take(torch.from_numpy(rows)))
        part = fit_poses(lifter, walker.keypoints[rows], None, known)
        np.testing.assert_allclose(part.joints, walk.joints[rows], atol=0.01)
        np.testing.assert_allclose(part.costs, walk.costs[rows], rtol=1e-4)


def test_chunks_are_put_together_again(walk, walker, lifter):
    rows = np.arange(40) % len(walker.keypoints)
    known = Intrinsics.of_cameras(walker.cameras.take(torch.from_numpy(rows)))
    many = fit_poses(lifter, walker.keypoints[rows], None, known)
    np.testing.assert_allclose(many.joints, walk.joints[rows], atol=0.01)


def test_hidden_keypoints_are_not_looked_at(walker, walk, lifter):
    visibility = np.ones(walker.keypoints.shape[:2])
    visibility[:, [Joint.LWRIST, Joint.RFOOT, Joint.NECK]] = 0.0
    answers = []
    for value in (np.nan, 1e6):
        keypoints = np.where(visibility[..., None] > 0.5, walker.keypoints, value)
        answers.append(fit_poses(lifter, keypoints, visibility, walker.intrinsics))
    np.testing.assert_array_equal(answers[0].joints, answers[1].joints)
    assert (answers[0].reprojection_px[:, 0] < 3.0).all()
    assert np.isfinite(answers[0].joints[:, 0]).all()
    assert np.abs(answers[0].joints[:, 0] - walk.joints[:, 0]).max() > 1.0


def test_one_wrong_keypoint_does_not_move_the_others(walker, walk):
    keypoints = walker.keypoints.copy()
    keypoints[:, Joint.RWRIST] += 250.0
    answer = Oracle(walker.joints)
    right = fit_poses(answer, walker.keypoints, None, walker.intrinsics).joints[:, 0]
    wrong = fit_poses(answer, keypoints, None, walker.intrinsics).joints[:, 0]
    others = [joint for joint in Joint if joint != Joint.RWRIST]
    assert np.linalg.norm((wrong - right)[:, others], axis=2).mean() < 30.0


def test_a_person_at_the_edge_of_the_picture_is_seen_straight(motion):
    body = torch.from_numpy(motion[::40])
    hips = body[:, Joint.HIP]
    centre = fixed_views(hips, "north-east")
    aside = Cameras(**vars(centre))
    aim = hips + torch.tensor([-900.0, 1000.0, 200.0])
    object.__setattr__(aside, "rotation", look_at(centre.position, aim))
    answers = []
    for cameras in (centre, aside):
        joints = world_to_camera(body, cameras)
        keypoints = project(joints, cameras).numpy()
        known = Intrinsics.of_cameras(cameras)
        fitted = fit_poses(Oracle(world_to_camera(body, centre)), keypoints, None, known)
        answers.append(p_mpjpe(fitted.joints[:, 0], joints.numpy()))
        assert (fitted.reprojection_px[:, 0] < 3.0).all()
    assert np.abs(keypoints[:, Joint.HIP] - 500.0).max() > 200.0
    np.testing.assert_allclose(answers[0], answers[1], atol=10.0)


def test_an_arm_that_may_point_forth_or_back_is_answered_both_ways(motion):
    """Seen from the front, upper arms that point at the camera look like arms pointing away."""
    bones = bone_directions(torch.from_numpy(motion[:1]).double())[0]
    for elbow, wrist, side in (
        (Joint.LELBOW, Joint.LWRIST, -1.0),
        (Joint.RELBOW, Joint.RWRIST, 1.0),
    ):
        bones[elbow - 1] = torch.tensor([0.5 * side, 0.5, -0.7])
        bones[wrist - 1] = torch.tensor([0.5 * side, 0.3, -0.8])
    bones = torch.nn.functional.normalize(bones, dim=1)
    upright = torch.tensor([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]], dtype=torch.float64)
    root = torch.tensor([[0.0, 0.0, 4000.0]], dtype=torch.float64)
    body = Bodies(root, (bones @ upright.T)[None], torch.zeros(1, 10, dtype=torch.float64))
    joints = body_joints(body, CostSettings())
    keypoints = (1145.0 * joints[..., :2] / joints[..., 2:] + 500.0).numpy()
    fitted = fit_poses(Oracle(joints), keypoints)
    assert (fitted.reprojection_px < 3.0).all()
    assert distances(fitted)[0] > 50.0
    parents, children = (list(side) for side in zip(*BONES, strict=True))
    depth = fitted.joints[0, :, children, 2] - fitted.joints[0, :, parents, 2]
    assert ((depth[:, 0] * depth[:, 1] < 0) & (np.abs(depth).min(1) > 50.0)).any()


def test_a_lifter_whose_knees_and_elbows_bend_backwards_is_overruled(motion):
    seen = Seen(motion[::24])
    answer = world_to_camera(decode(bend_backwards(encode(motion[::24]))), seen.cameras)
    fitted = fit_poses(Oracle(answer), seen.keypoints, None, seen.intrinsics)
    assert default_limits().margin(encode(answer)).max() < -10.0
    assert default_limits().margin(encode(fitted.joints[:, 0])).min() > -1.0
    truth = seen.joints.numpy()
    fitted_error = p_mpjpe(fitted.joints[:, 0], truth)
    assert fitted_error.mean() < 0.7 * p_mpjpe(answer.numpy(), truth).mean()


def test_without_room_for_another_there_is_no_second_answer(walker, lifter):
    fitted = walker.fitted(lifter, apart_mm=2000.0)
    assert np.isinf(fitted.costs[:, 1]).all()
    assert np.isnan(fitted.joints[:, 1]).all()
    assert not fitted.converged[:, 1].any()
    assert np.isfinite(fitted.joints[:, 0]).all()


def test_no_poses_are_answered_with_none(lifter):
    fitted = fit_poses(lifter, np.zeros((0, 17, 2)))
    assert fitted.joints.shape == (0, 2, 17, 3)
    assert fitted.costs.shape == fitted.reprojection_px.shape == (0, 2)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda k, v: (k[:, :16], v), r"keypoints should be \(poses, 17, 2\), got \(3, 16, 2\)"),
        (lambda k, v: (k, v[:, :16]), r"visibility should be \(3, 17\), got \(3, 16\)"),
        (lambda k, v: (k + np.nan, v), r"keypoint Hip of pose 0 is visible and should be finite"),
        (lambda k, v: (k * 0 + 500, v), "keypoints of pose 0 should lie 2 px apart or more, got 0"),
        (lambda k, v: (k, v * (np.arange(17) < 5)), "pose 0 should have 6 visible keypoints or mo"),
    ],
)
def test_input_that_cannot_be_used_is_refused_in_a_sentence(walker, lifter, change, sentence):
    keypoints, visibility = change(walker.keypoints[:3], np.ones((3, 17)))
    with pytest.raises(BadInput, match=sentence):
        fit_poses(lifter, keypoints, visibility)


def test_cameras_that_are_not_those_of_the_poses_are_refused(walker, lifter):
    with pytest.raises(BadInput, match="focal should have one row, or one for each of 3 poses"):
        fit_poses(lifter, walker.keypoints[:3], None, walker.intrinsics)
    with pytest.raises(BadInput, match="width and a height, got 0 x 480 px"):
        Intrinsics.of_image(0, 480)


def test_points_undo_the_lens(walker):
    plane = walker.intrinsics.points(torch.from_numpy(walker.keypoints).double())
    truth = (walker.joints[..., :2] / walker.joints[..., 2:]).numpy()
    np.testing.assert_allclose(plane.numpy(), truth, atol=1e-6)


def test_a_facing_camera_has_the_hip_on_its_axis_and_does_not_roll(walker):
    points = torch.tensor([[0.5, -0.2], [0.0, 0.0], [-3.0, 2.0]]).double()[:, None]
    points = points.expand(-1, 17, -1)
    rotation = facing(points, torch.ones(3, 17, dtype=torch.bool))
    np.testing.assert_allclose(turned(points, rotation).numpy(), 0.0, atol=1e-12)
    np.testing.assert_allclose(torch.linalg.det(rotation).numpy(), 1.0)
    np.testing.assert_allclose(rotation[1].numpy(), np.eye(3), atol=1e-12)
    spin = rotation - rotation.transpose(1, 2)
    np.testing.assert_allclose(spin[:, 0, 1].numpy(), 0.0, atol=1e-12)


@pytest.fixture(scope="module")
def bodies(walker) -> Bodies:
    directions = bone_directions(walker.joints.double())
    lengths = torch.linspace(-0.1, 0.1, 10).double().expand(len(directions), -1)
    return Bodies(walker.joints[:, 0].double(), directions, lengths)


def test_no_flip_leaves_a_body_and_two_flips_of_a_last_bone_give_it_back(bodies):
    settings = CostSettings()
    joints = body_joints(bodies, settings)
    for flips in (PARTS[1, 0], *PARTS[1:, 2]):
        there = flipped(bodies, flips.expand(len(bodies), -1), settings)
        back = flipped(there, flips.expand(len(bodies), -1), settings)
        np.testing.assert_allclose(body_joints(back, settings), joints, atol=1e-6)


def test_flips_keep_joints_on_their_rays_where_bones_reach_them(bodies):
    settings = CostSettings()
    joints = body_joints(bodies, settings)
    for flips in PARTS[1:].flatten(0, 1):
        turned_over = body_joints(
            flipped(bodies, flips.expand(len(bodies), -1), settings), settings
        )
        flat, old = (x[..., :2] / x[..., 2:] for x in (turned_over, joints))
        near_end = torch.linalg.vector_norm(flat - old, dim=2)
        assert near_end.median() < 1e-9
        assert not flips.any() or (turned_over - joints)[..., 2].abs().max() > 10.0


def test_every_bone_but_none_twice_can_flip():
    assert combined(torch.full((1, 5), 3)).all()
    assert not combined(torch.zeros(1, 5, dtype=torch.int64)).any()
    assert int(PARTS[:, 3].sum()) == len(BONES)


@pytest.mark.parametrize("bend", [False, True])
def test_slopes_agree_with_differences(bodies, walker, bend):
    """Over tables of one margin exactly; over the real tables as far as their kinks allow."""
    settings = CostSettings()
    stray = torch.linspace(-0.05, 0.05, len(bodies) * UNKNOWNS).double().view(len(bodies), -1)
    start = moved(bodies, stray.flip(0))
    if bend:
        broken = decode(bend_backwards(encode(walker.joints)))
        start = Bodies(start.root, bone_directions(broken.double()), start.log_lengths)
    points = walker.joints.double()[..., :2] / walker.joints.double()[..., 2:]
    precision = torch.full(points.shape[:2], 300.0).double()
    evidence = Evidence(points + 0.01, precision, bodies.directions)
    limits = default_limits() if bend else Limits.constant(30.0)
    cost = BodyCost(limits, settings)
    _, slope, curvature = cost.model(start, evidence)
    span = 0.02 if bend else 1e-5
    steps = span * torch.eye(UNKNOWNS).double()[:, None].expand(-1, len(bodies), -1)
    forth, back = (
        torch.stack([cost.cost(moved(start, sign * s), evidence) for s in steps], dim=1)
        for sign in (1.0, -1.0)
    )
    differences = (forth - back) / (4.0 * span)
    scale = slope.abs().amax(1, keepdim=True)
    assert ((differences - slope).abs() / scale).max() < (0.15 if bend else 1e-6)
    np.testing.assert_allclose(curvature, curvature.transpose(1, 2))


@pytest.fixture(scope="module")
def real(cmu) -> Seen:
    rows = np.concatenate([np.flatnonzero(cmu.subject == s)[::70] for s in ("CMU02", "CMU35")])
    return Seen(cmu.poses[rows])


@pytest.fixture(scope="module")
def real_lifter(cmu) -> Lifter:
    """Trained for seconds on other people than those of `real` and than the test subjects."""
    kept = ~np.isin(cmu.subject, (*TEST_SUBJECTS, "CMU02", "CMU35", "CMU01"))
    settings = {"steps": 200, "batch": 256, "report_every": 200, "cascade": {"width": 128}}
    *_, report = train_lifter(cmu.poses[kept], LifterSettings.parse(settings))
    return lifter_from(report)


@pytest.fixture(scope="module")
def real_fit(real, real_lifter) -> PoseFit:
    return real.fitted(real_lifter)


def test_real_poses_are_explained_to_three_pixels(real_fit):
    assert np.quantile(real_fit.reprojection_px[:, 0], 0.95) < 3.0
    assert real_fit.reprojection_px[:, 0].mean() < 2.0


def test_real_poses_are_fitted_no_worse_than_lifted(real_fit, real, real_lifter):
    lifted = p_mpjpe(real_lifter.lift(real.keypoints), real.centred)
    fitted = p_mpjpe(real_fit.joints[:, 0], real.joints.numpy())
    assert len(fitted) >= 100
    assert fitted.mean() < lifted.mean()
    assert (fitted < lifted + 10.0).mean() > 0.9


def test_real_poses_come_back_within_the_joint_limits(real_fit):
    assert default_limits().margin(encode(real_fit.joints[:, 0])).min() > -1.0


def test_nearly_every_real_pose_has_a_second_answer(real_fit):
    there = np.isfinite(real_fit.costs[:, 1])
    assert there.mean() > 0.9
    assert (distances(real_fit)[there] > 50.0).all()


def test_lift_with_fit_gives_bodies_with_even_sides(motion, tmp_path, capsys):
    train_bundle(motion, tmp_path / "lifter", changes=["steps=20", "batch=64", "cascade.width=16"])
    joints = torch.from_numpy(motion[:2])
    cameras = fixed_views(joints[:, 0]).take(torch.tensor([0, 4]))
    keypoints = project(world_to_camera(joints, cameras), cameras).tolist()
    (tmp_path / "points.json").write_text(json.dumps({"keypoints": keypoints}))
    arguments = ["lift", "--model", tmp_path / "lifter", "--keypoints", tmp_path / "points.json"]
    output = tmp_path / "joints.json"
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments), "--output", str(output), "--fit", "1000x1000"])
    assert not ended.value.code
    lifted = np.array(json.loads(output.read_text())["joints"])
    assert lifted.shape == (2, 17, 3) and np.abs(lifted[:, 0]).max() == 0
    lengths = np.linalg.norm(lifted[:, 1:] - lifted[:, list(PARENTS[1:])], axis=2)
    assert np.allclose(lengths, lengths[:, [joint - 1 for joint in MIRROR[1:]]], atol=1.0)
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments), "--output", str(tmp_path / "big.json"), "--fit", "big"])
    assert ended.value.code == 2
    assert "--fit should be the size of the images" in capsys.readouterr().err


def test_a_lifter_that_knows_pixels_is_told_the_size_of_the_images(motion, tmp_path, capsys):
    small = ["preset=paper", "steps=20", "batch=64", "cascade.width=16"]
    train_bundle(motion, tmp_path / "lifter", changes=small)
    joints = torch.from_numpy(motion[:2])
    cameras = fixed_views(joints[:, 0]).take(torch.tensor([0, 4]))
    keypoints = project(world_to_camera(joints, cameras), cameras).numpy()
    answers = {}
    for name, points, size in (
        ("trained", keypoints, []),
        ("larger", (keypoints - 500) * 1.92 + [960, 540], ["--size", "1920x1080"]),
    ):
        (tmp_path / "points.json").write_text(json.dumps(points.tolist()))
        output = tmp_path / f"{name}.json"
        arguments = ["lift", "--model", tmp_path / "lifter", "--output", output, *size]
        with pytest.raises(SystemExit):
            main([*map(str, arguments), "--keypoints", str(tmp_path / "points.json")])
        answers[name] = np.array(json.loads(output.read_text())["joints"])
        assert ("--size tells another" in capsys.readouterr().err) is (name == "trained")
    assert np.allclose(answers["trained"], answers["larger"], atol=0.5)
