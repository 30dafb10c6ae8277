"""Files as their makers write them: read right, or told what is wrong with what was declared."""

import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from evoskeleton.cli import app
from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import MIRROR, Joint
from evoskeleton.platform.data.bodies import measure
from evoskeleton.platform.data.body_checks import warnings
from evoskeleton.platform.data.exchange import import_poses
from evoskeleton.platform.data.formats.parquet import kept_rate, load_parquet, write_parquet
from evoskeleton.platform.data.poses import single_clip
from evoskeleton.platform.data.sources.load import load, settings_from_text

CASES = Path(__file__).parent / "cases"
CM = ("units=cm", "up=y")


def read(path: Path | str, *changes: str):
    return load(settings_from_text(str(path), list(changes)))


def imported(tmp_path: Path, *words: str) -> str:
    output = str(tmp_path / "out.parquet")
    result = CliRunner().invoke(app, ["data", "import", *words, "--output", output, "--overwrite"])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", ["plain", "prefix_mixamorig1", "one_row_more"])
def test_a_rig_is_read_whatever_stands_before_its_names_or_after_its_frames(name, caplog):
    poses = read(CASES / f"{name}.bvh", *CM).poses
    assert len(poses) == 3
    assert poses[0, Joint.NECK] == pytest.approx([0, 0, 1660])
    assert poses[0, Joint.HEAD] == pytest.approx([0, 0, 1810])
    assert ("a row more than the 3 frames" in caplog.text) == (name == "one_row_more")


@pytest.mark.parametrize("name", ["head_end_zero", "head_end_sideways"])
def test_an_end_that_is_no_crown_is_replaced_by_the_line_of_the_neck(name, caplog):
    poses = read(CASES / f"{name}.bvh", *CM).poses
    assert poses[0, Joint.HEAD] == pytest.approx([0, 0, 1810], abs=15)
    assert poses[0, Joint.NECK] == pytest.approx([0, 0, 1660], abs=15)
    assert "Head is approximated by" in caplog.text


def test_a_head_end_that_is_too_short_for_a_crown_is_continued(tmp_path):
    text = (
        (CASES / "plain.bvh").read_text().replace("0.0000 20.0000 0.0000", "0.0000 5.0000 0.0000")
    )
    (tmp_path / "short.bvh").write_text(text)
    assert read(tmp_path / "short.bvh", *CM).poses[0, Joint.HEAD, 2] == pytest.approx(1810, abs=15)


def test_inches_taken_for_centimetres_are_told_with_the_unit_that_fits(caplog, tmp_path):
    read(CASES / "inches.bvh", *CM)
    assert "--units inch would make it 1.73 m" in caplog.text
    with pytest.raises(BadInput, match="be 17.3 m tall; --units cm would make it 1.73 m"):
        read(CASES / "plain.bvh", "units=100", "up=y")


@pytest.mark.parametrize(("up", "axis"), [("x", "x"), ("z", "y")])
def test_a_person_who_lies_is_told_with_the_axis_that_stands_them_up(up, axis, caplog, tmp_path):
    poses = read(CASES / "plain.bvh", "units=cm", f"up={up}")
    assert f"100% of the poses lie along {axis}: y of the file seems to point up" in caplog.text
    assert "--up y would stand them up" in caplog.text
    write_parquet(tmp_path / "lies.parquet", poses)
    with pytest.raises(BadInput, match="nobody is upright, .* lying: true says"):
        read(tmp_path / "lies.parquet")
    assert len(read(tmp_path / "lies.parquet", "lying=true")) == 3


def test_a_parquet_file_with_y_up_is_no_seed(tmp_path, motion):
    y_up = motion[:, :, [0, 2, 1]] * np.float32([1, 1, -1])
    write_parquet(tmp_path / "y_up.parquet", single_clip(y_up, "S1", "walk", "walk"))
    with pytest.raises(BadInput, match=r"write \(x, y, z\) as \(x, -z, y\)"):
        read(tmp_path / "y_up.parquet")


def test_swapped_sides_are_told_by_the_knees(motion):
    sentences = warnings(measure(motion[:, list(MIRROR)], np.zeros(len(motion), int)))
    assert any("bend backward: left and right seem to be swapped" in line for line in sentences)
    assert warnings(measure(motion, np.zeros(len(motion), int))) == []


# Folders and subjects


