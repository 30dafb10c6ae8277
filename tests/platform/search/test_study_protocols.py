"""The field's own protocols: their settings files, own cameras, and tables by action."""

from pathlib import Path

import mpi_inf_3dhp_files
import numpy as np
import pytest
import torch
import yaml

from evoskeleton.cli import main
from evoskeleton.errors import BadInput
from evoskeleton.lifting.cameras import fixed_views
from evoskeleton.platform.data.formats.videopose3d import write_videopose3d
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.search.campaign.progress import Silent
from evoskeleton.platform.search.study.settings import (
    PROTOCOLS,
    StudySettings,
    campaign_settings,
    cells,
    lifter_settings,
    read_study,
    result_settings,
    template,
)
from evoskeleton.platform.search.study.study import Study
from evoskeleton.platform.search.study.study_report import lines, markdown

TINY = {
    "rows": {"seed only": {}, "real": {"base": "real"}},
    "fractions": [1.0],
    "seeds": [1],
    "steps": [2],
    "fit": {"batch": 16, "cascade": {"width": 16, "blocks": 1}},
    "tracking": {"enabled": False},
}
ACTIONS = ("Eating", "Sitting", "Walking")


@pytest.fixture
def owned(tmp_path, monkeypatch, motion) -> Path:
    """The files that the settings name, in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    people = [
        single_clip(motion[start : start + 40] + np.float32(number), f"S{number}", action, clip)
        for number in (1, 5, 6, 7, 8, 9, 11)
        for start, action in zip((0, 60, 120), ACTIONS, strict=True)
        for clip in (f"{action}", f"{action} 1")
    ]
    write_videopose3d(tmp_path / "data_3d_h36m.npz", PoseSet.concat(people))
    write_cameras(tmp_path / "cameras.npy", motion[0, 0])
    world = motion[:40].astype(np.float64)
    for sequence in ("Seq1", "Seq2"):
        mpi_inf_3dhp_files.write_training(tmp_path / "mpi_inf_3dhp" / "S1" / sequence, world)
    for name in ("TS1", "TS2"):
        mpi_inf_3dhp_files.write_test(
            tmp_path / "mpi_inf_3dhp_test_set" / name,
            mpi_inf_3dhp_files.in_front(world),
            np.ones(40),
            1 + np.arange(40) % 7,
        )
    return tmp_path


def write_cameras(path: Path, hip: np.ndarray) -> None:
    cameras = fixed_views(torch.from_numpy(hip[None]))
    columns = (cameras.rotation, cameras.position[..., None], cameras.focal[..., None])
    columns += (cameras.center[..., None], cameras.radial[..., None], cameras.tangential[..., None])
    entries = {
        (subject, number + 1): (*(column[number].numpy() for column in columns), f"cam{number}")
        for subject in (1, 5, 6, 7, 8, 9, 11)
        for number in range(4)
    }
    array = np.empty((), dtype=object)
    array[()] = entries
    np.save(path, array, allow_pickle=True)


def tiny(protocol: str, **changes) -> StudySettings:
    return StudySettings.parse(yaml.safe_load(template(protocol)) | TINY | changes)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_is_printed_and_all_its_rows_can_be_made(protocol, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["study", "template", "--protocol", protocol])
    assert not ended.value.code
    path = tmp_path / "study.yaml"
    path.write_text(capsys.readouterr().out)
    settings = read_study(path)
    assert {"seed only", "li2020", "full search", "real"} <= set(settings.rows)
    for cell in cells(settings):
        lifter_settings(settings, cell)
        campaign_settings(settings, cell)


def test_the_row_with_a_target_differs_in_what_the_search_goes_towards():
    settings = StudySettings.parse(yaml.safe_load(template("mpi-inf-3dhp")))
    (cell,) = (cell for cell in cells(settings) if cell.row == "towards 3DHP" and cell.seed == 1)
    made = campaign_settings(settings, cell)
    assert made is not None and made.search.target is not None
    assert made.search.target.keypoints == ("mpi_inf_3dhp",) and made.search.rows == 80000
    assert made.search.island.asks_for_resemblance


def test_there_is_no_other_protocol():
    with pytest.raises(
        BadInput, match="protocol should be one of human36m, mpi-inf-3dhp, got h36m"
    ):
        template("h36m")


def test_human36m_is_judged_by_its_four_cameras_and_by_action(owned):
    settings = tiny("human36m")
    assert Study(settings, Silent()).run() == []
    seed, real = lines(settings)
    assert (seed.poses, real.poses) == (160, 160 + 4 * 160)
    assert seed.own_cameras == ["cam0", "cam1", "cam2", "cam3"]
    for metric in ("mpjpe", "p_mpjpe"):
        actions = dict(seed.actions[metric])
        mean = actions.pop("mean of actions")
        assert list(actions) == list(ACTIONS)
        assert mean == pytest.approx(np.mean(list(actions.values())))
    document = markdown([seed, real])
    assert "Judged under the data set's own cameras (cam0, cam1, cam2, cam3)." in document
    assert "| MPJPE, mm | Eating | Sitting | Walking | mean of actions |" in document
    assert "| P-MPJPE, mm | Eating |" in document and "not comparable" not in document


def test_without_its_cameras_the_report_says_that_figures_cannot_be_compared(owned, capsys):
    settings = tiny("human36m", judging={})
    Study(settings, Silent()).run()
    assert "four fixed virtual views: not comparable with published" in markdown(lines(settings))
    Path("study.yaml").write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    with pytest.raises(SystemExit) as ended:
        main(["study", "report", "study.yaml"])
    assert not ended.value.code
    said = " ".join(capsys.readouterr().out.split())
    assert "not comparable with published figures" in said and "mean of actions" in said


def test_3dhp_is_judged_by_its_keypoints_without_the_nose(owned):
    settings = tiny("mpi-inf-3dhp")
    assert Study(settings, Silent()).run() == []
    seed, real = lines(settings)
    assert real.poses == 80 and seed.own_cameras == ["own camera"]
    assert "Sit on a chair" in seed.actions["pck"] and len(seed.actions["auc"]) == 8
    assert "own cameras (own camera). What does not count: Neck." in markdown([seed])


def test_how_a_test_judges_belongs_to_a_result(owned):
    usual = tiny("human36m", judging={})
    cell = cells(usual)[0]
    other = [tiny("human36m"), tiny("human36m", judging={"S9 and S11": {"leave_out": ["Neck"]}})]
    assert len({result_settings(settings, cell) for settings in (usual, *other)}) == 3
    Study(usual, Silent()).run()
    with pytest.raises(BadInput, match="was made with other settings"):
        lines(other[0])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"judging": {"S9": {}}}, "judging should name tests, got S9"),
        ({"judging": {"S9 and S11": {"leave_out": ["Hip"]}}}, "should name joints, such as Neck"),
        ({"by_action": ["speed"]}, "by_action"),
    ],
)
def test_settings_of_judging_that_mean_nothing_are_refused(changes, sentence):
    with pytest.raises(BadInput, match=sentence):
        tiny("human36m", **changes)


def test_cameras_that_are_not_there_are_missed_before_the_first_hour(owned):
    (owned / "cameras.npy").unlink()
    settings = tiny("human36m")
    with pytest.raises(BadInput, match="cameras.npy: there is no such file"):
        Study(settings, Silent())
    assert not Path(settings.home).exists()
