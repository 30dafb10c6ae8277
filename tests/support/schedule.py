"""How the tests are divided among processes: by files, the longest first.

All files that breed on Ray go to one process, so that they share one cluster.
"""

from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).resolve().parents[1]
MOST = 2
"""More processes would need more clusters and databases."""

ON_RAY = (
    "tests/platform/search/test_campaign.py",
    "tests/platform/search/test_cluster.py",
    "tests/platform/search/test_study.py",
    "tests/docs/test_examples.py",
)
LONG = (
    *ON_RAY,
    "tests/platform/search/test_killed_driver.py",
    "tests/pins/test_numbers.py",
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


class ByFiles(LoadScopeScheduling):
    """A file's tests go to one process, and those of all files on Ray to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        return scope(file_of(nodeid))


def file_of(nodeid: str) -> str:
    """The file that a test stands in."""
    return nodeid.split("::")[0]


def scope(file: str) -> str:
    """What is never divided."""
    return "on Ray" if file in ON_RAY else file


def longest_first(items: list[pytest.Item]) -> None:
    """Order tests so that nothing long is left for the end; within a file they stay as they are."""
    places = {file: place for place, file in enumerate(LONG)}
    items.sort(key=lambda item: places.get(file_of(item.nodeid), len(places)))


def processes(arguments: list[str], cores: int) -> int:
    """How many processes are worth their start; none: the tests run in this one."""
    files = [file for argument in arguments for file in Path(argument).rglob("test_*.py")]
    return min(MOST, cores) if len(files) > 12 and cores > 1 else 0
