"""Joint limits: what real bodies do is allowed, what no body does is not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import CHILD_LIMBS, Genomes, encode
from evoskeleton.evolution.limits import sphere
from evoskeleton.evolution.limits.tables import (
    Limits,
    LimitSettings,
    bend_backwards,
    bends_deg,
    default_limits,
    fit_tables,
    judge,
)
from evoskeleton.evolution.rotations import normalize
from evoskeleton.evolution.skeleton import LIMB_MIRROR, LIMBS, Joint

TEST_SUBJECTS = ("CMU05", "CMU13", "CMU07", "CMU08")
COARSE = LimitSettings.parse({"body_grid": 33, "parent_grid": 9, "child_grid": 21})


@pytest.fixture(scope="module")
def limits() -> Limits:
    return default_limits()


@pytest.fixture(scope="module")
def bodies(motion) -> Genomes:
    return encode(motion)


def mirrored(genomes: Genomes) -> Genomes:
    flip = torch.tensor([-1.0, 1.0, 1.0])[:, None, None]
    return replace(genomes, limbs=genomes.limbs[:, LIMB_MIRROR] * flip)


def standing() -> np.ndarray:
    """One person who stands upright with arms hanging, (1, 17, 3) mm."""
    joints = np.zeros((1, 17, 3), np.float32)
    joints[0, Joint.HIP] = 0, 0, 880
    joints[0, Joint.SPINE] = 0, 10, 1100
    joints[0, Joint.THORAX] = 0, 0, 1333
    joints[0, Joint.NECK] = 0, 80, 1450
    joints[0, Joint.HEAD] = 0, 40, 1600
    sides = (
        (1, Joint.RHIP, Joint.RKNEE, Joint.RFOOT, Joint.RSHOULDER, Joint.RELBOW, Joint.RWRIST),
        (-1, Joint.LHIP, Joint.LKNEE, Joint.LFOOT, Joint.LSHOULDER, Joint.LELBOW, Joint.LWRIST),
    )
    for side, hip, knee, foot, shoulder, elbow, wrist in sides:
        joints[0, hip] = side * 90, 0, 880
        joints[0, knee] = side * 100, 10, 475
        joints[0, foot] = side * 105, -20, 40
        joints[0, shoulder] = side * 185, 0, 1300
        joints[0, elbow] = side * 230, -20, 1005
        joints[0, wrist] = side * 240, 40, 735
    return joints


def with_bent_knee(joints: np.ndarray, forward: float) -> Genomes:
    """The right shank turned about the knee so that the foot lies `forward` mm before it."""
    joints = joints.copy()
    joints[0, Joint.RFOOT] = joints[0, Joint.RKNEE] + [5, forward, -350]
    return encode(joints)


def sphere_of(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(3, count, generator=generator))


def bodies_with(limb: int, directions: torch.Tensor, like: Genomes) -> Genomes:
    """The first body of `like` once for each direction (3, n) of one limb."""
    copies = like.take(torch.zeros(directions.shape[1], dtype=torch.int64))
    limbs = copies.limbs.clone()
    limbs[:, limb] = directions
    return replace(copies, limbs=limbs)


def test_a_person_who_stands_upright_is_accepted(limits):
    assert limits.margin(encode(standing())).item() > 5.0


def test_a_knee_that_bends_backwards_is_rejected(limits):
    assert limits.margin(with_bent_knee(standing(), forward=-250)).item() > 0.0
    margins = limits.limb_margins(with_bent_knee(standing(), forward=250))[:, 0]
    assert margins[8] < -10.0
    assert margins[8] == margins.min()


def test_an_upper_arm_through_the_chest_is_rejected(limits):
    body = encode(standing())
    inwards = bodies_with(3, normalize(torch.tensor([[-1.0], [-0.6], [0.1]])), body)
    assert limits.limb_margins(inwards)[3].item() < 0.0


def test_mirrored_bodies_get_the_same_margins(limits, bodies):
    wild = replace(bodies, limbs=sphere_of(9 * len(bodies), 3).reshape(3, 9, -1))
    for genomes in (bodies, wild):
        swapped = limits.limb_margins(mirrored(genomes))[list(LIMB_MIRROR)]
        torch.testing.assert_close(limits.limb_margins(genomes), swapped, atol=1e-3, rtol=0)


@pytest.mark.parametrize("limb", range(9))
def test_the_margin_changes_little_where_the_direction_changes_little(limits, bodies, limb):
    directions = sphere_of(20_000, limb)
    nearby = normalize(directions + 0.002 * sphere_of(20_000, 100 + limb))
    before = limits.limb_margins(bodies_with(limb, directions, bodies))
    after = limits.limb_margins(bodies_with(limb, nearby, bodies))
    assert (before - after).abs().max() < 0.75


def test_the_least_limb_decides(limits, bodies):
    assert torch.equal(limits.margin(bodies), limits.limb_margins(bodies).min(0).values)


def test_a_body_is_judged_alone_and_in_a_crowd_alike(limits, bodies):
    crowd = bodies.take(torch.arange(20_000) % len(bodies))
    alone = torch.cat([limits.margin(bodies.take(torch.tensor([i]))) for i in range(20)])
    torch.testing.assert_close(limits.margin(crowd)[:20], alone, atol=1e-4, rtol=0)


def test_the_look_up_agrees_with_the_tables_at_their_vertices(limits, bodies):
    size = limits.body.shape[-1]
    vertices = torch.from_numpy(sphere.grid_directions(size).T).float()
    found = limits.limb_margins(bodies_with(7, vertices, bodies))[7]
    expected = limits.body[2].flatten() * sphere.STEP
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0)


def test_the_grid_look_up_agrees_with_a_slow_twin():
    size = 9
    table = torch.arange(-40, 41, dtype=torch.int8).reshape(size, size)
    directions = sphere_of(200, 5)
    row, column, along_rows, along_columns = sphere.locate(directions, size)
    words = sphere.pack(table)[row * (size - 1) + column]
    fast = sphere.unpack(words, sphere.corner_weights(along_rows, along_columns))
    for i in range(200):
        r, c, s, t = row[i], column[i], along_rows[i].item(), along_columns[i].item()
        corner = table[r : r + 2, c : c + 2].double() * sphere.STEP
        slow = (1 - s) * ((1 - t) * corner[0, 0] + t * corner[0, 1])
        slow += s * ((1 - t) * corner[1, 0] + t * corner[1, 1])
        assert fast[i].item() == pytest.approx(slow.item(), abs=1e-4)


def test_the_copies_of_a_direction_on_the_rim_of_the_grid_are_one_direction():
    grid = sphere.grid_directions(9).reshape(9, 9, 3)
    np.testing.assert_allclose(grid[0], grid[0, ::-1], atol=1e-12)
    np.testing.assert_allclose(grid[:, -1], grid[::-1, -1], atol=1e-12)


def test_signed_margins_of_a_cap_are_the_angles_to_its_rim():
    directions = sphere.grid_directions(33)
    away = np.degrees(np.arccos(np.clip(directions[:, 2], -1, 1)))
    found = sphere.signed_margins(40.0 - away, sphere.angles_between(directions))
    near = np.abs(40.0 - away) < 35.0
    np.testing.assert_allclose(found[near], (40.0 - away)[near], atol=1.5)


def test_an_all_forbidden_table_rejects_every_limb(bodies):
    margins = Limits.constant(-30).limb_margins(bodies)
    torch.testing.assert_close(margins, torch.full_like(margins, -30.0))


def test_an_all_allowed_table_accepts_everything(bodies):
    wild = replace(bodies, limbs=sphere_of(9 * len(bodies), 4).reshape(3, 9, -1))
    torch.testing.assert_close(Limits.constant(45).margin(wild), torch.full((len(wild),), 45.0))


def test_tables_survive_saving_and_loading(limits, bodies, tmp_path):
    limits.save(tmp_path / "limits.npz")
    again = Limits.load(tmp_path / "limits.npz")
    assert again.provenance == limits.provenance
    assert again.fingerprint() == limits.fingerprint()
    assert torch.equal(again.limb_margins(bodies), limits.limb_margins(bodies))


def test_other_tables_have_another_fingerprint(limits):
    child = limits.child.clone()
    child[1, 2, 3, 4, 5] += 1
    assert replace(limits, child=child).fingerprint() != limits.fingerprint()


def test_a_file_that_holds_no_limits_is_refused_in_a_sentence(limits, tmp_path):
    path = tmp_path / "limits.npz"
    with pytest.raises(BadInput, match="limits.npz cannot be read"):
        Limits.load(path)
    limits.save(path)
    whole = path.read_bytes()
    noise = whole[:3000] + bytes(255 - byte for byte in whole[3000:3040]) + whole[3040:]
    for broken in (
        b"",
        b"not a table",
        whole[: len(whole) // 2],
        whole[:3000] + whole[3100:],
        noise,
    ):
        path.write_bytes(broken)
        with pytest.raises(BadInput, match="limits.npz cannot be read"):
            Limits.load(path)
    np.savez(path, body=np.zeros((3, 5, 5)), child=np.zeros((2, 3, 3, 5, 5)), provenance="")
    with pytest.raises(BadInput, match="should hold int8 tables"):
        Limits.load(path)
    np.savez(path, body=np.zeros((3, 5, 4), np.int8), child=np.zeros(4, np.int8), provenance="")
    with pytest.raises(BadInput, match="should hold int8 tables"):
        Limits.load(path)


def test_pickled_objects_are_not_loaded(tmp_path):
    path = tmp_path / "limits.npz"
    np.savez(path, body=np.array([{}], object), child=np.zeros(1), provenance="")
    with pytest.raises(BadInput, match="cannot be read"):
        Limits.load(path)


def test_the_default_table_says_what_it_was_fitted_on(limits):
    assert "mocap.cs.cmu.edu" in limits.provenance
    assert "NSF EIA-0196217" in limits.provenance
    assert all(subject in limits.provenance for subject in TEST_SUBJECTS)
    assert default_limits() is limits


def test_a_small_seed_is_enough_for_a_fit_and_accepts_itself(motion, bodies):
    limits = fit_tables(motion, COARSE, source="a made-up walker")
    assert "240 poses: a made-up walker" in limits.provenance
    assert "small seed" in limits.provenance
    assert (limits.margin(bodies) >= 0).float().mean() > 0.99
    assert judge(limits, bodies).knees > 95.0


def test_a_single_pose_is_enough_for_a_fit(bodies):
    one = bodies.take(torch.tensor([0]))
    assert fit_tables(one, COARSE).margin(one).item() > 0.0


def test_a_fit_repeats(motion):
    assert fit_tables(motion, COARSE).fingerprint() == fit_tables(motion, COARSE).fingerprint()


def test_poses_that_cannot_be_fitted_are_refused(motion):
    with pytest.raises(BadInput, match="at least one pose"):
        fit_tables(motion[:0])
    with pytest.raises(BadInput, match=r"joints should be \(bodies, 17, 3\), got \(5, 16, 3\)"):
        fit_tables(motion[:5, :16])


def test_a_limb_bent_backwards_twice_is_back_where_it_was(bodies):
    again = bend_backwards(bend_backwards(bodies))
    torch.testing.assert_close(again.limbs, bodies.limbs, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        bends_deg(bend_backwards(bodies)), bends_deg(bodies), atol=1e-2, rtol=0
    )


def test_bends_are_the_angles_between_the_bones(motion, bodies):
    for slot, limb in enumerate(CHILD_LIMBS):
        start, end, top = LIMBS[limb].start, LIMBS[limb].end, LIMBS[LIMBS[limb].parent].start
        upper, lower = motion[:, start] - motion[:, top], motion[:, end] - motion[:, start]
        cosine = (upper * lower).sum(1)
        cosine /= np.linalg.norm(upper, axis=1) * np.linalg.norm(lower, axis=1)
        expected = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        np.testing.assert_allclose(bends_deg(bodies)[slot].numpy(), expected, atol=0.1)


@pytest.mark.parametrize("subject", TEST_SUBJECTS)
def test_real_poses_of_people_never_seen_are_accepted_and_backward_bends_rejected(
    limits, cmu, subject
):
    found = judge(limits, encode(cmu.poses[cmu.subject == subject]))
    assert found.accepted >= 97.0
    assert found.elbows >= 95.0
    assert found.knees >= 95.0


@pytest.mark.parametrize("limb", [1, 3, 5, 7])
def test_directions_30_degrees_away_from_all_data_are_rejected(limits, cmu, limb):
    everything = encode(cmu.poses).limbs
    flip = torch.tensor([-1.0, 1.0, 1.0])[:, None]
    seen = torch.cat([everything[:, limb], everything[:, LIMB_MIRROR[limb]] * flip], dim=1)
    seen = sphere.thinned(seen.T.double().numpy(), np.radians(0.25))
    grid = sphere.grid_directions(121)
    away = sphere.distances_to_samples(grid, sphere.tree(seen), 90.0) >= 30.0
    assert away.sum() > 1000
    directions = torch.from_numpy(grid[away].T).float()
    body = encode(cmu.poses[:1])
    assert (limits.limb_margins(bodies_with(limb, directions, body))[limb] < 0).all()
