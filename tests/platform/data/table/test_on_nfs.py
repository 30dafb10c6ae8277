"""A home and its pose table on NFSv4, seen by machines with kernels of their own."""

import time

import nfs_machines
import pytest

pytestmark = pytest.mark.long

HOLDS = """
import time
from evoskeleton.platform.search.campaign.paths import CampaignFolder
with CampaignFolder("/mnt/shared/home", "walk").lock(60.0):
    print("has the lock")
    time.sleep(600)
"""
ASKS = """
from evoskeleton.errors import BadInput
from evoskeleton.platform.search.campaign.paths import CampaignFolder
folder = CampaignFolder("/mnt/shared/home", "walk")
try:
    with folder.lock():
        print("both have it")
except BadInput as error:
    print(error)
with folder.lock(60.0):
    print("has it now")
"""
WRITES = """
from table_rows import rows
from evoskeleton.platform.data.pose_table import PoseTable
table = PoseTable.create("/mnt/shared/home/poses")
table.claim("NAME")
for generation in range(8):
    table.commit("NAME", generation, rows(generation))
print("wrote")
"""
TAKES_OVER = """
from pathlib import Path
import numpy as np
from table_rows import rows
from evoskeleton.platform.data.pose_table import PoseTable
table = PoseTable.open("/mnt/shared/home/poses")
counted = table.info()["rows_by_campaign"]
files = list(Path(table.uri).glob("campaign=*/*"))
print(sorted(counted.items()), len(files), "files")
print(table.compact())
path = table.snapshot(Path("/mnt/shared/home/s.npy"), table.version, "a")
print(len(np.load(path, mmap_mode="r")), "poses")
table.claim("a")
print("took over")
"""
LATE = """
import time
from pathlib import Path
from table_rows import rows
from evoskeleton.errors import BadInput
from evoskeleton.platform.data.pose_table import PoseTable
table = PoseTable.create("/mnt/shared/home/poses")
table.claim("a")
print("claimed")
while not Path("/mnt/shared/go").exists():
    time.sleep(0.5)
try:
    table.commit("a", 8, rows(8))
except BadInput as error:
    print(error)
"""


@pytest.fixture
def network(tmp_path):
    if (reason := nfs_machines.why_not()) is not None:
        pytest.skip(reason)
    with nfs_machines.running(tmp_path) as found:
        yield found


def test_a_lock_is_seen_and_is_given_back_when_its_machine_has_lost_power(network):
    holds = network.run(HOLDS)
    holds.told("has the lock")
    asks = network.run(ASKS)
    sentence = asks.told("campaign walk is being run by process")
    assert "nfs1" in sentence and "both" not in sentence
    holds.power_off()
    lost = time.monotonic()
    asks.told("has it now")
    assert time.monotonic() - lost < 60


def test_machines_write_one_table_and_a_late_driver_is_refused(network):
    writers = [network.run(WRITES.replace("NAME", name)) for name in ("a", "b")]
    for writer in writers:
        writer.told("wrote")
    late = network.run(LATE)
    late.told("claimed")
    other = network.run(TAKES_OVER + "\nPath('/mnt/shared/go').touch()")
    told = other.told("took over")
    assert "[('a', 160), ('b', 160)] 16 files" in told
    assert "(16, 2)" in told and "160 poses" in told
    assert "was taken over by another process" in late.told("left with 0")
