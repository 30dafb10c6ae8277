"""Local search beside breeding: who is refined, who is refused, the rows.

That they are the same on any machine, the tests of targeted campaigns hold.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml

from evoskeleton.cli import main
from evoskeleton.errors import BadInput
from evoskeleton.evolution.archive.niches import Niches
from evoskeleton.evolution.chance import key
from evoskeleton.evolution.hierarchy import encode
from evoskeleton.evolution.limits.tables import default_limits
from evoskeleton.evolution.operators.codes import REFINED, codes_to_names
from evoskeleton.evolution.population import generation_island_slot, ids
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.evolution.toolbox import build_toolbox
from evoskeleton.lifting.cameras import ViewSettings
from evoskeleton.lifting.keypoint_views import keypoints_of
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.target.keypoint_target import KeypointTarget
from evoskeleton.platform.search.campaign.settings import CampaignSettings
from evoskeleton.platform.search.workers.islands import Island, IslandSettings
from evoskeleton.platform.search.workers.local_search import (
    LocalSearchSettings,
    Refinable,
    refinable,
    refined,
)

NEARBY = {"within": 0.15, "nearest": 2}
PLAIN = LocalSearchSettings.parse(NEARBY)
VIEWS, KEY = 4, key(7)


def named(generation: int, slot: int) -> int:
    return int(ids(generation, 0, torch.tensor([slot]))[0])


def niches(*places: list[tuple[int, float, int]]) -> Niches:
    """Niches of (id, distance, view), the nearest first."""
    columns = np.array(places, dtype=object)
    parts = (columns[..., i].astype(t) for i, t in enumerate((np.int64, np.float32, np.int32)))
    return Niches(*parts, penalty=np.zeros(columns.shape[:2], np.float32))


NEAR = [
    (named(3, 0), 0.02, -1),
    (named(3, 1), 0.1, 2),
    (named(1, 2), 0.11, 0),
    (named(3, 3), 0.2, 1),
]
FAR = [(named(3, 4), 0.05, -1), (named(3, 5), 0.3, 1), (named(3, 6), 0.4, 2), (-1, np.inf, -1)]
HALF = [(named(2, 7), 0.12, 3), (named(3, 8), 0.3, 0), (-1, np.inf, -1), (-1, np.inf, -1)]


def chosen(generation: int, **settings: float) -> list[tuple[int, int, int, int]]:
    """Who is refined: id, target, place and view."""
    parsed = LocalSearchSettings.parse({**NEARBY, **settings})
    found = refinable(niches(NEAR, FAR, HALF), generation, parsed)
    rows = zip(found.ids, found.target, found.place, found.view, strict=True)
    return [tuple(int(value) for value in row) for row in rows]


def test_of_near_niches_the_nearest_that_were_bred_since_the_last_time_are_refined():
    assert chosen(4) == [(named(3, 1), 0, 0, 2), (named(3, 8), 2, 1, 0)]


def test_far_niches_are_left_to_breeding():
    targets = [row[1] for row in chosen(4, within=0.35)]
    assert targets == [0, 1, 1, 2]
    assert [row[1] for row in chosen(4, within=0.11)] == [0]


def test_generations_between_refinements_are_made_up_for():
    assert chosen(5, every=2) == []
    assert chosen(4, every=2) == [
        (named(3, 1), 0, 0, 2), (named(2, 7), 2, 0, 3), (named(3, 8), 2, 1, 0),
    ]  # fmt: skip


class Case:
    """Bodies, and keypoints of the same people a few frames later in the same views."""

    def __init__(self, motion: np.ndarray) -> None:
        self.joints, later = torch.from_numpy(motion[:200:10].copy()), motion[4:204:10].copy()
        count = len(self.joints)
        names = ids(3, 1, torch.arange(count))
        seen = keypoints_of(torch.from_numpy(later), names, VIEWS, ViewSettings(), KEY)[:, 2]
        nobody = np.array([""] * count)
        self.target = KeypointTarget(
            seen.numpy(), np.ones((count, 17), np.float32), np.full((count, 2), np.nan, np.float32),
            nobody, nobody, nobody, np.full(count, -1, np.int32),
        )  # fmt: skip
        own = keypoints_of(self.joints, names, VIEWS, ViewSettings(), KEY)[:, 2]
        before = self.target.prepared().distances(own)
        row = np.arange(count)
        view = np.full(count, 2)
        self.wanted = Refinable(names.numpy(), row, np.zeros_like(row), view, before.numpy())

    def refined(self, rows: np.ndarray, **settings: float) -> tuple[np.ndarray, np.ndarray]:
        parsed = LocalSearchSettings.parse({"pull": 1.0, "most_deg": 20.0, **settings})
        joints = self.joints[torch.from_numpy(rows)]
        targets = self.target.prepared()
        wanted = self.wanted.take(rows)
        return refined(wanted, joints, targets, ViewSettings(), VIEWS, KEY, parsed)


def test_bodies_come_nearer_in_the_view_in_which_they_stand_in_the_niche(motion):
    case = Case(motion)
    everybody = np.arange(len(case.joints))
    _, distance = case.refined(everybody, most_deg=90)
    assert (distance < case.wanted.distance).all()
    assert np.median(distance) < 0.5 * np.median(case.wanted.distance)


def test_bodies_of_which_a_limb_has_turned_too_far_are_refused(motion):
    case = Case(motion)
    everybody = np.arange(len(case.joints))
    joints, distance = case.refined(everybody, most_deg=3)
    refused_ones = np.isinf(distance)
    assert 0 < refused_ones.sum() < len(everybody)
    ends = [13, 16]
    before = case.joints.numpy()[:, ends] - case.joints.numpy()[:, [12, 15]]
    after = joints[:, ends] - joints[:, [12, 15]]
    cosine = (
        (before * after).sum(2) / np.linalg.norm(before, axis=2) / np.linalg.norm(after, axis=2)
    )
    assert (np.rad2deg(np.arccos(cosine.clip(-1, 1)))[~refused_ones] < 3.1).all()


def test_a_body_is_refined_the_same_in_other_company(motion):
    case = Case(motion)
    everybody = np.arange(len(case.joints))
    joints, distance = case.refined(everybody)
    for part in np.array_split(everybody, 3):
        own_joints, own_distance = case.refined(part)
        assert np.array_equal(own_joints, joints[part])
        assert np.array_equal(own_distance, distance[part])


def test_refined_bodies_descend_from_what_they_were_and_the_joint_limits_decide(motion):
    settings = IslandSettings.parse({})
    joints = motion[:40:10].copy()
    joints[1, Joint.RFOOT] = joints[1, Joint.RKNEE] + np.array([0.0, 300.0, 300.0], np.float32)
    limits = default_limits()
    margin = limits.margin(encode(joints))
    assert 0 < (margin >= 0).sum() < len(joints)
    island = Island(settings, limits, build_toolbox(settings.breeding), seed=1)
    mothers = np.array([named(2, slot) for slot in range(4)])
    bodies = island.refined(joints, np.array([3, 5, 8, 9]), mothers, 3, 6)
    stays = (margin >= 0).numpy()
    generation, number, slot = generation_island_slot(bodies.ids)
    assert set(generation.tolist()) == {3} and set(number.tolist()) == {6}
    assert slot.tolist() == np.array([3, 5, 8, 9])[stays].tolist()
    assert bodies.mothers.tolist() == mothers[stays].tolist()
    assert (bodies.operators == REFINED).all() and (bodies.fathers == -1).all()
    assert set(codes_to_names(bodies.operators)) == {"refined"}
    assert not bodies.tumbled.any()


def test_local_search_is_off_unless_asked_for_and_its_settings_are_looked_at():
    given = {"motion": {"seed": {"kind": "deepmimic"}}, "search": {"niches": {"refine": {}}}}
    plain = CampaignSettings.parse({"motion": given["motion"]})
    assert plain.search.niches.refine is None
    assert CampaignSettings.parse(given).search.niches.refine == LocalSearchSettings.parse({})
    given["search"]["niches"]["refine"]["within"] = 1.5
    with pytest.raises(BadInput, match="search.niches.refine.within: input should be less"):
        CampaignSettings.parse(given)


@pytest.fixture(scope="module")
def halves(motion, tmp_path_factory) -> Path:
    """A source whose first clip seeds and whose second is the target."""
    path = tmp_path_factory.mktemp("motion") / "poses.parquet"
    rows = motion.reshape(len(motion), -1)
    count = len(rows)
    columns = {
        "subject": ["walker"] * count,
        "action": ["walk"] * count,
        "clip": [("seed", "seed", "held", "wanted")[row % 4] for row in range(count)],
        "frame": pa.array(range(count), pa.int32()),
        "pose": pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), 51),
    }
    pq.write_table(pa.table(columns), path)
    return path


def campaign(folder: Path, poses: Path, **machine: float) -> dict[str, np.ndarray]:
    """The rows of a small campaign towards keypoints."""

    def clip(name: str) -> dict[str, object]:
        return {"kind": "parquet", "path": str(poses), "clips": [name]}

    settings = {
        "name": "near",
        "home": str(folder / "home"),
        "motion": {"seed": clip("seed"), "validation": clip("held")},
        "search": {
            "target": {"poses": clip("wanted"), "most": 24},
            "niches": {"quota": 6, "refine": {"nearest": 3, "within": 0.6}},
            "generations": 3,
            "islands": 2,
            "migrants": 2,
            "island": {"population": 40, "offspring": 60},
        },
        "training": {
            "every": 2,
            "fit": {"preset": "small", "steps": 10, "batch": 32, "cascade": {"width": 16}},
        },
        "machine": machine,
        "tracking": {"enabled": False},
    }
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(SystemExit) as ended:
        main(["campaign", "run", str(path), "--address", str(machine["address"])])
    assert not ended.value.code
    rows = PoseTable.open(str(folder / "home" / "poses")).read().sort_by("id")
    return {name: np.asarray(rows[name].to_pylist(), object) for name in rows.column_names}


@pytest.mark.slow
def test_refined_rows_are_their_own_island_s_and_children_of_the_generation_before(
    halves, ray_address, tmp_path
):
    small = {"address": ray_address, "worker_cpus": 0.1, "scorer_cpus": 0.1}
    one = campaign(tmp_path, halves, workers=2, scorers=2, **small)
    made = one["operator"] == "refined"
    assert made.sum() > 5
    assert set(one["island"][made]) == {3} and set(one["why"][made]) == {"resembles"}
    by_id = {name: row for row, name in enumerate(one["id"])}
    mothers = np.array([by_id[name] for name in one["mother"][made]])
    assert set(one["generation"][made] - one["generation"][mothers]) == {1}
    slots = np.array([name & ((1 << 28) - 1) for name in one["id"][made]])
    assert (slots // 3 < 24).all() and (one["margin"][made] >= 0).all()
