"""What every mutation keeps to: inherit the class, name the operator, and give strong settings."""

from dataclasses import fields, replace
from typing import Any

import pytest
import torch

from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes, encode
from evoskeleton.evolution.operators.catalogue import OperatorSettings
from evoskeleton.evolution.operators.entry import Mutation
from evoskeleton.evolution.toolbox import ToolboxSettings, built_in_step


def same(left: Genomes, right: Genomes) -> bool:
    return all(torch.equal(getattr(left, f.name), getattr(right, f.name)) for f in fields(Genomes))


class OperatorContract:
    """Tests of one mutation.

    Attributes:
        operator: its entry in the list.
        strong: settings with which it changes about every body that it is used on.
    """

    operator: Mutation
    strong: dict[str, Any]

    @pytest.fixture
    def genomes(self, motion) -> Genomes:
        return encode(motion)

    def applied(self, genomes: Genomes, slots: torch.Tensor, seed: int = 5, **changes) -> Genomes:
        """What the mutation makes of bodies whose draws have these slots."""
        settings = ToolboxSettings.parse({self.operator.name: self.strong | changes})
        step = built_in_step(self.operator, settings, genomes.take(torch.tensor([3, 100])))
        return step.apply(genomes, draws=Draws(seed, 2, 1, slots=slots))

    def test_it_has_its_settings_under_its_name(self):
        field = OperatorSettings.model_fields[self.operator.name]
        assert field.annotation is self.operator.settings and field.description

    def test_a_rate_of_zero_gives_back_the_parents_bit_for_bit(self, genomes):
        assert same(self.applied(genomes, torch.arange(240), rate=0.0), genomes)

    def test_it_leaves_its_argument_as_it_was(self, genomes):
        before = genomes.map(torch.clone)
        self.applied(genomes, torch.arange(240), rate=1.0)
        assert same(genomes, before)

    def test_the_same_seed_repeats_and_another_does_not(self, genomes):
        slots = torch.arange(240)
        first, again = (self.applied(genomes, slots, rate=0.5) for _ in range(2))
        assert same(first, again)
        assert not same(self.applied(genomes, slots, seed=6, rate=0.5), first)

    def test_neither_order_nor_the_size_of_a_batch_changes_a_bit(self, genomes):
        """Batches of a multiple of 64, as breeding fills them up."""
        some = genomes.take(torch.arange(192))
        whole = self.applied(some, torch.arange(192), rate=0.5)
        order = torch.arange(191, -1, -1)
        backwards = self.applied_with_templates_of(genomes, some, order)
        assert same(backwards.take(order), whole)
        last = self.applied_with_templates_of(genomes, some, torch.arange(128, 192))
        assert same(last, whole.take(torch.arange(128, 192)))

    def applied_with_templates_of(
        self, genomes: Genomes, some: Genomes, places: torch.Tensor
    ) -> Genomes:
        """Some bodies changed by themselves, on the template bodies of all."""
        settings = ToolboxSettings.parse({self.operator.name: self.strong | {"rate": 0.5}})
        step = built_in_step(self.operator, settings, genomes.take(torch.tensor([3, 100])))
        return step.apply(some.take(places), draws=Draws(5, 2, 1, slots=places))

    def test_it_changes_what_it_says_and_nothing_else(self, genomes):
        changed = self.applied(genomes, torch.arange(240), rate=1.0)
        for part in fields(Genomes):
            untouched = torch.equal(getattr(changed, part.name), getattr(genomes, part.name))
            assert untouched == (part.name not in self.operator.changes), part.name

    def test_it_leaves_bodies(self, genomes):
        """Finite numbers, bones with lengths, unit directions, rotations."""
        changed = self.applied(genomes, torch.arange(240), rate=1.0)
        assert all(bool(array.isfinite().all()) for array in vars(changed).values())
        assert float(changed.lengths.min()) > 0
        for directions in (changed.torso, changed.limbs):
            assert (directions.square().sum(0) - 1).abs().max() < 1e-4
        for rotation in (changed.pelvis, changed.trunk):
            product = torch.einsum("ijn,kjn->nik", rotation, rotation)
            assert (product - torch.eye(3)).abs().max() < 1e-4

    def test_bodies_of_nothing_stay_nothing(self, genomes):
        nobody = genomes.take(torch.arange(0))
        settings = ToolboxSettings.parse({self.operator.name: self.strong})
        step = built_in_step(self.operator, settings, genomes)
        assert len(step.apply(nobody, draws=Draws(5, 2, 1, slots=torch.arange(0)))) == 0

    def test_template_bodies_are_left_as_they_were(self, genomes):
        lent = genomes.take(torch.tensor([3]))
        lent = replace(lent, lengths=lent.lengths * 1.1)
        before = lent.map(torch.clone)
        settings = ToolboxSettings.parse({self.operator.name: self.strong | {"rate": 1.0}})
        step = built_in_step(self.operator, settings, lent)
        step.apply(genomes, draws=Draws(5, 2, 1, slots=torch.arange(240)))
        assert same(lent, before)
