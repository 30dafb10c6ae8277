"""The DEAP face: a Toolbox, Statistics and a Logbook that work on whole populations.

DEAP (Fortin et al. 2012, https://jmlr.org/papers/v13/fortin12a.html) names the parts of an
evolutionary algorithm; its vocabulary is kept and its objects per individual are left out. What a
toolbox does is listed in `breeding_toolbox`.

Settings may name other functions of the same form as "module:function".
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial

import torch
from deap import base, tools
from pydantic import ConfigDict, Field, field_validator
from torch import Tensor

from evoskeleton.evolution.archive.diversity import mean_angle_deg, occupied_share
from evoskeleton.evolution.breeding_toolbox import BreedingToolbox
from evoskeleton.evolution.chance import Draws, hits
from evoskeleton.evolution.custom_functions import (
    OwnFunction,
    asked_for,
    expect_genomes,
    expect_pairs,
    expect_scores,
    own_settings,
    resolve,
)
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.operators.catalogue import MUTATIONS, OperatorSettings
from evoskeleton.evolution.operators.codes import FIRST_OWN, MOST_OWN
from evoskeleton.evolution.operators.crossover import swap_branches
from evoskeleton.evolution.operators.entry import Mutation
from evoskeleton.evolution.operators.ground import ground
from evoskeleton.evolution.operators.mirror import mirror_bodies
from evoskeleton.evolution.operators.orientation import tumble_bodies
from evoskeleton.evolution.population import Population
from evoskeleton.evolution.selection.objectives import fitness, outside_bands
from evoskeleton.evolution.selection.selection import tournament
from evoskeleton.settings import Settings

_NAME = Field(default=None, description="module:function to use instead; none: the built-in one")


class OperatorNames(Settings):
    """Functions of one's own, named as "module:function"."""

    select: str | None = _NAME
    mate: str | None = _NAME
    mutate: str | None = _NAME
    evaluate: str | None = _NAME


class MutationSettings(Settings):
    """A mutation of one's own; its other keys are its settings."""

    model_config = ConfigDict(extra="allow")

    use: str = Field(description="the function, as module:function")
    rate: float = Field(
        1.0, ge=0, le=1, description="probability that a body is changed by the function"
    )

    @property
    def options(self) -> dict[str, object]:
        """The keys that are the function's own."""
        return dict(self.model_extra or {})


class ToolboxSettings(OperatorSettings):
    """The operators and their rates, and those of one's own."""

    operators: OperatorNames = Field(
        default_factory=OperatorNames,
        description="functions of your own in place of whole steps of breeding",
    )
    mutations: tuple[MutationSettings, ...] = Field(
        (),
        max_length=MOST_OWN,
        description="mutations of your own, after the built-in ones: `use` is module:function, "
        "`rate` how often it is used; other keys are its settings",
    )

    @field_validator("mutations")
    @classmethod
    def _each_once(cls, mutations: tuple[MutationSettings, ...]) -> tuple[MutationSettings, ...]:
        names = [mutation.use for mutation in mutations]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"every mutation should be named once, but {twice[0]} is named twice")
        return mutations

    @property
    def own_mutations(self) -> tuple[str, ...]:
        """Names of the mutations of one's own, in the order of their bits."""
        return tuple(mutation.use for mutation in self.mutations)

    @property
    def own_functions(self) -> tuple[str, ...]:
        """Names of all functions of one's own, each once."""
        replacing = filter(None, self.operators.model_dump().values())
        return tuple(dict.fromkeys((*replacing, *self.own_mutations)))


@dataclass(frozen=True)
class Step:
    """A mutation with its settings, and how to tell whom it has changed.

    Attributes:
        marks: arrays of `Genomes` that it may change, by the bit that a change there sets.
        apply: `apply(genomes, *, draws)` gives changed bodies.
    """

    marks: Mapping[int, tuple[str, ...]]
    apply: Callable[..., Genomes]


