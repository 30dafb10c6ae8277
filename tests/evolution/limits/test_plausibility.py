"""Physical sense: bodies that go through themselves or hang in the air are refused."""

import math

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.breeding import BreedingSettings, breed
from evoskeleton.evolution.hierarchy import encode, joint_places
from evoskeleton.evolution.limits.balance import SEGMENTS, centres_of_mass, leans_deg
from evoskeleton.evolution.limits.plausibility import (
    PAIRS,
    Plausibility,
    PlausibilitySettings,
    pair_nearness,
    squared_distances,
)
from evoskeleton.evolution.limits.tables import default_limits
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.skeleton import MIRROR, Joint

TEST_SUBJECTS = ("CMU05", "CMU13", "CMU07", "CMU08")
GATE = Plausibility()
TOUCH_ONLY = Plausibility(PlausibilitySettings(lean_deg=None))
RIGHT = (Joint.RHIP, Joint.RKNEE, Joint.RFOOT, Joint.RSHOULDER, Joint.RELBOW, Joint.RWRIST)
LEFT = (Joint.LHIP, Joint.LKNEE, Joint.LFOOT, Joint.LSHOULDER, Joint.LELBOW, Joint.LWRIST)


def standing(**moved: tuple[float, float, float]) -> np.ndarray:
    """One person who stands and looks along y, (1, 17, 3) mm, some joints moved elsewhere."""
    joints = np.zeros((1, 17, 3), np.float32)
    joints[0, Joint.HIP] = 0, 0, 880
    joints[0, Joint.SPINE] = 0, 10, 1100
    joints[0, Joint.THORAX] = 0, 0, 1333
    joints[0, Joint.NECK] = 0, 80, 1450
    joints[0, Joint.HEAD] = 0, 40, 1600
    for side, (hip, knee, foot, shoulder, elbow, wrist) in ((1, RIGHT), (-1, LEFT)):
        joints[0, hip] = side * 90, 0, 880
        joints[0, knee] = side * 100, 10, 475
        joints[0, foot] = side * 105, -20, 40
        joints[0, shoulder] = side * 185, 0, 1300
        joints[0, elbow] = side * 230, -20, 1005
        joints[0, wrist] = side * 240, 40, 735
    for name, place in moved.items():
        joints[0, Joint[name]] = place
    return joints


