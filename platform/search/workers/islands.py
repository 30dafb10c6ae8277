"""Islands: populations that evolve side by side on workers.

The number of islands belongs to the search, the number of workers to the machine. A worker keeps
nothing between calls: a step is a pure function of a population and of addresses (seed, generation,
island), so any worker can take any island, and a step that is repeated after a kill gives the same
rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field

from evoskeleton.evolution import chance
from evoskeleton.evolution.archive.archive import nearest_centroid
from evoskeleton.evolution.archive.descriptor import PoseDescriptor
from evoskeleton.evolution.archive.resemblance import Sightings
from evoskeleton.evolution.breeding import BreedingSettings, breed
from evoskeleton.evolution.breeding_toolbox import BreedingToolbox
from evoskeleton.evolution.chance import Draws
from evoskeleton.evolution.hierarchy import Genomes, decode, encode
from evoskeleton.evolution.limits.joint_limits import JointLimits
from evoskeleton.evolution.limits.plausibility import Plausibility, PlausibilitySettings
from evoskeleton.evolution.limits.sampling import SampleSettings, sample
from evoskeleton.evolution.operators.codes import IMMIGRANT, LIFTED, REFINED
from evoskeleton.evolution.population import NOBODY, Population, generation_island_slot, ids
from evoskeleton.evolution.selection import selection
from evoskeleton.evolution.selection.bands import BandSettings
from evoskeleton.evolution.selection.objectives import Objective
from evoskeleton.evolution.selection.selection import best
from evoskeleton.evolution.toolbox import statistics
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.search.workers.scorers import Scorable, Scores, with_novelty
from evoskeleton.settings import Settings


@dataclass(frozen=True, eq=False)
class IslandOffspring:
    """What an island bred: those that may be, unscored, and how many were tried."""

    population: Population
    tried: int


@dataclass(frozen=True, eq=False)
class Sighted:
    """Survivors that come nearer to keypoint sets of the target than what stands in their niches.

    Attributes:
        bodies: (sighted,) of them.
        sightings: of which keypoint sets; `hit_body` are places in `bodies`.
    """

    bodies: Population
    sightings: Sightings

    @staticmethod
    def concatenate(parts: Sequence["Sighted"]) -> "Sighted":
        """Those of several islands, in order."""
        return Sighted(
            Population.concatenate([part.bodies for part in parts]),
            Sightings.concatenate([part.sightings for part in parts]),
        )


@dataclass(frozen=True, eq=False)
class Survivors:
    """What the table and the logbook need of an island's generation.

    Attributes:
        rows: (survivors,) as the table takes them.
        measures: (survivors, 39) float32 of the pose descriptor, where there is one.
        tried: bodies bred, those outside the limits included.
        bred: bodies within the limits.
        general: (survivors,) bool, whom the objectives and bands have kept; the others are there
            for the target alone.
        sighted: what may enter the niches of the target, where there is one.
        cells: (survivors,) int64 of the archive, where there is one; of the general ones alone.
    """

    rows: PoseRows
    measures: np.ndarray | None
    tried: int
    bred: int
    general: np.ndarray
    sighted: Sighted | None = None
    cells: np.ndarray | None = None

    @staticmethod
    def concatenate(parts: Sequence["Survivors"]) -> "Survivors":
        """Those of several islands, in order."""
        measures = [part.measures for part in parts if part.measures is not None]
        sighted = [part.sighted for part in parts if part.sighted is not None]
        cells = [part.cells for part in parts if part.cells is not None]
        return Survivors(
            rows=PoseRows.concatenate([part.rows for part in parts]),
            measures=np.concatenate(measures) if measures else None,
            tried=sum(part.tried for part in parts),
            bred=sum(part.bred for part in parts),
            general=np.concatenate([part.general for part in parts]),
            sighted=Sighted.concatenate(sighted) if sighted else None,
            cells=np.concatenate(cells) if len(cells) == len(parts) else None,
        )


class IslandSettings(Settings):
    """What one island does in one generation."""

    population: int | None = Field(
        512, ge=2, description="bodies an island keeps to breed from; none: everyone, for ever"
    )
    offspring: int = Field(1024, ge=1, description="offspring an island breeds in a generation")
    towards: int | None = Field(
        None,
        ge=2,
        description="the same for islands that breed towards the target alone, which is cheap; "
        "none: as many as `offspring`",
    )
    pairs_share: float | None = Field(
        None,
        gt=0,
        le=0.5,
        description="pairs that breed, as a share of the population, two offspring each; takes the "
        "place of `offspring`",
    )
    keep: float = Field(
        1.0, gt=0, le=1, description="share of the valid offspring that survives, hardest first"
    )
    tournament: int = Field(2, ge=1, description="bodies that compete for one place as a parent")
    breeding: BreedingSettings = Field(
        default_factory=BreedingSettings, description="operators and their rates"
    )
    objectives: tuple[tuple[Objective, ...], ...] = Field(
        (("error",),),
        min_length=1,
        description="what islands select by: the first island by the first entry, the next by the "
        "second, and so on in a circle; several objectives in one entry are traded off as in "
        "NSGA-II; module:function is one of your own",
    )
    bands: dict[Objective, BandSettings] = Field(
        default_factory=dict,
        description="by objective, between which scores a body has to lie to be kept and bred from",
    )
    immigrants: int = Field(
        0,
        ge=0,
        description="new bodies, drawn from the joint limits, that join in every generation",
    )
    plausibility: PlausibilitySettings = Field(
        default_factory=lambda: PlausibilitySettings(enabled=False),
        description="refuses bodies that go through themselves or would fall over",
    )

    def is_targeted(self, island: int) -> bool:
        """Whether an island breeds from the niches of the target, towards it alone."""
        return self.objectives[island % len(self.objectives)] == ("resemblance",)

    @property
    def asks_for_resemblance(self) -> bool:
        """Whether an objective or a band is on resemblance."""
        return "resemblance" in self.scored_by

    @property
    def asks_for_novelty(self) -> bool:
        """Whether an objective or a band is on novelty."""
        return "novelty" in self.scored_by

    @property
    def scored_by(self) -> tuple[str, ...]:
        """All objectives that select or bound, each once."""
        return tuple(dict.fromkeys((*sum(self.objectives, ()), *self.bands)))

    @property
    def own_functions(self) -> tuple[str, ...]:
        """Names of all functions of one's own: operators, mutations, objectives."""
        objectives = (name for name in self.scored_by if ":" in name)
        return tuple(dict.fromkeys((*self.breeding.own_functions, *objectives)))

    def offspring_on(self, island: int, population: int) -> int:
        """How many offspring a population of that size is to have on an island."""
        if self.is_targeted(island) and self.towards is not None:
            return self.towards
        return self.offspring_of(population)

    def offspring_of(self, population: int) -> int:
        """How many offspring a population of that size is to have, without a target."""
        if self.pairs_share is None:
            return self.offspring
        return 2 * max(1, int(self.pairs_share * population))


