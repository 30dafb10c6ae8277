"""TRC and C3D: what laboratories and video tools record, and what stands in for a joint."""

import logging
from pathlib import Path

import c3d_by_hand
import marker_files
import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.platform.data.import_report import report_warnings
from evoskeleton.platform.data.markers.c3d import read_c3d
from evoskeleton.platform.data.markers.trc import read_trc
from evoskeleton.platform.data.poses import PoseSet
from evoskeleton.platform.data.sources.load import load, settings_from_text

AT = {name: number for number, name in enumerate(JOINT_NAMES)}
LIMBS = [number for name, number in AT.items() if name not in ("Spine", "Thorax", "Neck", "Head")]


@pytest.fixture
def walk(motion: np.ndarray) -> np.ndarray:
    return motion[:60].astype(np.float64)


def read(path: Path, *changes: str) -> PoseSet:
    return load(settings_from_text(str(path), list(changes)))


def errors(poses: PoseSet, truth: np.ndarray) -> np.ndarray:
    """(17,) mean mm."""
    rows = poses.frame - poses.frame[0]
    return np.linalg.norm(poses.poses - truth[rows], axis=2).mean(0)


def test_points_of_detectors_are_the_joints(tmp_path, walk):
    points = marker_files.keypoints(walk)
    marker_files.write_trc(tmp_path / "walk.trc", points)
    found = errors(read(tmp_path / "walk.trc", "up=z"), walk)
    assert found[LIMBS].max() < 0.01 and found[AT["Head"]] < 100


@pytest.mark.parametrize("blank", ["\n", "", "\r\n"])
def test_heads_of_tables_vary(tmp_path, walk, blank):
    marker_files.write_trc(tmp_path / "walk.trc", marker_files.keypoints(walk), blank=blank)
    text = (tmp_path / "walk.trc").read_text().replace("\t\t\n", "\t\t\t\t\n")
    (tmp_path / "tabs.trc").write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    (tmp_path / "blanks.trc").write_text(text.replace("\t\t\t", "\t").replace("\t", "  "))
    expected = read_trc(tmp_path / "walk.trc")
    for name in ("tabs.trc", "blanks.trc"):
        found = read_trc(tmp_path / name)
        assert (found.names, found.rate, found.unit_mm) == (expected.names, 50.0, 1.0)
        assert np.array_equal(found.points, expected.points)


def test_blank_nan_and_zero_are_not_seen_and_long_gaps_are_left_out(tmp_path, walk, caplog):
    points = marker_files.keypoints(walk)
    points["RKnee"] = points["RKnee"].copy()
    points["RKnee"][5:8] = np.nan
    points["RKnee"][10:12] = 0.0
    points["LWrist"] = points["LWrist"].copy()
    points["LWrist"][20:50] = np.nan
    marker_files.write_trc(tmp_path / "walk.trc", points)
    poses = read(tmp_path / "walk.trc", "up=z")
    assert poses.frame.tolist() == [*range(1, 21), *range(51, 61)]
    assert errors(poses, walk)[LIMBS].max() < 3.0, "short gaps are filled"
    assert "30 of 60 frames are left out: missing are LWrist in 50%" in caplog.text


def test_a_person_without_a_joint_that_was_ever_seen_is_refused(tmp_path, walk):
    points = marker_files.keypoints(walk)
    points["RKnee"] = np.full_like(points["RKnee"], np.nan)
    marker_files.write_trc(tmp_path / "walk.trc", points)
    with pytest.raises(BadInput, match="no joint was found for RKnee.*setting joints"):
        read(tmp_path / "walk.trc", "up=z")


def test_the_axis_that_is_up_is_asked_for_and_the_likely_one_named(tmp_path, walk):
    marker_files.write_trc(tmp_path / "walk.trc", marker_files.keypoints(walk))
    with pytest.raises(BadInput, match="which axis is up.*it may be --up z"):
        read(tmp_path / "walk.trc")


def test_markers_on_the_skin_give_the_joints_inside(tmp_path, walk, caplog):
    pytest.importorskip("ezc3d")
    markers = marker_files.plug_in_gait(walk)
    named = {f"Anna:{name}": places for name, places in markers.items()}
    named |= {"Anna:LHipAngles": markers["C7"] * 0 + 5, "*12": markers["C7"]}
    marker_files.write_c3d(tmp_path / "walk.c3d", named, angles=("Anna:LHipAngles",))
    poses = read(tmp_path / "walk.c3d")
    found = errors(poses, walk)
    assert found[[AT["RHip"], AT["LHip"], AT["Hip"]]].max() < 1.0
    assert found[LIMBS].max() < 31.0, "elbows have one marker each"
    assert found[AT["Thorax"]] < 1.0 and found[AT["Head"]] < 1.0
    assert "approximated by markers: Hip (from markers of the pelvis (Bell 1990)" in caplog.text
    assert poses.subject[0] == "walk" and not [*report_warnings(poses)]


def test_two_markers_of_a_joint_are_its_middle(tmp_path, walk):
    pytest.importorskip("ezc3d")
    markers = marker_files.plug_in_gait(walk)
    for side, joints in (("R", (2, 3, 15)), ("L", (5, 6, 12))):
        for (out, inner), joint in zip(
            (("KNE", "KNM"), ("ANK", "MED"), ("ELB", "ELBM")), joints, strict=True
        ):
            markers[f"{side}{inner}"] = 2 * walk[:, joint] - markers[f"{side}{out}"]
    marker_files.write_c3d(tmp_path / "walk.c3d", markers)
    assert errors(read(tmp_path / "walk.c3d"), walk)[LIMBS].max() < 10.0


