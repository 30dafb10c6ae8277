"""Human3.6M dictionaries and VideoPose3D archives: round trips, what others read, refusals."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import H36M_32_INDEX
from evoskeleton.files import whole_file
from evoskeleton.platform.data.formats.human36m import (
    TEST_SUBJECTS,
    joints_to_32,
    load_human36m,
    number_subjects,
    write_human36m,
)
from evoskeleton.platform.data.formats.human36m_h5 import load_human36m_folder
from evoskeleton.platform.data.formats.videopose3d import load_videopose3d, write_videopose3d
from evoskeleton.platform.data.poses import PoseSet, check_poses, single_clip
from evoskeleton.platform.data.sources.load import load
from evoskeleton.platform.data.sources.settings import Human36mSource

Writer = Callable[..., dict[str, int]]
WRITERS = (write_human36m, write_videopose3d)
READ = {write_human36m: load_human36m, write_videopose3d: load_videopose3d}


def some_poses(motion: np.ndarray, subjects: tuple[str, ...] = ("S1", "S9")) -> PoseSet:
    """Several clips of each subject, in no particular order of their names."""
    clips = [
        single_clip(motion[60 * at : 60 * at + 60] + number, subject, action, clip)
        for number, subject in enumerate(subjects)
        for at, (action, clip) in enumerate(
            [("walk", "walk 2"), ("walk", "walk 1"), ("bow", "02_01"), ("n/a", "n/a")]
        )
    ]
    return PoseSet.concat(clips)


def assert_same(read: PoseSet, written: PoseSet, within_mm: float = 0.0) -> None:
    for column in ("subject", "action", "clip", "frame"):
        assert getattr(read, column).tolist() == getattr(written, column).tolist()
    assert read.poses.dtype == np.float32
    assert np.abs(read.poses - written.poses).max() <= within_mm


def save(path: Path, entries: Any) -> Path:
    array = np.empty((), dtype=object)
    array[()] = entries
    np.save(path, array, allow_pickle=True)
    return path


def save_npz(path: Path, entries: Any) -> Path:
    np.savez_compressed(path, positions_3d=entries)
    return path


# Round trips


def test_a_dictionary_comes_back_to_the_last_bit(tmp_path, motion):
    poses = some_poses(motion)
    assert write_human36m(tmp_path / "a.npy", poses) == {"S1": 1, "S9": 9}
    assert_same(load_human36m(tmp_path / "a.npy"), poses)


def write_h5(path: Path, rows: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with pytest.importorskip("h5py").File(path, "w") as file:
        file["3D_positions"] = rows


def test_a_folder_of_hdf5_has_the_names_of_the_archive(tmp_path, motion):
    """Martinez 2017's files, and VideoPose3D's archive of the same."""
    names = {"Photo": "TakingPhoto", "Walking 1": "Walking 1", "Walking": "Walking"}
    clips = {clip: motion[30 * number : 30 * number + 20] for number, clip in enumerate(names)}
    for clip, file in names.items():
        for subject in ("S1", "S11"):
            place = tmp_path / "h36m" / subject / "MyPoses" / "3D_positions" / f"{file}.h5"
            write_h5(place, joints_to_32(clips[clip]).reshape(-1, 96).T)
    written = [
        single_clip(poses, subject, clip.split()[0], clip)
        for subject in ("S1", "S11")
        for clip, poses in clips.items()
    ]
    write_videopose3d(tmp_path / "a.npz", PoseSet.concat(written))
    read = load(Human36mSource(kind="human36m", path=str(tmp_path / "h36m")))
    assert_same(read, load_videopose3d(tmp_path / "a.npz").ordered(), 1e-3)


@pytest.mark.parametrize(
    "file, rows, sentence",
    [
        (
            "S1/3D_positions/Walking.h5",
            np.zeros((51, 3)),
            r"should be \(96, frames\), got \(51, 3\)",
        ),
        (
            "S1/3D_positions/Walking.h5",
            np.full((96, 3), np.nan),
            "row 0: joint Hip should be finite",
        ),
        ("people/3D_positions/Walking.h5", np.zeros((96, 3)), "in a folder of its subject"),
        ("S1/Walking.h5", np.zeros((96, 3)), "should hold files such as S1/MyPoses"),
    ],
)
def test_a_folder_of_hdf5_that_does_not_fit_is_refused(tmp_path, file, rows, sentence):
    write_h5(tmp_path / file, rows)
    with pytest.raises(BadInput, match=sentence):
        load_human36m_folder(tmp_path)


def test_an_archive_in_metres_comes_back_within_a_micrometre(tmp_path, motion):
    poses = some_poses(motion + np.float32(4000))
    assert write_videopose3d(tmp_path / "a.npz", poses) == {"S1": 1, "S9": 9}
    assert_same(load_videopose3d(tmp_path / "a.npz"), poses, within_mm=1e-3)


@pytest.mark.parametrize("write", WRITERS)
def test_real_poses_come_back(write, tmp_path, cmu_file):
    from evoskeleton.platform.data.formats.parquet import load_parquet

    poses = load_parquet(cmu_file)
    poses = poses.take(np.isin(poses.subject, ["CMU02", "CMU05", "CMU13"]))
    numbers = write(tmp_path / "a", poses, pseudo_subjects=True)
    assert numbers == {"CMU02": 1, "CMU05": 5, "CMU13": 6}
    read = READ[write](tmp_path / "a")
    assert np.abs(read.poses - poses.poses).max() < 1e-3
    assert (read.clip == poses.clip).all() and (read.action == poses.action).all()
    check_poses(read)


def test_the_same_motion_is_the_same_in_both_files(tmp_path, motion):
    poses = some_poses(motion)
    write_human36m(tmp_path / "a.npy", poses)
    write_videopose3d(tmp_path / "a.npz", poses)
    assert_same(load_videopose3d(tmp_path / "a.npz"), load_human36m(tmp_path / "a.npy"), 1e-3)


@pytest.mark.parametrize("write", WRITERS)
def test_rows_are_written_in_the_order_of_their_frames(write, tmp_path, motion):
    shuffled = single_clip(motion, "S1", "walk", "walk").take(np.arange(len(motion))[::-1])
    write(tmp_path / "a", shuffled)
    read = READ[write](tmp_path / "a")
    assert np.allclose(read.poses, motion, atol=1e-3)
    assert read.frame.tolist() == list(range(len(motion)))


@pytest.mark.parametrize(
    "key",
    [(1, "Walking", "Seq 1.h5"), (5, "Directions", "Directions 1.h5"), (11, "n/a", "n/a")],
)
def test_keys_of_the_field_come_back_as_they_were(key, tmp_path, motion):
    save(tmp_path / "a.npy", {key: joints_to_32(motion).reshape(-1, 96)})
    poses = load_human36m(tmp_path / "a.npy")
    assert poses.subject[0] == f"S{key[0]}" and poses.action[0] == key[1]
    write_human36m(tmp_path / "b.npy", poses)
    assert list(np.load(tmp_path / "b.npy", allow_pickle=True).item()) == [key]


def test_files_of_the_same_name_are_clips_of_their_own(tmp_path, motion):
    rows = joints_to_32(motion[:3]).reshape(-1, 96)
    entries = {(s, a, "Seq 1.h5"): rows for s in (1, 5) for a in ("Walking", "Eating")}
    poses = load_human36m(save(tmp_path / "a.npy", entries))
    assert poses.clips() == [
        ("S1", "Eating/Seq 1.h5"),
        ("S1", "Walking/Seq 1.h5"),
        ("S5", "Eating/Seq 1.h5"),
        ("S5", "Walking/Seq 1.h5"),
    ]


def test_actions_of_an_archive_are_its_names_without_the_number(tmp_path, motion):
    metres = (joints_to_32(motion) / 1000).astype(np.float32)
    names = ("Directions 1", "Directions", "SittingDown 2", "walk (02_01)")
    poses = load_videopose3d(save_npz(tmp_path / "a.npz", {"S1": dict.fromkeys(names, metres)}))
    pairs = dict(zip(poses.clip.tolist(), poses.action.tolist(), strict=True))
    assert pairs == {
        "Directions 1": "Directions",
        "Directions": "Directions",
        "SittingDown 2": "SittingDown",
        "02_01": "walk",
    }


# What other programs read


def test_stock_numpy_reads_the_dictionary_of_the_reference(tmp_path, motion):
    write_human36m(tmp_path / "a.npy", some_poses(motion))
    entries = np.load(tmp_path / "a.npy", allow_pickle=True).item()
    assert list(entries)[:2] == [(1, "walk", "walk 2"), (1, "walk", "walk 1")]
    rows = entries[1, "walk", "walk 2"]
    assert rows.shape == (60, 96) and rows.dtype == np.float32
    assert np.array_equal(rows.reshape(60, 32, 3)[:, list(H36M_32_INDEX)], motion[:60])


def test_joints_that_nobody_recorded_lie_at_their_neighbours(motion):
    joints = joints_to_32(motion)
    assert np.array_equal(joints[..., 2].min(axis=1), motion[..., 2].min(axis=1))
    for joint, at in {
        4: 3,
        5: 3,
        9: 8,
        11: 0,
        16: 13,
        24: 13,
        20: 19,
        23: 19,
        28: 27,
        31: 27,
    }.items():
        assert np.array_equal(joints[:, joint], joints[:, at])


def test_videopose3d_finds_what_it_looks_for(tmp_path, motion):
    """Its loader takes the dictionary out, keeps 17 of 32 joints by number, and wants float32."""
    write_videopose3d(tmp_path / "a.npz", some_poses(motion))
    with np.load(tmp_path / "a.npz", allow_pickle=True) as archive:
        subjects = archive["positions_3d"].item()
    assert list(subjects) == ["S1", "S9"]
    assert list(subjects["S1"]) == ["walk 2", "walk 1", "bow (02_01)", "n/a"]
    dropped = [4, 5, 9, 10, 11, 16, 20, 21, 22, 23, 24, 28, 29, 30, 31]
    positions = np.delete(subjects["S1"]["walk 2"], dropped, axis=1)
    assert subjects["S1"]["walk 2"].shape == (60, 32, 3) and positions.dtype == np.float32
    assert np.allclose(1000 * positions, motion[:60], atol=1e-3)
    assert [name.split(" ")[0] for name in subjects["S1"]] == ["walk", "walk", "bow", "n/a"]


@pytest.mark.parametrize("kind", ["51", "float64", "list of rows", "python 2", "numpy 1 names"])
def test_every_way_to_keep_the_rows_reads_the_same(kind, tmp_path, motion):
    rows: Any = joints_to_32(motion).reshape(-1, 96)
    key = (np.int64(1) if kind == "float64" else 1, "walk", "walk")
    if kind == "51":
        rows = motion.reshape(-1, 51)
    elif kind == "float64":
        rows = rows.astype(np.float64)
    elif kind == "list of rows":
        rows = list(rows)
    if kind == "python 2":
        array = np.empty((), dtype=object)
        array[()] = {key: rows}
        with open(tmp_path / "a.npy", "wb") as file:
            npy.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
            pickle.dump(array, file, protocol=2)
    else:
        save(tmp_path / "a.npy", {key: rows})
    assert_same(load_human36m(tmp_path / "a.npy"), single_clip(motion, "S1", "walk", "walk"))


def test_archives_of_17_joints_are_read(tmp_path, motion):
    save_npz(tmp_path / "a.npz", {"S1": {"walk": motion / np.float64(1000)}})
    assert_same(
        load_videopose3d(tmp_path / "a.npz"), single_clip(motion, "S1", "walk", "walk"), 1e-3
    )


# Subjects


@pytest.mark.parametrize("write", WRITERS)
def test_subjects_without_a_number_are_refused_unless_asked(write, tmp_path, motion):
    poses = some_poses(motion, ("CMU02", "S1", "deepmimic"))
    with pytest.raises(BadInput, match="such as S1 or 1, got CMU02; pseudo-subjects on request"):
        write(tmp_path / "a", poses)
    assert list(tmp_path.iterdir()) == []
    numbers = write(tmp_path / "a", poses, pseudo_subjects=True)
    assert numbers == {"CMU02": 5, "S1": 1, "deepmimic": 6}
    assert sorted(set(READ[write](tmp_path / "a").subject.tolist())) == ["S1", "S5", "S6"]


def test_pseudo_subjects_are_never_the_test_subjects():
    numbers = number_subjects([f"person {n:02d}" for n in range(12)], pseudo_subjects=True)
    assert list(numbers.values()) == [1, 5, 6, 7, 8, 2, 3, 4, 10, 12, 13, 14]
    assert not set(numbers.values()) & set(TEST_SUBJECTS)


def test_pseudo_subjects_do_not_take_a_number_that_is_in_use():
    names = ["S5", "S9", "7", "evolved", "tall"]
    assert number_subjects(names, pseudo_subjects=True) == {
        "S5": 5, "S9": 9, "7": 7, "evolved": 1, "tall": 6,
    }  # fmt: skip


def test_two_names_of_one_number_are_told():
    with pytest.raises(BadInput, match="two subjects have the same number: 7, S7"):
        number_subjects(["S7", "7"])


# Files


@pytest.mark.parametrize("write", WRITERS)
def test_a_file_that_is_there_is_replaced_only_when_asked(write, tmp_path, motion):
    file = tmp_path / "threeDPose_test.npy"
    file.write_text("the real test poses")
    with pytest.raises(BadInput, match="threeDPose_test.npy is there already"):
        write(file, some_poses(motion))
    assert file.read_text() == "the real test poses"
    write(file, some_poses(motion), overwrite=True)
    assert len(READ[write](file)) == 480 and list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("there", [False, True])
def test_a_writer_that_stops_half_way_leaves_what_was_there(there, tmp_path):
    file = tmp_path / "a.npy"
    if there:
        file.write_text("before")
    with pytest.raises(KeyboardInterrupt), whole_file(file) as stream:
        stream.write(b"half")
        raise KeyboardInterrupt
    assert [path.read_text() for path in tmp_path.iterdir()] == (["before"] if there else [])


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    file = tmp_path / "a.npy"
    with (
        pytest.raises(BadInput, match="is there already"),
        whole_file(file, overwrite=False) as stream,
    ):
        stream.write(b"mine")
        file.write_text("of another program")
    assert file.read_text() == "of another program"


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, motion):
    np.save(tmp_path / "motion.npy", motion)
    program = (
        "import resource, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from evoskeleton.errors import BadInput\n"
        "from evoskeleton.platform.data.formats.human36m import write_human36m\n"
        "from evoskeleton.platform.data.poses import single_clip\n"
        "from evoskeleton.platform.data.formats.videopose3d import write_videopose3d\n"
        "folder = Path(sys.argv[1])\n"
        "poses = single_clip(np.load(folder / 'motion.npy'), 'S1', 'walk', 'walk')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "for write in (write_human36m, write_videopose3d):\n"
        "    try:\n"
        "        write(folder / 'out', poses)\n"
        "    except BadInput as error:\n"
        "        print(error)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True)
    assert said.stdout.count("cannot be written: File too large") == 2, said.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["motion.npy"]


@pytest.mark.parametrize("write", WRITERS)
def test_a_place_that_cannot_be_written_is_told(write, tmp_path, motion):
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="file/a cannot be written: "):
        write(tmp_path / "file" / "a", some_poses(motion))
    with pytest.raises(BadInput, match="is a folder"):
        write(tmp_path, some_poses(motion), overwrite=True)


def test_neither_module_needs_ray_or_torch():
    program = (
        "import sys, evoskeleton.platform.data.formats.videopose3d,"
        "evoskeleton.platform.data.formats.human36m;"
        "print([name for name in ('torch', 'ray', 'mlflow') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert said.stdout == "[]\n"


# What does not fit


GOOD = (1, "walk", "walk 1")


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({}, "a.npy holds no poses"),
        ({GOOD: np.zeros((0, 96))}, "a.npy holds no poses"),
        ([1, 2], r"dictionary by \(subject, action, file\), got list"),
        ({GOOD: np.zeros((2, 95))}, r"\(1, 'walk', 'walk 1'\) should hold .* got rows of 95"),
        ({GOOD: np.zeros((2, 64))}, "got rows of 64, which looks like 2D keypoints"),
        ({GOOD: np.zeros((2, 32, 3))}, r"got an array of float64 of shape \(2, 32, 3\)"),
        ({GOOD: np.array([["a"] * 96])}, "got an array of <U1"),
        ({GOOD: None}, "got NoneType"),
        ({GOOD: [np.zeros(96), np.zeros(95)]}, r"'walk 1'\), row 1: rows .* got \(95,\)"),
        ({GOOD: [np.zeros(96), np.zeros(51)]}, r"row 1: rows .* got \(51,\)"),
        ({GOOD: [np.zeros(96), ["a"] * 96]}, r"row 1 should hold numbers"),
        ({(1, 2): np.zeros((2, 96))}, r"\(1, 2\): a key should be \(subject number, action, file"),
        ({("S1", "a", "b"): np.zeros((2, 96))}, r"\('S1', 'a', 'b'\): a key should be"),
        ({(-1, "a", "b"): np.zeros((2, 96))}, "a key should be"),
        ({(True, "a", "b"): np.zeros((2, 96))}, "a key should be"),
        ({"image.jpg": np.zeros((2, 96))}, "image.jpg: a key should be"),
        ({(1, "a", 3): np.zeros((2, 96))}, "names should be texts of 1 to 200 characters, got 3"),
        ({(1, "", "b"): np.zeros((2, 96))}, "names should be texts"),
        ({(1, "a" * 201, "b"): np.zeros((2, 96))}, "names should be texts"),
        ({(1, "a\n", "b"): np.zeros((2, 96))}, "names should be texts"),
    ],
)
def test_an_entry_that_does_not_fit_is_told_by_its_key(entries, sentence, tmp_path):
    with pytest.raises(BadInput, match=sentence) as refusal:
        load_human36m(save(tmp_path / "a.npy", entries))
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_number_that_is_not_finite_is_told_by_key_row_and_joint(value, tmp_path, motion):
    rows = joints_to_32(motion).reshape(-1, 96).astype(np.float64)
    rows[7, 3 * 8] = value
    sentence = rf"\(1, 'walk', 'walk 1'\), row 7: joint LFoot should be finite, got {value}"
    with pytest.raises(BadInput, match=sentence.replace("+", r"\+")):
        load_human36m(save(tmp_path / "a.npy", {GOOD: rows}))
    metres = {"S1": {"walk 1": rows.reshape(-1, 32, 3)}}
    with pytest.raises(BadInput, match=r"S1, walk 1, row 7: joint LFoot should be finite"):
        load_videopose3d(save_npz(tmp_path / "a.npz", metres))


def test_a_joint_that_is_not_used_may_be_missing(tmp_path, motion):
    rows = joints_to_32(motion).reshape(-1, 32, 3)
    rows[:, 5] = np.nan
    poses = load_human36m(save(tmp_path / "a.npy", {GOOD: rows.reshape(-1, 96)}))
    assert np.array_equal(poses.poses, motion)


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({}, "a.npz holds no poses"),
        ({"S1": {}}, "a.npz holds no poses"),
        ([1], "positions_3d should hold a dictionary by name, got (ndarray|list)"),
        ({"S1": np.zeros((2, 32, 3))}, "S1 should hold a dictionary by name, got ndarray"),
        ({1: {}}, "names should be texts of 1 to 200 characters, got 1"),
        ({"S1": {"walk 1": np.zeros((2, 14, 3))}}, r"S1, walk 1 should .* got \(2, 14, 3\)"),
        ({"S1": {"walk 1": np.zeros((2, 96))}}, r"metres, got \(2, 96\)"),
        ({"S1": {"walk 1": np.zeros((2, 17, 3), "S1")}}, r"metres, got \|S1"),
        ({"S1": {"walk 1": [1.0]}}, "metres, got list"),
    ],
)
def test_an_archive_that_does_not_fit_is_told_by_subject_and_name(entries, sentence, tmp_path):
    with pytest.raises(BadInput, match=sentence):
        load_videopose3d(save_npz(tmp_path / "a.npz", entries))


def test_an_archive_of_2d_keypoints_is_told(tmp_path):
    np.savez(tmp_path / "a.npz", positions_2d=np.zeros(2))
    with pytest.raises(BadInput, match="should hold positions_3d, got positions_2d"):
        load_videopose3d(tmp_path / "a.npz")


@pytest.mark.parametrize("write", WRITERS)
def test_nothing_and_what_is_not_finite_are_not_written(write, tmp_path, motion):
    broken = motion.copy()
    broken[3, 2, 1] = np.nan
    with pytest.raises(BadInput, match="clip c, frame 3: coordinates should be finite"):
        write(tmp_path / "a", single_clip(broken, "S1", "walk", "c"))
    with pytest.raises(BadInput, match="no poses to write"):
        write(tmp_path / "a", single_clip(motion[:0], "S1", "walk", "c"))
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_would_lose_its_action_is_told(tmp_path, motion):
    with pytest.raises(BadInput, match=r"action a \(b\) and clip c do not fit into a name"):
        write_videopose3d(tmp_path / "a.npz", single_clip(motion, "S1", "a (b)", "c"))


def test_two_clips_of_one_key_are_told(tmp_path, motion):
    clips = ("walk/Seq 1.h5", "Seq 1.h5")
    poses = PoseSet.concat([single_clip(motion, "S1", "walk", clip) for clip in clips])
    with pytest.raises(BadInput, match=r"two clips of subject S1 .* \(1, 'walk', 'Seq 1.h5'\)"):
        write_human36m(tmp_path / "a.npy", poses)


@pytest.mark.parametrize("write", WRITERS)
def test_a_name_that_could_not_be_read_back_is_not_written(write, tmp_path, motion):
    for clip in ("c" * 201, "", "two\nlines"):
        with pytest.raises(BadInput, match="poses to write: names should be texts of 1 to 200"):
            write(tmp_path / "a", single_clip(motion, "S1", "walk", clip))
