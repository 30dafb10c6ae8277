import subprocess
import sys
import time

import pytest

from evoskeleton.platform.search.study.budget import Clock, Spending

WORK = """
import sys, time
from pathlib import Path
from evoskeleton.platform.search.study.budget import Spending
with Spending(Path(sys.argv[1]), every_s=0.05).counted():
    print("begun", flush=True)
    time.sleep(600)
"""


def test_what_is_spent_adds_up_however_it_ends(tmp_path):
    spending, clock = Spending(tmp_path / "spent.json"), Clock()
    assert spending.core_hours() == 0
    with spending.counted():
        time.sleep(0.01)
    first = spending.core_hours()
    with pytest.raises(KeyboardInterrupt), spending.counted():
        raise KeyboardInterrupt
    assert 0 < first < spending.core_hours() <= clock.core_hours()


def test_work_killed_with_9_has_been_counted(tmp_path):
    path = tmp_path / "spent.json"
    for _ in range(2):
        before = Spending(path).core_hours()
        arguments = [sys.executable, "-c", WORK, str(path)]
        work = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        try:
            assert work.stdout.readline() == "begun\n"
            deadline = time.monotonic() + 20
            while Spending(path).core_hours() <= before and time.monotonic() < deadline:
                time.sleep(0.02)
        finally:
            work.kill()
            work.communicate()
        assert Spending(path).core_hours() > before
