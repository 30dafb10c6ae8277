"""Pages for reviewers, of two campaigns that are done: one breeds, the other is its twin."""

import contextlib
import hashlib
import itertools
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from mlflow_server import served_pages
from page_browsing import browser_here
from refusals import refused

from evoskeleton.cli import main
from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.pose_table import PoseTable
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.record.html_page import HtmlPage
from evoskeleton.platform.record.mlflow_store import Store, TrackingSettings
from evoskeleton.platform.record.run_page.opening import page_of
from evoskeleton.platform.search.campaign.closing.facts import interval_over_clips
from evoskeleton.platform.search.comparing.comparison import (
    Comparison,
    Difference,
    _difference,
)


def test_words_of_users_are_no_markup():
    page = HtmlPage("<script>")
    page.table(["<b>", "n"], [("<i>x", 1.25)])
    page.verbatim("a < b", "<more>")
    page.text("run `a <b>` now")
    text = page.render()
    assert "<p>run <code>a &lt;b&gt;</code> now</p>" in text
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


def test_what_is_not_known_is_said_beside_what_is():
    def compared(other, *settings):
        campaigns = (facts("a", {f"c{i}": 50.0 for i in range(9)}), facts("b", other))
        for campaign, own in zip(campaigns, ((), settings), strict=True):
            campaign.changed_settings = lambda own=own: [(name, "1", "2") for name in own]
        said = Comparison(campaigns)
        return [*said.sentences(), *said.cautions()]

    worse, seeds, few = compared({f"c{i}": 55.0 for i in range(9)}, "seed")
    assert worse.startswith("The champion of a errs less on these clips. b errs by 5.0 mm more")
    assert seeds.startswith("Each was run once") and "9 clips is a rough one" in few
    settings = compared({f"c{i}": 55.0 for i in range(9)}, "seed", "search.islands")[1]
    assert settings.startswith(
        "They differ in 2 settings (search.islands, seed): nothing here says"
    )
    mixed = compared({f"c{i}": 46.0 + i for i in range(9)}, "seed", "search.islands")
    assert mixed[0].startswith("Neither a nor b is surely better.") and len(mixed) == 2


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
    assert "two: bred poses of the table" in pages[1].read_text()
    assert "search.island.keep" in pages[1].read_text()
    words = ["campaign", "compare", "one", "three", *report[:2]]
    assert "there is no campaign three" in refused(capsys, *words)


QUESTIONS = {
    "campaigns": ("Which is better", "By generation", "one", "two"),
    "results": ("test_mpjpe_mm", "gain_mm", "champion", "search/rows"),
    "run": (
        "test poses the champion errs by", "the lifter of the real poses alone",
        "evoskeleton-two, version 1", "report.html", "search.island.keep", "seed of two",
        "Settings that differ from the defaults", "hardest poses", "What was bred",
        "What went wrong", "Run it again",
    ),
    "machine": ("cpu_utilization_percentage",),
    "metrics": ("1-result", "lifter"),
    "model": ("@ champion", "baseline_mpjpe_mm", "test_mpjpe_mm", "Inputs (2)", "Outputs (1)"),
    "models": ("one-g0", "two-g0", "Ready"),
}  # fmt: skip
"""What a reviewer looks for, by page."""


@pytest.mark.long
def test_the_pages_answer_a_reviewers_questions(home, tmp_path):
    """EVOSKELETON_SCREENSHOTS names a folder where the pages are kept as pictures."""
    playwright = pytest.importorskip("playwright.sync_api")
    if (found := browser_here()) is None:
        pytest.skip("no browser here")
    store = Store(TrackingSettings(), home)
    experiment = store.experiment()
    runs = {run.info.run_name: run.info.run_id for run in store.client().search_runs([experiment])}
    with served_pages(store, tmp_path) as port, playwright.sync_playwright() as running:
        page = page_of(store, experiment, runs["two"], port)
        base, training = f"http://127.0.0.1:{port}", "?workflowType=machine_learning"
        alone = page.campaign.removesuffix(training)
        places = {
            "campaigns": page.address,
            "results": page.address.replace("&compareRunsMode=CHART", ""),
            "run": page.campaign,
            "machine": f"{alone}/system-metrics{training}",
            "metrics": f"{alone}/model-metrics{training}",
            "model": f"{base}/#/models/evoskeleton-two/versions/1{training}",
            "models": f"{base}/#/experiments/{experiment}/models{training}",
        }
        browser = running.chromium.launch(executable_path=found)
        there = browser.new_page(viewport={"width": 1600, "height": 1400})
        missing = {name: seen(there, place, name) for name, place in places.items()}
        browser.close()
    assert not any(missing.values()), missing
    assert len(store.client().list_artifacts(runs["two"], "images")) >= 4


def seen(page, place: str, name: str) -> list[str]:
    """What a page lacks of what should be on it."""
    page.goto(place)
    wanted = QUESTIONS[name]
    for word in wanted:
        with contextlib.suppress(Exception):
            page.get_by_text(word).first.wait_for(state="attached", timeout=20_000)
    with contextlib.suppress(Exception):
        page.get_by_text("Show more").first.click(timeout=1000)
    page.wait_for_timeout(1500)
    if folder := os.environ.get("EVOSKELETON_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"mlflow_{name}.png")
    return [word for word in wanted if page.get_by_text(word).count() == 0]


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
