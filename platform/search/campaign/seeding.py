"""The first generation: real poses become seeds, dealt to the islands and committed as they are."""

from dataclasses import dataclass

import numpy as np
import torch

from evoskeleton.errors import BadInput
from evoskeleton.evolution import chance
from evoskeleton.evolution.archive.archive import Archive
from evoskeleton.evolution.breeding import BreedingSettings
from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.limits.joint_limits import JointLimits
from evoskeleton.evolution.population import Population
from evoskeleton.files import write_json
from evoskeleton.platform.data.annotated import is_annotated, refuse_annotated
from evoskeleton.platform.data.origin import Origin
from evoskeleton.platform.data.pose_rows import PoseRows
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import PoseSet, write_poses
from evoskeleton.platform.data.sources.load import hold_out, load
from evoskeleton.platform.data.sources.origins import origins_of
from evoskeleton.platform.data.target.camera_heights import elevation_range, elevations
from evoskeleton.platform.data.target.input_files import digests
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.search.campaign.admission import found
from evoskeleton.platform.search.campaign.custom_operators import remember
from evoskeleton.platform.search.campaign.paths import CampaignFolder
from evoskeleton.platform.search.campaign.progress import Monitor
from evoskeleton.platform.search.campaign.settings import (
    CampaignSettings,
    MotionSettings,
    fits_views,
    keep_settings,
    with_elevation,
)
from evoskeleton.platform.search.campaign.state import PendingTraining, State, save
from evoskeleton.platform.search.target.resembling import Resembling


@dataclass(frozen=True)
class CampaignPoses:
    """Real poses by the part they play; no clip plays two parts of seed, validation and test."""

    seed: PoseSet
    validation: PoseSet
    test: PoseSet
    templates: PoseSet


def load_motion(settings: MotionSettings, seed: int, rows: int | None) -> CampaignPoses:
    """Load the sources and take the clips of test and validation out of the seeds.

    Raises:
        BadInput: a source cannot be read, nothing is left for a part, or the seeds alone are more
            than the rows asked for.
    """
    motion = _parts(settings, seed)
    if rows is not None and rows < len(motion.seed):
        raise BadInput(
            f"search.rows should be at least the {len(motion.seed)} seed poses, got {rows}"
        )
    return motion


def _parts(settings: MotionSettings, seed: int) -> CampaignPoses:
    poses = load(settings.seed)
    test = load(settings.test) if settings.test else None
    if test is not None:
        refuse_annotated(test, "test")
        poses = _without(poses, test, "test")
    if settings.validation:
        validation = load(settings.validation)
        refuse_annotated(validation, "validation")
        validation = validation if test is None else _without(validation, test, "test")
        poses = _without(poses, validation, "validation")
    else:
        poses, validation = _held_out(poses, settings.validation_share, seed)
    templates = load(settings.templates) if settings.templates else poses
    return CampaignPoses(poses, validation, validation if test is None else test, templates)


def _held_out(poses: PoseSet, share: float, seed: int) -> tuple[PoseSet, PoseSet]:
    """As `hold_out`, of the poses that nobody has annotated: those all stay."""
    annotated = is_annotated(poses)
    if annotated.all():
        refuse_annotated(poses, "validation")
    measured, validation = hold_out(poses.take(~annotated), share, seed)
    return PoseSet.concat([measured, poses.take(annotated)]).ordered(), validation


def _without(poses: PoseSet, taken: PoseSet, role: str) -> PoseSet:
    clips = {*zip(taken.subject.tolist(), taken.clip.tolist(), strict=True)}
    pairs = zip(poses.subject.tolist(), poses.clip.tolist(), strict=True)
    free = np.array([pair not in clips for pair in pairs], dtype=bool)
    if not free.any():
        raise BadInput(f"every clip is needed for {role}: no other is left to breed from")
    return poses.take(np.flatnonzero(free))


