"""What breeding asks of a toolbox: the steps of a generation, each on whole populations.

Functions keep to DEAP's names. Whatever has these steps may breed; `toolbox.build_toolbox` makes
one out of settings. (bodies,) stands for the bodies of the argument, (pairs,) for couples.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from torch import Tensor

from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.selection.bands import BandSettings


class BreedingToolbox(Protocol):
    """The steps of a generation, with their settings bound to them."""

    def select(self, draws: Draws, fitness: Tensor, ids: Tensor, size: int, winners: int) -> Tensor:
        """Places (winners,) int64 of those who breed, see `selection.tournament`."""

    def mirror(self, genomes: Genomes, *, draws: Draws, who: str) -> tuple[Genomes, Tensor]:
        """Parents (bodies,), some of them mirrored, and (bodies,) bool which."""

    def mate(self, mothers: Genomes, fathers: Genomes, *, draws: Draws) -> tuple[Genomes, Genomes]:
        """Daughters and sons, (pairs,) each, see `operators.crossover`."""

    def mutate(self, genomes: Genomes, *, draws: Draws) -> tuple[Genomes, Tensor]:
        """Changed bodies, and (bodies,) int64 the bits of what has changed them."""

    def tumble(self, genomes: Genomes, *, draws: Draws) -> tuple[Genomes, Tensor]:
        """Bodies, some of any orientation, and (bodies,) bool which."""

    def ground(self, genomes: Genomes, *, draws: Draws) -> tuple[Genomes, Tensor]:
        """Grounded bodies, and their joints (bodies, 17, 3) in world mm."""

    def store(self, genomes: Genomes, *, draws: Draws) -> tuple[Genomes, Tensor]:
        """Bodies with the build that the table gets, and their joints (bodies, 17, 3), world mm."""

    def evaluate(self, population: Population, **objectives: Sequence[str]) -> Tensor:
        """Fitness (bodies,) float32, higher is fitter; a function of one's own takes no names."""

    def outside(self, population: Population, bands: Mapping[str, BandSettings]) -> Tensor:
        """(bodies,) bool: who lies outside a band, or has no score for it."""
