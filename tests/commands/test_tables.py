"""Tables of the terminal: what they show of a campaign, a study, a lifter with error radii."""

import json

import numpy as np
import pytest
from refusals import refused

from evoskeleton.cli import main
from evoskeleton.console.closing import closing_table
from evoskeleton.console.study import study_tables
from evoskeleton.console.terminal import print_rows, terminal
from evoskeleton.lifting import metrics
from evoskeleton.lifting.bundle_training import train_bundle
from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.poses import single_clip
from evoskeleton.platform.search.study.study_report import Line

NAN = float("nan")


def shown(table: object) -> str:
    console = terminal(width=140)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_names_of_a_user_are_printed_as_they_are(capsys):
    names = ("mine:wave", "kick[left]", "up[/]")
    print_rows(names, [names], title="[bold]:wave:")
    said = capsys.readouterr().out
    assert all(said.count(name) == 2 for name in names) and "[bold]:wave:" in said
    assert "no settings of mine:wave" in refused(capsys, "settings", "mine:wave")


def line(row: str, fraction: float, **changes: object) -> Line:
    scores = {"mpjpe": 61.25, "p_mpjpe": 44.0, "pck": 0.875, "auc": 0.5}
    fields = {
        "spread": NAN,
        "worst_tenth": NAN,
        "gap": NAN,
        "against": (NAN, NAN, NAN),
        "worse": [],
    } | changes
    return Line("walk[er]", row, fraction, 600, 1, 1234.0, scores, **fields)


def test_a_study_is_a_table_for_each_condition():
    better = {"spread": 1.5, "gap": 40.0, "against": (2.0, -1.0, 5.0), "worse": ["a", "b"]}
    few, all_ = study_tables([line("seed [only]", 0.01), line("evolved", 1.0, **better)])
    said = shown(few)
    assert "walk[er], 600 steps, 0.01 of the seed" in said
    assert "seed [only]" in said and "1,234" in said and "87.5" in said and "evolved" not in said
    said = shown(all_)
    assert "61.2 ± 1.5" in said and "40 %" in said and "+2.0 [-1.0, +5.0]" in said


def errors(mm: float) -> dict[str, object]:
    scores = {"mpjpe": mm, "p_mpjpe": mm / 2}
    return {"overall": scores, "by_clip": {"walk[1]": scores}}


REPORT = {
    "campaign": "c", "baseline": errors(80.0), "evolved": errors(60.0), "seeds": 4000,
    "seeds_outside_limits": 0.25, "tried": 9000, "bred": 8000, "survivors": 7000,
    "trainings": 3, "table": "here", "table_version": 5, "rows": 11000,
}  # fmt: skip


def test_a_campaign_closes_with_both_lifters_by_clip():
    said = " ".join(shown(closing_table(REPORT)).split())
    assert "walk[1]" in said and "80.0" in said and "30.0" in said
    assert "4,000 seed poses (25.0% outside the limits); offspring: 9,000 tried" in said


def test_a_report_from_before_a_metric_shows_a_dash(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, "worst", metrics.Metric("worst", metrics.mpjpe))
    said = " ".join(shown(closing_table(REPORT)).split())
    assert "worst baseline" in said and "│ - │ - │" in said


def test_a_lifter_with_error_radii_shows_what_they_hold(capsys, tmp_path, motion):
    held = (motion, np.arange(len(motion)) // 20)
    small = ["steps=2", "batch=16", "cascade.width=16"]
    record = train_bundle(motion[:50], tmp_path / "lifter", changes=small, calibration=held)
    assert record["error_radii_mm"] is not None
    write_parquet(tmp_path / "p.parquet", single_clip(motion[:8], "s", "a", "c"))
    asked = ["evaluate", "--model", tmp_path / "lifter", "--poses", tmp_path / "p.parquet"]
    asked += ["--json", tmp_path / "errors.json"]
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in asked])
    said = capsys.readouterr().out
    assert not ended.value.code
    assert "Error radii made to hold 90 % of the errors" in said and "RWrist" in said
    assert json.loads((tmp_path / "errors.json").read_text())
    assert "errors.json is there already" in refused(capsys, *asked)
