"""A small training without Ray Train: the same lifter after a kill.

That Ray Train would train the same one, the test of killed workers in test_campaign.py holds.
"""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import ray

from evoskeleton.errors import BadInput
from evoskeleton.lifting.bundle_training import holds_bundle
from evoskeleton.platform.data.poses import single_clip, write_poses
from evoskeleton.platform.search.workers.cluster import prepare_environment
from evoskeleton.platform.search.workers.joined.awaiting import GivenUp
from evoskeleton.platform.search.workers.joined.room import Resources
from evoskeleton.platform.search.workers.ray_training import run_training
from evoskeleton.platform.search.workers.training_job import Job, TrainingSettings, is_small

ONE = Resources(
    workers=1, scorers=1, worker={"num_cpus": 0.1}, scorer={"num_cpus": 0.1}, trainer_cpus=0.5,
    trainer_gpus=0.0,
)  # fmt: skip
FIT = {"steps": 150, "batch": 64, "cascade": {"width": 32}, "report_every": 5}
SETTINGS = TrainingSettings.parse({"fit": FIT, "ensemble": 2, "max_failures": 2})


@pytest.fixture(scope="module")
def joined(ray_address):
    prepare_environment(joins=True)
    ray.init(address=ray_address, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()


@pytest.fixture
def job(motion, tmp_path) -> Job:
    np.save(tmp_path / "poses.npy", motion[:120].astype(np.float32))
    for role, part in (("seed", motion[:120]), ("validation", motion[120:])):
        write_poses(tmp_path / f"{role}.npz", single_clip(part, "S1", "walk", role))
    return Job(
        name="g0",
        folder=str(tmp_path / "g0"),
        storage=str(tmp_path / "storage"),
        snapshot=str(tmp_path / "poses.npy"),
        seed=str(tmp_path / "seed.npz"),
        validation=str(tmp_path / "validation.npz"),
        start=None,
        version=1,
        rows=120,
    )


def elsewhere(job: Job, name: str) -> Job:
    return replace(job, name=name, folder=str(Path(job.folder).with_name(name)))


@pytest.mark.slow
def test_a_task_that_is_killed_goes_on_and_trains_the_same_lifter(joined, job):
    assert is_small(SETTINGS, ONE)
    with ThreadPoolExecutor(1) as one:
        training = one.submit(run_training, job, SETTINGS, ONE)
        killed = killed_at_work(Path(job.storage) / job.name / "checkpoint", training)
        record = training.result()
    assert killed, "the training ended before it could be killed"
    other = run_training(elsewhere(job, "g1"), SETTINGS, ONE)
    assert record["hash"] == other["hash"] and record["ensemble"] == other["ensemble"]
    assert not (Path(job.storage) / job.name).exists()
    assert not list(Path(job.folder).parent.glob("*.members"))


def killed_at_work(checkpoint: Path, training) -> bool:
    """Kill its process once, when it has left a checkpoint."""
    while not training.done():
        if checkpoint.exists():
            for process in psutil.process_iter(["cmdline"]):
                if "ray::SmallTraining" in " ".join(process.info["cmdline"] or []):
                    os.kill(process.pid, signal.SIGKILL)
                    return True
        time.sleep(0.02)
    return False


@pytest.mark.slow
def test_two_shards_train_one_lifter(joined, job):
    settings = TrainingSettings.parse({"fit": FIT | {"gradient_shards": 2, "steps": 20}})
    record = run_training(job, settings, ONE)
    assert record["curve"][-1]["step"] == 20 and np.isfinite(record["validation"]["mpjpe"])
    assert holds_bundle(Path(job.folder) / "bundle")


def test_large_trainings_shards_and_graphics_processors_are_ray_trains():
    large = TrainingSettings.parse({"fit": {"steps": 600, "batch": 1024}})
    shards = TrainingSettings.parse({"fit": FIT | {"gradient_shards": 2}})
    assert not is_small(large, ONE) and not is_small(shards, ONE)
    assert not is_small(SETTINGS, replace(ONE, trainer_gpus=0.5))
    assert not is_small(SETTINGS, replace(ONE, always_ray_train=True))


@pytest.mark.slow
def test_a_training_whose_folder_cannot_be_written_is_refused_in_a_sentence(joined, job, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="training g0 could not be run: .*Not a directory"):
        run_training(replace(job, storage=str(tmp_path / "file")), SETTINGS, ONE)


@pytest.mark.long
@pytest.mark.parametrize("by_ray_train", [False, True])
def test_a_training_that_is_given_up_lets_go_of_ray(joined, job, by_ray_train):
    given_up, place = threading.Event(), Path(job.storage) / job.name
    endless = TrainingSettings.parse({"fit": FIT | {"steps": 20_000, "batch": 16}})
    resources = replace(ONE, always_ray_train=by_ray_train)
    assert is_small(endless, resources) != by_ray_train
    with ThreadPoolExecutor(1) as one:
        training = one.submit(run_training, job, endless, resources, given_up)
        while not list(place.glob("checkpoint*")):
            assert not training.done()
            time.sleep(0.05)
        given_up.set()
        with pytest.raises(GivenUp):
            training.result(timeout=60)
