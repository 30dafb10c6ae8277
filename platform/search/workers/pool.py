"""The actors of a search: islands breed on workers, scorers judge, and a generation waits once.

Populations and rows go in and come out; what lies between two steps stays in Ray's object store.
"""

import os
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple, Self

import numpy as np
import ray
import torch

from evoskeleton.evolution.archive.descriptor import PoseDescriptor
from evoskeleton.evolution.breeding_toolbox import BreedingToolbox
from evoskeleton.evolution.limits.joint_limits import load_limits
from evoskeleton.evolution.population import Population, generation_island_slot
from evoskeleton.platform.search.workers.answers import Answers
from evoskeleton.platform.search.workers.islands import Island, IslandSettings, Survivors
from evoskeleton.platform.search.workers.joined.losses import Losses, Tell, draining
from evoskeleton.platform.search.workers.joined.room import Resources, divide, packed
from evoskeleton.platform.search.workers.local_search import LocalSearchSettings, Refinable
from evoskeleton.platform.search.workers.machine import MachineSettings
from evoskeleton.platform.search.workers.scorers import Aim, Archived, Champion, Scorable, Scorer

_ANSWER_SECONDS = 5.0


class IslandWorker(Island):
    """An actor that takes the steps of whichever islands it is given.

    It is made of small values and of files, so that it can be made again on another node.
    """

    def __init__(
        self,
        settings: IslandSettings,
        limits: "os.PathLike[str]",
        toolbox: BreedingToolbox,
        seed: int,
        descriptor: "os.PathLike[str] | None" = None,
    ) -> None:
        torch.set_num_threads(1)
        described = None if descriptor is None else PoseDescriptor.load(os.fspath(descriptor))
        super().__init__(settings, load_limits(os.fspath(limits)), toolbox, seed, described)

    def there(self) -> bool:
        """An answer, from whoever has been made."""
        return True


class _Bounds(NamedTuple):
    """How near bodies have to come to be found, and what they are held to beside the keypoints;
    None without a target.

    Parents are held to the target for their resemblance alone: none of them is found again.
    """

    offspring: ray.ObjectRef | None = None
    parents: ray.ObjectRef | None = None
    opinion: ray.ObjectRef | None = None

    @classmethod
    def of(cls, worst: np.ndarray | None, opinion: np.ndarray | None) -> Self:
        """Of (targets,) distances, and (targets, 17, 3) mm where somebody was asked."""
        if worst is None:
            return cls()
        known = None if opinion is None else ray.put(opinion)
        return cls(ray.put(worst), ray.put(np.zeros_like(worst)), known)


class _Brood(NamedTuple):
    """An island's parents, its offspring, and of these what scorers need."""

    parents: ray.ObjectRef
    offspring: ray.ObjectRef
    bodies: ray.ObjectRef


def _to_nobody(sentence: str) -> None:
    """Nobody is told."""


