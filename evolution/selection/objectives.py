"""What makes a body fit to breed: one score, or several that are traded off as NSGA-II does."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.selection import pareto
from evoskeleton.evolution.selection.bands import BandSettings, within

Objective = Literal["error", "disagreement", "novelty", "margin"]
"""Scores of a population that can be objectives; more is fitter."""


def fitness(population: Population, objectives: Sequence[Objective] = ("error",)) -> Tensor:
    """Fitness (bodies,) float32, higher is fitter; NaN for bodies that are not scored.

    One objective is its own fitness. Several give minus the place in the order of NSGA-II.

    Raises:
        BadInput: no objective, or one of another name.
    """
    known = get_args(Objective)
    if not objectives or set(objectives) - set(known):
        raise BadInput(f"objectives should be some of {', '.join(known)}, got {list(objectives)}")
    scores = [getattr(population, name) for name in objectives]
    return scores[0] if len(scores) == 1 else pareto.fitness(torch.stack(scores, 1), population.ids)


def outside_bands(population: Population, bands: Mapping[Objective, BandSettings]) -> Tensor:
    """Which bodies (bodies,) bool are not to breed: those outside a band, or without its score."""
    outside = torch.zeros(len(population), dtype=torch.bool, device=population.ids.device)
    for name, band in bands.items():
        outside |= ~within(getattr(population, name), band)
    return outside
