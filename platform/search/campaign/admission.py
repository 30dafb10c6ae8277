"""The data set is chosen: what a generation keeps goes through the archive, which says why.

The archive's cells follow the density of the seeds and of first offspring of them. From the first
lifter on, seeds and bred bodies stand in it with the lifter's error as their quality, and every new
lifter rescores them. A bred body that is taken in becomes a row; where it takes the place of a
bred one, its row says so (`replaces`), and the other leaves the data set. Seeds never leave it.
"""

import numpy as np
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.archive import REASONS, Added, Archive, ArchiveSettings
from evoskeleton.evolution.archive.descriptor import DescriptorSettings, fit_descriptor
from evoskeleton.evolution.breeding import BreedingSettings, breed
from evoskeleton.evolution.hierarchy import Genomes
from evoskeleton.evolution.limits.joint_limits import JointLimits
from evoskeleton.evolution.population import NOBODY, Population, generation_island_slot
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.search.workers.scorers import Archived

_FIRST_OFFSPRING = 4


def found(
    seeds: Population,
    archive: ArchiveSettings,
    descriptor: DescriptorSettings,
    breeding: BreedingSettings,
    limits: JointLimits,
    seed: int,
) -> Archive:
    """An empty archive over the seeds and their first offspring, `_FIRST_OFFSPRING` bodies a cell.

    Raises:
        BadInput: more cells than different poses.
    """
    offspring = breed(
        seeds,
        seed=seed,
        generation=0,
        island=0,
        offspring=_FIRST_OFFSPRING * archive.cells,
        settings=breeding,
        valid=lambda bodies: breeding.margin(limits, bodies),
    )
    described = fit_descriptor(seeds.genomes, descriptor, "the seeds of the campaign")
    bodies = Genomes.concatenate([seeds.genomes, offspring.population.genomes])
    return Archive.over(described.describe(bodies), described, archive)


def references(archive: Archive, neighbours: int) -> Archived:
    """What scorers measure novelty against.

    An archive that is not full yet may hold fewer bodies than neighbours are asked for: then all.

    Raises:
        BadInput: the archive holds fewer than two bodies.
    """
    if len(archive) < 2:
        raise BadInput(f"novelty wants an archive of two bodies or more, got {len(archive)}")
    return Archived(
        ids=archive.elite_ids(),
        measures=archive.elite_measures().numpy(),
        neighbours=min(neighbours, len(archive) - 1),
        unit_mm=archive.descriptor.unit_mm,
    )


def admit(
    archive: Archive, rows: PoseRows, measures: np.ndarray, cells: np.ndarray | None = None
) -> tuple[Archive, PoseRows, dict[str, float]]:
    """Let kept offspring in, in order of id.

    Args:
        archive: before the generation.
        rows: of the pose table, scored.
        measures: (rows, 39) of the pose descriptor.
        cells: (rows,) int64 of the archive, where they are known.

    Returns:
        The archive after it; the rows that are in it, with `why` and `replaces`; and what the
        logbook says of it.
    """
    assert rows.error is not None, "what is kept was scored"
    archive, added = archive.add(rows.id, torch.from_numpy(measures), rows.error, cells)
    explained = rows.with_columns(
        why=np.array(REASONS)[added.reasons], replaces=_retired(added, rows.id)
    )
    counts: dict[str, float] = {
        f"archive/{name.replace(' ', '_')}": n for name, n in added.counts().items()
    }
    return archive, explained.take(np.flatnonzero(added.stays)), counts


def _retired(added: Added, names: np.ndarray) -> np.ndarray:
    """(rows,) int64 ids of bred rows that leave for these, -1 for none.

    Who takes the place of a body of the same batch retires whom that one had retired.
    """
    order = names.argsort()
    retired = added.replaced.copy()
    while True:
        places = np.searchsorted(names[order], retired).clip(max=len(names) - 1)
        same_batch = (retired != NOBODY) & (names[order][places] == retired)
        if not same_batch.any():
            break
        retired[same_batch] = added.replaced[order[places[same_batch]]]
    generation = generation_island_slot(torch.from_numpy(retired))[0].numpy()
    return np.where(generation > 0, retired, NOBODY)