class Pool:
    """Island workers and scorers; all that they know between generations is the champion."""

    def __init__(
        self,
        settings: IslandSettings,
        toolbox: BreedingToolbox,
        seed: int,
        resources: Resources,
        own: Sequence[ModuleType] = (),
        *,
        views: int,
        limits: "os.PathLike[str]",
        descriptor: "os.PathLike[str] | None",
        aim: Aim | None = None,
        tell: Tell | None = None,
    ) -> None:
        """Ask Ray for the actors.

        Args:
            settings: of every island.
            toolbox: the operators, see `evolution.toolbox`.
            seed: of every draw.
            resources: how many actors, and of what size.
            own: modules of users' own functions; their code is sent along.
            views: virtual views over which a pose is scored.
            limits: file of the joint limits.
            descriptor: file of the pose descriptor, where there is an archive.
            aim: what bodies are to resemble, where there is a target.
            tell: gets a sentence for each actor or node that is lost.
        """
        self._settings = settings
        for module in own:
            ray.cloudpickle.register_pickle_by_value(module)
        self._breeds = (settings, limits, toolbox, seed, descriptor)
        self._reserved = resources.worker
        self._workers = self._more(resources.workers)
        self._scores = resources.scorer
        device = "auto" if resources.scorer["num_gpus"] else "cpu"
        self._judges = (seed, views, device, aim)
        self._scorers = [self._scorer() for _ in range(resources.scorers)]
        self._champion: ray.ObjectRef | None = None
        self._centroids: ray.ObjectRef | None = None
        self._losses = Losses(tell or _to_nobody)
        self._losses.look_after("worker", self._workers)
        self._losses.look_after("scorer", self._scorers)
        self._cpus = _of(_staying(set()))["CPU"]
        self._losses.fit_for(self._cpus)

    def _scorer(self) -> Any:
        return _actor(Scorer, self._scores).remote(*self._judges)

    def _more(self, workers: int) -> list[Any]:
        worker = _actor(IslandWorker, self._reserved)
        return [worker.remote(*self._breeds) for _ in range(workers)]

    def fit(self, machine: MachineSettings, islands: int, shards: int = 1) -> None:
        """Have as many workers as a joined cluster has room for now; between generations only.

        Nodes that came get some; where nodes went, a training finds room again; nodes that are
        asked to leave are left.
        """
        if machine.address is None:
            return
        leaving = draining()
        nodes, movers = _staying(leaving), self._losses.on(leaving)
        there = _of(nodes)
        if there["CPU"] == self._cpus and not movers:
            return
        self._cpus = there["CPU"]
        self._losses.fit_for(self._cpus)
        divided = packed(divide(machine, islands, there), shards, nodes)
        self._move_scorers(movers)
        same = divided.worker == self._reserved
        stay = [one for one in self._workers if same and one._actor_id.hex() not in movers]
        if len(stay) > divided.workers:
            stay = self._who_answer_first()[: divided.workers]
        self._let_go([worker for worker in self._workers if worker not in stay])
        self._reserved = divided.worker
        self._workers = stay + self._more(divided.workers - len(stay))
        self._losses.look_after("worker", self._workers)

    def _move_scorers(self, movers: set[str]) -> None:
        """Make those again elsewhere that are on nodes that leave."""
        gone = [one for one in self._scorers if one._actor_id.hex() in movers]
        if gone:
            self._let_go(gone)
            self._scorers = [
                self._scorer() if one._actor_id.hex() in movers else one for one in self._scorers
            ]
            self._losses.look_after("scorer", self._scorers)

    def _who_answer_first(self) -> list[Any]:
        """All workers; last those that do not answer: they may wait for a node that is gone."""
        answers = {worker.there.remote(): worker for worker in self._workers}
        ready, late = ray.wait(list(answers), num_returns=len(answers), timeout=_ANSWER_SECONDS)
        return [answers[answer] for answer in [*ready, *late]]

    def close(self) -> None:
        """Let the workers go: nothing is bred any more, and a training may want their room."""
        self._let_go(self._workers)
        self._losses.look_after("worker", [])

    def _let_go(self, workers: Sequence[Any]) -> None:
        for worker in workers:
            ray.kill(worker, no_restart=True)

    def hold(self, champion: Champion) -> None:
        """Let all that follows be scored by these lifters."""
        self._champion = ray.put(champion)

    def sort_into(self, centroids: np.ndarray | None) -> None:
        """Let workers tell in which cells of the archive survivors lie; None: there is none.

        Args:
            centroids: (cells, axes) of the archive.
        """
        self._centroids = None if centroids is None else ray.put(centroids)

    def evolve(
        self,
        islands: Sequence[Population],
        generation: int,
        rescore: bool,
        archived: Archived | None,
        worst: np.ndarray | None = None,
        opinion: np.ndarray | None = None,
    ) -> tuple[list[ray.ObjectRef], Survivors]:
        """Breed, score, select on all islands; one wait at the end.

        Args:
            islands: the parents.
            generation: that is bred.
            rescore: whether the parents were scored by other lifters.
            archived: what novelty is measured against, if anything.
            worst: (targets,) float32 distances of what is last in the niches of a target.
            opinion: (targets, 17, 3) float32 mm, answers for the target that bodies are held to.

        Returns:
            References to parents and survivors of every island; and the survivors of all.
        """
        known = None if archived is None else ray.put(archived)
        bounds = _Bounds.of(worst, opinion)
        broods = [
            self._bred(population, generation, number) for number, population in enumerate(islands)
        ]
        steps = [
            self._selected(brood, generation, number, rescore, known, bounds)
            for number, brood in enumerate(broods)
        ]
        outcomes = self._losses.gathered([survivors for _, survivors in steps])
        return [everyone for everyone, _ in steps], Survivors.concatenate(outcomes)

    def _bred(self, population: Population, generation: int, number: int) -> "_Brood":
        """The offspring of one island; nothing is waited for.

        An actor takes calls in the order in which they were made, so all islands are bred before
        one is selected: no worker waits for a scorer while it could breed.
        """
        parents = ray.put(population)
        breed = self._worker(number).breed.options(num_returns=2)
        return _Brood(parents, *breed.remote(parents, generation, number))

    def _selected(
        self,
        brood: "_Brood",
        generation: int,
        number: int,
        rescore: bool,
        archived: ray.ObjectRef | None,
        bounds: "_Bounds",
    ) -> tuple[ray.ObjectRef, ray.ObjectRef]:
        """Who is left of one island; nothing is waited for. On one that breeds towards the target
        no lifter is tried: resemblance alone counts there."""
        worker, scorer = self._worker(number), self._scorers[number % len(self._scorers)]
        parents, offspring, bodies = brood
        targeted = self._settings.is_targeted(number)
        rescored = None
        if targeted:
            archived = None
        elif rescore:
            known = worker.known.remote(parents)
            rescored = scorer.score.remote(known, self._champion, archived, bounds.parents)
        elif archived is not None:
            rescored = scorer.novelty.remote(worker.known.remote(parents), archived)
        champion = None if targeted else self._champion
        near = bounds.offspring, bounds.opinion
        scores = scorer.score.remote(bodies, champion, archived, *near)
        everyone, survivors = worker.select.options(num_returns=2).remote(
            parents, rescored, offspring, bodies, scores, generation, number, self._centroids
        )
        return everyone, survivors

    def renew(
        self,
        everyone: Sequence[ray.ObjectRef],
        rows: np.ndarray | None,
        generation: int,
        migrants: int,
    ) -> tuple[list[Population], list[dict[str, float]]]:
        """The next parents of all islands, and what the logbook says of them.

        Islands that breed towards the target keep what they have: their parents are drawn from the
        niches. Nobody moves to them or away, and the logbook says nothing of them.

        Args:
            everyone: from `evolve`.
            rows: (rows,) ids that became rows of the table; None: all did.
            generation: that was bred.
            migrants: bodies that move on to the next island now; 0: none.
        """
        populations, records = list(everyone), []
        shared = None if rows is None else ray.put(rows)
        ordinary = [n for n in range(len(everyone)) if not self._settings.is_targeted(n)]
        for number in ordinary:
            step = self._worker(number).renew.options(num_returns=2)
            populations[number], record = step.remote(everyone[number], shared, generation, number)
            records.append(record)
        if migrants and len(ordinary) > 1:
            populations = self._migrate(populations, ordinary, migrants)
        return self._losses.gathered(populations), self._losses.gathered(records)

    def _migrate(
        self, populations: list[ray.ObjectRef], ordinary: list[int], migrants: int
    ) -> list[ray.ObjectRef]:
        """A ring: every island receives from the one before it."""
        moved = list(populations)
        for place, number in enumerate(ordinary):
            donor = ordinary[place - 1]
            moved[number] = self._worker(number).migrate.remote(
                populations[number], populations[donor], migrants, (number, donor)
            )
        return moved

    def answers(self, generation: int) -> Answers:
        """What the champion makes of the target."""
        found: Answers = self._one(self._scorers[0].answers.remote(self._champion, generation))
        return found

    def lifted(self, generation: int, island: int) -> tuple[Population, np.ndarray]:
        """What the champion makes of the target, as bodies within the limits.

        Returns:
            The bodies, in slots of the targets on an island of their own; and their (bodies,)
            float32 distance from their keypoints.
        """
        answers = self.answers(generation)
        bodies = self._one(self._worker(0).lifted.remote(answers.joints, generation, island))
        return bodies, answers.distance[generation_island_slot(bodies.ids)[2].numpy()]

    def refined(
        self,
        wanted: Refinable,
        joints: np.ndarray,
        settings: LocalSearchSettings,
        generation: int,
        island: int,
    ) -> tuple[Population, np.ndarray]:
        """What becomes of bodies bent towards keypoint sets; all scorers share the work.

        Args:
            wanted: (rows,) which bodies, and towards which of the keypoint sets.
            joints: (rows, 17, 3) float32 world mm of them.
            settings: how far they may go.
            generation, island: where the new bodies stand; their slots are
                `target * nearest + place`.

        Returns:
            Those within the joint limits that have come nearer and have not gone too far; and their
            (bodies,) float32 distances.
        """
        parts = np.array_split(np.arange(len(wanted)), len(self._scorers))
        calls = [
            scorer.refined.remote(wanted.take(part), joints[part], settings)
            for scorer, part in zip(self._scorers, parts, strict=True)
        ]
        found = zip(*self._losses.gathered(calls), strict=True)
        bent, distance = (np.concatenate(column) for column in found)
        nearer = distance < wanted.distance
        wanted, bent, distance = wanted.take(nearer), bent[nearer], distance[nearer]
        slots = wanted.target * settings.nearest + wanted.place
        made = self._worker(0).refined.remote(bent, slots, wanted.ids, generation, island)
        bodies: Population = self._one(made)
        stays = np.searchsorted(slots, generation_island_slot(bodies.ids)[2].numpy())
        return bodies, distance[stays]

    def errors(self, poses: np.ndarray) -> np.ndarray:
        """How wrong the champion gets (poses, 17, 3) world mm, (poses,) float32 mm.

        All scorers share the work.
        """
        parts = np.array_split(poses, len(self._scorers))
        scores = [
            scorer.score.remote(Scorable(part), self._champion)
            for scorer, part in zip(self._scorers, parts, strict=True)
        ]
        return np.concatenate([part.error for part in self._losses.gathered(scores)])

    def _one(self, reference: ray.ObjectRef) -> Any:
        return self._losses.gathered([reference])[0]

    def _worker(self, island: int) -> Any:
        return self._workers[island % len(self._workers)]


def _staying(leaving: set[str]) -> list[dict[str, Any]]:
    """Nodes as Ray describes them, without those that leave."""
    return [node for node in ray.nodes() if node["Alive"] and node["NodeID"] not in leaving]


def _of(nodes: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Processors and GPUs of nodes in all."""
    names = ("CPU", "GPU")
    return {name: sum(node["Resources"].get(name, 0.0) for node in nodes) for name in names}


def _actor(kind: type, needs: dict[str, Any]) -> Any:
    """A class of actors that are made again, and their calls repeated, however they end."""
    return ray.remote(max_restarts=-1, max_task_retries=-1, **needs)(kind)
