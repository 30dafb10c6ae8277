"""Islands: populations that evolve side by side on Ray workers.

The number of islands belongs to the search, the number of workers to the machine. A worker keeps
nothing between calls: a step is a pure function of a population and of addresses (seed, generation,
island), so any worker can take any island, and a step that is repeated after a kill gives the same
rows.
"""

import math
from typing import Any

import numpy as np
import torch
from pydantic import Field

from evoskeleton.evolution import selection
from evoskeleton.evolution.akhter_black import JointLimits, load_limits
from evoskeleton.evolution.breeding import BreedingSettings, breed
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes, decode
from evoskeleton.evolution.plausibility import Plausibility, PlausibilitySettings
from evoskeleton.evolution.population import OPERATORS, Population, generation_island_slot
from evoskeleton.evolution.selection import best
from evoskeleton.evolution.toolbox import statistics
from evoskeleton.settings import Settings

Arrays = dict[str, np.ndarray]


class IslandSettings(Settings):
    """What one island does in one generation."""

    population: int | None = Field(
        512, ge=2, description="bodies an island keeps to breed from; none: everyone, for ever"
    )
    offspring: int = Field(1024, ge=1, description="offspring an island breeds in a generation")
    pairs_share: float | None = Field(
        None,
        gt=0,
        le=0.5,
        description="pairs as a share of the population, two offspring each, in place of offspring",
    )
    keep: float = Field(
        0.5, gt=0, le=1, description="share of the valid offspring that survives, hardest first"
    )
    tournament: int = Field(2, ge=1, description="bodies that compete for one place as a parent")
    breeding: BreedingSettings = Field(
        default_factory=BreedingSettings, description="operators and their rates"
    )
    plausibility: PlausibilitySettings = Field(
        default_factory=lambda: PlausibilitySettings(enabled=False),
        description="gate beside the joint limits: bodies that go through themselves or must fall",
    )

    def offspring_of(self, population: int) -> int:
        """How many offspring a population of that size is to have."""
        if self.pairs_share is None:
            return self.offspring
        return 2 * max(1, int(self.pairs_share * population))


