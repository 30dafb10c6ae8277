"""A home on an object store, and three hosts that share nothing else."""

import subprocess
import sys
import time

import hosts
import pyarrow.parquet as pq
import pytest
import s3_server
import tiny_campaign
from scheduled import Scheduler

from evoskeleton.cli import main

PORT = 5555
HOME = "s3://homes/all"

pytestmark = pytest.mark.long

READ = """
import sys, pyarrow.parquet as pq
from evoskeleton.platform.data.pose_table import PoseTable
uri, file, *columns = sys.argv[1:]
pq.write_table(PoseTable.open(uri).read(columns).sort_by("id"), file)
"""
MAKE = "import urllib.request as u; u.urlopen(u.Request(sys.argv[1], b'', method='PUT'))"


@pytest.fixture
def three(tmp_path):
    if (reason := hosts.why_not()) is not None:
        pytest.skip(reason)
    with hosts.running(3, tmp_path) as found:
        yield found


def patiently(done, seconds: float, scheduler: Scheduler) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, scheduler.told[-20:]
        assert not scheduler.look_after(), scheduler.told[-20:]
        time.sleep(0.2)


@pytest.mark.parametrize("always_ray_train", ["false", "true"])
def test_nodes_that_share_only_a_store_make_the_same_table(three, tmp_path, always_ray_train):
    url = f"http://{three[0].address}:{PORT}"
    program = [sys.executable, "-m", "moto.server", "-H", "0.0.0.0", "-p", str(PORT)]
    server = subprocess.Popen(
        three[0].inside(*program), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    options = s3_server.Store(url).options
    settings = tiny_campaign.settings_file(tmp_path, 12, HOME)
    scheduler = Scheduler(three, tmp_path, settings, options)
    for _ in range(60):
        made = three[0].inside(sys.executable, "-c", f"import sys; {MAKE}", f"{url}/homes")
        if subprocess.run(made, stderr=subprocess.DEVNULL).returncode == 0:
            break
        time.sleep(0.5)
    scheduler.start(trainer_cpus=0.5, always_ray_train=always_ray_train)
    patiently(lambda: len(scheduler.generations()) > 3, 180, scheduler)
    for number in scheduler.driver():
        subprocess.run(["kill", "-9", str(number)], check=True)
    subprocess.run(three[0].inside("rm", "-rf", "/tmp/home/.cache"), check=True)
    three[2].power_off()
    three[2].power_on()
    patiently(lambda: scheduler.runs == 2, 60, scheduler)
    assert scheduler.wait(300) == 0, scheduler.told[-20:]
    assert not (tmp_path / "home").exists()

    file = tmp_path / "rows.parquet"
    words = [sys.executable, "-c", READ, f"{HOME}/poses", str(file), *tiny_campaign.COLUMNS]
    subprocess.run(three[0].inside(*words), env=scheduler.surroundings(), check=True)
    server.kill()
    (tmp_path / "alone").mkdir()
    alone = tiny_campaign.settings_file(tmp_path / "alone", 12)
    with pytest.raises(SystemExit) as ended:
        main(["campaign", "run", str(alone), "--set", "machine.workers=1"])
    assert not ended.value.code
    undisturbed = tiny_campaign.rows_of(tmp_path / "alone")
    rows = pq.read_table(file)
    for name in tiny_campaign.COLUMNS:
        assert str(rows[name].to_pylist()) == str(undisturbed[name].tolist()), name
