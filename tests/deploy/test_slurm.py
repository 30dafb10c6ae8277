"""The batch script with stand-ins for Slurm and Ray: what it starts, and how it ends."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "slurm" / "campaign.sbatch"

SAY = '#!/bin/bash\necho "$(basename "$0") $*" >> "$SAID"\n'
STAND_INS = {
    "scontrol": SAY + '[ "$1" != show ] || printf "n1\\nn2\\nn3\\n"\n',
    "hostname": '#!/bin/bash\necho "192.168.0.1 10.1.0.7 "\n',
    # options up to the program are srun's own; what is left is run here, and killed when srun is
    "srun": SAY
    + "while [[ $1 == -* ]]; do case $1 in -w|-x|-o) shift 2;; *) shift;; esac; done\n"
    + "setsid \"$@\" & child=$!; trap 'kill -KILL -- -$child' TERM; wait $child\n",
    "ray": SAY
    + 'echo "ray token $(wc -c < "$RAY_AUTH_TOKEN_PATH") $RAY_AUTH_MODE" >> "$SAID"\n'
    + "kind=node; [[ $* != *--head* ]] || kind=head\n"
    + 'if [ ! -e "$SAID.$kind" ]; then touch "$SAID.$kind"; exit 1; fi\n'
    + "exec sleep 60\n",
    "sleep": '#!/bin/bash\n[ "$1" != 5 ] || exec /bin/sleep 0.1\nexec /bin/sleep "$@"\n',
    "evoskeleton": SAY
    + "trap 'echo stopping >> \"$SAID\"; /bin/sleep 0.3; exit 75' TERM\n"
    + 'while [ ! -e "$SAID.done" ]; do /bin/sleep 0.05; done\n',
}


class Job:
    """A job of three nodes."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.said = folder, folder / "said"
        programs = folder / "bin"
        programs.mkdir()
        for name, text in STAND_INS.items():
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        surroundings = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "SAID": str(self.said),
            "CAMPAIGNS": str(folder / "campaigns"),
            "SETTINGS": "settings.yaml",
            "SLURM_JOB_ID": str(number),
            "SLURM_JOB_NODELIST": "n[1-3]",
            "SLURM_NNODES": "3",
            "SLURM_CPUS_PER_TASK": "16",
            "SLURM_MEM_PER_NODE": "5120",
            "RAY_NETWORK": "10.1.",
        }
        self.process = subprocess.Popen(
            ["bash", str(SCRIPT)], env=surroundings, stdout=subprocess.PIPE, text=True
        )

    def lines(self) -> list[str]:
        return self.said.read_text().splitlines() if self.said.exists() else []

    def wait_for(self, words: str) -> None:
        ends = time.monotonic() + 30
        while not any(words in line for line in self.lines()):
            assert time.monotonic() < ends and self.process.poll() is None, self.lines()
            time.sleep(0.05)

    def ended(self) -> int:
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture
def job(tmp_path):
    running = Job(tmp_path, 1234)
    yield running
    running.process.kill()
    running.process.communicate()


def test_a_job_forms_a_cluster_of_its_own_and_ends_with_its_campaign(job):
    job.wait_for("evoskeleton campaign run")
    job.wait_for("--address=10.1.0.7:23400")
    (job.folder / "said.done").touch()
    assert job.ended() == 0
    said = job.lines()
    head = next(line for line in said if line.startswith("ray start --head"))
    assert "--node-ip-address=10.1.0.7 --port=23400" in head
    assert "--num-cpus=16" in head and f"--object-store-memory={1 << 30}" in head
    campaign = "evoskeleton campaign run --or-resume settings.yaml --address 10.1.0.7:23400"
    assert f"{campaign} --wait 600" in said
    assert "ray token 64 token" in said
    assert not [line for line in said if "requeue" in line or line.startswith("ray stop")]
    assert not list(job.folder.rglob("token"))


@pytest.mark.parametrize("started", ["ray start --head", "ray start --address"])
def test_a_head_or_node_that_could_not_start_is_started_again(job, started):
    ends = time.monotonic() + 30
    while sum(started in line for line in job.lines()) < 2:
        assert time.monotonic() < ends
        time.sleep(0.05)
    (job.folder / "said.done").touch()
    assert job.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_a_job_whose_time_is_over_ends_its_generation_and_is_requeued(job, number):
    job.wait_for("evoskeleton campaign run")
    time.sleep(0.2)  # the stand-in has its own handler by then
    job.process.send_signal(number)
    assert job.ended() == 75
    assert job.lines().count("stopping") == 1
    assert "scontrol requeue 1234" in job.lines()


def test_the_script_is_clean():
    checker = shutil.which("shellcheck")
    if checker is None:
        pytest.skip("shellcheck is absent")
    done = subprocess.run([checker, str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
