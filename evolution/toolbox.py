"""The DEAP face: a Toolbox, Statistics and a Logbook that work on whole populations.

DEAP (Fortin et al. 2012, https://jmlr.org/papers/v13/fortin12a.html) names the parts of an
evolutionary algorithm; its vocabulary is kept and its objects per individual are left out. In the
toolbox of `build_toolbox`

- `select(draws, fitness, ids, size, winners)` gives places, see `selection.tournament`;
- `mirror(genomes, *, draws, who)` gives parents, some of them mirrored, and which, see
  `operators.mirror_bodies`;
- `mate(mothers, fathers, *, draws)` gives daughters and sons, see `operators.swap_branches`;
- `mutate(genomes, *, draws)` gives changed bodies, see `mutate`;
- `tumble(genomes, *, draws)` gives bodies, some of any orientation, and which, see
  `operators.tumble_bodies`;
- `ground(genomes, *, draws)` gives grounded bodies and their joints, see `operators.ground`;
- `store(genomes, *, draws)` gives bodies with builds for the table, and joints, see `store`;
- `evaluate(population)` gives (bodies,) fitness, see `objectives.fitness`.

Settings may name other functions of the same form as "module:function".
"""

import importlib
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from deap import base, tools
from pydantic import Field
from torch import Tensor

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.diversity import mean_angle_deg, occupied_share
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.operators import build as operators
from evoskeleton.evolution.operators.build import (
    CrossoverSettings,
    GroundSettings,
    LengthSettings,
    LimbSettings,
    MirrorSettings,
    RotationSettings,
    ShoulderSettings,
    TumbleSettings,
)
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.selection.objectives import fitness
from evoskeleton.evolution.selection.selection import tournament
from evoskeleton.settings import Settings

_NAME = Field(default=None, description="module:function to use instead; none: the built-in one")


class OperatorNames(Settings):
    """Functions of one's own, named as "module:function"."""

    select: str | None = _NAME
    mate: str | None = _NAME
    mutate: str | None = _NAME
    evaluate: str | None = _NAME


class ToolboxSettings(Settings):
    """The operators and their rates."""

    mirror: MirrorSettings = Field(
        default_factory=MirrorSettings, description="parents are mirrored, left for right"
    )
    crossover: CrossoverSettings = Field(
        default_factory=CrossoverSettings, description="pairs trade a branch of the body"
    )
    limbs: LimbSettings = Field(default_factory=LimbSettings, description="single limbs turn")
    turn: RotationSettings = Field(
        default_factory=lambda: RotationSettings(rate=0.5, sigma_deg=20.0),
        description="the whole body turns",
    )
    tumble: TumbleSettings = Field(
        default_factory=TumbleSettings, description="some bodies lie, fall or stand on their heads"
    )
    bend: RotationSettings = Field(
        default_factory=lambda: RotationSettings(rate=0.5, sigma_deg=15.0),
        description="the trunk bends",
    )
    lengths: LengthSettings = Field(
        default_factory=LengthSettings, description="bones get other lengths"
    )
    shoulders: ShoulderSettings = Field(
        default_factory=ShoulderSettings, description="shoulders sit higher or lower"
    )
    ground: GroundSettings = Field(
        default_factory=GroundSettings, description="the lowest joint is put near the floor"
    )
    operators: OperatorNames = Field(
        default_factory=OperatorNames, description="operators of one's own"
    )


def mutate(
    genomes: Genomes,
    *,
    draws: Draws,
    settings: ToolboxSettings,
    templates: Genomes | None = None,
) -> Genomes:
    """Limb mutation, turn of the body, bend of the trunk, lengths, shoulders: in this order."""
    genomes = operators.mutate_limbs(
        genomes, draws=draws, settings=settings.limbs, crossover=settings.crossover
    )
    genomes = operators.turn_bodies(genomes, draws=draws, settings=settings.turn)
    genomes = operators.bend_trunks(genomes, draws=draws, settings=settings.bend)
    if settings.lengths.when == "storing":
        return genomes
    return _rebuilt(genomes, draws, settings, templates)


def _rebuilt(
    genomes: Genomes, draws: Draws, settings: ToolboxSettings, templates: Genomes | None
) -> Genomes:
    """Bodies of another build: bone lengths, then shoulders."""
    genomes = operators.mutate_lengths(
        genomes, draws=draws, settings=settings.lengths, templates=templates
    )
    return operators.mutate_shoulders(
        genomes, draws=draws, settings=settings.shoulders, templates=templates
    )


