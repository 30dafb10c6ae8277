"""Tables in the format of Akhter and Black's files: frames, handedness, what is refused.

All tables here are made up; the published ones are licensed and never needed.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.breeding import BreedingSettings, breed
from evoskeleton.evolution.hierarchy import Genomes, decode, encode
from evoskeleton.evolution.limits import akhter_black
from evoskeleton.evolution.limits.akhter_black import (
    AkhterBlackLimits,
    bin_middles,
    from_records,
    load_akhter_black,
)
from evoskeleton.evolution.limits.joint_limits import load_limits
from evoskeleton.evolution.limits.sampling import sample
from evoskeleton.evolution.limits.tables import Limits, default_limits
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.skeleton import LIMB_MIRROR, LIMBS, MIRROR, Joint

BINS = (121, 61)
RECORD = {0: 4, 1: 2, 2: 3, 3: 0, 4: 1, 5: 8, 6: 9, 7: 5, 8: 6}
DI_COLUMN = {2: 5, 4: 2, 6: 13, 8: 9}
CHILDREN = (2, 4, 6, 8)
FLIP = np.array([-1.0, 1.0, 1.0])


def cells(tables: dict[int, np.ndarray]) -> np.ndarray:
    """A (1, 11) cell array as SciPy reads MATLAB's; records that are not given stay empty."""
    listed = np.empty((1, 11), object)
    for record in range(11):
        listed[0, record] = tables.get(record, np.zeros((0, 0)))
    return listed


def permissive() -> tuple[dict, dict]:
    """Every direction allowed."""
    plane = np.broadcast_to([0.0, 0.0, 1.0, -2.0], (*BINS, 4)).copy()
    second = np.broadcast_to([1.0, 0.0, 0.0], (*BINS, 3)).copy()
    bounds = np.broadcast_to([-1.5, 1.5, -1.5, 1.5], (*BINS, 4)).copy()
    records = [RECORD[child] for child in CHILDREN]
    model = {
        "__version__": "1.0",
        "angleSprd": cells({record: np.ones(BINS, np.uint8) for record in range(11)}),
        "sepPlane": cells({record: plane.copy() for record in records}),
        "E2": cells({record: second.copy() for record in records}),
        "bounds": cells({record: bounds.copy() for record in records}),
    }
    return model, {"a": np.array([[0.98], [0.1], [0.15]]), "di": random_units(16, 4).T.copy()}