def seen_from(
    settings: CampaignSettings, target: KeypointTarget | None, seed: np.ndarray, monitor: Monitor
) -> CampaignSettings:
    """The settings with the cameras' elevation that the target shows, where they ask for that.

    Args:
        settings: of a campaign that begins.
        target: of the campaign.
        seed: (poses, 17, 3) world mm.
        monitor: is told what was found.
    """
    if target is None or not fits_views(settings):
        return settings
    views = settings.training.fit.views
    found = elevation_range(elevations(target, seed, views, settings.seed))
    if found is None:
        low, high = views.elevation_deg
        monitor.tell(
            "too few of the target's keypoints resemble a real pose to tell from how high they "
            f"were seen: the cameras stay at {low:g} to {high:g} degrees"
        )
        return settings
    monitor.tell(f"the target was seen from {found[0]:g} to {found[1]:g} degrees above the hip")
    return with_elevation(settings, found)


def begin(
    settings: CampaignSettings,
    motion: CampaignPoses,
    folder: CampaignFolder,
    table: PoseTable,
    limits: JointLimits,
    target: KeypointTarget | None = None,
) -> State:
    """Write the campaign's folder and commit its seeds as generation 0.

    Seeds that the joint limits refuse are kept as parents; the logbook holds their share.
    """
    seeds = _seeds(motion.seed, limits, settings.search.island.breeding)
    archive = _archive(settings, seeds, limits)
    folder.create()
    keep_settings(settings, folder.settings)
    write_poses(folder.source("validation"), motion.validation)
    write_poses(folder.source("test"), motion.test)
    write_poses(folder.source("seed"), motion.seed)
    write_poses(folder.source("templates"), motion.templates)
    limits.save(folder.limits)
    if target is not None:
        target.save(folder.target)
        _remember_files(settings, folder)
    remember(folder, settings.search.island)
    if archive is not None:
        archive.descriptor.save(folder.descriptor)
    state = State(
        generation=0,
        islands=tuple(deal(seeds, settings.search.islands, settings.seed)),
        champion=-1,
        scored_by=-1,
        rows=len(seeds),
        trained_rows=len(seeds),
        trainings=(0,),
        pending=PendingTraining(0, 1),
        logbook=(_first_row(seeds),),
        archive=archive,
        resembling=None
        if target is None
        else Resembling.nobody(len(target), settings.search.niches.quota, seeds),
    )
    save(state, folder)
    rows = PoseRows.of(seeds, motion.seed.poses, generation=0, island=0).with_reason("seed")
    rows = rows.with_columns(subject=motion.seed.subject, clip=motion.seed.clip)
    table.commit(settings.name, 0, rows, _origins(settings))
    return state


def _origins(settings: CampaignSettings) -> list[Origin]:
    """Where the poses are from that end in the table, or lend it their builds."""
    sources = settings.motion.seed, settings.motion.templates
    people = [source for source in sources if source is not None and source.kind != "standard"]
    return [origin for source in people for origin in origins_of(source)]


def _remember_files(settings: CampaignSettings, folder: CampaignFolder) -> None:
    """What the target was read from, so that nobody has to read it again."""
    assert settings.search.target is not None, "there is a target"
    write_json(folder.target_files, digests(settings.search.target.keypoints))


def _seeds(poses: PoseSet, limits: JointLimits, breeding: BreedingSettings) -> Population:
    genomes = encode(poses.poses)
    return Population.seeds(genomes, breeding.margin(limits, genomes))


def _archive(settings: CampaignSettings, seeds: Population, limits: JointLimits) -> Archive | None:
    search = settings.search
    if search.archive is None:
        return None
    if search.neighbours >= len(seeds):
        raise BadInput(
            f"search.neighbours should be less than {len(seeds)}, the seed poses, "
            f"got {search.neighbours}"
        )
    breeding = search.island.breeding
    return found(seeds, search.archive, search.descriptor, breeding, limits, settings.seed)


def deal(seeds: Population, islands: int, seed: int) -> list[Population]:
    """Deal the seeds out like cards; every island gets all of them when they are few.

    An island needs two bodies to cross.
    """
    if len(seeds) < 2 * islands:
        return [seeds] * islands
    order = chance.permutation(chance.key(seed, chance.stream("deal")), len(seeds))
    return [seeds.take(order[island::islands].sort().values) for island in range(islands)]


def _first_row(seeds: Population) -> dict[str, float]:
    refused = (seeds.margin < 0).to(torch.float32)
    return {
        "generation": 0,
        "rows": len(seeds),
        "seeds_outside_limits": float(refused.mean()),
        "margin_mean": float(seeds.margin.mean()),
    }
