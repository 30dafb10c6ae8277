"""Which poses of a bred table are kept: what is offered, what judges say, what each way chooses."""

import numpy as np
import pytest

from evoskeleton.errors import BadInput
from evoskeleton.lifting.lifter_training import LifterSettings
from evoskeleton.platform.search.study.choice import (
    ChoiceSettings,
    Judgement,
    choose,
    dealt,
    expect_enough,
    judge,
)

KEEP, OF, SEED = 20, 4, 3
TINY = LifterSettings.parse({"batch": 16, "cascade": {"width": 16, "blocks": 1}})
JUDGES = {"steps": 6, "early_steps": 2, "views": 2}


def choice_by(by: str, **more) -> ChoiceSettings:
    return ChoiceSettings.parse({"row": "bred", "keep": KEEP, "of": OF, "by": by} | more)


@pytest.fixture
def judgement(motion) -> Judgement:
    """Three rankings of the poses that are not learnt from, none like another."""
    random = np.random.default_rng(8)
    drawn = (random.permutation(len(motion) - KEEP).astype(np.float32) for _ in range(3))
    return Judgement(*drawn)


def chosen(motion, judgement, by: str, **more) -> np.ndarray:
    return choose(choice_by(by, **more), motion, motion[:30], judgement, SEED)


@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize(
    "by", ["random", "error", "error band", "learning progress", "disagreement", "k-means"]
)
def test_as_many_as_asked_for_are_kept_of_those_that_are_offered(motion, judgement, by, share):
    rows = chosen(motion, judgement, by, share=share)
    offered = dealt(len(motion), KEEP, SEED)[1][: KEEP * OF]
    assert len(rows) == len(np.unique(rows)) == KEEP
    assert np.isin(rows, offered).all() and (np.diff(rows) > 0).all()
    assert rows.tolist() == chosen(motion, judgement, by, share=share).tolist()
    other = choose(choice_by(by, share=share), motion, motion[:30], judgement, SEED + 1)
    assert rows.tolist() != other.tolist()


@pytest.mark.parametrize(
    ("by", "scores"),
    [("error", "error"), ("learning progress", "progress"), ("disagreement", "disagreement")],
)
def test_the_highest_are_kept(motion, judgement, by, scores):
    offered = dealt(len(motion), KEEP, SEED)[1][: KEEP * OF]
    ranked = offered[np.argsort(-getattr(judgement, scores)[: KEEP * OF])]
    assert set(chosen(motion, judgement, by)) == set(ranked[:KEEP])
    half = set(chosen(motion, judgement, by, share=0.5))
    assert half > set(ranked[: KEEP // 2]) and half != set(ranked[:KEEP])


def test_a_band_leaves_out_the_easy_and_the_hardest(motion, judgement):
    rows = chosen(motion, judgement, "error band", band={"low": 0.5, "high": 0.9})
    offered = dealt(len(motion), KEEP, SEED)[1][: KEEP * OF]
    errors = dict(zip(offered, judgement.error[: KEEP * OF], strict=True))
    ranked = sorted(errors.values())
    low, high = ranked[int(0.5 * 79)], ranked[int(0.9 * 79) + 1]
    assert all(low <= errors[row] <= high for row in rows)


def test_a_draw_fills_up_where_a_band_holds_too_few(motion, judgement):
    rows = chosen(motion, judgement, "error band", band={"low": 0.9, "high": 0.95})
    plain = chosen(motion, judgement, "random")
    offered = dealt(len(motion), KEEP, SEED)[1][: KEEP * OF]
    ranked = offered[np.argsort(judgement.error[: KEEP * OF])]
    inside = set(ranked[71:77])
    assert inside < set(rows) and len(rows) == KEEP
    assert set(rows) - inside < set(plain) | inside


def test_more_offered_begin_with_the_fewer(motion):
    few, many = (dealt(len(motion), KEEP, SEED)[1][: KEEP * of] for of in (2, 8))
    assert many[: len(few)].tolist() == few.tolist()


def test_kmeans_keeps_poses_further_apart_than_a_draw(motion, judgement):
    def nearest(rows: np.ndarray) -> float:
        flat = motion[rows].reshape(KEEP, -1) - np.tile(motion[rows, 0], 17)
        apart = np.linalg.norm(flat[:, None] - flat[None], axis=2) + 1e9 * np.eye(KEEP)
        return float(apart.min(1).mean())

    plain = nearest(chosen(motion, judgement, "random"))
    assert nearest(chosen(motion, judgement, "k-means")) > 1.2 * plain
    assert nearest(chosen(motion, judgement, "k-means", cells=10)) > plain


def test_judges_judge_what_they_did_not_learn_and_learn_by_it(motion):
    choice = choice_by("error", judges=JUDGES | {"steps": 60, "early_steps": 5})
    reports: list[tuple[int, int]] = []
    found = judge(motion, choice, TINY, SEED, report=lambda *step: reports.append(step))
    for scores in vars(found).values():
        assert scores.shape == (len(motion) - KEEP,) and np.isfinite(scores).all()
    assert found.progress.mean() > 0 and found.error.min() > 0
    assert reports[-1] == (60, 60)
    again = judge(motion, choice, TINY, SEED)
    assert all((vars(again)[name] == scores).all() for name, scores in vars(found).items())
    moved = motion.copy()
    moved[dealt(len(motion), KEEP, SEED)[1][5:]] *= 1.5
    unmoved = judge(moved, choice, TINY, SEED)
    np.testing.assert_allclose(unmoved.error[:5], found.error[:5], rtol=1e-5)


def test_a_single_judge_disagrees_with_itself_over_views_only(motion):
    one = judge(motion, choice_by("error", judges=JUDGES | {"lifters": 1, "views": 1}), TINY, SEED)
    assert (one.disagreement < 1e-3).all()


def test_a_table_that_offers_too_little_is_refused():
    choice = choice_by("error")
    expect_enough(choice, KEEP * (OF + 1), "hard")
    sentence = "row hard chooses 20 of 80 poses .* row bred should have 100 or more, got 99"
    with pytest.raises(BadInput, match=sentence):
        expect_enough(choice, 99, "hard")


def test_early_judges_come_before_late_ones():
    with pytest.raises(BadInput, match="early_steps should be less than steps, 6, got 6"):
        choice_by("learning progress", judges={"steps": 6, "early_steps": 6})
