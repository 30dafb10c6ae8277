"""Joint limits from published ranges of motion: ends of movements, hinges, seeds of few poses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import REST, encode, into_bone_frame
from evoskeleton.evolution.limits.ranges_of_motion import (
    END_POSITIONS,
    GREATEST_BEND,
    ROTATIONS,
    TOLERANCE_DEG,
    Rotation,
    fit_with_ranges,
    published_limits,
)
from evoskeleton.evolution.limits.sampling import sample, template_body
from evoskeleton.evolution.limits.tables import (
    Limits,
    LimitSettings,
    fit_tables,
    judge,
)
from evoskeleton.evolution.skeleton import LIMBS
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.search.campaign.driver import limits_of
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.seeding import CampaignPoses, begin
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.campaign.state import committed_state

COARSE = LimitSettings.parse({"body_grid": 33, "parent_grid": 9, "child_grid": 21})
TEST_SUBJECTS = ("CMU05", "CMU13", "CMU07", "CMU08")
ENDS = [(table, movement) for table in END_POSITIONS for movement in END_POSITIONS[table]]
TURNS = [(table, place) for table in ROTATIONS for place in range(len(ROTATIONS[table]))]


@pytest.fixture(scope="module")
def published() -> Limits:
    return published_limits()


@pytest.fixture(scope="module")
def exact() -> Limits:
    """The figures as they are published."""
    return published_limits(tolerance_deg=0.0)


def limb_of(name: str) -> int:
    return next(i for i, limb in enumerate(LIMBS) if limb.name in (name, f"right {name}"))


def margins_at(limits: Limits, table: str, directions: np.ndarray) -> np.ndarray:
    """Margins (n,) of a limb on the torso that points along (n, 3)."""
    body = template_body()
    limbs = body.limbs.repeat(1, 1, len(directions))
    limbs[:, limb_of(table)] = torch.from_numpy(directions.T).float()
    return limits.limb_margins(replace(body, limbs=limbs))[limb_of(table)].numpy()


def bent(limits: Limits, table: str, rotation: Rotation, turn: float, bend: float) -> float:
    """Margin of a right elbow or knee that bends while its parent is turned about itself.

    `turn` is lateral rotation and `bend` the bend, degrees.
    """
    turn, bend = np.radians((turn, bend))
    parent, zero, lateral = (np.array(axis) for axis in rotation[:3])
    aside = np.cos(turn) * zero + np.sin(turn) * lateral
    child = np.cos(bend) * parent + np.sin(bend) * aside
    limb = limb_of(table)
    straight, bone, own = (
        torch.tensor(axis)[:, None, None].double()
        for axis in (REST[LIMBS[limb].parent].copy(), parent, child)
    )
    limbs = template_body().limbs.clone()
    limbs[:, LIMBS[limb].parent] = bone[:, 0].float()
    limbs[:, limb] = into_bone_frame(bone, own, straight)[:, 0].float()
    return limits.limb_margins(replace(template_body(), limbs=limbs))[limb, 0].item()


@pytest.mark.parametrize(("table", "movement"), ENDS)
def test_a_published_end_position_lies_on_the_boundary(exact, published, table, movement):
    end = np.array([END_POSITIONS[table][movement]])
    assert abs(margins_at(exact, table, end)[0]) < 2.0
    assert abs(margins_at(published, table, end)[0] - TOLERANCE_DEG) < 2.0


@pytest.mark.parametrize(("table", "movement"), ENDS)
def test_beyond_an_end_position_nothing_is_allowed_and_before_it_all(exact, table, movement):
    """Ten degrees on, along the arc from the middle of the region."""
    middle = {"head": [0, 0, 1], "upper arm": [0.75, 0.6, -0.3], "thigh": [0, 0, -1]}[table]
    end = np.array(END_POSITIONS[table][movement])
    away = np.cross(np.cross(middle, end), end)
    away /= -np.linalg.norm(away) * np.sign(away @ middle)
    further, nearer = (
        np.cos(angle) * end + np.sin(angle) * away for angle in np.radians((10.0, -10.0))
    )
    assert margins_at(exact, table, further[None])[0] < -1.0
    assert margins_at(exact, table, nearer[None])[0] > 1.0


@pytest.mark.parametrize(("table", "place"), TURNS)
def test_a_bent_child_tells_how_far_its_parent_turns(exact, published, table, place):
    rotation = ROTATIONS[table][place]
    _, _, _, lateral, medial = rotation
    middle = (lateral - medial) / 2.0
    for end in (lateral, -medial):
        assert abs(bent(exact, table, rotation, end, 90.0)) < 5.0
    assert bent(exact, table, rotation, middle, 90.0) > 40.0
    for bend in (45.0, 90.0, 120.0):
        assert bent(published, table, rotation, middle + 180.0, bend) < -15.0


@pytest.mark.parametrize(("table", "place"), TURNS)
def test_elbows_and_knees_bend_as_far_as_published(exact, published, table, place):
    rotation = ROTATIONS[table][place]
    middle = (rotation.lateral_deg - rotation.medial_deg) / 2.0
    most = GREATEST_BEND[table]
    assert abs(bent(exact, table, rotation, middle, most)) < 2.0
    assert bent(published, table, rotation, middle, most + TOLERANCE_DEG + 6.0) < 0.0
    assert bent(published, table, rotation, middle, 0.0) > 5.0


def test_a_knee_bends_backwards_and_never_forwards(published):
    hanging, flexed = ROTATIONS["shank"][0], ROTATIONS["shank"][3]
    for thigh in (hanging, flexed):
        for turn in (-30.0, 0.0, 30.0):
            assert bent(published, "shank", thigh, turn, 60.0) > 5.0
            assert bent(published, "shank", thigh, turn + 180.0, 60.0) < -20.0


def test_whatever_is_drawn_bends_the_wrong_way_once_it_is_mirrored_across_the_parent(published):
    drawn = sample(published, 2000, seed=4)
    found = judge(published, drawn)
    assert found.accepted == 100.0
    assert found.elbows > 99.0
    assert found.knees > 99.0


def test_a_standing_body_is_well_within(published):
    assert published.margin(template_body()).item() > 5.0


def test_a_fit_with_ranges_allows_what_either_allows(motion):
    seeds, settings = encode(motion[:20]), COARSE
    both, own = fit_with_ranges(seeds, settings, "a walker"), fit_tables(seeds, settings)
    published = published_limits(settings)
    drawn = [sample(limits, 300, 1) for limits in (own, published, Limits.constant(30.0))]
    for bodies in drawn:
        expected = torch.maximum(own.limb_margins(bodies), published.limb_margins(bodies))
        found = both.limb_margins(bodies)
        assert (found >= expected - 1e-3).all()
        assert ((found >= 0) == (expected >= 0)).float().mean() > 0.99
    assert (own.margin(drawn[1]) < 0).any() and (published.margin(drawn[0]) < 0).any()
    assert "20 poses: a walker; and published ranges of motion" in both.provenance
    with pytest.raises(BadInput, match="at least one pose"):
        fit_with_ranges(motion[:0])


def test_35_poses_and_the_ranges_are_enough_for_other_people(cmu):
    """People that nothing was chosen on take no part; nor does the climber."""
    seeds = np.flatnonzero(cmu.subject == "CMU02")
    chosen = np.random.default_rng(0).choice(seeds, 35, replace=False)
    limits = fit_with_ranges(cmu.poses[chosen], COARSE)
    for subject in set(cmu.subject.tolist()) - {*TEST_SUBJECTS, "CMU01"}:
        found = judge(limits, encode(cmu.poses[cmu.subject == subject]))
        assert found.accepted >= 97.0, subject
        assert np.isnan(found.elbows) or found.elbows >= 95.0, subject
        assert found.knees >= 98.0, subject


def test_a_campaign_begins_with_limits_of_its_seeds_and_the_ranges(motion, tmp_path):
    poses = single_clip(motion[:40], "walker", "walk", "a")
    held: PoseSet = single_clip(motion[40:60], "walker", "walk", "b")
    settings = CampaignSettings.parse(
        {
            "name": "own",
            "home": str(tmp_path),
            "motion": {"seed": {"kind": "deepmimic"}},
            "search": {"limits": "ranges", "islands": 2},
        }
    )
    folder, table = CampaignFolder(str(tmp_path), "own"), PoseTable.create(str(tmp_path / "poses"))
    limits = limits_of(settings, poses)
    state = begin(settings, CampaignPoses(poses, held, held, poses), folder, table, limits)
    assert state.logbook[0]["seeds_outside_limits"] == 0.0
    resumed = committed_state(folder, table, pytest.fail)
    assert resumed is not None and resumed.generation == 0
    kept = Limits.load(folder.limits)
    assert kept.fingerprint() == limits.fingerprint()
    assert "on 40 poses: the seeds of campaign own; and published ranges" in kept.provenance
