"""What the command line says to a user's mistake: one sentence, exit code 2, nothing written."""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from refusals import refused

import evoskeleton
from evoskeleton.cli import main
from evoskeleton.lifting.bundle_training import train_bundle


def parquet(path: Path, poses: np.ndarray) -> Path:
    rows = pa.array(list(poses.reshape(len(poses), -1)))
    frames = pa.array(range(len(poses)), pa.int32())
    clip = ["a" if i < len(poses) / 2 else "b" for i in range(len(poses))]
    pq.write_table(
        pa.table({"subject": ["s"] * len(poses), "clip": clip, "frame": frames, "pose": rows}), path
    )
    return path


def campaign(folder: Path, poses: Path, **settings: object) -> Path:
    path = folder / "settings.yaml"
    motion = {"seed": {"kind": "parquet", "path": str(poses)}}
    path.write_text(
        yaml.safe_dump({"home": str(folder / "home"), "name": "c", "motion": motion} | settings)
    )
    return path


def test_a_missing_file_is_named_and_nothing_is_written(capsys, tmp_path):
    said = refused(capsys, "campaign", "run", campaign(tmp_path, tmp_path / "none.parquet"))
    assert "none.parquet" in said
    assert not (tmp_path / "home").exists()


def test_a_file_that_is_not_parquet_is_named(capsys, tmp_path):
    path = tmp_path / "text.parquet"
    path.write_text("not a table")
    assert "text.parquet" in refused(capsys, "campaign", "run", campaign(tmp_path, path))


def test_sixteen_joints_are_told(capsys, tmp_path, motion):
    path = parquet(tmp_path / "p.parquet", motion[:, :16])
    assert "51" in refused(capsys, "campaign", "run", campaign(tmp_path, path))


def test_a_nan_is_told_with_clip_and_frame(capsys, tmp_path, motion):
    broken = motion.copy()
    broken[200, 5, 1] = np.nan
    said = refused(
        capsys, "campaign", "run", campaign(tmp_path, parquet(tmp_path / "p.parquet", broken))
    )
    assert "clip b" in said and "200" in said


def test_a_bone_of_zero_length_is_told(capsys, tmp_path, motion):
    broken = motion.copy()
    broken[3, 2] = broken[3, 1]
    said = refused(
        capsys, "campaign", "run", campaign(tmp_path, parquet(tmp_path / "p.parquet", broken))
    )
    assert "RKnee" in said


def test_metres_are_told(capsys, tmp_path, motion):
    said = refused(
        capsys, "campaign", "run", campaign(tmp_path, parquet(tmp_path / "p.parquet", motion / 1e3))
    )
    assert "metres" in said


def test_an_empty_seed_set_is_told(capsys, tmp_path, motion):
    path = parquet(tmp_path / "p.parquet", motion)
    settings = campaign(tmp_path, path)
    said = refused(capsys, "campaign", "run", settings, "--set", "motion.seed.subjects=[nobody]")
    assert "nobody" in said


def test_a_target_smaller_than_the_seed_is_told(capsys, tmp_path, motion):
    path = parquet(tmp_path / "p.parquet", motion)
    said = refused(capsys, "campaign", "run", campaign(tmp_path, path, search={"target": 10}))
    assert "search.rows should be at least" in said and "got 10" in said
    assert not (tmp_path / "home").exists()


def test_a_rate_outside_zero_and_one_is_told(capsys, tmp_path, motion):
    settings = campaign(tmp_path, parquet(tmp_path / "p.parquet", motion))
    said = refused(capsys, "campaign", "run", settings, "--set", "search.island.keep=-0.1")
    assert "search.island.keep" in said and "-0.1" in said


def test_an_unknown_setting_is_told_with_its_neighbour(capsys, tmp_path, motion):
    settings = campaign(tmp_path, parquet(tmp_path / "p.parquet", motion))
    said = refused(capsys, "campaign", "run", settings, "--set", "search.generatons=3")
    assert "did you mean search.generations?" in said


def test_storage_that_cannot_be_written_is_told(capsys, tmp_path, motion):
    blocker = tmp_path / "home"
    blocker.write_text("a file where a folder should be")
    said = refused(
        capsys, "campaign", "run", campaign(tmp_path, parquet(tmp_path / "p.parquet", motion))
    )
    assert "home" in said and ("cannot be written" in said or "written" in said)


def test_a_campaign_that_is_not_there_is_told(capsys, tmp_path):
    assert "there is no campaign x" in refused(
        capsys, "campaign", "resume", "x", "--home", tmp_path
    )
    assert "there is no campaign x" in refused(
        capsys, "campaign", "status", "x", "--home", tmp_path
    )


def test_the_template_prints_settings(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["campaign", "template"])
    assert exit_.value.code == 0
    assert yaml.safe_load(capsys.readouterr().out)["name"] == "my-campaign"


def test_a_limits_file_that_is_not_there_is_told(capsys, tmp_path, motion):
    settings = campaign(tmp_path, parquet(tmp_path / "p.parquet", motion))
    assert "nowhere.npz" in refused(
        capsys, "campaign", "run", settings, "--set", "search.limits=nowhere.npz"
    )