def test_people_in_folders_of_their_own_are_told_apart(tmp_path):
    for subject in ("S1", "S2"):
        (tmp_path / subject).mkdir()
        shutil.copy(CASES / "plain.bvh", tmp_path / subject / "walk.bvh")
    assert read(tmp_path, *CM).clips() == [("S1", "walk"), ("S2", "walk")]
    one = [settings_from_text(str(tmp_path / s / "walk.bvh"), list(CM)) for s in ("S1", "S2")]
    with pytest.raises(BadInput, match="is there twice, .*--subject-from folder"):
        import_poses(one, tmp_path / "o.parquet")


def test_a_rule_gives_subjects_out_of_names(tmp_path):
    for name in ("walk1_subject1", "walk2_subject1"):
        shutil.copy(CASES / "plain.bvh", tmp_path / f"{name}.bvh")
    files = [str(tmp_path / f"walk{n}_subject1.bvh") for n in (1, 2)]
    declared = ["--units", "cm", "--up", "y"]
    report = imported(tmp_path, *files, *declared)
    assert "subject walk1: 3 rows, 1 action, clips walk1_subject1" in report
    assert "every clip is a subject of its own: --subject-from gives a rule" in report
    report = imported(tmp_path, *files, *declared, "--subject-from", "{action}_{subject}")
    assert "subject subject1: 6 rows, 2 actions" in report
    with pytest.raises(BadInput, match=r"a pattern with \{subject\}"):
        read(files[0], *CM, "subject_from=name")
    with pytest.raises(BadInput, match="does not fit the name of"):
        read(files[0], *CM, "subject_from=take_{subject}")


def test_a_folder_that_is_there_wins_over_a_kind_of_its_name(tmp_path, monkeypatch):
    (tmp_path / "bvh").mkdir()
    shutil.copy(CASES / "plain.bvh", tmp_path / "bvh" / "a.bvh")
    monkeypatch.chdir(tmp_path)
    assert read("bvh", *CM).clips() == [("a", "a")]


def test_hidden_means_below_the_folder_that_was_named_and_links_are_followed_once(
    tmp_path, monkeypatch
):
    inside = tmp_path / ".hidden" / "rec"
    (inside / ".old").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(CASES / "plain.bvh", tmp_path / "elsewhere" / "a.bvh")
    shutil.copy(CASES / "plain.bvh", inside / ".old" / "b.bvh")
    (inside / "there").symlink_to(tmp_path / "elsewhere")
    (inside / "round").symlink_to(inside)
    assert read(inside, *CM).clips() == [("there", "a")]
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert read("../elsewhere", *CM).clips() == [("a", "a")]


# Rates, places and columns


def test_the_rate_is_kept_in_the_file_and_compared_when_something_is_added(tmp_path):
    slow, fast = tmp_path / "slow_1.bvh", tmp_path / "fast_1.bvh"
    shutil.copy(CASES / "plain.bvh", slow)
    fast.write_text(re.sub("Frame Time:.*", "Frame Time: 0.01", slow.read_text()))
    output = tmp_path / "m.parquet"
    import_poses([settings_from_text(str(slow), list(CM))], output)
    assert kept_rate(output) == pytest.approx(30, rel=1e-3)
    with pytest.raises(BadInput, match="m.parquet has 30 frames a second and .*fast_1.bvh 100"):
        import_poses([settings_from_text(str(fast), list(CM))], output, append=True)


def test_a_clip_far_from_the_origin_keeps_its_millimetres(tmp_path, caplog):
    near = read(CASES / "plain.bvh", *CM).poses
    text = (CASES / "plain.bvh").read_text().replace("\n0.0000 95.0000", "\n10000000.0000 95.0000")
    (tmp_path / "far.bvh").write_text(text)
    far = read(tmp_path / "far.bvh", *CM).poses
    assert far == pytest.approx(near, abs=0.01)
    assert "(100000, 0, 0) m, is taken off" in caplog.text


def written(path: Path, poses: np.ndarray, **columns) -> Path:
    pq.write_table(pa.table({"pose": poses.reshape(len(poses), 51).tolist(), **columns}), path)
    return path


def test_a_parquet_file_far_away_is_read_exactly_or_refused(tmp_path, motion):
    far = motion.astype(np.float64) + np.array([1e8, 0, 0])
    read_back = read(written(tmp_path / "far.parquet", far)).poses
    assert read_back - read_back[0, 0] == pytest.approx(motion - motion[0, 0], abs=0.01)
    single = pa.array(list(far.reshape(-1, 51).astype(np.float32)), pa.list_(pa.float32()))
    pq.write_table(pa.table({"pose": single}), tmp_path / "single.parquet")
    with pytest.raises(BadInput, match="rounded to millimetres in float32"):
        read(tmp_path / "single.parquet")


