"""Import into one Parquet file and export from it: all or nothing."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.exchange import export_poses, import_poses
from evoskeleton.platform.data.formats.parquet import load_parquet, write_parquet
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.data.sources.load import load, settings_from_text
from evoskeleton.platform.data.sources.origins import origins_in, origins_of

SUFFIX = {"parquet": ".parquet", "human36m": ".npy", "videopose3d": ".npz"}


def read(path: Path, *changes: str):
    return settings_from_text(str(path), list(changes))


@pytest.fixture
def walk(motion) -> PoseSet:
    return single_clip(motion, "S1", "Walking", "Walking 1")


@pytest.fixture
def run(motion) -> PoseSet:
    return single_clip(motion[::-1].copy(), "S5", "Running", "Running 2")


@pytest.mark.parametrize("kind", SUFFIX)
def test_what_is_exported_comes_back(kind, walk, run, tmp_path):
    suffix = SUFFIX[kind]
    both = PoseSet.concat([walk, run])
    export_poses(both, tmp_path / f"both{suffix}", kind)
    back = load(read(tmp_path / f"both{suffix}"))
    assert np.allclose(back.poses, both.ordered().poses, atol=1e-3)
    for name in ("subject", "action", "clip", "frame"):
        assert np.array_equal(getattr(back, name), getattr(both.ordered(), name)), name


def test_what_is_said_of_a_source_travels_with_its_poses_and_no_path_does(walk, run, tmp_path):
    for name, poses in (("walk", walk), ("run", run)):
        write_parquet(tmp_path / f"{name}.parquet", poses)
    said = ("licence=CC0-1.0", "acknowledgement=Thanks to S1.")
    import_poses([read(tmp_path / "walk.parquet", *said)], tmp_path / "all.parquet")
    import_poses([read(tmp_path / "run.parquet")], tmp_path / "all.parquet", append=True)
    later = read(tmp_path / "all.parquet", "licence=CC-BY-4.0")
    first, second = origins_of(later)
    assert (first.name, first.licence, first.acknowledgement) == (
        "walk.parquet", "CC0-1.0", "Thanks to S1.",
    )  # fmt: skip
    assert (second.name, second.licence) == ("run.parquet", "CC-BY-4.0")
    digest = hashlib.sha256((tmp_path / "run.parquet").read_bytes()).hexdigest()
    assert origins_in(tmp_path / "all.parquet")[1] == replace(second, licence="", sha256=digest)
    assert str(tmp_path).encode() not in (tmp_path / "all.parquet").read_bytes()


def test_files_of_several_formats_make_one(walk, run, tmp_path):
    export_poses(walk, tmp_path / "walk.npy", "human36m")
    export_poses(run, tmp_path / "run.npz", "videopose3d")
    output = tmp_path / "all.parquet"
    added = import_poses([read(tmp_path / "walk.npy"), read(tmp_path / "run.npz")], output)
    assert len(added) == len(load_parquet(output)) == len(walk) + len(run)
    assert load_parquet(output).clips() == [("S1", "Walking 1"), ("S5", "Running 2")]


def test_an_import_adds_only_if_asked_and_never_twice(walk, run, tmp_path):
    first, second, output = (tmp_path / f"{name}.parquet" for name in ("first", "second", "all"))
    write_parquet(first, walk)
    write_parquet(second, run)
    import_poses([read(first)], output)
    with pytest.raises(BadInput, match="all.parquet is there already; --append adds to it"):
        import_poses([read(second)], output)
    import_poses([read(second)], output, append=True)
    before = output.read_bytes()
    with pytest.raises(BadInput, match="clip Walking 1 of subject S1 is there twice"):
        import_poses([read(first)], output, append=True)
    assert output.read_bytes() == before


def test_a_bad_file_among_good_ones_leaves_what_was_there(walk, tmp_path):
    good, bad, output = tmp_path / "good.parquet", tmp_path / "bad.npy", tmp_path / "all.parquet"
    write_parquet(good, walk)
    import_poses([read(good, "fraction=0.5")], output)
    before = output.read_bytes()
    bad.write_bytes(b"\x93NUMPY nonsense")
    with pytest.raises(BadInput, match="bad.npy is of format .*; it was not read"):
        import_poses([read(good), read(bad)], output, append=True)
    assert output.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {good.name, bad.name, output.name}


def test_a_folder_is_read_with_everything_in_it(walk, run, tmp_path):
    folder = tmp_path / "recordings"
    export_poses(walk, folder / "day one" / "walk.npy", "human36m")
    export_poses(run, folder / "run.npz", "videopose3d")
    (folder / "notes.txt").write_text("sunny")
    poses = load(read(folder))
    assert poses.clips() == [("S1", "Walking 1"), ("S5", "Running 2")]


def test_a_folder_with_nothing_to_read_is_told(tmp_path):
    (tmp_path / "notes.txt").write_text("sunny")
    with pytest.raises(BadInput, match=r"holds no file to read: known are \.parquet, \.npy"):
        load(read(tmp_path))


_BVH = """HIERARCHY
ROOT Hips
{{
  OFFSET 0 0 0
  CHANNELS 3 Xposition Yposition Zposition
  End Site
  {{
    OFFSET 0 1 0
  }}
}}
MOTION
Frames: 1
Frame Time: {frame_time}
0 0 0
"""


def test_mixed_frame_rates_are_told_with_both_files(tmp_path):
    for name, rate in (("a", 120), ("b", 60)):
        (tmp_path / f"{name}.bvh").write_text(_BVH.format(frame_time=1 / rate))
    sentence = "b.bvh has 60 frames a second and .*a.bvh 120: name a common rate with --fps"
    with pytest.raises(BadInput, match=sentence):
        load(read(tmp_path))
    both = [read(tmp_path / f"{name}.bvh") for name in "ab"]
    with pytest.raises(BadInput, match=sentence):
        import_poses(both, tmp_path / "all.parquet")


def test_every_third_frame_of_a_bvh_keeps_its_number(raw_motion):
    asked = ("units=56.4444", "up=y", f"skeleton={raw_motion / '02.asf'}")
    whole = load(read(raw_motion / "02_01.bvh", *asked))
    third = load(read(raw_motion / "02_01.bvh", *asked, "fps=40"))
    kept = np.isin(whole.frame, third.frame)
    assert len(third) == -(-len(whole) // 3)
    assert np.array_equal(whole.poses[kept], third.poses)


def test_any_other_rate_is_resampled_with_bones_as_long_as_before(raw_motion, caplog):
    asked = ("units=56.4444", "up=y", f"skeleton={raw_motion / '02.asf'}")
    whole = load(read(raw_motion / "02_01.bvh", *asked))
    other = load(read(raw_motion / "02_01.bvh", *asked, "fps=50"))
    assert "resampled from 120 to 50 frames a second" in caplog.text
    assert len(other) == int((len(whole) - 1) / 120 * 50) + 1
    assert other.poses[::5] == pytest.approx(whole.poses[::12][: len(other.poses[::5])], abs=0.5)
    lengths = [np.linalg.norm(s.poses[:, 2] - s.poses[:, 1], axis=1) for s in (whole, other)]
    assert np.ptp(lengths[1]) < 0.01 and lengths[1][0] == pytest.approx(lengths[0][0], abs=0.01)


def test_the_same_motion_in_three_formats_is_the_same(raw_motion, tmp_path):
    amc = load(read(raw_motion / "02_01.amc", "up=y"))
    bvh = load(
        read(raw_motion / "02_01.bvh", "units=56.4444", "up=y", f"skeleton={raw_motion / '02.asf'}")
    )
    export_poses(amc, tmp_path / "amc.npy", "human36m", pseudo_subjects=True)
    npy = load(read(tmp_path / "amc.npy"))
    assert len(amc) == len(bvh) == len(npy)
    assert np.abs(amc.poses - bvh.poses).max() < 1.0
    assert np.abs(amc.poses - npy.poses).max() < 1.0


@pytest.mark.parametrize("kind", ["bvh", "trc", "c3d"])
def test_files_of_motion_come_back_a_clip_each(tmp_path, motion, kind):
    if kind == "c3d":
        pytest.importorskip("ezc3d", reason="the extra `c3d` is not installed")
    walk, wave = (
        single_clip(motion[:30], "S1", "walk", "walk"),
        single_clip(motion, "S2", "w", "w 2"),
    )
    thinned = walk.take(np.r_[0:10, 15:30])
    thinned = replace(thinned, frame=thinned.frame * 3)
    export_poses(PoseSet.concat([thinned, wave]), tmp_path / "out", kind, rate=25.0)
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == [f"S1_walk.{kind}", f"S2_w_2.{kind}"]
    own = "joints={" + ", ".join(f"{name}: {name}" for name in JOINT_NAMES) + "}"
    says = ["up=y", own, *(["units=cm"] if kind == "bvh" else [])]
    says[0] = "up=z" if kind == "c3d" else "up=y"
    found = load(settings_from_text(str(tmp_path / "out" / f"S1_walk.{kind}"), says))
    assert len(found) == 30, "frames between those that are there are filled"
    limbs = [2, 3, 5, 6]
    off = np.linalg.norm(found.poses[:10, limbs] - motion[:10, limbs], axis=2)
    assert off.max() < (30.0 if kind == "bvh" else 0.1)
    with pytest.raises(BadInput, match="is there already"):
        export_poses(PoseSet.concat([thinned, wave]), tmp_path / "out", kind, rate=25.0)
    with pytest.raises(BadInput, match="frames a second, which the poses do not say: name --rate"):
        export_poses(walk, tmp_path / f"one.{kind}", kind)