def test_clips_are_printed_as_they_are_named(capsys, tmp_path, motion):
    path, lifter = tmp_path / "p.parquet", tmp_path / "lifter"
    train_bundle(motion, lifter, changes=["steps=2", "batch=16", "cascade.width=16"])
    rows = pa.array(list(motion[:4].reshape(4, -1)))
    clip = ["walk[left]", "walk[right]", "a[/b]", "a[/b]"]
    pq.write_table(pa.table({"pose": rows, "clip": clip}), path)
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--model", str(lifter), "--poses", str(path)])
    said = capsys.readouterr().out
    assert not ended.value.code
    assert "walk[left]" in said and "walk[right]" in said and "a[/b]" in said


def said(capsys, *arguments: object) -> str:
    """What a command prints that ends well."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert not ended.value.code
    return capsys.readouterr().out


def test_the_version_is_that_of_the_package(capsys):
    assert said(capsys, "--version").strip() == f"evoskeleton {version('evoskeleton')}"
    assert evoskeleton.__version__ == version("evoskeleton")


def test_the_first_line_of_help_says_what_the_program_does(capsys):
    text = " ".join(said(capsys, "--help").split())
    assert "Breed new valid 3D human poses" in text
    assert "evoskeleton settings train" in " ".join(said(capsys, "train", "--help").split())


@pytest.mark.parametrize(
    ("option", "command"),
    [
        ("--output", ("lift", "--model", "no", "--keypoints", "no")),
        ("--json", ("evaluate", "--model", "no", "--poses", "no.parquet")),
        ("--output", ("limits", "fit", "--poses", "no.parquet")),
        ("--output", ("sample", "3", "--limits", "no.npz")),
        ("--output", ("data", "export", "--poses", "no.parquet", "--format", "human36m")),
    ],
)
def test_a_file_that_is_there_is_replaced_only_when_asked(capsys, tmp_path, option, command):
    there = tmp_path / "there.json"
    there.write_text("kept")
    refusal = refused(capsys, *command, option, there)
    assert refusal.endswith("there.json is there already; --overwrite replaces it")
    refusal = refused(capsys, *command, option, there, "--overwrite")
    assert "is there already" not in refusal
    assert there.read_text() == "kept"


def test_an_import_appends_replaces_or_is_refused(capsys, tmp_path, motion):
    there = parquet(tmp_path / "there.parquet", motion[:10])
    other = parquet(tmp_path / "other.parquet", motion[:4])
    refusal = refused(capsys, "data", "import", other, "--output", there)
    assert refusal.endswith("there already; --append adds to it, --overwrite replaces it")
    both = refused(capsys, "data", "import", other, "--output", there, "--append", "--overwrite")
    assert both.endswith("give one of them")
    said(capsys, "data", "import", other, "--output", there, "--overwrite")
    assert pq.read_table(there).num_rows == 4


def test_figures_that_are_there_are_replaced_only_when_asked(capsys, tmp_path):
    (tmp_path / "limits.png").write_text("kept")
    (tmp_path / "angles.png").write_text("kept")
    assert "limits.png is there already" in refused(capsys, "limits", "show", "--output", tmp_path)
    said(capsys, "limits", "show", "--output", tmp_path, "--overwrite")
    assert (tmp_path / "limits.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "angles.png").read_text() == "kept"
    (tmp_path / "limits.png").unlink()
    poses = ("--before", "no.parquet", "--output", tmp_path)
    assert "angles.png is there already" in refused(capsys, "limits", "show", *poses)


def test_drawings_that_are_there_are_replaced_only_when_asked(capsys, tmp_path):
    photo, drawing = tmp_path / "a.jpg", tmp_path / "a.jpg.png"
    drawing.write_text("kept")
    asked = ("infer", photo, "--model", tmp_path, "--overlay", tmp_path)
    assert "a.jpg.png is there already; --overwrite" in refused(capsys, *asked)
    assert "there is no such file" in refused(capsys, *asked, "--overwrite")
    (tmp_path / "walk.mp4-000012.png").write_text("kept")
    asked = ("infer", tmp_path / "walk.mp4", "--model", tmp_path, "--overlay", tmp_path)
    assert "walk.mp4-000012.png is there already" in refused(capsys, *asked)


def test_a_bundle_is_replaced_only_when_asked_and_other_folders_never(capsys, tmp_path, motion):
    lifter, poses = tmp_path / "lifter", parquet(tmp_path / "p.parquet", motion[:40])
    small = ("--set", "steps=2", "--set", "batch=16", "--set", "cascade.width=16")
    train_bundle(motion[:40], lifter, changes=["steps=1", "batch=16", "cascade.width=16"])
    before = (lifter / "bundle.json").read_text()
    asked = ("train", "--poses", poses, "--output", lifter, *small)
    assert "lifter is there already; --overwrite replaces it" in refused(capsys, *asked)
    assert (lifter / "bundle.json").read_text() == before
    assert "2 steps" in said(capsys, *asked, "--overwrite")
    assert json.loads((lifter / "bundle.json").read_text())["training"]["steps"] == 2
    other = ("train", "--poses", poses, "--output", tmp_path, *small, "--overwrite")
    assert "should be a new or an empty folder" in refused(capsys, *other)
    assert poses.exists()