def random_units(count: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def random_tables(seed: int) -> tuple[dict, dict]:
    """Smooth tables that allow about half of everything, with parents that were never seen."""
    random = np.random.default_rng(seed)
    middles = bin_middles()
    model, static = permissive()
    for limb in range(9):
        record = RECORD[limb]
        wave = middles @ random.normal(size=(3, 2))
        model["angleSprd"][0, record] = (wave[:, 0] > -0.3).reshape(BINS).astype(np.uint8)
        if limb not in CHILDREN:
            continue
        plane = np.concatenate(
            [middles @ random.normal(size=(3, 3)), wave[:, :1] * 0.4 - 0.6], axis=1
        )
        plane[middles @ random.normal(size=3) > 0.9] = np.nan
        model["sepPlane"][0, record] = plane.reshape(*BINS, 4)
        model["E2"][0, record] = (middles @ random.normal(size=(3, 3))).reshape(*BINS, 3)
        low = random.uniform(-1.1, -0.2, (*BINS, 2))
        high = low + random.uniform(0.5, 2.0, (*BINS, 2))
        model["bounds"][0, record] = np.stack([low, high], axis=-1).reshape(*BINS, 4)
    return model, static


def slow_twin(pose: np.ndarray, model: dict, static: dict) -> list[bool]:
    """What the published check says of each limb, one pose at a time, y and z swapped first."""
    joints = pose.astype(float)[:, [0, 2, 1]]

    def schmidt(columns: list[np.ndarray]) -> np.ndarray:
        basis: list[np.ndarray] = []
        for column in columns:
            for axis in basis:
                column = column - (column @ axis) * axis
            basis.append(column / np.sqrt(column @ column))
        return np.stack(basis, axis=1)

    def bins(direction: np.ndarray) -> tuple[int, int]:
        azimuth = np.degrees(np.arctan2(direction[1], direction[0]))
        elevation = np.degrees(np.arctan2(direction[2], np.hypot(*direction[:2])))
        return int((azimuth + 180) // 3), int((elevation + 90) // 3)

    down = joints[Joint.SPINE] - joints[Joint.THORAX]
    frames = {}
    for name, right, left in (("thorax", 14, 11), ("pelvis", 1, 4)):
        across = joints[right] - joints[left]
        frames[name] = schmidt([across, down, np.cross(across, down)])
    local, answers = [], []
    for limb in range(9):
        start, end, record = LIMBS[limb].start, LIMBS[limb].end, RECORD[limb]
        bone = (joints[start] - joints[end]) / np.linalg.norm(joints[start] - joints[end])
        if limb not in CHILDREN:
            local.append(frames[LIMBS[limb].frame].T @ bone)
            answers.append(bool(model["angleSprd"][0, record][bins(local[-1])]))
            continue
        parent = LIMBS[LIMBS[limb].parent]
        frame = frames[parent.frame]
        u = joints[parent.start] - joints[parent.end]
        u = u / np.linalg.norm(u)
        across = np.cross(frame @ static["a"].reshape(3), u)
        if np.linalg.norm(across) < 1e-4:
            across = np.cross(u, frame @ static["di"][:, DI_COLUMN[limb]])
        v = across / np.linalg.norm(across)
        local.append(np.stack([u, v, np.cross(u, v)]) @ bone)
        place = bins(local[LIMBS[limb].parent])
        plane = model["sepPlane"][0, record][place]
        if np.isnan(plane).any() or plane @ [*local[-1], 1.0] > 0:
            answers.append(False)
            continue
        second = model["E2"][0, record][place]
        basis = schmidt([plane[:3], second, np.cross(plane[:3], second)])
        _, x, y = basis.T @ local[-1]
        low_x, high_x, low_y, high_y = model["bounds"][0, record][place]
        answers.append(bool(low_x <= x <= high_x and low_y <= y <= high_y))
    return answers


def wild_bodies(count: int, seed: int, like: np.ndarray) -> Genomes:
    """Bodies whose limbs point anywhere, on the torsos of real ones."""
    bodies = encode(like[np.arange(count) % len(like)])
    limbs = torch.tensor(random_units(9 * count, seed).T.reshape(3, 9, count)).float()
    return replace(bodies, limbs=limbs)


def allowed(limits: AkhterBlackLimits, genomes: Genomes) -> np.ndarray:
    return (limits.limb_margins(genomes) >= 0).numpy()


def with_limb(genomes: Genomes, limb: int, direction: tuple[float, float, float]) -> Genomes:
    """The bodies with a limb set in the frame of this package: right, forwards, up."""
    limbs = genomes.limbs.clone()
    limbs[:, limb] = torch.tensor(direction)[:, None] / np.linalg.norm(direction)
    return replace(genomes, limbs=limbs)


def only_near(azimuth: float, elevation: float, radius: float) -> np.ndarray:
    a, e = np.radians([azimuth, elevation])
    middle = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    return (bin_middles() @ middle > np.cos(np.radians(radius))).reshape(BINS).astype(np.uint8)


def test_every_limb_is_judged_as_the_published_check_judges_it(motion):
    model, static = random_tables(1)
    bodies = wild_bodies(600, 2, motion)
    found = allowed(from_records(model, static), bodies)
    poses = decode(bodies).numpy()
    expected = np.array([slow_twin(pose, model, static) for pose in poses]).T
    assert (found == expected).mean() > 0.999
    assert 0.1 < expected[list(CHILDREN)].mean() < 0.9
    assert 0.1 < expected[[0, 1, 3, 5, 7]].mean() < 0.9


def test_an_arm_forwards_and_left_is_told_from_one_backwards_or_right(motion):
    """Seen as elbow to shoulder: to the right by 45 degrees, and 45 degrees backwards."""
    model, static = permissive()
    model["angleSprd"][0, RECORD[1]] = only_near(0.0, 45.0, 20.0)
    limits, body = from_records(model, static), encode(motion[:1])
    assert allowed(limits, with_limb(body, 1, (-1, 1, 0))).all()
    for wrong in ((-1, -1, 0), (1, 1, 0), (1, -1, 0), (0, 0, -1), (-1, 0, 1)):
        found = allowed(limits, with_limb(body, 1, wrong))[:, 0]
        assert not found[1] and found[[0, 3, 5, 7]].all()
        assert allowed(limits, with_limb(body, 3, wrong))[3, 0]


@pytest.mark.parametrize(("limb", "name"), [(1, "left upper arm"), (3, "right upper arm")])
def test_left_and_right_have_tables_of_their_own(limb, name, motion):
    model, static = permissive()
    model["angleSprd"][0, RECORD[limb]][:] = 0
    found = allowed(from_records(model, static), encode(motion[:50]))
    assert LIMBS[limb].name == name
    assert not found[limb].any()
    assert np.delete(found, limb, axis=0).all()


def mirrored_tables(model: dict, static: dict) -> tuple[dict, dict]:
    """The tables of the mirror image; right in this form where `a` is the axis across.

    The mirror takes an azimuth to 180 degrees minus it, as x is across, and turns the third axis
    of children about, as the second, a x u, stays what it is.
    """
    side = {RECORD[limb]: RECORD[LIMB_MIRROR[limb]] for limb in range(9)}
    new = {name: cells({}) for name in ("angleSprd", "sepPlane", "E2", "bounds")}
    for old, other in side.items():
        for name in new:
            table = np.array(model[name][0, old], float)
            if table.shape[:1] == BINS[:1]:
                table[:120] = table[(59 - np.arange(120)) % 120]
            if name in ("sepPlane", "E2") and table.ndim == 3:
                table[..., 2] *= -1
            if name == "bounds" and table.ndim == 3:
                table = np.stack([*table[..., :2].transpose(2, 0, 1), -table[..., 3],
                                  -table[..., 2]], axis=-1)  # fmt: skip
            new[name][0, other] = table
    return new, static


def test_a_mirrored_pose_by_mirrored_tables_gets_mirrored_answers(motion):
    model, static = random_tables(3)
    static["a"] = np.array([1.0, 0.0, 0.0])
    bodies = wild_bodies(500, 5, motion)
    image = encode(decode(bodies)[:, list(MIRROR)] * torch.tensor(FLIP).float())
    found = from_records(model, static).limb_margins(bodies)
    other = from_records(*mirrored_tables(model, static)).limb_margins(image)[list(LIMB_MIRROR)]
    assert ((found >= 0) == (other >= 0)).float().mean() > 0.999
    child = list(CHILDREN)
    assert ((found[child] - other[child]).abs() < 0.05).float().mean() > 0.999


def test_a_pose_that_is_turned_as_a_whole_gets_the_same_answers(motion):
    model, static = random_tables(6)
    limits, bodies = from_records(model, static), wild_bodies(500, 7, motion)
    turn, _ = np.linalg.qr(np.random.default_rng(8).normal(size=(3, 3)))
    turn *= np.linalg.det(turn)
    turned = encode((decode(bodies).numpy() @ turn.T + [300.0, -200.0, 100.0]).astype(np.float32))
    assert (allowed(limits, bodies) == allowed(limits, turned)).mean() > 0.998


def test_a_pose_that_is_mirrored_without_its_tables_gets_other_answers(motion):
    """Were the frames of the wrong hand, the mirror image would pass for the pose itself."""
    model, static = random_tables(6)
    limits, bodies = from_records(model, static), wild_bodies(500, 7, motion)
    image = encode(decode(bodies) * torch.tensor(FLIP).float())
    assert (allowed(limits, bodies) == allowed(limits, image)).mean() < 0.9


def test_head_arms_and_thighs_outside_their_tables_are_rejected(motion):
    """Defect 1 of the reference: it compares where it should assign, and rejects none of them."""
    model, static = permissive()
    for limb in (0, 1, 3, 5, 7):
        model["angleSprd"][0, RECORD[limb]][:] = 0
    limits = from_records(model, static)
    found = allowed(limits, encode(motion))
    assert not found[[0, 1, 3, 5, 7]].any()
    assert found[list(CHILDREN)].all()
    assert (limits.margin(encode(motion)) < 0).all()


def test_a_knee_is_judged_by_the_direction_of_its_thigh(motion):
    model, static = permissive()
    record = RECORD[8]
    pointing_up = only_near(90.0, 0.0, 89.0).astype(bool)
    model["sepPlane"][0, record][pointing_up, 3] = 2.0
    limits, body = from_records(model, static), encode(motion[:1])
    hanging, upside = with_limb(body, 7, (0, 0, -1)), with_limb(body, 7, (0, 0, 1))
    assert limits.limb_margins(hanging)[8, 0] > 0
    assert limits.limb_margins(upside)[8, 0] < 0


def test_a_parent_that_was_never_seen_leaves_its_child_nothing(motion):
    model, static = permissive()
    for name in ("sepPlane", "E2", "bounds"):
        model[name][0, RECORD[4]][:] = np.nan
    margins = from_records(model, static).limb_margins(encode(motion))
    assert (margins[4] == -60).all()
    assert (margins[[0, 1, 2, 3, 5, 6, 7, 8]] > 0).all()


def test_a_parent_along_the_reference_direction_has_a_frame_all_the_same(motion):
    model, static = random_tables(9)
    static["a"] = np.array([0.0, 1.0, 0.0])
    limits = from_records(model, static)
    body = encode(motion[:60])
    for direction in ((0, 0, 1), (0, 0, -1)):
        straight = with_limb(with_limb(body, 3, direction), 1, direction)
        expected = np.array([slow_twin(p, model, static) for p in decode(straight).numpy()]).T
        assert (allowed(limits, straight)[[2, 4]] == expected[[2, 4]]).all()


def test_margins_of_a_limb_on_the_torso_are_degrees_to_the_edge_of_its_region(motion):
    """A thigh swings sideways out of the middle of a cap of 50 degrees about hanging down."""
    model, static = permissive()
    model["angleSprd"][0, RECORD[7]] = only_near(-90.0, 0.0, 50.0)
    angles = np.arange(-85.0, 86.0, 10.0)
    joints = np.repeat(motion[:1], len(angles), axis=0)
    across = joints[0, Joint.RHIP] - joints[0, Joint.LHIP]
    across /= np.linalg.norm(across)
    up = joints[0, Joint.THORAX] - joints[0, Joint.SPINE]
    up -= (up @ across) * across
    up /= np.linalg.norm(up)
    thighs = np.outer(np.sin(np.radians(angles)), across) - np.outer(np.cos(np.radians(angles)), up)
    joints[:, Joint.RKNEE] = joints[:, Joint.RHIP] + 400.0 * thighs
    margins = from_records(model, static).limb_margins(encode(joints))[7]
    np.testing.assert_allclose(margins, 50.0 - np.abs(angles), atol=4.0)


def test_margins_of_a_child_limb_are_degrees_to_its_plane(motion):
    """The plane n.b <= 0.5 lies 30 degrees above the equator, whichever way the parent points."""
    model, static = permissive()
    model["sepPlane"][0, RECORD[4]][:] = [3.0, 0.0, 0.0, -1.5]
    model["E2"][0, RECORD[4]][:] = [0.0, 1.0, 0.0]
    bends = torch.tensor([0.0, 20.0, 50.0, 70.0, 90.0, 120.0])
    joints = np.repeat(motion[:1], len(bends), axis=0)
    upper = joints[0, Joint.RELBOW] - joints[0, Joint.RSHOULDER]
    upper /= np.linalg.norm(upper)
    side = np.cross(upper, [0.3, 0.4, 0.2])
    side /= np.linalg.norm(side)
    turn = bends.deg2rad().numpy()[:, None]
    fore = np.cos(turn) * upper + np.sin(turn) * side
    joints[:, Joint.RWRIST] = joints[:, Joint.RELBOW] + 280.0 * fore
    margins = from_records(model, static).limb_margins(encode(joints))[4]
    torch.testing.assert_close(margins, (bends - 60.0).clamp(max=60.0), atol=0.05, rtol=0)


def test_many_bodies_are_judged_as_few_are(motion, monkeypatch):
    limits, bodies = from_records(*random_tables(2)), wild_bodies(100, 3, motion)
    whole = limits.limb_margins(bodies)
    monkeypatch.setattr(akhter_black, "_CHUNK", 32)
    torch.testing.assert_close(limits.limb_margins(bodies), whole, atol=1e-4, rtol=0)


def test_bodies_are_bred_within_these_limits(motion):
    model, static = permissive()
    model["angleSprd"][0, RECORD[1]] = only_near(0.0, 0.0, 80.0)
    limits = from_records(model, static)
    parents = Population.seeds(encode(motion))
    offspring = breed(
        parents,
        seed=1,
        generation=1,
        island=0,
        offspring=200,
        settings=BreedingSettings(),
        valid=limits.margin,
    )
    assert len(offspring.population) > 0 and offspring.rejected > 0
    assert (limits.margin(offspring.population.genomes) >= 0).all()


def test_poses_are_drawn_from_these_limits():
    model, static = random_tables(5)
    for record in (RECORD[child] for child in CHILDREN):
        model["bounds"][0, record][:] = [-0.6, 0.6, -0.6, 0.6]
    limits = from_records(model, static)
    assert (limits.margin(sample(limits, 64, 3)) >= 0).all()


def test_tables_survive_saving_and_loading(motion, tmp_path):
    limits = from_records(*random_tables(4))
    limits.save(tmp_path / "mine.npz")
    again = load_limits(tmp_path / "mine.npz")
    assert isinstance(again, AkhterBlackLimits)
    assert again.fingerprint() == limits.fingerprint() == limits.to("cpu").fingerprint()
    assert again.provenance == limits.provenance
    bodies = wild_bodies(50, 1, motion)
    assert torch.equal(again.limb_margins(bodies), limits.limb_margins(bodies))


def test_other_tables_have_another_fingerprint():
    model, static = random_tables(4)
    before = from_records(model, static).fingerprint()
    model["angleSprd"][0, RECORD[5]][60, 30] ^= 1
    assert from_records(model, static).fingerprint() != before


def test_limits_of_every_kind_are_loaded_from_where_they_are(tmp_path):
    assert load_limits() is default_limits()
    default_limits().save(tmp_path / "own.npz")
    assert isinstance(load_limits(tmp_path / "own.npz"), Limits)
    with pytest.raises(BadInput, match="nowhere.npz cannot be read"):
        load_limits(tmp_path / "nowhere.npz")


def test_a_users_own_files_are_read(motion, tmp_path):
    model, static = random_tables(7)
    np.save(tmp_path / "jointAngleModel_v2.npy", model)
    np.save(tmp_path / "staticPose.npy", static)
    limits = load_limits(tmp_path)
    assert limits.fingerprint() == from_records(model, static).fingerprint()
    assert "jointAngleModel_v2.npy" in limits.provenance


def test_a_file_that_holds_something_else_is_refused(tmp_path):
    np.save(tmp_path / "model.npy", np.array([{"a": 1}, 3], object))
    with pytest.raises(BadInput, match="model.npy should hold a dictionary, got ndarray"):
        load_akhter_black(tmp_path / "model.npy", tmp_path / "model.npy")
    with pytest.raises(BadInput, match="absent.npy"):
        load_akhter_black(tmp_path / "absent.npy", tmp_path / "model.npy")


def without(name: str):
    return lambda model, static: (model.pop(name, None), static.pop(name, None))


def record_becomes(name: str, record: int, value):
    return lambda model, static: model[name].__setitem__((0, record), value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (without("sepPlane"), "jointAngleModel_v2.npy should hold sepPlane, got __version__, ang"),
        (without("di"), "staticPose.npy should hold di, got a"),
        (
            record_becomes("angleSprd", 4, np.ones((120, 60))),
            r"record 4 of angleSprd should be \(121, 61\), got \(120, 60\)",
        ),
        (
            record_becomes("E2", 3, np.ones((121, 61, 4))),
            r"record 3 of E2 should be \(121, 61, 3\), got \(121, 61, 4\)",
        ),
        (record_becomes("bounds", 1, "text"), "record 1 of bounds should hold numbers, got str"),
        (
            record_becomes("sepPlane", 9, np.full((121, 61, 4), np.inf)),
            "sepPlane should hold finite numbers, got inf",
        ),
        (
            record_becomes("angleSprd", 0, np.full((121, 61), np.nan)),
            "angleSprd should hold yes or no, got nan",
        ),
        (
            lambda model, static: model.update(E2=model["E2"][:, :5]),
            "E2 should list 11 tables, got 5",
        ),
        (lambda model, static: static.update(a=[1.0, 2.0]), "a should hold 3 numbers, got 2"),
        (
            lambda model, static: static.update(a=[1.0, np.nan, 0.0]),
            "staticPose.npy: a should hold finite numbers",
        ),
        (
            lambda model, static: static.update(di=np.ones((3, 5))),
            r"di should be \(3, 16\), got \(3, 5\)",
        ),
    ],
)
def test_bad_files_are_told_in_a_sentence(change, sentence):
    model, static = permissive()
    change(model, static)
    with pytest.raises(BadInput, match=sentence) as refusal:
        from_records(model, static)
    assert "\n" not in str(refusal.value)