@dataclass(frozen=True)
class OwnMutation:
    """A mutation of one's own, used on some bodies."""

    function: OwnFunction
    rate: float

    def __call__(self, genomes: Genomes, *, draws: Draws) -> Genomes:
        """Bodies as the function makes them where chance says so, the others as they are.

        Raises:
            BadInput: the function breaks a rule, see `custom_functions`.
        """
        name = self.function.name
        if self.rate == 0.0:
            return genomes
        draws = draws.of(name)
        changed = expect_genomes(name, self.function(genomes, draws=draws), genomes)
        if self.rate >= 1.0:
            return changed
        hit = hits(draws.uniform("rate of use")[0], self.rate).bool()
        return genomes.map_two(changed, partial(_where, hit))


def _where(hit: Tensor, own: Tensor, other: Tensor) -> Tensor:
    return own if own is other else torch.where(hit, other, own)


@dataclass(frozen=True)
class OwnMutate:
    """A function of one's own in the place of all built-in mutations."""

    function: OwnFunction

    def __call__(self, genomes: Genomes, *, draws: Draws) -> Genomes:
        """See `OwnMutation`."""
        return expect_genomes(self.function.name, self.function(genomes, draws=draws), genomes)


@dataclass(frozen=True)
class OwnMate:
    """A crossover of one's own."""

    function: OwnFunction

    def __call__(
        self, mothers: Genomes, fathers: Genomes, *, draws: Draws
    ) -> tuple[Genomes, Genomes]:
        """Daughters and sons."""
        found = self.function(mothers, fathers, draws=draws)
        return expect_pairs(self.function.name, found, (mothers, fathers))


def mutate(genomes: Genomes, *, draws: Draws, steps: Sequence[Step]) -> tuple[Genomes, Tensor]:
    """Mutations one after the other.

    Returns:
        The bodies, and their marks (bodies,) int64: the bits of what has changed them.
    """
    marks = torch.zeros(len(genomes), dtype=torch.int64, device=genomes.device)
    for step in steps:
        changed = step.apply(genomes, draws=draws)
        for bit, arrays in step.marks.items():
            marks |= marked(genomes, changed, arrays, bit)
        genomes = changed
    return genomes, marks


def marked(before: Genomes, after: Genomes, arrays: Iterable[str], bit: int) -> Tensor | int:
    """(bodies,) int64 with this bit where any number of these arrays differs; 0: nowhere."""
    pairs = ((getattr(before, name), getattr(after, name)) for name in arrays)
    changed = [_changed(*pair) for pair in pairs if pair[0] is not pair[1]]
    return torch.stack(changed).amax(0).long() << bit if changed else 0


def _changed(before: Tensor, after: Tensor) -> Tensor:
    """(bodies,) float32, 1 where any number of (..., bodies) differs, else 0."""
    return torch.ne(before, after, out=torch.empty_like(after)).flatten(0, -2).amax(0)


Grounding = Callable[..., tuple[Genomes, Tensor]]


def store(
    genomes: Genomes, *, draws: Draws, steps: Sequence[Step], place: Grounding
) -> tuple[Genomes, Tensor]:
    """Bodies as the table gets them where `lengths.when` is "storing", as published.

    Their bone lengths and shoulders are mutated, and they are grounded anew; those that breed on
    stay as they are.

    Returns:
        The bodies, and their joints (bodies, 17, 3) in world mm.
    """
    return place(mutate(genomes, draws=draws, steps=steps)[0], draws=draws)