class Island:
    """The steps of one island; holds what does not change: settings, limits, seed.

    Where there is a pose descriptor, bodies go to the scorers with their measures.
    """

    def __init__(
        self,
        settings: IslandSettings,
        limits: JointLimits,
        toolbox: BreedingToolbox,
        seed: int,
        descriptor: PoseDescriptor | None = None,
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._toolbox = toolbox
        self._seed = seed
        self._descriptor = descriptor
        self._plausibility = Plausibility(settings.plausibility)

    def breed(
        self, parents: Population, generation: int, island: int
    ) -> tuple[IslandOffspring, Scorable]:
        """Offspring that the joint limits allow, and what a scorer needs of them."""
        wanted = self._settings.offspring_on(island, len(parents))
        offspring = breed(
            parents,
            seed=self._seed,
            generation=generation,
            island=island,
            offspring=wanted,
            settings=self._settings.breeding,
            valid=self._margin,
            toolbox=self._toolbox,
        )
        bred, joints = offspring.population, offspring.joints
        if self._settings.immigrants:
            others = self._immigrants(parents, generation, island, wanted)
            bred = Population.concatenate([bred, others])
            joints = torch.cat([joints, decode(others.genomes)])
        return (
            IslandOffspring(bred, offspring.tried + self._settings.immigrants),
            self._to_score(bred, joints),
        )

    def known(self, parents: Population) -> Scorable:
        """What a scorer needs of parents that it has to look at again."""
        return self._to_score(parents, decode(parents.genomes))

    def _to_score(self, bodies: Population, joints: torch.Tensor) -> Scorable:
        """What a scorer needs of bodies."""
        measures = None
        if self._descriptor is not None:
            measures = self._descriptor.describe(bodies.genomes).numpy()
        return Scorable(joints.numpy(), bodies.ids.numpy(), measures)

    def _immigrants(
        self, parents: Population, generation: int, island: int, first: int
    ) -> Population:
        """Bodies drawn from the limits, on torsos of parents, in the slots from `first` on."""
        seed = chance.key(self._seed, generation, island, chance.stream("immigrants"))
        count = self._settings.immigrants
        settings = SampleSettings(trunk=self._settings.breeding.trunk)
        genomes = sample(self._limits, count, seed, template=parents.genomes, settings=settings)
        margin = self._margin(genomes)
        slots = torch.arange(first, first + count)
        bodies = Population.orphans(
            ids(generation, island, slots), genomes, IMMIGRANT, margin=margin
        )
        return bodies.take(margin >= 0)

    def lifted(self, joints: np.ndarray, generation: int, island: int) -> Population:
        """Bodies of (targets, 17, 3) world mm that a lifter has answered with, in slots of the
        targets; without those that the joint limits refuse."""
        genomes = encode(joints)
        margin = self._margin(genomes)
        slots = torch.arange(len(genomes))
        bodies = Population.orphans(ids(generation, island, slots), genomes, LIFTED, margin=margin)
        return bodies.take(margin >= 0)

    def refined(
        self,
        joints: np.ndarray,
        slots: np.ndarray,
        mothers: np.ndarray,
        generation: int,
        island: int,
    ) -> Population:
        """Bodies that (mothers,) ids have become after a refinement, (mothers, 17, 3) world mm, in
        the given slots; without those that the joint limits refuse."""
        genomes = encode(joints)
        names = ids(generation, island, torch.from_numpy(slots))
        bodies = Population.unscored(
            ids=names,
            genomes=genomes,
            mothers=torch.from_numpy(mothers),
            fathers=torch.full_like(names, NOBODY),
            operators=torch.full_like(names, REFINED),
            margin=self._margin(genomes),
        )
        return bodies.take(bodies.margin >= 0)

    def _margin(self, genomes: Genomes) -> torch.Tensor:
        """Degrees within the limits, or -1 for bodies without physical sense."""
        margin = self._settings.breeding.margin(self._limits, genomes)
        if not self._settings.plausibility.enabled:
            return margin
        return margin.masked_fill(~(self._plausibility.margin(genomes) >= 0), -1.0)

    def select(
        self,
        parents: Population,
        parent_scores: Scores | np.ndarray | None,
        offspring: IslandOffspring,
        bodies: Scorable,
        scores: Scores,
        generation: int,
        island: int,
        centroids: np.ndarray | None = None,
    ) -> tuple[Population, Survivors]:
        """Survivors of the offspring: the fittest `keep` of those that lie within the bands.

        Args:
            parents: those that bred.
            parent_scores: of another lifter than the parents know; or their (parents,) novelty
                alone, where the archive has changed; None: what they know still holds.
            offspring: what they bred.
            bodies: the same bodies as they went to the scorer.
            scores: of the offspring.
            generation, island: where this is.
            centroids: (cells, axes) of the archive, where there is one.

        Bands do not ask for bodies of any orientation. A body is as possible lying as standing, but
        to a lifter that has seen none lie it is the hardest, and would never be seen.

        Returns:
            Parents and survivors with their scores; and what the table and the logbook need.
        """
        parents = _rescored(parents, parent_scores)
        children = scores.given_to(offspring.population)
        general = torch.zeros(len(children), dtype=torch.bool)
        if not self._settings.is_targeted(island):
            general[self._kept(children, island)] = True
        sightings = _of_upright(scores.sightings, children)
        staying = general if sightings is None else general | torch.from_numpy(sightings.hit())
        places = staying.nonzero()[:, 0].numpy()
        survivors = children.take(staying)
        joints = self._stored_joints(survivors, generation, island)
        joints = bodies.joints[places] if joints is None else joints
        rows = PoseRows.of(
            survivors, joints, generation, island, self._settings.breeding.own_mutations
        ).with_columns(outside=scores.outside[places])
        if sightings is not None:
            rows = rows.with_columns(
                distance=sightings.nearest[places], target=sightings.target[places]
            )
        measures = None if bodies.measures is None else bodies.measures[places]
        reported = Survivors(
            rows=rows,
            measures=measures,
            tried=offspring.tried,
            bred=len(children),
            general=general.numpy()[places],
            sighted=None if sightings is None else _sighted(children, sightings),
            cells=self._cells(measures, general.numpy()[places], centroids),
        )
        return Population.concatenate([parents, children.take(general)]), reported

    def _cells(
        self, measures: np.ndarray | None, general: np.ndarray, centroids: np.ndarray | None
    ) -> np.ndarray | None:
        """(survivors,) int64 cells of the archive, -1 for those that do not go there."""
        if measures is None or centroids is None or self._descriptor is None:
            return None
        points = self._descriptor.project(torch.from_numpy(measures[general]))
        cells = np.full(len(measures), -1)
        cells[general] = nearest_centroid(points, centroids)
        return cells

    def _kept(self, children: Population, island: int) -> torch.Tensor:
        """(survivors,) int64 places of the children that survive, in order."""
        inside = children.tumbled
        inside[~inside] = ~self._toolbox.outside(children.take(~inside), self._settings.bands)
        places = inside.nonzero()[:, 0]
        some = children.take(places)
        fittest = best(
            self._fitness(some, island), some.ids, math.ceil(len(some) * self._settings.keep)
        )
        return places[fittest].sort().values

    def renew(
        self, everyone: Population, rows: np.ndarray | None, generation: int, island: int
    ) -> tuple[Population, dict[str, float]]:
        """The next parents within the bands, drawn by tournament; everyone wins at most once.

        Args:
            everyone: parents and survivors.
            rows: (rows,) ids of this generation that became rows of the table; the other survivors
                do not breed, so that every mother is in the table. None: all did.

        Returns:
            The new population, and what the logbook says of it.
        """
        bodies = everyone
        if rows is not None:
            new = generation_island_slot(bodies.ids)[0] == generation
            bodies = bodies.take(~new | torch.isin(bodies.ids, torch.tensor(rows)))
        bodies = self._breedable(bodies)
        chosen = self._toolbox.select(
            Draws(self._seed, generation, island),
            self._fitness(bodies, island),
            bodies.ids,
            size=self._settings.tournament,
            winners=min(self._settings.population or len(bodies), len(bodies)),
        )
        following = bodies.take(chosen.sort().values)
        record = statistics().compile(following)
        return following, {_recorded(n): float(value) for n, value in record.items()}

    def _breedable(self, bodies: Population) -> Population:
        """Those within the bands, or everybody where that leaves no pair; never the tumbled."""
        bodies = bodies.take(~bodies.tumbled)
        inside = ~self._toolbox.outside(bodies, self._settings.bands)
        return bodies.take(inside) if int(inside.sum()) >= 2 else bodies

    def _fitness(self, bodies: Population, island: int) -> torch.Tensor:
        """By the user's own function, or by the objectives that are this island's in turn."""
        kinds = self._settings.objectives
        own = self._settings.breeding.operators.evaluate
        asked = {} if own else {"objectives": kinds[island % len(kinds)]}
        return self._toolbox.evaluate(bodies, **asked)

    def migrate(
        self, receiver: Population, donor: Population, migrants: int, islands: tuple[int, int]
    ) -> Population:
        """The donor's fittest take the places of the receiver's least fit, each by its own island.

        Nobody lives twice on an island.

        Args:
            receiver, donor: populations.
            migrants: how many move.
            islands: numbers of the receiver and the donor.
        """
        there = self._breedable(donor)
        worth = self._fitness(there, islands[1])
        count = min(migrants, len(receiver))
        moving = selection.migrants(worth, there.ids, count, known=receiver.ids)
        fitness = self._fitness(receiver, islands[0])
        staying = best(fitness, receiver.ids, len(receiver) - len(moving))
        joined = Population.concatenate([receiver.take(staying), there.take(moving)])
        return joined.take(joined.ids.argsort())

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


def _of_upright(sightings: Sightings | None, children: Population) -> Sightings | None:
    """Without the tumbled, which do not breed and so cannot stand in a niche."""
    return None if sightings is None else sightings.without_hits_of(children.tumbled.numpy())


def _sighted(children: Population, sightings: Sightings) -> Sighted:
    """The bodies that are among the hits, and their hits."""
    hit = np.flatnonzero(sightings.hit())
    return Sighted(children.take(torch.from_numpy(hit)), sightings.take(hit))


def _rescored(parents: Population, scores: Scores | np.ndarray | None) -> Population:
    if scores is None:
        return parents
    if isinstance(scores, np.ndarray):
        return with_novelty(parents, scores)
    return scores.given_to(parents)


def _recorded(name: str) -> str:
    """Errors and margins are known of the new rows too, so those of the parents stand apart."""
    return f"population/{name}" if name.startswith(("error", "margin")) else name
