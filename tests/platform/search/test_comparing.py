"""Pages for reviewers, of two campaigns that are done: one breeds, the other is its twin."""

import hashlib
import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from refusals import refused

from evoskeleton.cli import main
from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.record.html_page import HtmlPage
from evoskeleton.platform.search.campaign.closing.facts import interval_over_clips
from evoskeleton.platform.search.comparing.comparison import Difference, _difference


def test_words_of_users_are_no_markup():
    page = HtmlPage("<script>")
    page.table(["<b>", "n"], [("<i>x", 1.25)])
    page.verbatim("a < b", "<more>")
    text = page.render()
    assert "<script>" not in text and "<b>" not in text and "<i>" not in text
    assert "&lt;i&gt;x" in text and "<td class=number>1.2</td>" in text


def test_the_interval_holds_the_mean_and_narrows_with_more_clips():
    draw = np.random.Generator(np.random.Philox(4))
    changes = draw.normal(-5.0, 2.0, 400)
    low, high = interval_over_clips(changes)
    assert low < changes.mean() < high
    few = interval_over_clips(changes[:10])
    assert few[1] - few[0] > 2 * (high - low)


def facts(name: str, errors: dict[str, float], poses: int = 10):
    clips = {clip: {"mpjpe": error, "poses": poses} for clip, error in errors.items()}
    return SimpleNamespace(
        name=name,
        report={"evolved": {"by_clip": clips}},
        by_clip=lambda side: errors,
    )


def test_differences_are_paired_over_common_clips_alone():
    first = facts("a", {"c1": 50.0, "c2": 60.0, "c3": 10.0})
    other = facts("b", {"c1": 45.0, "c2": 55.0, "c4": 900.0})
    assert _difference(first, other) == Difference("b", -5.0, -5.0, -5.0, 2)
    assert "no test clip in common" in _difference(first, facts("c", {"x": 1.0})).in_words("a")


@pytest.fixture(scope="module")
def home(motion, tmp_path_factory, ray_address):
    """Of two campaigns that are done."""
    tmp_path = tmp_path_factory.mktemp("two")
    starts = range(0, 240, 40)
    clips = [single_clip(motion[at : at + 40], "S1", "walk", f"clip{at}") for at in starts]
    write_parquet(tmp_path / "poses.parquet", PoseSet.concat(clips))
    fit = {"preset": "small", "steps": 20, "batch": 32, "cascade": {"width": 16, "blocks": 1}}
    for name, keep in (("one", 1.0), ("two", 0.5)):
        settings = {
            "name": name,
            "home": str(tmp_path / "home"),
            "machine": {"address": ray_address},
            "motion": {"seed": {"kind": "parquet", "path": str(tmp_path / "poses.parquet")}},
            "search": {
                "generations": 2,
                "islands": 1,
                "island": {"population": 24, "offspring": 24, "keep": keep},
            },
            "training": {"limit": 2, "fit": fit},
        }
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(settings))
        main_or_zero("campaign", "run", str(tmp_path / f"{name}.yaml"))
    return tmp_path / "home"


@pytest.mark.long
def test_two_campaigns_on_pages_that_stand_alone(home, tmp_path, capsys):
    pages = [tmp_path / "report.html", tmp_path / "compare.html"]
    report = ["--home", str(home), "--output", str(pages[0])]
    capsys.readouterr()
    main_or_zero("campaign", "report", "one", *report)
    main_or_zero("campaign", "compare", "one", "two", *report[:3], str(pages[1]))
    assert "two errs by" in capsys.readouterr().out
    written = (home / "one" / "report.html").read_text()
    rows = json.loads((home / "one" / "report.json").read_text())["rows"]
    assert f"{rows:,} rows" in written
    for text in (written, *(page.read_text() for page in pages)):
        assert str(home.parent) not in text and 'src="http' not in text
        assert text.count("data:image/png") >= 2
    assert "search.island.keep" in pages[1].read_text()
    words = ["campaign", "compare", "one", "three", *report[:2]]
    assert "there is no campaign three" in refused(capsys, *words)


@pytest.mark.long
def test_a_published_campaign_validates_and_loads_offline(home, tmp_path, monkeypatch, capsys):
    """Wants the packages mlcroissant and datasets, which nothing else here does."""
    croissants = pytest.importorskip("mlcroissant")
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "set"
    (origin,) = PoseTable.open(home / "poses").origins("one")
    assert origin.sha256 == hashlib.sha256((home.parent / "poses.parquet").read_bytes()).hexdigest()
    words = ["data", "publish", str(home / "poses"), "--campaign", "one", "--licence", "CC-BY-4.0"]
    words += ["--creator", "A Lab", "--output", str(folder)]
    assert "nobody has said under which licence poses.parquet may" in refused(capsys, *words)
    main_or_zero(*words, "--source-licence", "CC0-1.0")
    (source,) = json.loads((folder / "provenance.json").read_text())["sources"]
    assert source["licence"] == "CC0-1.0" and source["sha256"] == origin.sha256
    metadata = croissants.Dataset(str(folder / "croissant.json"))
    assert not metadata.metadata.ctx.issues.errors
    first = next(itertools.islice(metadata.records("poses"), 1))
    assert len(first["poses/pose"]) == 51
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))["train"]
    assert sum(loaded["is_seed"]) > 0 and len(loaded[0]["pose"]) == 51
    for path in folder.rglob("*.*"):
        if path.suffix in (".md", ".json"):
            assert str(home.parent) not in path.read_text()


def main_or_zero(*words: str) -> None:
    try:
        main(list(words))
    except SystemExit as leaving:
        assert not leaving.code
