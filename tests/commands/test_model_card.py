"""Errors of a lifter on people whom it has never seen, as a command."""

import json
import shutil

import numpy as np
import pytest
from refusals import refused

from evoskeleton.cli import main
from evoskeleton.lifting.bundles import shipped
from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.poses import PoseSet


def people(path, poses, subject):
    words = [np.full(len(poses), word) for word in (subject, "walk", "clip")]
    write_parquet(path, PoseSet(poses, *words, np.arange(len(poses), dtype=np.int32)))
    return path


def test_the_card_tells_errors_on_test_people_and_keeps_them(capsys, tmp_path, motion):
    bundle = shutil.copytree(shipped(), tmp_path / "bundle")
    known = people(tmp_path / "poses.parquet", motion[:40], "CMU07")
    with pytest.raises(SystemExit) as ended:
        main(["model", "card", "--model", str(bundle), "--poses", str(known), "--write"])
    assert ended.value.code == 0
    assert "CMU07" in capsys.readouterr().out
    errors = json.loads((bundle / "bundle.json").read_text())["training"]["test"]
    assert list(errors) == ["CMU07"] and errors["CMU07"]["poses"] == 40
    assert 0 < errors["CMU07"]["p_mpjpe"] < errors["CMU07"]["mpjpe"] < errors["CMU07"]["detected"]


def test_poses_of_others_say_nothing(capsys, tmp_path, motion):
    known = people(tmp_path / "poses.parquet", motion[:40], "CMU01")
    assert "CMU05" in refused(capsys, "model", "card", "--poses", known)
