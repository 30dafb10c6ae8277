"""Fitting, showing and sampling joint limits as the command line does."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from evoskeleton.console.limits import judgement_table
from evoskeleton.errors import BadInput
from evoskeleton.evolution.hierarchy import decode, encode
from evoskeleton.evolution.limits.sampling import template_body
from evoskeleton.evolution.limits.tables import Limits, LimitSettings, default_limits
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.platform.data.poses import PoseSet, check_poses, single_clip
from evoskeleton.platform.record.limit_maps import (
    BIN_DEG,
    TABLES,
    angle_histograms,
    bin_areas,
    bin_directions,
    direction_maps,
    limb_of,
    limit_map,
    margins_on_map,
)
from evoskeleton.platform.record.limit_report import (
    fit_limits,
    sample_poses,
    show_limits,
)

COARSE = LimitSettings.parse({"body_grid": 33, "parent_grid": 9, "child_grid": 21})


@pytest.fixture(scope="module")
def people(motion) -> PoseSet:
    """Anna walks and waves; of Ben there is a moment only."""
    anna, ben = (
        single_clip(motion, "Anna", "walk", "a"),
        single_clip(motion[:8], "Ben", "walk", "b"),
    )
    return PoseSet.concat([anna, ben])


def titles(figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def test_a_fit_judges_every_subject_and_writes_the_tables(people, tmp_path):
    rows = fit_limits(people, tmp_path / "own.npz", "two people", ["Anna"], COARSE)
    assert [(r.subject, r.poses, r.left_out) for r in rows] == [
        ("Anna", 240, True),
        ("Ben", 8, False),
    ]
    assert rows[1].judgement.accepted > 99.0 > rows[0].judgement.accepted
    limits = Limits.load(tmp_path / "own.npz")
    assert "8 poses: two people; left out: Anna" in limits.provenance
    assert (limits.margin(encode(people.poses[240:])) >= 0).float().mean() > 0.99


def test_published_ranges_make_up_for_what_a_small_seed_lacks(people, tmp_path):
    strict, wide = (
        fit_limits(people, tmp_path / "own.npz", "x", ["Anna"], COARSE, ranges=ranges)[0].judgement
        for ranges in (False, True)
    )
    assert strict.accepted < 90.0 and wide.accepted == 100.0
    assert wide.knees == 100.0
    assert "published ranges" in Limits.load(tmp_path / "own.npz").provenance


def test_the_judgement_is_printed_a_line_a_subject(people, tmp_path):
    rows = fit_limits(people, tmp_path / "own.npz", "x", ["Anna"], COARSE)
    lines = judgement_table(rows).splitlines()
    assert lines[0].startswith("subject  poses   accepted")
    assert re.fullmatch(r"Anna +240 +\d+\.\d\d % +.* %  left out", lines[1])
    assert re.match(r"Ben +8 +1?\d+\.\d\d % ", lines[2])
    assert not lines[2].endswith("left out")


def test_what_cannot_be_fitted_is_told(people, tmp_path):
    with pytest.raises(BadInput, match="there is no subject Cleo, but Anna, Ben"):
        fit_limits(people, tmp_path / "own.npz", "x", ["Cleo"], COARSE)
    with pytest.raises(BadInput, match="should leave a subject to fit on, got Anna, Ben"):
        fit_limits(people, tmp_path / "own.npz", "x", ["Anna", "Ben"], COARSE)
    with pytest.raises(BadInput, match="own.npz cannot be written: No such file"):
        fit_limits(people.take(np.arange(5)), tmp_path / "nowhere" / "own.npz", "x", [], COARSE)


def test_sampled_poses_are_a_set_like_any_other():
    poses = sample_poses(None, 100, 3)
    check_poses(poses)
    assert set(poses.subject.tolist()) == set(poses.clip.tolist()) == {"sampled"}
    assert poses.poses.dtype == np.float32 and poses.frame.tolist() == list(range(100))
    assert default_limits().margin(encode(poses.poses)).min() > -0.1
    few = sample_poses(None, 10, 3)
    assert np.array_equal(few.poses, poses.poses[:10])


def test_poses_are_sampled_from_tables_of_ones_own(people, tmp_path):
    fit_limits(people, tmp_path / "own.npz", "two people", [], COARSE)
    poses = sample_poses(tmp_path / "own.npz", 64, 1)
    assert Limits.load(tmp_path / "own.npz").margin(encode(poses.poses)).min() > -0.1
    with pytest.raises(BadInput, match="other.npz cannot be read"):
        sample_poses(tmp_path / "other.npz", 64, 1)


def test_the_figures_of_two_sets_are_written(people, tmp_path):
    before = people.take(people.subject == "Ben")
    paths = show_limits(None, before, people, tmp_path / "new" / "figures")
    assert [path.name for path in paths] == ["limits.png", "directions.png", "angles.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_the_limits_alone_are_shown_without_poses(tmp_path):
    assert [path.name for path in show_limits(None, None, None, tmp_path)] == ["limits.png"]


def test_figures_that_cannot_be_written_are_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInput, match="file cannot be written"):
        show_limits(None, None, None, tmp_path / "file")


def test_bins_are_three_degrees_and_cover_the_sphere():
    directions = bin_directions()
    assert directions.shape == (3, 180 // BIN_DEG, 360 // BIN_DEG) == (3, 60, 120)
    assert (bin_areas() * np.ones((60, 120))).sum() == pytest.approx(1.0)
    x, y, z = directions[:, 30, 90]
    assert np.degrees(np.arctan2(y, x)) == pytest.approx(91.5)
    assert np.degrees(np.arcsin(z)) == pytest.approx(1.5)


@pytest.mark.parametrize("table", TABLES)
def test_a_map_holds_the_margins_of_the_limits(table):
    limits, body = default_limits(), template_body()
    margins = margins_on_map(limits, table)
    for row, column in ((3, 40), (30, 90), (50, 7)):
        limbs = body.limbs.clone()
        limbs[:, limb_of(table), 0] = torch.tensor(bin_directions()[:, row, column]).float()
        expected = limits.limb_margins(replace(body, limbs=limbs))[limb_of(table), 0]
        assert margins[row, column] == pytest.approx(expected.item(), abs=0.01)


def test_the_map_of_a_child_limb_is_that_of_its_parents_direction():
    limits = default_limits()
    hanging, raised = ([[0.0, 0.1, -1.0]], [[0.0, 1.0, 0.2]])
    one, other = (margins_on_map(limits, "shank", np.array(p)) for p in (hanging, raised))
    both = margins_on_map(limits, "shank", np.array(hanging + raised))
    assert np.abs(one - other).max() > 5.0
    assert np.array_equal(both, np.maximum(one, other))


def test_the_shares_of_what_is_allowed_stand_above_the_maps():
    everything, nothing = (titles(limit_map(Limits.constant(m))) for m in (30.0, -30.0))
    assert len(everything) == len(nothing) == 5
    assert all("100.0 % of all directions allowed" in title for title in everything)
    assert all("\n0.0 % of all directions allowed" in title for title in nothing)


def test_a_parents_direction_can_be_stated():
    figure = limit_map(default_limits(), parents={"shank": (0.0, 1.0, 0.0)})
    assert "on a right thigh azimuth 90°, elevation 0°" in titles(figure)[4]
    with pytest.raises(BadInput, match="parent of the forearm should be 3 numbers, not all 0"):
        limit_map(default_limits(), parents={"forearm": (0.0, 0.0, 0.0)})


def test_limbs_of_both_sides_are_counted_in_the_bin_they_point_to():
    """The right arm forwards, the left arm backwards: azimuth 90 and -90."""
    body = template_body()
    limbs = body.limbs.clone()
    limbs[:, 3, 0] = torch.tensor([0.0, 1.0, 0.02])
    limbs[:, 1, 0] = torch.tensor([0.0, -1.0, 0.02])
    figure = angle_histograms(decode(replace(body, limbs=limbs)).numpy())
    shares = figure.axes[2 * TABLES.index("upper arm")].patches[0].get_data().values
    assert shares.sum() == pytest.approx(100.0)
    assert set(np.flatnonzero(shares > 1).tolist()) <= {29, 30, 89, 90}
    assert shares[29:31].sum() == pytest.approx(50.0)


def test_limbs_outside_are_counted_above_the_maps(motion):
    back = motion.copy()
    back[:, Joint.RFOOT] = back[:, Joint.RKNEE] + [0.0, 0.0, 400.0]
    back[:, Joint.LFOOT] = back[:, Joint.LKNEE] + [0.0, 0.0, 400.0]
    shown = titles(direction_maps(Limits.constant(-5.0), motion, back))
    assert len(shown) == 10
    assert all("100.0 % of the limbs outside" in title for title in shown)
    shown = titles(direction_maps(default_limits(), motion, back))
    assert "shank, before" in shown[8] and "none of the limbs outside" in shown[8]
    assert "shank, after" in shown[9] and "none" not in shown[9]


def test_poses_that_cannot_be_drawn_are_told(motion):
    with pytest.raises(BadInput, match="after should hold at least one pose"):
        direction_maps(default_limits(), motion, motion[:0])
    with pytest.raises(BadInput, match=r"before should be \(poses, 17, 3\), got \(240, 16, 3\)"):
        angle_histograms(motion[:, :16])
    with pytest.raises(BadInput, match="before or after should be given"):
        direction_maps(default_limits(), None, None)
