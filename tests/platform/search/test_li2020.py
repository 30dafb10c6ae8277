"""The published method as a preset, and what is right where its code was wrong.

Each of the fourteen known defects of the published code has a test of its number.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial import procrustes

from evoskeleton.errors import BadInput
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes, decode, encode
from evoskeleton.evolution.limits.sphere import grid_directions
from evoskeleton.evolution.limits.tables import Limits, default_limits
from evoskeleton.evolution.operators.build import mutate_lengths, template_bodies
from evoskeleton.evolution.operators.orientation import turn_bodies
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.skeleton import LIMBS, Joint
from evoskeleton.evolution.toolbox import build_toolbox
from evoskeleton.lifting.cameras import sample_views
from evoskeleton.lifting.cascade import Cascade, CascadeSettings
from evoskeleton.lifting.lifter_training import LifterSettings
from evoskeleton.lifting.metrics import p_mpjpe
from evoskeleton.platform.data.formats.human36m import load_human36m, write_human36m
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.data.sources.subsets import draw_subset, parse_subset
from evoskeleton.platform.search.campaign.seeding import load_motion
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.workers.islands import Island, Survivors
from evoskeleton.platform.search.workers.scorers import Scores
from evoskeleton.settings import with_changes

PRESET = {"preset": "li2020", "motion": {"seed": {"kind": "deepmimic"}}}


def published(*changes: str) -> CampaignSettings:
    return CampaignSettings.parse(with_changes(PRESET, list(changes)))


def an_island(*changes: str, limits: Limits | None = None, templates=None) -> Island:
    settings = published(*changes).search.island
    toolbox = build_toolbox(settings.breeding, templates)
    return Island(settings, limits or Limits.constant(90.0), toolbox, seed=3)


@pytest.fixture(scope="module")
def genomes(motion) -> Genomes:
    return encode(motion)


@pytest.fixture(scope="module")
def parents(genomes) -> Population:
    return Population.seeds(genomes, default_limits().margin(genomes))


def draws(count: int, **changes) -> Draws:
    slots = torch.arange(count)
    return replace(Draws(seed=5, generation=1, island=0, slots=slots, pairs=slots), **changes)


def generation(island: Island, parents: Population) -> tuple[Population, Survivors]:
    """One generation of an island: parents and survivors, and what the table needs of the latter.

    Every body is harder than the one before it.
    """
    offspring, bodies = island.breed(parents, 1, 0)
    error = np.arange(len(offspring.population), dtype=np.float32)
    scores = Scores(error, disagreement=error * 0, outside=error * 0)
    return island.select(parents, None, offspring, bodies, scores, 1, 0)


def people(motion) -> PoseSet:
    parts = [
        single_clip(motion[start : start + size], f"S{subject}", "walk", f"clip{start}")
        for subject in (1, 5, 6, 7, 8)
        for start, size in ((0, 97), (100, 33), (140, 100))
    ]
    return PoseSet.concat(parts)


def test_a_pair_gives_two_children_and_everyone_stays(parents):
    following, survivors = generation(an_island(), parents)
    rows = survivors.rows
    assert survivors.tried == 2 * int(0.05 * len(parents))
    assert len(following) == len(parents) + len(rows)
    assert set(parents.ids.tolist()) <= set(following.ids.tolist())
    both = np.concatenate([rows.mother, rows.father])
    assert (np.unique(both, return_counts=True)[1] <= 2).all(), "parents are distinct"


def test_what_is_set_besides_the_preset_wins():
    settings = published("search.island.keep=0.5", "training.fit.preset=small")
    assert settings.search.island.keep == 0.5
    assert settings.search.island.population is None
    assert settings.training.fit.normalization == "per_pose"
    assert published().training.fit.normalization == "zscore"


def test_the_gate_asks_for_so_many_valid_limbs(genomes):
    limits = default_limits()
    margins = limits.limb_margins(genomes)
    broken = replace(genomes, limbs=-genomes.limbs)
    within = (limits.limb_margins(broken) >= 0).sum(0)
    for least in (1, 5, 9):
        assert torch.equal(limits.margin(broken, least) >= 0, within >= least)
    assert torch.equal(limits.margin(genomes, 1), margins.amax(0))


def test_a_campaign_ends_when_the_ratio_is_reached_and_not_before():
    search = published().search
    assert search.wanted(100) == 250
    assert not search.enough(1, 110, 100) and not search.enough(40, 249, 100)
    assert search.enough(41, 250, 100)
    assert search.enough(1001, 120, 100), "no search goes on for ever"
    assert search.progress(7, 130, 100) == (130, 250)


@pytest.mark.parametrize(
    ("text", "share", "subjects"),
    [
        ("0.01S1", 0.01, ("S1",)),
        ("S15", 1.0, ("S1", "S5")),
        ("S15678", 1.0, ("S1", "S5", "S6", "S7", "S8")),
        ("0.5 CMU02", 0.5, ("CMU02",)),
        ("S1+CMU02", 1.0, ("S1", "CMU02")),
        (".1S11", 0.1, ("S11",)),
    ],
)
def test_a_subset_is_read_for_any_subjects_names(text, share, subjects):
    known = ["S1", "S5", "S6", "S7", "S8", "S11", "CMU02"]
    assert parse_subset(text, known) == (share, subjects)


@pytest.mark.parametrize("text", ["S19", "0.0S1", "0.1", "anna", ""])
def test_a_subset_that_says_nothing_is_refused(text):
    with pytest.raises(BadInput, match="subset"):
        parse_subset(text, ["S1", "S5"])


def test_a_share_is_drawn_from_every_clip(motion):
    poses = people(motion)
    drawn = draw_subset(poses, "0.1S1", seed=0)
    sizes = {clip: int((drawn.clip == clip).sum()) for _, clip in drawn.clips()}
    assert sizes == {"clip0": 10, "clip100": 3, "clip140": 10}
    assert len(draw_subset(poses, "0.001S1", seed=0)) == 1


def test_defect_1_limbs_on_the_torso_are_rejected_too(genomes):
    limits = default_limits()
    directions = torch.tensor(grid_directions(25).T, dtype=torch.float32)
    bodies = genomes.take(torch.zeros(directions.shape[1], dtype=torch.int64))
    for number, limb in enumerate(LIMBS):
        limbs = bodies.limbs.clone()
        limbs[:, number] = directions
        rejected = (limits.margin(replace(bodies, limbs=limbs)) < 0).float().mean()
        assert 0.1 < rejected < 0.99, limb.name


def test_defect_1_nothing_invalid_is_ever_bred(parents):
    island = an_island("search.island.breeding.limbs.sigma_deg=90", limits=default_limits())
    offspring, *_ = island.breed(parents, 1, 0)
    children = offspring.population.genomes
    assert offspring.tried > len(children)
    assert (default_limits().limb_margins(children) >= 0).all()


@pytest.mark.parametrize("sigma", [10.0, 30.0])
def test_defect_2_the_turn_follows_its_sigma_and_keeps_bodies_upright(genomes, sigma):
    settings = published().search.island.breeding.turn.model_copy(
        update={"rate": 1.0, "sigma_deg": sigma}
    )
    many = genomes.take(torch.arange(4000) % len(genomes))
    turned = turn_bodies(many, draws=draws(4000), settings=settings)
    assert torch.allclose(turned.pelvis[2], many.pelvis[2], atol=1e-6), "heights stay"
    across = torch.einsum("ijn,ikn->jkn", turned.pelvis, many.pelvis)
    trace = across[0, 0] + across[1, 1] + across[2, 2]
    angle = ((trace - 1) / 2).clamp(-1, 1).arccos().rad2deg()
    assert float(angle.square().mean().sqrt()) == pytest.approx(sigma, rel=0.05)


def scaled(bodies: Genomes, factors: torch.Tensor | float) -> Genomes:
    return replace(bodies, lengths=bodies.lengths * factors)


@pytest.mark.parametrize("rate", [0.2, 0.8])
def test_defect_3_bone_lengths_change_at_their_rate_and_only_in_the_table(parents, rate):
    templates = scaled(parents.genomes.take(torch.tensor([0])), 1.2)
    change = f"search.island.breeding.lengths.rate={rate}"
    island = an_island(change, "search.island.pairs_share=0.5", templates=templates)
    before = parents.to_arrays()
    following, survivors = generation(island, parents)
    stored = encode(survivors.rows.poses).lengths
    changed = (stored / templates.lengths - 1).abs().amax(0) < 1e-3
    assert float(changed.float().mean()) == pytest.approx(rate, abs=0.1)
    bred_on = following.genomes.lengths
    assert not ((bred_on / templates.lengths - 1).abs().amax(0) < 1e-3).any()
    for name, array in parents.to_arrays().items():
        assert np.array_equal(array, before[name], equal_nan=True)


def test_defect_4_the_neck_follows_the_head_and_the_lowest_joint_stands(parents):
    templates = scaled(template_bodies(parents.genomes), 0.7)
    island = an_island("search.island.pairs_share=0.5", templates=templates)
    poses = generation(island, parents)[1].rows.poses
    lowest = poses[:, :, 2].min(axis=1)
    assert lowest.mean() == pytest.approx(20.0, abs=1.0)
    assert lowest.std() == pytest.approx(3.0, abs=0.8)
    assert neck_bends(poses).max() <= neck_bends(decode(parents.genomes).numpy()).max()


def neck_bends(poses: np.ndarray) -> np.ndarray:
    """Angle (n,) between the ways from the thorax to neck and head."""
    neck, head = (poses[:, joint] - poses[:, Joint.THORAX] for joint in (Joint.NECK, Joint.HEAD))
    cosine = (neck * head).sum(1) / np.linalg.norm(neck, axis=1) / np.linalg.norm(head, axis=1)
    return np.degrees(np.arccos(cosine)).round(2)


def test_defect_4_joints_that_are_not_among_the_17_never_decide_the_ground(motion, tmp_path):
    write_human36m(tmp_path / "mine.npy", single_clip(motion, "S1", "walk", "walk"))
    rows = np.load(tmp_path / "mine.npy", allow_pickle=True).item()
    (joints,) = (array.reshape(-1, 32, 3) for array in rows.values())
    assert np.array_equal(joints[:, :, 2].min(1), motion[:, :, 2].min(1))


@pytest.mark.parametrize("keep", [0.001, 0.5])
def test_defect_5_active_selection_keeps_the_hardest_and_at_least_one(parents, keep):
    island = an_island(f"search.island.keep={keep}")
    _, survivors = generation(island, parents)
    wanted = max(1, int(np.ceil(keep * survivors.bred)))
    assert len(survivors.rows) == wanted
    assert sorted(survivors.rows.error.tolist()) == list(range(survivors.bred))[-wanted:]


def test_defect_6_every_run_sees_the_same_subset(motion):
    poses = people(motion)
    first, again, other = (draw_subset(poses, "0.1S156", seed) for seed in (4, 4, 5))
    assert np.array_equal(first.poses, again.poses)
    assert not np.array_equal(first.frame, other.frame)


@pytest.mark.parametrize(
    ("text", "value"), [("False", False), ("no", False), ("true", True), ("True", True)]
)
def test_defect_7_false_is_false(text, value):
    settings = published(f"search.island.breeding.ground.enabled={text}")
    assert settings.search.island.breeding.ground.enabled is value


@pytest.mark.parametrize("bodies", [1, 2, 3])
@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_defect_8_tiny_populations_breed_with_and_without_crossover(parents, bodies, rate):
    few = parents.take(torch.arange(bodies))
    island = an_island(f"search.island.breeding.crossover.rate={rate}")
    following, survivors = generation(island, few)
    assert survivors.tried == 2
    assert len(following) == bodies + len(survivors.rows)


def test_defect_8_no_generations_at_all_are_allowed():
    search = published("search.generations=0", "search.extra_generations=0").search
    assert search.enough(0, 100, 100)


def test_defect_9_protocol_2_divides_by_the_joints_it_aligns():
    random = np.random.default_rng(1)
    target, predicted = random.normal(size=(2, 16, 3)) * 300
    found = p_mpjpe(predicted[None], target[None])
    left, right, _ = procrustes(target, predicted)
    scale = np.linalg.norm(target - target.mean(0))
    expected = np.linalg.norm(left - right, axis=1).mean() * scale
    assert found[0] == pytest.approx(expected, rel=1e-5)


def test_defect_9_the_answer_of_a_cascade_is_the_plain_sum_of_its_stages():
    cascade = Cascade(CascadeSettings(width=16, blocks=1, stages=3), seed=2).eval()
    features = torch.randn(5, 51, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        total = sum(stage(features) for stage in cascade.stages)
        assert torch.allclose(cascade(features), total, atol=1e-6)


def test_defect_10_a_subset_is_all_that_a_campaign_learns_from(motion, tmp_path):
    write_human36m(tmp_path / "train.npy", people(motion))
    source = {"kind": "human36m", "path": str(tmp_path / "train.npy"), "subset": "0.2S5"}
    settings = CampaignSettings.parse({"preset": "li2020", "motion": {"seed": source}})
    parts = load_motion(settings.motion, settings.seed, None)
    for poses in (parts.seed, parts.validation, parts.templates):
        assert set(poses.subject) == {"S5"}
    assert len(parts.seed) + len(parts.validation) == round(0.2 * 230)


def test_defect_11_baseline_and_evolved_lifter_see_the_same_views(motion):
    views, slots = LifterSettings.parse({}).views, torch.arange(64)
    few, many = (torch.from_numpy(motion[torch.arange(64) % size, 0]) for size in (7, 240))
    assert not torch.equal(few, many)
    seen, seen_later = (sample_views(hips, views, 9, slots) for hips in (few, many))
    assert torch.allclose(seen.rotation, seen_later.rotation, atol=1e-5)
    distances = [
        torch.linalg.vector_norm(cameras.position - hips, dim=1)
        for cameras, hips in ((seen, few), (seen_later, many))
    ]
    assert torch.allclose(*distances, atol=0.1)


def test_defect_11_evolved_poses_are_nobodys(motion, tmp_path):
    evolved = single_clip(motion, "evolved", "evolved", "evolved")
    with pytest.raises(BadInput, match="evolved"):
        write_human36m(tmp_path / "mine.npy", evolved)
    assert not (tmp_path / "mine.npy").exists()


def test_defect_12_an_export_never_overwrites_a_file(motion, tmp_path):
    path = tmp_path / "threeDPose_test.npy"
    write_human36m(path, single_clip(motion, "S9", "walk", "real"))
    before = path.read_bytes()
    with pytest.raises(BadInput, match="threeDPose_test.npy"):
        write_human36m(path, single_clip(motion[::-1].copy(), "S1", "walk", "evolved"))
    assert path.read_bytes() == before
    assert np.allclose(load_human36m(path).poses, motion, atol=1e-3)


def test_defect_14_a_share_is_not_the_first_rows(motion):
    poses = people(motion)
    drawn = draw_subset(poses, "0.2S1", seed=0)
    in_first_clip = drawn.frame[drawn.clip == "clip0"]
    assert in_first_clip.max() > 60 and in_first_clip.min() < 40


def test_mutated_lengths_are_those_of_one_template_body(genomes):
    settings = published().search.island.breeding.lengths
    templates = scaled(genomes.take(torch.tensor([0, 0, 0])), torch.tensor([0.8, 1.0, 1.2]))
    changed = mutate_lengths(
        genomes, draws=draws(len(genomes)), settings=settings, templates=templates
    )
    apart = (changed.lengths[:, :, None] - templates.lengths[:, None]).abs().amax(0)
    from_template = (apart == 0).any(1)
    untouched = (changed.lengths == genomes.lengths).all(0)
    assert (from_template | untouched).all()
    assert (apart == 0).any(0).all(), "every template is drawn"
