"""What a campaign knows that the pose table does not: populations, champion, logbook.

A generation's state is written first; the commit to the table is what makes the generation count.
A state without its commit is overwritten by the next attempt at the same generation.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.archive import Archive
from evoskeleton.evolution.archive.descriptor import PoseDescriptor
from evoskeleton.evolution.population import Population
from evoskeleton.files import write_arrays
from evoskeleton.npz import read_npz
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.target.resembling import Resembling


@dataclass(frozen=True)
class PendingTraining:
    """A training that was started after a generation and takes effect before a later one."""

    generation: int
    due: int


@dataclass(frozen=True)
class State:
    """A campaign after one generation.

    Attributes:
        generation: the last generation that is done.
        islands: one population an island.
        champion: the generation whose training made the lifter that scores; -1 before the first.
        scored_by: the training whose lifter scored the populations; -1 for none.
        rows: poses of the data set: rows of the table, this generation's included, without those
            that were replaced.
        trained_rows: rows when the last training was started.
        trainings: generations after which a training was started.
        pending: the training that has not taken effect yet.
        logbook: one record a generation.
        archive: what chooses the rows; none where everything that is kept becomes one.
        resembling: who resembles the target; none where there is no target.
    """

    generation: int
    islands: tuple[Population, ...]
    champion: int
    scored_by: int
    rows: int
    trained_rows: int
    trainings: tuple[int, ...]
    pending: PendingTraining | None
    logbook: tuple[dict[str, Any], ...]
    archive: Archive | None = None
    resembling: Resembling | None = None

    @property
    def seeds(self) -> int:
        """Rows of generation 0."""
        return int(self.logbook[0]["rows"])


_COUNTERS = ("generation", "champion", "scored_by", "rows", "trained_rows")


def save(state: State, folder: CampaignFolder) -> None:
    """Write the state of its generation, and drop the ones before the last."""
    record = {name: getattr(state, name) for name in _COUNTERS} | {
        "trainings": list(state.trainings),
        "pending": asdict(state.pending) if state.pending else None,
        "logbook": list(state.logbook),
        "islands": len(state.islands),
    }
    arrays = {"record": np.frombuffer(json.dumps(record, default=float).encode(), np.uint8)}
    for number, population in enumerate(state.islands):
        arrays |= {f"{number}/{name}": part for name, part in population.to_arrays().items()}
    if state.archive is not None:
        arrays |= {f"archive/{name}": part for name, part in state.archive.to_arrays().items()}
    if state.resembling is not None:
        parts = state.resembling.to_arrays()
        arrays |= {f"resembling/{name}": part for name, part in parts.items()}
    write_arrays(folder.state(state.generation), arrays)
    for old in range(state.generation - 2, max(-1, state.generation - 5), -1):
        folder.state(old).unlink(missing_ok=True)
    folder.keep()


def load(folder: CampaignFolder, generation: int) -> State:
    """The state after a generation.

    Raises:
        BadInput: the file is absent or unreadable.
    """
    path = folder.state(generation)
    arrays = read_npz(path, "the state file", ["record"])
    try:
        return _state(arrays, folder, path)
    except (KeyError, TypeError, ValueError) as error:  # whole as a file, and yet not a state
        reason = str(error) if isinstance(error, BadInput) else "it is damaged"
        raise BadInput(f"the state file {path} cannot be read: {reason}") from None


def _state(arrays: dict[str, np.ndarray], folder: CampaignFolder, path: Path) -> State:
    record = json.loads(arrays.pop("record").tobytes())
    islands = tuple(_island(arrays, number) for number in range(record.pop("islands")))
    pending = record.pop("pending")
    archived, resembling = (_part(arrays, prefix) for prefix in ("archive/", "resembling/"))
    return State(
        islands=islands,
        pending=PendingTraining(**pending) if pending else None,
        trainings=tuple(record.pop("trainings")),
        logbook=tuple(record.pop("logbook")),
        archive=_archive(archived, folder, path) if archived else None,
        resembling=Resembling.from_arrays(resembling) if resembling else None,
        **record,
    )


def _island(arrays: dict[str, np.ndarray], number: int) -> Population:
    return Population.from_arrays(_part(arrays, f"{number}/"))


def _archive(arrays: dict[str, np.ndarray], folder: CampaignFolder, path: Path) -> Archive:
    descriptor = PoseDescriptor.load(folder.descriptor)
    return Archive.from_arrays(arrays, descriptor, f"the archive in {path}")


def _part(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Arrays whose names start with the prefix, without it."""
    return {
        name.removeprefix(prefix): part for name, part in arrays.items() if name.startswith(prefix)
    }


def committed_state(
    folder: CampaignFolder, table: PoseTable, tell: Callable[[str], None]
) -> State | None:
    """The state of the last generation that the table holds, or nothing before the first.

    Where its file is damaged or gone, that of the generation before it: the last one is bred again
    then, the same, and its rows are not written twice.

    Raises:
        BadInput: both cannot be read.
    """
    generation = table.committed_generation(folder.name)
    if generation is None:
        return None
    try:
        return load(folder, generation)
    except BadInput as error:
        try:
            before = load(folder, generation - 1)
        except BadInput:
            raise BadInput(
                f"{error}, and neither can that of the generation before it: put one of them back "
                f"from a copy, or breed under another name"
            ) from None
        tell(f"{error}: generation {generation} is bred again")
        return before