def tilted(joints: np.ndarray, degrees: float) -> np.ndarray:
    """Turned forwards, about an axis along x through the floor below the hip."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]], np.float32)
    return joints @ turn.T


def places(joints: np.ndarray) -> torch.Tensor:
    return torch.tensor(joints).permute(1, 2, 0).contiguous()


def wild(count: int, seed: int) -> np.ndarray:
    """Standing people whose joints are all over the place, so that many parts meet."""
    noise = np.random.default_rng(seed).normal(0, 120, (count, 17, 3))
    return (standing() + noise).astype(np.float32)


def random_rotations(count: int, seed: int) -> np.ndarray:
    turns, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(count, 3, 3)))
    return (turns * np.linalg.det(turns)[:, None, None]).astype(np.float32)


def segment_distance(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> float:
    """The slow twin: from one of the four ends, or between inner places of the two lines."""
    found = [
        point_distance(a, c, d),
        point_distance(b, c, d),
        point_distance(c, a, b),
        point_distance(d, a, b),
    ]
    u, v, w = b - a, d - c, a - c
    matrix = np.array([[u @ u, -(u @ v)], [-(u @ v), v @ v]])
    if np.linalg.det(matrix) > 1e-9 * (u @ u) * (v @ v):
        s, t = np.linalg.solve(matrix, [-(u @ w), v @ w])
        if 0 <= s <= 1 and 0 <= t <= 1:
            found.append(float(np.linalg.norm(w + s * u - t * v)))
    return min(found)


def point_distance(point: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    step = end - start
    share = np.clip((point - start) @ step / max(step @ step, 1e-12), 0, 1)
    return float(np.linalg.norm(point - start - share * step))


def some_segments() -> tuple[np.ndarray, ...]:
    """Ends (n, 3) mm of pairs of segments: random, parallel, in one line, crossing, pointlike."""
    numbers = np.random.default_rng(1)
    a, b, c, d = numbers.normal(0, 200, (4, 1200, 3))
    d[200:400] = c[200:400] + (b - a)[200:400] * numbers.uniform(-2, 2, (200, 1))
    c[400:600] = a[400:600] + (b - a)[400:600] * numbers.uniform(-2, 2, (200, 1))
    d[400:600] = a[400:600] + (b - a)[400:600] * numbers.uniform(-2, 2, (200, 1))
    middle = a + (b - a) * numbers.uniform(0, 1, (1200, 1))
    d[600:800] = middle[600:800] + (middle - c)[600:800]
    b[800:900] = a[800:900]
    d[850:950] = c[850:950]
    d[950:1000] = c[950:1000] + (b - a)[950:1000] + numbers.normal(0, 1e-3, (50, 3))
    return a, b, c, d


def middle_and_half(start: np.ndarray, end: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor((start + end).T / 2).float(), torch.tensor((end - start).T / 2).float()


def test_segment_distances_agree_with_a_slow_twin():
    a, b, c, d = some_segments()
    fast = squared_distances(middle_and_half(a, b), middle_and_half(c, d))
    slow = [segment_distance(*ends) ** 2 for ends in zip(a, b, c, d, strict=True)]
    np.testing.assert_allclose(fast.numpy(), slow, rtol=1e-4, atol=0.5)


def test_a_person_who_stands_upright_passes():
    assert GATE.margin_of_joints(standing()).item() > 0.0
    assert pair_nearness(standing()).min().item() > 1.0


INTERSECTIONS = {
    "a forearm through the trunk": (
        ("right forearm", "right chest"),
        {"RELBOW": (235, 30, 1180), "RWRIST": (-40, 0, 1190)},
    ),
    "a forearm through the belly": (
        ("left forearm", "abdomen"),
        {"LELBOW": (-180, -60, 1010), "LWRIST": (80, 30, 1000)},
    ),
    "a wrist inside the head": (
        ("left forearm", "head"),
        {"LELBOW": (-230, 150, 1440), "LWRIST": (0, 60, 1530)},
    ),
    "a shank through the other shank": (
        ("right shank", "left shank"),
        {"RFOOT": (-105, -20, 40), "LFOOT": (105, -20, 40)},
    ),
    "a thigh through the other thigh": (
        ("right thigh", "left thigh"),
        {"RKNEE": (-90, 20, 475), "LKNEE": (90, 20, 475)},
    ),
    "an arm through the thigh": (
        ("right thigh", "right forearm"),
        {"RELBOW": (170, -120, 720), "RWRIST": (30, 110, 640)},
    ),
    "an upper arm through the chest": (
        ("left upper arm", "left chest"),
        {"LELBOW": (60, 0, 1120), "LWRIST": (80, 260, 1100)},
    ),
    "a forearm through the other": (
        ("left forearm", "right forearm"),
        {"LWRIST": (60, 300, 1050), "RWRIST": (-60, 300, 1050)},
    ),
    "a knee inside the chest": (
        ("right thigh", "right chest"),
        {"RKNEE": (60, 40, 1250), "RFOOT": (100, 300, 900)},
    ),
    "a shank through the head": (
        ("left shank", "head"),
        {"LKNEE": (-100, 350, 1350), "LFOOT": (40, -20, 1570)},
    ),
}


@pytest.mark.parametrize("name", INTERSECTIONS)
def test_a_made_up_intersection_is_refused(name):
    pair, moved = INTERSECTIONS[name]
    body = standing(**moved)
    assert pair_nearness(body)[PAIRS.index(pair), 0].item() < 0.5
    assert TOUCH_ONLY.margin_of_joints(body).item() < -0.1


def test_the_mirror_image_of_an_intersection_is_refused_alike():
    for _, moved in INTERSECTIONS.values():
        body = standing(**moved)
        image = body[:, MIRROR] * np.array([-1, 1, 1], np.float32)
        margins = (GATE.margin_of_joints(joints).item() for joints in (body, image))
        assert next(margins) == pytest.approx(next(margins), abs=1e-5)


def test_hands_together_and_hands_on_the_hips_pass():
    together = {"LWRIST": (-35, 300, 1100), "RWRIST": (35, 300, 1100)}
    hips = {"LWRIST": (-170, 40, 940), "RWRIST": (170, 40, 940)}
    elbows = {"LELBOW": (-330, -60, 1080), "RELBOW": (330, -60, 1080)}
    for moved in (together, hips | elbows):
        assert GATE.margin_of_joints(standing(**moved)).item() >= 0.0


def test_nearness_does_not_depend_on_where_a_body_is_how_it_is_turned_or_how_large_it_is():
    bodies = wild(200, 2)
    moved = np.einsum("bij,bkj->bki", random_rotations(200, 3), bodies) * 1.3 + [5000, -900, 40]
    torch.testing.assert_close(
        pair_nearness(moved.astype(np.float32)), pair_nearness(bodies), atol=2e-3, rtol=0
    )


def test_mirrored_bodies_get_the_same_margins():
    bodies = wild(500, 4)
    image = bodies[:, MIRROR] * np.array([-1, 1, 1], np.float32)
    torch.testing.assert_close(
        GATE.margin_of_joints(bodies), GATE.margin_of_joints(image), atol=1e-4, rtol=0
    )


def test_the_heading_and_the_place_do_not_matter():
    bodies = wild(500, 5)
    turn = np.array([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]], np.float32)
    moved = bodies @ turn.T + np.array([700, -300, 90], np.float32)
    torch.testing.assert_close(
        GATE.margin_of_joints(bodies), GATE.margin_of_joints(moved), atol=1e-3, rtol=0
    )


def test_firmer_flesh_refuses_whom_softer_flesh_refuses_and_more():
    bodies = wild(2000, 6)
    refused = [
        Plausibility(PlausibilitySettings(firmness=firmness)).margin_of_joints(bodies) < 0.0
        for firmness in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    ]
    for softer, firmer in zip(refused, refused[1:], strict=False):
        assert not (softer & ~firmer).any()
        assert firmer.sum() > softer.sum()


def test_the_nearest_two_parts_decide():
    bodies = wild(4000, 7)
    least = pair_nearness(bodies).amin(0) - 0.6
    torch.testing.assert_close(TOUCH_ONLY.margin_of_joints(bodies), least, atol=1e-6, rtol=0)
    assert 0.1 < (least < 0).float().mean() < 0.9


def test_a_body_is_judged_alike_in_any_crowd():
    crowd = torch.tensor(wild(20_032, 8)).permute(1, 2, 0).contiguous()
    whole = GATE.margin_of_places(crowd)
    parts = torch.cat([GATE.margin_of_places(part) for part in crowd.split(320, dim=-1)])
    assert torch.equal(whole, parts)


def test_without_firmness_and_bound_on_the_lean_nobody_is_refused():
    free = Plausibility(PlausibilitySettings(firmness=0.0, lean_deg=None))
    off = Plausibility(PlausibilitySettings(enabled=False))
    for gate in (free, off):
        assert (gate.margin_of_joints(wild(500, 9)) >= 0.0).all()
    assert (off.margin(encode(wild(500, 9))) > 0.0).all()


def test_genomes_are_judged_like_their_joints(motion):
    genomes = encode(motion)
    assert torch.equal(GATE.margin(genomes), GATE.margin_of_places(joint_places(genomes)))


def test_every_two_parts_that_share_no_joint_are_compared_once():
    names = {name for pair in PAIRS for name in pair}
    limbs = {side + limb for side in ("left ", "right ") for limb in ("forearm", "shank")}
    compared = {frozenset(pair) for pair in PAIRS}
    assert len(compared) == len(PAIRS)
    for limb in limbs:
        others = {other for other in names - {limb} if frozenset({limb, other}) not in compared}
        side = limb.split()[0]
        assert others == {f"{side} thigh" if "shank" in limb else f"{side} upper arm"}


def test_no_bodies_give_no_margins():
    assert GATE.margin_of_joints(np.zeros((0, 17, 3), np.float32)).shape == (0,)


def test_a_body_shrunk_to_a_point_is_refused():
    assert GATE.margin_of_joints(np.zeros((1, 17, 3), np.float32)).item() < 0.0


def test_a_body_with_a_missing_joint_does_not_pass():
    body = standing(LWRIST=(math.nan, 0, 0))
    assert not GATE.margin_of_joints(body).item() >= 0.0


def test_wrong_joints_and_settings_are_refused_in_a_sentence():
    with pytest.raises(BadInput, match=r"joints should be \(bodies, 17, 3\), got \(1, 16, 3\)"):
        GATE.margin_of_joints(standing()[:, :16])
    with pytest.raises(BadInput, match="setting firmness: input should be less than or equal to 1"):
        PlausibilitySettings.parse({"firmness": 1.5})
    with pytest.raises(BadInput, match="setting lean_deg: input should be greater than 0"):
        PlausibilitySettings.parse({"lean_deg": 0})


def test_the_masses_of_the_segments_make_a_whole_body():
    assert sum(segment.mass for segment in SEGMENTS) == pytest.approx(1.0)


def test_the_centre_of_mass_of_a_standing_person_lies_in_the_pelvis():
    centre = centres_of_mass(places(standing()))[:, 0]
    assert centre[0].item() == pytest.approx(0.0, abs=1.0)
    assert 850 < centre[2].item() < 1100


@pytest.mark.parametrize("degrees", [10, 20, 40, 60])
def test_a_stiff_body_leans_by_the_angle_it_is_tilted(degrees):
    upright = leans_deg(places(standing())).item()
    lean = leans_deg(places(tilted(standing(), degrees))).item()
    assert upright < 3.0
    assert lean == pytest.approx(degrees, abs=4.0)
    assert (GATE.margin_of_joints(tilted(standing(), degrees)).item() < 0.0) == (degrees > 45)


def test_a_wide_stance_is_judged_by_both_feet():
    legs = {"RKNEE": (250, 10, 475), "LKNEE": (-100, 10, 475), "RFOOT": (500, -20, 40)}
    raised = legs | {"RFOOT": (500, -20, 200)}
    on_both, on_one = (leans_deg(places(standing(**moved))).item() for moved in (legs, raised))
    assert on_both < 2.0
    assert on_one == pytest.approx(math.degrees(math.atan2(105, 940)), abs=2.0)


def test_people_who_do_not_stand_are_not_judged_by_their_balance():
    sitting = standing(
        RKNEE=(100, 400, 500), LKNEE=(-100, 400, 500), RFOOT=(100, 450, 60), LFOOT=(-100, 450, 60)
    )
    sitting[0, [Joint.RKNEE, Joint.LKNEE], 2] += 380
    sitting[0, [Joint.RFOOT, Joint.LFOOT], 2] += 380
    on_the_hands = standing() * np.array([1, 1, -1], np.float32)
    lying = tilted(standing(), 90.0)
    assert leans_deg(places(np.concatenate([sitting, on_the_hands, lying]))).tolist() == [0, 0, 0]


def test_bred_bodies_neither_float_nor_hang_over_nor_go_through_themselves(motion):
    limits = default_limits()
    offspring = breed(
        Population.seeds(encode(motion)),
        seed=1,
        generation=1,
        island=0,
        offspring=2000,
        settings=BreedingSettings(),
        valid=lambda genomes: torch.minimum(limits.margin(genomes), GATE.margin(genomes)),
    )
    assert len(offspring.population) > 1900
    lowest = offspring.joints[..., 2].amin(1)
    assert ((lowest > 0.0) & (lowest < 40.0)).all()
    assert (GATE.margin_of_joints(offspring.joints) >= -1e-4).all()
    assert leans_deg(places(offspring.joints.numpy())).max() < 45.01


def test_the_walker_passes(motion):
    assert (GATE.margin_of_joints(motion) >= 0.0).all()


@pytest.mark.parametrize("subject", TEST_SUBJECTS)
def test_real_poses_of_people_never_seen_pass(cmu, subject):
    passed = GATE.margin_of_joints(cmu.poses[cmu.subject == subject]) >= 0.0
    assert 100.0 * passed.float().mean().item() >= 98.0


def test_real_poses_of_the_training_subjects_pass(cmu):
    for subject in np.unique(cmu.subject[~np.isin(cmu.subject, TEST_SUBJECTS)]):
        passed = GATE.margin_of_joints(cmu.poses[cmu.subject == subject]) >= 0.0
        assert 100.0 * passed.float().mean().item() >= 98.0, subject