def store(
    genomes: Genomes,
    *,
    draws: Draws,
    settings: ToolboxSettings,
    templates: Genomes | None = None,
) -> tuple[Genomes, Tensor]:
    """Bodies as the table gets them where `lengths.when` is "storing", as published.

    Their bone lengths and shoulders are mutated, and they are grounded anew; those that breed on
    stay as they are.

    Returns:
        The bodies, and their joints (bodies, 17, 3) in world mm.
    """
    genomes = _rebuilt(genomes, draws, settings, templates)
    return operators.ground(genomes, draws=draws, settings=settings.ground)


def build_toolbox(settings: ToolboxSettings, templates: Genomes | None = None) -> base.Toolbox:
    """The operators that the settings ask for, ready to travel to a worker.

    Args:
        settings: rates, and functions of one's own.
        templates: bodies that lend their build, see `operators.template_bodies`; none: offspring
            start from their own.

    Raises:
        BadInput: a named function cannot be imported or called.
    """
    named = settings.operators
    toolbox = base.Toolbox()
    toolbox.register("select", _own(named.select) or tournament)
    toolbox.register("mirror", operators.mirror_bodies, settings=settings.mirror)
    _register(toolbox, "mate", named.mate, operators.swap_branches, settings=settings.crossover)
    _register(toolbox, "mutate", named.mutate, mutate, settings=settings, templates=templates)
    toolbox.register("tumble", operators.tumble_bodies, settings=settings.tumble)
    toolbox.register("ground", operators.ground, settings=settings.ground)
    toolbox.register("store", store, settings=settings, templates=templates)
    toolbox.register("evaluate", _own(named.evaluate) or fitness)
    return toolbox


def _register(
    toolbox: base.Toolbox, alias: str, name: str | None, built_in: Callable[..., Any], **fixed: Any
) -> None:
    """Settings are bound to built-in operators; a user's own take draws alone."""
    own = _own(name)
    if own is None:
        toolbox.register(alias, built_in, **fixed)
    else:
        toolbox.register(alias, own)


def _own(name: str | None) -> Callable[..., Any] | None:
    return None if name is None else resolve(name)


def resolve(name: str) -> Callable[..., Any]:
    """The function that "module:function" names.

    Raises:
        BadInput: it has another form, is absent, or cannot be called.
    """
    module_name, colon, attribute = name.partition(":")
    if not (colon and module_name and attribute):
        raise BadInput(f"an operator should be named as module:function, got {name}")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise BadInput(f"operator {name}: {error}") from None
    found = getattr(module, attribute, None)
    if found is None:
        raise BadInput(f"operator {name}: {module_name} holds no {attribute}")
    if not callable(found):
        raise BadInput(f"operator {name} should be a function, got {type(found).__name__}")
    return found


class PopulationStatistics(tools.Statistics):
    """DEAP's Statistics whose functions see a population's arrays, not one object a body."""

    def compile(self, data: Population) -> dict[str, float]:
        """Every registered function of `key(data)`, by name."""
        values = self.key(data)
        return {name: float(function(values)) for name, function in self.functions.items()}


def statistics() -> PopulationStatistics:
    """What a generation's record says of its population; NaN where nothing is known."""
    record = PopulationStatistics()
    record.register("error_mean", lambda population: _known(population.error).mean())
    record.register("error_max", lambda population: _largest(population.error))
    record.register("margin_mean", lambda population: _known(population.margin).mean())
    record.register("margin_min", lambda population: -_largest(-population.margin))
    record.register("diversity_deg", lambda population: mean_angle_deg(population.genomes))
    record.register("occupied_share", lambda population: occupied_share(population.genomes))
    return record


def _known(values: Tensor) -> Tensor:
    return values[~values.isnan()].to(torch.float64)


def _largest(values: Tensor) -> float:
    known = _known(values)
    return float(known.max()) if len(known) else math.nan


def logbook() -> tools.Logbook:
    """An empty record of generations whose first column is the generation."""
    book = tools.Logbook()
    book.header = ["generation", *statistics().fields]
    return book


def logbook_to_rows(book: tools.Logbook) -> list[dict[str, Any]]:
    """Plain rows that JSON can hold: numbers that are not finite become null."""
    return [{name: _plain(value) for name, value in row.items()} for row in book]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | Tensor):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def rows_to_logbook(rows: Iterable[Mapping[str, Any]]) -> tools.Logbook:
    """The logbook of such rows; null becomes NaN again."""
    book = logbook()
    for row in rows:
        book.record(**{n: math.nan if value is None else value for n, value in row.items()})
    return book