class Island:
    """The steps of one island; holds what does not change: settings, limits, seed."""

    def __init__(
        self, settings: IslandSettings, limits: JointLimits, toolbox: Any, seed: int
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._toolbox = toolbox
        self._seed = seed
        self._plausibility = Plausibility(settings.plausibility)

    def breed(self, population: Arrays, generation: int, island: int) -> tuple[Arrays, Arrays]:
        """Offspring that the joint limits allow.

        Returns:
            The brood, with `joints` (offspring, 17, 3) world mm and the count `tried`; and the
            joints of the parents, for a lifter that has not seen them yet.
        """
        parents = Population.from_arrays(population)
        brood = breed(
            parents,
            seed=self._seed,
            generation=generation,
            island=island,
            offspring=self._settings.offspring_of(len(parents)),
            settings=self._settings.breeding,
            valid=self._margin,
            toolbox=self._toolbox,
        )
        arrays = brood.population.to_arrays() | {
            "joints": brood.joints.numpy(),
            "tried": np.array(brood.tried),
        }
        return arrays, {"joints": decode(parents.genomes).numpy()}

    def _margin(self, genomes: Genomes) -> torch.Tensor:
        """Degrees within the limits, or -1 for bodies without physical sense."""
        margin = self._limits.margin(genomes, self._settings.breeding.valid_limbs)
        if not self._settings.plausibility.enabled:
            return margin
        return margin.masked_fill(~(self._plausibility.margin(genomes) >= 0), -1.0)

    def select(
        self,
        population: Arrays,
        parent_scores: Arrays | None,
        brood: Arrays,
        scores: Arrays,
        generation: int,
        island: int,
    ) -> tuple[Arrays, dict[str, Any]]:
        """Survivors of the brood and the population that breeds next.

        The hardest `keep` of the brood survive and go into the table. The next parents are drawn
        by tournament from parents and survivors together, everyone at most once.

        Returns:
            The new population, and what the table and the logbook need: `columns` and `counts`.
        """
        parents = Population.from_arrays(population)
        if parent_scores is not None:
            parents = parents.scored(torch.tensor(parent_scores["error"]))
        children = Population.from_arrays(brood).scored(torch.tensor(scores["error"]))
        fitness = self._toolbox.evaluate(children)
        kept = best(fitness, children.ids, math.ceil(len(children) * self._settings.keep))
        kept = kept.sort().values
        survivors = children.take(kept)
        everyone = Population.concatenate([parents, survivors])
        chosen = self._toolbox.select(
            Draws(self._seed, generation, island),
            self._toolbox.evaluate(everyone),
            everyone.ids,
            size=self._settings.tournament,
            winners=min(self._settings.population or len(everyone), len(everyone)),
        )
        following = everyone.take(chosen.sort().values)
        joints = self._stored_joints(survivors, generation, island)
        joints = brood["joints"][kept.numpy()] if joints is None else joints
        columns = columns_of(survivors, joints, generation, island)
        columns["outside"] = scores["outside"][kept.numpy()]
        record = statistics().compile(following)
        counts = {
            "tried": int(brood["tried"]),
            "bred": len(children),
            "survivors": len(survivors),
            **{_recorded(name): float(value) for name, value in record.items()},
        }
        return following.to_arrays(), {"columns": columns, "counts": counts}

    def _stored_joints(
        self, survivors: Population, generation: int, island: int
    ) -> np.ndarray | None:
        """Joints with the bone lengths that only the table gets; none where all breed with theirs.

        The score in such a row is that of the body as it was bred.
        """
        if self._settings.breeding.lengths.when == "breeding":
            return None
        slots = generation_island_slot(survivors.ids)[2]
        draws = Draws(self._seed, generation, island, slots=slots)
        return self._toolbox.store(survivors.genomes, draws=draws)[1].numpy()


def _recorded(name: str) -> str:
    """Errors and margins are known of the new rows too, so those of the parents stand apart."""
    return f"population/{name}" if name.startswith(("error", "margin")) else name


def columns_of(population: Population, joints: np.ndarray, generation: int, island: int) -> Arrays:
    """What the pose table stores of a population."""
    rows = len(population)
    return {
        "id": population.ids.numpy(),
        "generation": np.full(rows, generation, np.int32),
        "island": np.full(rows, island, np.int32),
        "mother": population.mothers.numpy(),
        "father": population.fathers.numpy(),
        "operator": np.array(OPERATORS)[population.operators.numpy()],
        "poses": joints,
        "margin": population.margin.numpy(),
        "error": population.error.numpy(),
    }


def migrate(receiver: Arrays, donor: Arrays, migrants: int) -> Arrays:
    """The donor's best take the places of the receiver's worst; nobody lives twice on an island."""
    here, there = Population.from_arrays(receiver), Population.from_arrays(donor)
    moving = selection.migrants(there.error, there.ids, min(migrants, len(here)), known=here.ids)
    staying = best(here.error, here.ids, len(here) - len(moving))
    joined = Population.concatenate([here.take(staying), there.take(moving)])
    return joined.take(joined.ids.argsort()).to_arrays()


class IslandWorker:
    """An actor that takes the steps of whichever islands it is given.

    It is made of small values and of a file, so that it can be made again on another node.
    """

    def __init__(self, settings: IslandSettings, limits: str, toolbox: Any, seed: int) -> None:
        torch.set_num_threads(1)
        self._island = Island(settings, load_limits(limits), toolbox, seed)

    def breed(self, population: Arrays, generation: int, island: int) -> tuple[Arrays, Arrays]:
        """See `Island.breed`."""
        return self._island.breed(population, generation, island)

    def select(self, *arguments: Any) -> tuple[Arrays, dict[str, Any]]:
        """See `Island.select`."""
        return self._island.select(*arguments)

    def migrate(self, receiver: Arrays, donor: Arrays, migrants: int) -> Arrays:
        """See `migrate`."""
        return migrate(receiver, donor, migrants)