def test_poses_may_be_lists_of_joints_and_frames_be_time_stamps(tmp_path, motion):
    path = tmp_path / "lists.parquet"
    stamps = 1_700_000_000_000 + 33 * np.arange(len(motion))
    pq.write_table(pa.table({"pose": motion.tolist(), "frame": stamps}), path)
    back = load_parquet(path)
    assert np.array_equal(back.poses, motion)
    assert back.frame.tolist() == list(range(len(motion)))


def test_an_import_says_what_it_read_and_draws_it(tmp_path):
    picture = tmp_path / "three.png"
    report = imported(
        tmp_path, str(CASES / "plain.bvh"), "--units", "cm", "--up", "y", "--figure", str(picture)
    )
    for part in (
        "frames a second: 30", "body 1730 mm tall", "upright in 100% of the poses",
        "knees straight", "left and right: cannot be told", "RKnee 420", "change by 0.0%",
    ):  # fmt: skip
        assert part in report
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_a_plain_array_of_poses_is_read_with_what_is_declared_of_it(tmp_path, motion):
    y_up = motion[:, :, [0, 2, 1]] * np.float32([1, 1, -1]) / 1000
    np.save(tmp_path / "S1_walk.npy", y_up.astype(">f4"))
    with pytest.raises(BadInput, match="does not declare its unit"):
        read(tmp_path / "S1_walk.npy")
    back = read(tmp_path / "S1_walk.npy", "units=m", "up=y")
    assert back.poses == pytest.approx(motion, abs=0.01) and back.subject[0] == "S1"
    np.save(tmp_path / "flat.npy", y_up.reshape(len(y_up), 51)[:, :48])
    with pytest.raises(BadInput, match=r"should hold \(frames, 17, 3\) numbers, got"):
        read(tmp_path / "flat.npy", "units=m", "up=y")


PART = {"UpLeg": 0, "Leg": 1, "Foot": 2, "Arm": 3, "ForeArm": 4, "Hand": 5}
RIGS = {
    "3ds Max Biped": ("Bip01 {} {}", "Thigh Calf Foot UpperArm Forearm Hand", "Bip01 "),
    "SMPL": ("m_avg_{}_{}", "Hip Knee Ankle Shoulder Elbow Wrist", "m_avg_"),
    "Unreal": ("{1}_{0}", "thigh calf foot upperarm lowerarm hand", ""),
    "VRM": ("J_Bip_{}_{}", "UpperLeg LowerLeg Foot UpperArm LowerArm Hand", "J_Bip_C_"),
}


@pytest.mark.parametrize("maker", RIGS)
def test_other_makers_rigs_are_the_same_body(maker, tmp_path):
    form, parts, prefix = RIGS[maker]

    def renamed(match: re.Match[str]) -> str:
        side = re.fullmatch(r"(Left|Right)(\w+)", match[2])
        if side and side[2] in PART:
            return f"{match[1]} {form.format(side[1][0], parts.split()[PART[side[2]]])}"
        return f"{match[1]} {prefix}{match[2].replace('Shoulder', 'Clavicle')}"

    text = (CASES / "plain.bvh").read_text()
    (tmp_path / "rig.bvh").write_text(re.sub(r"(ROOT|JOINT) (\S+)", renamed, text))
    theirs, ours = read(tmp_path / "rig.bvh", *CM).poses, read(CASES / "plain.bvh", *CM).poses
    same = [joint for joint in range(17) if joint != Joint.SPINE]
    assert theirs[:, same] == pytest.approx(ours[:, same], abs=0.1)
    assert theirs[0, Joint.SPINE] == pytest.approx([0, 0, 1210], abs=0.1)


def test_a_folder_in_parts_by_columns_is_one_table(tmp_path, motion):
    for subject, clip in (("S1", "1"), ("S1", "2"), ("S2", "1")):
        part = tmp_path / "poses" / f"subject={subject}" / f"clip={clip}"
        part.mkdir(parents=True)
        rows = motion[:5].reshape(5, 51).tolist()
        pq.write_table(pa.table({"frame": range(5), "pose": rows}), part / "part-0.parquet")
    (tmp_path / "poses" / "_SUCCESS").touch()
    poses = load(settings_from_text(str(tmp_path / "poses")))
    assert poses.clips() == [("S1", "1"), ("S1", "2"), ("S2", "1")] and len(poses) == 15
    assert np.array_equal(poses.poses[:5], motion[:5])