def build_toolbox(
    settings: ToolboxSettings,
    templates: Genomes | None = None,
    objectives: Iterable[str] = (),
) -> BreedingToolbox:
    """The operators that the settings ask for, ready to travel to a worker.

    Args:
        settings: rates, and functions of one's own.
        templates: bodies that lend their build, see `build.template_bodies`; none: offspring
            start from their own.
        objectives: names of objectives, of which those of one's own travel along.

    Raises:
        BadInput: a named function cannot be imported or called, or does not take its settings.
    """
    named = settings.operators
    own = {name: resolve(name) for name in objectives if ":" in name}
    toolbox = base.Toolbox()
    toolbox.register("select", resolve(named.select) if named.select else tournament)
    toolbox.register("mirror", mirror_bodies, settings=settings.mirror)
    toolbox.register("mate", _mate(settings, templates))
    toolbox.register("mutate", mutate, steps=_steps(settings, templates))
    toolbox.register("tumble", tumble_bodies, settings=settings.tumble)
    placed = partial(ground, settings=settings.ground)
    toolbox.register("ground", placed)
    late = [built_in_step(each, settings, templates) for each in MUTATIONS if each.build]
    toolbox.register("store", store, steps=late, place=placed)
    toolbox.register("evaluate", _evaluate(named.evaluate) or partial(fitness, own=own))
    toolbox.register("outside", outside_bands, own=own)
    built: BreedingToolbox = toolbox
    return built


def _mate(
    settings: ToolboxSettings, templates: Genomes | None
) -> Callable[..., tuple[Genomes, Genomes]]:
    if settings.operators.mate is None:
        return partial(swap_branches, settings=settings.crossover)
    offered = {"settings": settings.crossover, "templates": templates}
    return OwnMate(OwnFunction.bound(settings.operators.mate, offered))


def _evaluate(name: str | None) -> Callable[[Population], Tensor] | None:
    return None if name is None else partial(_scored_by, name, resolve(name))


def _scored_by(name: str, function: Callable[..., object], population: Population) -> Tensor:
    return expect_scores(name, function(population), len(population))


def _steps(settings: ToolboxSettings, templates: Genomes | None) -> list[Step]:
    """All mutations of breeding: the built-in ones or what replaces them, then those of one's own.

    Raises:
        BadInput: one of one's own cannot be had, or does not take its settings.
    """
    return [
        *_first_steps(settings, templates),
        *(
            Step({FIRST_OWN + place: _ARRAYS}, _own_mutation(mutation, templates))
            for place, mutation in enumerate(settings.mutations)
        ),
    ]


def _first_steps(settings: ToolboxSettings, templates: Genomes | None) -> list[Step]:
    name = settings.operators.mutate
    if name is not None:
        offered = {"settings": settings, "templates": templates}
        return [Step(_first_claims(), OwnMutate(OwnFunction.bound(name, offered)))]
    later = settings.lengths.when == "storing"
    return [
        built_in_step(mutation, settings, templates)
        for mutation in MUTATIONS
        if not (mutation.build and later)
    ]


def built_in_step(mutation: Mutation, settings: ToolboxSettings, templates: Genomes | None) -> Step:
    """A built-in mutation with what its parameters name: settings, templates, other settings."""
    offered = {name: getattr(settings, name) for name in OperatorSettings.model_fields}
    offered |= {"settings": settings.of(mutation), "templates": templates}
    given = asked_for(mutation.apply, offered)
    return Step({mutation.bit: mutation.changes}, partial(mutation.apply, **given))


def _own_mutation(mutation: MutationSettings, templates: Genomes | None) -> OwnMutation:
    chosen = own_settings(mutation.use, resolve(mutation.use), mutation.options)
    offered = {"settings": chosen, "templates": templates}
    return OwnMutation(OwnFunction.bound(mutation.use, offered), mutation.rate)


_ARRAYS = tuple(part.name for part in fields(Genomes))


def _first_claims() -> dict[int, tuple[str, ...]]:
    """Whose mark a change of an array sets, whatever made it: the first mutation's that may."""
    claims: dict[int, tuple[str, ...]] = {}
    claimed: set[str] = set()
    for mutation in MUTATIONS:
        claims[mutation.bit] = tuple(name for name in mutation.changes if name not in claimed)
        claimed |= set(mutation.changes)
    return claims


class PopulationStatistics(tools.Statistics):  # type: ignore[misc]  # DEAP is untyped
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
