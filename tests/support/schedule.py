"""How the tests are divided among processes: by files, the longest first.

All files whose tests breed on the shared Ray cluster go to one process, so that there is one
cluster; the others do the rest meanwhile.
"""

import re
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).resolve().parents[2]

MOST = 3
"""More processes would need more databases."""

_WAITING = 1
"""Processes beyond the processors: tests of servers and clusters wait for much of their time."""

_ON_THE_CLUSTER = re.compile(r"\bray_address\b|\bray_cluster[,)]")

LONG = (
    "tests/platform/search/test_campaign.py",
    "tests/platform/search/test_target_campaign.py",
    "tests/pins/test_numbers.py",
    "tests/docs/test_examples.py",
    "tests/platform/search/test_study.py",
    "tests/evolution/limits/test_ranges_of_motion.py",
    "tests/annotation/store/test_durability.py",
    "tests/annotation/server/test_endpoint_hostile.py",
    "tests/annotation/server/test_endpoint_for_real.py",
    "tests/lifting/test_training.py",
    "tests/lifting/model_fit/test_pose_fit.py",
    "tests/platform/record/test_tracking.py",
    "tests/annotation/server/test_annotation_service.py",
    "tests/annotation/store/test_annotation_store.py",
    "tests/package/test_layout.py",
)


def longest_first(items: list[pytest.Item]) -> None:
    """Order tests so that nothing long is left for the end; within a file they stay as they are."""
    places = {file: place for place, file in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.nodeid.split("::")[0], len(places)))


def processes(arguments: list[str], cores: int) -> int:
    """How many processes are worth their start; none: the tests run in this one."""
    files = [file for argument in arguments for file in Path(argument).rglob("test_*.py")]
    return min(MOST, cores + _WAITING) if len(files) > 12 and cores > 1 else 0


class ByFiles(LoadFileScheduling):
    """A process does a file at a time; what needs the cluster is done by one process."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "cluster" if needs_cluster(file) else file


@cache
def needs_cluster(file: str) -> bool:
    """Whether a test of a file, named from the root, asks for the shared cluster."""
    return _ON_THE_CLUSTER.search((ROOT / file).read_text()) is not None
