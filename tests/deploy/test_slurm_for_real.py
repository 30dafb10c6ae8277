"""The batch script under Slurm itself, on three hosts made of namespaces."""

import time
from pathlib import Path

import pytest
import slurm_cluster
import tiny_campaign

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy" / "slurm" / "campaign.sbatch"

pytestmark = pytest.mark.long


def bred(folder: Path, more: int, seconds: float = 240.0) -> int:
    """The generation that is in the table once so many have been added."""
    until, wanted = time.monotonic() + seconds, tiny_campaign.generation_of(folder) + more
    while (found := tiny_campaign.generation_of(folder)) < wanted:
        logs = [path.read_text()[-2000:] for path in folder.glob("job-*.out")]
        assert time.monotonic() < until, logs
        time.sleep(0.5)
    return found


def test_a_job_is_put_back_when_its_time_is_over_or_a_node_is_lost_and_ends(tmp_path):
    if (reason := slurm_cluster.why_not()) is not None:
        pytest.skip(reason)
    with slurm_cluster.running(3, tmp_path) as slurm:
        settings = tiny_campaign.settings_file(tmp_path)
        surroundings = {
            "CAMPAIGNS": str(tmp_path / "home"),
            "SETTINGS": str(settings),
            "RAY_NETWORK": "10.77.",
            "RAY_OPTIONS": "--object-store-memory=100000000",
            "EVOSKELETON_MACHINE__TRAINER_CPUS": "0.5",
        }
        size = ["--nodes=3", "--cpus-per-task=1", "--mem=1000"]
        log = f"--output={tmp_path}/job-%j.out"
        told = slurm.ask("sbatch", "--parsable", *size, log, str(SCRIPT), **surroundings)
        job = int(told.strip())
        slurm.wait_for(job, "RUNNING", 60)
        bred(tmp_path, 3)

        slurm.ask("scancel", "--signal=USR1", "--batch", str(job))
        until = time.monotonic() + 90
        while slurm.job(job)["Restarts"] == "0":
            assert time.monotonic() < until, slurm.job(job)
            time.sleep(0.5)
        stopped = tiny_campaign.generation_of(tmp_path)
        slurm.wait_for(job, "RUNNING", 120)
        assert bred(tmp_path, 3) > stopped

        slurm.hosts[2].power_off()
        until = time.monotonic() + 120
        while slurm.job(job)["Restarts"] == "1":
            assert time.monotonic() < until, slurm.job(job)
            time.sleep(0.5)
        end = tiny_campaign.generation_of(tmp_path) + 5
        tiny_campaign.settings_file(tmp_path, generations=end)
        slurm.hosts[2].power_on()
        slurm.boot(slurm.hosts[2])
        slurm.wait_for(job, "RUNNING", 120)
        found = slurm.wait_for(job, "COMPLETED", 240)
    assert found["ExitCode"] == "0:0" and found["Restarts"] == "2"
    assert tiny_campaign.generation_of(tmp_path) == end
    words = (tmp_path / f"job-{job}.out").read_text()
    assert words.count("the campaign left with 75") == 1
    assert "the campaign left with 0" in words