def test_two_people_of_a_take_are_two_subjects_and_a_wand_is_nobody(tmp_path, walk):
    pytest.importorskip("ezc3d")
    markers = marker_files.plug_in_gait(walk)
    both = {f"Anna:{name}": places for name, places in markers.items()}
    both |= {f"Ben:{name}": places + 900.0 for name, places in markers.items()}
    both |= {"Wand:1": markers["C7"], "Wand:tip": markers["C7"]}
    marker_files.write_c3d(tmp_path / "duet.c3d", both)
    poses = read(tmp_path / "duet.c3d")
    assert poses.clips() == [("Anna", "duet Anna"), ("Ben", "duet Ben")]
    assert read(tmp_path / "duet.c3d", "subject=S1").clips()[0] == ("S1 Anna", "duet Anna")


def test_a_unit_that_makes_giants_is_refused_and_may_be_declared(tmp_path, walk, caplog):
    marker_files.write_trc(tmp_path / "walk.trc", marker_files.keypoints(walk), "m")
    with pytest.raises(BadInput, match="--units mm would make it 1.56 m"):
        read(tmp_path / "walk.trc", "up=z")
    assert errors(read(tmp_path / "walk.trc", "up=z", "units=mm"), walk)[LIMBS].max() < 0.01
    assert "the file declares units of 1000 mm, --units mm is taken" in caplog.text


def test_a_lower_body_is_refused_with_what_is_missing(tmp_path, walk):
    pytest.importorskip("ezc3d")
    markers = marker_files.plug_in_gait(walk)
    legs = {name: markers[name] for name in markers if name[1:] in ("ASI", "PSI", "KNE", "ANK")}
    marker_files.write_c3d(tmp_path / "legs.c3d", legs)
    with pytest.raises(BadInput, match="no joint was found for Spine, Thorax.*the file has RASI"):
        read(tmp_path / "legs.c3d")


def test_markers_of_unknown_names_are_mapped_by_the_user(tmp_path, walk):
    own = {f"p{at:02d}x": walk[:, at] for at in range(17)}
    marker_files.write_trc(tmp_path / "walk.trc", own)
    joints = ", ".join(f"{name}: p{at:02d}x" for name, at in AT.items())
    poses = read(tmp_path / "walk.trc", "up=z", f"joints={{{joints}}}")
    assert errors(poses, walk).max() < 0.01


def test_all_ways_of_writing_numbers_are_read_as_the_fields_library_reads_them(tmp_path, walk):
    ezc3d = pytest.importorskip("ezc3d")
    marker_files.write_c3d(tmp_path / "walk.c3d", marker_files.plug_in_gait(walk))
    theirs = ezc3d.c3d(str(tmp_path / "walk.c3d"))["data"]["points"][:3].transpose(2, 1, 0)
    assert np.array_equal(read_c3d(tmp_path / "walk.c3d").points, theirs)
    for kind in ("whole", "mips", "dec"):
        path = tmp_path / f"{kind}.c3d"
        path.write_bytes(c3d_by_hand.c3d(theirs[:4, :3], kind))
        found = read_c3d(path)
        assert found.names == ("LASI", "RASI", "C7") and found.up == "z" and found.rate == 100.0
        assert np.abs(found.points[1:] - theirs[1:4, :3]).max() < (
            0.06 if kind == "whole" else 1e-3
        )
        assert np.isnan(found.points[0, 1]).all(), "a negative residual is a point not seen"


def test_a_file_of_rotations_alone_says_what_to_export(tmp_path, walk):
    whole = bytearray(c3d_by_hand.c3d(walk[:2, :3], "mips"))
    whole[2:4] = b"\0\0"
    (tmp_path / "theia.c3d").write_bytes(whole)
    with pytest.raises(BadInput, match="no points: export markers or joint centres"):
        read_c3d(tmp_path / "theia.c3d")


def test_a_folder_of_takes_is_read_as_one(tmp_path, walk, caplog):
    caplog.set_level(logging.ERROR)
    for name in ("S1_walk", "S2_walk"):
        marker_files.write_trc(tmp_path / f"{name}.trc", marker_files.keypoints(walk))
    assert len(read(tmp_path, "up=z").clips()) == 2


def test_a_set_without_a_head_goes_on_along_the_trunk(motion, tmp_path):
    poses = motion[:5].astype(np.float64)
    markers = {
        name: points
        for name, points in marker_files.plug_in_gait(poses).items()
        if "HD" not in name and name not in ("C7", "CLAV")
    }
    marker_files.write_trc(tmp_path / "w.trc", markers)
    read = load(settings_from_text(str(tmp_path / "w.trc"), ["up=z"])).poses
    away = np.linalg.norm(read - poses, axis=2).mean(axis=0)
    assert away[AT["Thorax"]] < 110 and away[AT["Head"]] < 150, away


def test_a_marker_that_was_hardly_seen_is_named(motion, tmp_path):
    markers = marker_files.plug_in_gait(motion[:10].astype(np.float64))
    markers["LSHO"][:8] = np.nan
    marker_files.write_trc(tmp_path / "w.trc", markers)
    with pytest.raises(BadInput, match="for LShoulder; .* less than half of the frames: LSHO"):
        load(settings_from_text(str(tmp_path / "w.trc"), ["up=z"]))
