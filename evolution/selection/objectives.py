"""What makes a body fit to breed: one score, or several that are traded off as NSGA-II does."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import torch
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.custom_functions import expect_scores, resolve
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.selection import pareto
from evoskeleton.evolution.selection.bands import BandSettings, within

SCORED = ("error", "disagreement", "novelty", "margin", "resemblance")
"""Scores of a population that can be objectives; more is fitter."""

Own = Mapping[str, Callable[[Population], object]]
"""Objectives of one's own by "module:function", as they travelled to a worker."""


def _known(name: str) -> str:
    if name not in SCORED and ":" not in name:
        raise PydanticCustomError(
            "objective",
            "Input should be 'error', 'disagreement', 'novelty', 'margin' or 'resemblance'",
        )
    return name


Objective = Annotated[str, AfterValidator(_known)]
"""A score of a population, or a function of one's own, named as "module:function": it gets a
population and gives (bodies,) floats, more is fitter, NaN where nothing is known."""


def score(population: Population, name: str, own: Own | None = None) -> Tensor:
    """One objective of all bodies, (bodies,) float32; NaN where it is not known.

    Raises:
        BadInput: a function of one's own cannot be had, or gives something else.
    """
    if ":" not in name:
        return _score(population, name)
    function = (own or {}).get(name) or resolve(name)
    return expect_scores(name, function(population), len(population)).to(population.error)


def _score(population: Population, name: str) -> Tensor:
    found = getattr(population, name)
    assert isinstance(found, Tensor)
    return found


def fitness(
    population: Population, objectives: Sequence[str] = ("error",), own: Own | None = None
) -> Tensor:
    """Fitness (bodies,) float32, higher is fitter; NaN for bodies that are not scored.

    One objective is its own fitness. Several give minus the place in the order of NSGA-II.

    Raises:
        BadInput: no objective, or one of another name; one of one's own gives something else.
    """
    if not objectives or any(name not in SCORED and ":" not in name for name in objectives):
        raise BadInput(f"objectives should be some of {', '.join(SCORED)}, got {list(objectives)}")
    scores = [score(population, name, own) for name in objectives]
    return scores[0] if len(scores) == 1 else pareto.fitness(torch.stack(scores, 1), population.ids)


def outside_bands(
    population: Population, bands: Mapping[str, BandSettings], own: Own | None = None
) -> Tensor:
    """Which bodies (bodies,) bool are not to breed: those outside a band, or without its score."""
    outside = torch.zeros(len(population), dtype=torch.bool, device=population.ids.device)
    for name, band in bands.items():
        outside |= ~within(score(population, name, own), band)
    return outside
