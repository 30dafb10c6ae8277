"""Breeding: operators against their scalar twins, and a generation against its promises."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
import twins

from evoskeleton.errors import BadInput
from evoskeleton.evolution import breeding
from evoskeleton.evolution.breeding import BreedingSettings, Offspring, breed
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes, decode, encode
from evoskeleton.evolution.limits.tables import Limits, default_limits
from evoskeleton.evolution.operators.build import (
    LengthSettings,
    ShoulderSettings,
    mutate_lengths,
    mutate_shoulders,
    template_bodies,
)
from evoskeleton.evolution.operators.codes import code_to_name, codes_to_names
from evoskeleton.evolution.operators.crossover import CrossoverSettings, swap_branches, traded_limbs
from evoskeleton.evolution.operators.ground import GroundSettings, ground
from evoskeleton.evolution.operators.limbs import LimbSettings, mutate_limbs
from evoskeleton.evolution.operators.mirror import MirrorSettings, mirror_bodies
from evoskeleton.evolution.operators.orientation import (
    RotationSettings,
    TumbleSettings,
    bend_trunks,
    tumble_bodies,
    turn_bodies,
)
from evoskeleton.evolution.population import Population, generation_island_slot, ids
from evoskeleton.evolution.skeleton import BRANCHES, LIMBS, TORSO, Joint
from evoskeleton.evolution.toolbox import build_toolbox

NEVER = {name: {"rate": 0.0} for name in ("crossover", "limbs", "turn", "bend", "lengths")}


def same(left: Genomes, right: Genomes) -> bool:
    return all(
        torch.equal(getattr(left, field.name), getattr(right, field.name))
        for field in fields(Genomes)
    )


def anything(genomes: Genomes) -> torch.Tensor:
    return torch.ones(len(genomes))


def head_high(genomes: Genomes) -> torch.Tensor:
    """A made-up limit that refuses about half of all offspring: a pure function of one body."""
    return genomes.limbs[2, 0] * 10.0 - 9.5


def draws(count: int, **changes) -> Draws:
    return replace(Draws(5, 2, 1, slots=torch.arange(count)), **changes)


@pytest.fixture(scope="module")
def genomes(motion) -> Genomes:
    return encode(motion)


@pytest.fixture(scope="module")
def parents(genomes) -> Population:
    return Population.seeds(genomes)


def bred(parents, count=200, valid=anything, **settings) -> Offspring:
    chosen = BreedingSettings.parse(settings)
    return breed(
        parents,
        seed=11,
        generation=3,
        island=2,
        offspring=count,
        settings=chosen,
        valid=valid,
    )


def test_all_rates_at_zero_give_back_the_parents_bit_for_bit(parents):
    offspring = bred(parents, ground={"enabled": False}, **NEVER)
    place = {int(parent): index for index, parent in enumerate(parents.ids)}
    half = len(offspring.population) // 2
    raised_by = torch.cat(
        [offspring.population.mothers[:half], offspring.population.fathers[half:]]
    )
    origin = torch.tensor([place[int(parent)] for parent in raised_by])
    assert same(offspring.population.genomes, parents.genomes.take(origin))
    assert {code_to_name(int(code)) for code in offspring.population.operators} == {"copy"}


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_one_two_or_three_bodies_breed_with_and_without_crossover(parents, count, rate):
    few = parents.take(torch.arange(count))
    offspring = bred(few, count=7, crossover={"rate": rate})
    assert len(offspring.population) == 7
    assert torch.isfinite(offspring.joints).all()


def test_the_size_of_a_chunk_changes_no_bit(parents, monkeypatch):
    rates = {"mirror": {"rate": 0.5}, "tumble": {"rate": 0.2}}
    whole = bred(parents, count=333, valid=head_high, **rates)
    for chunk in (2, 14, 128):
        monkeypatch.setattr(breeding, "CHUNK", chunk)
        parts = bred(parents, count=333, valid=head_high, **rates)
        assert same(parts.population.genomes, whole.population.genomes)
        assert torch.equal(parts.population.ids, whole.population.ids)
        assert torch.equal(parts.joints, whole.joints)
    assert 0 < whole.rejected < whole.tried


def closest(part: str, left: Genomes, right: list) -> float:
    """The largest difference of one array from that of the twins."""
    ours = getattr(left, part).numpy()
    theirs = np.stack([np.array(getattr(body, part)) for body in right])
    if part in ("torso", "limbs"):
        return np.abs(ours - theirs.transpose(2, 1, 0)).max()
    return np.abs(ours - np.moveaxis(theirs, 0, -1)).max()


def twin_draws(slot: int) -> "twins.TwinDraws":
    return twins.TwinDraws(5, 2, 1, 0, slot)


def assert_same_as_twins(genomes: Genomes, bodies: list) -> None:
    for field in fields(Genomes):
        tolerance = 2e-2 if field.name in ("root", "lengths") else 2e-5
        assert closest(field.name, genomes, bodies) < tolerance, field.name


@pytest.mark.parametrize("rate", [1.0, 0.4])
def test_crossover_equals_its_scalar_twin(genomes, rate):
    settings = CrossoverSettings(rate=rate)
    mothers, fathers = genomes.take(torch.arange(120)), genomes.take(torch.arange(120, 240))
    daughters, sons = swap_branches(mothers, fathers, draws=draws(120), settings=settings)
    m, f = twins.bodies_of(mothers), twins.bodies_of(fathers)
    for children, own, other in ((daughters, m, f), (sons, f, m)):
        expected = [
            twins.swap_branches(own[i], other[i], twin_draws(i), settings) for i in range(120)
        ]
        assert_same_as_twins(children, expected)


@pytest.mark.parametrize(
    "batched, twin, settings",
    [
        (mutate_limbs, "mutate_limbs", LimbSettings()),
        (mutate_limbs, "mutate_limbs", LimbSettings(rate=1.0, sigma_deg=60.0)),
        (turn_bodies, "turn_body", RotationSettings(sigma_deg=20.0)),
        (turn_bodies, "turn_body", RotationSettings(axis="vertical", rate=1.0)),
        (bend_trunks, "bend_trunk", RotationSettings(sigma_deg=15.0)),
    ],
)
def test_a_mutation_equals_its_scalar_twin(genomes, batched, twin, settings):
    changed = batched(genomes, draws=draws(240), settings=settings)
    bodies = twins.bodies_of(genomes)
    one = getattr(twins, twin)
    assert_same_as_twins(changed, [one(b, twin_draws(i), settings) for i, b in enumerate(bodies)])


@pytest.mark.parametrize("template", [0.0, 0.5, 1.0])
def test_bone_length_mutation_equals_its_scalar_twin(genomes, template):
    settings = LengthSettings(
        rate=0.7, template=template, scale_sigma=0.1, bone_sigma=0.05, hip_sigma=0.1
    )
    some = genomes.take(torch.arange(5))
    table = replace(some, lengths=some.lengths * torch.tensor([0.8, 0.9, 1.0, 1.1, 1.2]))
    changed = mutate_lengths(genomes, draws=draws(240), settings=settings, templates=table)
    rows = table.lengths.T.double().tolist()
    expected = [
        twins.mutate_lengths(body, twin_draws(i), settings, rows)
        for i, body in enumerate(twins.bodies_of(genomes))
    ]
    assert_same_as_twins(changed, expected)


@pytest.mark.parametrize("lent", [False, True])
def test_shoulders_mutate_as_their_scalar_twins(genomes, lent):
    settings = ShoulderSettings(rate=0.7, up_sigma_deg=8.0, forward_sigma_deg=4.0)
    table = genomes.take(torch.tensor([3, 100, 200])) if lent else None
    changed = mutate_shoulders(genomes, draws=draws(240), settings=settings, templates=table)
    rows = [] if table is None else twins.bodies_of(table)
    expected = [
        twins.mutate_shoulders(body, twin_draws(i), settings, rows)
        for i, body in enumerate(twins.bodies_of(genomes))
    ]
    assert_same_as_twins(changed, expected)


def test_grounding_and_decoding_equal_their_scalar_twins(genomes):
    grounded, joints = ground(genomes, draws=draws(240), settings=GroundSettings())
    expected = [
        twins.ground(body, twin_draws(i), GroundSettings())
        for i, body in enumerate(twins.bodies_of(genomes))
    ]
    assert_same_as_twins(grounded, [body for body, _ in expected])
    assert np.abs(joints.numpy() - np.stack([places for _, places in expected])).max() < 2e-2


def test_a_generation_of_real_bodies_equals_the_scalar_twins_bred_one_by_one(cmu):
    parents = Population.seeds(encode(cmu.poses[::1500].copy()))
    settings = BreedingSettings(attempts=1)
    table = template_bodies(parents.genomes)
    offspring = breed(
        parents,
        seed=5,
        generation=2,
        island=1,
        offspring=60,
        settings=settings,
        valid=lambda bodies: settings.margin(default_limits(), bodies),
        toolbox=build_toolbox(settings, table),
    )
    limits, rows = twins.TwinLimits(default_limits()), table.lengths.T.double().tolist()
    bodies = twins.bodies_of(parents.genomes)
    people = offspring.population
    for i, number in enumerate(people.ids):
        slot = int(generation_island_slot(number)[2])
        raising = [bodies[int(people.mothers[i])], bodies[int(people.fathers[i])]]
        if slot >= 30:
            raising.reverse()
        margin, joints = twins.breed_one(
            *raising, twin_draws(slot), slot % 30, settings, rows, limits
        )
        assert margin == pytest.approx(float(people.margin[i]), abs=0.05)
        assert np.abs(joints - offspring.joints[i].numpy()).max() < 2e-2


def test_operators_leave_their_parents_as_they_were(parents):
    before = Population.from_arrays(parents.to_arrays())
    bred(parents, lengths={"rate": 1.0}, valid=head_high)
    assert same(before.genomes, parents.genomes)
    assert torch.equal(before.ids, parents.ids)


def test_results_are_ordinary_tensors_that_gradients_may_pass(parents):
    offspring = bred(parents)
    weight = torch.ones(3, requires_grad=True)
    (offspring.joints * weight).sum().backward()
    assert weight.grad is not None
    assert not offspring.population.genomes.limbs.is_inference()


def test_daughters_keep_their_mothers_torso_and_sons_their_fathers(genomes):
    mothers, fathers = genomes.take(torch.arange(120)), genomes.take(torch.arange(120, 240))
    fathers = replace(fathers, lengths=fathers.lengths * 1.1)
    daughters, sons = swap_branches(
        mothers, fathers, draws=draws(120), settings=CrossoverSettings()
    )
    torso = slice(0, len(TORSO))
    assert torch.equal(daughters.pelvis, mothers.pelvis) and torch.equal(sons.trunk, fathers.trunk)
    assert torch.equal(daughters.lengths[torso], mothers.lengths[torso])
    assert torch.equal(daughters.lengths[len(TORSO) :], fathers.lengths[len(TORSO) :])
    from_father = (daughters.limbs == fathers.limbs).all(0)
    from_mother = (daughters.limbs == mothers.limbs).all(0)
    assert (from_father | from_mother).all()


def test_the_neck_goes_with_the_head(genomes):
    settings = CrossoverSettings(branches=("Neck",))
    mothers, fathers = genomes.take(torch.arange(120)), genomes.take(torch.arange(120, 240))
    daughters, _ = swap_branches(mothers, fathers, draws=draws(120), settings=settings)
    assert torch.equal(daughters.neck, fathers.neck)
    assert torch.equal(daughters.limbs[:, 0], fathers.limbs[:, 0])
    assert torch.equal(daughters.limbs[:, 1:], mothers.limbs[:, 1:])


def test_every_branch_is_drawn_about_equally_often():
    traded = traded_limbs(draws(11_000), CrossoverSettings())
    patterns, counts = traded.T.unique(dim=0, return_counts=True)
    assert len(patterns) == len(BRANCHES)
    assert counts.min() > 850 and counts.max() < 1150


def test_limbs_mutate_at_the_given_rate_by_the_given_angle(genomes):
    many = genomes.take(torch.arange(20_000) % 240)
    settings = LimbSettings(rate=0.3, sigma_deg=10.0)
    changed = mutate_limbs(many, draws=draws(20_000), settings=settings)
    moved = (changed.limbs != many.limbs).any(0).float().mean()
    assert float(moved) == pytest.approx(0.3, abs=0.01)
    assert torch.allclose(changed.limbs.square().sum(0), torch.ones(9, 20_000), atol=1e-5)


def test_only_the_traded_branch_mutates_where_that_is_asked_for(genomes):
    settings = LimbSettings(rate=1.0, where="branch")
    crossover = CrossoverSettings(branches=("LElbow",))
    changed = mutate_limbs(genomes, draws=draws(240), settings=settings, crossover=crossover)
    moved = (changed.limbs != genomes.limbs).any(0).any(1)
    assert [LIMBS[i].name for i in moved.nonzero()[:, 0]] == ["left forearm"]


def turn_angles(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    trace = torch.einsum("ijn,ijn->n", before, after)
    return torch.acos(((trace - 1) / 2).clamp(-1, 1)).rad2deg()


@pytest.mark.parametrize("sigma", [5.0, 20.0])
def test_the_turn_of_the_body_obeys_its_sigma(genomes, sigma):
    many = genomes.take(torch.arange(20_000) % 240)
    settings = RotationSettings(rate=1.0, sigma_deg=sigma)
    changed = turn_bodies(many, draws=draws(20_000), settings=settings)
    spread = turn_angles(many.pelvis, changed.pelvis).square().mean().sqrt()
    assert float(spread) == pytest.approx(sigma, rel=0.03)


def test_a_turn_about_the_vertical_tilts_nobody(genomes):
    settings = RotationSettings(rate=1.0, axis="vertical")
    changed = turn_bodies(genomes, draws=draws(240), settings=settings)
    assert torch.allclose(decode(changed)[..., 2], decode(genomes)[..., 2], atol=1e-2)


def test_bone_lengths_mutate_at_the_given_rate_and_only_in_the_offspring(parents):
    """The published code mutates with one minus the rate, and the parents as well."""
    before = parents.genomes.lengths.clone()
    rates = NEVER | {"lengths": {"rate": 0.2}}
    offspring = bred(parents, count=4000, **rates)
    changed = [code_to_name(int(code)) == "lengths" for code in offspring.population.operators]
    assert np.mean(changed) == pytest.approx(0.2, abs=0.03)
    assert torch.equal(parents.genomes.lengths, before)


def test_left_and_right_bones_grow_alike(genomes):
    settings = LengthSettings(rate=1.0, scale_sigma=0.1, bone_sigma=0.1)
    changed = mutate_lengths(genomes, draws=draws(240), settings=settings)
    factors = changed.lengths / genomes.lengths
    names = [limb.name for limb in LIMBS]
    for name in ("upper arm", "forearm", "thigh", "shank"):
        left, right = (len(TORSO) + names.index(f"{side} {name}") for side in ("left", "right"))
        assert torch.allclose(factors[left], factors[right], atol=1e-6)
    assert factors.std(1).min() > 0.05


def test_template_bodies_lend_their_lengths(genomes):
    settings = LengthSettings(rate=1.0, scale_sigma=0.0, bone_sigma=0.0)
    one = genomes.take(torch.tensor([0, 0]))
    table = replace(one, lengths=one.lengths * torch.tensor([0.7, 1.3]))
    changed = mutate_lengths(genomes, draws=draws(240), settings=settings, templates=table)
    matches = (changed.lengths[:, :, None] == table.lengths[:, None]).all(0)
    assert matches.any(1).all() and matches.any(0).all()


def test_hips_vary_further_than_other_bones_where_that_is_asked_for(genomes):
    settings = LengthSettings(rate=1.0, scale_sigma=0.0, bone_sigma=0.03, hip_sigma=0.04)
    many = genomes.take(torch.arange(20_000) % 240)
    changed = mutate_lengths(many, draws=draws(20_000), settings=settings)
    spread = (changed.lengths / many.lengths).log().std(1)
    assert spread[:2].numpy() == pytest.approx(0.05, rel=0.03)
    assert spread[2:].numpy() == pytest.approx(0.03, rel=0.03)


def test_shoulders_rise_and_come_forwards_together_by_the_given_angles(genomes):
    settings = ShoulderSettings(rate=1.0, up_sigma_deg=6.0, forward_sigma_deg=0.0)
    one = genomes.take(torch.zeros(20_000, dtype=torch.int64))
    changed = mutate_shoulders(one, draws=draws(20_000), settings=settings)
    rise = torch.atan2(changed.torso[2], changed.torso[0].abs()).rad2deg()
    left, right = rise[4] - rise[4].mean(), rise[5] - rise[5].mean()
    assert float(left.std()) == pytest.approx(6.0, rel=0.03)
    assert torch.allclose(left, right, atol=0.1)
    assert torch.equal(changed.torso[:, :4], one.torso[:, :4])
    forwards = ShoulderSettings(rate=1.0, up_sigma_deg=0.0, forward_sigma_deg=6.0)
    changed = mutate_shoulders(one, draws=draws(20_000), settings=forwards)
    assert torch.equal(changed.torso[2], one.torso[2])
    assert torch.sign(changed.torso[1, 4] - one.torso[1, 4]).equal(
        torch.sign(changed.torso[1, 5] - one.torso[1, 5])
    )


def test_shoulders_of_template_bodies_do_not_drift_over_generations(parents):
    changes = {"shoulders": {"rate": 1.0, "up_sigma_deg": 5.0, "forward_sigma_deg": 0.0}}
    settings = BreedingSettings.parse(NEVER | changes)
    lent = template_bodies(parents.genomes.take(torch.tensor([0])))
    toolbox = build_toolbox(settings, lent)
    people = parents
    for generation in range(1, 9):
        people = breed(
            people,
            seed=3,
            generation=generation,
            island=0,
            offspring=2000,
            settings=settings,
            valid=lambda bodies: torch.ones(len(bodies)),
            toolbox=toolbox,
        ).population
    rise = torch.atan2(people.genomes.torso[2, 5], people.genomes.torso[0, 5]).rad2deg()
    assert float(rise.std()) == pytest.approx(5.0, rel=0.1)
    assert {code_to_name(int(code)) for code in people.operators} == {"shoulders"}


def test_the_lowest_joint_of_every_child_lies_near_the_floor_whichever_it_is(parents):
    """Feet, hands or head: the published code looks at stale joints and before the bones grow."""
    half_turn = torch.tensor([1.0, -1.0, -1.0])[:, None, None]
    upside_down = replace(parents.genomes, pelvis=parents.genomes.pelvis * half_turn)
    offspring = bred(
        Population.seeds(Genomes.concatenate([parents.genomes, upside_down])),
        count=2000,
        lengths={"rate": 1.0, "scale_sigma": 0.2},
    )
    lowest = offspring.joints[..., 2].amin(1)
    assert float(lowest.mean()) == pytest.approx(20.0, abs=0.5)
    assert float(lowest.std()) == pytest.approx(3.0, abs=0.3)
    touching = set(offspring.joints[..., 2].argmin(1).tolist())
    assert touching >= {Joint.LFOOT, Joint.RFOOT, Joint.HEAD}
    assert (
        np.abs(decode(offspring.population.genomes).numpy() - offspring.joints.numpy()).max() < 1e-2
    )


def test_feet_stay_on_the_ground_after_bones_have_grown(parents):
    offspring = bred(parents, **(NEVER | {"lengths": {"rate": 1.0, "scale_sigma": 0.2}}))
    feet = offspring.joints[:, [Joint.LFOOT, Joint.RFOOT], 2].amin(1)
    assert float((feet - 20.0).abs().max()) < 15.0


def test_torso_limbs_outside_the_limits_are_rejected(parents):
    """The published code never rejects a head, an upper arm or a thigh."""
    offspring = bred(parents, valid=Limits.constant(-1.0).margin)
    assert len(offspring.population) == 0 and offspring.joints.shape == (0, 17, 3)
    assert offspring.tried == offspring.rejected == 3 * 200
    assert (bred(parents, valid=head_high).population.genomes.limbs[2, 0] >= 0.949).all()


def test_a_failed_child_is_bred_again_by_the_same_parents(parents):
    once = bred(parents, valid=head_high, attempts=1)
    often = bred(parents, valid=head_high, attempts=5)
    kept = torch.isin(often.population.ids, once.population.ids)
    assert len(often.population) > len(once.population)
    assert same(often.population.take(kept).genomes, once.population.genomes)
    assert (often.population.ids[1:] > often.population.ids[:-1]).all()
    assert (often.population.margin >= 0).all()


def test_the_same_addresses_breed_the_same_offspring_and_others_another(parents):
    first, again = bred(parents), bred(parents)
    assert same(first.population.genomes, again.population.genomes)
    settings = BreedingSettings()
    other = breed(
        parents, seed=12, generation=3, island=2, offspring=200, settings=settings, valid=anything
    )
    assert not same(first.population.genomes, other.population.genomes)


def test_few_pairs_raise_many_children(parents):
    offspring = bred(parents, pairs=3, count=60)
    couples = torch.stack([offspring.population.mothers, offspring.population.fathers], dim=1)
    assert len(couples.unique(dim=0)) == 3


def test_children_know_their_parents_and_what_made_them(parents):
    offspring = bred(parents, **(NEVER | {"crossover": {"rate": 1.0}}))
    assert {code_to_name(int(code)) for code in offspring.population.operators} <= {
        "crossover",
        "copy",
    }
    assert torch.isin(offspring.population.mothers, parents.ids).all()
    generation, island, slot = generation_island_slot(offspring.population.ids)
    assert set(generation.tolist()) == {3} and set(island.tolist()) == {2}
    assert slot.tolist() == list(range(200))
    assert torch.isnan(offspring.population.error).all()


def test_a_population_survives_the_trip_through_numpy(parents):
    again = Population.from_arrays(parents.to_arrays() | {"joints": np.zeros(3)})
    assert same(again.genomes, parents.genomes) and torch.equal(again.ids, parents.ids)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"limbs": {"rate": 1.5}}, "limbs.rate: input should be less than or equal to 1, got 1.5"),
        ({"turn": {"rate": -0.1}}, "turn.rate: input should be greater than or equal to 0"),
        ({"crossover": {"branches": ["Tail"]}}, "no branch is called Tail, but Hip, RHip"),
        ({"lenghts": {}}, "unknown setting lenghts; did you mean lengths"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(BadInput, match=message):
        BreedingSettings.parse(settings)


def test_parents_of_different_number_are_refused(genomes):
    with pytest.raises(BadInput, match="fathers should be 240 like the mothers, got 3"):
        swap_branches(
            genomes,
            genomes.take(torch.arange(3)),
            draws=draws(240),
            settings=CrossoverSettings(),
        )


def test_an_empty_population_and_no_offspring_are_refused(parents):
    with pytest.raises(BadInput, match="an empty population cannot breed"):
        bred(parents.take(torch.arange(0)))
    with pytest.raises(BadInput, match="offspring should be at least 1, got 0"):
        bred(parents, count=0)


def test_an_island_that_does_not_fit_an_id_is_refused():
    with pytest.raises(BadInput, match=r"island should lie in \[0, 4096\), got 4096"):
        ids(1, 4096, torch.arange(2))


def test_a_mirrored_genome_is_the_genome_of_the_mirrored_joints(motion):
    swap = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]
    image = motion[:, swap] * np.array([-1.0, 1.0, 1.0], np.float32)
    genomes = encode(motion)
    draws = Draws(1, 1, 0, slots=torch.arange(len(motion)))
    settings = MirrorSettings(rate=1.0)
    mirrored, hit = mirror_bodies(genomes, draws=draws, settings=settings, who="mothers")
    assert hit.all()
    assert np.abs(decode(mirrored).numpy() - image).max() < 0.01
    for name in ("pelvis", "trunk", "limbs", "torso", "neck"):
        expected = getattr(encode(image), name)
        assert (getattr(mirrored, name) - expected).abs().max() < 1e-4, name


def test_children_of_mirrored_parents_say_so(motion):
    settings = BreedingSettings.parse(
        {
            "mirror": {"rate": 0.5},
            **{name: {"rate": 0} for name in ("crossover", "limbs", "turn", "bend", "lengths")},
            "ground": {"enabled": False},
        }
    )
    parents = Population.seeds(encode(motion))
    offspring = breed(
        parents,
        seed=1,
        generation=1,
        island=0,
        offspring=200,
        settings=settings,
        valid=lambda bodies: torch.ones(len(bodies)),
    )
    names = codes_to_names(offspring.population.operators)
    assert set(names) == {"mirror", "copy"}
    assert 70 < (names == "mirror").sum() < 130


def test_tumbled_bodies_lie_every_way_and_move_no_limb(motion):
    genomes = encode(np.tile(motion, (40, 1, 1)))
    draws = Draws(1, 1, 0, slots=torch.arange(len(genomes)))
    settings = TumbleSettings(rate=0.5)
    tumbled, hit = tumble_bodies(genomes, draws=draws, settings=settings)
    assert abs(float(hit.double().mean()) - 0.5) < 0.03
    assert torch.equal(tumbled.pelvis[..., ~hit], genomes.pelvis[..., ~hit])
    for name in ("root", "trunk", "torso", "limbs", "neck", "lengths"):
        assert getattr(tumbled, name) is getattr(genomes, name), name
    rotation = tumbled.pelvis[..., hit].double()
    assert torch.linalg.det(rotation.permute(2, 0, 1)).sub(1).abs().max() < 1e-5
    # Even over all rotations: every entry is even over [-1, 1], and none knows of another.
    entries = rotation.flatten(0, 1)
    assert entries.mean(1).abs().max() < 0.06
    assert (entries @ entries.T / entries.shape[1] - torch.eye(9) / 3).abs().max() < 0.05
    shares = torch.histc(entries[8], bins=4, min=-1, max=1) / entries.shape[1]
    assert (shares - 0.25).abs().max() < 0.04
    none, nobody = tumble_bodies(genomes, draws=draws, settings=TumbleSettings())
    assert none is genomes and not nobody.any()


def test_tumbled_children_say_so_and_keep_their_margin(motion):
    still = {name: {"rate": 0} for name in ("crossover", "limbs", "turn", "bend", "lengths")}

    def bred_at(rate: float):
        return breed(
            Population.seeds(encode(motion)),
            seed=1,
            generation=1,
            island=0,
            offspring=400,
            settings=BreedingSettings.parse({**still, "tumble": {"rate": rate}}),
            valid=lambda bodies: default_limits().margin(bodies, 9).abs(),
        )

    some, none = bred_at(0.25), bred_at(0.0)
    names = codes_to_names(some.population.operators)
    assert set(names) == {"tumble", "copy"}
    assert 60 < (names == "tumble").sum() < 140
    assert np.array_equal(names == "tumble", some.population.tumbled.numpy())
    assert torch.equal(some.population.margin, none.population.margin)
    lowest = some.joints[..., 2].amin(1)
    assert (lowest - 20).abs().max() < 20
    assert not Population.seeds(encode(motion)).tumbled.any()
