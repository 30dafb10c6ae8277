"""The worked examples of the documentation are run as they stand."""

import re
import shlex
import shutil
from pathlib import Path

import mpi_inf_3dhp_files
import numpy as np
import pytest

from evoskeleton.cli import main
from evoskeleton.platform.data.formats.human36m import write_human36m
from evoskeleton.platform.data.formats.parquet import load_parquet
from evoskeleton.platform.data.formats.videopose3d import write_videopose3d
from evoskeleton.platform.data.poses import PoseSet, single_clip

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "your-own-data.md"
BLOCK = re.compile(r"```(bash|python)\n(.*?)```", re.S)


def sections() -> dict[str, list[tuple[str, str]]]:
    """Blocks of code (language, text) by heading."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(), flags=re.M)[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {heading: BLOCK.findall(text) for heading, text in pairs}


def run_blocks(blocks: list[tuple[str, str]]) -> None:
    for language, text in blocks:
        if language == "python":
            exec(compile(text, str(PAGE), "exec"), {})
            continue
        for line in text.splitlines():
            program, *arguments = shlex.split(line, comments=True)
            assert program == "evoskeleton"
            with pytest.raises(SystemExit) as ended:
                main(arguments)
            assert not ended.value.code, line


@pytest.fixture
def here(tmp_path, monkeypatch, motion) -> Path:
    """A folder with the files that the page names, but for the raw motion."""
    monkeypatch.chdir(tmp_path)
    np.save("mine.npy", motion)
    people = [single_clip(motion, f"S{number}", "Walking", "Walking 1") for number in (1, 5)]
    write_human36m(tmp_path / "threeDPose_train.npy", PoseSet.concat(people))
    write_videopose3d(tmp_path / "data_3d_h36m.npz", PoseSet.concat(people))
    return tmp_path


@pytest.fixture
def with_raw(here, raw_motion) -> Path:
    """The same with the BVH, ASF and AMC of one clip of the CMU database."""
    (here / "recordings").mkdir()
    for name in ("02.asf", "02_01.amc", "02_01.bvh"):
        shutil.copy(raw_motion / name, here)
    for name in ("02.asf", "02_01.amc"):
        shutil.copy(here / name, here / "recordings")
    return here


def test_parquet(here, motion):
    run_blocks(sections()["Parquet"])
    assert len(load_parquet(here / "poses.parquet")) == len(motion)
    assert len(load_parquet(here / "half.parquet")) == len(motion) / 2


def test_human36m(here, motion):
    run_blocks(sections()["EvoSkeleton and Human3.6M dictionaries"])
    assert set(load_parquet(here / "h36m.parquet").subject) == {"S1", "S5"}
    assert len(load_parquet(here / "scarce.parquet")) == len(motion) / 2
    assert (here / "again.npy").exists()


def test_videopose3d(here, motion):
    run_blocks(sections()["VideoPose3D arrays"])
    poses = load_parquet(here / "vp3d.parquet")
    assert np.allclose(poses.poses[: len(motion)], motion, atol=1e-2)
    assert (here / "data_3d_mine.npz").exists()


def test_mpi_inf_3dhp(here, motion):
    mpi_inf_3dhp_files.write_training(here / "mpi_inf_3dhp" / "S1" / "Seq1", motion)
    valid = np.arange(len(motion)) % 2 == 0
    camera = mpi_inf_3dhp_files.in_front(motion.astype(np.float64))
    folder = here / "mpi_inf_3dhp_test_set" / "TS1"
    mpi_inf_3dhp_files.write_test(folder, camera, valid, np.ones(len(motion)))
    run_blocks(sections()["MPI-INF-3DHP"])
    assert np.allclose(load_parquet(here / "3dhp.parquet").poses, motion, atol=0.1)
    assert len(load_parquet(here / "ts1.parquet")) == valid.sum()


def test_bvh_amc_and_a_folder_give_the_same_poses(with_raw):
    for heading in ("BVH", "ASF and AMC", "A folder"):
        run_blocks(sections()[heading])
    bvh, amc, folder = (
        load_parquet(with_raw / name)
        for name in ("walk.parquet", "walk_amc.parquet", "all.parquet")
    )
    assert np.array_equal(amc.poses, folder.poses)
    common = np.isin(amc.frame, bvh.frame)
    assert common.sum() == len(bvh) > 100
    assert np.abs(amc.poses[common] - bvh.poses).max() < 1.0
    assert set(bvh.subject) == {"02"} and set(bvh.clip) == {"02_01"}
