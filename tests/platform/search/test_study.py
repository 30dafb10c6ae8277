"""Studies: what is compared, that test poses stay unseen, budgets, the figures of a report."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml
from scipy.stats import ttest_1samp

from evoskeleton.errors import BadInput
from evoskeleton.platform.data.formats.parquet import write_parquet
from evoskeleton.platform.data.poses import PoseSet, single_clip
from evoskeleton.platform.data.sources.load import load
from evoskeleton.platform.search.campaign.progress import Silent
from evoskeleton.platform.search.campaign.settings import CampaignSettings, differences
from evoskeleton.platform.search.study.choice import By
from evoskeleton.platform.search.study.settings import (
    Cell,
    StudySettings,
    campaign_settings,
    cells,
    data_settings,
    read_study,
    template,
)
from evoskeleton.platform.search.study.study import Study, _running, hashes
from evoskeleton.platform.search.study.study_report import (
    figure,
    in_words,
    lines,
    markdown,
    over_clips,
    publish,
    within_clip,
    worst_tenth,
)
from evoskeleton.settings import layered, with_changes

TINY = {"batch": 16, "cascade": {"width": 16, "blocks": 1}}
SEARCH = {
    "search": {
        "generations": 1, "islands": 1, "migrants": 0,
        "island": {"population": 8, "offspring": 16},
    },
    "training": {"limit": 2, "fit": TINY | {"steps": 2}},
}  # fmt: skip
SEEDED = {"motion": {"seed": {"kind": "deepmimic"}}}


@pytest.fixture
def plain(motion, tmp_path) -> dict:
    """Settings of a study on parts of the walker, as plain data."""
    parts = [
        single_clip(motion[at : at + 30], f"S{1 + at // 90}", "walk", f"clip{at}")
        for at in range(0, 210, 30)
    ]
    path = tmp_path / "poses.parquet"
    write_parquet(path, PoseSet.concat(parts))
    where = {"kind": "parquet", "path": str(path)}
    return {
        "home": str(tmp_path / "study"),
        "seed": where | {"clips": ["clip0", "clip30"]},
        "validation": where | {"clips": ["clip60"]},
        "real": where | {"clips": ["clip0", "clip30", "clip90", "clip120"]},
        "tests": {"rest": where | {"clips": ["clip150", "clip180"]}},
        "rows": {"seed only": {}, "real": {"base": "real"}},
        "upper": ["real"],
        "fractions": [0.5, 1.0],
        "seeds": [1, 2],
        "steps": [2, 4],
        "fit": TINY,
        "tracking": {"enabled": False},
    }


def settings_of(plain: dict, **changes) -> StudySettings:
    return StudySettings.parse(plain | changes)


def test_the_template_is_a_valid_study(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(template())
    settings = read_study(path, ["budget_core_hours=1"])
    assert settings.budget_core_hours == 1
    assert {"li2020", "full search", "real and search"} <= set(settings.rows)


def test_the_template_of_targets_gives_no_clip_that_it_judges_by():
    settings = StudySettings.parse(yaml.safe_load(template("target")))
    searches = [campaign_settings(settings, cell) for cell in cells(settings)]
    targets = [one.search.target for one in searches if one is not None and one.search.target]
    assert len(targets) > 10
    judged = {clip for test in settings.tests.values() for clip in test.clips}
    assert judged == {"*[02468]"}
    people = set(settings.tests["people"].subjects)
    theirs = [target.poses for target in targets if people & set(target.poses.subjects)]
    assert {clip for poses in theirs for clip in poses.clips} == {"*[13579]"}
    assert settings.target.clips == ["*[13579]"]


def test_rows_of_the_target_want_a_target():
    plain = yaml.safe_load(template("target"))
    del plain["target"]
    with pytest.raises(BadInput, match="a row of base target wants a target"):
        StudySettings.parse(plain)


def test_the_template_of_choices_breeds_as_the_search_without_selection_and_offers_enough():
    choices = StudySettings.parse(yaml.safe_load(template("choices")))
    ways = [how.choose for how in choices.rows.values() if how.choose is not None]
    assert {(way.by, way.of) for way in ways} >= {
        (by, of) for by in get_args(By) if by != "random" for of in (4, 16)
    }
    bred = choices.rows["everything kept"].campaign or {}
    assert bred["search"]["target"] == max(way.keep * (way.of + 1) for way in ways)
    changed = differences(
        _campaign_of("search without selection"), CampaignSettings.parse(layered(SEEDED, bred))
    )
    assert changed == []


def _campaign_of(row: str) -> CampaignSettings:
    rows = StudySettings.parse(yaml.safe_load(template())).rows
    return CampaignSettings.parse(layered(SEEDED, rows[row].campaign or {}))


def test_operators_with_own_limits_differ_in_nothing_else():
    own, other = map(_campaign_of, ("operators, own limits", "operators without selection"))
    assert differences(other, own) == ["search.limits: 'default' -> 'ranges'"]


def test_the_search_with_own_limits_takes_nothing_from_others_but_how_much_builds_differ():
    own, other = map(_campaign_of, ("full search, own limits", "full search"))
    assert own.motion.templates is None and own.search.limits == "ranges"
    changed = {change.split(":")[0] for change in differences(other, own)}
    assert {name for name in changed if not name.startswith("motion.templates")} == {
        "search.limits",
        "search.island.breeding.lengths.bone_sigma",
    }


def test_the_search_without_selection_breeds_as_the_search_does():
    blind, search = map(_campaign_of, ("search without selection", "full search"))
    changed = {change.split(":")[0] for change in differences(search, blind)}
    chooses = ("search.archive", "search.island.bands")
    assert {name for name in changed if not name.startswith(chooses)} == {
        "search.island.keep",
        "search.island.objectives",
    }


def test_any_name_of_a_row_makes_a_name_of_a_campaign(plain):
    data = Cell("full search, own limits (2)", 0.01, 1, 5).data
    assert data == "full_search_own_limits_2_-f0.01-s1"
    assert CampaignSettings.parse(SEEDED | {"name": data}).name == data
    with pytest.raises(BadInput, match="names of rows should differ by more than"):
        settings_of(plain, rows=plain["rows"] | {"seed, only": {}})


def test_real_poses_stand_once_and_short_trainings_come_first(plain):
    found = cells(settings_of(plain))
    assert found[0] == Cell("seed only", 0.5, 1, 2)
    assert sum(cell.row == "real" for cell in found) == 2 * 2
    assert sum(cell.row == "seed only" for cell in found) == 2 * 2 * 2
    assert [cell.steps for cell in found] == sorted(cell.steps for cell in found)
    assert len({cell.name for cell in found}) == len(found)


def test_a_study_goes_on_where_it_stopped_and_stays_within_its_budget(plain):
    poor = Study(settings_of(plain, budget_core_hours=1e-9), Silent())
    left = poor.run()
    assert len(left) == len(cells(settings_of(plain))) - 1
    rich = Study(settings_of(plain), Silent())
    first = rich.result(cells(settings_of(plain))[0])
    made = first.stat().st_mtime_ns
    assert rich.run() == []
    assert first.stat().st_mtime_ns == made, "what is done is not done again"
    assert rich.spent() > poor_spending(first)


def poor_spending(result: Path) -> float:
    return yaml.safe_load(result.read_text())["core_hours"]


def test_a_stopped_step_counts_towards_the_budget(plain):
    class Stop(Silent):
        def training(self, *progress) -> None:
            raise KeyboardInterrupt

    study = Study(settings_of(plain), Stop())
    spent = []
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            study.run()
        spent.append(study.spent())
    assert 0 < spent[0] < spent[1]


@pytest.mark.parametrize(
    "changed",
    [
        {"fit": TINY | {"batch": 8}},
        {"rows": {"seed only": {"fit": {"learning_rate": 0.01}}, "real": {"base": "real"}}},
    ],
)
def test_what_was_made_with_other_settings_is_refused(plain, changed):
    Study(settings_of(plain, budget_core_hours=1e-9), Silent()).run()
    Study(settings_of(plain, seeds=[1, 2, 3], steps=[2, 4, 6], fractions=[0.25, 0.5]), Silent())
    for use in (lambda settings: Study(settings, Silent()), lines):
        with pytest.raises(BadInput, match="was made with other settings of .* row seed only"):
            use(settings_of(plain, **changed))
    renamed = {"other": plain["tests"]["rest"]}
    with pytest.raises(BadInput, match="was made with other settings"):
        Study(settings_of(plain, tests=renamed), Silent())


@pytest.mark.parametrize(
    ("more", "same"),
    [
        ({"training": {"lag": 1, "limit": 2}}, True),
        ({"training": {"lag": 2}}, False),
        ({"preset": "li2020"}, False),
        ({"machine": {"workers": 1}}, True),
    ],
)
def test_what_a_data_set_was_made_with_counts_and_not_how_it_was_written(plain, more, same):
    made_with = [
        data_settings(settings_of(plain, rows=plain["rows"] | {"one": {"campaign": how}}), cell)
        for cell in [Cell("one", 1.0, 1, 2)]
        for how in (SEARCH, layered(SEARCH, more))
    ]
    assert (made_with[0] == made_with[1]) is same


def test_a_stopped_search_goes_on_where_the_settings_say_now():
    before, now = (
        CampaignSettings.parse(SEEDED | {"machine": {"scorers": scorers}, "home": home})
        for scorers, home in ((50, "there"), (1, "elsewhere"))
    )
    again = CampaignSettings.parse(with_changes(before.model_dump(mode="json"), _running(now)))
    assert again.machine == now.machine and again.home == "there"


def test_clips_of_one_name_count_for_each_subject(plain, motion, tmp_path):
    """One is surely worse and one surely better: together they are neither."""
    takes = [single_clip(motion[90:150], subject, "walk", "walk") for subject in ("S9", "S11")]
    write_parquet(tmp_path / "tests.parquet", PoseSet.concat(takes))
    tests = {"rest": {"kind": "parquet", "path": str(tmp_path / "tests.parquet")}}
    settings = settings_of(plain, tests=tests, fractions=[1.0], seeds=[1], steps=[2])
    Study(settings, Silent()).run()
    found = Path(settings.home) / "results" / "seed_only-f1-s1-n2"
    with np.load(found.with_suffix(".npz")) as arrays:
        errors = {name: np.array(arrays[f"rest/{name}"]) for name in ("errors", "clip")}
    assert sorted({*errors["clip"].tolist()}) == ["S11/walk", "S9/walk"]
    ours = errors["errors"] + np.where(errors["clip"] == "S9/walk", 40.0, -40.0)[:, None]
    np.savez(found.with_suffix(".npz"), **{"rest/errors": ours, "rest/clip": errors["clip"]})
    upside_down = settings.model_copy(update={"lower": "real", "upper": ["real"]})
    (line,) = (line for line in lines(upside_down) if line.row == "seed only")
    assert line.worse == ["S9/walk"]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"fit": {"learning_rat": 1}}, "row odd: .*learning_rat"),
        ({"campaign": {"search": {"islandz": 2}}}, "row odd: .*islandz"),
    ],
)
def test_rows_are_looked_at_before_the_first_hour_is_spent(plain, row, sentence):
    settings = settings_of(plain, rows=plain["rows"] | {"odd": row})
    with pytest.raises(BadInput, match=sentence):
        Study(settings, Silent())
    assert not Path(settings.home).exists()


@pytest.mark.parametrize(
    "changed",
    [{"fractions": [2.0]}, {"fractions": [0.0]}, {"seeds": [-1]}, {"steps": [0]}],
)
def test_numbers_that_mean_nothing_are_refused(plain, changed):
    with pytest.raises(BadInput):
        settings_of(plain, **changed)
    with pytest.raises(BadInput, match="names of rows should begin with a letter or a digit"):
        settings_of(plain, rows=plain["rows"] | {"+ more": {}})


def test_there_is_no_gap_where_real_poses_are_no_better_and_no_interval_of_one_clip(plain):
    rows = {"seed only": {}, "real": {"base": "real"}}
    settings = settings_of(plain, rows=rows, fractions=[1.0], seeds=[1], steps=[2])
    Study(settings, Silent()).run()
    upside_down = settings.model_copy(update={"lower": "real", "upper": ["seed only"]})
    gaps = [[line.gap for line in lines(each)] for each in (settings, upside_down)]
    known = [not np.isnan(both).any() for both in gaps]
    assert sorted(known) == [False, True]
    of_one = replace(lines(settings)[0], against=(-6.9, np.nan, np.nan))
    assert "-6.9" in in_words(of_one) and "nan" not in " ".join(in_words(of_one))


def test_a_test_clip_among_the_seeds_is_refused(plain):
    tests = {"rest": plain["tests"]["rest"] | {"clips": ["clip30", "clip150"]}}
    with pytest.raises(BadInput, match="clip clip30 of S1 is in seed and in the test rest"):
        Study(settings_of(plain, tests=tests), Silent())


def test_rows_that_the_gap_names_have_to_be_there(plain):
    with pytest.raises(BadInput, match="lower and upper should name rows, got everybody"):
        settings_of(plain, upper=["everybody"])


def test_rows_stand_in_the_figure_as_in_the_settings(plain):
    rows = {"more views only": {}, "seed only": {}, "never": {}, "real": {"base": "real"}}
    settings = settings_of(plain, rows=rows, fractions=[1.0], seeds=[1], steps=[2, 4])
    study = Study(settings, Silent())
    for row, steps in (("real", 2), ("seed only", 2), ("more views only", 4)):
        study._make(Cell(row, 1.0, 1, steps))
    drawn = figure(lines(settings), settings.rows)
    labels = [label.get_text() for label in drawn.axes[0].get_yticklabels()]
    assert labels == ["more views only", "seed only", "real"]


CHOICE = {"row": "seed only", "keep": 10, "of": 2, "judges": {"steps": 4, "early_steps": 2}}


def test_rows_that_choose_share_their_judges_and_go_on_from_the_same_poses(plain):
    ways = ("random", "error", "disagreement", "k-means")
    rows = plain["rows"] | {by: {"choose": CHOICE | {"by": by}} for by in ways}
    settings = settings_of(plain, rows=rows, fractions=[0.5, 1.0], seeds=[1], steps=[2, 4])
    assert Study(settings, Silent()).run() == []
    data = Path(settings.home) / "data"
    assert len([*data.glob("judged-*.npz")]) == 2, "one for each fraction"
    whole = {pose.tobytes() for pose in np.load(data / "seed_only-f1-s1.npy")}
    kept = {by: {p.tobytes() for p in np.load(data / f"{by}-f1-s1.npy")} for by in ways}
    assert all(len(mine) == 10 and mine < whole for mine in kept.values())
    assert kept["error"] != kept["random"] != kept["disagreement"]
    found = {(line.row, line.fraction, line.steps): line for line in lines(settings)}
    assert found["error", 1.0, 4].poses == 10
    before = [*data.glob("judged-*.npz")]
    again = settings_of(plain, rows=rows, fractions=[1.0], seeds=[1], steps=[2, 4, 6])
    assert Study(again, Silent()).run() == [] and [*data.glob("judged-*.npz")] == before


@pytest.mark.parametrize(
    ("changed", "other"),
    [
        ({"by": "error", "judges": {"steps": 9, "early_steps": 2}}, True),
        ({"by": "disagreement"}, True),
        ({"by": "error", "of": 4}, True),
        ({"by": "error"}, False),
    ],
)
def test_what_a_choice_was_made_with_counts(plain, changed, other):
    made_with = [
        data_settings(settings_of(plain, rows=plain["rows"] | {"one": {"choose": how}}), cell)
        for cell in [Cell("one", 1.0, 1, 2)]
        for how in (CHOICE | {"by": "error"}, CHOICE | changed)
    ]
    assert (made_with[0] != made_with[1]) is other


def test_longer_trainings_take_the_same_choice(plain):
    rows = plain["rows"] | {"one": {"choose": CHOICE | {"by": "error"}}}
    short, long = (
        data_settings(settings_of(plain, rows=rows), Cell("one", 1.0, 1, n)) for n in (2, 4)
    )
    assert short == long


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ({"one": {"choose": CHOICE | {"row": "nobody"}}}, "should name a row, got nobody"),
        (
            {"one": {"choose": CHOICE}, "two": {"choose": CHOICE | {"row": "one"}}},
            "row two should choose from a row that does not itself choose",
        ),
        (
            {"one": {"choose": CHOICE, "campaign": {}, "base": "real"}},
            "takes what row seed only is made of: leave out base and campaign",
        ),
    ],
)
def test_rows_choose_from_rows_that_are_made(plain, rows, sentence):
    with pytest.raises(BadInput, match=sentence):
        settings_of(plain, rows=plain["rows"] | rows)


def test_a_choice_from_real_poses_stands_once(plain):
    rows = plain["rows"] | {"few": {"choose": CHOICE | {"row": "real"}}}
    found = [cell for cell in cells(settings_of(plain, rows=rows)) if cell.row == "few"]
    assert {cell.fraction for cell in found} == {1.0}
    study = Study(settings_of(plain, rows=rows, seeds=[1], steps=[2]), Silent())
    assert study.run() == []
    home = Path(plain["home"])
    assert (np.load(home / "data" / "few-f1-s1.base.npy")).shape == (120, 17, 3)


def test_the_worst_tenth_is_the_mean_of_the_largest_errors():
    errors = np.random.default_rng(1).permutation(np.arange(40.0))
    assert worst_tenth(errors) == 37.5
    assert worst_tenth(errors[:5]) == errors[:5].max()


@pytest.mark.slow
def test_no_stage_reads_a_test_pose(plain, ray_address):
    search = SEARCH | {"machine": {"workers": 1, "address": ray_address}}
    rows = {"seed only": {}, "search": {"campaign": search}, "real": {"base": "real"}}
    settings = settings_of(plain, rows=rows, fractions=[1.0], seeds=[1], steps=[2])
    assert Study(settings, Silent()).run() == []
    home = Path(settings.home)
    unseen = set(hashes(load(settings.tests["rest"]).poses).tolist())
    assert len(unseen) == 60
    for row in ("seed_only", "search", "real"):
        with np.load(home / "data" / f"{row}-f1-s1.read.npz") as read:
            assert set(read.files) == {"base", "validation"}
            for part in read.files:
                assert not unseen & set(read[part].tolist())
        assert not unseen & set(hashes(np.load(home / "data" / f"{row}-f1-s1.npy")).tolist())
    for source in (home / "campaigns" / "search-f1-s1" / "sources").glob("*.npz"):
        with np.load(source) as poses:
            assert not unseen & set(hashes(poses["poses"]).tolist()), source.name
    found = {line.row: line for line in lines(settings)}
    assert found["search"].poses > found["seed only"].poses == 60
    assert found["seed only"].gap == pytest.approx(0.0)
    assert found["real"].gap == pytest.approx(100.0)
    document = publish(settings, list(found.values()))
    assert "| search | 1 |" in document.read_text() == markdown(list(found.values()))
    assert (home / "study.png").read_bytes().startswith(b"\x89PNG")


def test_the_interval_over_clips_is_students(plain):
    random = np.random.default_rng(3)
    clip = np.repeat([f"c{number}" for number in range(9)], 5)
    differences = random.normal(2.0, 1.0, 45)
    means = [differences[clip == name].mean() for name in np.unique(clip)]
    expected = ttest_1samp(means, 0.0).confidence_interval(0.95)
    middle, low, high = over_clips(differences, clip)
    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert low < middle < high


def test_the_interval_within_a_clip_covers_the_mean_of_a_slow_walk():
    """Neighbouring frames go together: an interval over single frames would be far too narrow."""
    random = np.random.default_rng(4)
    covered = 0
    for _ in range(200):
        steps = random.normal(size=20 * 15)
        slow = np.repeat(steps[::10], 10)
        _, low, high = within_clip(slow)
        covered += low <= 0.0 <= high
    assert 0.85 < covered / 200 < 0.99


@pytest.mark.parametrize("frames", [1, 39, 40, 60, 100])
def test_noise_is_rarely_sure(frames):
    """A clip of one block is not judged at all."""
    random = np.random.default_rng(5)
    sure = sum(within_clip(random.normal(size=frames))[1] > 0 for _ in range(400))
    assert sure == 0 if frames < 40 else sure < 400 * 0.055
